"""What an operator sees and does, in real chromium on a real console; screenshots go to RISKGATE_SHOTS."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from playwright.sync_api import Page, expect

from gateway.access import Scope
from tests.console.look import shot
from tests.console.stand import PASSWORD, Stand, gas_alarm
from tests.support.wait import PATIENCE

pytestmark = pytest.mark.system


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    with Stand(tmp_path / "data") as made:
        yield made


def test_an_alarm_appears_is_acknowledged_and_leaves(page: Page, stand: Stand) -> None:
    page.goto(stand.url)
    expect(page.locator("#empty")).to_be_visible()
    expect(page.locator("#live")).to_have_class("good")
    stand.apply((gas_alarm("GD-1"), True, 61.5))
    row = page.locator('tr[data-alarm="acme/tankfarm/GD-1/lel:HH"]')
    expect(row).to_contain_text("Unacknowledged")
    expect(row).to_contain_text("61.5 %LEL")
    expect(row).to_contain_text("Evacuate")
    expect(page.locator("#unanswered")).to_have_text("1")
    row.get_by_role("button").click()
    expect(row).to_contain_text("Acknowledged")
    expect(row.get_by_role("button")).to_have_count(0)
    assert stand.asked[0]["args"] == {"alarm": "acme/tankfarm/GD-1/lel:HH", "occurrence": 1, "comment": ""}
    stand.apply((gas_alarm("GD-1"), False, 3.0))
    expect(row).to_have_count(0)
    expect(page.locator("#empty")).to_be_visible()


def test_the_order_and_the_raise_time_survive_a_reload(page: Page, stand: Stand, tmp_path: Path) -> None:
    low, medium, high, urgent = (
        gas_alarm(f"GD-{p}", "HH" if p < 3 else "H", p, latch=p == 1) for p in (4, 3, 2, 1)
    )
    stand.apply((urgent, True, 77.0), (low, True, 26.0))
    page.goto(stand.url)
    page.locator('tr[data-alarm="acme/tankfarm/GD-1/lel:HH"] button').click()
    stand.apply((medium, True, 27.0), (high, True, 55.0))
    rows = page.locator("#alarms tbody tr")
    wanted = [f"acme/tankfarm/GD-{p}/lel:{'HH' if p < 3 else 'H'}" for p in (2, 3, 4, 1)]
    expect(rows).to_have_count(4)
    expect(rows.nth(3)).to_contain_text("Acknowledged")
    assert [r.get_attribute("data-alarm") for r in rows.all()] == wanted
    raised = rows.nth(3).locator("time").get_attribute("datetime")
    page.reload()
    expect(rows).to_have_count(4)
    assert [r.get_attribute("data-alarm") for r in rows.all()] == wanted
    assert rows.nth(3).locator("time").get_attribute("datetime") == raised
    shot(page, tmp_path, "light")
    page.locator("#theme").click()
    shot(page, tmp_path, "dark")
    stand.apply((urgent, False, 1.0))
    expect(rows.nth(3)).to_contain_text("waiting for reset")
    rows.nth(3).get_by_role("button", name="Reset").click()
    expect(rows).to_have_count(3)


def test_a_refusal_says_why(page: Page, stand: Stand) -> None:
    alarm = gas_alarm("GD-9")
    stand.apply((alarm, True, 60.0))
    page.goto(stand.url)
    button = page.locator("#alarms tbody button")
    expect(button).to_be_visible()
    stand.engine._occurrences[alarm.id] = 2  # it came again while the operator was reading
    button.click()
    expect(page.locator("#message")).to_contain_text("occurrence 1 is over")


def test_a_silent_core_is_told_within_five_seconds(page: Page, stand: Stand, tmp_path: Path) -> None:
    stand.apply((gas_alarm("GD-1"), True, 60.0))
    page.goto(stand.url)
    expect(page.locator("#live")).to_have_class("good")
    stand.stop_core()
    begin = time.monotonic()
    expect(page.locator(".banner.bad")).to_contain_text("has not answered")
    assert time.monotonic() - begin < 5 * PATIENCE
    shot(page, tmp_path, "silent")
    page.locator("#filter-text").fill("nothing of that name")
    expect(page.locator("#none-passes")).to_be_visible()
    page.locator("#filter-clear").click()
    page.locator("#alarms tbody button").click()
    expect(page.locator("#message")).to_contain_text("Look at the alarm before you repeat it")
    stand.start_core()
    expect(page.locator(".banner")).to_have_count(0)
    stand.stop_console()
    expect(page.locator(".banner.bad")).to_contain_text("has heard nothing from the console")


def test_an_empty_list_beside_a_silent_core_promises_nothing(page: Page, stand: Stand) -> None:
    page.goto(stand.url)
    expect(page.locator("#empty")).to_contain_text("Everything that reports is within its limits")
    stand.stop_core()
    expect(page.locator("#empty")).to_contain_text("this says nothing about the plants")
    expect(page.locator("#empty .when-live")).to_be_hidden()


def test_what_the_core_says_of_itself_is_shown(page: Page, stand: Stand) -> None:
    stand.status |= {
        "exercise": True,
        "link_up": False,
        "behind_s": 12.0,
        "blind": True,
        "blind_reason": "disk full",
        "floods": [
            {"area": "acme", "since_ms": 1_764_000_000_000, "alarms": 37, "first": "acme/GD-1/lel:HH"}
        ],
    }
    page.goto(stand.url)
    banners = page.locator("#banners")
    for text in (
        "EXERCISE",
        "No connection to the message broker",
        "behind by 12 s",
        "Gateway blind",
        "Alarm flood: acme: 37 alarms since",
        ", first GD-1/lel:HH",
    ):
        expect(banners).to_contain_text(text)
    expect(page.locator(".notice")).to_contain_text("Not a safety instrumented function")


def test_what_time_to_danger_made_more_urgent_says_so_with_the_profiles_priority(
    page: Page, stand: Stand, tmp_path: Path
) -> None:
    raised = msgspec.structs.replace(gas_alarm("GD-1", "H", 2), base_priority=3)
    stand.apply((raised, True, 30.0), (gas_alarm("GD-2", "H", 2), True, 30.0))
    page.goto(stand.url)
    row, other = (page.locator(f'#alarms tr[data-alarm="acme/tankfarm/GD-{n}/lel:H"]') for n in (1, 2))
    expect(row).to_contain_text("was Medium")
    expect(other).to_be_visible()
    expect(other).not_to_contain_text("was Medium")
    shot(page, tmp_path, "urgent")
    page.goto(f"{stand.url}/alarm?id={raised.id}&lang=zh")
    expect(page.locator("#facts")).to_contain_text("优先级: 高 (由模板优先级“中”升级:剩余时间不多)")
    page.goto(f"{stand.url}/?lang=en")


def test_chinese(page: Page, stand: Stand, tmp_path: Path) -> None:
    stand.apply((gas_alarm("GD-1"), True, 60.0))
    page.goto(stand.url + "/?lang=zh")
    row = page.locator("#alarms tbody tr")
    expect(row).to_contain_text("未确认")
    expect(row).to_contain_text("人员撤离")
    expect(page.locator(".notice")).to_contain_text("不是安全仪表功能")
    stand.status["behind_s"] = 12.0
    expect(page.locator("#banners")).to_contain_text("网关滞后 12 秒")
    shot(page, tmp_path, "chinese")


def test_hostile_texts_stay_texts(page: Page, stand: Stand) -> None:
    hostile = "<img src=x onerror=alert(1)>\"'><script>alert(2)</script>{{7*7}}</script>"
    stand.apply((gas_alarm("GD-1", response_en=hostile, asset=hostile), True, 60.0))
    page.goto(stand.url)
    row = page.locator("#alarms tbody tr")
    expect(row.locator(".response")).to_contain_text(hostile)
    assert row.locator("img, script").count() == 0
    stand.stop_core()
    page.goto(stand.url + "/?lang=%22%3E%3Cscript%3Ealert(3)%3C/script%3E")
    expect(page.locator("h1")).to_have_text("Alarms")


def ten_thousand(stand: Stand) -> None:
    stand.apply(*[(gas_alarm(f"GD-{n}", priority=1 + n % 4), True, 60.0) for n in range(10_000)])


def test_ten_thousand_open_alarms_are_there_within_a_second(page: Page, stand: Stand) -> None:
    ten_thousand(stand)
    page.goto(stand.url + "/login")  # what a browser keeps of the console is no part of the first screen
    begin = time.monotonic()
    page.goto(stand.url, wait_until="commit")
    page.locator("#alarms tbody tr").first.wait_for()
    took = time.monotonic() - begin
    expect(page.locator("#open")).to_have_text("10000")
    expect(page.locator("#progress")).to_be_hidden()
    rows = page.locator("#alarms tbody tr")
    assert rows.count() < 60, "only what is in view is drawn"
    stand.apply((gas_alarm("GD-new"), True, 99.0))
    row = page.locator('tr[data-alarm="acme/tankfarm/GD-new/lel:HH"]')
    expect(row).to_be_visible()
    row.get_by_role("button").click()
    expect(page.locator("#unanswered")).to_have_text("10000")
    page.locator("#scroll").press("End")
    expect(rows.last).to_contain_text("Acknowledged")
    page.locator("#filter-text").fill("GD-777")
    expect(page.locator("#filter-count")).to_have_text("11 of 10001 shown")
    print(f"first screen with 10,000 open alarms: {took * 1000:.0f} ms")
    assert took < 1.0 * PATIENCE


def test_the_first_visit_is_the_login_and_logout_ends_it(browser: Any, stand: Stand, tmp_path: Path) -> None:
    stand.person("wang", "regulator", Scope(enterprise="acme"))
    stand.apply((gas_alarm("GD-1"), True, 60.0))
    context = browser.new_context(viewport={"width": 1400, "height": 800}, locale="zh-CN")
    page = context.new_page()
    page.goto(stand.url + "/?lang=zh")
    expect(page).to_have_url(f"{stand.url}/login?next=/%3Flang%3Dzh")
    page.get_by_label("账号").fill("wang")
    page.get_by_label("密码").fill("a wrong one, sorry")
    page.get_by_role("button", name="登录").click()
    expect(page.locator("#refused")).to_have_text("账号或密码错误")
    shot(page, tmp_path, "login-zh")
    page.get_by_label("密码").fill(PASSWORD)
    page.get_by_role("button", name="登录").click()
    expect(page.locator("#alarms tbody tr")).to_have_count(1)
    expect(page.locator("#person")).to_contain_text("监管人员")
    expect(page.get_by_role("button", name="确认")).to_have_count(0)
    page.get_by_role("button", name="退出").click()
    expect(page).to_have_url(stand.url + "/login")
    page.goto(stand.url)
    expect(page).to_have_url(f"{stand.url}/login?next=/")
    context.close()


def test_a_one_time_link_opens_the_console_once(browser: Any, stand: Stand, tmp_path: Path) -> None:
    link = stand.access.add("zhao", "<b>Zhao</b>", "operator", Scope(), time.time_ns())
    context = browser.new_context(viewport={"width": 1400, "height": 800}, locale="en-GB")
    page = context.new_page()
    page.goto(f"{stand.url}/welcome/{link}")
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_label("Once more").fill("something different")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#refused")).to_have_text("The two are not the same.")
    page.get_by_label("Once more").fill(PASSWORD)
    shot(page, tmp_path, "welcome")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#person")).to_contain_text("<b>Zhao</b> operator · whole city")
    page.goto(f"{stand.url}/welcome/{link}")
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_label("Once more").fill(PASSWORD)
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#refused")).to_contain_text("used already")
    context.close()


def test_what_comes_anew_behind_a_dialog_is_not_shelved(page: Page, stand: Stand) -> None:
    known = gas_alarm("GD-1", "H", 2)
    stand.apply((known, True, 30.0))
    page.goto(stand.url)
    page.locator("#alarms tbody tr").click()
    page.keyboard.press("s")
    dialog = page.locator("#shelf")
    dialog.get_by_label("Why").fill("calibration")
    stand.apply((known, False, 3.0), (known, True, 31.0))
    expect(page.locator("#alarms tbody tr")).to_contain_text("31")
    dialog.get_by_role("button", name="Shelve").click()
    expect(page.locator("#message")).to_contain_text("occurrence 1 is over, the alarm is at occurrence 2")
    expect(page.locator("#alarms tbody tr")).not_to_contain_text("Shelved")


def test_an_alarm_is_shelved_with_a_reason_and_brought_back(page: Page, stand: Stand, tmp_path: Path) -> None:
    stand.apply((gas_alarm("GD-1", "H", 2), True, 30.0), (gas_alarm("GD-2"), True, 60.0))
    page.goto(stand.url)
    rows = page.locator("#alarms tbody tr")
    expect(rows).to_have_count(2)
    page.keyboard.press("End")
    chosen = page.locator("#chosen")
    chosen.get_by_role("button", name="Shelve acme/tankfarm/GD-1/lel:H").click()
    dialog = page.locator("#shelf")
    dialog.get_by_label("Why").fill("<b>calibration</b>")
    dialog.get_by_label("For how long").select_option("4 hours")
    shot(page, tmp_path, "shelve")
    dialog.get_by_role("button", name="Shelve").click()
    last = rows.last
    expect(last).to_contain_text("Shelved")
    expect(last).to_contain_text("the condition holds")
    expect(chosen).to_contain_text("<b>calibration</b>")
    expect(page.locator("#unanswered")).to_have_text("1")
    shot(page, tmp_path, "shelved")
    last.get_by_role("button", name="Unshelve acme/tankfarm/GD-1/lel:H").click()
    expect(page.locator("#unanswered")).to_have_text("2")
    page.locator('tr[data-alarm="acme/tankfarm/GD-2/lel:HH"]').click()
    expect(chosen).to_contain_text("GD-2")
    page.locator('tr[data-alarm="acme/tankfarm/GD-1/lel:H"]').click()
    page.keyboard.press("s")
    asked = len(stand.asked)
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_be_hidden()
    assert len(stand.asked) == asked


def test_an_alarm_is_taken_out_of_service_by_work_order(page: Page, stand: Stand) -> None:
    stand.apply((gas_alarm("GD-1", "H", 2), True, 30.0))
    page.goto(stand.url)
    page.locator("#alarms tbody tr").click()
    page.get_by_role("button", name="Take out of service acme/tankfarm/GD-1/lel:H").click()
    dialog = page.locator("#removal")
    dialog.get_by_role("button", name="Take out of service").click()
    expect(dialog).to_be_visible()  # neither order nor reason: the browser asks for them
    dialog.get_by_label("Work order").fill("WO-17")
    dialog.get_by_label("Why").fill("sensor is being changed")
    dialog.get_by_role("button", name="Take out of service").click()
    row = page.locator("#alarms tbody tr")
    expect(row).to_contain_text("Out of service")
    expect(page.locator("#chosen")).to_contain_text("WO-17")
    expect(page.locator("#unanswered")).to_have_text("0")
    row.get_by_role("button", name="Return to service acme/tankfarm/GD-1/lel:H").click()
    expect(page.locator("#unanswered")).to_have_text("1")


def test_the_whole_list_is_worked_by_keys(page: Page, stand: Stand) -> None:
    stand.apply(*[(gas_alarm(f"GD-{n}", "H", 2), True, 30.0 + n) for n in range(6)])
    page.goto(stand.url)
    rows = page.locator("#alarms tbody tr")
    expect(rows).to_have_count(6)
    first, second = (rows.nth(n).get_attribute("data-alarm") for n in (0, 1))
    page.keyboard.press("ArrowDown")
    expect(page.locator("#chosen")).to_contain_text(str(first))
    page.keyboard.press("a")
    expect(page.locator("#unanswered")).to_have_text("5")
    expect(page.locator("#chosen")).to_contain_text(str(second))
    page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Shift+ArrowDown")
    expect(page.locator("#marked-count")).to_have_text("3 marked")
    page.keyboard.press("a")
    expect(page.locator("#unanswered")).to_have_text("2")
    assert [len(one["args"].get("alarms", [1])) for one in stand.asked] == [1, 3]
    page.keyboard.press("Home")
    page.keyboard.press("c")
    page.locator("#remark-text").fill("sent somebody")
    page.get_by_role("button", name="Comment and acknowledge").click()
    expect(page.locator("#unanswered")).to_have_text("1")
    assert stand.asked[-1]["args"]["comment"] == "sent somebody"
    page.keyboard.press("Control+a")
    expect(page.locator("#marked-count")).to_have_text("1 marked")
    page.keyboard.press("Escape")
    expect(page.locator("#marked")).to_be_hidden()
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.keyboard.type("gd-3")
    expect(page.locator("#filter-count")).to_have_text("1 of 6 shown")
    page.keyboard.press("Escape")
    expect(page.locator("#scroll")).to_be_focused()


def test_a_filter_is_in_the_address_and_hides_no_urgent_alarm_silently(page: Page, stand: Stand) -> None:
    stand.apply(*[(gas_alarm(f"GD-{n}", priority=1 + n % 4), True, 60.0) for n in range(8)])
    page.goto(stand.url)
    rows = page.locator("#alarms tbody tr")
    expect(rows).to_have_count(8)
    expect(page.locator("#hidden-urgent")).to_be_hidden()
    page.locator("#filter input[value='2']").check()
    expect(rows).to_have_count(2)
    expect(page.locator("#hidden-urgent")).to_contain_text("2 unacknowledged urgent alarms are hidden")
    assert "priority=2" in page.url
    page.reload()
    expect(rows).to_have_count(2)
    stand.apply((gas_alarm("GD-90", priority=2), True, 61.0), (gas_alarm("GD-91", priority=1), True, 61.0))
    expect(rows).to_have_count(3)
    expect(page.locator("#hidden-urgent")).to_contain_text("3 unacknowledged")
    page.locator("#language").click()
    expect(rows).to_have_count(3)
    expect(page.locator("#hidden-urgent")).to_contain_text("筛选隐藏了 3 条")
    page.locator("#hidden-urgent").click()
    expect(rows).to_have_count(10)
    assert "priority" not in page.url
    page.goto(stand.url + "/?enterprise=%3Cscript%3Ealert(1)%3C/script%3E")
    expect(page.locator("#none-passes")).to_be_visible()


def test_the_horn_needs_a_gesture_and_a_mute_has_an_end(page: Page, stand: Stand) -> None:
    stand.apply((gas_alarm("GD-1", "H", 2), True, 30.0))
    page.goto(stand.url)
    sound = page.locator("#sound")
    expect(sound).to_have_text("Sound waits for a click")
    page.keyboard.press("ArrowDown")
    expect(sound).to_have_text("Sound on")
    page.locator("#silence").click()
    expect(page.locator("#silence")).to_be_hidden()
    page.locator("#mute").select_option("15")
    expect(sound).to_contain_text("Muted until")
    stand.apply((gas_alarm("GD-2", "H", 3), True, 30.0))
    expect(page.locator("#unanswered")).to_have_text("2")
    expect(sound).to_contain_text("Muted until")
    stand.apply((gas_alarm("GD-3"), True, 60.0))
    expect(sound).to_have_text("Sound on")
    expect(page.locator("#silence")).to_be_visible()
    sound.click()
    expect(sound).to_have_text("Sound OFF")
    page.reload()
    expect(sound).to_have_text("Sound OFF")


def test_a_safety_alarm_is_shelved_by_two_persons(
    page: Page, browser: Any, stand: Stand, tmp_path: Path
) -> None:
    stand.person("wang", "supervisor")
    stand.apply((gas_alarm("GD-1"), True, 60.0))
    page.goto(stand.url)
    page.locator("#alarms tbody tr").click()
    for reason in ("calibration", "<i>calibration</i>"):
        page.keyboard.press("s")
        expect(page.locator("#shelf .takes-two")).to_be_visible()
        page.locator("#shelf").get_by_label("Why").fill(reason)
        page.locator("#shelf").get_by_role("button", name="Shelve").click()
        expect(page.locator("#message")).to_contain_text("second person")
        waiting = page.locator("#requests li")
        expect(waiting).to_contain_text(f"You: Shelve · for 60 min · {reason}")
        expect(waiting.get_by_role("button", name="Confirm")).to_have_count(0)
        if reason == "calibration":
            waiting.get_by_role("button", name="Take back").click()
            expect(waiting).to_have_count(0)
    shot(page, tmp_path, "request")
    context = browser.new_context(viewport={"width": 1400, "height": 800}, locale="zh-CN")
    (name, secret), *_ = stand.cookie("wang").items()
    context.add_cookies([{"name": name, "value": secret, "url": stand.url}])
    second = context.new_page()
    second.goto(stand.url + "/?lang=zh")
    asked = second.locator("#requests li")
    expect(asked).to_contain_text("li: 搁置 · 60 分钟 · <i>calibration</i>")
    shot(second, tmp_path, "request-zh")
    asked.get_by_role("button", name="确认执行").click()
    expect(asked).to_have_count(0)
    expect(second.locator("#alarms tbody tr")).to_contain_text("已搁置")
    expect(page.locator("#alarms tbody tr")).to_contain_text("Shelved")
    expect(page.locator("#requests")).to_be_hidden()
    assert [one["action"] for one in stand.asked] == ["shelve", "decline", "shelve", "confirm"]
    context.close()


def test_on_a_phone_the_chosen_alarm_gives_the_list_back(page: Page, stand: Stand) -> None:
    stand.apply((gas_alarm("GD-1", "H", 2), True, 30.0))
    page.set_viewport_size({"width": 400, "height": 850})
    page.goto(stand.url)
    row = page.locator("#alarms tbody tr")
    row.click()
    expect(page.locator("#chosen h2 a")).to_have_text("acme/tankfarm/GD-1/lel:H")
    expect(row).to_have_attribute("aria-selected", "true")
    page.get_by_role("button", name="Back to the whole list").click()
    expect(page.locator("#chosen h2")).to_have_count(0)
    expect(row).to_have_attribute("aria-selected", "false")
    page.set_viewport_size({"width": 1400, "height": 850})
    row.click()
    expect(page.get_by_role("button", name="Back to the whole list")).to_be_hidden()
