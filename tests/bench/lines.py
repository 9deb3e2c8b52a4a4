"""How much faster a reading becomes a line than with influxdb-client's ``Point``; equal lines first."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from influxdb_client.client.write.point import Point
from influxdb_client.domain.write_precision import WritePrecision

from detectors import Readings
from gateway.delivery.readings_lane import BATCH_ROWS
from gateway.sinks import ReadingsBatch
from gateway.sinks._lines import Encoder, channel_tags
from tests.support.readings import NOW_NS, table
from tests.support.report import Row

DEVICES, CHANNELS = 2500, 4
PIECE = 5000
"""Lines a post, as the sink makes them."""


def readings(rows: int, seed: int = 1) -> ReadingsBatch:
    """Good readings of 10,000 channels in random order, of two decimals, each at a time of its own."""
    draw = np.random.default_rng(seed)
    zeros = np.zeros(rows, np.uint8)
    return ReadingsBatch(
        1,
        1,
        Readings(
            draw.integers(0, DEVICES * CHANNELS, rows).astype(np.int32),
            NOW_NS + np.arange(rows) * 1_003_007,
            np.full(rows, NOW_NS),
            np.round(draw.normal(20, 5, rows), 2),
            zeros,
            zeros,
            zeros,
            np.zeros(rows, np.int32),
        ),
        table(DEVICES, CHANNELS),
    )


def pointed(batch: ReadingsBatch, rows: int) -> list[str]:
    """The first rows as ``Point`` writes them; who the channels are is looked up beforehand."""
    r = batch.readings
    tags = [channel_tags(batch.channels.channel(slot)) for slot in r.slot[:rows].tolist()]
    columns = zip(tags, r.event_ns[:rows].tolist(), r.value[:rows].tolist(), strict=True)
    return [
        Point.from_dict(
            {"measurement": "reading", "tags": own, "fields": {"value": value, "quality": 0}, "time": at},
            WritePrecision.NS,  # type: ignore[arg-type]
        ).to_line_protocol()
        for own, at, value in columns
    ]


def encoded(encoder: Encoder, batch: ReadingsBatch) -> list[bytes]:
    """The batch as the sink encodes it."""
    return encoder.readings(batch, PIECE)


Parts = tuple[str, frozenset[str], dict[str, str | float], int]


def parts(line: str) -> Parts:
    """Measurement, tags, fields and time; what has no order is compared without, numbers as numbers."""
    key, fields, stamp = line.replace("\\ ", "_").split(" ")
    measurement, *tags = key.split(",")
    pairs = (field.split("=") for field in fields.split(","))
    values = {name: value if value.endswith("i") else float(value) for name, value in pairs}
    return measurement, frozenset(tags), values, int(stamp)


def differing(batch: ReadingsBatch, rows: int) -> int:
    """Of the first rows: how many lines say something else than ``Point``'s."""
    ours = b"\n".join(encoded(Encoder(), batch)).decode().split("\n")
    theirs = pointed(batch, rows)
    return sum(parts(a) != parts(b) for a, b in zip(ours, theirs, strict=False))


def seconds(work: Callable[[], object]) -> float:
    """How long one call takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def measure(rounds: int = 5, rows: int = BATCH_ROWS, point_rows: int = 5_000) -> list[Row]:
    """Row "lines": time of a line with ``Point`` over that with our encoder, in turn, the median."""
    batch = readings(rows)
    wrong = differing(batch, point_rows)
    encoder = Encoder()
    encoded(encoder, batch)  # the fixed parts are made once in a channel's life
    ours, theirs = [], []
    for _ in range(rounds):
        theirs.append(seconds(lambda: pointed(batch, point_rows)) / point_rows)
        ours.append(statistics.median(seconds(lambda: encoded(encoder, batch)) / rows for _ in range(10)))
    ratio = statistics.median(b / a for a, b in zip(ours, theirs, strict=True))
    note = (
        f"{statistics.median(ours) * 1e9:.0f} ns a line against {statistics.median(theirs) * 1e9:.0f} of "
        f"influxdb-client Point; {point_rows} lines compared, {wrong} differ"
    )
    made = Row.judged(
        "lines", "line protocol, times faster than influxdb-client", ratio, "x", ">= 10", ">= 40", note
    )
    return [replace(made, passed=made.passed and not wrong)]
