"""The simulator contract. A plant is physics with a clock and a seed given to it; it reads neither.

Every public module in this folder is one source of devices and its file name is its kind. It offers
``PROFILE: str``
    The device profile that its devices have.
and, unless it is a recording, ``class Plant`` with
``Plant(devices, start_ns, seed, faults=(), *, period_s=None, scale=1.0)``
    devices: keys "<enterprise>/<site>/<device>", ``Plant.DEVICES_MIN`` or more; start_ns: wall clock when
    the plant stands in its normal state; faults: what goes wrong when; period_s: seconds between steps, by
    default ``Plant.STEP_S`` or the profile's period; scale: seconds of physics in one second of time (a
    cathode depolarises in hours, a demonstration lasts a minute).
``FAULTS: Mapping[str, tuple[Expected, ...]]``
    Its own kinds of fault and the alarms that each must raise.
``step(time_ns) -> list[Sample]``
    The readings of every device at that time. Times must increase.
``labels() -> list[Label]``
    The truth: which alarms the given faults must raise, and by when; what must not alarm; by the formula of
    simulators/_labels.py, on the fault's severity.

Guarantees that tests/simulators hold every plant to: the same arguments give the same samples; every sample
decodes by the profile; a plant without faults raises nothing; every label's condition really comes in time.
Faults that every plant has: simulators/_faults.py (readings) and simulators/_wire.py (payloads and topics).
"""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType
from typing import NamedTuple


class Sample(NamedTuple):
    """One reading as it goes on the wire."""

    device: str
    """ "<enterprise>/<site>/<device>"."""
    channel: str
    time_ns: int
    value: float | None
    """In the unit on the wire; None when the sensor could not read."""
    quality: str | None = None
    """What the device claims: "good", "uncertain", "bad", or nothing."""


class Fault(NamedTuple):
    """Something that goes wrong. Seconds are since the plant's start."""

    kind: str
    at_s: float
    for_s: float = 1e9
    device: int = 0
    """Place in the plant's list of devices, for faults of one device."""
    channel: str = ""
    """For faults of one channel; "" = the first."""
    severity: float = 1.0
    """(0..1]; the size of the fault grows with it and the time to see it falls; three levels: _labels.py."""


class Expected(NamedTuple):
    """One alarm that a fault of severity 1 must raise, or must not."""

    channel: str
    condition: str
    crossing_s: float
    """Seconds of physics until the sensor shows it, at most; delays of the profile come on top."""
    device: int | None = None
    """Place of the device that shows it; None = the fault's own."""
    quiet: bool = False
    """Ordinary life (cooking, a pump start): nothing may be raised on this channel ("" = on any)."""


class Label(NamedTuple):
    """The truth about one injected fault."""

    kind: str
    device: str
    channel: str
    condition: str
    """The alarm condition that must be raised; "" when no limit can see this fault."""
    start_ns: int
    end_ns: int
    within_s: float
    """Seconds from ``start_ns`` by which the alarm must be there."""
    severity: float = 1.0
    must_detect_within_s: float | None = None
    """By when someone must have told, a limit or a trend; None = too small to demand it, or no fault."""
    must_not_alarm: bool = False
    """While this lasts, an alarm on the channel ("" = on any of the device) is a false one."""
    reason: str = ""
    """For faults on the wire: the reason of rejection that must be counted."""


def kinds() -> list[str]:
    """Every source of devices in this folder."""
    return sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))


def load(kind: str) -> ModuleType:
    """The module of a kind; KeyError names the known ones."""
    if kind not in kinds():
        raise KeyError(f"no simulator {kind!r}; known: {', '.join(kinds())}")
    return importlib.import_module(f"{__name__}.{kind}")
