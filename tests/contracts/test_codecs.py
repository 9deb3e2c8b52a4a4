"""Every codec in the folder: total for any bytes, strict, and its fast path says what its slow path says."""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from device_profiles import codecs
from device_profiles.codecs import Decoded, Refusal

KINDS = codecs.kinds()

PLAIN: dict[str, dict[str, Any]] = {
    "json": {"time_ms": 1764035198123, "value": 4.2},
    "json_batch": {"readings": [{"channel": "lel", "time_ms": 1764035198123, "value": 4.2}]},
    "json_columns": {"time_ms": [1764035198123], "channels": {"lel": [4.2]}},
}


@pytest.fixture(params=KINDS)
def codec(request: pytest.FixtureRequest) -> ModuleType:
    return codecs.load(request.param)


def kind_of(codec: ModuleType) -> str:
    return codec.__name__.rpartition(".")[2]


def slow(codec: ModuleType, payload: bytes, stream: str) -> Decoded:
    """The slow path alone: whatever the fast path would do must equal it."""
    return codec._slowly(payload, stream) if kind_of(codec) == "json" else codec._slowly(payload)


def outcome(decode: Any, *args: Any) -> Any:
    """What it gives, or the refusal as (reason, detail); anything else raised is a fault of the codec."""
    try:
        return decode(*args)
    except Refusal as refusal:
        told = refusal.reason, refusal.detail
    assert told[0] in codecs.REASONS
    return told


def plain_of(kind: str) -> dict[str, Any]:
    assert kind in PLAIN, f"tests/contracts/test_codecs.py needs a plain payload of the new codec {kind}"
    return json.loads(json.dumps(PLAIN[kind]))


def test_kinds() -> None:
    assert {"json", "json_batch", "json_columns"} <= set(KINDS)
    with pytest.raises(KeyError, match="known: json"):
        codecs.load("_strict")


def test_plain_payload(codec: ModuleType) -> None:
    decoded = codec.decode(json.dumps(plain_of(kind_of(codec))).encode(), "lel")
    assert [(r.channel, r.time_ms, r.value, r.quality) for r in decoded.rows] == [
        ("lel", 1764035198123, 4.2, None)
    ]
    assert decoded.refused == []
    assert 0 < codec.MAX_BYTES <= 256 * 1024


def test_identity_is_carried(codec: ModuleType) -> None:
    payload = {**plain_of(kind_of(codec)), "device": "GD-1", "boot": 3, "seq": 2**70}
    decoded = codec.decode(json.dumps(payload).encode(), "lel")
    assert (decoded.device, decoded.boot, decoded.seq) == ("GD-1", 3, 2**70)


def test_unknown_fields_are_ignored(codec: ModuleType) -> None:
    plain = plain_of(kind_of(codec))
    payload = {**plain, "firmware": {"version": "1.2", "flags": [1, 2, None, True]}}
    assert codec.decode(json.dumps(payload).encode(), "lel") == codec.decode(
        json.dumps(plain).encode(), "lel"
    )


