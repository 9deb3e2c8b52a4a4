"""Every page of the console as it stands on a full day: which, for whom, and the consoles behind them.

``make pictures`` writes one picture of each, in both languages, at each width, light and dark; the test that
goes over them judges what can be judged without eyes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx
import msgspec
from playwright.sync_api import Page

from gateway.access import Scope
from gateway.monitor.channels import Device
from gateway.monitor.counts import Counts
from tests.backtest.test_backtest import LOOSER, live
from tests.console.history import KnowingStand, record, two_hours
from tests.console.look import alarm_of, city, gas
from tests.console.outlet import Hook, on_duty
from tests.console.stand import Stand
from tests.support.wait import until

WIDTHS = (1400, 820, 400)
BAY = "华东危险化学品储运基地三号装卸区"
ZONE = "高新技术产业开发区"
LONG = "Zhongyuan Petrochemical Storage and Transport Company"
KNOWN = city()[0]
COUNTED = Counts(
    packets=1_234_567, decoded=1_239_000, effective=1_230_000, duplicates=4_321, late=246,
    rejected={"unknown_device": 4_600, "not_json": 79},
)  # fmt: skip
FLOOD = {"area": "acme", "alarms": 37, "first": "acme/tankfarm/GD-1/lel:HH"}


class Picture(NamedTuple):
    """A page. ready: what is there when it can be read; who: "" is a stranger; step: done before it."""

    name: str
    path: str
    ready: str
    who: str = "sup"
    stage: str = "town"
    step: Callable[[Page], None] | None = None
    fresh: bool = False
    """It is laid out when it is opened: anew at each width."""
    window: bool = False
    """It fills the window, and only that is shown."""


def fleet() -> list[Device]:
    """The small city; a bay with detectors metres apart and long names; a device without a place."""
    bay = [
        gas(n, LONG, BAY, ZONE, latitude=34.842 + n // 4 * 2e-4, longitude=113.71 + n % 4 * 3e-4)
        for n in range(1, 13)
    ]
    return [*city(), *bay, gas(99, latitude=None, longitude=None)]


def order(stand: Stand, who: str, path: str, body: Any) -> httpx.Response:
    """A command as a page gives it."""
    with httpx.Client(base_url=stand.url, trust_env=False, cookies=stand.cookie(who)) as client:
        headers = {"Origin": stand.url, "X-CSRF-Token": stand.token(client)}
        return client.post(path, json=body, headers=headers)


def peopled(stand: Stand) -> Stand:
    """One of each role, before the console starts."""
    for account, role in (("sup", "supervisor"), ("eng", "engineer"), ("tess", "tester"), ("boss", "admin")):
        stand.person(account, role)
    stand.person("gov", "regulator", Scope(county=ZONE))
    return stand


def answered(stand: Stand, alarm: str, action: str, **args: Any) -> None:
    """An operator's answer to an alarm's first occurrence, at the core."""
    who = {"actor": "li", "role": "operator", "organisation": "", "source": "console 127.0.0.1"}
    stand._answer(
        {"op": "command", "action": action, "args": {"alarm": alarm, "occurrence": 1, **args}, **who}
    )


def happenings(stand: Stand) -> None:
    """A morning: chattering, a flood, answers, shelves, a request, what the gateway tells of itself."""
    devices = fleet()
    often = [alarm_of(device, "H", 3) for device in devices[6:10]]
    for _ in range(4):
        stand.apply(*((alarm, True, 30.0) for alarm in often))
        stand.apply(*((alarm, False, 1.0) for alarm in often))
    stand.apply((alarm_of(KNOWN, "H", 2), True, 26.0))
    urgent, second = alarm_of(KNOWN), alarm_of(devices[1])
    stand.apply((urgent, True, 61.2), (second, True, 70.4))
    stand.apply(
        *((alarm_of(device, "H", 2 + n % 3), True, 27.0 + n) for n, device in enumerate(devices[2:24]))
    )
    latched = msgspec.structs.replace(alarm_of(devices[25]), latch=True)
    stand.apply((latched, True, 55.0))
    stand.apply((latched, False, 2.0), (alarm_of(devices[3], "H", 3), False, 4.0))
    answered(stand, latched.id, "acknowledge", comment="")
    answered(stand, alarm_of(devices[4], "H").id, "acknowledge", comment="patrol sent")
    answered(stand, alarm_of(devices[5], "H").id, "shelve", reason="calibration", for_s=3600)
    out = {"work_order": "WO-17", "reason": "sensor changed"}
    answered(stand, alarm_of(devices[11], "H").id, "out_of_service", **out)
    answered(stand, second.id, "shelve", reason="calibration with test gas", for_s=1800)


@contextmanager
def town(folder: Path) -> Iterator[Stand]:
    """The console of a city in which much happens; a receiver that refused something; fire drills."""
    with peopled(KnowingStand(folder / "town")) as stand, on_duty(stand, folder) as hook:
        stand.fleet(fleet())
        record(stand.data, KNOWN, two_hours(time.time_ns()))
        drilled(stand, hook)
        happenings(stand)
        until(lambda: told(stand, "/deliveries/state")["sinks"]["dispatch"]["dead"] > 0, 30, "dead letters")
        stand.status |= {
            "floods": [FLOOD | {"since_ms": time.time_ns() // 10**6 - 240_000}], "intake_packets": 1200,
            "devices_unknown": 2, "position": 77_012, "ledger_seq": 12_345, "version": "0.2.0",
            "counts": msgspec.to_builtins(COUNTED),
        }  # fmt: skip
        yield stand


def told(stand: Stand, path: str, who: str = "sup") -> Any:
    """JSON of a page's own address."""
    with httpx.Client(base_url=stand.url, trust_env=False, cookies=stand.cookie(who)) as client:
        return client.get(path).json()


