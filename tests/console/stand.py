"""Everything the console needs around it, without the core: a real ledger, the real alarm engine behind the
real command socket, and the console as its own process."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

from device_profiles import AlarmDefinition, Point
from gateway.access import AccessStore, Scope
from gateway.alarms import definition
from gateway.alarms.definition import Definition, Place
from gateway.alarms.engine import Engine, EventIds
from gateway.alarms.events import Event, NoteEvent
from gateway.clock import new_secret
from gateway.commands import CommandServer
from gateway.fleet import read_profiles
from gateway.journal import Journal
from gateway.ledger import Ledger
from gateway.monitor.channels import Device
from gateway.monitor.entries import Entry, Stamp, Tick
from gateway.monitor.roster import config_change
from gateway.paths import DataFolder
from tests.support.need import free_port
from tests.support.wait import LEAST_S, until

PASSWORD = "three small blue boats"
SETPOINTS = {"H": 25.0, "HH": 50.0}


@dataclass
class Command:
    """What the engine wants of an operator's journal entry."""

    id: str
    action: str
    args: dict[str, Any]
    actor: str
    role: str
    organisation: str
    deadline_ns: int
    source: str


def gas_alarm(
    device: str, condition: str = "HH", priority: int = 1, latch: bool = False, **more: str
) -> Definition:
    """A gas alarm of a device; ``more`` replaces texts and places."""
    alarm = AlarmDefinition(
        channel="lel",
        condition=condition,
        setpoint=SETPOINTS[condition],
        priority=priority,
        latch=latch,
        consequence_en="An explosive mixture may be present.",
        consequence_zh="可能已形成爆炸性混合物。",
        response_en=more.get("response_en", "Evacuate, shut off the supply, call the emergency team."),
        response_zh="人员撤离，切断气源，通知应急队伍。",
        clause="GB/T 50493-2019 5.5.2",
        source_verified=priority != 3,
    )
    point = Point(channel="lel", title_en="Combustible gas", title_zh="可燃气体", unit="%LEL")
    place = Place("acme", "tankfarm", more.get("asset", "pump room"), device, "gas", "lel")
    return definition.process(alarm, point, place)


class Stand:
    """``with Stand(folder) as stand``: ``stand.url``; raise and clear alarms, answer as the core does.
    settings: of the console's process, as its environment has them ("CONSOLE__PUBLIC_URL")."""

    def __init__(self, folder: Path, *, people: bool = True, settings: dict[str, str] | None = None) -> None:
        self._settings = {f"RISKGATE_{key}": value for key, value in (settings or {}).items()}
        self.data = DataFolder(folder)
        self.data.create()
        self.ledger = Ledger(self.data.ledger)
        self.journal = Journal(self.data.journal, synchronous="NORMAL")
        self.access = AccessStore(self.data.console, new_secret)
        if people:
            self.person("li")
        self.ids = EventIds(1)
        self.engine = Engine(self.ids)
        self.position = 0
        self._turn = threading.Lock()  # as in the core: one thing after another
        self.asked: list[dict[str, Any]] = []
        self.status: dict[str, Any] = {
            "turn_age_s": 0.1, "behind_s": 0.0, "blind": False, "exercise": False, "link_up": True,
        }  # fmt: skip
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._server: CommandServer | None = None
        self._console: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Stand:
        self.start_core()
        log = (self.data.log / "console").open("ab")
        self._console = subprocess.Popen(
            [sys.executable, "-m", "gateway.cli", "--data", str(self.data.root),
             "console", "--port", str(self.port)],
            stdout=log, stderr=log, env=os.environ | self._settings,
        )  # fmt: skip
        log.close()
        until(self._listening, 60, f"console listens: {(self.data.log / 'console').read_text()}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop_console()
        self.stop_core()
        self.ledger.close()
        self.journal.close()

    def start_core(self) -> None:
        self._server = CommandServer(self.data.core_socket, self._answer)
        self._server.start()

    def stop_core(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    def stop_console(self) -> int:
        """SIGTERM; its exit status."""
        assert self._console is not None
        if self._console.poll() is None:
            self._console.terminate()
        return self._console.wait(LEAST_S)

    def log(self) -> str:
        return (self.data.log / "console").read_text()

    def tick(self) -> None:
        """The core lives: an entry without an event."""
        with self._turn:
            self._next(Tick(self._stamp()))

    def apply(self, *changes: tuple[Definition, bool, float]) -> None:
        """Conditions begin or end: (definition, active, value), one ledger transaction."""
        with self._turn:
            self._apply(changes)

    def _apply(self, changes: tuple[tuple[Definition, bool, float], ...]) -> None:
        self._next(Tick(self._stamp()))
        events: list[Event] = []
        for known, active, value in changes:
            event = self.engine.apply(
                known,
                active=active,
                at_ns=time.time_ns(),
                value=value,
                limit=SETPOINTS.get(known.condition, 50.0),
            )
            assert event is not None
            events.append(event)
        self._record(events)

    def person(self, account: str, role: str = "operator", scope: Scope | None = None) -> str:
        """An account with the password PASSWORD."""
        link = self.access.add(account, account.title(), role, scope or Scope(), time.time_ns())
        return self.access.choose(link, PASSWORD, time.time_ns())

    def cookie(self, account: str = "li") -> dict[str, str]:
        """The cookie of a new login, without the login page."""
        session = self.access.begin(account, "127.0.0.1", time.time_ns())
        return {"riskgate_session": session.secret}

    def token(self, client: httpx.Client) -> str:
        page = client.get(self.url + "/").text
        return page.partition('name="csrf-token" content="')[2].partition('"')[0]

    def fleet(self, devices: list[Device]) -> None:
        """These devices are expected from now on; their profiles are those of the house."""
        with self._turn:
            entry = config_change(self._stamp(), devices, read_profiles([]))
            self._next(entry)
            note = NoteEvent(
                id=f"1-{self.position}-0", kind="configuration", at_ns=entry.stamp.wall_ns, reason_en="",
                reason_zh="", detail={"digest": entry.digest, "devices": len(devices)},
            )  # fmt: skip
            self._record([note])

    def _next(self, entry: Entry) -> None:
        (self.position,) = self.journal.append([entry])
        self.ids.begin(self.position)

    @staticmethod
    def _stamp() -> Stamp:
        return Stamp(time.time_ns(), time.monotonic_ns(), "boot")

    def _record(self, events: list[Event]) -> None:
        self.ledger.record([(self.position, events)], self.journal.head)

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        if request["op"] == "status":
            return self.status
        if request["op"] == "requests":
            return {"requests": self.engine.requests.export()}
        self.asked.append(request)
        with self._turn:
            return self._obey(request)

    def _obey(self, request: dict[str, Any]) -> dict[str, Any]:
        self._next(Tick(self._stamp()))
        command = Command(
            request.get("id") or f"c{self.position}", request["action"], request["args"], request["actor"],
            request["role"], request.get("organisation", ""), 0, request["source"],
        )  # fmt: skip
        answer, events = self.engine.command(command, time.time_ns())
        self._record([answer, *events])
        return {
            "accepted": answer.accepted, "reason_en": answer.reason_en, "reason_zh": answer.reason_zh,
            "event": answer.id,
        }  # fmt: skip

    def _listening(self) -> bool:
        assert self._console is not None
        if self._console.poll() is not None:
            raise AssertionError(f"the console ended: {self.log()}")
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0