BAD: list[tuple[str, bytes, str]] = [
    ("empty", b"", "empty"),
    ("only spaces", b" \r\n\t", "empty"),
    ("not JSON", b"lel=4.2", "not_json"),
    ("cut off", b'{"value": 4.', "not_json"),
    ("two documents", b"{} {}", "not_json"),
    ("trailing comma", b'{"value": 1,}', "not_json"),
    ("leading zero", b'{"value": 01}', "not_json"),
    ("byte order mark", b'\xef\xbb\xbf{"value": 1}', "not_json"),
    ("UTF-16", '{"value": 1}'.encode("utf-16"), "not_utf8"),
    ("not UTF-8", b'{"value": 1, "note": "\xff\xfe"}', "not_utf8"),
    ("GBK", '{"value": 1, "备注": "正常"}'.encode("gbk"), "not_utf8"),
    ("NaN", b'{"value": NaN}', "not_finite"),
    ("Infinity", b'{"value": Infinity}', "not_finite"),
    ("-Infinity", b'{"value": -Infinity}', "not_finite"),
    ("1e999", b'{"value": 1e999}', "not_finite"),
    ("1e999 in an unknown field", b'{"value": 1, "other": 1e999}', "not_finite"),
    ("5000 digits", b'{"value": ' + b"9" * 5000 + b"}", "not_finite"),
    ("same key twice", b'{"value": 1, "value": 2}', "duplicate_key"),
    ("same key twice, escaped", b'{"value": 1, "v\\u0061lue": 2}', "duplicate_key"),
    ("same unknown key twice", b'{"value": 1, "x": 1, "x": 1}', "duplicate_key"),
    ("same key twice, deep", b'{"value": 1, "x": [{"a": 1, "a": 1}]}', "duplicate_key"),
    ("100k arrays", b'{"value": 1, "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "too_deep"),
    ("100k objects", b'{"a":' * 100_000, "too_deep"),
    ("33 levels", b"[" * 33 + b"]" * 33, "too_deep"),
    ("an array", b"[1, 2]", "wrong_type"),
    ("a number", b"4.2", "wrong_type"),
    ("null", b"null", "wrong_type"),
    ("nothing in it", b"{}", "missing_field"),
    ("device is a number", b'{"value": 1, "readings": [], "channels": {}, "device": 5}', "wrong_type"),
]


@pytest.mark.parametrize(("payload", "reason"), [b[1:] for b in BAD], ids=[b[0] for b in BAD])
def test_bad_payloads_are_refused_with_the_reason(codec: ModuleType, payload: bytes, reason: str) -> None:
    with pytest.raises(Refusal) as caught:
        codec.decode(payload, "lel")
    assert caught.value.reason == reason
    assert len(caught.value.detail) < 400
    assert str(caught.value).encode()


VALUES: list[tuple[str, str, str]] = [
    ("true", "true", "wrong_type"),
    ("text", '"4.2"', "wrong_type"),
    ("empty text", '""', "wrong_type"),
    ("list", "[4.2]", "wrong_type"),
    ("object", "{}", "wrong_type"),
    ("400 digits", "9" * 400, "not_finite"),
]


@pytest.mark.parametrize(("value", "reason"), [v[1:] for v in VALUES], ids=[v[0] for v in VALUES])
def test_a_value_of_another_type(codec: ModuleType, value: str, reason: str) -> None:
    payload = json.dumps(plain_of(kind_of(codec))).replace("4.2", value).encode()
    result = outcome(codec.decode, payload, "lel")
    told = result.refused[0][1] if isinstance(result, Decoded) else result[0]
    assert told == reason
    assert not isinstance(result, Decoded) or result.rows == []


@pytest.mark.parametrize("key", ["boot", "seq"])
@pytest.mark.parametrize("value", ["-1", "1.0", "1e2", "true", '"1"'])
def test_counters_are_whole_and_not_negative(codec: ModuleType, key: str, value: str) -> None:
    payload = json.dumps(plain_of(kind_of(codec)))[:-1] + f', "{key}": {value}}}'
    with pytest.raises(Refusal, match=f"wrong_type: {key}: expected a whole number"):
        codec.decode(payload.encode(), "lel")


def test_any_time_passes(codec: ModuleType) -> None:
    for time_ms in ("-62135596800000", "0", "4102444800000", "1e15", "-1e300", "9" * 400, "1764035198123.25"):
        payload = json.dumps(plain_of(kind_of(codec))).replace("1764035198123", time_ms).encode()
        assert codec.decode(payload, "lel").rows[0].time_ms == (
            int(time_ms) if time_ms.lstrip("-").isdigit() else float(time_ms)
        )


def test_time_may_be_absent(codec: ModuleType) -> None:
    payload = plain_of(kind_of(codec))
    payload.pop("time_ms", None)
    for reading in payload.get("readings", []):
        del reading["time_ms"]
    assert codec.decode(json.dumps(payload).encode(), "lel").rows[0].time_ms is None


def test_a_batch_loses_only_its_bad_rows() -> None:
    payload = {
        "readings": [
            {"channel": "a", "value": 1},
            {"channel": "a", "value": True},
            {"channel": "a"},
            {"value": 1},
            7,
            {"channel": 5, "value": 1},
            {"channel": "a", "value": 1, "quality": "fine"},
            {"channel": "a", "value": 1, "unit": 3},
            {"channel": "a", "value": 1, "time_ms": "now"},
            {"channel": "b", "value": None},
        ]
    }
    decoded = codecs.load("json_batch").decode(json.dumps(payload).encode(), "batch")
    assert [(r.channel, r.value) for r in decoded.rows] == [("a", 1.0), ("b", None)]
    assert [(row, reason) for row, reason, _ in decoded.refused] == [
        (1, "wrong_type"),
        (2, "missing_field"),
        (3, "missing_field"),
        (4, "wrong_type"),
        (5, "wrong_type"),
        (6, "wrong_type"),
        (7, "wrong_type"),
        (8, "wrong_type"),
    ]


def test_columns_come_time_by_time_and_lose_only_bad_cells() -> None:
    decode = codecs.load("json_columns").decode
    good = decode(
        b'{"time_ms": [1, 2], "channels": {"a": [10, 20], "b": [null, 40]}, "units": {"b": "V"}}', "columns"
    )
    assert [(r.channel, r.time_ms, r.value, r.unit) for r in good.rows] == [
        ("a", 1, 10.0, None),
        ("b", 1, None, "V"),
        ("a", 2, 20.0, None),
        ("b", 2, 40.0, "V"),
    ]
    mixed = decode(b'{"time_ms": [1, "x"], "channels": {"a": [true, 20], "b": [30, 40]}}', "columns")
    assert [(r.channel, r.value) for r in mixed.rows] == [("b", 30.0)]
    assert [(row, reason) for row, reason, _ in mixed.refused] == [
        (0, "wrong_type"),
        (2, "wrong_type"),
        (3, "wrong_type"),
    ]


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b'{"time_ms": [1, 2], "channels": {"a": [1]}}', "unequal_columns"),
        (b'{"channels": {"a": [1], "b": [1, 2]}}', "unequal_columns"),
        (b'{"time_ms": [1], "original_time_ms": [], "channels": {"a": [1]}}', "unequal_columns"),
        (b'{"time_ms": [1], "channels": {"a": ["x", 2]}}', "unequal_columns"),
        (b'{"time_ms": [], "channels": {"a": []}}', "empty"),
        (b'{"channels": {}}', "empty"),
        (b'{"time_ms": 1, "channels": {"a": [1]}}', "wrong_type"),
        (b'{"channels": {"a": 1}}', "wrong_type"),
        (b'{"channels": {"a": [1], "a": [2]}}', "duplicate_key"),
        (b'{"channels": {"a": [1]}, "units": {"a": 5}}', "wrong_type"),
        (b'{"channels": {"a": [1]}, "units": {"a": "V", "a": "V"}}', "duplicate_key"),
    ],
)
def test_columns_that_cannot_be_read(payload: bytes, reason: str) -> None:
    with pytest.raises(Refusal) as caught:
        codecs.load("json_columns").decode(payload, "columns")
    assert caught.value.reason == reason


def test_an_empty_batch_is_refused() -> None:
    with pytest.raises(Refusal, match="empty: readings holds no reading"):
        codecs.load("json_batch").decode(b'{"readings": []}', "batch")


def test_half_a_surrogate_pair_never_gets_through(codec: ModuleType) -> None:
    payload = json.dumps({**plain_of(kind_of(codec)), "device": "\ud800"}).encode()
    with pytest.raises(Refusal) as caught:
        codec.decode(payload, "lel")
    assert caught.value.reason == "not_utf8"


def test_depth_does_not_depend_on_the_stack(codec: ModuleType) -> None:
    payload = json.dumps({**plain_of(kind_of(codec)), "x": json.loads("[" * 31 + "]" * 31)}).encode()

    def deep(levels: int) -> Any:
        return outcome(codec.decode, payload, "lel") if levels == 0 else deep(levels - 1)

    assert deep(0) == deep(800)
    assert isinstance(deep(800), Decoded)


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
