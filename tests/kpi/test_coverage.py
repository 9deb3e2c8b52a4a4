"""Every expected channel in exactly one state: against a second-by-second count done the slow way."""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from gateway.cli import app
from gateway.durable import WriterLock
from gateway.kpi import STATES, Coverage, coverage, derive_again, derived_file
from gateway.monitor.channels import Device
from tests.kpi.book import Book, gas, ns

CHANNELS = ("lel", "temperature")
MEANT = {
    "never_seen": "never_seen",
    "silent": "silent",
    "sensor_fault": "bad",
    "out_of_range": "bad",
    "flat": "flat",
    "expired": "expired",
}
FLEETS = (
    [gas(1), gas(2, "bolt", "south")],
    [gas(1), gas(3)],
    [gas(1, county="south"), gas(2, "bolt", "south"), gas(3)],
)
DEVICES = {d.key: d for fleet in FLEETS for d in fleet}

steps = st.lists(
    st.tuples(
        st.integers(1, 9),  # seconds until then
        st.one_of(
            st.tuples(st.just("fleet"), st.integers(0, 2)),
            st.tuples(st.just("restart"), st.integers(1, 9)),
            st.tuples(st.just("link"), st.booleans()),
            st.tuples(
                st.sampled_from(sorted(MEANT)),
                st.sampled_from(sorted(DEVICES)),
                st.sampled_from(["", *CHANNELS]),
                st.booleans(),
            ),
            st.tuples(
                st.just("state"),
                st.sampled_from(sorted(DEVICES)),
                st.sampled_from(CHANNELS),
                st.sampled_from(["shelved", "out_of_service", "suppressed_by_design", "normal"]),
            ),
        ),
    ),
    max_size=25,
)


class Slow:
    """What was so in each second: plain dictionaries, no arrays."""

    def __init__(self) -> None:
        self.fleet: dict[str, Device] = {}
        self.standing: set[tuple[str, str, str]] = set()
        self.held: dict[tuple[str, str], str] = {}
        self.blind = True
        self.link_down = False
        self.seconds: list[dict[tuple[str, str, str, str], str]] = []

    def state(self, key: str, channel: str) -> str:
        found = {MEANT[c] for c, device, where in self.standing if device == key and where in ("", channel)}
        if (key, channel) in self.held:
            found.add(self.held[key, channel].removesuffix("_by_design"))
        if self.blind or self.link_down:
            found.add("blind")
        return min(found, key=STATES.index, default="rule_less" if channel == "temperature" else "live")

    def until(self, second: int) -> None:
        while len(self.seconds) < second:
            self.seconds.append(
                {
                    (key, channel, d.enterprise, d.county): self.state(key, channel)
                    for key, d in self.fleet.items()
                    for channel in CHANNELS
                }
            )


def play(book: Book, story: list[tuple[int, tuple]]) -> tuple[Slow, int]:  # type: ignore[type-arg]
    slow, second = Slow(), 1
    slow.until(1)
    book.start(1)
    slow.blind = False
    for wait, what in [(1, ("fleet", 0)), *story]:
        second += wait
        slow.until(second)
        kind = what[0]
        if kind == "fleet":
            slow.fleet = {d.key: d for d in FLEETS[what[1]]}
            book.fleet(second, FLEETS[what[1]])
        elif kind == "restart":
            book.tick(second)
            slow.blind = True
            second += what[1]
            slow.until(second)
            book.start(second)
            slow.blind = False
        elif kind == "link":
            slow.link_down = what[1]
            book.alarm(second, None, "", "link_down", "unacknowledged", active=what[1])
        elif kind == "state":
            _, key, channel, state = what
            slow.held.pop((key, channel), None)
            if state != "normal":
                slow.held[key, channel] = state
            book.alarm(second, DEVICES[key], channel, "H", state, active=True)
        else:
            _, key, channel, active = what
            (slow.standing.add if active else slow.standing.discard)((kind, key, channel))
            book.alarm(second, DEVICES[key], channel, kind, "acknowledged", active=active)
    second += 3
    slow.until(second)
    book.tick(second)
    return slow, second


def same(told: Coverage, slow: Slow, since: int, until: int, chosen: str = "") -> None:
    for share in (told.total, *told.groups):
        hours = dict.fromkeys(STATES, 0)
        for second in slow.seconds[since:until]:
            for (_, _, enterprise, county), state in second.items():
                name = {"enterprise": enterprise, "county": county, "sector": "chem", "family": "gas"}
                if chosen in ("", enterprise) and share.name == name.get(share.by, ""):
                    hours[state] += 1
        assert {k: round(v * 3600) for k, v in share.hours.items()} == hours, (share.by, share.name)
        assert share.expected_hours == pytest.approx(sum(share.hours.values()), abs=1e-3)
        assert sum(share.channels.values()) == share.expected
    last = [s for (_, _, e, _), s in slow.seconds[until - 1].items() if chosen in ("", e)]
    assert told.total.channels == {state: last.count(state) for state in STATES}
    listed = [one.state for one in told.not_live]
    assert sorted(listed) == sorted(state for state in last if state != "live")


