"""The pages of one alarm and of one device, in real chromium; and what they are made of."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import httpx
import msgspec
import numpy as np
import pytest
from playwright.sync_api import Page, expect

from detectors import BAD
from gateway.access import Scope
from gateway.console.trend import POINTS, Recorded, line
from gateway.delivery.receipts import told
from gateway.delivery.store import DeliveryStore, Message
from tests.console.history import KnowingStand, record, two_hours
from tests.console.look import FORMULA, HOSTILE, alarm_of, city, gas
from tests.console.stand import Stand
from tests.support.wait import until

S = 1_000_000_000
DEVICE = city()[0]


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    with KnowingStand(tmp_path_factory.mktemp("single")) as made:
        strange = gas(77, HOSTILE, FORMULA, "north\nsouth")
        made.fleet([*city(), strange])
        record(made.data, DEVICE, two_hours(time.time_ns()))
        made.apply((alarm_of(DEVICE, "H", 2), True, 26.0))
        made.apply(
            (alarm_of(DEVICE), True, 61.2), (alarm_of(city()[1]), True, 70.0), (alarm_of(strange), True, 9.0)
        )
        yield made


@pytest.mark.system
def test_an_alarm_has_its_trend_what_to_do_and_who_did_what(page: Page, stand: Stand) -> None:
    page.goto(stand.url)
    page.locator(f'tr[data-alarm="{DEVICE.key}/lel:HH"]').click()
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{stand.url}/alarm?id={quote(DEVICE.key + '/lel:HH', safe='')}")
    expect(page.locator("#response")).to_contain_text("Evacuate, shut off the supply")
    expect(page.locator("#response")).to_contain_text("人员撤离")
    expect(page.locator("#response")).to_contain_text("If nobody acts")
    plot = page.locator("#plot")
    expect(plot.locator(".main-svg").first).to_be_visible()
    expect(plot).to_contain_text("HH 50")
    expect(plot).to_contain_text("H 25")
    expect(plot).to_contain_text("%LEL")
    expect(page.locator("#trend-note")).to_contain_text("0 of them bad")
    page.get_by_role("button", name="2 h", exact=True).click()
    expect(page.locator("#trend-note")).to_contain_text("10 of them bad")
    box = plot.locator(".draglayer .nsewdrag").first.bounding_box()
    assert box is not None
    whole = page.locator("#trend-note").text_content()

    def chosen() -> bool:
        """A stretch drawn with the mouse; again when it met the plot while that was being drawn anew."""
        page.mouse.move(box["x"] + 300, box["y"] + 60)
        page.mouse.down()
        page.mouse.move(box["x"] + 420, box["y"] + 60, steps=5)
        page.mouse.up()
        with suppress(AssertionError):
            expect(page.locator("#trend-note")).not_to_have_text(str(whole), timeout=3000)
        return page.locator("#trend-note").text_content() != whole

    until(chosen, 20, "the trend of the stretch alone")
    page.get_by_role("button", name=f"Comment {DEVICE.key}/lel:HH").click()
    page.locator("#remark-text").fill("<b>patrol 3</b> sent")
    page.get_by_role("button", name="Comment and acknowledge").click()
    newest = page.locator("#history tbody tr").first
    for text in ("Acknowledged", "li · operator", "console 127.0.0.1", "<b>patrol 3</b> sent"):
        expect(newest).to_contain_text(text)
    page.get_by_role("button", name=f"Comment {DEVICE.key}/lel:HH").click()
    page.locator("#remark-text").fill("patrol is there")
    page.get_by_role("button", name="Comment only").click()
    expect(page.locator("#history tbody tr").first).to_contain_text("patrol is there")


@pytest.mark.system
def test_a_device_tells_its_values_their_age_and_what_is_missing(page: Page, stand: Stand) -> None:
    page.goto(f"{stand.url}/device?key={quote(DEVICE.key)}")
    gas_row, warmth = (page.locator("#channels tbody tr").nth(n) for n in (0, 1))
    for text in ("Combustible gas", "61.2 %LEL", "good", "just now", "H 25 · HH 50"):
        expect(gas_row).to_contain_text(text)
    expect(gas_row.locator("td").last).to_have_text(re.compile(r"[2-9](\.\d)? %"))
    expect(warmth).to_contain_text("never heard")
    expect(page.locator("#facts")).to_contain_text("readings arrive 0.3 s after their own time")
    expect(page.locator("#facts")).to_contain_text("gas/combustible_point")
    expect(page.locator("#open-alarms tbody tr")).to_have_count(2)
    expect(page.locator("#plot .main-svg").first).to_be_visible()
    warmth.click()
    expect(page.locator("#trend-name")).to_have_text("Sensor temperature")
    expect(page.locator("#plot")).to_contain_text("no readings of this stretch")
    page.reload()
    expect(page.locator("#trend-name")).to_have_text("Sensor temperature")
    page.locator("#open-alarms a").first.click()
    expect(page).to_have_url(f"{stand.url}/alarm?id={quote(DEVICE.key + '/lel:HH', safe='')}")
    page.go_back()
    page.get_by_role("link", name="In the alarm list").click()
    expect(page.locator("#alarms tbody tr")).to_have_count(2)


@pytest.mark.system
def test_hostile_names_are_only_names(page: Page, stand: Stand) -> None:
    strange = gas(77, HOSTILE, FORMULA, "north\nsouth")
    page.goto(f"{stand.url}/?device=GD-77")
    row = page.locator("#alarms tbody tr")
    expect(row).to_contain_text("<img src=x onerror=alert(1)>")
    row.click()
    expect(page.locator("#chosen")).to_contain_text(FORMULA)
    assert page.locator("#alarms img, #chosen img, main script").count() == 0
    page.goto(f"{stand.url}/alarm?id={quote(strange.key + '/lel:HH')}")
    expect(page.locator("#head")).to_contain_text("GD-77")
    expect(page.locator("#head")).to_contain_text("<img src=x onerror=alert(1)>")
    expect(page.locator("#plot")).to_contain_text("no readings of this stretch")
    page.goto(f"{stand.url}/device?key={quote(strange.key)}")
    expect(page.locator("#head")).to_contain_text(FORMULA)
    expect(page.locator("#channels tbody tr")).to_have_count(2)
    assert page.locator("main img, main script").count() == 0


def test_nothing_of_others_is_told(stand: Stand) -> None:
    stand.person("chen", "enterprise", Scope(enterprise="beta gas"))
    mine = city()[9].key
    stand.apply((alarm_of(city()[9]), True, 60.0))
    with httpx.Client(base_url=stand.url, trust_env=False, cookies=stand.cookie("chen")) as who:
        for page in ("/alarm", "/alarm/told", "/alarm/trend"):
            at = {"from_ms": 1, "to_ms": 2} if page.endswith("trend") else {}
            assert who.get(page, params={"id": f"{mine}/lel:HH", **at}).status_code == 200
            for other in (f"{DEVICE.key}/lel:HH", "gateway:disk_high", "no/such/one/x:H"):
                assert who.get(page, params={"id": other, **at}).status_code == 404
        for page in ("/device", "/device/told", "/device/records", "/device/trend"):
            at = {"from_ms": 1, "to_ms": 2, "channel": "lel"} if page.endswith("trend") else {}
            assert who.get(page, params={"key": mine, **at}).status_code == 200
            for other in (DEVICE.key, "no/such/one", "x"):
                assert who.get(page, params={"key": other, **at}).status_code == 404
        assert who.get("/alarm/told", params={"id": f"{mine}/lel:HH"}).json()["deliveries"] is None
        long = {"key": mine, "channel": "lel", "from_ms": 0, "to_ms": 90 * 86_400_000}
        assert who.get("/device/trend", params=long).status_code == 400
        assert who.get("/device/trend", params=long | {"channel": "no"}).status_code == 404


def test_the_plots_library_comes_from_here_and_for_persons_only(stand: Stand) -> None:
    assert httpx.get(f"{stand.url}/plotly.min.js", trust_env=False).status_code == 401
    answer = httpx.get(f"{stand.url}/plotly.min.js", trust_env=False, cookies=stand.cookie())
    assert answer.headers["content-encoding"] == "gzip"
    assert "Plotly" in answer.text[:400]


def columns(value: list[float], bad: list[int]) -> Recorded:
    many = len(value)
    quality = np.zeros(many, np.uint8)
    quality[bad] = BAD
    at = np.arange(many, dtype=np.int64) * S
    none = np.zeros(many, np.uint8)
    return Recorded(at, at, np.array(value), quality, none, none)


def test_a_reduced_line_keeps_every_extreme_and_draws_no_bad_reading() -> None:
    many = 20 * POINTS
    value = [math.sin(n / 9.0) for n in range(many)]
    value[777], value[15_001] = 40.0, -40.0
    value[9_000] = 1e9
    drawn = line(columns(value, [9_000]), 0, many * S, 10 * S)
    assert drawn["reduced"]
    assert len(drawn["value"]) <= 4 * (POINTS + 1)
    assert max(drawn["value"]) == 40.0
    assert min(drawn["value"]) == -40.0
    assert drawn["bad"] == [[9_000_000, ""]]
    assert (drawn["count"], drawn["bad_count"]) == (many, 1)
    assert drawn["at_ms"] == sorted(drawn["at_ms"])


def test_a_pause_is_no_line() -> None:
    found = columns([1.0, 2.0, math.nan, 4.0, 5.0], [])
    found = msgspec.structs.replace(found, at_ns=np.array([0, 1, 2, 60, 61], np.int64) * S)
    drawn = line(found, 0, 100 * S, 10 * S)
    assert drawn["value"] == [1.0, 2.0, None, 4.0, 5.0]
    assert drawn["bad_count"] == 1
    assert line(columns([], []), 0, S, S)["value"] == []


def test_what_became_of_messages_is_told_per_receiver(tmp_path: Path) -> None:
    path = tmp_path / "delivery.db"
    assert told(path, [5], 0) == []
    store = DeliveryStore(path, lambda: 1000)
    some = [Message(n, f"1-{n}-0", "a/b/c/d:H", 1, 900) for n in (5, 6, 7)]
    store.begin("hook", "events", 0, "")
    store.enrol("hook", 7, some)
    store.delivered("hook", some[0], "204 No Content")
    store.failed("hook", Message(6, "1-6-0", "a/b/c/d:H", 1, 900, 3, "timed out"))
    store.died("hook", some[2], "410 Gone")
    store.advance("influx", "events", 1, 6, "204")
    store.close()
    lines = [(one.seq, one.sink, one.state, one.detail, one.attempts) for one in told(path, [5, 6, 7, 8], 0)]
    assert lines == [
        (5, "hook", "delivered", "204 No Content", 0),
        (5, "influx", "delivered", "204", 0),
        (6, "hook", "waiting", "timed out", 3),
        (6, "influx", "delivered", "204", 0),
        (7, "hook", "dead", "410 Gone", 0),
    ]
    assert [one.state for one in told(path, [5], 2000)] == [], (
        "nothing older than the alarm is looked through"
    )
