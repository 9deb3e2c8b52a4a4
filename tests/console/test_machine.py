"""The pages about the gateway itself: its state, its deliveries, what a sink refused and is sent again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from gateway.access import Scope
from gateway.console.machine import DAY_S, disk, segments
from gateway.ledger import LedgerReader
from gateway.paths import DataFolder
from tests.console.look import HOSTILE, alarm_of, gas, looking
from tests.console.outlet import delivering
from tests.console.stand import Stand
from tests.support.receiver import Reply, Request
from tests.support.wait import until

pytestmark = pytest.mark.system


class Refusing:
    """A receiver that refuses until it is told not to."""

    def __init__(self) -> None:
        self.refuses = True
        self.taken: list[str] = []

    def __call__(self, request: Request) -> Reply:
        if self.refuses:
            return Reply(410, body=HOSTILE.encode())
        self.taken.append(request.headers["webhook-id"])
        return Reply()


@pytest.fixture
def refusing(stand: Stand) -> Iterator[Refusing]:
    """A real delivery process's work, with one webhook whose receiver refuses."""
    script = Refusing()
    with delivering(stand, script):
        yield script


def test_the_disk_lasts_as_long_as_the_last_day_says(tmp_path: Path) -> None:
    data = DataFolder(tmp_path)
    data.create()
    now = 2_000_000_000.0
    assert disk(data, now)["days_left"] is None, "nothing is known yet"
    for name, age, size in (("1", 2 * DAY_S, 50_000), ("2", DAY_S / 2, 3_000), ("3", 60.0, 7_000)):
        (data.journal / name).write_bytes(b"x" * size)
        os.utime(data.journal / name, (now - age, now - age))
    told = disk(data, now)
    assert told["bytes_a_day"] == 10_000
    assert told["days_left"] == pytest.approx((told["total"] * 0.9 - told["used"]) / 10_000, rel=1e-6)
    assert told["files"]["journal"] == 60_000
    assert segments(data)["count"] == 3
    assert [one["name"] for one in segments(data)["newest"]] == ["3", "2", "1"]


def test_only_those_of_the_whole_city_see_the_gateway_itself(stand: Stand) -> None:
    stand.person("west", "supervisor", Scope(county="west"))
    for account, status in (("sup", 200), ("west", 404), ("li", 403)):
        with httpx.Client(base_url=stand.url, trust_env=False, cookies=stand.cookie(account)) as client:
            for path in ("/system", "/system/state", "/deliveries", "/deliveries/state"):
                assert client.get(path).status_code == status, (account, path)
            entries = client.get("/overview").text
            assert ('href="/system"' in entries) == (status == 200)


def test_the_supervisor_sees_a_gateway_that_is_not_well(stand: Stand, browser: Any) -> None:
    stand.status |= {
        "behind_s": 3.5, "intake_packets": 1200, "devices_unknown": 2, "position": 77, "ledger_seq": 12,
        "version": "0.2.0", "counts": {"received": 1234, "effective": 1200, "duplicate": 4},
        "link_problem": "",
    }  # fmt: skip
    with looking(browser, stand, "sup") as page:
        page.goto(stand.url + "/system")
        expect(page.locator("#tiles")).to_contain_text("1,200 packets in the queue")
        expect(page.locator("#tiles")).to_contain_text("this screen agrees")
        expect(page.locator("#silent")).to_be_visible()
        expect(page.locator("#counts-table")).to_contain_text("1,234")
        stand.stop_core()
        expect(page.locator("#tiles")).to_contain_text("does not answer")


def test_what_a_sink_refused_is_found_and_sent_again(stand: Stand, refusing: Refusing, browser: Any) -> None:
    alarm = alarm_of(gas(1))
    stand.apply((alarm, True, 60.0), (alarm_of(gas(2)), True, 61.0), (alarm_of(gas(3), "H", 2), True, 30.0))
    with looking(browser, stand, "sup") as page:
        page.goto(stand.url + "/deliveries")
        expect(page.locator("#letters tbody tr")).to_have_count(3)
        expect(page.locator("#letters")).to_contain_text(alarm.id)
        expect(page.locator("#letters")).to_contain_text("410")
        expect(page.locator("#sinks")).to_contain_text("dispatch")
        refusing.refuses = False
        page.locator("#letters input").first.check()
        page.get_by_role("button", name="Send 1 again").click()
        expect(page.locator("#message")).to_contain_text("Accepted")
        expect(page.locator("#letters tbody tr")).to_have_count(2)
        page.get_by_role("button", name="Send all again").click()
        page.get_by_role("dialog").get_by_role("button", name="Send all again").click()
        expect(page.locator("#letters-part")).to_be_hidden()
        expect(page.locator("#again tbody tr")).to_have_count(2)
        expect(page.locator("#again")).to_contain_text("sup")
    until(lambda: len(refusing.taken) == 3, 10, "all three arrived")
    asked = LedgerReader(stand.data.ledger).commands("deadletter_resend")
    assert [(event.actor, event.accepted) for _, event in asked] == [("sup", True)] * 2


def test_a_refused_command_is_told(stand: Stand) -> None:
    with httpx.Client(base_url=stand.url, trust_env=False, cookies=stand.cookie("sup")) as client:
        headers = {"Origin": stand.url, "X-CSRF-Token": stand.token(client)}
        for body in ({}, {"sink": ""}, {"sink": "x", "events": [""]}, {"sink": "x", "all": True}):
            assert client.post("/deliveries/resend", json=body, headers=headers).status_code == 422
        assert client.get("/deliveries/dead", params={"sink": "dispatch"}).status_code == 503
