"""Who is on duty, from an iCalendar file (RFC 5545): every VEVENT is a shift, its SUMMARY the person.

Recurrences (RRULE, RDATE, EXDATE, RECURRENCE-ID) are worked out in local time and put into their time zone
afterwards: a shift from 20:00 to 08:00 ends at 08:00 on the wall also in the night when clocks change (RFC
5545 3.8.5.3 would keep its exact length; people hand over by the clock). A time without a zone is in the
roster's.
Read with icalendar (BSD-2-Clause) and python-dateutil (Apache-2.0 or BSD-3-Clause).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import pairwise
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

NS = 1_000_000_000
SHIFT_MAX = timedelta(days=31)
SHIFTS_MAX = 50_000


class Shift(NamedTuple):
    """One person's duty, from ``start_ns`` until before ``end_ns``, ns since 1970 UTC."""

    start_ns: int
    end_ns: int
    person: str
    contact: str


class Span(NamedTuple):
    """A stretch of time with something to say about it."""

    start_ns: int
    end_ns: int
    persons: tuple[str, ...] = ()


class RosterError(ValueError):
    """The file is no usable roster; the message says where in it and what to do."""


class _Event(NamedTuple):
    place: str
    uid: str
    part: Any
    start: datetime
    """Local, without its zone."""
    length: timedelta
    zone: tzinfo


def read(body: bytes, zone: str, first_ns: int, last_ns: int) -> list[Shift]:
    """Every shift that touches the time from ``first_ns`` to ``last_ns``, in order; or a RosterError."""
    from icalendar import Calendar  # noqa: PLC0415 - slow to load; only where there are rosters

    try:
        calendar: Any = Calendar.from_ical(body)
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise RosterError(f"is no iCalendar file: {error}; export it again as .ics") from None
    home = ZoneInfo(zone)
    events = [_event(number, part, home) for number, part in enumerate(calendar.walk("VEVENT"), 1)]
    if not events:
        raise RosterError("holds no VEVENT; every shift is one, its SUMMARY the person on duty")
    replaced = [e for e in events if "RECURRENCE-ID" in e.part]
    moved = {(e.uid, _local(e.part["RECURRENCE-ID"].dt, e.zone)) for e in replaced}
    first, last = _utc(first_ns), _utc(last_ns)
    shifts: list[Shift] = []
    for event in events:
        if str(event.part.get("STATUS", "")).upper() == "CANCELLED":
            continue
        for start in _starts(event, first, last):
            if "RECURRENCE-ID" not in event.part and (event.uid, start) in moved:
                continue
            begin = start.replace(tzinfo=event.zone).astimezone(UTC)
            end = (start + event.length).replace(tzinfo=event.zone).astimezone(UTC)
            if begin <= last and end > first and end > begin:
                person = str(event.part["SUMMARY"]).strip()
                shifts.append(Shift(_ns(begin), _ns(end), person, _contact(event.part)))
            if len(shifts) > SHIFTS_MAX:
                raise RosterError(f"{event.place}: gives more than {SHIFTS_MAX} shifts; correct its RRULE")
    return sorted(shifts)


def on_duty(shifts: Iterable[Shift], at_ns: int) -> list[Shift]:
    """Whoever is on duty at this moment; [] is a gap."""
    return [shift for shift in shifts if shift.start_ns <= at_ns < shift.end_ns]


def gaps(shifts: Iterable[Shift], first_ns: int, last_ns: int) -> list[Span]:
    """When nobody is on duty between two moments, in order."""
    found, covered = [], first_ns
    for shift in sorted(shifts):
        if shift.start_ns > covered:
            found.append(Span(covered, min(shift.start_ns, last_ns)))
        covered = max(covered, shift.end_ns)
        if covered >= last_ns:
            break
    if covered < last_ns:
        found.append(Span(covered, last_ns))
    return [span for span in found if span.start_ns < span.end_ns]


def overlaps(shifts: Iterable[Shift], first_ns: int, last_ns: int) -> list[Span]:
    """When several persons are on duty at once, in order; neighbouring pieces with equal persons are one."""
    shifts = sorted(shifts)
    edges = sorted({first_ns, last_ns, *(n for s in shifts for n in s[:2] if first_ns < n < last_ns)})
    found: list[Span] = []
    for start, end in pairwise(edges):
        persons = tuple(sorted({s.person for s in on_duty(shifts, start)}))
        if len(persons) < 2:
            continue
        if found and found[-1].end_ns == start and found[-1].persons == persons:
            found[-1] = Span(found[-1].start_ns, end, persons)
        else:
            found.append(Span(start, end, persons))
    return found


