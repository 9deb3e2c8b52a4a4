"""SenML by the RFC's own rules: base fields, names, times, versions; and any bytes are judged."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

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
    decoded = decode({"n": "a", "v": 1}, {"n": "a", "v": 2, "t": -5}, {"n": "a", "v": 3, "t": 0})
    assert [(r.value, r.time_ms) for r in decoded.rows] == [(1.0, None), (3.0, None)]
    assert [(number, reason) for number, reason, _ in decoded.refused] == [(1, "unsupported")]


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"n": "a", "vs": "on"}, "wrong_type"),
        ({"n": "a", "vd": "aGk"}, "wrong_type"),
        ({"n": "a", "v": "1"}, "wrong_type"),
        ({"n": "a", "v": True}, "wrong_type"),
        ({"n": "a", "vb": 1}, "wrong_type"),
        ({"n": "a", "v": None}, "wrong_type"),
        ({"n": "a", "s": 7}, "missing_field"),
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
        ("[1]", "wrong_type"),
        ('[{"n":"a","v":1,"must_":2}]', "unsupported"),
        ('[{"bver":11,"n":"a","v":1}]', "unsupported"),
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
    outcome(decode, *records)
