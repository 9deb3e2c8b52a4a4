"""What the devices of the live rows send: whole MQTT packets, made before any clock starts.

Every reading is the device's own newest: its time is later than all it sent before and not ahead of the wall
clock, its sequence number follows. ``make`` functions are for tests.bench.feeder, which calls them elsewhere.
"""

from __future__ import annotations

import time

from device_profiles.codecs import binary
from tests.ingest.wire import publish

DEVICES = 1000
FAMILY, MODEL = "bench", "point"
PROFILE = f"{FAMILY}/{MODEL}"
ENTERPRISE, SITE = "acme", "plant"
PREFIX = f"rg/{ENTERPRISE}/{SITE}".encode()
BATCH = 100
"""Readings in a batch."""
MIDS = 60_000
NORMAL, HIGH = 1.0, 60.0
"""Values: well below every limit, beyond the safety limit."""
_SEQ_A_ROUND = 1_000_000


def profile_text(shipped: str) -> str:
    """The shipped gas point under a rate that no feed goes beyond, with a stream of fixed-width batches.

    A long upload period lets a device send a burst; so a device counts as silent only after two hours. An
    alarm returns with the next good reading: with the shipped delay all of a round's would return together in
    the first moment of the next, and their POSTs would stand before the first one that is timed."""
    rate = "\nperiod_s = 1\nmax_per_period = 10000\nupload_period_s = 3600\n"
    stream = '\n[[stream]]\nname = "binary"\ncodec = "binary"\n'
    if "\nperiod_s = 5\n" not in shipped:
        raise ValueError("the shipped profile has another period than the bench expects")
    return shipped.replace("\nperiod_s = 5\n", rate).replace("off_delay_s = 5", "off_delay_s = 0") + stream


def fleet() -> list[tuple[str, str, str, str, str]]:
    """Rows of fleet.csv."""
    return [(ENTERPRISE, SITE, f"hall-{n // 10}", f"GD-{n}", PROFILE) for n in range(DEVICES)]


def single(turn: int, count: int) -> list[bytes]:
    """One JSON reading a packet, the devices in turn."""
    return _single(turn, count, {})


def closing(turn: int, count: int) -> list[bytes]:
    """``single``, and the last is beyond the limit: who sees that has seen all."""
    return _single(turn, count, {(count - 1) % DEVICES: count - 1})


def alarming(turn: int, count: int) -> list[bytes]:
    """``single``, and one packet in ``DEVICES`` is beyond the limit: see ``alarmed``."""
    return _single(turn, count, alarmed(turn, count))


def alarmed(turn: int, count: int) -> dict[int, int]:
    """Device -> number of its packet beyond the limit; each sweep and round has another device's."""
    sweeps = count // DEVICES
    devices = [(turn * sweeps + sweep) % DEVICES for sweep in range(sweeps)]
    return {device: sweep * DEVICES + device for sweep, device in enumerate(devices)}


def _single(turn: int, count: int, high: dict[int, int]) -> list[bytes]:
    last_ms, sweeps = time.time_ns() // 1_000_000, -(-count // DEVICES)
    out = []
    for n in range(count):
        sweep, device = divmod(n, DEVICES)
        payload = b'{"time_ms":%d,"value":%.3f,"unit":"%%LEL","quality":"good","boot":3,"seq":%d}' % (
            last_ms - sweeps + sweep,
            HIGH if high.get(device) == n else NORMAL + 0.001 * (n % 999),
            turn * _SEQ_A_ROUND + sweep,
        )
        out.append(publish(PREFIX + b"/GD-%d/lel" % device, payload, mid=n % MIDS + 1))
    return out


def batch(turn: int, count: int) -> list[bytes]:
    """JSON batches of ``BATCH`` readings, a device's own, a millisecond apart."""
    last_ms, sweeps = time.time_ns() // 1_000_000, -(-count // DEVICES)
    out = []
    for n in range(count):
        sweep, device = divmod(n, DEVICES)
        begin = last_ms - (sweeps - sweep) * BATCH
        readings = b",".join(
            b'{"channel":"lel","time_ms":%d,"value":%.3f}' % (begin + k, NORMAL + 0.001 * ((n + k) % 999))
            for k in range(BATCH)
        )
        payload = b'{"boot":3,"seq":%d,"readings":[%s]}' % (turn * _SEQ_A_ROUND + sweep, readings)
        out.append(publish(PREFIX + b"/GD-%d/batch" % device, payload, mid=n % MIDS + 1))
    return out


def packed(turn: int, count: int) -> list[bytes]:
    """The same as fixed-width binary batches."""
    last_ms, sweeps = time.time_ns() // 1_000_000, -(-count // DEVICES)
    out = []
    for n in range(count):
        sweep, device = divmod(n, DEVICES)
        begin = last_ms - (sweeps - sweep) * BATCH
        records = [(begin + k, NORMAL + 0.001 * ((n + k) % 999), 0, 1) for k in range(BATCH)]
        payload = binary.encode(records, boot=3, seq=turn * _SEQ_A_ROUND + sweep)
        out.append(publish(PREFIX + b"/GD-%d/binary" % device, payload, mid=n % MIDS + 1))
    return out
