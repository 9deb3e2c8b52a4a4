"""One finding: what was looked at, what was found, and what a person does about it."""

from __future__ import annotations

from typing import Literal, NamedTuple

Level = Literal["ok", "warning", "failure"]


class Finding(NamedTuple):
    """``todo`` is empty exactly when there is nothing to do."""

    check: str
    level: Level
    found: str
    todo: str = ""


def fine(check: str, found: str) -> Finding:
    """Nothing to do."""
    return Finding(check, "ok", found)


def doubt(check: str, found: str, todo: str) -> Finding:
    """It works, but a person should know; also what could not be known."""
    return Finding(check, "warning", found, todo)


def fault(check: str, found: str, todo: str) -> Finding:
    """Readings or alarms are lost, or anybody can forge them."""
    return Finding(check, "failure", found, todo)
