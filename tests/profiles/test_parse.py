"""Profile texts: defaults, and every mistake told at once with its place and its fix."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device_profiles import ProfileError, Stream, check, parse

HEAD = """
[profile]
title_en = "Tank"
title_zh = "储罐"
edition = "test"
period_s = 10
"""
POINT = """
[[point]]
channel = "level"
title_en = "Level"
title_zh = "液位"
unit = "%"
low = 0
high = 100
"""
STATE = """
[[point]]
channel = "pump"
title_en = "Pump"
title_zh = "泵"
kind = "discrete"
states = { 0 = "off", 1 = "on" }
states_zh = { 0 = "停", 1 = "开" }
"""
TEXTS = """
priority = 2
consequence_en = "spills"
consequence_zh = "溢出"
response_en = "stop filling"
response_zh = "停止进料"
clause = "no clause"
source_verified = false
"""
EXAMPLES = """
[[example]]
stream = "level"
payload = '{"time_ms": 1, "value": 50}'
readings = [{ channel = "level", time_ms = 1, value = 50, quality = "good" }]
[[example]]
stream = "level"
payload = ''
refused = "empty"
"""


def alarm(**keys: object) -> str:
    lines = {"channel": '"level"', "condition": '"H"', "setpoint": "85", "deadband": "2", **keys}
    return "\n[[alarm]]\n" + "\n".join(f"{k} = {v}" for k, v in lines.items() if v is not None) + TEXTS


GOOD = HEAD + POINT + STATE + alarm() + EXAMPLES


def problems(text: str, profile_id: str = "hazchem/tank") -> list[str]:
    with pytest.raises(ProfileError) as caught:
        parse(profile_id, text)
    found = caught.value.problems
    assert str(caught.value) == "\n".join(found)
    return [problem.removeprefix(f"{profile_id}: ") for problem in found]


def only(text: str) -> str:
    found = problems(text)
    assert len(found) == 1, found
    return found[0]


def test_defaults() -> None:
    profile = parse("hazchem/tank", GOOD)
    assert check(profile) == []
    second = 1_000_000_000
    assert profile.period_ns == profile.upload_period_ns == 10 * second
    assert profile.silent_after_ns == 20 * second
    assert profile.late_after_ns == 30 * second
    assert profile.max_future_ns == 60 * second
    assert profile.max_per_period == 20
    assert (profile.clear_readings, profile.rebase_readings) == (3, 5)
    assert profile.max_payload_bytes == 256 * 1024
    assert profile.streams == (
        Stream(name="batch", codec="json_batch"),
        Stream(name="columns", codec="json_columns"),
        Stream(name="binary", codec="binary"),
        Stream(name="senml", codec="senml"),
    )
    assert [p.channel for p in profile.points] == ["level", "pump"]
    assert profile.points[1].states == {"0": "off", "1": "on"}
    assert (profile.alarms[0].latch, profile.alarms[0].on_delay_ns) == (False, 0)
    assert profile.device_alarms[0].condition == "silent"


def test_defaults_of_a_slow_device_follow_its_upload_period() -> None:
    profile = parse("hazchem/tank", GOOD.replace("period_s = 10", "period_s = 600\nupload_period_s = 86400"))
    assert profile.silent_after_ns == 2 * 86_400 * 10**9
    assert profile.late_after_ns == (86_400 + 1200) * 10**9
    assert profile.clear_readings == 1


def test_a_device_alarm_replaces_what_it_gives() -> None:
    profile = parse("hazchem/tank", GOOD + '[[device_alarm]]\ncondition = "silent"\npriority = 1\n')
    silent = profile.device_alarms[0]
    assert (silent.condition, silent.priority) == ("silent", 1)
    assert silent.response_zh.startswith("检查设备供电")
    assert len(profile.device_alarms) == 9


def test_streams_add_and_replace() -> None:
    more = "".join(f'[[stream]]\nname = "{name}"\ncodec = "json_columns"\n' for name in ("burst", "batch"))
    streams = {s.name: s.codec for s in parse("hazchem/tank", GOOD + more).streams}
    assert streams == {
        "batch": "json_columns",
        "columns": "json_columns",
        "binary": "binary",
        "senml": "senml",
        "burst": "json_columns",
    }


def test_every_mistake_at_once() -> None:
    text = (
        HEAD.replace("period_s = 10", 'period_s = 0\nperiode_s = 5\nclear_readings = "3"')
        + POINT.replace('"%"', '"percent"').replace('"液位"', '" "')
        + POINT
        + STATE.replace('1 = "开"', '2 = "开"')
        + alarm(setpoint="nan", response="1")
        + alarm(channel='"lvl"')
        + "[tank]\n"
    )
    found = problems(text)
    told = "\n".join(found)
    for part in (
        "profile.period_s: is 0 s; give more than 0",
        "profile.periode_s: is not a key of a profile; did you mean 'period_s'?",
        "profile.clear_readings: is a text; give a whole number from 1 to 100",
        "point[1].unit: 'percent' is not known;",
        "point[1].title_zh: is a text; give a text that is not empty",
        "point[2].channel: 'level' already stands in point[1]; keep one",
        "point[3].states_zh: names other states than states; give both languages for each",
        "alarm[1].setpoint: is not finite; give a number",
        "alarm[1].response: is not a key of a profile; did you mean 'response_zh'?",
        "alarm[2].channel: 'lvl' is no channel; choose from level, level, pump",
        "tank: is not a key of a profile;",
        "example: none gives readings",
        "example: none is refused",
    ):
        assert part in told, told


ONE = [
    (
        "hi below lo",
        (POINT, POINT.replace("high = 100", "high = -1"), 1),
        "point[1].high: -1 is not above low 0",
    ),
    (
        "setpoint outside",
        ("setpoint = 85", "setpoint = 101"),
        "alarm[1].setpoint: 101 is outside the range 0..100 %",
    ),
    ("deadband negative", ("deadband = 2", "deadband = -1"), "alarm[1].deadband: -1 is not in 0..100 %"),
    ("deadband of the span", ("deadband = 2", "deadband = 100"), "alarm[1].deadband: 100 is not in 0..100 %"),
    ("never clears", ("deadband = 2", "deadband = 85"), "alarm[1].deadband: it would clear only beyond 0 %"),
    ("infinite", ("high = 100", "high = inf"), "point[1].high: is not finite"),
    ("bool for a number", ("low = 0", "low = false"), "point[1].low: is true or false; give a number"),
    (
        "number for a bool",
        ("source_verified = false", "source_verified = 0"),
        "alarm[1].source_verified: is a number",
    ),
    ("date", ("low = 0", "low = 2025-01-01"), "point[1].low: is a date or time; give a number"),
    ("bad id", ('channel = "level"', 'channel = "le vel"'), "is no id; use 1 to 64"),
    ("huge number", ("low = 0", "low = " + "9" * 400), "point[1].low: is not finite"),
    (
        "unknown condition",
        ('"H"', '"high"'),
        "'high' is none of LL, L, H, HH; correct the condition",
    ),
    (
        "priority",
        ("priority = 2", "priority = 0"),
        "alarm[1].priority: is 0; give a whole number from 1 to 4",
    ),
    ("clause", ('clause = "no clause"', ""), "alarm[1].clause: is missing; add it"),
    (
        "delay",
        ("deadband = 2", "deadband = 2\non_delay_s = 90000"),
        "alarm[1].on_delay_s: is longer than a day",
    ),
    (
        "wire unit",
        ("high = 100", 'high = 100\nwire_unit = "V"'),
        "point[1].wire_unit: 'V' is not known; choose from mA",
    ),
    (
        "silent",
        ("period_s = 10", "period_s = 10\nsilent_after_s = 5"),
        "profile.silent_after_s: is shorter than",
    ),
    ("late", ("period_s = 10", "period_s = 10\nlate_after_s = 5"), "profile.late_after_s: is shorter than"),
    (
        "upload",
        ("period_s = 10", "period_s = 10\nupload_period_s = 5"),
        "profile.upload_period_s: is shorter than",
    ),
    (
        "unit of a state",
        ('kind = "discrete"', 'kind = "discrete"\nunit = "%"'),
        "point[2].unit: has no meaning",
    ),
    (
        "states of a number",
        ("high = 100", 'high = 100\nstates = {0 = "x"}'),
        "point[1].states: belongs to a discrete",
    ),
    ("state name", ('1 = "on"', 'on = "on"'), "point[2].states.on: is no state;"),
    ("reason", ('"empty"', '"void"'), "example[2].refused: 'void' is not known; choose from"),
    ("quality", ('"good"', '"fine"'), "example[1].readings[1].quality: 'fine' is not known;"),
    ("no outcome", ('refused = "empty"', ""), "example[2].readings: is missing; say what readings it gives"),
]


@pytest.mark.parametrize(("change", "told"), [o[1:] for o in ONE], ids=[o[0] for o in ONE])
def test_one_mistake(change: tuple[str, ...], told: str) -> None:
    text = GOOD.replace(change[0], change[1])
    assert text != GOOD
    found = problems(text)
    assert told in "\n".join(found), found
    assert all("; " in problem for problem in found)


def test_limits_in_order() -> None:
    text = HEAD + POINT + alarm() + alarm(condition='"HH"', setpoint="80") + EXAMPLES
    assert only(text) == "alarm: on 'level' H 85 is not below HH 80 %; keep LL < L < H < HH"
    text = HEAD + POINT + alarm(condition='"L"', setpoint="90") + alarm() + EXAMPLES
    assert only(text) == "alarm: on 'level' L 90 is not below H 85 %; keep LL < L < H < HH"


def test_a_condition_stands_once() -> None:
    assert only(HEAD + POINT + alarm() + alarm() + EXAMPLES) == (
        "alarm[2].condition: 'level:H' already stands in alarm[1]; keep one"
    )


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"condition": '"H"', "in_states": None}, "alarm[1].condition: H is a limit, but 'pump' is discrete"),
        ({"condition": '"tripped"', "in_states": None}, "alarm[1].in_states: is missing"),
        ({"condition": '"tripped"', "in_states": "[2]"}, "alarm[1].in_states: 2 not among the states 0, 1"),
        ({"condition": '"tripped"', "in_states": "[0, 1]"}, "holds every state, so it could never clear"),
        ({"condition": '"Tripped"', "in_states": "[1]"}, "'Tripped' is no name; use small letters"),
        ({"condition": '"tripped"', "in_states": "[true]"}, "alarm[1].in_states[0]: is true or false"),
        (
            {"condition": '"tripped"', "in_states": "[1]", "setpoint": "3"},
            "alarm[1].setpoint: belongs to a limit",
        ),
    ],
)
def test_discrete_alarms(keys: dict[str, str | None], told: str) -> None:
    limit = keys["condition"] == '"H"'
    text = alarm(
        **{
            "channel": '"pump"',
            "setpoint": "1" if limit else None,
            "deadband": "0" if limit else None,
            **keys,
        }
    )
    assert told in "\n".join(problems(HEAD + POINT + STATE + text + EXAMPLES))


def test_more_discrete_alarms_than_the_detector_holds() -> None:
    more = "".join(
        alarm(channel='"pump"', condition=f'"c{n}"', in_states="[1]", setpoint=None, deadband=None)
        for n in range(5)
    )
    assert (
        only(HEAD + POINT + STATE + more + EXAMPLES) == "alarm: 5 on discrete 'pump'; 4 at most, join states"
    )


def test_a_channel_named_like_a_stream() -> None:
    text = GOOD.replace('channel = "pump"', 'channel = "batch"')
    assert only(text) == "stream: 'batch' is also a channel's name; rename the channel or the stream"


@pytest.mark.parametrize("profile_id", ["tank", "hazchem/", "/tank", "haz chem/tank", "a/b/c", "储罐/a"])
def test_ids(profile_id: str) -> None:
    assert problems(GOOD, profile_id) == [
        "id: is not <family>/<model>; name the file so, with A-Z a-z 0-9 . _ : - only"
    ]


def test_not_toml() -> None:
    assert "not TOML: " in only("period_s = ")
    assert "line 2" in only('a = 1\na = "x"\n')
    assert "not TOML: " in only("a = " + "9" * 5000)


def test_limits_of_size() -> None:
    assert only("# " + "x" * 70_000) == "has 70002 bytes; shorten it to 65536"
    for levels in (9, 200, 30_000):
        assert only("a = " + "[" * levels + "]" * levels) == "is nested deeper than 8 levels; flatten it"
    many = POINT.replace('"level"', '"c{}"')
    text = HEAD + "".join(many.replace("{}", str(n)) for n in range(257))
    assert "point: stands 257 times; 256 at most" in problems(text)


@pytest.mark.parametrize(
    "text", ["point = 5", "[point]\na = 1", "profile = []", "[[profile]]", "example = ['a']"]
)
def test_tables_of_another_shape(text: str) -> None:
    assert len(problems(text)) >= 2


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_no_text_raises_anything_else(data: st.DataObject) -> None:
    lines = GOOD.splitlines()
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(lines) - 1))
        key = lines[place].partition("=")[0]
        lines[place] = data.draw(
            st.sampled_from(
                ["", f"{key}= []", f"{key}= {{}}", f"{key}= 1e400", f"{key}= true", "x", f"{key}= ''"]
            )
            | st.text(max_size=5)
        )
    try:
        check(parse("hazchem/tank", "\n".join(lines)))
    except ProfileError as error:
        told = error.problems
    else:
        told = ["hazchem/tank: fine"]
    assert told
    assert all(problem.startswith("hazchem/tank: ") for problem in told)


def test_a_channel_that_comes_on_events_needs_a_regular_one_beside_it() -> None:
    assert [p.on_event for p in parse("hazchem/tank", GOOD).points] == [False, False]
    one = GOOD.replace("low = 0\n", "low = 0\non_event = true\n", 1)
    assert [p.on_event for p in parse("hazchem/tank", one).points] == [True, False]
    both = one.replace('kind = "discrete"', 'kind = "discrete"\non_event = true', 1)
    assert only(both).startswith("point: every channel is on_event")
    wrong = GOOD.replace("low = 0\n", 'low = 0\non_event = "yes"\n', 1)
    assert only(wrong).startswith("point[1].on_event: ")
