"""Simulate and replay: only in an exercise, one at a time, by testers, real processes on a real broker."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import TimeoutError as Expired
from playwright.sync_api import expect

from gateway.access import Scope
from gateway.console.pages.runs import plants
from tests.console.look import PAGE_MS, looking
from tests.console.stand import Stand
from tests.support.wait import PATIENCE, until

pytestmark = pytest.mark.system
PLANT = {"plant": "gas_room", "site": "demo/simulated", "fault": "", "for_s": 60, "speed": 1.0}


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    with Stand(tmp_path / "data") as made:
        made.person("tess", "tester")
        yield made


def order(stand: Stand, what: str, body: Any, who: str = "tess") -> httpx.Response:
    with httpx.Client(base_url=stand.url, trust_env=False, cookies=stand.cookie(who)) as client:
        headers = {"Origin": stand.url, "X-CSRF-Token": stand.token(client)}
        return client.post(f"/simulate/{what}", json=body, headers=headers)


def state(stand: Stand) -> Any:
    with httpx.Client(base_url=stand.url, trust_env=False, cookies=stand.cookie("tess")) as client:
        return client.get("/simulate/state").json()


def test_nothing_is_simulated_into_a_gateway_that_people_rely_on(stand: Stand) -> None:
    (stand.data.root / "recordings").mkdir()
    (stand.data.root / "recordings" / "=night.jsonl").write_text("{}\n")
    for what, body in (("plant", PLANT), ("recording", {"file": "=night.jsonl"})):
        refused = order(stand, what, body)
        assert refused.status_code == 409
        assert "not in an exercise" in refused.json()["reason_en"]
    stand.stop_core()
    assert order(stand, "plant", PLANT).status_code == 409
    assert state(stand)["runs"] == []


@pytest.mark.parametrize(
    "change",
    [
        {"plant": "air_quality"}, {"plant": "../../x"}, {"fault": "--to"}, {"site": "--fleet /tmp/x"},
        {"site": "a"}, {"devices": 0}, {"devices": 10**6}, {"speed": 0}, {"for_s": 0}, {"seed": -1},
        {"more": 1},
    ],
)  # fmt: skip
def test_what_is_no_plant_never_becomes_a_command(stand: Stand, change: dict[str, Any]) -> None:
    stand.status["exercise"] = True
    assert order(stand, "plant", {**PLANT, **change}).status_code == 422
    assert order(stand, "recording", {"file": "../ledger.db"}).status_code == 404


def test_only_testers_of_the_whole_city(stand: Stand) -> None:
    stand.person("sam", "tester", Scope(enterprise="acme"))
    for who, status in (("li", 403), ("sam", 404)):
        with httpx.Client(base_url=stand.url, trust_env=False, cookies=stand.cookie(who)) as client:
            assert client.get("/simulate").status_code == client.get("/simulate/state").status_code == status
        assert order(stand, "journal", {}, who).status_code == status


def test_the_faults_offered_are_those_of_the_plant() -> None:
    assert "gas_room" in plants()
    assert all(plants().values())
    assert "air_quality" not in plants(), "a recording has no faults to choose"


def test_the_tester_starts_watches_and_stops(stand: Stand, browser: Any) -> None:
    stand.status["exercise"] = True
    with looking(browser, stand, "tess") as page:
        page.goto(stand.url + "/simulate")
        expect(page.locator("#exercise")).to_be_visible()
        page.locator("#journal-form button").click()
        first = page.locator("#runs tbody tr").first
        expect(first).to_contain_text("replay")
        expect(first).to_contain_text("ended", timeout=PAGE_MS * 2)
        expect(page.locator("#log")).not_to_be_empty()
        page.locator("#fault").select_option(index=1)
        page.locator("#for").fill("600")
        page.locator("#plant-form button").click()
        expect(first).to_contain_text("simulate gas-room")
        refused = order(stand, "journal", {})
        if refused.status_code == 409:  # no broker is there: it may have given up already
            assert "goes on" in refused.json()["reason_en"]
        with suppress(Expired):  # it may end by itself at any moment, and the button goes
            page.locator("#stop").click(timeout=10_000)
        expect(first).to_contain_text(" s")
        page.set_viewport_size({"width": 800, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= 800


def test_a_run_ends_with_the_console(stand: Stand) -> None:
    assert order(stand, "journal", {}).status_code == 200
    begin = time.monotonic()
    assert stand.stop_console() == 0
    assert time.monotonic() - begin < 10 * PATIENCE
    until(lambda: "run started" in stand.log(), 5, "the log tells who started what")
    assert "tess" in stand.log()
