"""The rules page: an engineer proposes and tries, another person approves; mistakes are named."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from gateway.access import Scope
from tests.backtest.test_backtest import LOOSER, STRICTER, live
from tests.console.look import HOSTILE, PAGE_MS, looking
from tests.console.stand import Stand

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    data = live(tmp_path_factory.mktemp("rules") / "data")
    with Stand(data.root) as made:
        made.person("eng", "engineer")
        made.person("sup", "supervisor")
        made.person("other", "enterprise", Scope(enterprise="other"))
        yield made


def test_proposed_tried_and_approved_by_another(stand: Stand, browser: Any) -> None:
    with looking(browser, stand, "eng") as page:
        page.goto(stand.url + "/rules")
        page.locator("#text").fill(LOOSER.replace("GD-1", "GD-8").replace('"lel"', '"nothing"'))
        page.get_by_role("button", name="Propose").click()
        expect(page.locator("#mistakes")).to_contain_text("line")
        page.locator("#text").fill(LOOSER)
        page.get_by_role("button", name="Propose").click()
        expect(page.locator("#one-title")).to_contain_text("Number 1: v2")
        expect(page.locator("#two-people")).to_be_visible()
        page.locator("#approve").click()
        expect(page.locator("#message")).to_contain_text("back-test")
        page.locator("#days").select_option("31622400")
        page.locator("#try button").click()
        expect(page.locator("#trial .tiles")).to_be_visible(timeout=PAGE_MS * 3)
        expect(page.locator("#trial")).to_contain_text("No longer with these rules")
    with looking(browser, stand, "other") as page:
        page.goto(stand.url + "/")
        expect(page.locator("#empty")).to_be_visible()
        expect(page.locator("#requests")).to_be_hidden()
    with looking(browser, stand, "sup") as page:
        page.goto(stand.url + "/")
        expect(page.locator("#requests li")).to_contain_text("two people needed")
        expect(page.locator("#requests li")).to_contain_text("eng: rules v2")
        page.locator("#requests a", has_text="Look at it").click()
        expect(page.locator("#one-title")).to_contain_text("Number 1: v2")
    stand.stop_core()
    with looking(browser, stand, "sup") as page:
        page.goto(stand.url + "/rules?number=1")
        expect(page.locator("#propose")).to_have_count(0)
        page.locator("#comment").fill("seen")
        page.locator("#approve").click()
        expect(page.locator("#versions")).to_contain_text("in force")
        expect(page.locator("#steps")).to_contain_text("seen")
    stand.start_core()


def test_another_organisation_sees_none_of_it_and_names_stay_names(stand: Stand, browser: Any) -> None:
    with looking(browser, stand, "eng") as page:
        page.goto(stand.url + "/rules")
        version = HOSTILE.replace('"', "").replace("\u202e", "")
        page.locator("#text").fill(STRICTER.replace('"v2"', f'"{version}"'))
        page.get_by_role("button", name="Propose").click()
        expect(page.locator("#versions")).to_contain_text(version)
        page.locator("#decline").click()
        expect(page.locator("#message")).to_contain_text("say why")
        page.set_viewport_size({"width": 800, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= 800
    with looking(browser, stand, "other") as page:
        page.goto(stand.url + "/rules")
        expect(page.locator("#versions tbody")).to_have_text("none")
        expect(page.locator("#one")).to_be_hidden()
