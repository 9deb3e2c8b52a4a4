"""Guarantees one way in which the channels of a group become a sample: all of them once, or what is known.

A sample is complete when every channel brought a new reading. A channel that brings a second one first closes
the sample with what the others said last, unless one of them has not been heard for ``stale_ns``: that is how
slow channels go with fast ones. STATE holds, one a role, ``value``, ``heard_ns`` (reception; unset: NO_TIME)
and ``fresh``.
"""

from __future__ import annotations

from typing import Any

from detectors import FAR, GOOD, NO_CLEAR, NO_TIME, THROTTLED, compiled

_PASSED_OVER = NO_CLEAR | THROTTLED
STALE_PERIODS = 10


@compiled
def usable(time: int, quality: int, value: float) -> bool:
    """Whether a reading is good, finite, in order, of believed time, live, and within the device's rate."""
    return bool(int(time) & _PASSED_OVER == 0 and quality == GOOD and abs(value) < FAR)


@compiled
def closes(s: Any, used: Any, role: int, now_ns: int, stale_ns: int) -> bool:
    """Whether this channel's reading closes the sample before itself; a new sample then begins."""
    if s["fresh"][role] == 0:
        return False
    whole = True
    for k in range(len(used)):
        if used[k]:
            whole = whole and s["heard_ns"][k] != NO_TIME and now_ns - s["heard_ns"][k] <= stale_ns
            s["fresh"][k] = 0
    return whole


@compiled
def completes(s: Any, used: Any, role: int, value: float, now_ns: int) -> bool:
    """Take the reading; whether every channel is new now, and a new sample begins."""
    s["value"][role] = value
    s["heard_ns"][role] = now_ns
    s["fresh"][role] = 1
    for k in range(len(used)):
        if used[k] and s["fresh"][k] == 0:
            return False
    for k in range(len(used)):
        s["fresh"][k] = 0
    return True
