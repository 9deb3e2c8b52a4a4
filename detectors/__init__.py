"""The detector contract. A detector says "abnormal"; it never says what an operator must do.

Every public module in this folder is one detector and its file name is its kind. A module offers:

``FINDINGS: tuple[str, ...]``
    The conditions it can find, e.g. ``("LL", "L", "H", "HH")``. ``Findings.condition`` indexes it.
``PARAMETERS: np.dtype``, ``STATE: np.dtype``
    One structured record a slot (a slot is one channel of one device), without padding: its bytes are
    compared and hashed.
``EVENT_TIMES: tuple[str, ...]``
    The STATE fields that hold event times (int64, scalar or per condition); unset is ``NO_TIME``. When a
    device's clock is found changed, the monitor moves them along, so that a running delay goes on.
``configure(settings) -> np.void``
    One PARAMETERS record from plain settings (a mapping made by the roster from the device profile);
    ``configure({})`` is the rule of a channel that has none.
``initial() -> np.void``
    One STATE record of a channel that has seen nothing.
``step(parameters, state, readings, findings) -> None``
    Judge a batch in row order: one plain loop, compiled. State is a whole array indexed by
    ``readings.slot``, parameters one indexed by ``readings.rule``, for channels of one kind share a rule.
    Only changes are appended to ``findings``. ``configure({})`` finds nothing and leaves the state alone.

A detector that advises, and that a profile asks for by a ``[[detector]]`` table, offers besides:

``ADVICE: dict[condition, (category, en, zh)]``
    What happened, for every condition of FINDINGS; category is "process" or "device". No two detectors
    share a condition's name.
``SETTINGS: dict[key, Setting]``
    What the table may say. ``configure`` gets it together with the point's ``low``, ``high``, ``span`` and
    ``limits`` (condition -> setpoint) and the profile's ``clear_readings`` and ``period_ns``; it may raise
    ValueError, which the profile's author is told.
``EXPLAIN: dict[condition, (en, zh)]``, optional
    The numbers behind a finding: a format over ``title``, ``value`` and ``limit`` (with the channel's
    unit), ``value_number``, ``limit_number``, ``extra`` (plain), ``unit`` and ``held`` (``after_s``, in
    seconds). ``ENDED`` is the same for its end.
``UNITS: dict[condition, unit]``, optional
    The unit of ``value`` and ``limit`` where it is not the channel's.

A detector over several channels of one device or one asset offers besides:

``INPUTS: tuple[str, ...]``
    The roles it reads. Parameters and state are one record a *group*: the channels that one table of a
    profile joins. ``readings.slot`` is group * len(INPUTS) + role, and only rows of members come, in receive
    order; ``findings.slot`` is the group. A group that lacks a role never sees rows of it.
``REQUIRED: tuple[str, ...]``, optional
    The roles that a table must name; without it the first alone.
``configure`` gets, beside the table's settings, ``inputs`` (the roles present) and ``ranges`` (role -> (low,
high) of its point); ``low``, ``high`` and ``span`` are those of the first role present, and the absence of a
role is no ValueError. Findings are alarms at the channel of the first role present. A field of
``EVENT_TIMES`` has one time a role, or any other number, all on the clock of the first role's device.

A detector that waits for time instead of readings offers, beside ``step``:

``step(..., silence_offset_ns=0) -> bool``
    True asks for a sweep at once.
``sweep(parameters, state, device_of_slot, device_count, silence_now_ns, findings, device_findings) -> int``
    Let time pass; called whenever the gateway's time crosses 250 ms and when ``step`` asked for it. Returns
    the time before which it need not be called again, unless a rule changes or a finding ends.
    ``row`` of its findings is -1; ``slot`` in ``device_findings`` is a device's index.
``link_back(parameters, state, silence_now_ns) -> None``
    The broker's link is up again.
``retime(parameters, state, slots) -> None``
    The rule of these channels changed; unlike the others, this detector's state is then kept.

Guarantees that the contract tests (tests/contracts) hold every detector to: any split of a batch equals
the whole; permuted slots give the same findings; BAD readings and non-finite values never poison the
state; the same input gives the same bytes, in any process, compiled or not. A detector does no I/O and
reads no clock.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt

from detectors._settings import FAR, Setting, Settings

__all__ = ["FAR", "Setting", "Settings"]

GOOD, UNCERTAIN, BAD = 0, 1, 2
"""Quality of a reading."""

REASONS = (
    "",
    "sensor fault",
    "out of range",
    "stale",
    "calibration",
    "communication",
    "not connected",
    "missing",
    "saturated",
)
"""Why a reading is not good; ``Readings.reason`` indexes it."""

LATE, SUSPECT, RETAINED, DISORDER, THROTTLED = 1, 2, 4, 8, 16
"""Time flags of a reading: late against the upload period; its time cannot be right (or the same time came
with another value); retained by the broker; older than the channel's newest; beyond the device's rate: only
limits, discrete and out_of_range judge it."""

NO_CLEAR = LATE | SUSPECT | RETAINED | DISORDER
"""A reading with any of these never clears."""
NOT_LIVE = LATE | RETAINED
"""A reading with any of these is judged later, never live."""

NO_TIME = int(np.iinfo(np.int64).min)
"""An event time that is not set."""

I8 = npt.NDArray[np.int64]
F8 = npt.NDArray[np.float64]
U1 = npt.NDArray[np.uint8]
I4 = npt.NDArray[np.int32]


COLUMNS = ("slot", "event_ns", "received_ns", "value", "quality", "reason", "time", "packet")


@dataclass(frozen=True, slots=True)
class Readings:
    """``COLUMNS`` of equal length n, in receive order."""

    slot: I4
    """Channel slot."""
    event_ns: I8
    """The device's time, ns since 1970 UTC."""
    received_ns: I8
    """Gateway time of reception (the monitor's own monotonic time line), ns."""
    value: F8
    quality: U1
    """GOOD, UNCERTAIN or BAD."""
    reason: U1
    """Index into REASONS."""
    time: U1
    """LATE | SUSPECT | RETAINED | DISORDER | THROTTLED."""
    packet: I4
    """Row of the packet in its journal entry: the evidence."""
    rule: I4 | None = None
    """Index of the channel's rule among the PARAMETERS records; None: the slot, each channel has its own."""
    _columns: tuple[npt.NDArray[Any], ...] | None = field(default=None, init=False, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.slot)

    def take(self, rows: npt.NDArray[Any] | slice) -> Readings:
        """The chosen rows, in the order given (index, mask or slice)."""
        rule = None if self.rule is None else self.rule[rows]
        return Readings(*[*(getattr(self, name)[rows] for name in COLUMNS), rule])

    def at(self, slot: I4, rule: I4 | None = None) -> Readings:
        """The same rows at other slots, with these rules."""
        return Readings(*[slot, *(getattr(self, name) for name in COLUMNS[1:]), rule])

    def columns(self) -> tuple[npt.NDArray[Any], ...]:
        """What compiled loops take: slot and rule (both as uint32) around event_ns to time. Made once, for
        several detectors judge the same rows."""
        if self._columns is None:
            rule = self.slot if self.rule is None else self.rule
            made = (
                self.slot.view(np.uint32),  # never negative: no test for the sign, a tenth faster
                self.event_ns,
                self.received_ns,
                self.value,
                self.quality,
                self.reason,
                self.time,
                rule.view(np.uint32),
            )
            object.__setattr__(self, "_columns", made)
            return made
        return self._columns

    @classmethod
    def empty(cls) -> Readings:
        """No rows."""
        return cls(
            np.empty(0, np.int32),
            np.empty(0, np.int64),
            np.empty(0, np.int64),
            np.empty(0, np.float64),
            np.empty(0, np.uint8),
            np.empty(0, np.uint8),
            np.empty(0, np.uint8),
            np.empty(0, np.int32),
        )


