"""Journal entries and alarm events for tests of what stores them."""

from __future__ import annotations

from hypothesis import strategies as st

from gateway.alarms.events import AlarmEvent, CommandEvent, Event, NoteEvent
from gateway.monitor.entries import (
    ConfigChange,
    Entry,
    Link,
    OperatorCommand,
    Packets,
    Stamp,
    Started,
    SystemFact,
    Tick,
)

STAMP = Stamp(1_700_000_000_000_000_000, 1_000_000_000, "boot-1")


def packets(payload: bytes, count: int = 1, stamp: Stamp = STAMP) -> Packets:
    """An entry of ``count`` packets, whose payloads begin with ``payload``."""
    rows = [(b"rg/acme/north/gd-1/lel", payload + b"%d" % i, 10 + i, 0) for i in range(count)]
    return Packets.of(stamp, 1, rows)


_ns = st.integers(0, 2**62)
_text = st.text(max_size=12)
_stamps = st.builds(Stamp, _ns, _ns, _text)
_packet = st.tuples(st.binary(max_size=20), st.binary(max_size=300), _ns, st.integers(0, 3))

entries: st.SearchStrategy[Entry] = st.one_of(
    st.builds(Packets.of, _stamps, st.integers(0, 99), st.lists(_packet, max_size=6)),
    st.builds(Tick, _stamps),
    st.builds(Started, _stamps, _text, st.integers(0, 9), _ns),
    st.builds(Link, _stamps, st.integers(0, 9), st.booleans(), reason=_text),
    st.builds(SystemFact, _stamps, _text, _text, st.booleans(), st.dictionaries(_text, _ns, max_size=2)),
    st.builds(ConfigChange, _stamps, _text, st.binary(max_size=100)),
    st.builds(
        OperatorCommand, _stamps, _text, _text, st.dictionaries(_text, _text), _text, _text, _text, _ns
    ),
)
"""Any entry."""


def alarm_event(
    position: int, index: int, alarm: str, state: str = "unacknowledged", **fields: object
) -> AlarmEvent:
    """An alarm event with the id of its place in the journal."""
    given: dict[str, object] = {
        "category": "process",
        "condition": "high",
        "priority": 2,
        "before": "normal",
        "cause": "raised",
        "reason_en": f"above the limit at {position}",
        "reason_zh": "超过上限",
        "at_ns": position * 1000,
        "occurrence": 1,
        "enterprise": "acme",
        "site": "north",
        "device": alarm,
    }
    given.update(fields)
    return AlarmEvent(id=f"1-{position}-{index}", alarm=alarm, state=state, **given)  # type: ignore[arg-type]


def command_event(position: int, index: int, action: str = "acknowledge") -> CommandEvent:
    """The answer to a command."""
    return CommandEvent(
        id=f"1-{position}-{index}",
        command=f"c{position}",
        action=action,
        accepted=True,
        reason_en="done",
        reason_zh="完成",
        actor="li",
        role="operator",
        organisation="acme",
        source="console",
        at_ns=position,
    )


def note_event(position: int, index: int) -> NoteEvent:
    """A note."""
    return NoteEvent(
        id=f"1-{position}-{index}", kind="started", at_ns=position, reason_en="a", reason_zh="甲"
    )


@st.composite
def outcomes(draw: st.DrawFn) -> list[tuple[int, list[Event]]]:
    """Events of increasing journal positions."""
    found: list[tuple[int, list[Event]]] = []
    position = 0
    for _ in range(draw(st.integers(1, 12))):
        position += draw(st.integers(1, 5))
        events: list[Event] = []
        for index in range(draw(st.integers(1, 4))):
            kind = draw(st.integers(0, 5))
            alarm = draw(st.sampled_from(["a", "b", "c"]))
            state = draw(st.sampled_from(["normal", "unacknowledged", "acknowledged"]))
            if kind == 0:
                events.append(command_event(position, index))
            elif kind == 1:
                events.append(note_event(position, index))
            else:
                events.append(alarm_event(position, index, alarm, state))
        found.append((position, events))
    return found
