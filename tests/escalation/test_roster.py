"""Who is on duty: recurrences, exceptions, clock changes, and every fault with its place."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gateway.escalation.roster import RosterError, Shift, gaps, on_duty, overlaps, read
from gateway.rosters import Roster

BERLIN = "Europe/Berlin"


def ns(text: str, zone: str = "UTC") -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()) * 10**9


def ics(*events: str) -> bytes:
    body = "\r\n".join(f"BEGIN:VEVENT\r\n{event}\r\nEND:VEVENT" for event in events)
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//t//t//EN\r\n{body}\r\nEND:VCALENDAR\r\n".encode()


def event(start: str, end: str, who: str, *more: str, zone: str = BERLIN) -> str:
    return "\r\n".join([f"DTSTART;TZID={zone}:{start}", f"DTEND;TZID={zone}:{end}", f"SUMMARY:{who}", *more])


DAY = event("20261020T080000", "20261020T200000", "Li", "UID:day", "RRULE:FREQ=DAILY", "CONTACT:+49 1")
NIGHT = event("20261020T200000", "20261021T080000", "Wang", "UID:night", "RRULE:FREQ=DAILY")


def shifts_of(
    *events: str, first: str = "2026-10-21", last: str = "2026-11-04", zone: str = BERLIN
) -> list[Shift]:
    return read(ics(*events), zone, ns(first), ns(last))


def test_day_and_night_meet_also_when_the_clocks_change() -> None:
    found = shifts_of(DAY, NIGHT)
    assert gaps(found, ns("2026-10-21"), ns("2026-11-03")) == []
    assert overlaps(found, ns("2026-10-21"), ns("2026-11-03")) == []
    night = next(s for s in found if s.start_ns == ns("2026-10-24T20:00", BERLIN))
    assert (night.end_ns - night.start_ns) / 3.6e12 == 13  # 25 October 2026: the clocks go back
    assert [s.person for s in on_duty(found, ns("2026-10-25T07:59", BERLIN))] == ["Wang"]
    assert [(s.person, s.contact) for s in on_duty(found, ns("2026-10-25T08:00", BERLIN))] == [
        ("Li", "+49 1")
    ]


def test_a_gap_and_an_overlap_are_found_where_they_are() -> None:
    short = event("20261020T200000", "20261021T070000", "Wang", "RRULE:FREQ=DAILY;COUNT=2")
    long = event("20261022T190000", "20261023T080000", "Zhao")
    found = shifts_of(DAY, short, long)
    first, last = ns("2026-10-21T08:00", BERLIN), ns("2026-10-23T08:00", BERLIN)
    assert [s[:2] for s in gaps(found, first, last)] == [
        (ns("2026-10-22T07:00", BERLIN), ns("2026-10-22T08:00", BERLIN))
    ]
    assert overlaps(found, first, last) == [
        (ns("2026-10-22T19:00", BERLIN), ns("2026-10-22T20:00", BERLIN), ("Li", "Zhao"))
    ]


def test_a_day_left_out_is_a_gap_and_one_given_away_is_not() -> None:
    left_out = DAY + f"\r\nEXDATE;TZID={BERLIN}:20261022T080000"
    moved = event(
        "20261023T080000", "20261023T200000", "Sun", "UID:day", f"RECURRENCE-ID;TZID={BERLIN}:20261023T080000"
    )
    found = shifts_of(left_out, NIGHT, moved)
    assert [s[:2] for s in gaps(found, ns("2026-10-22"), ns("2026-10-25"))] == [
        (ns("2026-10-22T08:00", BERLIN), ns("2026-10-22T20:00", BERLIN))
    ]
    assert [s.person for s in on_duty(found, ns("2026-10-23T09:00", BERLIN))] == ["Sun"]
    cancelled = shifts_of(DAY, moved + "\r\nSTATUS:CANCELLED")
    assert on_duty(cancelled, ns("2026-10-23T09:00", BERLIN)) == []


def test_until_in_utc_counts_in_local_time() -> None:
    rule = event("20261020T080000", "20261020T200000", "Li", "RRULE:FREQ=DAILY;UNTIL=20261026T070000Z")
    found = shifts_of(rule)
    assert found[-1].start_ns == ns("2026-10-26T08:00", BERLIN)


def test_times_without_a_zone_are_in_the_rosters_zone_and_days_are_whole() -> None:
    floating = "DTSTART:20261103T080000\r\nDURATION:PT12H\r\nSUMMARY:Li"
    whole = "DTSTART;VALUE=DATE:20261104\r\nSUMMARY:Wang"
    found = read(ics(floating, whole), "Asia/Shanghai", ns("2026-11-01"), ns("2026-11-06"))
    assert [datetime.fromtimestamp(s.start_ns / 1e9, UTC).isoformat()[:16] for s in found] == [
        "2026-11-03T00:00",
        "2026-11-03T16:00",
    ]
    assert (found[1].end_ns - found[1].start_ns) / 3.6e12 == 24


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"hello", "no iCalendar file"),
        (ics(), "holds no VEVENT"),
        (ics(DAY, "DTSTART:20261103T080000\r\nDURATION:PT1H"), "VEVENT 2: has no SUMMARY"),
        (ics("SUMMARY:Li\r\nUID:x"), "VEVENT 1 (UID x): has no DTSTART"),
        (ics(event("20261103T080000", "20261103T070000", "Li")), "lasts -1 day, 23:00:00"),
        (ics(event("20261103T080000", "20261103T090000", "Li", zone="Mars/Base")), "Mars/Base"),
        (ics(event("20261103T080000", "20261103T090000", "Li", "RRULE:FREQ=NEVER")), "VEVENT 1"),
        (
            ics(event("20261103T080000", "20261103T090000", "Li", "RRULE:FREQ=SECONDLY")),
            "no shift begins so often",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place(body: bytes, told: str) -> None:
    with pytest.raises(RosterError) as error:
        read(body, BERLIN, ns("2026-11-01"), ns("2026-11-30"))
    assert told in str(error.value)


def test_a_file_gone_bad_leaves_the_last_good_one_and_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "duty.ics"
    file.write_bytes(ics(DAY, NIGHT))
    roster = Roster("duty", str(file), BERLIN, 7)
    at = ns("2026-10-24T12:00", BERLIN)
    assert [s.person for s in roster.on_duty(at)] == ["Li"]
    file.write_bytes(b"broken")
    assert [s.person for s in roster.on_duty(at)] == ["Li"]
    assert "duty.ics: is no iCalendar file" in roster.problem
    assert [s.person for s in roster.on_duty(at + 20 * 86_400 * 10**9)] == ["Li"]
    file.write_bytes(ics(DAY))
    assert len(roster.gaps(at)) == 7
    assert roster.problem == ""