FINDING = np.dtype(
    [
        ("row", "<i4"),  # of the batch; -1 when time, not a reading, was the cause
        ("slot", "<i4"),
        ("condition", "<i4"),  # index into the detector's FINDINGS
        ("active", "<i4"),  # 1 the condition began, 0 it ended
        ("event_ns", "<i8"),
        ("value", "<f8"),
        ("limit", "<f8"),  # NaN where the condition has none
        ("extra", "<f8"),  # what the detector says it is; one that uses it sets it in every record
    ],
    align=True,
)
"""One change that a detector found."""


@dataclass(slots=True)
class Findings:
    """A growing array of FINDING records; compiled loops write into ``rows`` and return the new count."""

    rows: npt.NDArray[np.void] = field(default_factory=lambda: np.zeros(64, FINDING))
    count: int = 0

    def reserve(self, extra: int) -> npt.NDArray[np.void]:
        """Room for ``extra`` more records; returns the array to write into from ``count`` on."""
        if self.count + extra > len(self.rows):
            grown = np.zeros(max(2 * len(self.rows), self.count + extra), FINDING)
            grown[: self.count] = self.rows[: self.count]
            self.rows = grown
        return self.rows

    def found(self) -> npt.NDArray[np.void]:
        """What was found, in order."""
        return self.rows[: self.count]


F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Compile a plain loop with numba when it is there; the same loop runs uncompiled when it is not.

    No fastmath: float64 arithmetic in the order written, so that replay is equal on every machine.
    """
    try:
        import numba  # noqa: PLC0415 - optional by design
    except ImportError:
        return function
    return cast(F, numba.njit(cache=True, nogil=True)(function))


def is_compiled() -> bool:
    """Whether loops run compiled (numba present and not switched off by NUMBA_DISABLE_JIT)."""
    try:
        import numba  # noqa: PLC0415 - optional by design
    except ImportError:
        return False
    return not getattr(numba.config, "DISABLE_JIT", False)


def kinds() -> list[str]:
    """The kind of every detector in this folder."""
    return sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))


@functools.cache
def load(kind: str) -> ModuleType:
    """The detector module of a kind; KeyError names the known ones."""
    if kind not in kinds():
        raise KeyError(f"no detector {kind!r}; known: {', '.join(kinds())}")
    return importlib.import_module(f"{__name__}.{kind}")


def advises(module: ModuleType) -> bool:
    """Whether a profile's ``[[detector]]`` table may ask for this detector."""
    return hasattr(module, "ADVICE")


def roles(module: ModuleType) -> int:
    """How many channels a group of this detector joins; 0 for one that judges each channel by itself."""
    return len(getattr(module, "INPUTS", ()))


@functools.cache
def advising() -> dict[str, ModuleType]:
    """Kind -> module of every detector that advises, in order of kind."""
    return {kind: module for kind in kinds() if advises(module := load(kind))}
