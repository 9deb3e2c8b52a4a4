"""A week of a plant as a gateway would have left it: closed segments compressed, the last one live.

1,000 channels each send one JSON reading in 10 s, in four entries a second. 100 of the channels (of 50
devices in halls of their own, of five profiles) leave their band once, each for a minute.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from gateway.journal import Journal
from gateway.journal.compress import compress
from gateway.journal.segment import segments
from gateway.ledger import Ledger
from gateway.monitor.channels import Device
from gateway.monitor.entries import Entry, Link, Packets, Stamp, Started
from gateway.monitor.monitor import BEHAVIOUR
from gateway.monitor.roster import MonitorConfig, config_change
from gateway.paths import DataFolder
from tests.bench._fleet import BEGIN_NS, BOOT, PROFILE, STREAMS, texts

PERIOD_S = 10
TOUCHED = 50
"""Devices whose rules are to change, of two channels each; ten of each of five profiles."""
PROFILES = [f"bench/p{n}" for n in range(5)]
SWEEPS = 360
"""Made at once: an hour."""
EXCURSION = 6
"""Readings outside the band."""
LEVELS = {"lel": (22.0, 28.0), "temperature": (42.0, 48.0)}
"""Outside: below the limit in force, and above it."""
USUAL = {"lel": 14.0, "temperature": 30.0}
HOT = """
[[alarm]]
channel = "temperature"
condition = "H"
setpoint = 45
deadband = 1
on_delay_s = 2
off_delay_s = 5
priority = 3
consequence_en = "The detector is hotter than it should be."
consequence_zh = "探测器温度偏高。"
response_en = "Look for the source of heat."
response_zh = "查找热源。"
clause = "own default"
source_verified = false
"""

Bytes = npt.NDArray[np.uint8]


def config(channels: int) -> MonitorConfig:
    """Devices of two channels each in halls of ten; the first halls follow profiles of their own."""
    shipped = texts(PERIOD_S)[PROFILE]
    head, bar, rest = shipped.partition("\n[[alarm]]")
    told = {PROFILE: shipped, **dict.fromkeys(PROFILES, head + "\n" + HOT + bar + rest)}
    devices = []
    for n in range(channels // len(STREAMS)):
        profile = PROFILES[n // 10] if n < TOUCHED else PROFILE
        devices.append(Device("acme", "s0", f"hall-{n // 10}", f"GD-{100 + n}", profile))
    return MonitorConfig(devices, told)


class _Part:
    """One entry of every sweep: which packets, and where their digits are."""

    def __init__(self, channels: list[int]) -> None:
        self.channels = channels
        text, cuts, self.digits = b"", [], []
        for channel in channels:
            device, place = divmod(channel, len(STREAMS))
            begin = len(text)
            text += f"rg/acme/s0/GD-{100 + device}/{STREAMS[place]}".encode()
            cut = len(text)
            text += b'{"time_ms":'
            time, text = len(text), text + b"0" * 13 + b',"value":'
            value, text = len(text), text + b"00.00" + b',"boot":1,"seq":'
            seq, text = len(text), text + b"0" * 7 + b"}"
            self.digits.append((time, value, seq, place))
            cuts.append((begin, cut, cut, len(text)))
        self._text = np.frombuffer(text, np.uint8)
        self.cuts = np.array(cuts, "<i4").tobytes()

    def blobs(self, first: int, time_ms: npt.NDArray[np.int64], cents: npt.NDArray[np.int64]) -> Bytes:
        """uint8[sweeps, size] of the sweeps from ``first`` on; cents: value * 100 of [sweeps, channel]."""
        blob = np.tile(self._text, (len(time_ms), 1))
        clock = _digits(time_ms, 13)
        for (time, value, seq, place), channel in zip(self.digits, self.channels, strict=True):
            blob[:, time : time + 13] = clock
            parts = _digits(cents[:, channel], 4)
            blob[:, value : value + 2], blob[:, value + 3 : value + 5] = parts[:, :2], parts[:, 2:]
            blob[:, seq : seq + 7] = _digits(1_000_000 + 2 * np.arange(first, first + len(blob)) + place, 7)
        return blob


def _digits(numbers: npt.NDArray[np.int64], width: int) -> Bytes:
    powers = 10 ** np.arange(width - 1, -1, -1, dtype=np.int64)
    return (numbers[:, None] // powers % 10 + ord("0")).astype(np.uint8)


def write(data: DataFolder, channels: int, hours: int) -> int:
    """Write the folder; returns how many readings it holds."""
    data.create()
    known = config(channels)
    stamp = _stamp(0)
    begin: list[Entry] = [
        Started(stamp, "bench", BEHAVIOUR, 1),
        config_change(stamp, known.devices, known.profiles),
        Link(stamp, 1, up=True),
    ]
    Ledger(data.ledger).close()
    journal = Journal(data.journal, synchronous="NORMAL")
    journal.append(begin)
    for hour in range(hours):
        journal.append(list(_hour(hour, channels, hours)))
    journal.close()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(compress, segments(data.journal)[:-1]))
    return hours * SWEEPS * channels


def _hour(hour: int, channels: int, hours: int) -> Iterator[Packets]:
    order = np.random.default_rng(0).permutation(channels).tolist()
    count = channels // (4 * PERIOD_S)
    parts = [_Part(order[n : n + count]) for n in range(0, channels, count)]
    cents = _cents(hour, channels, hours)
    first = hour * SWEEPS
    offsets = [PERIOD_S * 1_000_000_000 * (n + 1) // len(parts) for n in range(len(parts))]
    sweeps = (first + np.arange(SWEEPS)) * PERIOD_S * 1_000_000_000
    blobs = [
        part.blobs(first, (BEGIN_NS + sweeps + offset) // 1_000_000, cents)
        for part, offset in zip(parts, offsets, strict=True)
    ]
    flags = bytes(count)
    for sweep, at in enumerate(sweeps.tolist()):
        for part, offset, blob in zip(parts, offsets, blobs, strict=True):
            stamp = _stamp(at + offset)
            received = np.full(count, stamp.mono_ns, "<i8").tobytes()
            yield Packets(stamp, 1, blob[sweep].tobytes(), part.cuts, received, flags)


def _cents(hour: int, channels: int, hours: int) -> npt.NDArray[np.int64]:
    """Value * 100 of [sweep, channel] in one hour: white noise, and a touched channel's excursion."""
    draw = np.random.default_rng([1, hour])
    place = np.arange(channels) % len(STREAMS)
    usual = np.array([USUAL[name] for name in STREAMS])[place]
    value = usual + draw.normal(0, 1, (SWEEPS, channels)).clip(-3.9, 3.9)
    for channel in range(hour, len(STREAMS) * TOUCHED, hours):
        at = int(draw.integers(0, SWEEPS - EXCURSION))
        level = LEVELS[STREAMS[channel % len(STREAMS)]][channel // len(STREAMS) % 2]
        value[at : at + EXCURSION, channel] = level
    found: npt.NDArray[np.int64] = np.round(value * 100).astype(np.int64)
    return found


def _stamp(after_ns: int) -> Stamp:
    return Stamp(BEGIN_NS + after_ns, 1_000_000_000 + after_ns, BOOT)
