"""Runs a story through the real monitor: what happens at a device, second by second, and every alarm event
that must come of it. docs/stories.md shows how to write one; ``riskgate story run FILE``.

    [story]    title, profile, runs_s (default: the last thing that is told). profile: a shipped one such as
               "gas/combustible_point", or the name of a file in profiles/, beside the story or above
               devices: ids of further devices of the same asset, if any
               upstream = { "D-1" = "C-1" }: which reports through which; together_s, grace_s: see [upstream]
    [[at]]     t_s and one of
                 send = {device?, channel, value, quality?, time_s?, retained?, counters?}, or a list
                        value "none": the device could not read; time_s: the device's own time, in seconds
                        of the story (default t_s); counters = false: without boot and seq
                 command = {action, alarm?, occurrence?, role?, actor?, source?, asked_s?, ...}
                        asked_s: "request" is the one that a command of that second asked for
                 link = "down" | "up"
                 edit = ["setpoint = 10", "setpoint = 12"]: the profile's text changes, once and for all
               every_s, until_s: again and again
    [[window]] begin_s, end_s of a maintenance window; device or asset, if not the whole site; safety_by
    [[expect]] at_s, alarm ("lel:H", another device's "D-2/lel:H"), state, and optionally occurrence, cause,
               reason, process_active, flags, first_out, priority
    [[answer]] at_s, accepted, reason: what a command is told
    [[note]]   at_s, kind, reason: what is recorded besides, of the kinds that are told of here

The expectations are complete and in order: an alarm event that is not told of is a failure. Timers are looked
at once a second.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from gateway.alarms.events import AlarmEvent, CommandEvent, Event, NoteEvent
from gateway.errors import ConfigError
from gateway.monitor.channels import Device
from gateway.monitor.entries import FLAG_RETAINED, Entry, Link, OperatorCommand, Packets, Stamp, Started, Tick
from gateway.monitor.monitor import BEHAVIOUR, Monitor
from gateway.monitor.roster import config_change
from gateway.monitor.suppressing import Suppressing, Window
from gateway.story_form import parse, profile_of

FIRST_NS = 1_764_000_000_000_000_000
FIRST_MONO_NS = 5_000_000_000
SECOND = 1_000_000_000
DEVICE = Device("acme", "plant", "tank-1", "D-1", "stories/of")
TIMES = ("together", "grace")
SITE = f"{DEVICE.enterprise}/{DEVICE.site}"


class Story(NamedTuple):
    """One file of told/."""

    name: str
    title: str
    profile: str
    entries: list[Entry]
    expected: list[dict[str, Any]]
    answers: list[dict[str, Any]]
    notes: list[dict[str, Any]]


def read(path: Path) -> Story:
    """The story of a file; ConfigError, with the place of each mistake, when it is told wrongly."""
    told = parse(path)
    head = told["story"]
    expected, answers = told.get("expect", []), told.get("answer", [])
    happenings = [(t_s, at) for at in told["at"] for t_s in _times(at)]
    happenings.sort(key=lambda item: item[0])
    notes = told.get("note", [])
    last = max(
        [t for t, _ in happenings] + [e["at_s"] for e in (*expected, *notes)] + [head.get("runs_s", 0)]
    )
    text = profile_of(path, head["profile"])
    more = (msgspec.structs.replace(DEVICE, device=name) for name in head.get("devices", []))
    devices = [
        msgspec.structs.replace(device, upstream=f"{SITE}/{above}") if above else device
        for device in (DEVICE, *more)
        for above in (head.get("upstream", {}).get(device.device),)
    ]
    times = {f"{name}_ns": round(head[f"{name}_s"] * SECOND) for name in TIMES if f"{name}_s" in head}
    design = Suppressing(**times, windows=tuple(map(_window, told.get("window", []))))
    entries: list[Entry] = [
        Started(_stamp(0), "story", BEHAVIOUR, 1),
        config_change(_stamp(0), devices, {DEVICE.profile: text}, design),
        Link(_stamp(0), 1, True),
    ]
    seq = 0
    edited = text
    asked: dict[float, int] = {}
    for second in range(int(last) + 1):
        entries.append(Tick(_stamp(second)))
        while happenings and happenings[0][0] < second + 1:
            t_s, at = happenings.pop(0)
            seq += 1
            if "edit" in at:
                old, new = at["edit"]
                if old not in edited:
                    raise ConfigError([f"{path}: at {t_s} s: edit: the profile has no {old!r}"])
                edited = edited.replace(old, new)
                entries.append(config_change(_stamp(t_s), devices, {DEVICE.profile: edited}, design))
            else:
                if "asked_s" in at.get("command", {}):
                    args = dict(at["command"])
                    asked_s = args.pop("asked_s")
                    if asked_s not in asked:
                        raise ConfigError([f"{path}: at {t_s} s: asked_s: no command before at {asked_s} s"])
                    args["request"] = f"1-{asked[asked_s]}-0"
                    at = {"command": args}
                if "command" in at:
                    asked[t_s] = len(entries) + 1
                entries.append(_entry(t_s, at, seq))
    return Story(path.stem, head["title"], head["profile"], entries, expected, answers, notes)


def tell(entries: list[Entry], *, restart_after: int = -1) -> list[Event]:
    """Every event, in order; optionally with a snapshot and restart in between."""
    monitor, told = Monitor(), []
    for position, entry in enumerate(entries, 1):
        told += monitor.step(position, entry).events
        if position == restart_after:
            monitor = Monitor.load(monitor.save())
    return told


def shown(event: AlarmEvent, wanted: dict[str, Any]) -> dict[str, Any]:
    """The event in the words of an expectation, as far as that one asks."""
    have: dict[str, Any] = {
        "at_s": (event.at_ns - FIRST_NS) / SECOND,
        "alarm": event.alarm.removeprefix(f"{DEVICE.key}/").removeprefix(f"{SITE}/"),
        "state": event.state,
        "occurrence": event.occurrence,
        "cause": event.cause,
        "process_active": event.process_active,
        "flags": list(event.flags),
        "first_out": event.first_out,
        "priority": event.priority,
        "reason": event.reason_en,
    }
    if "reason" in wanted and wanted["reason"] in event.reason_en:
        have["reason"] = wanted["reason"]
    return {key: have[key] for key in ("at_s", "alarm", "state", *wanted)}


def alarms(told: list[Event]) -> list[AlarmEvent]:
    """Only the alarm events."""
    return [event for event in told if isinstance(event, AlarmEvent)]


def replies(told: list[Event]) -> list[CommandEvent]:
    """Only the answers to commands."""
    return [event for event in told if isinstance(event, CommandEvent)]


def notes(told: list[Event], kinds: set[str]) -> list[NoteEvent]:
    """Only the notes of these kinds."""
    return [event for event in told if isinstance(event, NoteEvent) and event.kind in kinds]


def _window(table: dict[str, Any]) -> Window:
    span = (FIRST_NS + round(table["begin_s"] * SECOND), FIRST_NS + round(table["end_s"] * SECOND))
    scope = f"{SITE}/{table['device']}" if "device" in table else SITE
    return Window(
        "works", scope, table.get("asset", ""), (span,), "valves are changed", "WO-1", "li",
        tuple(table.get("safety_by", ())),
    )  # fmt: skip


def _full(alarm: str) -> str:
    """ "lel:H" is the first device's; "D-2/lel:H" another's."""
    return f"{SITE}/{alarm}" if "/" in alarm else f"{DEVICE.key}/{alarm}"


def _times(at: dict[str, Any]) -> list[float]:
    if "every_s" not in at:
        return [at["t_s"]]
    count = int((at["until_s"] - at["t_s"]) / at["every_s"]) + 1
    return [at["t_s"] + n * at["every_s"] for n in range(count)]


def _stamp(t_s: float) -> Stamp:
    passed = round(t_s * SECOND)
    return Stamp(FIRST_NS + passed, FIRST_MONO_NS + passed, "story-boot")


def _entry(t_s: float, at: dict[str, Any], seq: int) -> Entry:
    stamp = _stamp(t_s)
    if "link" in at:
        return Link(stamp, seq, at["link"] == "up", session_present=True, expected_session=True)
    if "command" in at:
        args = dict(at["command"])
        if "alarm" in args and not args["alarm"].startswith("gateway:"):
            args["alarm"] = _full(args["alarm"])
        if "device" in args:
            args["device"] = f"{SITE}/{args['device']}"
        action, role = args.pop("action"), args.pop("role", "operator")
        actor, source = args.pop("actor", "li"), args.pop("source", "console story")
        organisation = args.pop("organisation", "")
        return OperatorCommand(stamp, f"c{seq}", action, args, actor, role, organisation, 0, source)
    sent = at["send"] if isinstance(at["send"], list) else [at["send"]]
    return Packets.of(stamp, 1, [_packet(t_s, row, seq * 100 + n, stamp) for n, row in enumerate(sent)])


def _packet(t_s: float, row: dict[str, Any], seq: int, stamp: Stamp) -> tuple[bytes, bytes, int, int]:
    time_s = row.get("time_s", t_s)
    payload: dict[str, Any] = {
        "time_ms": FIRST_NS // 1_000_000 + round(time_s * 1000),
        "value": None if row["value"] == "none" else row["value"],
    }
    if "quality" in row:
        payload["quality"] = row["quality"]
    if row.get("counters", True):
        payload |= {"boot": 1, "seq": seq}
    topic = f"rg/{SITE}/{row.get('device') or DEVICE.device}/{row['channel']}"
    return (
        topic.encode(),
        json.dumps(payload).encode(),
        stamp.mono_ns,
        FLAG_RETAINED if row.get("retained") else 0,
    )


def compare(story: Story, told: list[Event]) -> list[str]:
    """What came otherwise than the story tells, a line each; empty when all came true."""
    seen = alarms(told)
    wrong = []
    for number in range(max(len(seen), len(story.expected))):
        wanted = story.expected[number] if number < len(story.expected) else None
        came = shown(seen[number], wanted or {"reason": "\0"}) if number < len(seen) else None
        if came != wanted:
            wrong.append(f"expect[{number}]: told {_said(wanted)}; came {_said(came)}")
    answers = replies(told)
    if story.answers and len(answers) != len(story.answers):
        wrong.append(f"answer: told {len(story.answers)}; came {len(answers)}")
    for number, (answer, wanted) in enumerate(zip(answers, story.answers, strict=False)):
        if answer.accepted != wanted["accepted"] or wanted.get("reason", "") not in answer.reason_en:
            came = {"accepted": answer.accepted, "reason": answer.reason_en}
            wrong.append(f"answer[{number}]: told {_said(wanted)}; came {_said(came)}")
    recorded = notes(told, {wanted["kind"] for wanted in story.notes})
    for number in range(max(len(recorded), len(story.notes))):
        wanted = story.notes[number] if number < len(story.notes) else None
        note = recorded[number] if number < len(recorded) else None
        if note is None or wanted is None or not _is(note, wanted):
            heard = note and {"at_s": _second(note), "kind": note.kind, "reason": note.reason_en}
            wrong.append(f"note[{number}]: told {_said(wanted)}; came {_said(heard or None)}")
    return wrong


def _is(note: NoteEvent, wanted: dict[str, Any]) -> bool:
    right = (_second(note), note.kind) == (wanted["at_s"], wanted["kind"])
    return right and wanted.get("reason", "") in note.reason_en


def _second(event: NoteEvent) -> float:
    return (event.at_ns - FIRST_NS) / SECOND


def _said(what: dict[str, Any] | None) -> str:
    return ", ".join(f"{name} {value}" for name, value in what.items()) if what else "nothing"
