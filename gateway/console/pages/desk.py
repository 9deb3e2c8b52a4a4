"""What the routes of a page are given: all that a page may reach."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse

from gateway.access import Person
from gateway.clock import Clock
from gateway.commands import ask
from gateway.console.answers import is_api, readable
from gateway.console.city import City
from gateway.console.feed import Feed
from gateway.console.identity import DeniedError, Identity, address_of
from gateway.console.runs import Runs
from gateway.console.show import Show
from gateway.errors import CoreUnreachable
from gateway.fleet_upload import FleetFiles
from gateway.kpi import device_of
from gateway.paths import DataFolder

COMMAND_S = 5.0
"""The core must answer a command within this time, or it does not act at all."""


@dataclass(frozen=True, slots=True)
class Desk:
    """One console process. Questions to the core and to files block: ask them in plain (not async) routes."""

    feed: Feed
    core_socket: Path
    identity: Identity
    show: Show
    city: City
    runs: Runs
    fleet: FleetFiles | None = None
    """Where the fleet list lies, if the console was started with a configuration."""

    @property
    def data(self) -> DataFolder:
        """The data folder."""
        return self.feed.data

    @property
    def clock(self) -> Clock:
        """Time."""
        return self.feed.clock

    def aimed(self, action: str, args: dict[str, Any], request: Request, person: Person) -> JSONResponse:
        """A command about ``args["alarm"]``. Another organisation's alarm is answered like one that does not
        exist."""
        return self.aimed_at([args["alarm"]], action, args, request, person)

    def aimed_at(
        self, alarms: list[str], action: str, args: dict[str, Any], request: Request, person: Person
    ) -> JSONResponse:
        """A command about several alarms: all of them the person's own, or none is touched."""
        self.must_see(alarms, person)
        return self.command(action, args, request, person)

    def must_see(self, alarms: list[str], person: Person) -> None:
        """DeniedError unless all alarms are inside the person's organisation."""
        if not all(self.feed.sees(person.scope, alarm) for alarm in alarms):
            raise DeniedError(404, "there is no such alarm", "没有该报警")

    def must_know(self, device: str, person: Person) -> None:
        """DeniedError unless the device is of the fleet, now or once, and the person may see it."""
        with readable():
            if device_of(self.data.ledger, device, person.scope) is None:
                raise DeniedError(404, "there is no such device", "没有该设备")

    def command(
        self, action: str, args: dict[str, Any], request: Request, person: Person, number: str = ""
    ) -> JSONResponse:
        """Ask the core to act, in the name of a verified person; its answer, or that it gives none.
        number: the command's own, "" for a new one."""
        question = {
            "op": "command",
            "id": number,
            "action": action,
            "args": args,
            "actor": person.id,
            "role": person.role,
            "organisation": person.scope.enterprise,
            "source": f"{'API' if is_api(request) else 'console'} {address_of(request)}",
            "deadline_s": COMMAND_S,
        }
        try:
            answer = ask(self.core_socket, question, COMMAND_S + 1.0)
        except (CoreUnreachable, ValueError) as error:
            body = {
                "accepted": False,
                "reason_en": f"{error} Look at the alarm before you repeat it: what was not taken by now "
                "is refused.",
                "reason_zh": "核心无应答: 重复操作前请查看该报警; 此刻尚未受理的命令将被拒绝。",
            }
            return JSONResponse(body, 503)
        return JSONResponse(answer, 200 if answer.get("accepted") else 409)
