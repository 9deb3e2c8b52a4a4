"""Every time rule in one place: duplicate, late, disordered, retained, suspect, and a device's changed clock.

Readings act in receive order; there is no reorder buffer. The rules, with the profile's defaults:

- the same (channel, event time, value) among the channel's last ``RING`` readings is a duplicate; the
  same time with another value takes effect as suspect, for a frozen clock must not blind a device;
- the same (device, boot, seq) among the device's last ``WINDOW`` payloads is a duplicate unless its rows
  are newer than the channel's newest: then a stuck counter is suspected and they take effect as suspect;
- a packet that the broker flags DUP and whose bytes were journalled in an earlier connection epoch is a
  duplicate whole, however many readings it holds; a reading without time is one only so (or if its bytes
  and the payload's boot and seq are known);
- late: arrival - event - skew > the profile's late_after; or older than everything in a full ring;
- suspect: its time is before 2000, or ahead of arrival by more than max_future, or the device's clock
  has never been seen right; may raise, never clears;
- when ``rebase`` packets with increasing times that span at least 4 s agree within 2 s on a new skew, the
  device is re-based (a backlog that arrives all at once cannot do that). Times that go back to what was
  heard already, at the pace of live ones, are such packets too, however late the device may be: a clock that
  was set back looks like repeated readings to a device whose values stand still.

A clock that runs fast or slow: the least delay (arrival - event) of a window of ``DRIFT_WINDOW_NS`` is free
of waiting. ``DRIFT_RUN`` windows in a row that move it the same way by more than ``DRIFT_SHARE`` of the time
are a drifting clock; one that moves it less than half of that ends it. A new delay on the way to us moves one
window. Times ahead by more than max_future count here too: who uploads once a day and gains 26 s in it is
there after three uploads.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from detectors import DISORDER, LATE, NO_TIME, RETAINED, SUSPECT, compiled
from gateway.monitor.entries import FLAG_RETAINED
from gateway.monitor.recents import NEVER, RING, forget, recall, remember

WINDOW = 64
AGREE_NS = 2_000_000_000
SKEW_SHIFT = 4
"""The skew follows 1/16 of each new difference, of 2 s at most: device clocks drift by seconds a day."""
PLAUSIBLE_SINCE_NS = 946_684_800_000_000_000
"""2000-01-01: no device of ours is older."""
PLAUSIBLE_AHEAD_NS = 86_400_000_000_000
"""A clock a day or more ahead is wrong however steadily it runs."""

DRIFT_WINDOW_NS = 4 * 3_600_000_000_000
DRIFT_RUN = 3
DRIFT_SHARE = 150e-6
"""13 s a day. A watch crystal keeps 20 ppm at room temperature, 100 ppm in frost: our own default."""

SURELY = 2

CLOCK = np.dtype(
    [
        ("skew_ns", "<i8"),
        ("agreed_skew_ns", "<i8"),
        ("agreed_event_ns", "<i8"),
        ("agreed_from_ns", "<i8"),  # event time of the run's first packet
        ("last_received_ns", "<i8"),
        ("late_after_ns", "<i8"),
        ("max_future_ns", "<i8"),
        ("boot", "<i8"),
        ("boot_before", "<i8"),
        ("seq", "<i8"),
        ("seq_before", "<i8"),
        ("seen", "<u8"),
        ("seen_before", "<u8"),
        ("agreed", "<i4"),
        ("rebase", "<i4"),
        ("based", "<i8"),
        ("window_ns", "<i8"),  # arrival of the window's first packet; NEVER: none is open
        ("least_ns", "<i8"),  # least delay of the window
        ("least_before_ns", "<i8"),  # of the one before; NEVER: there was none
        ("share", "<f8"),  # by how much the clock ran fast in the last window
        ("drift_run", "<i4"),  # windows in a row that moved the same way: below 0 the clock runs slow
        ("drifts", "<i2"),
        ("told", "<i2"),  # what was said of `drifts`; whole records without padding
    ],
    align=True,
)
"""One record a device."""


def new_clocks(count: int) -> npt.NDArray[np.void]:
    """Clocks of devices that have not spoken."""
    clocks = np.zeros(count, CLOCK)
    clocks["boot"] = clocks["boot_before"] = clocks["seq"] = clocks["seq_before"] = -1
    clocks["agreed_event_ns"] = NEVER
    clocks["last_received_ns"] = NEVER
    clocks["window_ns"] = clocks["least_before_ns"] = NEVER
    return clocks


def wall_jumped(clocks: npt.NDArray[np.void], jump_ns: int) -> None:
    """The gateway's own clock was set: no device's clock changed by that."""
    clocks["skew_ns"][clocks["based"] != 0] += jump_ns
    clocks["window_ns"] = clocks["least_before_ns"] = NEVER
    clocks["agreed"] = 0
    clocks["agreed_event_ns"] = NEVER


def drifting(clocks: npt.NDArray[np.void]) -> list[int]:
    """The devices whose clock began or ceased to drift since this was asked and ``told`` set."""
    devices: list[int] = np.flatnonzero(clocks["drifts"] != clocks["told"]).tolist()
    return devices


@compiled
def seq_known(clock: npt.NDArray[np.void], device: int, boot: int, seq: int) -> bool:
    """Whether (boot, seq) was seen among the device's last payloads; notes it either way."""
    record = clock[device]
    if boot == record["boot"]:
        ahead = seq - record["seq"]
        if ahead > 0:
            record["seen"] = (
                np.uint64(1) if ahead >= WINDOW else (record["seen"] << np.uint64(ahead)) | np.uint64(1)
            )
            record["seq"] = seq
            return False
        if ahead <= -WINDOW:
            return False
        bit = np.uint64(1) << np.uint64(-ahead)
        known = (record["seen"] & bit) != 0
        record["seen"] |= bit
        return bool(known)
    if boot == record["boot_before"]:
        behind = record["seq_before"] - seq
        if behind < 0 or behind >= WINDOW:
            return False
        bit = np.uint64(1) << np.uint64(behind)
        known = (record["seen_before"] & bit) != 0
        record["seen_before"] |= bit
        return bool(known)
    record["boot_before"] = record["boot"]
    record["seq_before"] = record["seq"]
    record["seen_before"] = record["seen"]
    record["boot"] = boot
    record["seq"] = seq
    record["seen"] = np.uint64(1)
    return False


