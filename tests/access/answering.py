"""A core for make authz: the real alarm engine behind the real command socket, before each request in the
situation in which what is asked for can be done. So whoever may, is answered 200, and what was done, and to
whose alarm, is known from the engine itself, not from the answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from gateway.alarms import lifecycle
from gateway.alarms.definition import Definition
from gateway.alarms.engine import Engine, EventIds
from gateway.alarms.reasons import Reason
from gateway.clock import Clock
from gateway.commands import CommandServer
from gateway.monitor.channels import Device
from tests.alarms.made import Command, high

WHY = Reason("known", "已知")
AGES_NS = 3_600_000_000_000


class Done(NamedTuple):
    """A command that the engine carried out."""

    action: str
    actor: str
    enterprises: frozenset[str]
    """Whose alarms it changed, or asks to change; empty: it is about no alarm."""


class Answering:
    """``with Answering(socket, devices, clock) as core``: ``core.ready(path)``, ask, then ``core.done``."""

    def __init__(self, socket: Path, devices: list[Device], clock: Clock) -> None:
        self._clock = clock
        self._alarms = {device.key: _alarm(device) for device in devices}
        self._server = CommandServer(socket, self._answer)
        self.done: list[Done] = []
        self.requests: dict[str, str] = {}
        """Enterprise -> the request about its alarm that waits for a second person."""
        self._number = 0
        self.ready("")

    def __enter__(self) -> Answering:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.close()

    def ready(self, path: str) -> None:
        """A new engine: every device's alarm stands, unanswered, or as the command of this path needs it."""
        self._number += 1
        ids, now = EventIds(self._number), self._clock.wall_ns()
        self._engine = engine = Engine(ids)
        ids.begin(1)
        engine.alarms_of = lambda device: [self._alarms[device].id] if device in self._alarms else []
        self.requests = {}
        for known in self._alarms.values():
            engine.apply(known, active=True, at_ns=now, value=60.0, limit=50.0)
            if path.endswith(("unshelve", "{back}")):
                engine.shelve(known.id, AGES_NS, now, WHY, actor="zhao", comment="")
            elif path.endswith("return_to_service"):
                engine.take_away(known.id, lifecycle.REMOVE, now, WHY, actor="zhao")
            elif path.endswith("reset"):
                engine.operate(known.id, lifecycle.ACKNOWLEDGE, now, WHY, actor="zhao")
                engine.apply(known, active=False, at_ns=now)
            elif path.endswith(("confirm", "decline", "/requests")):
                asked = {"alarm": known.id, "reason": "dust", "for_s": 600}
                command = Command("shelve", asked, actor="zhao", source="API 10.0.0.9")
                self.requests[known.enterprise] = engine.command(command, now)[0].id

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        if request["op"] == "requests":
            return {"requests": self._engine.requests.export()}
        if request["op"] == "values":
            return {"values": []}
        if request["op"] == "status":
            return {"turn_age_s": 0.1, "behind_s": 0.0, "blind": False, "exercise": False, "link_up": True}
        if request["op"] == "reload":
            return {
                "accepted": True,
                "reason_en": "in force",
                "reason_zh": "已生效",
                "devices": len(self._alarms),
            }
        return self._obey(request)

    def _obey(self, request: dict[str, Any]) -> dict[str, Any]:
        command = Command(
            request["action"], request["args"], request["id"] or "c", request["actor"], request["role"],
            request["organisation"], 0, request["source"],
        )  # fmt: skip
        before = self._waiting()
        answer, events = self._engine.command(command, self._clock.wall_ns())
        if answer.accepted:
            said = command.args.get("alarm")
            alarms = {event.alarm for event in events} | ({said} if said else set())
            alarms |= {alarm for _, about in before ^ self._waiting() for alarm in about}
            whose = frozenset(alarm.partition("/")[0] for alarm in alarms)
            self.done.append(Done(command.action, command.actor, whose))
        return {
            "accepted": answer.accepted, "reason_en": answer.reason_en, "reason_zh": answer.reason_zh,
            "event": answer.id,
        }  # fmt: skip

    def _waiting(self) -> set[tuple[str, tuple[str, ...]]]:
        """(id, alarms) of each request that waits."""
        return {(one.id, tuple(one.alarms)) for one in self._engine.requests.pending()}


def _alarm(device: Device) -> Definition:
    """The latched HH alarm of a device's gas channel: a safety alarm."""
    made = high("HH", latch=True)
    return msgspec.structs.replace(
        made, id=f"{device.key}/lel:HH", enterprise=device.enterprise, site=device.site, asset=device.asset,
        device=device.device, county=device.county,
    )  # fmt: skip
