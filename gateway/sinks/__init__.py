"""The sink contract: a sink carries out, and says one of three things. Retry, order, cursors and dead
letters live once, in gateway/delivery.

Every public module in this folder is one kind of sink. It offers a class ``Sink`` with

``__init__(self, settings, context)``
    settings: its own table of the configuration; context: a SinkContext.
``wants: frozenset[str]``
    Which lanes it takes: "readings", "events", "health".
``deliver(self, batch) -> Delivered | Later | Refused``
    Called from one thread of its own, never concurrently. Must end within its total deadline. May be
    called again with the same batch after a crash: it must be idempotent, or say so in its docstring.
``close(self) -> None``

Never raised: an exception out of ``deliver`` counts as Later and is logged with its traceback.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, Protocol

from detectors import Readings
from gateway.alarms.events import Event
from gateway.monitor.channels import ChannelTable


@dataclass(frozen=True, slots=True)
class ReadingsBatch:
    """Readings of the journal positions first..last."""

    first: int
    last: int
    readings: Readings
    channels: ChannelTable


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

    def deliver(self, batch: Batch) -> Delivered | Later | Refused:
        """Carry one batch out."""
        ...

    def close(self) -> None:
        """Let go of connections and files."""
        ...


@dataclass(frozen=True, slots=True)
class SinkContext:
    """What a sink is given: its name, the data folder and time."""

    name: str
    folder: str
    wall_ns: Any
    """Callable returning wall ns."""


def kinds() -> list[str]:
    """Every sink kind in this folder."""
    return sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))


def load(kind: str) -> ModuleType:
    """The sink module of a kind; KeyError names the known ones."""
    if kind not in kinds():
        raise KeyError(f"no sink {kind!r}; known: {', '.join(kinds())}")
    return importlib.import_module(f"{__name__}.{kind}")
