"""The keys of a mapping: paths, units, times; each mistake is told with its key and what to do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_profiles import ProfileError, parse
from device_profiles._conversions import SPELLINGS, WIRE_UNITS, between, linear, spelled
from device_profiles._reader import take
from device_profiles._units import UNITS
from device_profiles.codecs import Refusal
from device_profiles.codecs._paths import ABSENT, find, path
from device_profiles.codecs._times import time_ms, zone_minutes
from gateway.fleet import read_profiles

VENDOR = "gas/vendor_mapped"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TEXT = read_profiles([])[VENDOR]

MISTAKES = [
    ('"$.time"', '"$time"', "stream[1].time: '$time' is no path from character 2 on; write such as"),
    ('"data.params[*]"', '"data.params"', "stream[1].records: 'data.params' does not end in [*]"),
    ('"data.params[*]"', '"data[*].params[*]"', "stream[1].records: 'data[*].params[*]' is no path from"),
    ('value = "val"', 'value = "a..b"', "stream[1].value: 'a..b' is no path from character 2 on"),
    ('value = "val"\n', "", "stream[1].reading[1].value: is missing; say where the value stands"),
    ('time = "$.time"\n', "", 'stream[1].time: is missing; say where the time stands, or "arrival"'),
    ('time_format = "iso"\n', "", "stream[1].time_format: is missing; add it"),
    ('"iso"', '"unix"', "stream[1].time_format: 'unix' is not known; choose from compact, iso, ms, s"),
    ('"iso"', '"ms"', "stream[1].time_zone: has no meaning with time_format 'ms'"),
    (
        '"iso"\ntime_zone = "+08:00"',
        '"compact"',
        "stream[1].time_zone: is missing, and a compact time names no",
    ),
    (
        '"+08:00"',
        '"Asia/Shanghai"',
        "stream[1].time_zone: 'Asia/Shanghai' is no offset; write such as +08:00",
    ),
    ('"$.time"', '"arrival"', 'stream[1].time_format: has no meaning with time = "arrival"; remove it'),
    ('name_path = "tag"\n', "", "stream[1].reading[1].called: has no meaning without the stream's name_path"),
    ('name_path = "tag"\n', "", "stream[1].ignored: has no meaning without name_path; remove it"),
    ('"RSSI"', '"CH4"', "stream[1].ignored: 'CH4' is also the name of a reading; keep one"),
    ('9 = "bad"', '9 = "ok"', "stream[1].qualities.9: 'ok' is not known; choose from bad, good, uncertain"),
    ('quality = "st"\n', "", "stream[1].qualities: and quality belong together; give both, or neither"),
    ('quality_else = "uncertain"', 'quality_else = "x"', "stream[1].quality_else: 'x' is not known"),
    ('"TEMP"', '"CH4"', "stream[1].reading[2].called: 'CH4' already stands in reading[1]; keep one"),
    (
        'channel = "relay"\ncalled',
        'channel = "lel"\ncalled',
        "stream[1].reading[4].channel: 'lel' already stands in reading[1]; keep one",
    ),
    (
        'channel = "relay"\ncalled',
        'channel = "rely"\ncalled',
        "stream[1].reading[4].channel: 'rely' is no channel; choose from lel, temperature",
    ),
    (
        '"MPa"',
        '"psi"',
        "stream[1].reading[3].unit: 'psi' is no unit that is known; give factor (and offset) to 'kPa'",
    ),
    ('unit = "MPa"', 'unit = "℃"', "stream[1].reading[3].unit: '℃' is not 'kPa' by units alone; give factor"),
    (
        'unit = "MPa"',
        'factor = "1"',
        "stream[1].reading[3].unit: is missing; say in which unit the vendor sends it",
    ),
    (
        'unit = "MPa"',
        'unit = "x"\nfactor = 0',
        "stream[1].reading[3].factor: is 0; give what one unit on the wire",
    ),
    ('unit = "MPa"', 'unit = "x"\nfactor = inf', "stream[1].reading[3].factor: is not finite"),
    (
        'called = "RELAY"',
        'called = "RELAY"\nunit = "1"',
        "stream[1].reading[4].unit: has no meaning, for values",
    ),
    ("ON = 1", 'ON = "1"', "stream[1].reading[4].values.ON: is a text; give a number"),
    (
        'missing = [-999, "--"]',
        "missing = [[1]]",
        "stream[1].reading[1].missing[0]: is a list; give a text, a number",
    ),
    (
        'missing = [-999, "--"]',
        f"missing = [{10**18}]",
        "stream[1].reading[1].missing[0]: is beyond the numbers",
    ),
    ("text_numbers = true", "text_numbers = 1", "stream[1].text_numbers: is a number; give true or false"),
    (
        "text_numbers",
        "text_number",
        "stream[1].text_number: is not a key of a profile; did you mean 'text_numbers'?",
    ),
    (
        "offset = -40",
        "ofset = -40",
        "stream[1].reading[2].ofset: is not a key of a profile; did you mean 'offset'?",
    ),
    (
        'codec = "mapping"',
        'codec = "maping"',
        "stream[1].codec: 'maping' is not known; did you mean 'mapping'?",
    ),
    (
        "[[stream.reading]]",
        "[[stream.readings]]",
        "stream[1].reading: is missing; add a [[stream.reading]] for every",
    ),
    (
        'codec = "mapping"',
        'codec = "json_batch"',
        "stream[1].records: is not a key of a profile;",
    ),
]


@pytest.mark.parametrize(("old", "new", "told"), MISTAKES, ids=[m[2][:60] for m in MISTAKES])
def test_one_mistake(old: str, new: str, told: str) -> None:
    text = TEXT.replace(old, new)
    assert text != TEXT
    with pytest.raises(ProfileError) as caught:
        parse(VENDOR, text)
    found = caught.value.problems
    assert any(problem.startswith(f"{VENDOR}: {told}") for problem in found), "\n".join(found)
    assert all("; " in problem or problem.endswith("or Z") for problem in found), found


def test_a_codec_that_is_not_known_is_the_only_problem() -> None:
    with pytest.raises(ProfileError) as caught:
        parse(VENDOR, TEXT.replace('codec = "mapping"', 'codec = "maping"'))
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize(
    ("text", "steps", "from_root"),
    [
        ("val", ("val",), False),
        ("data.sensors[0].val", ("data", "sensors", 0, "val"), False),
        ("$.time", ("time",), True),
        ("$[3][0]", (3, 0), True),
        ('["a.b"].c', ("a.b", "c"), False),
        ('data["x y"][2]', ("data", "x y", 2), False),
        ("数据.值", ("数据", "值"), False),
        ("@id.a-b", ("@id", "a-b"), False),
    ],
)
def test_paths(text: str, steps: tuple[Any, ...], from_root: bool) -> None:
    assert path(text) == (text, from_root, steps)


@pytest.mark.parametrize(
    "text",
    [
        "$",
        ".a",
        "a.",
        "a..b",
        "a[-1]",
        "a[01]",
        "a[*]",
        "a.*",
        "a b",
        "a[",
        "a]",
        "a[b]",
        "$a",
        'a.["b"]',
        'a[""]',
        "a[0]b",
    ],
)
def test_what_is_no_path(text: str) -> None:
    with pytest.raises(ValueError, match=r"no path from character|names nothing"):
        path(text)


names = st.text(st.characters(exclude_characters='"', exclude_categories=["Cs"]), min_size=1, max_size=5)


@given(st.lists(names | st.integers(0, 3), min_size=1, max_size=8), st.booleans(), st.booleans())
def test_a_path_finds_what_stands_there(steps: list[str | int], from_root: bool, cut: bool) -> None:
    value: Any = 42
    for step in reversed(steps):
        value = [None] * step + [value] if isinstance(step, int) else {step: value, step + "x": 0}
    text = "$" * from_root + "".join(f"[{s}]" if isinstance(s, int) else f'["{s}"]' for s in steps)
    where = path(text)
    record, root = (None, value) if from_root else (value, None)
    assert find(where, record, root) == 42
    empty: Any = [] if isinstance(steps[0], int) else {}
    assert find(where, empty, empty) is ABSENT
    assert find(where, None, None) is ABSENT
    with pytest.raises(Refusal, match="wrong_type"):
        find(where, 5 if cut else "text", 5)


@given(st.integers(-(2**51), 2**52), st.integers(-14 * 60, 14 * 60))
def test_times_are_those_of_the_calendar(wanted: int, zone: int) -> None:
    local = (EPOCH + timedelta(microseconds=wanted)).astimezone(timezone(timedelta(minutes=zone)))
    for text in (local.isoformat(), local.isoformat(" ")):
        assert round(time_ms(text, "iso", None, "t") * 1000) == wanted
    naive = local.isoformat()[:-6]
    assert round(time_ms(naive, "iso", zone, "t") * 1000) == wanted
    assert time_ms(local.strftime("%Y%m%d%H%M%S"), "compact", zone, "t") == wanted // 1_000_000 * 1000


@pytest.mark.parametrize(
    ("value", "form"),
    [
        ("2025-11-25T09:33:18", "iso"),
        ("2025-13-25T09:33:18Z", "iso"),
        ("2025-02-29T09:33:18Z", "iso"),
        ("2025-11-25T24:00:00Z", "iso"),
        ("2025-11-25T09:33:60Z", "iso"),
        ("2025-11-25T09:33:18+15:00", "iso"),
        ("2025-11-25T09:33:18+08:60", "iso"),
        ("2025-11-25", "iso"),
        ("2025-11-25T09:33Z", "iso"),
        ("２025-11-25T09:33:18Z", "iso"),
        ("2025-11-25T09:33:18Z\n", "iso"),
        (1764034398, "iso"),
        (True, "ms"),
        ("1764034398123", "ms"),
        ("20251125", "compact"),
        (2025, "compact"),
    ],
)
def test_what_is_no_time(value: Any, form: str) -> None:
    with pytest.raises(Refusal) as caught:
        time_ms(value, form, None, "t")
    assert caught.value.reason == "wrong_type"


def test_times_of_every_form() -> None:
    assert time_ms(1764034398123, "ms", None, "t") == 1764034398123
    assert time_ms(1764034398, "s", None, "t") == 1764034398000
    assert time_ms(1764034398.123456, "s", None, "t") == 1764034398123.456
    assert time_ms(20251125093318, "compact", 480, "t") == 1764034398000
    assert time_ms("20251125093318123", "compact", 480, "t") == 1764034398123
    assert time_ms("2025-11-25T09:33:18,5+0800", "iso", 0, "t") == 1764034398500
    assert time_ms("2025-11-25T01:33:18.123456789Z", "iso", 480, "t") == 1764034398123.456
    assert [zone_minutes(z) for z in ("Z", "+08", "-0330", "+00:00")] == [0, 480, -210, 0]


@given(st.integers(-(10**6), 10**6), st.sampled_from([0.1, 0.01, 0.001, 2.5, 10, 1]), st.integers(-500, 500))
def test_scaled_whole_numbers_are_the_nearest_float(raw: int, factor: float, offset: int) -> None:
    exact = Fraction(raw) * Fraction(repr(factor)) + Fraction(offset, 10)
    assert linear(factor, offset / 10).of(float(raw)) == float(exact)


def test_units_of_one_kind_go_both_ways() -> None:
    pairs = [(a, b) for a in WIRE_UNITS for b in WIRE_UNITS if between(a, b) is not None]
    assert len(pairs) > len(WIRE_UNITS) + 40
    for a, b in pairs:
        there, back = between(a, b), between(b, a)
        assert there is not None
        assert back is not None
        assert back.of(there.of(123.25)) == pytest.approx(123.25, rel=1e-12)


@pytest.mark.parametrize(
    ("said", "ours", "value", "wanted"),
    [
        ("兆帕", "kPa", 0.25, 250.0),
        ("hPa", "kPa", 1013.25, 101.325),
        ("℉", "degC", 212, 100.0),
        ("开尔文", "degC", 273.15, 0.0),
        ("毫伏", "V(CSE)", -850, None),
        ("mV", "V", 1001, 1.001),
        ("%VOL", "ppm", 0.5, 5000.0),
        ("％LEL", "%LEL", 4.2, 4.2),
        ("%LEL", "%VOL", 4.2, None),
        ("mg/m³", "ppm", 1, None),
        ("μg/m³", "mg/m3", 35, 0.035),
        ("km/h", "m/s", 36, 10.0),
        ("升/分钟", "m3/h", 1000, 60.0),
        ("1", "%", 0.5, 50.0),
    ],
)
def test_units_as_vendors_write_them(said: str, ours: str, value: float, wanted: float | None) -> None:
    found = between(spelled(said), ours)
    assert (None if found is None else found.of(value)) == wanted


def test_a_spelling_means_one_unit_and_hides_none() -> None:
    assert not SPELLINGS.keys() & UNITS
    assert set(SPELLINGS.values()) <= WIRE_UNITS


def test_a_current_loop_is_mapped_to_its_current() -> None:
    text = TEXT.replace('unit = "kPa"', 'unit = "kPa"\nwire_unit = "mA"')
    with pytest.raises(ProfileError, match="'MPa' is not 'mA' by units alone; give factor"):
        parse(VENDOR, text)
    profile = parse(VENDOR, text.replace('unit = "MPa"', 'unit = "微安"'))
    body = b'{"devId":"D","startCount":1,"seq":1,"time":"2025-11-25 09:33:18","data":{"params":['
    taken, refused = take(profile, "up", body + b'{"tag":"PRESS","val":12000}]}}')
    assert [(t.point.channel, t.value, t.grade) for t in taken] == [("line_pressure", 500.0, 0)]
    assert refused == []