def _event(number: int, part: Any, home: ZoneInfo) -> _Event:
    uid = str(part.get("UID", ""))
    place = f"VEVENT {number}{f' (UID {uid})' if uid else ''}"
    for error in getattr(part, "errors", []):
        raise RosterError(f"{place}: {': '.join(map(str, error))}; correct it there")
    if "DTSTART" not in part:
        raise RosterError(f"{place}: has no DTSTART; say when the shift begins")
    if not str(part.get("SUMMARY", "")).strip():
        raise RosterError(f"{place}: has no SUMMARY; write the person on duty there")
    start = part["DTSTART"]
    named = str(start.params.get("TZID", ""))
    zone: tzinfo = getattr(start.dt, "tzinfo", None) or home
    if named and getattr(start.dt, "tzinfo", None) is None:
        raise RosterError(f"{place}: time zone {named!r} is unknown; take a name like Asia/Shanghai")
    begin = _local(start.dt, zone)
    if "DTEND" in part:
        length = _local(part["DTEND"].dt, zone) - begin
    elif "DURATION" in part:
        length = part["DURATION"].dt
    else:
        length = timedelta(0) if isinstance(start.dt, datetime) else timedelta(days=1)
    if not timedelta(0) < length <= SHIFT_MAX:
        raise RosterError(f"{place}: lasts {length}; correct DTEND: more than 0, at most 31 days")
    return _Event(place, uid, part, begin, length, zone)


def _starts(event: _Event, first: datetime, last: datetime) -> Iterator[datetime]:
    """Local starts of an event's shifts that may touch first..last."""
    from dateutil.rrule import rrulestr  # noqa: PLC0415 - the same

    begin = _local(first, event.zone) - event.length - timedelta(days=1)
    end = _local(last, event.zone) + timedelta(days=1)
    left_out = {_local(one.dt, event.zone) for one in _dates(event.part, "EXDATE")}
    found = {event.start} | {_local(one.dt, event.zone) for one in _dates(event.part, "RDATE")}
    rules = event.part.get("RRULE", [])
    for rule in rules if isinstance(rules, list) else [rules]:
        text = _rule_text(rule, event)
        if any(often in text for often in ("SECONDLY", "MINUTELY")):
            raise RosterError(f"{event.place}: RRULE {text}: no shift begins so often; correct it there")
        try:
            found.update(rrulestr(text, dtstart=event.start).between(begin, end, inc=True))
        except (ValueError, TypeError) as error:
            raise RosterError(f"{event.place}: RRULE {text}: {error}; correct it there") from None
    yield from sorted(start for start in found - left_out if begin <= start <= end)


def _rule_text(rule: Any, event: _Event) -> str:
    """The rule with UNTIL in the event's local time, as its starts are."""
    parts = dict(rule)
    until = parts.pop("UNTIL", None)
    text = ";".join(part for part in rule.to_ical().decode().split(";") if not part.startswith("UNTIL="))
    if until:
        end = until[0] if isinstance(until, list) else until
        local = _local(end, event.zone) if isinstance(end, datetime) else datetime.combine(end, time.max)
        text += f";UNTIL={local:%Y%m%dT%H%M%S}"
    return text


def _dates(part: Any, name: str) -> Iterator[Any]:
    value = part.get(name, [])
    for one in value if isinstance(value, list) else [value]:
        yield from one.dts


def _local(moment: date | datetime, zone: tzinfo) -> datetime:
    if not isinstance(moment, datetime):
        return datetime.combine(moment, time.min)
    return (moment if moment.tzinfo is None else moment.astimezone(zone)).replace(tzinfo=None)


def _contact(part: Any) -> str:
    """How to reach the person: ATTENDEE and CONTACT, without "mailto:" and "tel:"."""
    found = []
    for name in ("ATTENDEE", "CONTACT"):
        value = part.get(name, [])
        for one in value if isinstance(value, list) else [value]:
            text = str(one).strip()
            scheme, _, rest = text.partition(":")
            found.append(rest if scheme.lower() in ("mailto", "tel") else text)
    return ", ".join(found)


def _utc(ns: int) -> datetime:
    return datetime.fromtimestamp(ns / NS, UTC)


def _ns(moment: datetime) -> int:
    return round(moment.timestamp()) * NS
