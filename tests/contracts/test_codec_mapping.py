"""Vendor payloads: what the profile says is read exactly, the rest is refused, any bytes are judged."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device_profiles import parse
from device_profiles.codecs import Decoded, Refusal, mapping
from device_profiles.codecs._mapped import Mapping
from gateway.fleet import read_profiles
from gateway.monitor.decode import DecodedPackets, Decoder
from gateway.monitor.quarantine import Quarantine
from tests.contracts.codec_rig import outcome
from tests.monitor.test_plain import DEVICES, ROSTER, entry

VENDOR = "gas/vendor_mapped"
TEXT = read_profiles([])[VENDOR]
TIME = "2025-11-25 09:33:18.123"
MS = 1764034398123

PLAIN = """
[[stream]]
name = "up"
codec = "mapping"
time = "ts"
time_format = "ms"
%s
[[stream.reading]]
channel = "lel"
value = "gas.lel"
unit = "%%LEL"
[[stream.reading]]
channel = "line_pressure"
value = "gas.p[0]"
unit = "MPa"
optional = true
"""


def with_stream(stream: str) -> str:
    """The shipped vendor profile with another stream."""
    head, _, rest = TEXT.partition("\n[[stream]]")
    return head + stream + "\n[[alarm]]" + rest.partition("\n[[alarm]]")[2]


def mapped(text: str) -> Mapping:
    found = next(s for s in parse(VENDOR, text).streams if s.name == "up").settings
    assert isinstance(found, Mapping)
    return found


SHIPPED = mapped(TEXT)
FIXED = mapped(with_stream(PLAIN % ""))
LISTED = mapped(with_stream(PLAIN % 'records = "list[*]"'))


def read(how: Mapping, payload: Any) -> Decoded:
    return mapping.decode(json.dumps(payload).encode(), "up", how)


def vendor(*params: Any, **more: Any) -> dict[str, Any]:
    return {"devId": "D", "startCount": 1, "seq": 2, "time": TIME, "data": {"params": list(params)}, **more}


def test_one_record_with_a_path_for_each_channel() -> None:
    decoded = read(FIXED, {"ts": MS, "gas": {"lel": 4.2, "p": [0.25]}})
    assert [(r.channel, r.value, r.time_ms, r.unit, r.quality) for r in decoded.rows] == [
        ("lel", 4.2, MS, None, None),
        ("line_pressure", 250.0, MS, None, None),
    ]
    assert (decoded.refused, decoded.device, decoded.boot, decoded.seq) == ([], None, None, None)


def test_what_is_optional_may_be_absent_and_the_rest_may_not() -> None:
    assert [r.channel for r in read(FIXED, {"ts": MS, "gas": {"lel": 1}}).rows] == ["lel"]
    decoded = read(FIXED, {"ts": MS, "gas": {"p": [1]}})
    assert [r.channel for r in decoded.rows] == ["line_pressure"]
    assert decoded.refused == [(0, "missing_field", "lel: gas.lel")]
    assert decoded.numbers == [1]


def test_null_is_a_reading_that_the_device_could_not_take() -> None:
    assert [r.value for r in read(FIXED, {"ts": MS, "gas": {"lel": None, "p": [None]}}).rows] == [None, None]


def test_a_list_of_records_keeps_its_numbers() -> None:
    records = [{"ts": 1, "gas": {"lel": 1}}, 7, {"ts": 3, "gas": {"lel": 3, "p": [1]}}, {"gas": {"lel": 4}}]
    decoded = read(LISTED, {"list": records})
    assert [(r.time_ms, r.channel) for r in decoded.rows] == [(1, "lel"), (3, "lel"), (3, "line_pressure")]
    assert decoded.numbers == [0, 4, 5]
    assert [(number, reason) for number, reason, _ in decoded.refused] == [
        (2, "wrong_type"),
        (3, "wrong_type"),
        (6, "missing_field"),
    ]


def test_records_that_name_their_channel() -> None:
    decoded = read(
        SHIPPED,
        vendor(
            {"tag": "RSSI", "val": -71},
            {"tag": "TEMP", "val": "615", "st": 0},
            {"tag": "nobody", "val": 1},
            {"tag": "RELAY", "val": "ON", "st": 1},
        ),
    )
    assert [(r.channel, r.value, r.quality) for r in decoded.rows] == [
        ("temperature", 21.5, "good"),
        ("relay", 1.0, "uncertain"),
    ]
    assert decoded.numbers == [1, 3]
    assert decoded.refused == [(2, "unknown_channel", "nobody")]
    assert (decoded.device, decoded.boot, decoded.seq) == ("D", 1, 2)


@pytest.mark.parametrize(
    ("param", "reason"),
    [
        ({"tag": "CH4", "val": 1}, "missing_field"),  # its unit
        ({"tag": "CH4", "val": 1, "unit": None}, "wrong_type"),
        ({"tag": "CH4", "val": 1, "unit": "ppm"}, "wrong_unit"),
        ({"tag": "CH4", "val": 1, "unit": "%VOL"}, "wrong_unit"),
        ({"tag": "TEMP"}, "missing_field"),
        ({"tag": "TEMP", "val": True}, "wrong_type"),
        ({"tag": "TEMP", "val": "615 "}, "wrong_type"),
        ({"tag": "TEMP", "val": "0x10"}, "wrong_type"),
        ({"tag": "TEMP", "val": "nan"}, "wrong_type"),
        ({"tag": "TEMP", "val": "６１５"}, "wrong_type"),
        ({"tag": "TEMP", "val": "1_0"}, "wrong_type"),
        ({"tag": "TEMP", "val": "01"}, "wrong_type"),
        ({"tag": "TEMP", "val": "1e999"}, "not_finite"),
        ({"tag": "TEMP", "val": "1" * 41}, "wrong_type"),
        ({"tag": "PRESS", "val": 1e308}, "not_finite"),
        ({"tag": "TEMP", "val": [1]}, "wrong_type"),
        ({"tag": "RELAY", "val": "on"}, "unknown_code"),
        ({"tag": "RELAY", "val": 1}, "unknown_code"),
        ({"tag": "RELAY", "val": {}}, "wrong_type"),
        ({"tag": "TEMP", "val": 1, "st": []}, "wrong_type"),
        ({"tag": "ch4", "val": 1}, "unknown_channel"),
        ({"tag": None, "val": 1}, "wrong_type"),
        ({"tag": "\ud800", "val": 1}, "not_utf8"),
        ({"val": 1}, "missing_field"),
        (7, "wrong_type"),
    ],
)
def test_what_the_profile_does_not_say_is_refused_alone(param: Any, reason: str) -> None:
    decoded = read(SHIPPED, vendor(param, {"tag": "PRESS", "val": 0.2}))
    assert [(number, why) for number, why, _ in decoded.refused] == [(0, reason)]
    assert [(r.channel, r.value) for r in decoded.rows] == [("line_pressure", 200.0)]


@pytest.mark.parametrize("value", [-999, "-999", -999.0, "-999.0", "--", None])
def test_what_stands_for_no_reading(value: Any) -> None:
    assert [r.value for r in read(SHIPPED, vendor({"tag": "CH4", "val": value, "unit": "LEL%"})).rows] == [
        None
    ]


def test_codes_of_quality() -> None:
    codes = [0, 1, 2, 9, 7, "x", None]
    decoded = read(SHIPPED, vendor(*({"tag": "TEMP", "val": 1, "st": code} for code in codes)))
    assert [r.quality for r in decoded.rows] == [
        "good",
        "uncertain",
        "bad",
        "bad",
        "uncertain",
        "uncertain",
        None,
    ]
    strict = mapped(TEXT.replace('quality_else = "uncertain"\n', ""))
    decoded = read(strict, vendor({"tag": "TEMP", "val": 1, "st": 7}, {"tag": "TEMP", "val": 1}))
    assert [reason for _, reason, _ in decoded.refused] == ["unknown_code"]
    assert [r.quality for r in decoded.rows] == [None]


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ({}, "missing_field"),
        ([], "wrong_type"),
        (vendor(), "empty"),
        (vendor({"tag": "FW", "val": "1.2"}), "empty"),
        ({**vendor({}), "data": {}}, "missing_field"),
        ({**vendor({}), "data": {"params": {}}}, "wrong_type"),
        ({**vendor({}), "data": 5}, "wrong_type"),
        ({**vendor({}), "devId": 5}, "wrong_type"),
        ({**vendor({}), "devId": "\ud800"}, "not_utf8"),
        ({**vendor({}), "seq": "2"}, "wrong_type"),
        ({**vendor({}), "seq": -2}, "wrong_type"),
    ],
)
def test_a_payload_that_gives_nothing_is_refused_whole(payload: Any, reason: str) -> None:
    with pytest.raises(Refusal) as caught:
        read(SHIPPED, payload)
    assert caught.value.reason == reason


def test_json_is_as_strict_as_everywhere() -> None:
    for body, reason in (
        (b"", "empty"),
        (b'{"ts": 1, "ts": 2}', "duplicate_key"),
        (b'{"ts": NaN}', "not_finite"),
        (b"[" * 40 + b"]" * 40, "too_deep"),
        (b"\xff", "not_utf8"),
        (b"{", "not_json"),
    ):
        assert outcome(mapping.decode, body, "up", FIXED)[0] == reason


def test_a_list_of_nothing_costs_no_million_refusals() -> None:
    payload = ('{"list": [' + ",".join(["{}"] * (mapping.MAX_ROWS // 2 + 1)) + "]}").encode()
    assert len(payload) < mapping.MAX_BYTES
    told = outcome(mapping.decode, payload, "up", LISTED)
    assert told == ("oversize", "10001 records ask for 20002 readings, limit 20000")


def test_the_time_of_arrival_only_where_the_profile_says_so() -> None:
    arrival = PLAIN.replace('time = "ts"\ntime_format = "ms"', 'time = "arrival"')
    assert [r.time_ms for r in read(mapped(with_stream(arrival % "")), {"gas": {"lel": 1}}).rows] == [None]
    assert read(FIXED, {"gas": {"lel": 1}}).refused == [(0, "missing_field", "lel: ts")]
    assert read(FIXED, {"ts": None, "gas": {"lel": 1}}).refused[0][1] == "missing_field"


def decoded_of(payload: Any) -> DecodedPackets:
    topic = next(f"rg/{d.key}/up" for d in DEVICES if d.profile == VENDOR)
    return Decoder(ROSTER, Quarantine()).decode(1, entry(topic, json.dumps(payload).encode()))


def test_the_gateway_reads_it_from_the_standard_topic() -> None:
    name = next(d.device for d in DEVICES if d.profile == VENDOR)
    payload = vendor(
        {"tag": "PRESS", "val": 0.2}, {"tag": "x"}, {"tag": "CH4", "val": 1, "unit": "V"}, devId=name
    )
    got = decoded_of(payload)
    assert got.raw.value.tolist() == [200.0]
    assert got.raw.event_ns.tolist() == [MS * 1_000_000]
    assert (got.boot.tolist(), got.seq.tolist(), got.rows) == ([1], [2], 3)
    assert [(r.row, r.reason) for r in got.rejected] == [(1, "unknown_channel"), (2, "wrong_unit")]
    assert [r.reason for r in decoded_of({**payload, "devId": "other"}).rejected] == ["device_mismatch"]


scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.integers(10**300, 10**320), st.floats(), st.text(max_size=5)
)
anything = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["gas", "lel", "p", "ts", "tag", "val", "unit", "st", "x"]), inner, max_size=4
        )
    ),
    max_leaves=8,
)
params = st.fixed_dictionaries(
    {},
    optional={
        "tag": st.one_of(st.sampled_from(["CH4", "TEMP", "PRESS", "RELAY", "RSSI", "H2S"]), anything),
        "val": st.one_of(st.sampled_from(["4.2", "--", "ON", -999, 5]), anything),
        "unit": st.one_of(st.sampled_from(["%LEL", "％LEL", "V"]), anything),
        "st": st.one_of(st.integers(0, 9), anything),
    },
)


def judged(result: Any, most: int) -> None:
    """Rows and refusals together number each place once, in order within each list."""
    if isinstance(result, Decoded):
        told = [*(result.numbers or ()), *(number for number, _, _ in result.refused)]
        assert len(set(told)) == len(told)
        assert all(0 <= number < most for number in told)
        assert len(result.rows) == len(result.numbers or ())
        assert list(result.numbers or ()) == sorted(result.numbers or ())
        for row in result.rows:
            assert row.value is None or row.value - row.value == 0.0


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(params, anything), max_size=5), st.one_of(st.just(TIME), anything))
def test_any_records(items: list[Any], time: Any) -> None:
    judged(outcome(read, SHIPPED, vendor(*items, time=time)), len(items))


@settings(max_examples=150, deadline=None)
@given(anything, st.sampled_from([FIXED, LISTED, SHIPPED]))
def test_any_json(payload: Any, how: Mapping) -> None:
    judged(outcome(read, how, payload), 100)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=60), st.integers(0, 200), st.sampled_from([FIXED, SHIPPED]))
def test_any_bytes(noise: bytes, at: int, how: Mapping) -> None:
    good = json.dumps(vendor({"tag": "CH4", "val": 1, "unit": "%LEL"}, ts=1, gas={"lel": 1})).encode()
    judged(outcome(mapping.decode, noise, "up", how), 2)
    judged(outcome(mapping.decode, good[:at] + noise + good[at:], "up", how), 2)
