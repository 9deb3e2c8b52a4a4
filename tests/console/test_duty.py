"""The system page tells who is on duty, who was called and not answered, and what the last fire drill
reached; an answer stops the calls, and a drill is in the ledger with who asked for it."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import msgspec
import pytest
from playwright.sync_api import expect

from gateway.access import Scope
from gateway.alarms.events import DRILL_ENTERPRISE, AlarmEvent
from gateway.delivery.calling import Duty
from gateway.delivery.drill import ALARM
from gateway.delivery.process import Delivery
from gateway.escalation.steps import Step
from gateway.ledger import LedgerReader
from gateway.rosters import Roster
from gateway.sinks import webhook
from tests.console.look import alarm_of, browsing, city, gas, looking, shot
from tests.console.stand import Stand, gas_alarm
from tests.support.receiver import Receiver, Reply, Request
from tests.support.wait import LEAST_S, until

pytestmark = pytest.mark.system
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
S = 10**9


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with browsing() as made:
        yield made


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    with Stand(tmp_path / "data") as made:
        made.fleet(city())
        made.person("sup", "supervisor")
        yield made


def roster(folder: Path) -> Roster:
    """Wang is on duty for another hour, then Zhao for two; after that nobody."""
    now = datetime.now(UTC).replace(microsecond=0)

    def shift(person: str, begin: datetime, hours: int) -> str:
        end = begin + timedelta(hours=hours)
        return (
            f"BEGIN:VEVENT\r\nUID:{person}\r\nSUMMARY:{person}\r\nDTSTART:{begin:%Y%m%dT%H%M%SZ}\r\n"
            f"CONTACT:tel:+86-371-555\r\nDTEND:{end:%Y%m%dT%H%M%SZ}\r\nEND:VEVENT\r\n"
        )

    change = now + timedelta(hours=1)
    shifts = shift("Wang", now - timedelta(hours=1), 2) + shift("Zhao", change, 2)
    file = folder / "duty.ics"
    file.write_text(f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//t//t\r\n{shifts}END:VCALENDAR\r\n")
    return Roster("city", str(file), "Asia/Shanghai", 7)


class Plant:
    """What is published for the drill becomes its alarm, as in the core."""

    def __init__(self, stand: Stand) -> None:
        place = {"enterprise": DRILL_ENTERPRISE, "site": "drill", "device": "canary", "channel": "canary"}
        self.alarm = msgspec.structs.replace(gas_alarm("canary", "H", 4), id=ALARM, **place)
        self.stand = stand
        self.high = False
        self.free = threading.Event()
        self.free.set()

    def __call__(self, topic: str, payload: str) -> None:
        assert self.free.wait(LEAST_S)
        high = json.loads(payload)["value"] > 50
        if high != self.high:
            self.high = high
            self.stand.apply((self.alarm, high, 100.0))


class Hook:
    """A receiver that can be told to refuse, and the plant that the drill speaks to."""

    refuses = False

    def __init__(self, plant: Plant) -> None:
        self.plant = plant

    def __call__(self, _request: Request) -> Reply:
        return Reply(410) if self.refuses else Reply()


@pytest.fixture
def hook(stand: Stand, tmp_path: Path) -> Iterator[Hook]:
    """A real delivery process's work: one webhook, two steps of escalation, a roster, fire drills."""
    hook = Hook(Plant(stand))
    steps = [
        Step("duty", "roster:city", 0, "dispatch"),
        Step("chief", "role:supervisor", 3600 * S, "dispatch", follows="duty"),
    ]
    drill = SimpleNamespace(every_hours=0.0, timeout_s=LEAST_S)
    duty = Duty(steps, {"city": roster(tmp_path)}, drill, hook.plant)
    with Receiver(hook) as receiver:
        given = {"url": receiver.url, "secrets": [SECRET], "allow": ["127.0.0.0/8"], "ports": [receiver.port]}
        sinks = {"dispatch": webhook.Settings.model_validate(given)}
        delivery = Delivery(stand.data, sinks, lambda _: iter(()), duty=duty)
        delivery.start()
        yield hook
        delivery.stop()


def client(stand: Stand, account: str) -> httpx.Client:
    return httpx.Client(base_url=stand.url, trust_env=False, cookies=stand.cookie(account))


def asks(stand: Stand, account: str) -> httpx.Response:
    with client(stand, account) as asking:
        headers = {"Origin": stand.url, "X-CSRF-Token": stand.token(asking)}
        return asking.post("/system/drill", json={}, headers=headers)


def told(stand: Stand) -> dict[str, Any]:
    with client(stand, "sup") as asking:
        found: dict[str, Any] = asking.get("/system/duty").json()
        return found


def test_who_is_on_duty_and_next_and_when_nobody_will_be(stand: Stand, hook: Hook) -> None:
    [found] = told(stand)["rosters"]
    [now], [after] = found["now"], found["next"]
    assert (now["person"], now["contact"]) == ("Wang", "+86-371-555")
    assert (after["person"], after["from_ms"]) == ("Zhao", now["to_ms"])
    assert found["gaps"][0]["from_ms"] == after["to_ms"]
    assert found["gaps_total"] == 1


