"""Coverage and alarm figures of a period: pages show what programs are told; files run nothing."""

from __future__ import annotations

import csv
import io
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from gateway.access import Scope
from tests.console.look import FORMULA, HOSTILE, alarm_of, city, gas, looking
from tests.console.stand import Stand

FILES = ("/coverage.csv", "/coverage_channels.csv", "/kpis.csv")
pytestmark = pytest.mark.system


def table(stand: Stand, path: str, account: str = "li") -> list[dict[str, str]]:
    with httpx.Client(base_url=stand.url, trust_env=False, cookies=stand.cookie(account)) as client:
        answer = client.get(path)
    assert answer.status_code == 200, answer.text
    assert "attachment" in answer.headers["content-disposition"]
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))


def test_the_files_tell_what_is_recorded_for_ones_own_organisation(stand: Stand) -> None:
    stand.person("wang", "enterprise", Scope(enterprise="beta gas"))
    alarm = alarm_of(gas(1))
    for _ in range(3):
        stand.apply((alarm, True, 60.0))
        stand.apply((alarm, False, 1.0))
    shares = table(stand, "/coverage.csv")
    assert (shares[0]["by"], shares[0]["expected"]) == ("all", "32")
    assert {row["name"] for row in shares if row["by"] == "county"} == {"north", "south", "南区"}
    assert [row["name"] for row in table(stand, "/coverage.csv", "wang")][1:] == [
        "beta gas", "south", "chem", "gas",
    ]  # fmt: skip
    channels = table(stand, "/coverage_channels.csv")
    assert {row["state"] for row in channels} == {"rule_less"}
    figures = {row["name"]: row for row in table(stand, "/kpis.csv")}
    assert figures["annunciated"]["value"] == "3"
    assert figures[alarm.id]["value"] == "3"
    assert "not verified" in figures["per_hour"]["source"]
    assert alarm.id not in {row["name"] for row in table(stand, "/kpis.csv", "wang")}


def test_a_file_runs_nothing_and_keeps_hostile_names(stand: Stand) -> None:
    hostile = gas(1, FORMULA, HOSTILE, "@SUM(A1)\nx")
    stand.fleet([hostile])
    stand.apply((alarm_of(hostile), True, 60.0))
    rows = [
        *table(stand, "/coverage.csv"),
        *table(stand, "/coverage_channels.csv"),
        *table(stand, "/kpis.csv"),
    ]
    cells = [cell for row in rows for cell in row.values()]
    assert any(cell.startswith("'" + FORMULA) for cell in cells)
    assert "'@SUM(A1)\nx" in cells
    assert any(HOSTILE in cell for cell in cells)
    assert not [cell for cell in cells if cell.startswith(("=", "+", "@", "\t", "\r"))]


@pytest.mark.parametrize(
    "path", ["/coverage.csv", "/kpis.csv", "/kpis/suggestions", "/coverage_channels.csv"]
)
def test_a_period_that_is_none_is_refused(stand: Stand, path: str) -> None:
    with httpx.Client(base_url=stand.url, trust_env=False, cookies=stand.cookie()) as client:
        assert client.get(path, params={"since_ms": 5, "until_ms": 5}).status_code == 400
        assert client.get(path, params={"since_ms": "x"}).status_code == 422


def test_the_regulator_reads_coverage_and_saves_it(stand: Stand, browser: Any) -> None:
    stand.person("gov", "regulator")
    with looking(browser, stand, "gov") as page:
        page.goto(stand.url + "/coverage")
        expect(page.locator("#tiles")).to_contain_text("50.0 %")
        expect(page.locator("#states")).to_contain_text("rule-less")
        expect(page.locator("#groups tbody tr")).to_have_count(3)
        page.locator("#by").select_option("county")
        expect(page.locator("#groups tbody")).to_contain_text("南区")
        with page.expect_download() as saved:
            page.locator("#csv").click()
        assert saved.value.suggested_filename == "coverage.csv"
        page.goto(stand.url + "/coverage?since_ms=1000&until_ms=2000")
        expect(page.locator("#tiles")).to_contain_text("–")
        expect(page.locator("#blind-list li")).to_have_count(1)


def test_the_engineer_finds_what_floods_the_operators(stand: Stand, browser: Any) -> None:
    stand.person("eng", "engineer")
    alarms = [alarm_of(device, "H", 3) for device in city()[:4]]
    for _ in range(5):
        stand.apply(*((alarm, True, 30.0) for alarm in alarms))
        stand.apply(*((alarm, False, 1.0) for alarm in alarms))
    with looking(browser, stand, "eng") as page:
        page.goto(stand.url + "/kpis")
        expect(page.locator("#tiles")).to_contain_text("20")
        expect(page.locator("#figures")).to_contain_text("not met")
        expect(page.locator("#chattering tbody tr")).to_have_count(4)
        expect(page.locator("#plot rect.much")).to_have_count(1)
        page.get_by_role("button", name="Look for calmer settings").click()
        expect(page.locator("#suggestions tbody tr")).to_have_count(4)
        page.get_by_label("Operators").fill("4")
        page.get_by_role("button", name="Show").click()
        expect(page.locator("#plot rect.much")).to_have_count(0)
        page.locator("#last").select_option("own")
        page.locator("#since").fill("2020-01-02T00:00")
        page.locator("#until").fill("2020-01-01T00:00")
        page.get_by_role("button", name="Show").click()
        expect(page.locator("#wrong")).to_contain_text("The end must be after the beginning")


def test_hostile_names_stay_names_and_it_fits_a_tablet(stand: Stand, browser: Any) -> None:
    hostile = gas(1, HOSTILE, FORMULA, "a\nb")
    stand.fleet([hostile])
    stand.apply((alarm_of(hostile), True, 60.0))
    with looking(browser, stand, width=800) as page:
        page.goto(stand.url + "/coverage")
        expect(page.locator("#groups")).to_contain_text(HOSTILE)
        assert page.evaluate("document.documentElement.scrollWidth") <= 800
        page.goto(stand.url + "/kpis")
        expect(page.locator("#top")).to_contain_text(HOSTILE)
        assert page.evaluate("document.documentElement.scrollWidth") <= 800
