"""SenML by the RFC's own rules: base fields, names, times, versions; and any bytes are judged."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from device_profiles._units import UNITS
from device_profiles.codecs import Decoded, Refusal, senml
from tests.contracts.codec_rig import outcome


def decode(*records: dict[str, Any]) -> Decoded:
    return senml.decode(json.dumps(records).encode(), "senml")


def test_base_fields_hold_for_what_follows() -> None:
    decoded = decode(
        {"bn": "urn:dev:GD-1:", "bt": 1764035198.5, "bu": "Cel", "bv": 20, "n": "t1", "v": 1.5},
        {"n": "t2", "v": -1, "t": 0.25, "u": "%RH"},
        {"bn": "urn:dev:GD-2/"},
        {"n": "t3", "v": 0, "bv": 0},
    )
    assert [(r.channel, r.value, r.unit, r.time_ms) for r in decoded.rows] == [
        ("t1", 21.5, "degC", 1764035198500),
        ("t2", 19.0, "%RH", 1764035198750),
        ("t3", 0.0, "degC", 1764035198500),
    ]
    assert decoded.refused == []


def test_a_boolean_is_one_or_nought() -> None:
    assert [r.value for r in decode({"n": "open", "vb": True}, {"n": "open", "vb": False}).rows] == [1.0, 0.0]


def test_a_time_relative_to_sending_is_unknown() -> None:
    times = [0, -5, 0, 2**28 - 1, 2**28, -(2**28), -3e8, 1764035198.123456]
    decoded = decode(*({"n": "a", "v": n, "t": t} for n, t in enumerate(times)))
    assert [(r.value, r.time_ms) for r in decoded.rows] == [
        (0.0, None),
        (2.0, None),
        (4.0, 2**28 * 1000),
        (7.0, 1764035198123.456),
    ]
    assert [(number, reason) for number, reason, _ in decoded.refused] == [
        (n, "unsupported") for n in (1, 3, 5, 6)
    ]
    assert decoded.numbers == [0, 2, 4, 7]


@pytest.mark.parametrize(
    ("unit", "ours"),
    [
        ("Cel", "degC"),
        ("Ohm", "ohm"),
        ("/", "1"),
        ("/100", "%"),
        ("hPa", "mbar"),
        ("lat", "deg"),
        ("lon", "deg"),
        ("%RH", "%RH"),
        ("ppm", "ppm"),
        ("furlong", "furlong"),
    ],
)
def test_units_as_profiles_write_them(unit: str, ours: str) -> None:
    assert [r.unit for r in decode({"n": "a", "v": 1, "u": unit}, {"n": "a", "v": 1, "bu": unit}).rows] == [
        ours,
        ours,
    ]


def test_every_unit_it_gives_is_one_of_a_profile() -> None:
    assert set(senml.UNITS.values()) <= UNITS


@pytest.mark.parametrize("version", [10, 26])
def test_both_versions_are_read(version: int) -> None:
    decoded = decode({"bver": version, "n": "a", "u": "/100", "v": 4})
    assert [(row.channel, row.value, row.unit) for row in decoded.rows] == [("a", 4.0, "%")]


def test_per_cent_is_never_guessed() -> None:
    decoded = decode({"bu": "%", "n": "a", "v": 0.5}, {"n": "b", "v": 50, "u": "/100"}, {"n": "c", "v": 1})
    assert [(r.channel, r.unit) for r in decoded.rows] == [("b", "%")]
    assert [(number, reason) for number, reason, _ in decoded.refused] == [
        (0, "wrong_unit"),
        (2, "wrong_unit"),
    ]
    assert "send '/100' for per cent" in decoded.refused[0][2]


def test_an_item_that_is_no_record_changes_nothing_for_the_others() -> None:
    one, two = {"bn": "urn:dev:GD-1:", "n": "a", "v": 1}, {"n": "b", "v": 2}
    payload = json.dumps([one, 7, None, [two], two]).encode()
    decoded = senml.decode(payload, "senml")
    assert [(r.channel, r.value) for r in decoded.rows] == [("a", 1.0), ("b", 2.0)]
    assert [(number, reason) for number, reason, _ in decoded.refused] == [
        (n, "wrong_type") for n in (1, 2, 3)
    ]
    assert decoded.numbers == [0, 4]


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"n": "a", "vs": "on"}, "wrong_type"),
        ({"n": "a", "vd": "aGk"}, "wrong_type"),
        ({"n": "a", "v": "1"}, "wrong_type"),
        ({"n": "a", "v": True}, "wrong_type"),
        ({"n": "a", "vb": 1}, "wrong_type"),
        ({"n": "a", "v": None}, "wrong_type"),
        ({"n": "a", "v": 1, "vb": False}, "wrong_type"),
        ({"n": "a", "v": 1, "vs": "on"}, "wrong_type"),
        ({"n": "a", "v": 1, "vd": "aGk"}, "wrong_type"),
        ({"n": "a", "vb": True, "vs": "on"}, "wrong_type"),
        ({"n": "a", "s": 7}, "missing_field"),
        ({"t": 1764035198}, "missing_field"),
        ({"u": "Cel"}, "missing_field"),
        ({"t": 1764035198, "u": "Cel"}, "missing_field"),
        ({"bt": 1764035198, "t": 5}, "missing_field"),
        ({}, "missing_field"),
        ({"x": 1}, "missing_field"),
        ({"bn": "urn:dev:", "v": 1}, "missing_field"),
    ],
)
def test_a_record_without_a_reading_is_refused_alone(record: dict[str, Any], reason: str) -> None:
    decoded = decode({"n": "a", "v": 1}, record)
    assert len(decoded.rows) == 1
    assert [(number, why) for number, why, _ in decoded.refused] == [(1, reason)]


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ("[]", "empty"),
        ('[{"bn":"x"}]', "empty"),
        ("{}", "wrong_type"),
        ("7", "wrong_type"),
        ('[{"n":"a","v":1,"must_":2}]', "unsupported"),
        ('[{"n":"a","v":1,"\\ud800_":2}]', "unsupported"),
        ('[{"bver":11,"n":"a","v":1}]', "unsupported"),
        ('[{"bver":9,"n":"a","v":1}]', "unsupported"),
        ('[{"bver":27,"n":"a","v":1}]', "unsupported"),
        ('[{"bver":10.0,"n":"a","v":1}]', "unsupported"),
        ('[{"bver":null,"n":"a","v":1}]', "unsupported"),
        ('[{"bver":"10","n":"a","v":1}]', "unsupported"),
        ('[{"bver":' + "9" * 4300 + ',"n":"a","v":1}]', "unsupported"),
        ('[{"bver":true,"n":"a","v":1}]', "unsupported"),
        ('[{"bt":"x","n":"a","v":1}]', "wrong_type"),
        ('[{"n":"a","n":"b","v":1}]', "duplicate_key"),
        ('[{"n":"a","v":1e999}]', "not_finite"),
        ("", "empty"),
    ],
)
def test_what_cannot_be_understood_is_refused_whole(payload: str, reason: str) -> None:
    with pytest.raises(Refusal) as caught:
        senml.decode(payload.encode(), "senml")
    assert caught.value.reason == reason


LEAF = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=4))
NAMES = st.sampled_from(["bn", "bt", "bu", "bv", "bver", "n", "u", "v", "vb", "vs", "t", "s", "x", "y_"])


@example([{"n": "a", "v": 1, "t": 1e306}])
@given(st.lists(st.dictionaries(NAMES, LEAF, max_size=6), max_size=4))
def test_any_records(records: list[dict[str, Any]]) -> None:
    result = outcome(decode, *records)
    if isinstance(result, Decoded):
        told = sorted([*(result.numbers or ()), *(number for number, _, _ in result.refused)])
        base_only = [
            n for n, r in enumerate(records) if r and r.keys() <= {"bn", "bt", "bu", "bv", "bver", "s"}
        ]
        assert told == [n for n in range(len(records)) if n not in base_only or n in told]
        assert len(result.rows) == len(result.numbers or ())