@compiled
def judge(
    clocks: npt.NDArray[np.void],
    recents: npt.NDArray[np.void],
    odds: npt.NDArray[np.void],
    used: npt.NDArray[np.int64],
    device: npt.NDArray[np.int32],
    slot: npt.NDArray[np.int32],
    event_ns: npt.NDArray[np.int64],
    arrival_ns: npt.NDArray[np.int64],
    value: npt.NDArray[np.float64],
    packet: npt.NDArray[np.int32],
    known: npt.NDArray[np.uint8],
    flags_of: npt.NDArray[np.uint8],
    time: npt.NDArray[np.uint8],
    keep: npt.NDArray[np.uint8],
    rebased: npt.NDArray[np.int64],
) -> tuple[int, int]:
    """Flag every row (``time``), drop duplicates (``keep`` 0), and note re-based devices: rebased[i] is the
    skew change in ns where row i made its device's clock believed anew, else 0.

    recents, odds, used: ``Recents.room`` for every row. arrival_ns: the wall clock at reception. packet: row
    of known and flags_of. known: 1 the payload's (boot, seq) were seen before, SURELY the packet itself was.
    event_ns NO_TIME means the device sent none: arrival stands in. Returns (rows kept, rows re-based).
    """
    kept = changes = 0
    for i in range(len(slot)):
        last_of_packet = i + 1 == len(slot) or packet[i + 1] != packet[i]
        seen = known[packet[i]]
        clock = clocks[device[i]]
        recent = recents[slot[i]]
        timeless = event_ns[i] == NO_TIME
        if timeless:
            event_ns[i] = arrival_ns[i]
        event = event_ns[i]
        same_time, twin, oldest = recall(recent, odds, event, value[i])
        newer = timeless or event > recent["newest_ns"]
        repeated = seen == SURELY or (seen != 0 and (timeless or not newer)) or (twin and not timeless)
        paced = seen == 0 and last_of_packet  # not known by its counter: a clock set back looks so too
        if repeated and not (paced and _set_back(clock, event, arrival_ns[i], rebased, i)):
            keep[i] = 0
            continue
        keep[i] = 1
        kept += 1
        if flags_of[packet[i]] & FLAG_RETAINED:
            time[i] = RETAINED
            continue
        flags: Any = SUSPECT if (same_time or seen != 0) and rebased[i] == 0 else 0
        flags |= _clock_flags(clock, event, arrival_ns[i], timeless, newer, last_of_packet, rebased, i)
        if rebased[i] != 0:
            changes += 1
            forget(recent, odds, used)  # the old clock's newest says nothing about the new one's
            newer = True
        if not newer and recent["newest_ns"] != NEVER:
            flags |= DISORDER
            if recent["count"] == RING and event < oldest:
                flags |= LATE
        remember(recent, odds, used, event, value[i], newer, (flags & SUSPECT) != 0)
        clock["last_received_ns"] = arrival_ns[i]
        time[i] = flags
    return kept, changes


