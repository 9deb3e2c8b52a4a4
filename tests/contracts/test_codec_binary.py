"""Fixed-width batches: what was written is read, a bad record is refused alone, and any bytes are judged."""

from __future__ import annotations

import math
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device_profiles.codecs import Refusal, binary
from tests.contracts.codec_rig import outcome

RECORDS = st.lists(
    st.tuples(
        st.integers(-(1 << 63), (1 << 63) - 1),
        st.floats(allow_infinity=False),
        st.integers(0, 65535),
        st.integers(0, 3),
    ),
    min_size=1,
    max_size=20,
)


@given(RECORDS, st.integers(0, binary.NOT_SENT - 1), st.integers(0, binary.NOT_SENT - 1))
def test_what_was_written_is_read(records: list[binary.Record], boot: int, seq: int) -> None:
    decoded = binary.decode(binary.encode(records, boot=boot, seq=seq), "binary")
    assert (decoded.device, decoded.boot, decoded.seq, decoded.refused) == (None, boot, seq, [])
    for (time_ms, value, channel, quality), row in zip(records, decoded.rows, strict=True):
        assert row.channel == f"#{channel}"
        assert row.time_ms == (None if time_ms == binary.NO_TIME_MS else time_ms)
        assert row.value == (None if math.isnan(value) else value)
        assert row.quality == (None, "good", "uncertain", "bad")[quality]


def test_counters_count_only_together() -> None:
    decoded = binary.decode(binary.encode([(0, 1.0, 0, 0)], boot=3), "binary")
    assert (decoded.boot, decoded.seq) == (None, None)


def test_a_bad_record_is_refused_alone() -> None:
    good = (1, 2.5, 0, 0)
    payload = bytearray(binary.encode([good, good, good, good, good]))
    first = binary.HEADER_BYTES
    payload[first + 28 : first + 36] = struct.pack("<d", math.inf)
    payload[first + 2 * 20 + 18] = 4
    payload[first + 3 * 20 + 19] = 9
    decoded = binary.decode(bytes(payload), "binary")
    assert [row.value for row in decoded.rows] == [2.5, 2.5]
    assert decoded.numbers == [0, 4]
    assert [(number, reason) for number, reason, _ in decoded.refused] == [
        (1, "not_finite"),
        (2, "wrong_type"),
        (3, "wrong_type"),
    ]


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "empty"),
        (b"RGB1" + bytes(12), "empty"),
        (b"RGB2" + binary.encode([(1, 1.0, 0, 0)])[4:], "wrong_type"),
        (b"RGB1", "wrong_type"),
        (binary.encode([(1, 1.0, 0, 0)])[:-1], "bad_length"),
        (binary.encode([(1, 1.0, 0, 0)]) + b"\0", "bad_length"),
    ],
)
def test_what_is_no_batch_is_refused(payload: bytes, reason: str) -> None:
    with pytest.raises(Refusal) as caught:
        binary.decode(payload, "binary")
    assert caught.value.reason == reason


@settings(max_examples=200)
@given(st.binary(max_size=100), st.booleans())
def test_any_bytes(payload: bytes, headed: bool) -> None:
    outcome(binary.decode, binary.encode([(1, 1.0, 0, 0)])[:16] + payload if headed else payload, "binary")


@pytest.mark.parametrize(
    ("records", "counters", "told"),
    [
        ([], {}, "0 records; a payload takes 1 to 13106"),
        ([(1, 1.0, 0, 0)] * (binary.MAX_RECORDS + 1), {}, "13107 records; a payload takes"),
        ([(1, math.inf, 3, 0)], {}, "channel 3: inf is no reading; give NaN"),
        ([(1, -math.inf, 3, 0)], {}, "channel 3: -inf is no reading"),
        ([(1, 1.0, 0, 4)], {}, "channel 0: quality 4 is not known"),
        ([(1 << 63, 1.0, 0, 0)], {}, "channel 0: .* does not fit the record"),
        ([(1, 1.0, 1 << 16, 0)], {}, "channel 65536: .* does not fit the record"),
        ([(1, 1.0, 0, 0)], {"boot": 1 << 32}, "boot 4294967296 is no uint32"),
        ([(1, 1.0, 0, 0)], {"seq": -1}, "seq -1 is no uint32"),
    ],
)
def test_what_could_not_be_read_is_not_written(
    records: list[binary.Record], counters: dict[str, int], told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        binary.encode(records, **counters)


def test_the_largest_payload_is_within_the_limit() -> None:
    payload = binary.encode([(1, 1.0, 0, 0)] * binary.MAX_RECORDS)
    assert len(payload) <= binary.MAX_BYTES < len(payload) + binary.RECORD_BYTES
    assert len(binary.decode(payload, "binary").rows) == binary.MAX_RECORDS