def test_a_call_is_answered_from_the_page_and_the_alarm_tells_of_it(
    stand: Stand, hook: Hook, browser: Any, tmp_path: Path
) -> None:
    alarm = alarm_of(gas(1))
    stand.apply((alarm, True, 60.0))
    until(lambda: bool(told(stand)["calls"]), 20, "the call")
    [call] = told(stand)["calls"]
    assert [one["person"] for one in call["persons"]] == ["Wang"]
    assert call["next"]["step"] == "chief"
    assert call["next"]["at_ms"] == pytest.approx(call["at_ms"] + 3_600_000, abs=2)
    with looking(browser, stand, "sup") as page:
        page.goto(stand.url + "/system")
        expect(page.locator("#calls tbody tr")).to_have_count(1)
        expect(page.locator("#calls")).to_contain_text("Wang")
        expect(page.locator("#calls")).to_contain_text("arrived")
        expect(page.locator("#calls")).to_contain_text("everybody of the role supervisor")
        expect(page.locator("#rosters")).to_contain_text("Zhao")
        shot(page, tmp_path, "system-call")
        page.goto(stand.url + f"/alarm?id={alarm.id}")
        expect(page.locator("#called")).to_contain_text("Wang")
        shot(page, tmp_path, "alarm-call")
        page.goto(stand.url + "/system")
        page.get_by_role("button", name=f"Acknowledge {alarm.id}").click()
        expect(page.locator("#calls-none")).to_be_visible()
    [*_, (_, event)] = LedgerReader(stand.data.ledger).history_of(alarm.id)
    assert (event.state, event.actor) == ("acknowledged", "sup")
    assert told(stand)["coming"] == [], "nobody else is called"


def test_calls_are_the_citys_an_enterprise_does_not_see_who_is_on_duty(stand: Stand, hook: Hook) -> None:
    stand.person("acme", "enterprise", Scope(enterprise="acme"))
    stand.person("north", "supervisor", Scope(county="north"))
    alarm = alarm_of(gas(1))
    stand.apply((alarm, True, 60.0))
    until(lambda: bool(told(stand)["calls"]), 20, "the call")
    for account, seen in (("acme", None), ("north", None), ("li", 1)):
        with client(stand, account) as asking:
            calls = asking.get("/alarm/told", params={"id": alarm.id}).json()["calls"]
            assert (calls and len(calls)) == seen, account
    for account, status in (("north", 404), ("li", 403)):
        assert asks(stand, account).status_code == status
        with client(stand, account) as asking:
            assert asking.get("/system/duty").status_code == status


def test_a_drill_is_run_shown_and_recorded(stand: Stand, hook: Hook, browser: Any, tmp_path: Path) -> None:
    with looking(browser, stand, "sup") as page:
        page.goto(stand.url + "/system")
        expect(page.locator("#drill-state")).to_contain_text("No fire drill")
        page.get_by_role("button", name="Run a fire drill").click()
        page.get_by_role("dialog").get_by_role("button", name="Run a fire drill").click()
        expect(page.locator("#drills")).to_contain_text("every receiver was reached")
        expect(page.locator("#drills")).to_contain_text("dispatch: arrived")
        expect(page.locator("#drills")).to_contain_text("asked for by sup")
        until(lambda: not told(stand)["drill"]["running"], 20, "its end")
        hook.refuses = True
        assert asks(stand, "sup").status_code == 200
        expect(page.locator("#drills")).to_contain_text("dispatch: refused")
        shot(page, tmp_path, "system-drill")
    asked = LedgerReader(stand.data.ledger).commands("drill")
    assert [(event.actor, event.accepted) for _, event in asked] == [("sup", True)] * 2
    assert [d["problem"] for d in told(stand)["drill"]["drills"]] == ["dispatch: refused", ""]
    newest = LedgerReader(stand.data.ledger).history_of(ALARM)[-1][1]
    assert isinstance(newest, AlarmEvent)
    assert newest.state == "normal", "the drill's own alarm is taken back"


def test_no_drill_begins_while_delivery_is_away(stand: Stand) -> None:
    said = asks(stand, "sup")
    assert said.status_code == 503
    assert "does not answer" in said.json()["reason_en"]
    assert LedgerReader(stand.data.ledger).commands("drill") == [], "nothing is recorded that was not done"
    assert told(stand)["rosters"] is None


def test_a_second_drill_waits_for_the_first(stand: Stand, hook: Hook) -> None:
    hook.plant.free.clear()
    assert asks(stand, "sup").status_code == 200
    second = asks(stand, "sup")
    assert second.status_code == 409
    assert "wait for its end" in second.json()["reason_en"]
    hook.plant.free.set()
    until(lambda: not told(stand)["drill"]["running"], 20, "its end")
    assert len(LedgerReader(stand.data.ledger).commands("drill")) == 1
