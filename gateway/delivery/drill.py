"""The fire drill: one reading through the whole path, from a real publish to every receiver's receipt.

A reserved device (``DEVICE``) publishes a value above its limit; the alarm is awaited in the ledger, then
each sink's receipt; then the value is taken back and the alarm acknowledged. What took how long, and what did
not happen within its time, is kept in delivery.db. No wait is longer than ``timeout_s``, twice in a drill.
"""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import sqlalchemy as sa
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from gateway.alarms.events import ACKNOWLEDGED, DRILL_ENTERPRISE, NORMAL, UNACKNOWLEDGED, AlarmEvent
from gateway.clock import Clock
from gateway.commands import ask
from gateway.delivery.follow import log
from gateway.delivery.store import DeliveryStore
from gateway.delivery.tables import CURSOR, DEAD, DRILL, MESSAGE
from gateway.errors import RiskgateError
from gateway.paths import DataFolder

SITE, DEVICE, STREAM = "drill", "canary", "canary"
FLEET_LINE = f"{DRILL_ENTERPRISE},{SITE},{DEVICE},{DEVICE},drill/canary"
ALARM = f"{DRILL_ENTERPRISE}/{SITE}/{DEVICE}/canary:H"
TOPIC = f"rg/{DRILL_ENTERPRISE}/{SITE}/{DEVICE}/{STREAM}"
POLL_S = 0.05
AGAIN_NS = 1_000_000_000
HIGH, LOW = 100.0, 0.0
SCHEDULED, ASKED = "schedule", "asked"


class Settings(Protocol):
    """The [fire_drill] table as this module needs it."""

    @property
    def every_hours(self) -> float: ...  # noqa: D102
    @property
    def timeout_s(self) -> float: ...  # noqa: D102


Publish = Callable[[str, str], None]
"""Topic and payload to the broker, acknowledged; RiskgateError or OSError when it is not."""


Takes = Callable[[Any], bool]


