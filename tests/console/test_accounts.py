"""The accounts page: made, switched off; the last administrator stays; one's own people only."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from gateway.access import Scope
from tests.console.look import looking
from tests.console.stand import PASSWORD, Stand

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    with Stand(tmp_path_factory.mktemp("accounts")) as made:
        made.person("boss", "admin")
        made.person("east", "admin", Scope(county="east"))
        yield made


def order(stand: Stand, who: str, what: str, **body: Any) -> httpx.Response:
    with httpx.Client(base_url=stand.url, trust_env=False, cookies=stand.cookie(who)) as client:
        headers = {"Origin": stand.url, "X-CSRF-Token": stand.token(client)}
        return client.post(f"/accounts/{what}", json=body, headers=headers)


def test_the_administrator_makes_an_account_and_it_logs_in(stand: Stand, browser: Any) -> None:
    hostile = "<img src=x onerror=alert(1)>\u202e=1+1"
    with looking(browser, stand, "boss") as page:
        page.goto(stand.url + "/accounts")
        page.get_by_role("textbox", name="Account", exact=True).fill("zhao")
        page.get_by_role("textbox", name="Name", exact=True).fill(hostile)
        page.locator("#new-role").select_option("tester")
        page.get_by_role("button", name="Make the account").click()
        dialog = page.locator("#handed")
        expect(dialog).to_contain_text("Hand this link to zhao")
        link = page.locator("#link").inner_text()
        assert re.fullmatch(rf"{stand.url}/welcome/\S{{20,}}", link)
        dialog.get_by_role("button", name="Close").click()
        row = page.locator("#people tr", has_text="zhao")
        expect(row).to_contain_text(hostile)
        expect(row).to_contain_text("no password yet")
    context = browser.new_context(locale="en-GB")
    page = context.new_page()
    page.goto(link)
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_label("Once more").fill(PASSWORD)
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#person")).to_contain_text("tester · whole city")
    context.close()
    with looking(browser, stand, "boss") as page:
        page.goto(stand.url + "/accounts")
        page.get_by_role("button", name="Switch off zhao").click()
        page.locator("#sure").get_by_role("button", name="Switch off").click()
        expect(page.locator("#people tr", has_text="zhao")).to_contain_text("switched off")
        expect(page.locator("#changes tbody tr").first).to_contain_text("boss")
        page.get_by_role("button", name="Switch off boss").click()
        page.locator("#sure").get_by_role("button", name="Switch off").click()
        expect(page.locator("#message")).to_contain_text("last administrator")
        page.get_by_role("button", name="Role … li").click()
        page.locator("#part-role").select_option("supervisor")
        page.locator("#part").get_by_role("button", name="Keep").click()
        expect(page.locator("#people tr", has_text="supervisor")).to_contain_text("li")
        page.set_viewport_size({"width": 800, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= 800


def test_a_county_looks_after_its_own_people_only(stand: Stand) -> None:
    stand.person("sun", "operator", Scope(county="east"))
    with httpx.Client(base_url=stand.url, trust_env=False, cookies=stand.cookie("east")) as client:
        told = client.get("/accounts/list").json()
    assert {one["account"] for one in told["accounts"]} == {"east", "sun"}
    assert {one["account"] for one in told["changes"]} <= {"east", "sun"}
    assert order(stand, "east", "enable", account="boss", enabled=False).status_code == 404
    assert order(stand, "east", "link", account="li").status_code == 404
    for county in ("", "west"):
        new = {"account": f"new-{county}", "role": "operator", "county": county}
        assert order(stand, "east", "add", **new).status_code == 403
        assert order(stand, "east", "change", account="sun", role="admin", county=county).status_code == 403
    assert order(stand, "east", "add", account="qian", role="operator", county="east").status_code == 200
    assert order(stand, "east", "change", account="sun", role="supervisor", county="east").status_code == 200


@pytest.mark.parametrize("account", ["li", "stranger"])
def test_others_have_no_accounts_page(stand: Stand, account: str) -> None:
    cookies = stand.cookie(account) if account != "stranger" else None
    with httpx.Client(base_url=stand.url, trust_env=False, cookies=cookies) as client:
        for path in ("/accounts", "/accounts/list"):
            assert client.get(path).status_code == (401 if account == "stranger" else 403)


def test_what_makes_no_sense_is_refused_with_the_reason(stand: Stand) -> None:
    assert (
        "cannot be an account"
        in order(stand, "boss", "add", account="a b", role="operator").json()["reason_en"]
    )
    assert order(stand, "boss", "add", account="x", role="enterprise").status_code == 409
    assert order(stand, "boss", "enable", account="boss", enabled=False).status_code == 409
    assert order(stand, "boss", "add", account="x").status_code == 422
