"""The map: marks by coordinates, the worst open alarm in colour and shape, nothing hidden."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from gateway.access import Scope
from tests.console.look import HOSTILE, alarm_of, city, gas, looking
from tests.console.stand import Stand

pytestmark = pytest.mark.system
BOXES = """() => ["#map .label:not(.told)", "#map .spot .form"].map((which) =>
  [...document.querySelectorAll(which)].map((node) => node.getBoundingClientRect())
    .map((box) => [box.left, box.top, box.right, box.bottom]))"""


def marks(stand: Stand, account: str = "li", **part: Any) -> Any:
    with httpx.Client(base_url=stand.url, trust_env=False, cookies=stand.cookie(account)) as client:
        answer = client.get("/map/marks", params=part)
        assert answer.status_code == 200, answer.text
        return answer.json()


def test_every_device_is_in_one_mark_or_told_to_have_no_place(stand: Stand) -> None:
    lost = gas(40, latitude=None, longitude=None)
    stand.fleet([*city(), lost])
    stand.apply((alarm_of(lost), True, 60.0), (alarm_of(gas(2), "H", 2), True, 30.0))
    for across in (1, 3, 128):
        told = marks(stand, across=across, down=across)
        assert sum(mark["devices"] for mark in told["marks"]) == 16
        assert told["placeless"] == {"devices": 1, "open": 1}
        assert told["marks"][0]["grade"] == 2
    west, south, east, north = told["bounds"]
    narrow = {"west": 113.627, "south": 34.755, "east": 113.629, "north": 34.757, "across": 9, "down": 9}
    assert [mark["key"] for mark in marks(stand, **narrow)["marks"]] == ["acme/tankfarm/GD-2"]
    assert west < 113.62 < east
    assert south < 34.75 < north


def test_a_mark_of_many_names_the_one_with_an_alarm_and_stands_there(stand: Stand) -> None:
    stand.apply((alarm_of(gas(6)), True, 60.0))
    box = {"west": 113.0, "south": 34.0, "east": 114.0, "north": 35.0, "across": 1, "down": 1}
    (one,) = marks(stand, **box)["marks"]
    assert (one["grade"], one["key"], one["devices"]) == (1, gas(6).key, 16)
    assert (one["lat"], one["lon"]) == (gas(6).latitude, gas(6).longitude)


def test_another_organisation_has_no_mark(stand: Stand) -> None:
    stand.person("wang", "enterprise", Scope(enterprise="beta gas"))
    told = marks(stand, "wang")
    assert sum(mark["devices"] for mark in told["marks"]) == 4
    assert all(mark["site"][1] == "beta gas" for mark in told["marks"] if mark["site"])


@pytest.mark.parametrize("wrong", [{"across": 0}, {"across": 9999}, {"west": "nan"}, {"south": -91}])
def test_a_part_that_is_none_is_refused(stand: Stand, wrong: dict[str, Any]) -> None:
    with httpx.Client(base_url=stand.url, trust_env=False, cookies=stand.cookie()) as client:
        assert client.get("/map/marks", params=wrong).status_code == 422


def test_the_operator_finds_the_place_of_an_alarm(stand: Stand, browser: Any) -> None:
    stand.apply((alarm_of(gas(3)), True, 60.0), (alarm_of(gas(8, site="loading rack"), "H", 2), True, 30.0))
    stand.apply((alarm_of(gas(1, "beta gas", "station 2", "south"), "H", 3), True, 30.0))
    with looking(browser, stand) as page:
        page.goto(stand.url + "/map")
        expect(page.locator("#map .spot.p1")).to_have_count(1)
        expect(page.locator("#worst li").first).to_contain_text("GD-3")
        expect(page.locator("#map .spot.p1")).to_have_count(1)
        page.get_by_role("button", name="Closer").click()
        page.get_by_role("button", name="Closer").click()
        for _ in range(6):
            page.locator("#frame").press("ArrowLeft")
        expect(page.locator("#map .spot.p1")).to_have_count(0)
        expect(page.locator("#calm-here")).to_be_visible()
        page.get_by_role("button", name="Whole map").click()
        expect(page.locator("#map .spot.p1")).to_have_count(1)
        page.locator("#worst li a").first.click()
        expect(page).to_have_url(re.compile(r"/(overview\?county=north|device\?key=acme)"))


def test_no_name_lies_on_another_or_on_a_mark_and_each_can_be_read(stand: Stand, browser: Any) -> None:
    crowd = [gas(n, latitude=34.75 + n // 8 * 4e-4, longitude=113.62 + n % 8 * 4e-4) for n in range(1, 41)]
    stand.fleet(crowd)
    stand.apply(*((alarm_of(device, "H", 3), True, 30.0) for device in crowd[::3]))
    with looking(browser, stand) as page:
        page.goto(stand.url + "/map")
        expect(page.locator("#map .spot.p3").first).to_be_visible()
        names, forms = page.evaluate(BOXES)
        assert len(names) > 5
        assert len(forms) == 40
        for n, name in enumerate(names):
            assert not [other for other in [*names[n + 1 :], *forms] if meet(name, other)]
        page.locator("#map .spot").first.focus()
        expect(page.locator("#map .label.told")).to_contain_text("GD-")
    told = marks(stand, west=113.0, south=34.0, east=114.0, north=35.0, across=9, down=9)
    assert len(told["marks"]) == 1
    assert told["marks"][0]["devices"] == 40


def meet(a: list[float], b: list[float]) -> bool:
    """Whether two boxes (left, top, right, bottom) have more than an edge in common."""
    return a[0] < b[2] - 1 and b[0] < a[2] - 1 and a[1] < b[3] - 1 and b[1] < a[3] - 1


def test_a_city_without_coordinates_says_what_to_do(stand: Stand, browser: Any) -> None:
    stand.fleet([gas(n, latitude=None, longitude=None) for n in range(3)])
    with looking(browser, stand) as page:
        page.goto(stand.url + "/map")
        expect(page.locator("#no-places")).to_contain_text("fill in latitude and longitude")


def test_hostile_names_stay_names_and_it_fits_a_tablet(stand: Stand, browser: Any) -> None:
    hostile = gas(1, HOSTILE, "=1+1", "north")
    stand.fleet([hostile, gas(2)])
    stand.apply((alarm_of(hostile), True, 60.0))
    with looking(browser, stand, width=800) as page:
        page.goto(stand.url + "/map")
        expect(page.locator("#worst li").first).to_contain_text(HOSTILE)
        assert page.evaluate("document.documentElement.scrollWidth") <= 800
