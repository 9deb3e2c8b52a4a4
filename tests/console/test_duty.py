"""The system page tells who is on duty, who was called and not answered, and what the last fire drill
reached; an answer stops the calls, and a drill is in the ledger with who asked for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from gateway.access import Scope
from gateway.alarms.events import AlarmEvent
from gateway.delivery.drill import ALARM
from gateway.ledger import LedgerReader
from tests.console.look import alarm_of, gas, looking
from tests.console.outlet import Hook, on_duty
from tests.console.stand import Stand
from tests.support.wait import until

pytestmark = pytest.mark.system


@pytest.fixture
def hook(stand: Stand, tmp_path: Path) -> Iterator[Hook]:
    with on_duty(stand, tmp_path) as made:
        yield made


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
    stand: Stand, hook: Hook, browser: Any
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
        page.goto(stand.url + f"/alarm?id={alarm.id}")
        expect(page.locator("#called")).to_contain_text("Wang")
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


def test_a_drill_is_run_shown_and_recorded(stand: Stand, hook: Hook, browser: Any) -> None:
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
