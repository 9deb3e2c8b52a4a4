"""The two runs of a back-test: stepped here, or each in a process of its own while this one reads.

Guarantee: the same events either way. A process that ends early is an error here, and none outlives this one.
"""

from __future__ import annotations

import multiprocessing
from multiprocessing.connection import Connection
from typing import Protocol

import msgspec

from gateway.alarms.events import Event
from gateway.backtest.side import Side
from gateway.backtest.stretch import Stretch
from gateway.errors import JournalError
from gateway.monitor.entries import Entry
from gateway.monitor.monitor import Monitor

END_S = 10.0


class Single(msgspec.Struct, frozen=True, array_like=True, tag="single"):
    """One entry that is stepped by itself."""

    position: int
    entry: Entry
    told: bool


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Single | Stretch)


class Running(Protocol):
    """A side, wherever it is stepped."""

    def put(self, what: Single | Stretch) -> None:
        """Step this next."""

    def events(self) -> list[Event]:
        """The end: what it gave."""

    def close(self) -> None:
        """Nothing more is wanted of it."""


class Here:
    """Stepped at once."""

    def __init__(self, monitor: Monitor) -> None:
        self._side = Side(monitor)

    def put(self, what: Single | Stretch) -> None:
        """Step this next."""
        take(self._side, what)

    def events(self) -> list[Event]:
        """What it gave."""
        return self._side.events

    def close(self) -> None:
        """There is nothing to end."""


class Apart:
    """Stepped in a process of its own."""

    def __init__(self, monitor: Monitor) -> None:
        here, there = multiprocessing.Pipe()
        self._pipe = here
        context = multiprocessing.get_context("spawn")  # a fork would copy threads' locks
        self._process = context.Process(target=_run, args=(there, monitor.save()), daemon=True)
        self._process.start()
        there.close()

    def put(self, what: Single | Stretch) -> None:
        """Step this next; waits while it is far behind."""
        try:
            self._pipe.send_bytes(_ENCODER.encode(what))
        except OSError:
            raise self._died() from None

    def events(self) -> list[Event]:
        """Wait for the end; what it gave."""
        try:
            self._pipe.send_bytes(b"")
            found: list[Event] = self._pipe.recv()
        except (OSError, EOFError):
            raise self._died() from None
        return found

    def close(self) -> None:
        """Whatever it does, it ends."""
        self._pipe.close()
        self._process.terminate()
        self._process.join(END_S)

    def _died(self) -> JournalError:
        self._process.join(END_S)
        return JournalError(
            f"the process that stepped one side ended with {self._process.exitcode}; is memory short? Try a "
            "shorter --since"
        )


def take(side: Side, what: Single | Stretch) -> None:
    """Step it."""
    if isinstance(what, Stretch):
        side.stretch(what)
    else:
        side.entry(what.position, what.entry, told=what.told)


def _run(pipe: Connection, body: bytes) -> None:
    side = Side(Monitor.load(body))
    while received := pipe.recv_bytes():
        take(side, _DECODER.decode(received))
    pipe.send(side.events)
