"""The compiled reader takes a payload as its codec would, bit for bit, or leaves it to the codec."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device_profiles.codecs import binary
from gateway.monitor import plain
from gateway.monitor._json import quotient
from gateway.monitor.channels import Device
from gateway.monitor.decode import DecodedPackets, Decoder, Raw
from gateway.monitor.entries import Packets, Stamp
from gateway.monitor.quarantine import Quarantine
from gateway.monitor.roster import Roster, config_change, unpack
from tests.monitor.world import PROFILES

STAMP = Stamp(1_764_035_198_000_000_000, 0, "boot")
TEXTS = PROFILES
EXAMPLES = 300
DEVICES = [
    Device("acme", "plant", "area", f"D-{number}", profile) for number, profile in enumerate(sorted(TEXTS))
]


def roster() -> Roster:
    """One device of every shipped profile."""
    made = Roster()
    change = config_change(STAMP, DEVICES, TEXTS)
    made.apply(unpack(change), change.digest)
    return made


ROSTER = roster()
GAS = next(n for n, d in enumerate(DEVICES) if d.profile == "gas/combustible_point")


def entry(topic: str, payload: bytes) -> Packets:
    """One packet."""
    return Packets.of(STAMP, 1, [(topic.encode(), payload, 0, 0)])


def difference(slow: DecodedPackets, fast: DecodedPackets) -> list[str]:
    """What is not equal of columns, refusals, names and counts; of values every bit counts."""
    odd = [n for n in Raw.__slots__ if getattr(slow.raw, n).tobytes() != getattr(fast.raw, n).tobytes()]
    odd += [n for n in ("boot", "seq") if getattr(slow, n).tobytes() != getattr(fast, n).tobytes()]
    return odd + [n for n in ("rejected", "rows") if getattr(slow, n) != getattr(fast, n)]


def unlike(topic: str, payload: bytes) -> list[str]:
    """Read by the codec (the topic is new then), and again when the compiled reader knows the topic."""
    decoder = Decoder(ROSTER, Quarantine())
    packets = entry(topic, payload)
    return difference(decoder.decode(1, packets), decoder.decode(1, packets))


def is_plain(topic: str, payload: bytes) -> bool:
    """Whether the compiled reader takes it."""
    decoder = Decoder(ROSTER, Quarantine())
    decoder.decode(1, entry(topic, payload))
    known, packets = decoder.routes, entry(topic, payload)
    columns = [np.empty(1000, dtype) for dtype in plain.DTYPES]
    rows, odd = plain.read(
        np.frombuffer(packets.blob, np.uint8),
        packets.cut_array(),
        known.routes,
        known.topics,
        known.table,
        known.points,
        known.texts,
        plain.with_bits(columns),
        np.empty(1, np.int64),
        np.empty(1, np.int64),
        np.empty(1, np.int32),
    )
    return rows > 0 and odd == 0


numbers = st.one_of(
    st.integers(-(10**20), 10**20),
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(-1000, 1000),
    st.decimals(-1000, 1000, places=3).map(float),
    st.sampled_from([0, 1, 2, 3, 3.6, 4, 20, 20.5, 21, -200, -999, -0.0, 65535]),
    st.none(),
)
fields = st.fixed_dictionaries(
    {"value": numbers},
    optional={
        "time_ms": st.one_of(st.integers(-10, 10**13), st.integers(0, 10**19), numbers),
        "unit": st.sampled_from(["%LEL", "mA", "V", "", "é", None, 3]),
        "quality": st.sampled_from(["good", "uncertain", "bad", "great", None]),
        "device": st.sampled_from([DEVICES[GAS].device, "D-9", None]),
        "boot": st.one_of(st.integers(-1, 10**20), st.none()),
        "seq": st.one_of(st.integers(-1, 10**20), st.none()),
        "original_time_ms": numbers,
        "note": st.one_of(st.text(), st.booleans(), numbers, st.lists(st.integers(), max_size=2)),
        "site": st.text(max_size=3),
        "channel": st.sampled_from(["lel", "nothing", "", None]),
    },
)


@st.composite
def written(draw: st.DrawFn, parts: st.SearchStrategy[Any]) -> bytes:
    """JSON as devices write it: any order of fields, any spacing, sometimes damaged by a few bytes."""
    part = draw(parts)
    if isinstance(part, dict):
        keys = draw(st.permutations(list(part)))
        part = {key: part[key] for key in keys}
    gap = draw(st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", "\t: ")]))
    body = bytearray(json.dumps(part, separators=gap, ensure_ascii=draw(st.booleans())).encode())
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 3]))):
        at = draw(st.integers(0, len(body) - 1))
        new = draw(st.sampled_from(list(b'{}[],:"\\0123456789.-eE \x00\xffnul')))
        if draw(st.booleans()):
            body[at] = new
        else:
            body[at:at] = bytes([new])
    return bytes(body)


POINTS = [(device, point.channel) for device in DEVICES for point in ROSTER.profiles[device.profile].points]


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.sampled_from(POINTS), written(fields))
def test_a_single_reading(point: tuple[Device, str], payload: bytes) -> None:
    assert not unlike(f"rg/{point[0].key}/{point[1]}", payload)


items = st.lists(
    fields.flatmap(
        lambda field: st.sampled_from([p.channel for p in ROSTER.profiles[DEVICES[GAS].profile].points]).map(
            lambda channel: {**field, "channel": channel}
        )
    ),
    max_size=4,
)
batches = st.fixed_dictionaries(
    {"readings": items},
    optional={
        "device": st.sampled_from([DEVICES[GAS].device, "D-9", None]),
        "boot": st.integers(-1, 10**19),
        "seq": st.integers(-1, 10**19),
        "note": st.integers(),
    },
)


@settings(max_examples=EXAMPLES, deadline=None)
@given(written(batches))
def test_a_batch(payload: bytes) -> None:
    assert not unlike(f"rg/{DEVICES[GAS].key}/batch", payload)


records = st.lists(
    st.tuples(
        st.integers(-(2**63), 2**63 - 1),
        st.floats(),
        st.integers(0, 3),
        st.sampled_from([0, 1, 2, 3, 4]),
    ),
    max_size=5,
)


@settings(max_examples=EXAMPLES, deadline=None)
@given(records, st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.data())
def test_a_binary_batch(
    rows: list[tuple[int, float, int, int]], boot: int, seq: int, data: st.DataObject
) -> None:
    body = bytearray(
        b"RGB1"
        + b"".join(n.to_bytes(4, "little") for n in (boot, seq, len(rows)))
        + b"".join(
            time.to_bytes(8, "little", signed=True)
            + np.float64(value).tobytes()
            + channel.to_bytes(2, "little")
            + bytes([claim, 0])
            for time, value, channel, claim in rows
        )
    )
    if data.draw(st.booleans()):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at] = data.draw(st.integers(0, 255))
    assert not unlike(f"rg/{DEVICES[GAS].key}/binary", bytes(body))


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.integers(0, 2**64 - 1), st.integers(0, 22))
def test_a_quotient_is_the_nearest_float_or_none(mantissa: int, power: int) -> None:
    got = quotient(np.uint64(mantissa), 10.0**power)
    assert math.isnan(got) or got == float(f"{mantissa}e-{power}")


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.floats(0.001, 1000))
def test_what_python_prints_is_nearly_always_plain(value: float) -> None:
    topic = f"rg/{DEVICES[GAS].key}/lel"
    assert is_plain(topic, f'{{"value":{value!r}}}'.encode()) or quotient_unsure(value)


def quotient_unsure(value: float) -> bool:
    """Whether the number is written in a way that takes long arithmetic."""
    digits = repr(value).replace(".", "").lstrip("0")
    return (
        "e" in repr(value)
        or len(digits) > plain.MAX_MANTISSA
        or math.isnan(quotient(np.uint64(int(digits)), 10.0 ** len(repr(value).partition(".")[2])))
    )


NAME = DEVICES[GAS].device.encode()
PLAIN = {
    "lel": [
        b'{"time_ms":1764035198123,"value":4.2}',
        b' {"value" : -4.25 , "unit":"%LEL","quality":"good","boot":3,"seq":101} ',
        b'{"value":null,"device":"%s","original_time_ms":12.5,"note":"x"}' % NAME,
    ],
    "batch": [
        b'{"boot":1,"readings":[{"channel":"lel","value":1},{"value":2,"channel":"lel"}],"seq":2}',
        b'{"readings": [ {"channel":"lel","value":1} ] , "device":"%s"}' % NAME,
    ],
    "binary": [binary.encode([(1764035198123, 4.2, 0, 0), (1764035199123, 4.3, 0, 2)], boot=3, seq=101)],
}


@pytest.mark.parametrize(
    ("stream", "payload"), [(stream, payload) for stream, all_ in PLAIN.items() for payload in all_]
)
def test_what_devices_send_is_plain(stream: str, payload: bytes) -> None:
    assert is_plain(f"rg/{DEVICES[GAS].key}/{stream}", payload)


def test_odd_and_plain_packets_keep_their_order() -> None:
    decoder = Decoder(ROSTER, Quarantine())
    topic = f"rg/{DEVICES[GAS].key}/lel".encode()
    odd = ', "a": [1]'
    rows = [(topic, f'{{"value":{n}{odd if n % 2 else ""}}}'.encode(), 0, 0) for n in range(6)]
    packets = Packets.of(STAMP, 1, rows)
    decoder.decode(1, packets)
    got = decoder.decode(1, packets)
    assert got.raw.value.tolist() == [0, 1, 2, 3, 4, 5]
    assert got.raw.packet.tolist() == [0, 1, 2, 3, 4, 5]
