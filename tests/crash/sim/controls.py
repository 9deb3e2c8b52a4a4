"""Negative controls: cores broken on purpose. The same checks must find each of them out."""

from __future__ import annotations

from typing import Any

from gateway.core import Core
from tests.crash.sim.plant import FaultyLedger


class AcksFirst(Core):
    """Acknowledges what is not durable yet: a kill, or a full disk and then a kill, loses it."""

    def _commit(self, group: Any) -> None:
        for epoch, mids in group.acks:
            self._acknowledge(epoch, mids)
        group.acks.clear()
        super()._commit(group)


class RecordsAgain(FaultyLedger):
    """Forgets what it has recorded: the tail replayed at a restart fires again."""

    def _known(self, position: int, events: Any) -> bool:
        del position
        return not events


class Forgetful(Core):
    """Takes every repetition for a new reading."""

    def start(self) -> int:
        replayed = super().start()
        self.monitor.inlet.recents["count"] = 0
        return replayed

    def turn(self, items: Any, asks: Any = ()) -> None:
        self.monitor.inlet.recents["count"] = 0
        super().turn(items, asks)


CONTROLS: dict[str, tuple[dict[str, Any], str]] = {
    "acknowledges before the append": ({"core": AcksFirst}, "I1:"),
    "a ledger that compares nothing": ({"ledger": RecordsAgain}, ""),
    "a monitor that forgets its channels' last readings": ({"core": Forgetful}, "I"),
}
"""Name -> (what to break, what a finding must contain)."""
