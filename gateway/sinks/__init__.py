"""The sink contract: a sink carries out, and says one of three things. Retry, order, cursors and dead
letters live once, in gateway/delivery.

Every public module in this folder is one kind of sink. It offers ``Settings``, a pydantic model of its own
table of the configuration (relative paths are relative to ``folder``, which the configuration sets), and a
class ``Sink`` with

``__init__(self, settings, context)``
    settings: a ``Settings``; context: a SinkContext.
``wants: frozenset[str]``
    Which lanes it takes: "readings", "events", "health".
``outward: bool``
    Whether it leaves this machine's data folder; outward sinks are muted in exercises.
``linger_s: float``
    How long live readings may gather before one batch is made of them.
``deliver(self, batch) -> Delivered | Later | Refused``
    Never concurrently, except as said under ``Messages``: each lane has an instance of its own. Must end
    within its total deadline. May be called again with the same batch after a crash: it must be
    idempotent, or say so in its docstring. After Later the same batch object comes again, so a sink may
    remember how far it got.
``close(self) -> None``

Beside them stands ``probe(settings, context)`` for ``riskgate doctor``: whether the other side is there and
takes our credentials, found out without sending anything that counts. Delivered, Later, or Refused with what
to do.

A sink that sends events one by one, in order per alarm only, is also a ``Messages`` (see below).
A sink that can call people (escalation) is also a ``Calls``.
A sink whose refused parts can be tried again offers ``resend(self, part: str)``, same answers.

Never raised: an exception out of ``deliver`` counts as Later and is logged with its traceback.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from detectors import Readings
from gateway.alarms.events import Event
from gateway.monitor.channels import ChannelTable


@dataclass(frozen=True, slots=True)
class ReadingsBatch:
    """Readings of the journal positions first..last; a position's readings are never split over batches."""

    first: int
    last: int
    readings: Readings
    channels: ChannelTable
    position: npt.NDArray[np.int64] | None = None
    """Journal position of each row; None when every row is of position ``last``."""

    def positions(self) -> npt.NDArray[np.int64]:
        """Journal position of each row, int64[n]."""
        if self.position is None:
            return np.full(len(self.readings), self.last, np.int64)
        return self.position


@dataclass(frozen=True, slots=True)
class EventsBatch:
    """Ledger events with their sequence numbers, in ledger order."""

    first: int
    last: int
    events: list[tuple[int, Event]]


@dataclass(frozen=True, slots=True)
class HealthBatch:
    """Figures of the gateway itself at one moment."""

    at_ns: int
    figures: dict[str, float]


Batch = ReadingsBatch | EventsBatch | HealthBatch


@dataclass(frozen=True, slots=True)
class Delivered:
    """Done. ``receipt`` is what the other side said; ``refused`` lists parts it will never take, with why."""

    receipt: str = ""
    refused: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Later:
    """Not now; the same batch again after ``retry_after_s`` (None: delivery's own back-off)."""

    reason: str
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """Never: the other side will not take this batch; it becomes a dead letter."""

    reason: str


class Sink(Protocol):
    """See the module's docstring."""

    wants: frozenset[str]
    outward: bool
    linger_s: float

    def deliver(self, batch: Batch) -> Delivered | Later | Refused:
        """Carry one batch out."""
        ...

    def close(self) -> None:
        """Let go of connections and files."""
        ...


@runtime_checkable
class Messages(Protocol):
    """A sink of single events: ``deliver`` gets an EventsBatch of one event, from ``workers`` threads at
    once and one more for unanswered priority 1 alarms, never two of the same alarm. Order is kept per alarm,
    priority 1 first."""

    workers: int
    max_attempts: int
    """Attempts before a message becomes a dead letter; 0 = only its age counts."""
    max_age_s: float
    """Age before a message becomes a dead letter."""
    since: str
    """Where a sink that was never here before begins: "start" of the ledger, or "now"."""
    filters: str
    """All that ``takes`` depends on, as text, never empty: equal filters take equal events."""

    def takes(self, event: Event) -> bool:
        """Whether this event is for this sink."""
        ...

    def announce(self, at_ns: int, reason: str) -> Delivered | Later | Refused:
        """Say now, past every queue, that the gateway is blind or sees again; stored nowhere."""
        ...


@runtime_checkable
class Calls(Protocol):
    """A sink that calls people when nobody answers an alarm. Filters do not count here: the step decides."""

    max_age_s: float
    """Age before a call is given up."""

    def call(
        self, call_id: str, subject: str, at_ns: int, data: dict[str, Any]
    ) -> Delivered | Later | Refused:
        """Carry one call out; the same id again is the same call. ``subject``: its most important alarm."""
        ...


@runtime_checkable
class Resends(Protocol):
    """A sink whose refused parts can be tried again."""

    def resend(self, part: str) -> Delivered | Later | Refused:
        """Try one dead letter's body again."""
        ...


@dataclass(frozen=True, slots=True)
class SinkContext:
    """What a sink is given: its name, the data folder and time."""

    name: str
    folder: str
    """The data folder."""
    wall_ns: Callable[[], int]


def kinds() -> list[str]:
    """Every sink kind in this folder."""
    return sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))


def load(kind: str) -> ModuleType:
    """The sink module of a kind; KeyError names the known ones."""
    if kind not in kinds():
        raise KeyError(f"no sink {kind!r}; known: {', '.join(kinds())}")
    return importlib.import_module(f"{__name__}.{kind}")
