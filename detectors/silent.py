"""Channels and devices that stop speaking, or never spoke.

What. "silent": a channel that has spoken says nothing for its time-out. "never_seen": a channel has said
nothing since it was registered, for its time-out. A device whose every channel is overdue is found once, as
a device; its channels are not found one by one. A channel is found alone only after its device has spoken
later than the channel's deadline: proof that the device lives. When a device speaks again its finding ends,
and the channels that stay silent one period longer are found then.

When to use. Every channel that reports by itself. When not. Channels that report only on change (a profile's
``on_event``): another channel of their device gives the sign of life.

Which readings count. Any fresh one, whatever its quality or time: even a BAD reading is a sign of life.
Late and retained ones are not: a broker's last known value says nothing about now.

Time. Deadlines are counted on the silence time line: gateway time less the time the broker's link was down
(``silence_offset_ns``), so that our own deafness is not the device's silence. When the link is back,
``link_back`` gives every channel one period more. Time passes in ``sweep``, not with readings.

Cost. About 5 ns a reading; 1-2 ns a slot for a sweep that finds nothing due, about 5 ns otherwise.

Reference. ANSI/ISA-18.2-2016, bad-measurement alarms; time-outs are our own
default, 2 x the longer of period and upload period.

>>> import numpy as np
>>> from detectors import Findings
>>> second = 1_000_000_000
>>> p = np.array([configure({"silent_after_ns": 20 * second, "period_ns": 10 * second})] * 2, PARAMETERS)
>>> s, device_of_slot = np.array([initial()] * 2, STATE), np.array([0, 0], np.int32)
>>> for now in (0, 19, 20):
...     found, device = Findings(), Findings()
...     until = sweep(p, s, device_of_slot, 1, now * second, found, device)
...     print(now, found.count, [FINDINGS[f["condition"]] for f in device.found()])
0 0 []
19 0 []
20 0 ['never_seen']
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from detectors import NOT_LIVE, Findings, Readings, Settings, compiled
from detectors._rows import ROOM

FINDINGS = ("silent", "never_seen")
"""Of a channel in ``findings``, of a device in ``device_findings``. ``value``: seconds without a reading;
``limit``: the time-out in seconds."""
EVENT_TIMES: tuple[str, ...] = ()

_FAR = 1 << 62
_OWN = 1 | 2  # 1 silent, 2 never seen: this channel has a finding of its own
_COVER = 4 | 8  # 4 silent, 8 never seen: its device's finding stands for it
_SPOKE = 16  # spoke while its device's finding stands

PARAMETERS = np.dtype([("silent_after_ns", "<i8"), ("period_ns", "<i8")], align=True)
"""One channel's time-out and expected period; a time-out of 0 means: not watched."""

STATE = np.dtype(
    [
        ("last_seen_ns", "<i8"),  # on the silence time line; -1 never
        ("registered_ns", "<i8"),  # first time swept or seen; -1 not yet
        ("due_ns", "<i8"),  # overdue from here on
        ("flags", "<i8"),
    ],
    align=True,
)
"""What one channel remembers."""


def configure(settings: Settings) -> np.void:
    """One PARAMETERS record of ``{"silent_after_ns", "period_ns"}``; without them: not watched."""
    record: np.void = np.zeros(1, PARAMETERS)[0]
    record["silent_after_ns"] = int(settings.get("silent_after_ns", 0))
    record["period_ns"] = int(settings.get("period_ns", 0))
    if record["silent_after_ns"] < 0 or record["period_ns"] < 0:
        raise ValueError(f"silent_after_ns and period_ns must be >= 0; got {dict(settings)}")
    return record


def initial() -> np.void:
    """A channel not yet registered."""
    record: np.void = np.zeros(1, STATE)[0]
    record["last_seen_ns"] = record["registered_ns"] = -1
    return record