def drilled(stand: Stand, hook: Hook) -> None:
    """Two fire drills: one reached everybody, one was refused, as is all that follows."""
    for refuses in (False, True):
        hook.refuses = refuses
        assert order(stand, "sup", "/system/drill", {}).status_code == 200
        until(lambda: not told(stand, "/system/duty")["drill"]["running"], 30, "the drill's end")


@contextmanager
def rulebook(folder: Path) -> Iterator[Stand]:
    """The console beside a real core's recording, with a proposal that was tried on it."""
    with peopled(Stand(live(folder / "rules").root)) as stand:
        made = order(stand, "eng", "/api/v1/proposals", {"text": LOOSER})
        assert made.status_code == 201, made.text
        trial = f"/api/v1/proposals/{made.json()['number']}/backtest"
        assert order(stand, "eng", trial, {"since_s": 366 * 86_400}).is_success
        until(lambda: told(stand, trial, "eng")["state"] == "done", 180, "the back-test")
        yield stand


def ended(stand: Stand) -> bool:
    """Whether the newest run is over."""
    return told(stand, "/simulate/state", "tess")["runs"][0]["ended_ms"] is not None


@contextmanager
def exercise(folder: Path) -> Iterator[Stand]:
    """The console of an exercise, in which a recording is stepped again."""
    with peopled(Stand(live(folder / "exercise").root)) as stand:
        stand.status["exercise"] = True
        assert order(stand, "tess", "/simulate/journal", {}).status_code == 200
        until(lambda: ended(stand), 120, "the end of the replay")
        yield stand


@contextmanager
def calm(folder: Path) -> Iterator[Stand]:
    """The console of a small city without an alarm."""
    with peopled(Stand(folder / "calm")) as stand:
        stand.fleet(city())
        yield stand


STAGES: dict[str, Callable[[Path], Any]] = {
    "town": town,
    "rules": rulebook,
    "exercise": exercise,
    "calm": calm,
}


class Stages:
    """Each console is started when its first page is asked for, and ended with ``close``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open = ExitStack()
        self._made: dict[str, Stand] = {}
        self._begun: set[str] = set()
        self._lock = threading.Lock()

    def __getitem__(self, name: str) -> Stand:
        with self._lock:
            if name not in self._made:
                assert name not in self._begun, f"{name} could not be set up"
                self._begun.add(name)
                self._made[name] = self._open.enter_context(STAGES[name](self._folder))
            return self._made[name]

    def close(self) -> None:
        """All of them."""
        self._open.close()


def calmer(page: Page) -> None:
    """Suggestions under the figures."""
    page.locator("#calm").click()
    page.locator("#suggestions tbody tr, #no-suggestions:not([hidden])").first.wait_for()


def chosen(page: Page) -> None:
    """The first alarm of the list is chosen."""
    page.locator("#alarms tbody tr").first.click()


def _below(**parts: str) -> str:
    return "/overview?" + "&".join(f"{name}={quote(value)}" for name, value in parts.items())


ALARM = quote(f"{KNOWN.key}/lel:HH", safe="")
PICTURES = (
    Picture("alarms", "/", "#alarms tbody tr", step=chosen, window=True),
    Picture("alarms-calm", "/", "#empty:not([hidden])", "sup", "calm"),
    Picture("alarms-exercise", "/", ".banner.exercise", "sup", "exercise"),
    Picture("alarm", f"/alarm?id={ALARM}", "#plot .main-svg"),
    Picture("alarm-gateway", "/alarm?id=" + quote(f"{city()[11].key}/lel:H", safe=""), "#plot.empty"),
    Picture("device", f"/device?key={quote(KNOWN.key)}", "#plot .main-svg", "li"),
    Picture("overview", "/overview", "#parts tbody tr"),
    Picture("overview-county", _below(county="north"), "#parts tbody tr"),
    Picture("overview-enterprise", _below(county="north", enterprise="acme"), "#parts tbody tr"),
    Picture("overview-site", _below(county="north", enterprise="acme", site="tankfarm"), "#parts tbody tr"),
    Picture("map", "/map", "#map .spot.p1", fresh=True),
    Picture("map-near", "/map#113.71,34.842,0.006", "#map .spot.p1", fresh=True),
    Picture("map-calm", "/map", "#map .spot", "li", "calm", fresh=True),
    Picture("coverage", "/coverage?last=7", "#groups tbody tr", "gov"),
    Picture("coverage-city", "/coverage?last=30", "#groups tbody tr"),
    Picture("kpis", "/kpis", "#figures tbody tr", "eng", step=calmer),
    Picture("kpis-calm", "/kpis?since_ms=1000000000000&until_ms=1000086400000", "#figures tbody tr", "eng"),
    Picture("rules", "/rules", "#trial .tiles", "eng", "rules"),
    Picture("rules-none", "/rules", "#versions tbody tr", "eng", "calm"),
    Picture("alarms-proposal", "/", "#requests li", "sup", "rules"),
    Picture("deliveries", "/deliveries", "#letters tbody tr"),
    Picture("system", "/system", "#drills tbody tr"),
    Picture("simulate", "/simulate", "#log-part:not([hidden])", "tess", "exercise"),
    Picture("simulate-none", "/simulate", "#no-exercise:not([hidden])", "tess", "calm"),
    Picture("accounts", "/accounts", "#people tbody tr", "boss"),
    Picture("login", "/login", "#login", ""),
    Picture("welcome", "/welcome/no-such-link-at-all-0000", "#login", ""),
)
