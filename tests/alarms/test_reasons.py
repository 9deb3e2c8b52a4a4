"""Every sentence of why an alarm began or ended, to the sign: an operator checks it against the numbers."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

import detectors
from device_profiles import AlarmDefinition, DetectorRule, DeviceAlarm, Point
from gateway.alarms import definition, flow_notes, reasons
from gateway.alarms.advice import advice, advice_texts, conditions
from gateway.alarms.definition import Definition, Place
from gateway.alarms.flow import News
from gateway.alarms.texts import DEVICE, SYSTEM
from tests.alarms.made import POINT, high

PLACE = Place("acme", "plant", "tank-1", "GD-1", "gas", "lel", "Jiashan", "city gas", 30.84, 120.92)
S = 1_000_000_000
HIGH = msgspec.structs.replace(high("HH"), on_delay_ns=2 * S, off_delay_ns=90 * S)
LOW = msgspec.structs.replace(HIGH, condition="LL", clear_readings=1)
ODD = msgspec.structs.replace(HIGH, condition="X", unit="")
RELAY = msgspec.structs.replace(HIGH, condition="gas", states_en={"2": "gas"}, states_zh={"2": "燃气"})
RANGE = Point(channel="lel", title_en="Gas", title_zh="可燃气", unit="%LEL", low=-1.0, high=100.0)


def device(condition: str) -> Definition:
    return definition.device(condition, None, PLACE, point=RANGE, clear_readings=3)


@pytest.mark.parametrize(
    ("known", "value", "limit", "en", "zh"),
    [
        (HIGH, 12.4, 10.0, "12.4 %LEL >= 10 %LEL (HH) held 2 s", "12.4 %LEL ≥ 10 %LEL(高高限 HH),持续 2 秒"),
        (LOW, 1.0, 2.5, "1 %LEL <= 2.5 %LEL (LL) held 2 s", "1 %LEL ≤ 2.5 %LEL(低低限 LL),持续 2 秒"),
        (ODD, 1.0, 2.0, "1 <= 2 (X) held 2 s", "1 ≤ 2(X),持续 2 秒"),
        (HIGH, None, 10.0, "the value is not a number: taken as over the limit (HH)",
         "数值无效:按越限处理(高高限 HH)"),
        (ODD, None, 10.0, "the value is not a number: taken as over the limit (X)", "数值无效:按越限处理(X)"),
        (RELAY, 2.0, None, 'state 2 "gas" (gas) held 2 s', "状态 2“燃气”(gas),持续 2 秒"),
        (RELAY, 7.0, None, "state 7 (gas) held 2 s", "状态 7(gas),持续 2 秒"),
        (RELAY, None, None, "no valid state (gas) held 2 s", "状态无效(gas),持续 2 秒"),
    ],
)  # fmt: skip
def test_why_a_limit_or_a_state_alarms(
    known: Definition, value: float | None, limit: float | None, en: str, zh: str
) -> None:
    assert reasons.raised(known, value, limit) == (en, zh)


@pytest.mark.parametrize(
    ("known", "value", "limit", "en", "zh"),
    [
        (HIGH, 9.0, 10.0, "9 %LEL < 9.5 %LEL (HH 10, deadband 0.5) held 90 s over 3 good readings",
         "9 %LEL < 9.5 %LEL(高高限 HH 10,回差 0.5),持续 90 秒、3 个有效读数"),
        (LOW, 3.0, 2.0, "3 %LEL > 2.5 %LEL (LL 2, deadband 0.5) held 90 s over 1 good reading",
         "3 %LEL > 2.5 %LEL(低低限 LL 2,回差 0.5),持续 90 秒、1 个有效读数"),
        (ODD, 3.0, 2.0, "3 > 2.5 (X 2, deadband 0.5) held 90 s over 3 good readings",
         "3 > 2.5(X 2,回差 0.5),持续 90 秒、3 个有效读数"),
        (RELAY, 0.0, None, "state 0 held 90 s over 3 good readings", "状态 0,持续 90 秒、3 个有效读数"),
        (HIGH, None, 10.0, "no valid state held 90 s over 3 good readings",
         "状态无效,持续 90 秒、3 个有效读数"),
    ],
)  # fmt: skip
def test_why_a_limit_or_a_state_is_over(
    known: Definition, value: float | None, limit: float | None, en: str, zh: str
) -> None:
    assert reasons.cleared(known, value, limit) == (en, zh)


@pytest.mark.parametrize(
    ("condition", "value", "limit", "tail_en", "tail_zh"),
    [
        ("silent", 125.0, 120.0, " for 125 s, expected within 120 s", "已 125 秒,应在 120 秒内上报"),
        ("never_seen", 125.0, 120.0, " for 125 s, expected within 120 s", "已 125 秒,应在 120 秒内上报"),
        ("silent", 125.0, None, "", ""),
        ("silent", None, 120.0, "", ""),
        ("flooding", 50.0, 2.0, ": 50 beyond 2 a second and channel", ":每通道每秒 2 次,超出 50 个"),
        ("flooding", None, 2.0, "", ""),
        ("flooding", 50.0, None, "", ""),
        ("sensor_fault", 50.0, 2.0, "", ""),
        ("out_of_range", None, None, "", ""),
    ],
)
def test_why_a_device_alarms(
    condition: str, value: float | None, limit: float | None, tail_en: str, tail_zh: str
) -> None:
    title_en, title_zh, *_ = DEVICE[condition]
    assert reasons.raised(device(condition), value, limit) == (title_en + tail_en, title_zh + tail_zh)


def test_a_value_out_of_range_is_told_with_the_range() -> None:
    known = device("out_of_range")
    assert reasons.raised(known, 120.0, None) == (
        f"120 %LEL {known.title_en}: -1..100 %LEL", f"120 %LEL {known.title_zh}:-1..100 %LEL",
    )  # fmt: skip
    bare = msgspec.structs.replace(known, unit="", high=None)
    assert reasons.raised(bare, 120.0, None).en == f"120 {known.title_en}: -1..0"
    nothing = msgspec.structs.replace(known, low=None)
    assert reasons.raised(nothing, 120.0, None).en == known.title_en
    assert reasons.raised(device("sensor_fault"), 120.0, None).en == DEVICE["sensor_fault"][0]


@pytest.mark.parametrize(
    ("known", "value", "en", "zh"),
    [
        (device("silent"), 130.5, "a reading came after 130.5 s", "130.5 秒后收到读数"),
        (device("never_seen"), 7.0, "a reading came after 7 s", "7 秒后收到读数"),
        (device("silent"), None, "readings arrive again", "读数恢复"),
        (device("sensor_fault"), 1.0, "3 good readings in a row", "连续 3 个有效读数"),
        (msgspec.structs.replace(device("out_of_range"), clear_readings=1), 1.0, "1 good reading in a row",
         "连续 1 个有效读数"),
        (device("flooding"), 1.0, f"over: {DEVICE['flooding'][0]}", f"已结束:{DEVICE['flooding'][1]}"),
        (definition.system("disk_full"), 1.0, f"over: {SYSTEM['disk_full'].title_en}",
         f"已结束:{SYSTEM['disk_full'].title_zh}"),
        (definition.system("silent"), 1.0, "over: Gateway condition 'silent'", "已结束:网关状态 'silent'"),
    ],
)  # fmt: skip
def test_why_a_device_or_the_gateway_is_well_again(
    known: Definition, value: float | None, en: str, zh: str
) -> None:
    assert reasons.cleared(known, value, 120.0) == (en, zh)


def rule_of(condition: str, **settings: Any) -> DetectorRule:
    return DetectorRule(
        channel="lel",
        kind=advice_texts()[condition].kind,
        priority=3,
        settings=settings,
        consequence_en="it leaks",
        consequence_zh="泄漏",
        response_en="go and see",
        response_zh="现场检查",
        clause="no clause",
        source_verified=False,
    )


def advised(condition: str, **settings: Any) -> Definition:
    return advice(condition, rule_of(condition, **settings), POINT, PLACE, clear_readings=4)


def test_why_a_detector_advises() -> None:
    for known, value, limit, extra, began, over in (
        ("heading_to_limit", 2.0, 25.0, 7.5,
         "on its way to the limit: 2 %LEL an hour, reaches 25 %LEL in about 7.5 min",
         "no longer on its way to 25 %LEL"),
        ("voted", 2.0, 2.0, 20.0, "several sensors agree: 2 passed 20, 2 needed",
         "only 2 beyond 20, 2 needed"),
        ("voted", None, None, None, "several sensors agree: ? passed ?, ? needed",
         "only ? beyond ?, ? needed"),
        ("above_setpoint", None, 3.0, None, "stays above its setpoint: ? for 60 s, setpoint 3 %LEL",
         "back at its setpoint: ?"),
    ):  # fmt: skip
        found = advised(known)
        assert reasons.raised(found, value, limit, extra).en == began
        assert reasons.cleared(found, value, limit, extra).en == over
    zh = reasons.raised(advised("voted"), 2.0, 3.0, 20.0).zh
    assert zh == "多个传感器一致确认:2 个越过 20,需 3 个"
    assert reasons.cleared(advised("voted"), 2.0, 3.0, 20.0).zh == "仅 2 个越过 20,需 3 个"


def test_an_advice_is_a_whole_alarm() -> None:
    found = advised("above_setpoint")
    texts = advice_texts()["above_setpoint"]
    assert (found.id, found.condition, found.category) == (
        "acme/plant/GD-1/lel:above_setpoint", "above_setpoint", "process",
    )  # fmt: skip
    assert {name: getattr(found, name) for name in Place._fields} == PLACE._asdict()
    assert (found.priority, found.unit, found.clear_readings) == (3, "%LEL", 4)
    assert (found.title_en, found.title_zh) == texts.title
    assert (found.consequence_en, found.consequence_zh) == ("it leaks", "泄漏")
    assert (found.response_en, found.response_zh) == ("go and see", "现场检查")
    assert (found.clause, found.source_verified) == ("no clause", False)
    assert (found.on_delay_ns, advised("above_setpoint", after_ns=5).on_delay_ns) == (60 * S, 5)
    assert (advised("voted").unit, advised("bearing_rise").unit) == ("", "K")
    assert advice("voted", rule_of("voted"), POINT, PLACE).clear_readings == 1


def test_a_detector_waits_as_long_as_its_table_says() -> None:
    advice_texts.cache_clear()
    for condition, told in advice_texts().items():
        setting = detectors.advising()[told.kind].SETTINGS.get("after_s")
        assert told.held_ns == (0 if setting is None else (setting.default or 0.0) * S), condition
    assert {advice_texts()[c].held_ns for c in ("voted", "above_setpoint", "no_current")} == {
        0,
        60 * S,
        180 * S,
    }
    assert conditions("voting") == ["voted", "voting_degraded"]
    assert conditions("limits") == []


def test_a_device_alarm_takes_what_the_profile_says_of_it() -> None:
    own = DeviceAlarm(condition="out_of_range", priority=2, response_en="Look", response_zh="看")
    found = definition.device("out_of_range", own, PLACE, point=RANGE, clear_readings=5)
    assert found.id == "acme/plant/GD-1/lel:out_of_range"
    assert {name: getattr(found, name) for name in Place._fields} == PLACE._asdict()
    assert (found.priority, found.response_en, found.response_zh, found.clear_readings) == (
        2,
        "Look",
        "看",
        5,
    )
    assert (found.unit, found.low, found.high) == ("%LEL", -1.0, 100.0)
    bare = definition.device("no_such_fault", None, PLACE)
    assert (bare.unit, bare.low, bare.high, bare.clear_readings) == ("", None, None, 1)
    assert (bare.title_en, bare.title_zh, bare.priority) == ("no_such_fault", "no_such_fault", 3)
    assert (bare.response_en, bare.response_zh) == ("Check the device.", "检查设备。")


def test_a_system_alarm_tells_several_of_a_kind_apart() -> None:
    known, one = SYSTEM["sink_down"], definition.system("sink_down", "influx")
    assert (one.id, one.condition, one.category) == ("gateway:sink_down.influx", "sink_down", "system")
    assert (one.title_en, one.title_zh) == (f"{known.title_en} (influx)", f"{known.title_zh} (influx)")
    assert (one.priority, one.response_en, one.response_zh) == (
        known.priority, known.response_en, known.response_zh,
    )  # fmt: skip
    assert definition.system("sink_down").title_zh == known.title_zh
    new = definition.system("new")
    assert (new.priority, new.title_en, new.title_zh) == (2, "Gateway condition 'new'", "网关状态 'new'")
    assert new.response_en
    assert new.response_zh


def test_a_process_alarm_keeps_what_profile_and_place_say() -> None:
    states = {"states": {"1": "on"}, "states_zh": {"1": "开"}}
    point = Point(channel="lel", title_en="Relay", title_zh="继电器", unit="%LEL", **states)
    texts = {"consequence_en": "fire", "consequence_zh": "火灾", "response_en": "go", "response_zh": "去"}
    rule = AlarmDefinition(
        channel="lel", condition="H", deadband=0.5, on_delay_ns=2, off_delay_ns=3, priority=2, latch=True,
        clause="cl. 5", source_verified=False, **texts,
    )  # fmt: skip
    found = definition.process(rule, point, PLACE, clear_readings=6)
    assert (found.id, found.condition, found.category) == ("acme/plant/GD-1/lel:H", "H", "process")
    assert {name: getattr(found, name) for name in Place._fields} == PLACE._asdict()
    assert {name: getattr(found, name) for name in texts} == texts
    assert (found.states_en, found.states_zh) == (states["states"], states["states_zh"])
    assert (found.deadband, found.on_delay_ns, found.off_delay_ns, found.clear_readings) == (0.5, 2, 3, 6)
    assert (found.priority, found.latch, found.unit) == (2, True, "%LEL")
    assert (found.clause, found.source_verified) == ("cl. 5", False)


@pytest.mark.parametrize("began", [True, False])
def test_a_flood_is_told_with_its_figures(began: bool) -> None:
    news = News("acme", began, 12, 5 * S, "acme/a:H")
    note = flow_notes.flood(news)
    assert note.kind == ("flood_began" if began else "flood_ended")
    assert note.detail == {"area": "acme", "alarms": 12, "since_ns": 5 * S, "first": "acme/a:H"}
    assert note.reason.en.endswith("the first was acme/a:H")
    assert note.reason.zh.endswith("首个为 acme/a:H")
    unknown = flow_notes.flood(News("", began, 12, 5 * S, "")).reason
    assert "the gateway" in unknown.en
    assert "网关" in unknown.zh
    assert unknown.en.endswith("the first is not known")
    assert unknown.zh.endswith("首个未知")