def step(
    parameters: npt.NDArray[np.void],
    state: npt.NDArray[np.void],
    readings: Readings,
    findings: Findings,
    silence_offset_ns: int = 0,
) -> bool:
    """Note signs of life; channels that spoke again are found at once.

    Returns True when a channel spoke whose device was found silent: sweep now, not at the next 250 ms.
    """
    row, spoke = 0, False
    while row < len(readings):
        out = findings.reserve(ROOM)
        row, findings.count, again = _hear(
            parameters,
            state,
            readings.slot,
            readings.event_ns,
            readings.received_ns,
            readings.time,
            silence_offset_ns,
            row,
            out,
            findings.count,
        )
        spoke = spoke or bool(again)
    return spoke


def sweep(
    parameters: npt.NDArray[np.void],
    state: npt.NDArray[np.void],
    device_of_slot: npt.NDArray[np.int32],
    device_count: int,
    silence_now_ns: int,
    findings: Findings,
    device_findings: Findings,
) -> int:
    """Let time pass. ``device_findings`` holds FINDING records whose ``slot`` is the device's index. Returns
    the time before which another sweep finds nothing, unless rules change or somebody found silent speaks."""
    earliest = _earliest_due(parameters, state, silence_now_ns)
    if earliest > silence_now_ns:
        return earliest
    last_seen = np.full(device_count, -1, np.int64)
    since = np.full(device_count, -1, np.int64)
    after = np.zeros(device_count, np.int64)
    live = np.zeros(device_count, np.bool_)
    flags = np.zeros(device_count, np.int64)
    _devices(parameters, state, device_of_slot, silence_now_ns, last_seen, since, after, live, flags)
    covered = (flags & _COVER) != 0
    back = covered & ((flags & _SPOKE) != 0)
    gone = (after > 0) & ~covered & ~live
    action = np.zeros(device_count, np.int64)
    action[gone] = np.where(last_seen[gone] >= 0, 4, 8)
    action[back] = -1
    for device in np.flatnonzero(gone | back).tolist():
        never = action[device] == 8 if gone[device] else (flags[device] & 8) != 0
        record = device_findings.reserve(1)[device_findings.count]
        record["row"], record["slot"], record["condition"] = -1, device, int(never)
        record["active"], record["event_ns"] = int(gone[device]), 0
        quiet = silence_now_ns - max(int(last_seen[device]), int(since[device]))
        record["value"] = quiet / 1e9 if gone[device] else np.nan
        record["limit"] = int(after[device]) / 1e9
        device_findings.count += 1
    slot = 0
    while slot < len(state):
        out = findings.reserve(ROOM)
        slot, findings.count = _channels(
            parameters, state, device_of_slot, silence_now_ns, last_seen, action, slot, out, findings.count
        )
    return silence_now_ns


def link_back(parameters: npt.NDArray[np.void], state: npt.NDArray[np.void], silence_now_ns: int) -> None:
    """The broker's link is up again: nobody is overdue within one period. Findings that stand, stand."""
    waiting = (parameters["silent_after_ns"] > 0) & (state["flags"] == 0) & (state["registered_ns"] >= 0)
    due = np.maximum(state["due_ns"], silence_now_ns + parameters["period_ns"])
    state["due_ns"] = np.where(waiting, due, state["due_ns"])


def retime(
    parameters: npt.NDArray[np.void], state: npt.NDArray[np.void], slots: npt.NDArray[np.int64]
) -> None:
    """The time-out of these channels changed: deadlines follow. Findings that stand, stand."""
    part = state[slots]
    waiting = (part["flags"] == 0) & (part["registered_ns"] >= 0)
    since = np.maximum(part["last_seen_ns"], part["registered_ns"])
    due = since + parameters["silent_after_ns"][slots]
    state["due_ns"][slots] = np.where(waiting, due, part["due_ns"])


