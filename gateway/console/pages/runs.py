"""Simulate and replay, for testers: simulated devices with faults, a recording again, the journal stepped
again. What publishes readings is refused unless the gateway itself says that it is in an exercise."""

from __future__ import annotations

import functools
import re
from typing import Annotated, Any

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from gateway.access import Person, Refused, Right
from gateway.console.identity import DeniedError, needs
from gateway.console.pages.desk import Desk
from gateway.console.pages.system import answer
from gateway.console.show import Entry
from gateway.console.words.runs import WORDS
from gateway.paths import DataFolder
from simulators import kinds, load
from simulators._faults import SHARED

ENTRY = Entry("/simulate", "simulate", Right.SIMULATE, city=True)
RECORDINGS = "recordings"
"""Folder of the data folder from which recordings are sent again."""
SITE = re.compile(r"[\w.:-]{1,64}/[\w.:-]{1,64}")

Testing = Annotated[Person, needs(Right.SIMULATE, city=True)]


class Plant(BaseModel):
    """Simulated devices of one plant."""

    model_config = ConfigDict(extra="forbid", strict=True)

    plant: str = Field(min_length=1, max_length=40)
    site: str = Field(default="demo/simulated", max_length=129)
    devices: int = Field(default=3, ge=1, le=1000)
    fault: str = Field(default="", max_length=40)
    fault_at_s: int = Field(default=30, ge=0, le=86_400)
    for_s: int = Field(default=300, ge=1, le=86_400)
    speed: float = Field(default=1.0, gt=0, le=1000)
    seed: int = Field(default=1, ge=0, le=2**31)


class Recording(BaseModel):
    """A recording of the folder ``recordings`` again."""

    model_config = ConfigDict(extra="forbid", strict=True)

    file: str = Field(min_length=1, max_length=200)
    speed: float = Field(default=1.0, gt=0, le=1000)


class Nothing(BaseModel):
    """No choice."""

    model_config = ConfigDict(extra="forbid", strict=True)


@functools.cache
def plants() -> dict[str, list[str]]:
    """Plant -> its own faults, then those that every plant has; recordings are none."""
    found = {}
    for kind in kinds():
        own = getattr(load(kind), "FAULTS", None)
        if own is not None:
            found[kind] = [*own, *SHARED]
    return found


def recordings(data: DataFolder) -> list[str]:
    """Names of the recordings that there are."""
    folder = data.root / RECORDINGS
    return sorted(path.name for path in folder.glob("*") if path.is_file()) if folder.is_dir() else []


def add(app: FastAPI, desk: Desk) -> None:
    """The routes."""

    @app.get("/simulate")
    def page(request: Request, person: Testing) -> HTMLResponse:
        return desk.show.page(request, person, "simulate.html", WORDS, folder=RECORDINGS)

    @app.get("/simulate/state")
    def state(person: Testing) -> JSONResponse:
        del person
        core = answer(desk.data.core_socket)
        return JSONResponse(
            {
                "now_ms": desk.clock.wall_ns() // 1_000_000,
                "exercise": None if core is None else bool(core.get("exercise")),
                "runs": desk.runs.told(),
                "plants": plants(),
                "recordings": recordings(desk.data),
            }
        )

    _add_commands(app, desk)


def _add_commands(app: FastAPI, desk: Desk) -> None:
    def exercising() -> None:
        """DeniedError unless the core says that it is in an exercise: else people would run."""
        core = answer(desk.data.core_socket)
        if core is None or not core.get("exercise"):
            raise DeniedError(
                409,
                "this gateway is not in an exercise: simulated readings would raise alarms that look real. "
                "Run a second gateway with 'riskgate run --clock stream'.",
                "本网关不在演练中:模拟读数会产生看似真实的报警。请另行运行 riskgate run --clock stream",
            )

    @app.post("/simulate/plant")
    def plant(given: Plant, person: Testing) -> JSONResponse:
        faults = plants().get(given.plant)
        if faults is None or (given.fault and given.fault not in faults) or not SITE.fullmatch(given.site):
            raise DeniedError(
                422, "no such plant, fault or site (<enterprise>/<site>)", "没有该装置、故障或场所"
            )
        exercising()
        arguments = [
            "simulate", given.plant.replace("_", "-"), "--site", given.site, "--devices", str(given.devices),
            "--for", str(given.for_s), "--speed", f"{given.speed:g}", "--seed", str(given.seed),
        ]  # fmt: skip
        if given.fault:
            arguments += ["--fault", f"{given.fault}@{given.fault_at_s}"]
        return _done(lambda: desk.runs.start("plant", arguments, person.id, given.for_s / given.speed))

    @app.post("/simulate/recording")
    def recording(given: Recording, person: Testing) -> JSONResponse:
        if given.file not in recordings(desk.data):
            raise DeniedError(404, "there is no such recording", "没有该录制文件")
        exercising()
        file = str(desk.data.root / RECORDINGS / given.file)
        arguments = ["simulate", "recording", file, "--speed", f"{given.speed:g}"]
        return _done(lambda: desk.runs.start("recording", arguments, person.id))

    @app.post("/simulate/journal")
    def journal(given: Nothing, person: Testing) -> JSONResponse:
        del given
        return _done(lambda: desk.runs.start("journal", ["replay"], person.id))

    @app.post("/simulate/stop")
    def stop(given: Nothing, person: Testing) -> JSONResponse:
        del given
        return _done(lambda: desk.runs.stop(person.id))


def _done(act: Any) -> JSONResponse:
    try:
        act()
    except Refused as refused:
        body = {"accepted": False, "reason_en": refused.reason_en, "reason_zh": refused.reason_zh}
        return JSONResponse(body, 409)
    return JSONResponse({"accepted": True})
