"""The form of a story's file: what may stand in it, and where it is wrong."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import msgspec

from gateway.errors import ConfigError
from gateway.fleet import read_profiles


class Head(msgspec.Struct, forbid_unknown_fields=True):
    """``[story]``."""

    title: str
    profile: str
    runs_s: float = 0
    devices: list[str] = []
    upstream: dict[str, str] = {}
    together_s: float = 60
    grace_s: float = 120


class Sent(msgspec.Struct, forbid_unknown_fields=True):
    """One reading."""

    channel: str
    value: float | str | bool
    quality: str = ""
    time_s: float | None = None
    retained: bool = False
    counters: bool = True
    device: str = ""


class At(msgspec.Struct, forbid_unknown_fields=True):
    """``[[at]]``: exactly one of send, command, link and edit."""

    t_s: float
    send: Sent | list[Sent] | None = None
    command: dict[str, Any] | None = None
    link: str | None = None
    edit: tuple[str, str] | None = None
    every_s: float = 0
    until_s: float = 0

    def problem(self) -> str:
        """What is wrong with it; "" if nothing is."""
        given = [name for name in ("send", "command", "link", "edit") if getattr(self, name) is not None]
        if len(given) != 1:
            return f"has {' and '.join(given) or 'nothing'}: give one of send, command, link, edit"
        if self.t_s < 0:
            return "t_s: a story begins at 0"
        if self.link not in (None, "up", "down"):
            return f'link = "{self.link}": is "up" or "down"'
        if self.command is not None and not isinstance(self.command.get("action"), str):
            return 'command: needs an action, such as "acknowledge"'
        if (self.every_s or self.until_s) and (self.every_s <= 0 or self.until_s < self.t_s):
            return "every_s must be more than 0 and until_s not before t_s"
        return ""


class Planned(msgspec.Struct, forbid_unknown_fields=True):
    """``[[window]]``."""

    begin_s: float
    end_s: float
    device: str = ""
    asset: str = ""
    safety_by: list[str] = []


class Expect(msgspec.Struct, forbid_unknown_fields=True):
    """``[[expect]]``."""

    at_s: float
    alarm: str
    state: str
    occurrence: int = 0
    cause: str = ""
    reason: str = ""
    process_active: bool = False
    flags: list[str] = []
    first_out: bool = False
    priority: int = 0


class Answer(msgspec.Struct, forbid_unknown_fields=True):
    """``[[answer]]``."""

    accepted: bool
    at_s: float = 0
    reason: str = ""


class Note(msgspec.Struct, forbid_unknown_fields=True):
    """``[[note]]``."""

    at_s: float
    kind: str
    reason: str = ""


class Form(msgspec.Struct, forbid_unknown_fields=True):
    """The whole file."""

    story: Head
    at: list[At] = []
    window: list[Planned] = []
    expect: list[Expect] = []
    answer: list[Answer] = []
    note: list[Note] = []


def parse(path: Path) -> dict[str, Any]:
    """The tables of a story's file; ConfigError names every place that is wrong."""
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
        form = msgspec.convert(told, Form)
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror}"]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError([f"{path}: is no TOML: {error}"]) from error
    except msgspec.ValidationError as error:
        raise ConfigError([f"{path}: {error}"]) from error
    problems = [f"{path}: at[{n}]: {wrong}" for n, at in enumerate(form.at) if (wrong := at.problem())]
    if not form.expect and not form.answer and not form.note:
        problems.append(f"{path}: expects nothing: say what must come, with [[expect]]")
    if problems:
        raise ConfigError(problems)
    return {"at": [], **told}


def profile_of(story: Path, name: str) -> str:
    """The text of a shipped profile, or of a file beside the story; ConfigError when there is none."""
    shipped = read_profiles([])
    if name in shipped:
        return shipped[name]
    folders = (story.parent / "profiles", story.parent.parent / "profiles", story.parent)
    places = [folder / f"{name}.toml" for folder in folders]
    for file in places:
        if file.is_file() and file != story:
            return file.read_text(encoding="utf-8")
    raise ConfigError(
        [f"{story}: profile = {name!r}: is neither shipped ('riskgate profiles list') nor {places[0]}"]
    )