@compiled
def _clock_flags(
    clock: Any,
    event: int,
    arrival: int,
    timeless: bool,
    newer: bool,
    last_of_packet: bool,
    rebased: npt.NDArray[np.int64],
    i: int,
) -> int:
    """LATE or SUSPECT by the device's clock; follows its skew, and re-bases it when it has earned that."""
    if event < PLAUSIBLE_SINCE_NS or event > arrival + PLAUSIBLE_AHEAD_NS:
        return SUSPECT
    age = np.int64(0) if timeless else arrival - event - clock["skew_ns"]
    if -clock["max_future_ns"] <= age <= clock["late_after_ns"]:
        clock["based"] = 1
        if last_of_packet and not timeless:
            _watch_drift(clock, arrival, arrival - event)
        if last_of_packet and newer:
            clock["agreed"] = 0
            clock["agreed_event_ns"] = NEVER
            # a backlog is not drift: packets that waited must not move the skew by their waiting
            clock["skew_ns"] += max(-AGREE_NS, min(AGREE_NS, age)) >> SKEW_SHIFT
        elif last_of_packet and rebased[i] == 0:
            _set_back(clock, event, arrival, rebased, i)
        return 0
    if age < 0 and clock["based"] != 0 and last_of_packet and not timeless:
        _watch_drift(clock, arrival, arrival - event)  # a clock that runs fast is ahead in the end
    if last_of_packet and event != clock["agreed_event_ns"] and _agrees(clock, event, arrival - event):
        rebased[i] = _rebase(clock, arrival - event)
        return 0
    return LATE if age > 0 and clock["based"] != 0 else SUSPECT


@compiled
def _set_back(clock: Any, event: int, arrival: int, rebased: npt.NDArray[np.int64], i: int) -> bool:
    """Whether a packet of a time heard already completes a run that comes at the pace of live ones: then the
    clock is re-based."""
    age = arrival - event - clock["skew_ns"]
    if clock["based"] == 0 or age <= 2 * AGREE_NS or age > clock["late_after_ns"]:
        return False
    if event == clock["agreed_event_ns"] or not _agrees(clock, event, arrival - event):
        return False
    rebased[i] = _rebase(clock, arrival - event)
    return True


@compiled
def _rebase(clock: Any, skew: int) -> int:
    """Believe this skew from now on; returns the change."""
    change: int = skew - clock["skew_ns"]
    clock["skew_ns"] = skew
    clock["agreed"] = 0
    clock["agreed_event_ns"] = NEVER
    clock["based"] = 1
    clock["window_ns"] = clock["least_before_ns"] = NEVER
    return change


@compiled
def _watch_drift(clock: Any, arrival: int, delay: int) -> None:
    """One packet that was not late; a window that is over is compared with the one before."""
    lasted = arrival - clock["window_ns"] if clock["window_ns"] != NEVER else 0
    if lasted >= DRIFT_WINDOW_NS:
        if clock["least_before_ns"] != NEVER:
            share = (clock["least_before_ns"] - clock["least_ns"]) / lasted
            run: Any = clock["drift_run"]
            if share > DRIFT_SHARE:
                run = max(run, 0) + 1
            elif share < -DRIFT_SHARE:
                run = min(run, 0) - 1
            else:
                run = 0
            clock["share"], clock["drift_run"] = share, run
            if abs(run) >= DRIFT_RUN:
                clock["drifts"] = 1
            elif abs(share) < DRIFT_SHARE / 2:
                clock["drifts"] = 0
        clock["least_before_ns"] = clock["least_ns"]
    if lasted >= DRIFT_WINDOW_NS or clock["window_ns"] == NEVER or lasted < 0:
        clock["window_ns"], clock["least_ns"] = arrival, delay
    elif delay < clock["least_ns"]:
        clock["least_ns"] = delay


@compiled
def _agrees(clock: Any, event: int, skew: int) -> bool:
    """Whether this packet completes a run of increasing times that agree on one skew."""
    drift = skew - clock["agreed_skew_ns"]
    increasing = event > clock["agreed_event_ns"]
    if clock["agreed"] > 0 and increasing and -AGREE_NS <= drift <= AGREE_NS:
        clock["agreed"] += 1
    else:
        clock["agreed"] = 1
        clock["agreed_skew_ns"] = skew
        clock["agreed_from_ns"] = event
    clock["agreed_event_ns"] = event
    # a backlog that arrives at once agrees as long as it spans less than the tolerance: it must span more
    lasting = event - clock["agreed_from_ns"] >= 2 * AGREE_NS
    return bool(clock["agreed"] >= clock["rebase"] and lasting)
