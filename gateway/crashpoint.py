"""Named places where the crash tests end the process as a power cut would; nothing in normal use.

``RISKGATE_CRASH_AT=name:n`` kills this process with SIGKILL the n-th time it reaches ``name``.
"""

from __future__ import annotations

import os
import signal

NAMES = (
    "received",
    "before-append",
    "after-append",
    "after-acknowledge",
    "after-step",
    "before-ledger",
    "after-ledger",
    "before-snapshot",
    "after-snapshot",
    "before-segment-roll",
    "after-segment-roll",
    "before-segment-compressed",
    "after-segment-compressed",
    "sink-before-send",
    "sink-after-send",
    "after-cursor",
    "after-ahead",
)

_name, _, _count = os.environ.get("RISKGATE_CRASH_AT", "").partition(":")
_left = int(_count or 1)


def reached(name: str) -> None:
    """Say that the process is at this place."""
    global _left  # noqa: PLW0603 - a countdown of one process
    if name == _name:
        _left -= 1
        if _left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
