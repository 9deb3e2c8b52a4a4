"""Who is on duty, who was called, and the fire drill: parts of the system page. What answers is delivery,
which has the rosters; a drill is a command first, so that the ledger has who asked for it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict

from gateway.access import Person, Right
from gateway.console.answers import readable
from gateway.console.identity import DeniedError, needs
from gateway.console.pages.desk import Desk
from gateway.console.pages.system import answer
from gateway.escalation.calls import WAITING
from gateway.ledger import LedgerReader

CALLS = 50
LISTED = 5
"""Alarms of a call, and gaps of a roster, that are listed; the rest is counted."""
MS = 1_000_000

Caring = Annotated[Person, needs(Right.SYSTEM, city=True)]


class Nothing(BaseModel):
    """No choice."""

    model_config = ConfigDict(extra="forbid", strict=True)


def add(app: FastAPI, desk: Desk) -> None:
    """The routes."""

    @app.get("/system/duty")
    def duty(person: Caring) -> JSONResponse:
        """Rosters, open calls and drills; null for what delivery does not tell."""
        del person
        told = answer(desk.data.delivery_socket, {"op": "duty", "limit": CALLS})
        drills = answer(desk.data.delivery_socket, {"op": "drill", "limit": LISTED})
        return JSONResponse(
            {
                "now_ms": desk.clock.wall_ns() // MS,
                "rosters": None if told is None else [_roster(one) for one in told["rosters"]],
                "calls": None if told is None else [_open(desk, one) for one in told["calls"]],
                "coming": None if told is None else [_step(one) for one in told["coming"][:LISTED]],
                "drill": None if drills is None or "drills" not in drills else _drill(drills),
                "exercise": drills is not None and "drills" not in drills,
            }
        )

    @app.post("/system/drill")
    def drill(given: Nothing, request: Request, person: Caring) -> JSONResponse:
        del given
        told = answer(desk.data.delivery_socket, {"op": "drill", "limit": 1})
        if told is None:
            raise DeniedError(503, "delivery does not answer: is 'riskgate run' running?", "投递进程无应答")
        if "drills" not in told:
            raise DeniedError(409, "an exercise runs no fire drill", "演练模式下不进行消防演练")
        if told["running"]:
            raise DeniedError(409, "a fire drill is running: wait for its end", "消防演练正在进行:请等待结束")
        said = desk.command("drill", {}, request, person)
        if said.status_code != 200:
            return said
        begun = answer(desk.data.delivery_socket, {"op": "drill", "run": True, "by": person.id, "limit": 1})
        if begun is None:
            raise DeniedError(
                503,
                "it is recorded that you asked, but delivery does not answer: ask again when it does",
                "已记录请求,但投递进程无应答:请待其恢复后重试",
            )
        return said


def shown(call: dict[str, Any]) -> dict[str, Any]:
    """One call for a page; times in ms."""
    body = call["body"]
    return {
        "id": call["id"],
        "at_ms": call["at_ns"] // MS,
        "step": call["step"],
        "level": body["level"],
        "who": body["who"],
        "nobody": body["nobody_on_duty"],
        "persons": body["on_duty"],
        "sink": call["sink"],
        "state": call["state"],
        "attempts": call["attempts"],
        "outcome": call["outcome"],
        "total": body["alarms_total"],
        "reason_en": body["reason_en"],
        "reason_zh": body["reason_zh"],
    }


def _open(desk: Desk, call: dict[str, Any]) -> dict[str, Any]:
    """With the first of its alarms that still wait, and the next step."""
    waiting: list[dict[str, Any]] = []
    with readable():
        reader = LedgerReader(desk.data.ledger)
        for one in call["body"]["alarms"]:
            for _, event in reader.history_of(one["alarm"], 1):
                if event.state in WAITING and len(waiting) < LISTED:
                    waiting.append(
                        {"alarm": event.alarm, "occurrence": event.occurrence, "priority": event.priority}
                    )
            if len(waiting) == LISTED:
                break
    return shown(call) | {"alarms": waiting, "next": call["next"] and _step(call["next"])}


def _step(step: dict[str, Any]) -> dict[str, Any]:
    return {"step": step["step"], "who": step["who"], "at_ms": step["at_ns"] // MS, "alarm": step["alarm"]}


def _roster(roster: dict[str, Any]) -> dict[str, Any]:
    gaps = roster["gaps"]
    return {
        "name": roster["name"],
        "zone": roster["zone"],
        "days": roster["days"],
        "problem": roster["problem"],
        "now": [_shift(one) for one in roster["now"]],
        "next": [_shift(one) for one in roster["next"]],
        "gaps": [{"from_ms": start // MS, "to_ms": end // MS} for start, end in gaps[:LISTED]],
        "gaps_total": len(gaps),
    }


def _shift(shift: dict[str, Any]) -> dict[str, Any]:
    return {
        "person": shift["person"],
        "contact": shift["contact"],
        "from_ms": shift["start_ns"] // MS,
        "to_ms": shift["end_ns"] // MS,
    }


def _drill(told: dict[str, Any]) -> dict[str, Any]:
    return {
        "running": told["running"],
        "drills": [
            {
                "began_ms": one["began_ns"] // MS,
                "why": one["why"],
                "by": one.get("by", ""),
                "problem": one["problem"],
                "latency_s": one["latency_s"],
                "sinks": one["sinks"],
            }
            for one in told["drills"]
        ],
    }
