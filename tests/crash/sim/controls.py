"""Negative controls: gateways broken on purpose. The same checks must find each of them out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from gateway.core import Core
from gateway.monitor import packets as packets_module
from tests.crash.sim.plant import FaultyLedger


class AcksFirst(Core):
    """Acknowledges what is not durable yet: a kill, or a full disk and then a kill, loses it."""

    def _commit(self, group: Any) -> None:
        for epoch, mids in group.acks:
            self._acknowledge(epoch, mids)
        group.acks.clear()
        super()._commit(group)


class ComparesNothing(FaultyLedger):
    """Forgets what it has recorded: the tail replayed at a restart would fire again."""

    def _known(self, position: int, events: Any) -> bool:
        del position
        return not events


class Wallflower(Core):
    """Does not journal that it was blind, so time that nobody watched is judged afterwards."""

    def _go_blind(self, reason: str) -> None:
        before = list(self._held.entries)
        super()._go_blind(reason)
        self._held.entries[:] = before

    def _sight_facts(self) -> list[Any]:
        return []


@contextmanager
def acks_first() -> Iterator[dict[str, Any]]:
    """PUBACK before the append."""
    yield {"core": AcksFirst}


@contextmanager
def compares_nothing() -> Iterator[dict[str, Any]]:
    """No exactly-once comparison in the ledger."""
    yield {"ledger": ComparesNothing}


@contextmanager
def forgets_readings() -> Iterator[dict[str, Any]]:
    """No memory of the readings a channel had, in live and in replay alike."""
    real = packets_module.judge

    def judge(clocks: Any, recents: Any, *columns: Any) -> Any:
        recents["count"] = 0
        return real(clocks, recents, *columns)

    packets_module.judge = judge
    try:
        yield {}
    finally:
        packets_module.judge = real


@contextmanager
def counts_blindness() -> Iterator[dict[str, Any]]:
    """Time during which the disk was full counts as silence of the devices."""
    yield {"core": Wallflower}


CONTROLS: dict[str, tuple[Callable[[], AbstractContextManager[dict[str, Any]]], str]] = {
    "acknowledges before the append": (acks_first, "I1:"),
    "a ledger that compares nothing": (compares_nothing, "does not start again"),
    "a monitor that forgets readings": (forgets_readings, "took effect too often"),
    "silence counted while blind": (counts_blindness, "called silent"),
}
"""Name -> (how to break it, what a finding must contain)."""
