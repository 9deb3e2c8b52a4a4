"""The delivery process: every sink's lanes in threads of their own, the live channel, status questions.

A sink that is slow, dead or broken delays nobody else. Stopping waits at most ``STOP_S`` for sinks in
mid-request; what they were sending does not count as sent and comes again.
"""

from __future__ import annotations

import signal
import sqlite3
import threading
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Protocol

import structlog
from sqlalchemy.exc import DBAPIError

from gateway.clock import Clock, Random, SystemClock, new_seed
from gateway.commands import CommandServer
from gateway.delivery.calling import Calling, Duty, drill_of
from gateway.delivery.follow import Backoff, Follower, Ledger, LedgerFile
from gateway.delivery.live import LiveReceiver
from gateway.delivery.parts import Ground, Parts, assemble
from gateway.delivery.readings_lane import Derive, Frame
from gateway.delivery.store import DeliveryStore
from gateway.durable import WriterLock
from gateway.paths import DataFolder
from gateway.sinks import HealthBatch, Sink, SinkContext, load

STOP_S = 3.0
SEES_AGAIN = "gateway sees again: the disk takes writes"
log = structlog.get_logger("delivery")


class SinkSettings(Protocol):
    """A sink's own pydantic settings."""

    kind: Any


class Delivery:
    """See the module's docstring. ``tables`` maps a sink's name to its settings; ``outward`` false mutes
    sinks that leave this machine."""

    def __init__(
        self,
        data: DataFolder,
        tables: Mapping[str, Any],
        derive: Derive,
        clock: Clock | None = None,
        *,
        outward: bool = True,
        ledger: Ledger | None = None,
        duty: Duty | None = None,
    ) -> None:
        self._clock = clock or SystemClock()
        self._data = data
        self._lock = WriterLock(data.root / "delivery.lock", "its deliveries")
        self.store = DeliveryStore(data.delivery, self._clock.wall_ns)
        self.stopping = threading.Event()
        self._exit_code = 0
        ground = Ground(
            self.store,
            ledger or LedgerFile(data.ledger, self._clock),
            derive,
            self._clock,
            Backoff(Random(new_seed())),
        )
        self.parts: list[Parts] = [
            assemble(name, settings.kind, self._maker(name, settings), ground, outward=outward)
            for name, settings in tables.items()
        ]
        duty = duty or Duty()
        calling = {step.sink for step in duty.steps}
        makers = {
            part.name: (part, self._maker(part.name, tables[part.name])())
            for part in self.parts
            if part.name in calling and not part.muted
        }
        self._calling = Calling(duty, ground, data.ledger, makers)
        lanes = [lane for part in self.parts for lane in part.all_lanes()]
        lanes += self._calling.lanes
        self._drill = (
            drill_of(duty.drill, duty.publish, data, ground, self.parts) if duty.publish is not None else None
        )
        if self._drill is not None:
            lanes.append(self._drill)
        self._followers = [Follower(lane, self.stopping, self._failed) for lane in lanes]
        self._live = LiveReceiver(data.live_socket, self, self._clock)
        self._questions = CommandServer(data.delivery_socket, self.answer)

    def _maker(self, name: str, settings: SinkSettings) -> Any:
        context = SinkContext(name, str(self._data.root), self._clock.wall_ns)
        module = load(settings.kind)

        def make() -> Sink:
            sink: Sink = module.Sink(settings, context)
            return sink

        return make

    def start(self) -> None:
        """Start every thread."""
        for follower in self._followers:
            follower.thread.start()
        self._live.start()
        self._questions.start()
        log.info("delivery started", sinks={p.name: "muted" if p.muted else p.kind for p in self.parts})

    def stop(self) -> int:
        """Stop within about ``STOP_S``; returns the exit code."""
        self.stopping.set()
        self._questions.close()
        self._live.close()
        for follower in self._followers:
            follower.lane.wake.set()
        end_ns = self._clock.mono_ns() + round(STOP_S * 1e9)
        for follower in self._followers:
            follower.thread.join(max(0.0, (end_ns - self._clock.mono_ns()) / 1e9))
        busy = [f.lane.name for f in self._followers if f.thread.is_alive()]
        if busy:
            log.warning("stopped while these were sending; what they sent comes again", lanes=busy)
        for follower in self._followers:
            if not follower.thread.is_alive():
                follower.lane.stop()
        for part in self.parts:
            if not any(f.thread.is_alive() for f in self._followers if f.lane in part.all_lanes()):
                for sink in part.sinks:
                    sink.close()
        self.store.close()
        self._lock.close()
        return self._exit_code

    def connected(self) -> None:
        """The core connected: what it sent before may be missing."""
        for part in self.parts:
            if part.readings is not None:
                part.readings.resync()

    def readings(self, frame: Frame) -> None:
        """Hand one position's readings to every sink that wants them."""
        for part in self.parts:
            if part.readings is not None:
                part.readings.offer(frame)

    def health(self, batch: HealthBatch) -> None:
        """Hand the gateway's figures to every sink that wants them."""
        for part in self.parts:
            if part.health is not None:
                part.health.offer(batch)

    def blind(self, at_ns: int, reason: str) -> None:
        """Tell every webhook at once."""
        text = f"gateway blind: {reason}" if reason else SEES_AGAIN
        log.error("announced to webhooks", text=text)
        for part in self.parts:
            if part.announcer is not None:
                part.announcer.announce(at_ns, text)

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Questions on the delivery socket: "status", "deadletters" (sink, limit, before), "calls" (alarm,
        limit), "drill" (run, by, limit), "duty" (limit): rosters and open calls."""
        if request.get("op") == "status":
            sinks = {part.name: part.status(self.store) for part in self.parts}
            drill = {} if self._drill is None else self._drill.status()
            return {"sinks": sinks, "escalation": self._calling.status(), "drill": drill}
        if request.get("op") == "drill" and self._drill is not None:
            if request.get("run"):
                self._drill.ask(str(request.get("by", "")))
            return {**self._drill.status(), "drills": self._drill.newest(int(request.get("limit", 20)))}
        if request.get("op") == "calls":
            limit = int(request.get("limit", 100))
            return {"calls": self._calling.store.newest(limit, str(request.get("alarm", "")))}
        if request.get("op") == "duty":
            made = self._calling.made_by
            return {"rosters": made.rosters(), **made.open(int(request.get("limit", 50)))}
        if request.get("op") == "deadletters":
            before = int(request.get("before", 0))
            letters = self.store.deadletters(
                str(request.get("sink", "")), int(request.get("limit", 1000)), before
            )
            return {"deadletters": [asdict(letter) for letter in letters]}
        return {
            "accepted": False,
            "reason_en": 'delivery answers "status", "deadletters", "calls", "duty" and "drill"; commands '
            "go to the core",
            "reason_zh": "投递进程只回答 status、deadletters、calls、duty 和 drill，命令请发给核心进程",
        }

    def _failed(self, error: BaseException) -> None:
        """A disk that did not confirm a write: end, and read it anew after the restart."""
        original = getattr(error, "orig", None) if isinstance(error, DBAPIError) else error
        if isinstance(original, sqlite3.Error) and _code(original) == sqlite3.SQLITE_IOERR:
            log.critical("the disk did not take a write or a flush; delivery ends", error=str(original))
            self._exit_code = 1
            self.stopping.set()


def _code(error: sqlite3.Error) -> int:
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    return code


def run_until_told(delivery: Delivery) -> int:
    """Run until SIGTERM or SIGINT; in a thread, until ``stopping`` is set."""
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: delivery.stopping.set())
    delivery.start()
    while not delivery.stopping.wait(0.5):
        pass
    return delivery.stop()
