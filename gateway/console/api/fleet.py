"""The fleet list by upload: what it would change and everything wrong with it, then put in force.

Guarantee: nothing is changed unless ``apply`` says so and the list has no mistake. A list goes from the wire
into a private file as it comes, at most MAX_FLEET bytes and MAX_ROWS rows of it, one list at a time.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
import threading
from datetime import UTC, date, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Query, Request
from fastapi.responses import JSONResponse, Response

from gateway.access import Person, Right
from gateway.access.record import WITNESS
from gateway.alarms.commands import FLEET_LIST
from gateway.console.answers import PROBLEM, ProblemError
from gateway.console.guard import FLEET_IMPORT, MAX_FLEET, SUFFIXES
from gateway.console.identity import needs
from gateway.console.pages.desk import Desk
from gateway.devices_command import Difference, Left
from gateway.errors import ConfigError, RiskgateError
from gateway.fleet_upload import FleetFiles, Sender, StaleError, upload

MAX_ROWS = 200_000
MAX_TOML = 2 << 20
"""TOML is read whole into tables, some thirty times its size."""
SHOWN = 1000
FAULT = re.compile(r"line (\d+)(?:, column ([a-z_]+))?: (.*)", re.DOTALL)

Importing = Annotated[Person, needs(Right.FLEET)]
EXAMPLE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {"example": {
        "applied": False, "fleet": "5f70bf18a08660...", "added": ["acme/tankfarm/GD-7"], "changed": [],
        "retired": [], "counts": {"added": 1, "changed": 0, "retired": 0}, "devices": 12, "channels": 12,
        "expired": 0, "warnings": [], "core": "",
    }}}},
    422: {"content": {PROBLEM: {"example": {
        "type": "about:blank", "title": "Unprocessable Entity", "status": 422,
        "detail": "1 faults; nothing was changed", "detail_zh": "1 处错误,未作任何更改",
        "faults": [{"line": 3, "column": "profile", "what": "'gas/x' is not known; did you mean ...?"}],
    }}}},
}  # fmt: skip
BODY = {"requestBody": {"required": True, "content": {
    "text/csv": {"schema": {"type": "string"}}, "application/toml": {"schema": {"type": "string"}},
}}}  # fmt: skip


def add(app: FastAPI, desk: Desk) -> None:
    """The routes."""
    turn = threading.Lock()

    @app.post(FLEET_IMPORT, responses=EXAMPLE, openapi_extra=BODY, summary="Import a fleet list")
    async def fleet_import(
        request: Request,
        person: Importing,
        apply: Annotated[bool, Query(description="Put it in force; else only looked at.")] = False,
        missing: Annotated[
            Literal["refuse", "keep", "retire"], Query(description="Devices that the list leaves out.")
        ] = "refuse",
        fleet: Annotated[
            str, Query(pattern="^[0-9a-f]{0,64}$", description="State that was looked at.")
        ] = "",
    ) -> Response:
        """CSV or TOML as for ``riskgate devices import``. Of devices of one's own organisation only."""
        if desk.fleet is None:
            raise ProblemError(503, "this console was started without a configuration", "控制台未加载配置")
        if not turn.acquire(blocking=False):
            raise ProblemError(409, "another fleet list is being read: try again", "另一份设备清单正在导入")
        try:
            with tempfile.TemporaryDirectory(prefix="riskgate-fleet-") as folder:
                file = await _received(request, Path(folder))
                left = Left(keep=missing == "keep", retire=missing == "retire")
                answer = await asyncio.to_thread(_answer, desk, desk.fleet, file, left, person, apply, fleet)
                if (
                    apply and answer.status_code == HTTPStatus.OK
                ):  # a core that is away witnesses the next change
                    witness = desk.identity.store.witness()
                    await asyncio.to_thread(desk.command, WITNESS, witness, request, person)
                return answer
        finally:
            turn.release()


