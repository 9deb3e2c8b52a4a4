"""Every codec in the folder is strict, and says why it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from device_profiles import codecs
from device_profiles.codecs import Decoded, Refusal
from tests.contracts.codec_rig import KINDS, kind_of, outcome, plain_of

FOLDER = Path(__file__).parent


@pytest.fixture(params=KINDS)
def codec(request: pytest.FixtureRequest) -> ModuleType:
    return codecs.load(request.param)


def test_kinds() -> None:
    assert {"json", "json_batch", "json_columns"} <= set(KINDS)
    own = {kind for kind in codecs.kinds() if (FOLDER / f"test_codec_{kind}.py").is_file()}
    assert set(codecs.kinds()) == own | set(KINDS), "a codec without tests"
    with pytest.raises(KeyError, match="known: binary"):
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
