"""The overview: worst first, drilled down to the device, one's own organisation only."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from playwright.sync_api import expect

from gateway.access import Scope
from tests.console.look import FORMULA, HOSTILE, alarm_of, city, gas, looking
from tests.console.stand import Stand
from tests.support.wait import until

pytestmark = pytest.mark.system

ACME = gas(1)
BETA = gas(1, "beta gas", "station 2", "south")


def parts(stand: Stand, account: str = "li", **path: str) -> Any:
    with httpx.Client(base_url=stand.url, trust_env=False, cookies=stand.cookie(account)) as client:
        answer = client.get("/overview/parts", params=path)
        assert answer.status_code == 200, answer.text
        return answer.json()


def test_each_level_adds_up_to_the_one_above(stand: Stand) -> None:
    stand.apply((alarm_of(ACME), True, 60.0), (alarm_of(ACME, "H", 3), True, 60.0))
    stand.apply((alarm_of(BETA, "H", 2), True, 30.0))
    whole = parts(stand)
    assert whole["total"]["devices"] == 16
    assert whole["total"]["open"] == [1, 1, 1, 0]
    assert whole["total"]["grade"] == 1
    assert [line["name"] for line in whole["lines"]] == ["north", "south", "南区"], "worst first"
    for name in ("devices", "expected", "live", "unanswered"):
        assert sum(line[name] for line in whole["lines"]) == whole["total"][name]
    site = parts(stand, county="north", enterprise="acme", site="tankfarm")
    assert site["below"] == "device"
    assert site["lines"][0]["key"] == ACME.key
    assert site["lines"][0]["open"] == [1, 0, 1, 0]
    assert parts(stand, county="north", enterprise="beta gas")["lines"] == []


def test_a_shelved_alarm_is_told_apart_and_an_acknowledged_one_waits_no_more(stand: Stand) -> None:
    alarm = alarm_of(BETA, "H", 2)
    stand.apply((alarm, True, 30.0))
    assert parts(stand)["total"]["unanswered"] == 1
    command = {"action": "acknowledge", "args": {"alarm": alarm.id, "occurrence": 1, "comment": ""}}
    who = {"actor": "li", "role": "operator", "organisation": "", "source": "test"}
    stand._answer({"op": "command", **command, **who})
    assert (parts(stand)["total"]["unanswered"], parts(stand)["total"]["grade"]) == (0, 2)
    shelve = {"action": "shelve", "args": {"alarm": alarm.id, "reason": "calibration", "for_s": 600}}
    stand._answer({"op": "command", **shelve, **who})
    total = parts(stand)["total"]
    assert (total["quiet"], total["grade"], sum(total["open"])) == (1, 0, 0)


def test_one_organisation_sees_its_own_part(stand: Stand) -> None:
    stand.person("wang", "enterprise", Scope(enterprise="beta gas"))
    stand.person("zhou", "regulator", Scope(county="南区"))
    stand.apply((alarm_of(ACME), True, 60.0))
    mine = parts(stand, "wang")
    assert [line["name"] for line in mine["lines"]] == ["south"]
    assert (mine["total"]["devices"], mine["total"]["grade"], mine["gateway"]) == (4, 0, None)
    assert parts(stand, "wang", county="north")["lines"] == []
    assert [line["name"] for line in parts(stand, "zhou")["lines"]] == ["南区"]


def test_an_alarm_of_a_device_that_the_fleet_does_not_have_is_there_too(stand: Stand) -> None:
    stranger = gas(99, "gone", "old plant", "west")
    stand.apply((alarm_of(stranger), True, 60.0))
    west = next(line for line in parts(stand)["lines"] if line["name"] == "west")
    assert (west["grade"], west["expected"], west["coverage"]) == (1, 0, None)


def test_the_engineer_walks_down_to_the_device(stand: Stand, browser: Any) -> None:
    stand.apply((alarm_of(ACME), True, 60.0), (alarm_of(gas(2), "H", 2), True, 30.0))
    stand.apply((alarm_of(BETA, "H", 3), True, 30.0))
    with looking(browser, stand) as page:
        page.goto(stand.url + "/overview")
        rows = page.locator("#parts tbody tr")
        expect(rows).to_have_count(3)
        expect(rows.first).to_contain_text("north")
        expect(rows.first).to_contain_text("Urgent")
        expect(page.locator("#sum")).to_contain_text("16")
        page.get_by_role("link", name="north").click()
        page.get_by_role("link", name="acme").click()
        page.get_by_role("link", name="tankfarm").click()
        expect(rows).to_have_count(6)
        expect(rows.first).to_contain_text("GD-1")
        expect(page.locator("#path")).to_contain_text("Whole city›north›acme›tankfarm")
        stand.apply((alarm_of(gas(5)), True, 70.0))
        expect(rows.nth(1)).to_contain_text("GD-5")
        page.locator("#path").get_by_role("link", name="acme").click()
        expect(rows).to_have_count(2)


def test_it_fits_a_tablet(stand: Stand, browser: Any) -> None:
    stand.apply((alarm_of(ACME), True, 60.0))
    with looking(browser, stand, width=800) as page:
        page.goto(stand.url + "/overview")
        expect(page.locator("#parts tbody tr")).to_have_count(3)
        assert page.evaluate("document.documentElement.scrollWidth") <= 800


def test_hostile_names_stay_names(stand: Stand, browser: Any) -> None:
    hostile = gas(1, HOSTILE, FORMULA, "a\nb")
    stand.fleet([*city(), hostile])
    stand.apply((alarm_of(msgspec.structs.replace(hostile)), True, 60.0))
    with looking(browser, stand) as page:
        page.goto(stand.url + "/overview")
        rows = page.locator("#parts tbody tr")
        expect(rows.first).to_contain_text("a b")
        rows.first.locator("td.name a").click()
        expect(rows.first).to_contain_text(HOSTILE)
        rows.first.locator("td.name a").click()
        expect(rows.first).to_contain_text(FORMULA)
        rows.first.locator("td.name a").click()
        expect(rows.first).to_contain_text("GD-1")
        expect(page.locator("#path")).to_contain_text(HOSTILE)


def test_a_new_fleet_is_seen(stand: Stand) -> None:
    assert parts(stand)["total"]["devices"] == 16
    stand.fleet([*city(), gas(50, "newcomer", "plant", "east")])
    until(lambda: parts(stand)["total"]["devices"] == 17, 10, "the new device is counted")


def test_the_first_fleet_is_seen_at_once(tmp_path: Path) -> None:
    with Stand(tmp_path / "data") as made:
        made.apply((alarm_of(ACME), True, 60.0))
        assert parts(made)["total"]["devices"] == 1, "of the alarm"
        made.fleet(city())
        assert parts(made)["total"]["devices"] == 16


def test_the_city_is_read_before_anybody_asks(tmp_path: Path) -> None:
    with Stand(tmp_path / "data") as made:
        assert "city read" not in made.log(), "nothing is recorded yet"
        made.fleet(city())
        until(lambda: "city read" in made.log(), 30, "the console looks again")
        told = json.loads(next(line for line in made.log().splitlines() if "city read" in line))
        assert told["devices"] == 16
