"""Small compiled passes over the columns of one entry. Each replaces a dozen array operations, which cost
more than the work itself when twenty packets make a group."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from detectors import BAD, DISORDER, LATE, NOT_LIVE, RETAINED, SUSPECT, UNCERTAIN, compiled
from gateway.monitor.roster import Roster


@compiled
def arrive(
    received_ns: npt.NDArray[np.int64],
    packet: npt.NDArray[np.int32],
    mono_ns: int,
    wall_ns: int,
    now_ns: int,
    arrival: npt.NDArray[np.int64],
    received: npt.NDArray[np.int64],
) -> None:
    """Each row's reception, by the wall clock and in gateway time, from its packet's monotonic time and what
    the three clocks show at the entry."""
    for i in range(len(packet)):
        behind = max(np.int64(0), mono_ns - received_ns[packet[i]])
        arrival[i] = wall_ns - behind
        received[i] = now_ns - behind


@compiled
def tally(time: npt.NDArray[np.uint8], quality: npt.NDArray[np.uint8]) -> tuple[int, int, int, int, int, int]:
    """How many readings are late, suspect, retained, disordered, bad, uncertain."""
    late = suspect = retained = disordered = bad = uncertain = 0
    for i in range(len(time)):
        late += (time[i] & LATE) != 0
        suspect += (time[i] & SUSPECT) != 0
        retained += (time[i] & RETAINED) != 0
        disordered += (time[i] & DISORDER) != 0
        bad += quality[i] == BAD
        uncertain += quality[i] == UNCERTAIN
    return late, suspect, retained, disordered, bad, uncertain


@compiled
def keep_last(
    slot: npt.NDArray[np.int32],
    event_ns: npt.NDArray[np.int64],
    value: npt.NDArray[np.float64],
    quality: npt.NDArray[np.uint8],
    time: npt.NDArray[np.uint8],
    last: Any,
) -> None:
    """Each channel's newest live reading in receive order; last: value, event time and quality by slot."""
    for i in range(len(slot)):
        if time[i] & NOT_LIVE == 0:
            last[0][slot[i]], last[1][slot[i]], last[2][slot[i]] = value[i], event_ns[i], quality[i]


def values_of(
    roster: Roster,
    key: str,
    last: tuple[npt.NDArray[np.float64], npt.NDArray[np.int64], npt.NDArray[np.uint8]],
) -> list[dict[str, Any]]:
    """What ``keep_last`` kept of every channel of a device, in plain values; [] for an unknown device."""
    number = roster.index.get(key)
    if number is None:
        return []
    value, event_ns, quality = last
    return [
        {
            "channel": roster.channels.channel(slot).channel,
            "value": None if np.isnan(value[slot]) else float(value[slot]),
            "event_ns": int(event_ns[slot]),
            "quality": int(quality[slot]),
        }
        for slot in roster.slots_of(number)
    ]
