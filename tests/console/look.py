"""A small city for the pages that look at figures, and the browser they are looked at with."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from playwright.sync_api import Page, expect, sync_playwright

from gateway.alarms.definition import Definition
from gateway.monitor.channels import Device
from tests.console.stand import Stand, gas_alarm
from tests.support.need import need
from tests.support.wait import LEAST_S

GAS = "gas/combustible_point"
HOSTILE = "<img src=x onerror=alert(1)>\"'\u202egnp<script>alert(2)</script>"
"""Letters that an enterprise may call itself, a line that turns round among them."""
FORMULA = "=cmd|'/C calc'!A0"

PAGE_MS = LEAST_S * 1000
"""How long a page may take for what it is to show; Playwright's own 5 s are too few for a busy machine."""
expect.set_options(timeout=PAGE_MS)

ARGUMENTS = [
    "--no-sandbox", "--headless", "--disable-gpu", "--disable-background-networking", "--no-first-run",
    "--disable-quic",
]  # fmt: skip


def gas(
    number: int, enterprise: str = "acme", site: str = "tankfarm", county: str = "north", **more: Any
) -> Device:
    """A gas detector; two counties lie some kilometres apart."""
    east = {"north": 0.0, "south": 0.08}.get(county, 0.16)
    place = {"latitude": 34.75 + number * 0.003 - east, "longitude": 113.62 + number * 0.004 + east}
    return Device(enterprise, site, "hall 1", f"GD-{number}", GAS, county, "chem", **(place | more))


def city() -> list[Device]:
    """Three enterprises in two counties."""
    return [
        *(gas(n) for n in range(1, 7)),
        *(gas(n, site="loading rack") for n in range(7, 10)),
        *(gas(n, "beta gas", "station 2", "south") for n in range(1, 5)),
        *(gas(n, "华北化工", "罐区", "南区") for n in range(1, 4)),
    ]


def alarm_of(device: Device, condition: str = "HH", priority: int = 1) -> Definition:
    """A gas alarm of a device of the fleet, at its own place."""
    made = gas_alarm(device.device, condition, priority)
    return msgspec.structs.replace(
        made,
        id=f"{device.key}/lel:{condition}",
        enterprise=device.enterprise,
        site=device.site,
        asset=device.asset,
        county=device.county,
        sector=device.sector,
        latitude=device.latitude,
        longitude=device.longitude,
    )


@contextmanager
def browsing() -> Iterator[Any]:
    """Chromium."""
    program = need("chromium")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=ARGUMENTS, timeout=2 * PAGE_MS)
        yield running
        running.close()


@contextmanager
def visiting(browser: Any, stand: Stand, width: int = 1400, locale: str = "en-GB") -> Iterator[Page]:
    """A page of a stranger. An error, a dialog or a request elsewhere fails the test."""
    context = browser.new_context(viewport={"width": width, "height": 850}, locale=locale)
    context.set_default_timeout(PAGE_MS)
    made = context.new_page()
    problems: list[str] = []
    made.on("pageerror", lambda error: problems.append(str(error)))
    made.on("dialog", lambda dialog: problems.append(f"dialog {dialog.message}"))
    made.on("console", lambda said: problems.append(said.text) if "Content Security" in said.text else None)
    made.on(
        "request",
        lambda request: problems.append(request.url) if not request.url.startswith(stand.url) else None,
    )
    yield made
    context.close()
    assert not problems


@contextmanager
def looking(
    browser: Any, stand: Stand, account: str = "li", width: int = 1400, locale: str = "en-GB"
) -> Iterator[Page]:
    """A page of somebody who is logged in."""
    with visiting(browser, stand, width, locale) as made:
        (name, secret), *_ = stand.cookie(account).items()
        made.context.add_cookies([{"name": name, "value": secret, "url": stand.url}])
        yield made


def shot(page: Page, tmp_path: Path, name: str) -> None:
    """A picture of a moment, in RISKGATE_SHOTS. Every page as it stands has its pictures from pictures.py."""
    page.screenshot(path=Path(os.environ.get("RISKGATE_SHOTS", tmp_path)) / f"{name}.png", full_page=True)
