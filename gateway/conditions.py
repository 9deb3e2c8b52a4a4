"""Conditions of the gateway itself that an operator must know: which began and which ended since last time.

Sinks and disk are looked at by a thread of its own, so that a hanging delivery process never delays the core.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterable, Iterator
from typing import Any

import structlog

from gateway.clock import Clock
from gateway.commands import ask
from gateway.errors import CoreUnreachable
from gateway.paths import DataFolder

LOOK_S = 2.0
BEHIND_S, CAUGHT_UP_S = 5.0, 1.0
"""The oldest packet waiting is this old: the gateway is behind; it has caught up again."""
SINK_DOWN_S = 60.0
"""A sink that fails with something this old undelivered is down."""
DELIVERY_DOWN_S = 15.0
DISK_HIGH, DISK_EASED = 0.90, 0.88

log = structlog.get_logger("conditions")

Change = tuple[str, bool, dict[str, Any]]
"""Subject, began (or ended), figures."""


class Conditions:
    """Remembers what was told; ``changes`` gives only what differs."""

    def __init__(self, data: DataFolder, clock: Clock) -> None:
        self._data = data
        self._clock = clock
        self._told: set[str] = set()
        self._sinks: dict[str, dict[str, Any]] = {}
        self._drill_failed = ""
        self._rosters: dict[str, str] = {}
        self._heard_ns = clock.mono_ns()
        self._disk_used = 0.0
        self._next_ns = 0
        self._thread = threading.Thread(target=self._watch, name="conditions", daemon=True)

    def start(self, standing: Iterable[str] = ()) -> None:
        """Begin to look at sinks and disk. ``standing``: subjects that the ledger still holds as begun."""
        self._told.update(standing)
        self._thread.start()

    def changes(self, status: dict[str, Any]) -> list[Change]:
        """What began or ended; looks at most every two seconds."""
        now = self._clock.mono_ns()
        if now < self._next_ns:
            return []
        self._next_ns = now + round(LOOK_S * 1e9)
        changed = []
        for subject, active, detail in self._now(status):
            if active != (subject in self._told):
                (self._told.add if active else self._told.discard)(subject)
                changed.append((subject, active, detail))
        return changed

    def _now(self, status: dict[str, Any]) -> Iterator[Change]:
        behind = status["behind_s"]
        limit = CAUGHT_UP_S if "behind" in self._told else BEHIND_S
        yield "behind", behind > limit, {"seconds": round(behind, 1)}
        stalled = bool(status["link_problem"]) and status["link_up"]
        yield "link_stalled", stalled, {"problem": status["link_problem"]}
        limit = DISK_EASED if "disk_high" in self._told else DISK_HIGH
        yield "disk_high", self._disk_used > limit, {"used": round(self._disk_used, 3)}
        away_s = (self._clock.mono_ns() - self._heard_ns) / 1e9
        yield "delivery_down", away_s > DELIVERY_DOWN_S, {"seconds": round(away_s)}
        for name, sink in list(self._sinks.items()):
            down = bool(sink.get("error")) and sink.get("oldest_s", 0.0) > SINK_DOWN_S
            yield f"sink_down.{name}", down, {"error": str(sink.get("error", ""))[:200]}
            yield f"dead_letters.{name}", sink.get("dead", 0) > 0, {"count": sink.get("dead", 0)}
            failed = sink.get("lanes", {}).get("calls", {}).get("failed", 0)
            yield f"call_failed.{name}", failed > 0, {"count": failed}
        yield "drill_failed", bool(self._drill_failed), {"problem": self._drill_failed[:300]}
        for name, wrong in list(self._rosters.items()):
            yield f"roster_gap.{name}", bool(wrong), {"problem": wrong[:300]}

    def _watch(self) -> None:
        while True:
            try:
                told = ask(self._data.delivery_socket, {"op": "status"}, timeout_s=2.0)
                self._sinks, self._rosters = told["sinks"], told["escalation"]["rosters"]
                self._drill_failed = str(told["drill"].get("failed", ""))
                self._heard_ns = self._clock.mono_ns()
            except (CoreUnreachable, KeyError, ValueError) as error:
                log.warning("delivery does not say how its sinks are", error=str(error))
            try:
                usage = shutil.disk_usage(self._data.root)
                self._disk_used = usage.used / usage.total
            except OSError as error:
                log.warning("the disk cannot be looked at", error=str(error))
            self._clock.sleep(LOOK_S)
