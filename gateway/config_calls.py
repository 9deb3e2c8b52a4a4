"""[[escalation]] and [rosters.<name>]: their keys; what is wrong between them is told at load."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, field_validator

from gateway import sinks as sink_kinds
from gateway.access.person import ROLES
from gateway.config_problems import Origin
from gateway.escalation.steps import Step, wrong

NAME = r"^[a-z][a-z0-9_-]{0,31}$"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Escalation(_Section):
    """One [[escalation]]: a step."""

    name: str = Field(pattern=NAME)
    who: str
    """"roster:<name>" or "role:<role>"."""
    after_s: float = Field(ge=0, le=7 * 86_400)
    """How long unanswered; with follows, how long after that step's call."""
    sink: str
    priorities: list[int] = [1]
    enterprises: list[str] = []
    """Empty: all, and the gateway's own alarms."""
    follows: str = ""
    """The step before; it decides for which alarms."""

    @property
    def step(self) -> Step:
        """The same for the pure part."""
        return Step(
            self.name,
            self.who,
            round(self.after_s * 1e9),
            self.sink,
            frozenset(self.priorities),
            frozenset(self.enterprises),
            self.follows,
        )


class FireDrill(_Section):
    """[fire_drill]: one reading through the whole path to each sink's receipt, on a schedule."""

    every_hours: float = Field(default=0.0, ge=0, le=24 * 31)
    """0: only when asked for."""
    timeout_s: float = Field(default=60.0, ge=1, le=600)
    """Until the last sink's receipt; then the drill has failed."""
    username: str = ""
    """The drill device's own account at the broker."""
    password_file: str = ""


class Simulate(_Section):
    """[simulate]: as whom simulated and recorded devices publish when no --password-file is named."""

    username: str = ""
    """Their own account at the broker; "": the gateway's, which the shipped access list lets only read."""
    password_file: str = ""


class RosterFile(_Section):
    """[rosters.<name>]: who is on duty, from an iCalendar file."""

    file: Path
    timezone: str = "Asia/Shanghai"
    """Of times in the file that name none."""
    days: int = Field(default=14, ge=1, le=366)
    """How far ahead gaps are looked for."""

    @field_validator("timezone")
    @classmethod
    def _known(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError(f"{name!r} is no time zone; take a name like Asia/Shanghai") from None
        return name


def faults(
    steps: Sequence[Escalation], rosters: Mapping[str, RosterFile], sinks: Mapping[str, Any], origin: Origin
) -> Iterator[str]:
    """Everything that is wrong between steps, rosters and sinks; ``sinks``: those that are on."""
    able = {name: hasattr(sink_kinds.load(s.kind).Sink, "call") for name, s in sinks.items()}
    for number, key, told in wrong([s.step for s in steps], able, rosters, ROLES):
        yield f"{origin.of(('escalation', str(number), key))}: step {steps[number].name!r}: {told}"
    for number, one in enumerate(steps):
        for key in ("priorities", "enterprises"):
            if one.follows and key in one.model_fields_set:
                where = origin.of(("escalation", str(number), key))
                yield f"{where}: step {one.name!r}: the first step decides; move it there"
    for name, roster in rosters.items():
        if not roster.file.is_file():
            where = origin.of(("rosters", name, "file"))
            yield f"{where}: {roster.file} is no file; create it, or correct the path"