async def _received(request: Request, folder: Path) -> Path:
    """The body in a file; ProblemError 413 as soon as it is too much."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip()
    file = folder / f"fleet{SUFFIXES[kind]}"
    most = MAX_TOML if file.suffix == ".toml" else MAX_FLEET
    size = rows = 0
    with file.open("wb") as out:
        async for part in request.stream():
            size += len(part)
            rows += max(part.count(b"\n"), part.count(b"\r"))
            if size > most or rows > MAX_ROWS:
                raise ProblemError(
                    413,
                    f"a list has at most {most} bytes and {MAX_ROWS} rows here: split it, or use "
                    "'riskgate devices import'",
                    f"清单最多 {most} 字节、{MAX_ROWS} 行:请拆分,或使用 riskgate devices import",
                )
            out.write(part)
    return file


def _answer(
    desk: Desk, files: FleetFiles, file: Path, left: Left, person: Person, apply: bool, expect: str
) -> Response:
    scope = person.scope
    sender = Sender(
        scope.whole_city, lambda enterprise, county: scope.sees(enterprise=enterprise, county=county)
    )
    today = _today(desk)
    try:
        found, state = upload(files, desk.data, file, left, today, sender, apply=apply, expect=expect)
    except ConfigError as error:
        return _faulty(error.problems, file)
    except StaleError as error:
        raise ProblemError(409, str(error), "设备清单已被更改:请重新查看差异") from None
    except RiskgateError as error:
        reason = str(error) if scope.whole_city else "the gateway did not take it: ask whoever looks after it"
        raise ProblemError(409, reason, "网关未接受该清单") from None
    except OSError as error:
        raise ProblemError(
            503, f"the fleet list cannot be written: {error.strerror}; see 'fleet' in the configuration",
            "设备清单无法写入",
        ) from None  # fmt: skip
    if apply:
        counts = f"{len(found.added)} added, {len(found.changed)} changed, {len(found.retired)} retired"
        detail = f"{counts}; the list is now {state[:16]}"
        desk.identity.store.record(person.id, FLEET_LIST, person.id, detail, desk.clock.wall_ns())
    return JSONResponse(_shown(found, state, person, apply=apply))


def _shown(found: Difference, state: str, person: Person, *, apply: bool) -> dict[str, Any]:
    kinds = {"added": found.added, "changed": found.changed, "retired": found.retired}
    return {
        "applied": apply,
        "fleet": state,
        **{kind: keys[:SHOWN] for kind, keys in kinds.items()},
        "counts": {kind: len(keys) for kind, keys in kinds.items()},
        "devices": found.devices,
        "channels": found.channels,
        "expired": len(found.expired),
        "warnings": [_plain(one) for one in found.warnings[:SHOWN]],
        "core": found.core if person.scope.whole_city or "no core" in found.core else "",
    }


def _faulty(problems: list[str], file: Path) -> Response:
    faults = []
    for problem in problems:
        told = problem.removeprefix(f"{file}: ")
        fits = FAULT.fullmatch(told)
        line, column, what = (int(fits[1]), fits[2], fits[3]) if fits else (None, None, told)
        faults.append({"line": line, "column": column, "what": _plain(what)})
    body = {
        "type": "about:blank", "title": "Unprocessable Entity", "status": 422,
        "detail": f"{len(faults)} faults; nothing was changed",
        "detail_zh": f"{len(faults)} 处错误,未作任何更改", "faults": faults,
    }  # fmt: skip
    return JSONResponse(body, 422, media_type=PROBLEM)


def _plain(text: str) -> str:
    """Without folders of this machine and without marks that turn or hide text."""
    text = re.sub(r"(?:/[^/\s:]+)+/(fleet\.(?:csv|toml))", r"\1", text)
    return "".join(c if c.isprintable() else "\ufffd" for c in text)[:500]


def _today(desk: Desk) -> date:
    return datetime.fromtimestamp(desk.clock.wall_ns() / 1e9, UTC).astimezone().date()
