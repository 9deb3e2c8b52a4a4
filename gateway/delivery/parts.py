"""One configured sink: its lanes, each with its own instance of the sink and its own thread, so that a
catch-up of readings never delays an alarm."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import structlog

from gateway.clock import Clock
from gateway.delivery.follow import Backoff, Lane, Ledger
from gateway.delivery.health_lane import HealthLane
from gateway.delivery.ledger_lane import LedgerLane, Muted
from gateway.delivery.message_lane import Announcer, MessageLane, MessageSink
from gateway.delivery.readings_lane import Derive, ReadingsLane
from gateway.delivery.store import DeliveryStore
from gateway.sinks import Messages, Sink

log = structlog.get_logger("delivery")


@dataclass(frozen=True, slots=True)
class Ground:
    """What every lane stands on."""

    store: DeliveryStore
    ledger: Ledger
    derive: Derive
    clock: Clock
    backoff: Backoff


@dataclass
class Parts:
    """One sink's lanes. ``helpers`` have threads but no figures of their own."""

    name: str
    kind: str
    muted: bool
    sinks: list[Sink] = field(default_factory=list)
    lanes: dict[str, Lane] = field(default_factory=dict)
    helpers: list[Lane] = field(default_factory=list)
    readings: ReadingsLane | None = None
    health: HealthLane | None = None
    announcer: Announcer | None = None

    def all_lanes(self) -> list[Lane]:
        """Everything that has a thread."""
        return [*self.lanes.values(), *self.helpers]

    def status(self, store: DeliveryStore) -> dict[str, Any]:
        """Totals, then each lane's own figures."""
        lanes = {name: lane.status() for name, lane in self.lanes.items()}
        return {
            "kind": self.kind,
            "muted": self.muted,
            "delivered": sum(lane["delivered"] for lane in lanes.values()),
            "pending": sum(lane["pending"] for lane in lanes.values()),
            "dead": store.dead_count(self.name),
            "lag": max((lane["lag"] for lane in lanes.values()), default=0),
            "error": next((lane["error"] for lane in lanes.values() if lane["error"]), ""),
            "oldest_s": max((lane["oldest_s"] for lane in lanes.values()), default=0.0),
            "lanes": lanes,
        }


def assemble(name: str, kind: str, make: Callable[[], Sink], ground: Ground, *, outward: bool) -> Parts:
    """The lanes of one sink; ``make`` gives a new instance of it. An outward sink is muted unless
    ``outward``."""
    first = make()
    muted = first.outward and not outward
    parts = Parts(name, kind, muted)
    free: list[Sink] = [first]

    def instance() -> Sink:
        sink: Sink = free.pop() if free else make()
        parts.sinks.append(sink)
        return Muted(sink.wants) if muted else sink

    store, ledger, clock, backoff = ground.store, ground.ledger, ground.clock, ground.backoff
    if "events" in first.wants:
        sink = instance()
        if isinstance(sink, Messages):
            message_sink = cast(MessageSink, sink)
            lane = MessageLane(name, message_sink, store, ledger, clock, backoff)
            parts.lanes["events"] = lane
            parts.announcer = Announcer(name, message_sink, clock, backoff)
            parts.helpers = [*lane.workers, parts.announcer]
        else:
            parts.lanes["events"] = LedgerLane(name, sink, store, ledger, clock, backoff)
    if "readings" in first.wants:
        parts.readings = ReadingsLane(name, instance(), store, ground.derive, clock, backoff)
        parts.lanes["readings"] = parts.readings
    if "health" in first.wants:
        parts.health = HealthLane(name, instance(), clock, backoff)
        parts.lanes["health"] = parts.health
    return parts