class Drill:
    """A lane of its own. ``sinks``: those that take events now, and which events."""

    name = "drill"

    def __init__(
        self,
        settings: Settings,
        store: DeliveryStore,
        events_after: Callable[[int, int], list[tuple[int, Any]]],
        head: Callable[[], int],
        sinks: Mapping[str, Takes],
        publish: Publish,
        command: Callable[[dict[str, Any]], Mapping[str, Any]],
        clock: Clock,
    ) -> None:
        self.wake = threading.Event()
        self._settings = settings
        self._store = store
        self._events_after = events_after
        self._head = head
        self._sinks = dict(sinks)
        self._publish = publish
        self._command = command
        self._clock = clock
        self._asked = threading.Event()
        self._by = ""
        newest = self.newest(1)
        self._last_ns = newest[0]["began_ns"] if newest else clock.wall_ns()
        self._failed = str(newest[0]["problem"]) if newest else ""

    def ask(self, by: str = "") -> None:
        """Run one now; by: who asked."""
        self._by = by
        self._asked.set()
        self.wake.set()

    def step(self) -> float:
        """Run a drill if one is due or asked for."""
        every = round(self._settings.every_hours * 3.6e12)
        due = every > 0 and not 0 <= self._clock.wall_ns() - self._last_ns < every
        if not due and not self._asked.is_set():
            return 1.0
        why = ASKED if self._asked.is_set() else SCHEDULED
        self._last_ns = self._clock.wall_ns()
        result = self.run(why, self._by if why == ASKED else "")
        self._failed = result["problem"]
        (log.error if self._failed else log.info)(
            "fire drill", problem=self._failed, took=result["latency_s"]
        )
        self._keep(result)
        self._asked.clear()
        return 0.0

    def run(self, why: str, by: str = "") -> dict[str, Any]:
        """One drill, from publish to acknowledgement. What fails stands in ``problem``; nothing is raised."""
        began, self._mark = self._clock.wall_ns(), self._clock.mono_ns()
        cursor = self._head()
        result: dict[str, Any] = {
            "began_ns": began, "why": why, "by": by, "problem": "", "event": "", "latency_s": {}, "sinks": {},
        }  # fmt: skip
        took: dict[str, float] = result["latency_s"]
        try:
            self._say(LOW)  # one that was cut short may still stand
            self._say(HIGH)
            took["published"] = self._passed()
            seq, event = self._await(cursor, UNACKNOWLEDGED)
            took["alarm"], result["event"] = self._passed(), event.id
            self._receipts(seq, event, result)
        except (RiskgateError, OSError, ValueError, RuntimeError) as error:
            result["problem"] = str(error)[:300]
        problem = self._take_back(cursor)
        result["problem"] = result["problem"] or problem
        took["over"] = self._passed()
        return result

    def newest(self, limit: int) -> list[dict[str, Any]]:
        """Results, newest first."""
        query = sa.select(DRILL.c.body).order_by(DRILL.c.began_ns.desc()).limit(limit)
        with self._store.writing() as (db, _):
            return [json.loads(row.body) for row in db.execute(query)]

    def status(self) -> dict[str, Any]:
        """running; last_ns; failed: what the newest drill did not reach, "" when all went well."""
        return {"running": self._asked.is_set(), "last_ns": self._last_ns, "failed": self._failed}

    def stop(self) -> None:
        """Nothing: a drill that was cut short is run again when it is due."""

    def _say(self, value: float) -> None:
        now_ms = self._clock.wall_ns() // 1_000_000
        self._publish(TOPIC, json.dumps({"time_ms": now_ms, "value": value, "unit": "%"}))

    def _passed(self) -> float:
        return round((self._clock.mono_ns() - self._mark) / 1e9, 3)

    def _left(self) -> bool:
        return self._passed() < self._settings.timeout_s

    def _await(self, cursor: int, state: str) -> tuple[int, AlarmEvent]:
        while self._left():
            for seq, event in self._events_after(cursor, 500):
                cursor = seq
                if isinstance(event, AlarmEvent) and event.alarm == ALARM and event.state == state:
                    return seq, event
            self._clock.sleep(POLL_S)
        raise RiskgateError(
            f"no alarm within {self._settings.timeout_s:g} s: does the fleet hold {FLEET_LINE}?"
        )

    def _receipts(self, seq: int, event: AlarmEvent, result: dict[str, Any]) -> None:
        open_ = {name for name, takes in self._sinks.items() if takes(event)}
        for name in self._sinks.keys() - open_:
            result["sinks"][name] = {"outcome": "takes no alarms", "latency_s": 0.0}
        while open_ and self._left():
            for name in sorted(open_):
                outcome = self._outcome(name, seq)
                if outcome:
                    open_.discard(name)
                    result["sinks"][name] = {"outcome": outcome, "latency_s": self._passed()}
            if open_:
                self._clock.sleep(POLL_S)
        result["sinks"] |= {name: {"outcome": "no receipt", "latency_s": self._passed()} for name in open_}
        bad = [
            f"{name}: {one['outcome']}"
            for name, one in sorted(result["sinks"].items())
            if one["outcome"] in ("refused", "no receipt")
        ]
        if bad:
            raise RiskgateError("; ".join(bad))

    def _outcome(self, sink: str, seq: int) -> str:
        """receipt, refused, or "" while it is on its way."""
        with self._store.writing() as (db, _):
            at = db.execute(
                sa.select(CURSOR.c.position).where((CURSOR.c.sink == sink) & (CURSOR.c.lane == "events"))
            ).scalar()
            if (at or 0) < seq:
                return ""
            if db.execute(
                sa.select(DEAD.c.reason).where(
                    (DEAD.c.sink == sink) & (DEAD.c.seq == seq) & (DEAD.c.lane == "events")
                )
            ).first():
                return "refused"
            waits = db.execute(
                sa.select(MESSAGE.c.seq).where((MESSAGE.c.sink == sink) & (MESSAGE.c.seq == seq))
            )
            return "" if waits.first() else "receipt"

    def _take_back(self, cursor: int) -> str:
        """Low values until the condition is over, and the acknowledgement; what failed, or ""."""
        newest: AlarmEvent | None = None
        end = self._clock.mono_ns() + round(self._settings.timeout_s * 1e9)
        said = 0
        try:
            while self._clock.mono_ns() < end:
                for seq, event in self._events_after(cursor, 500):
                    cursor = seq
                    if isinstance(event, AlarmEvent) and event.alarm == ALARM:
                        newest = event
                if newest is None or newest.state == NORMAL:
                    return ""
                if newest.state != ACKNOWLEDGED:
                    self._acknowledge(newest)
                if self._clock.mono_ns() - said >= AGAIN_NS:
                    self._say(LOW)
                    said = self._clock.mono_ns()
                self._clock.sleep(POLL_S)
        except (RiskgateError, OSError, ValueError, RuntimeError) as error:
            return f"the drill's alarm was not taken back: {error}"[:300]
        return "the drill's alarm was not taken back in time: acknowledge it by hand"

    def _acknowledge(self, event: AlarmEvent) -> None:
        self._command(
            {
                "op": "command", "action": "acknowledge", "actor": "fire drill", "role": "operator",
                "args": {"alarm": ALARM, "occurrence": event.occurrence}, "source": "drill",
            }
        )  # fmt: skip

    def _keep(self, result: dict[str, Any]) -> None:
        body = json.dumps(result).encode()
        with self._store.writing() as (db, record):
            db.execute(
                DRILL.insert().values(began_ns=result["began_ns"], problem=result["problem"], body=body)
            )
            record("drill", "", event=result["event"], by=result["by"], problem=result["problem"])


def publisher(ingest: Any, fire_drill: Any) -> Publish:
    """Publishes at QoS 1 as the drill's own device, a connection a message."""

    def publish(topic: str, payload: str) -> None:
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"{ingest.client_id[:50]}-drill")
        if fire_drill.username:
            with open(fire_drill.password_file, encoding="utf-8") as source:
                client.username_pw_set(fire_drill.username, source.readline().rstrip("\r\n"))
        if ingest.tls:
            client.tls_set_context(ssl.create_default_context(cafile=ingest.ca_file or None))
        client.connect(ingest.host, ingest.port)
        client.loop_start()
        try:
            sent = client.publish(topic, payload, qos=1)
            sent.wait_for_publish(10.0)
            if not sent.is_published():
                raise RiskgateError(
                    f"the broker did not take a reading of {fire_drill.username or 'the drill'}"
                )
        finally:
            client.disconnect()
            client.loop_stop()

    return publish


def commands(data: DataFolder) -> Callable[[dict[str, Any]], Mapping[str, Any]]:
    """Commands to the running core."""
    return lambda request: ask(data.core_socket, request)