@settings(max_examples=18, deadline=None)
@given(steps, st.integers(0, 20), st.integers(0, 20))
def test_every_second_of_every_channel_is_accounted_for(
    story: list[tuple[int, tuple]],
    late: int,
    early: int,  # type: ignore[type-arg]
) -> None:
    with tempfile.TemporaryDirectory() as name:
        book = Book(Path(name))
        slow, end = play(book, story)
        since = min(late, end - 2)
        until = max(since + 1, end - early)
        ledger = book.data.ledger
        same(coverage(ledger, ns(since), ns(until)), slow, since, until)

        class Bolt:
            def sees(self, *, enterprise: str, county: str) -> bool:
                return enterprise == "bolt"

        same(coverage(ledger, ns(since), ns(until), Bolt()), slow, since, until, "bolt")
        assert derive_again(ledger) == [], "what grew question by question is what is derived at once"
        book.close()


def test_a_dead_core_watches_nothing_from_its_last_entry_on(tmp_path: Path) -> None:
    book = Book(tmp_path)
    book.start(0)
    book.fleet(0, [gas(1)])
    book.tick(100)
    book.close()
    told = coverage(book.data.ledger, ns(0), ns(400))
    assert told.blind == [(ns(100) // 1_000_000, ns(400) // 1_000_000)]
    assert told.total.channels["blind"] == 2
    assert told.total.hours["blind"] * 3600 == pytest.approx(600, abs=0.01)
    assert told.total.period_coverage_percent == pytest.approx(12.5), "temperature has no rule"


def test_a_device_is_expected_from_its_day_of_commissioning_on(tmp_path: Path) -> None:
    book = Book(tmp_path)
    book.start(0)
    book.fleet(0, [gas(1), gas(2, commissioned="2025-11-26")])
    day = 1_764_115_200 - 1_764_000_000  # midnight that begins it
    book.tick(day + 200)
    book.close()
    before = coverage(book.data.ledger, ns(0), ns(day))
    assert (before.total.expected, before.not_yet_commissioned) == (2, 2)
    after = coverage(book.data.ledger, ns(day - 10), ns(day + 10))
    assert (after.total.expected, after.not_yet_commissioned) == (4, 0)
    assert after.total.expected_hours * 3600 == pytest.approx(2 * 20 + 2 * 10, abs=0.01)


def test_the_list_of_channels_is_cut_and_says_so(tmp_path: Path) -> None:
    book = Book(tmp_path)
    book.start(0)
    book.fleet(0, [gas(n) for n in range(5)])
    for n, condition in itertools.product(range(5), ("silent",)):
        book.alarm(5 + n, gas(n), "", condition, "unacknowledged", active=True)
    book.close()
    told = coverage(book.data.ledger, ns(0), ns(20), list_limit=3)
    assert [one.state for one in told.not_live] == ["silent"] * 3
    assert told.not_live_beyond == 7
    assert told.not_live[0].since_ms == ns(5) // 1_000_000


def test_an_empty_period_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="empty"):
        coverage(tmp_path / "ledger.db", 5, 5)


def test_a_fleet_that_grew_is_the_one_derived_at_once_and_a_changed_one_is_found_out(tmp_path: Path) -> None:
    book = Book(tmp_path)
    book.start(0)
    for second, fleet in enumerate(FLEETS * 2, 1):
        book.fleet(second, fleet)
        coverage(book.data.ledger, ns(0), ns(second + 1))
    assert derive_again(book.data.ledger) == []
    head, arrays = derived_file.load(tmp_path / "lookback" / "fleet.npz") or ({}, {})
    arrays["rows"]["end_ms"] = 0  # as though nobody were expected
    assert derived_file.save(tmp_path / "lookback" / "fleet.npz", head, arrays)
    run = ["--data", str(tmp_path), "coverage", "--rebuild", "--since", "2025-11-24", "--until", "2025-11-25"]
    refused = CliRunner().invoke(app, run)
    assert refused.exit_code == 78
    assert "lookback/fleet.npz told something else than its source" in refused.output
    assert derive_again(book.data.ledger) == [], "it was put right"
    book.close()


def test_whoever_cannot_write_the_summary_answers_all_the_same(tmp_path: Path) -> None:
    book = Book(tmp_path)
    book.start(0)
    book.fleet(0, [gas(1)])
    book.alarm(5, gas(1), "", "silent", "unacknowledged", active=True)
    (tmp_path / "lookback").mkdir()
    lock = WriterLock(tmp_path / "lookback" / "fleet.lock", "this summary")
    told = coverage(book.data.ledger, ns(0), ns(10))
    assert not (tmp_path / "lookback" / "fleet.npz").exists()
    lock.close()
    assert coverage(book.data.ledger, ns(0), ns(10)) == told
    assert (tmp_path / "lookback" / "fleet.npz").exists()
    book.close()
