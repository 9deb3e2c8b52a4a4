"""The figures of a period, against counting by hand and the slow way; and the summary against its ledger."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.kpi import Kpis, Summary, kpis
from gateway.kpi import summary as summary_module
from gateway.kpi.figures import _floods
from gateway.kpi.summary import rebuilt
from gateway.kpi.targets import FIGURES
from tests.kpi.book import Book, gas, ns

HOUR, DAY = 3600, 86_400
TEN = 600


def raised(book: Book, second: float, number: int = 1, **more: object) -> None:
    book.alarm(second, gas(number), "lel", "H", "unacknowledged", active=True, **more)  # type: ignore[arg-type]


def cleared(book: Book, second: float, number: int = 1, **more: object) -> None:
    book.alarm(
        second, gas(number), "lel", "H", "returned_unacknowledged", active=False, cause="cleared",
        before="unacknowledged", **more,  # type: ignore[arg-type]
    )  # fmt: skip


def acknowledged(
    book: Book, second: float, number: int = 1, *, active: bool = True, occurrence: int = 1
) -> None:
    book.alarm(
        second, gas(number), "lel", "H", "acknowledged" if active else "normal", active=active,
        cause="acknowledged", before="unacknowledged", occurrence=occurrence,
    )  # fmt: skip


def value(told: Kpis, name: str) -> float | None:
    return told.figure(name).value


def test_rates_are_per_operator_and_targets_are_judged(tmp_path: Path) -> None:
    book = Book(tmp_path)
    for n in range(40):
        raised(book, n * 60, n)
    book.close()
    one = kpis(book.data.ledger, ns(0), ns(4 * HOUR))
    two = kpis(book.data.ledger, ns(0), ns(4 * HOUR), operators=2)
    assert (value(one, "per_hour"), value(two, "per_hour")) == (10, 5)
    assert (value(one, "per_day"), value(one, "per_10_min")) == (240, pytest.approx(40 / 24))
    assert (value(one, "most_in_10_min"), value(two, "most_in_10_min")) == (10, 5)
    assert value(one, "hours_above_30_percent") == 25, "60 in the first hour's 40 minutes"
    assert one.figure("per_hour").met is True
    assert one.figure("hours_above_30_percent").met is False
    assert all(f.clause and f.target in {"", *(row.target for row in FIGURES)} for f in one.figures)
    assert not any(f.source_verified for f in one.figures), "nobody read the clauses for this"


@pytest.mark.parametrize(("since", "until"), [(0, 1), (400_000, 900_000), (999_999, 1_000_001)])
def test_a_period_of_less_than_a_millisecond_has_figures(tmp_path: Path, since: int, until: int) -> None:
    book = Book(tmp_path)
    raised(book, 0)
    told = kpis(book.data.ledger, ns(0) + since, ns(0) + until)
    assert told.until_ms - told.since_ms == 1
    assert told.annunciated == told.counts[0] == 1
    assert told.figure("flood_percent").value == 0
    with pytest.raises(ValueError, match="must not be empty"):
        kpis(book.data.ledger, ns(0), ns(0))


def test_a_plot_has_every_alarm_in_its_interval(tmp_path: Path) -> None:
    book = Book(tmp_path)
    for n, second in enumerate((0, 599, 600, 5 * HOUR)):
        raised(book, second, n)
    book.close()
    short = kpis(book.data.ledger, ns(0), ns(DAY))
    assert (short.step_ms, len(short.counts)) == (600_000, 144)
    assert {place: count for place, count in enumerate(short.counts) if count} == {0: 2, 1: 1, 30: 1}
    long = kpis(book.data.ledger, ns(0), ns(30 * DAY))
    assert (long.step_ms, len(long.counts), long.counts[0], sum(long.counts)) == (3_600_000, 720, 3, 4)
    assert kpis(book.data.ledger, ns(0), ns(90 * DAY)).step_ms == 86_400_000


def test_a_flood_begins_with_the_eleventh_in_ten_minutes_and_ends_below_five(tmp_path: Path) -> None:
    book = Book(tmp_path)
    for n in range(11):
        raised(book, 1000 + n, n)
    book.close()
    told = kpis(book.data.ledger, ns(0), ns(5000))
    assert [(f.begin_ms, f.end_ms, f.alarms) for f in told.floods] == [
        (ns(1010) // 1_000_000, ns(1006 + TEN) // 1_000_000, 11)
    ], "of the eleven, four are left once the seventh is ten minutes old"
    assert value(told, "flood_percent") == pytest.approx(100 * (TEN - 4) / 5000)
    assert not kpis(book.data.ledger, ns(0), ns(5000), operators=2).floods


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 3000), min_size=1, max_size=60))
def test_floods_are_what_watching_every_second_finds(times: list[int]) -> None:
    times.sort()
    found = _floods(np.array(times, np.int64) * 1000, 4000_000, 1)
    slow, inside = [], False
    for second in range(4000):
        within = sum(1 for t in times if second - TEN < t <= second)
        if not inside and within > 10:
            inside = True
            slow.append([second, 4000])
        elif inside and within < 5:
            inside = False
            slow[-1][1] = second
    assert [[f.begin_ms // 1000, f.end_ms // 1000] for f in found] == slow


def test_chattering_fleeting_and_the_most_frequent(tmp_path: Path) -> None:
    book = Book(tmp_path)
    for n in range(3):  # three within 60 s, each over at once
        raised(book, 100 + 30 * n, 1, occurrence=n + 1)
        cleared(book, 110 + 30 * n, 1, occurrence=n + 1)
    for n in range(3):  # three, but in 122 s; and they stand for a minute
        raised(book, 1000 + 61 * n, 2, occurrence=n + 1)
        cleared(book, 1060 + 61 * n, 2, occurrence=n + 1)
    raised(book, 2000, 3, priority=1)
    book.close()
    told = kpis(book.data.ledger, ns(0), ns(2 * HOUR))
    assert [(one.alarm, one.count) for one in told.chattering] == [("acme/plant/GD-1/lel:H", 3)]
    assert [(one.alarm, one.count) for one in told.fleeting] == [("acme/plant/GD-1/lel:H", 3)]
    assert [(one.count, one.longest_s) for one in told.top] == [(3, 10), (3, 60), (1, 2 * HOUR - 2000)]
    assert told.by_priority == {"red": 1, "orange": 0, "yellow": 6, "blue": 0}
    assert value(told, "priority_red_percent") == pytest.approx(100 / 7)
    assert value(told, "top_10_percent") == 100


def test_stale_alarms_stand_for_more_than_a_day_at_the_end_also_from_before_the_period(
    tmp_path: Path,
) -> None:
    book = Book(tmp_path)
    raised(book, 0, 1)
    raised(book, 0, 2)
    raised(book, 2 * DAY, 3)
    acknowledged(book, 2 * DAY + 5, 1)
    cleared(book, 2 * DAY + 10, 2)
    book.close()
    told = kpis(book.data.ledger, ns(2 * DAY), ns(2 * DAY + HOUR))
    assert [one.alarm for one in told.stale] == ["acme/plant/GD-1/lel:H"]
    assert told.annunciated == 1, "an alarm that stood before is not annunciated again"


def test_answers_and_time_in_alarm(tmp_path: Path) -> None:
    book = Book(tmp_path)
    for n, (wait, stand) in enumerate([(10, 100), (20, 200), (30, 300)]):
        raised(book, 1000 * n, n)
        acknowledged(book, 1000 * n + wait, n)
        book.alarm(
            1000 * n + stand,
            gas(n),
            "lel",
            "H",
            "normal",
            active=False,
            cause="cleared",
            before="acknowledged",
        )
    raised(book, 5000, 9)
    book.close()
    told = kpis(book.data.ledger, ns(0), ns(HOUR * 2))
    assert (value(told, "acknowledge_median_s"), value(told, "not_acknowledged")) == (20, 1)
    assert value(told, "in_alarm_median_s") == 200


def test_exercises_are_no_alarms_and_others_are_not_counted(tmp_path: Path) -> None:
    book = Book(tmp_path)
    raised(book, 10, 1)
    raised(book, 11, 2, flags=("exercise",))
    book.alarm(12, gas(3, "bolt", "south"), "lel", "H", "unacknowledged", active=True)
    book.alarm(13, None, "", "link_down", "unacknowledged", active=True, priority=1)
    book.close()

    class Acme:
        def sees(self, *, enterprise: str, county: str) -> bool:
            return enterprise == "acme"

    assert kpis(book.data.ledger, ns(0), ns(100)).annunciated == 3
    assert [one.alarm for one in kpis(book.data.ledger, ns(0), ns(100), Acme()).top] == [
        "acme/plant/GD-1/lel:H"
    ]


def test_a_quiet_period_has_no_shares_but_rates(tmp_path: Path) -> None:
    book = Book(tmp_path)
    book.close()
    told = kpis(book.data.ledger, ns(0), ns(100))
    assert (value(told, "per_hour"), value(told, "top_10_percent")) == (0, None)
    assert told.figure("top_10_percent").met is None
    with pytest.raises(ValueError, match="operator"):
        kpis(book.data.ledger, ns(0), ns(100), operators=0)
    with pytest.raises(KeyError):
        told.figure("none")


@settings(max_examples=8, deadline=None)
@given(st.lists(st.integers(1, 12), min_size=1, max_size=5), st.booleans())
def test_a_summary_that_grew_is_the_one_derived_at_once(parts: list[int], restored: bool) -> None:
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(summary_module, "WRITE_AFTER", 3)
        patch.setattr(summary_module, "PAGE", 4)
        book, second = Book(Path(name) / "a"), 0
        for part in parts:
            for _ in range(part):
                second += 1
                raised(book, second if second % 5 else second - 3, second % 3)  # the clock may be set back
            grown = Summary.of(book.data.ledger)
        assert grown.seq == second
        assert np.all(np.diff(grown.events["at_ns"]) >= 0)
        fresh, same = rebuilt(book.data.ledger)
        assert same
        assert np.array_equal(grown.events, fresh.events)
        if restored:  # the file of a longer ledger, or of another, is not believed
            other = Book(Path(name) / "b")
            raised(other, 1, 7)
            other.close()
            kept = other.data.root / "lookback"
            shutil.rmtree(kept, ignore_errors=True)
            shutil.copytree(book.data.root / "lookback", kept)
            assert Summary.of(other.data.ledger).names() == ["acme/plant/GD-7/lel:H"]
        book.close()


def test_a_damaged_summary_is_derived_again_and_a_changed_one_is_found_out(tmp_path: Path) -> None:
    book = Book(tmp_path)
    for second in range(5):
        raised(book, second)
    before, _ = rebuilt(book.data.ledger)
    path = tmp_path / "lookback" / "events.npz"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert np.array_equal(Summary.of(book.data.ledger).events, before.events)
    before.events["priority"][2] = 1
    assert summary_module._save(before, path)
    assert Summary.of(book.data.ledger).events["priority"][2] == 1, (
        "what was written with a good chain is used"
    )
    _, same = rebuilt(book.data.ledger)
    assert not same
    assert Summary.of(book.data.ledger).events["priority"][2] == 3
    book.close()