@compiled
def _hear(
    parameters: Any,
    state: Any,
    slot: Any,
    event_ns: Any,
    received_ns: Any,
    time: Any,
    offset_ns: int,
    row: int,
    out: Any,
    count: int,
) -> tuple[int, int, bool]:
    spoke = False
    while row < len(slot) and count < len(out):
        i = row
        row += 1
        after = parameters[slot[i]]["silent_after_ns"]
        s = state[slot[i]]
        # Not watched any more: what was found while it was still ends when it speaks.
        if int(time[i]) & NOT_LIVE or (after == 0 and s["flags"] & _OWN == 0):
            continue
        seen = max(0, received_ns[i] - offset_ns)
        if s["registered_ns"] < 0:
            s["registered_ns"] = seen
        before = max(s["last_seen_ns"], s["registered_ns"])
        s["last_seen_ns"] = max(s["last_seen_ns"], seen)
        s["due_ns"] = max(s["due_ns"], seen + after)
        flags = s["flags"]
        if flags & _COVER:
            s["flags"] = flags | _SPOKE
            spoke = True
        if flags & _OWN:
            s["flags"] = s["flags"] & ~_OWN
            f = out[count]
            f["row"], f["slot"], f["condition"] = i, slot[i], 1 if flags & 2 else 0
            f["active"], f["event_ns"] = 0, event_ns[i]
            f["value"], f["limit"] = (seen - before) / 1e9, after / 1e9
            count += 1
    return row, count, spoke


@compiled
def _earliest_due(parameters: Any, state: Any, now_ns: int) -> int:
    earliest = _FAR
    for i in range(len(state)):
        after = parameters[i]["silent_after_ns"]
        if after == 0:
            continue
        s = state[i]
        if s["registered_ns"] < 0:
            s["registered_ns"] = now_ns
            s["due_ns"] = now_ns + after
        flags = s["flags"]
        if flags & _SPOKE:
            earliest = min(earliest, now_ns)
        elif flags == 0:
            earliest = min(earliest, s["due_ns"])
    return earliest


@compiled
def _devices(
    parameters: Any,
    state: Any,
    device_of_slot: Any,
    now_ns: int,
    last_seen: Any,
    since: Any,
    after: Any,
    live: Any,
    flags: Any,
) -> None:
    for i in range(len(state)):
        time_out = parameters[i]["silent_after_ns"]
        if time_out == 0:
            continue
        device = device_of_slot[i]
        s = state[i]
        last_seen[device] = max(last_seen[device], s["last_seen_ns"])
        since[device] = max(since[device], s["registered_ns"])
        after[device] = max(after[device], time_out)
        live[device] = live[device] or now_ns < s["due_ns"]
        flags[device] = flags[device] | s["flags"]


@compiled
def _channels(
    parameters: Any,
    state: Any,
    device_of_slot: Any,
    now_ns: int,
    last_seen: Any,
    action: Any,
    slot: int,
    out: Any,
    count: int,
) -> tuple[int, int]:
    while slot < len(state) and count < len(out):
        i = slot
        slot += 1
        after = parameters[i]["silent_after_ns"]
        if after == 0:
            continue
        s = state[i]
        told = action[device_of_slot[i]]
        if told > 0:
            s["flags"] = s["flags"] | told
        elif told < 0:
            s["flags"] = s["flags"] & ~(_COVER | _SPOKE)
            s["due_ns"] = max(s["due_ns"], now_ns + parameters[i]["period_ns"])
        elif s["flags"] == 0 and now_ns >= s["due_ns"] and last_seen[device_of_slot[i]] >= s["due_ns"]:
            never = s["last_seen_ns"] < 0
            s["flags"] = 2 if never else 1
            f = out[count]
            f["row"], f["slot"], f["condition"], f["active"], f["event_ns"] = -1, i, 1 if never else 0, 1, 0
            f["value"] = (now_ns - max(s["last_seen_ns"], s["registered_ns"])) / 1e9
            f["limit"] = after / 1e9
            count += 1
    return slot, count
