"""Any payload at all: every codec is total, and its fast path says what its slow path says."""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from device_profiles import codecs
from device_profiles.codecs import Decoded
from tests.contracts.codec_rig import KINDS, outcome, plain_of, slow

numbers = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False), st.integers(), st.integers(10**300, 10**320), st.none()
)
names = st.text(max_size=8)
scalars = st.one_of(numbers, st.booleans(), names)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    max_leaves=8,
)
KNOWN = [
    "value",
    "time_ms",
    "unit",
    "quality",
    "device",
    "boot",
    "seq",
    "original_time_ms",
    "readings",
    "channels",
]
rows = st.dictionaries(
    st.sampled_from(["channel", "value", "time_ms", "unit", "quality", "original_time_ms", "extra"]),
    st.one_of(numbers, st.sampled_from(["lel", "good", "bad"]), scalars),
    max_size=7,
)
payloads = st.fixed_dictionaries(
    {},
    optional={
        "value": st.one_of(numbers, anything),
        "time_ms": st.one_of(numbers, st.lists(numbers, max_size=3), anything),
        "unit": st.one_of(names, anything),
        "quality": st.sampled_from(["good", "uncertain", "bad", "", "Good", 1, None]),
        "device": st.one_of(names, scalars),
        "boot": st.one_of(st.integers(), scalars),
        "seq": st.one_of(st.integers(), scalars),
        "original_time_ms": st.one_of(numbers, st.lists(numbers, max_size=3)),
        "readings": st.one_of(st.lists(rows, max_size=4), anything),
        "channels": st.one_of(
            st.dictionaries(names, st.lists(numbers, max_size=3), max_size=3),
            st.dictionaries(names, st.lists(scalars, max_size=3), max_size=3),
            anything,
        ),
        "units": st.one_of(st.dictionaries(names, names, max_size=3), anything),
        "extra": anything,
    },
)


def same(codec: ModuleType, payload: bytes) -> None:
    """Any bytes give rows or a Refusal, and the fast path changes nothing."""
    assert outcome(codec.decode, payload, "lel") == outcome(slow, codec, payload, "lel")


@settings(max_examples=120, deadline=None)
@given(payload=payloads, ascii_only=st.booleans())
@pytest.mark.parametrize("kind", KINDS)
def test_fast_and_slow_agree_on_objects(kind: str, payload: dict[str, Any], ascii_only: bool) -> None:
    same(codecs.load(kind), json.dumps(payload, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass"))


@settings(max_examples=120, deadline=None)
@given(payload=payloads, again=payloads)
@pytest.mark.parametrize("kind", KINDS)
def test_duplicate_keys_are_always_found(kind: str, payload: dict[str, Any], again: dict[str, Any]) -> None:
    joined = json.dumps(payload)[:-1] + (", " if payload and again else "") + json.dumps(again)[1:]
    codec = codecs.load(kind)
    same(codec, joined.encode())
    result = outcome(codec.decode, joined.encode(), "lel")
    if set(payload) & set(again):
        assert not isinstance(result, Decoded)


@settings(max_examples=120, deadline=None)
@given(payload=st.binary(max_size=200))
@example(b'{"value":1,"unit":"\xed\xa0\x80"}')
@example(b"\x00")
@pytest.mark.parametrize("kind", KINDS)
def test_any_bytes(kind: str, payload: bytes) -> None:
    same(codecs.load(kind), payload)


@settings(max_examples=120, deadline=None)
@given(data=st.data(), payload=payloads)
@pytest.mark.parametrize("kind", KINDS)
def test_damaged_payloads(kind: str, data: st.DataObject, payload: dict[str, Any]) -> None:
    body = bytearray(json.dumps({**payload, **plain_of(kind)}).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(body) - 1))
        body[place : place + data.draw(st.integers(0, 2))] = data.draw(
            st.sampled_from([b"", b'"', b"{", b"[", b"\\", b"e", b"-", b"\xff", b",", b":", b"\\u0022", b" "])
        )
        if not body:
            break
    same(codecs.load(kind), bytes(body))


@settings(max_examples=120, deadline=None)
@given(
    readings=st.lists(
        st.tuples(
            st.sampled_from(["a", "b"]),
            st.integers(-(2**60), 2**60),
            st.floats(allow_nan=False, allow_infinity=False),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_round_trip_of_a_batch(readings: list[tuple[str, int, float]]) -> None:
    payload = {"readings": [{"channel": c, "time_ms": t, "value": v} for c, t, v in readings]}
    decoded = codecs.load("json_batch").decode(json.dumps(payload).encode(), "batch")
    assert [(r.channel, r.time_ms, r.value) for r in decoded.rows] == readings
