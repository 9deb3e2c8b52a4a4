"""A device beyond its rate: what is throttled, what never is, when it is told."""

from __future__ import annotations

import itertools

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors import DISORDER, LATE, RETAINED, SUSPECT, THROTTLED, Readings
from device_profiles import parse
from gateway.fleet import read_profiles
from gateway.monitor.channels import Device
from gateway.monitor.roster import MonitorConfig, Roster
from gateway.monitor.stored import pieces
from gateway.monitor.throttle import ALARM_AFTER_NS, BURST, CALM_NS, Throttle, rule_of

PROFILES = read_profiles([])
GAS = "gas/combustible_point"  # one reading a channel each 5 s: 20 in 5 s are allowed
SECOND = 1_000_000_000
EACH_NS = SECOND // 4


def gas(number: int, profile: str = GAS) -> Device:
    return Device("acme", "plant", "hall", f"GD-{number}", profile)


def throttle(devices: int = 2) -> Throttle:
    roster = Roster()
    roster.apply(MonitorConfig([gas(n) for n in range(devices)], {GAS: PROFILES[GAS]}), "first")
    return Throttle(roster)


def readings(rows: list[tuple[int, int, int]]) -> Readings:
    """Of (slot, gateway time ns, time flags)."""
    count = len(rows)
    slot, received, flags = zip(*rows, strict=True) if rows else ((), (), ())
    return Readings(
        np.array(slot, np.int32),
        np.array(received, np.int64),
        np.array(received, np.int64),
        np.zeros(count),
        np.zeros(count, np.uint8),
        np.zeros(count, np.uint8),
        np.array(flags, np.uint8),
        np.arange(count, dtype=np.int32),
    )


def body(it: Throttle) -> bytes:
    """What a snapshot would hold of it."""
    return b"".join(pieces(it.export()))


def marked(it: Throttle, rows: list[tuple[int, int, int]]) -> list[bool]:
    made = readings(rows)
    it.mark(made)
    return [bool(flag & THROTTLED) for flag in made.time]


def test_a_burst_passes_and_then_only_the_rate() -> None:
    it = throttle()
    assert marked(it, [(0, 0, 0)] * (BURST + 3)) == [False] * BURST + [True] * 3
    assert marked(it, [(0, EACH_NS - 1, 0), (0, EACH_NS, 0), (0, EACH_NS, 0)]) == [True, False, True]
    assert marked(it, [(0, 1000 * SECOND, 0)] * (BURST + 1)) == [False] * BURST + [True]


def test_channels_have_buckets_of_their_own() -> None:
    it = throttle()
    marked(it, [(0, 0, 0)] * (BURST + 50))
    assert marked(it, [(slot, 0, 0) for slot in (1, 2, 3) for _ in range(BURST)]) == [False] * 3 * BURST


def test_the_expected_rate_and_twenty_times_it_are_never_throttled() -> None:
    it = throttle()
    assert not any(marked(it, [(0, n * 5 * SECOND, 0) for n in range(5_000)]))
    assert not any(marked(it, [(1, n * EACH_NS, 0) for n in range(5_000)]))


def test_a_thousand_times_the_rate_leaves_twenty_times_it() -> None:
    it = throttle()
    flags = marked(it, [(0, n * 5 * SECOND // 1000, 0) for n in range(20_000)])  # 100 s
    assert flags.count(False) == BURST + 100 * 4 - 1
    assert it.watches["throttled"][0] == flags.count(True)


@pytest.mark.parametrize("flag", [LATE, RETAINED, LATE | DISORDER])
def test_a_backlog_is_neither_counted_nor_throttled(flag: int) -> None:
    it = throttle()
    assert not any(marked(it, [(0, 0, flag)] * 5_000))
    assert not any(marked(it, [(0, 0, 0)] * BURST))


@pytest.mark.parametrize("flag", [SUSPECT, DISORDER])
def test_a_wrong_clock_is_no_way_around(flag: int) -> None:
    assert marked(throttle(), [(0, 0, flag)] * (BURST + 5))[-5:] == [True] * 5


def test_an_upload_of_a_day_is_one_burst_twice_over() -> None:
    slow = PROFILES[GAS].replace("period_s = 5", "period_s = 60\nupload_period_s = 86400")
    roster = Roster()
    roster.apply(MonitorConfig([gas(1)], {GAS: slow}), "first")
    flags = marked(Throttle(roster), [(0, 0, 0)] * 2881)
    assert (flags.count(True), flags[-1]) == (1, True)


def test_no_profile_overflows() -> None:
    text = PROFILES[GAS].replace("period_s = 5", "period_s = 316_000_000\nmax_per_period = 1")
    each, ahead = rule_of(parse(GAS, text))
    assert 0 < each < 1 << 61
    assert 0 < ahead < 1 << 61
    assert 2 * (1_800_000_000 * SECOND) + each + ahead < 1 << 63


def test_the_alarm_begins_when_the_excess_lasts_and_ends_when_it_is_over() -> None:
    it = throttle()
    at = 7 * SECOND
    assert it.mark(readings([(2, at, 0)] * 300)) == (300 - BURST, [])
    early, due = at + ALARM_AFTER_NS - 1, at + ALARM_AFTER_NS
    assert it.mark(readings([(2, early, 0)] * 100))[1] == []
    throttled, began = it.mark(readings([(0, due, 0), *[(3, due, 0)] * 101, *[(2, due, 0)] * 9]))
    assert (throttled, began) == (1 + 8, [(101, 1)])
    count, allowed = it.figures(1)
    assert (count, allowed) == (200.0 + (100 - 39) + 9, 4.0)
    assert it.mark(readings([(2, due + SECOND, 0)] * 100))[1] == []  # told once
    assert it.calm(due + SECOND + CALM_NS - 1) == []
    assert it.calm(due + SECOND + CALM_NS) == [1]
    assert it.calm(due + SECOND + CALM_NS) == []


def test_a_burst_now_and_then_is_no_alarm() -> None:
    it = throttle()
    for minute in range(0, 100, 2):
        throttled, began = it.mark(readings([(0, minute * CALM_NS, 0)] * 150))
        assert (throttled, began) == (50, [])


ROWS = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.integers(0, 4 * EACH_NS),
        st.sampled_from([0, 0, 0, 0, SUSPECT, LATE, RETAINED, DISORDER]),
    ),
    max_size=400,
)


@given(ROWS, st.lists(st.integers(0, 400), max_size=5), st.integers(1, 12))
@settings(max_examples=60, deadline=None)
def test_any_split_is_the_whole_and_a_restart_in_between_changes_nothing(
    steps: list[tuple[int, int, int]], cuts: list[int], repeat: int
) -> None:
    now, rows = 0, []
    for slot, step_ns, flag in steps * repeat:
        now += step_ns // 3
        rows.append((slot, now, flag))
    whole, parts = throttle(), throttle()
    together = readings(rows)
    told = whole.mark(together)
    flags: list[int] = []
    throttled, began = 0, []
    for start, stop in itertools.pairwise([0, *sorted(min(c, len(rows)) for c in cuts), len(rows)]):
        part = readings(rows[start:stop])
        count, found = parts.mark(part)
        throttled += count
        began += [(row + start, device) for row, device in found]
        flags += part.time.tolist()
        again = Throttle(parts._roster)
        again.load(msgspec.msgpack.decode(body(parts)))
        parts = again
    assert (flags, (throttled, began)) == (together.time.tolist(), told)
    assert body(parts) == body(whole)


@given(ROWS, st.integers(1, 12))
@settings(max_examples=60, deadline=None)
def test_what_passes_keeps_within_the_rate(steps: list[tuple[int, int, int]], repeat: int) -> None:
    """Over every stretch of time a channel gets no more than the burst and the rate; and at least that."""
    it, now, rows = throttle(), 0, []
    for slot, step_ns, flag in steps * repeat:
        now += step_ns // 3
        rows.append((slot, now, flag))
    flags = marked(it, rows)
    for slot in range(4):
        live = [
            (at, over)
            for (s, at, flag), over in zip(rows, flags, strict=True)
            if s == slot and not flag & (LATE | RETAINED)
        ]
        passed = [at for at, over in live if not over]
        for first, at in enumerate(passed):
            for later in range(first, len(passed)):
                assert later - first + 1 <= BURST + (passed[later] - at) // EACH_NS
        if any(over for _, over in live):
            assert len(passed) >= BURST


def test_compiled_or_not_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    from gateway.monitor import throttle as module

    rng = np.random.default_rng(5)
    rows = [(int(rng.integers(4)), n * 4_000_000, int(rng.choice([0, 0, LATE]))) for n in range(4000)]
    one, other = throttle(), throttle()
    first, second = readings(rows), readings(rows)
    told = one.mark(first)
    plain = getattr(module._mark, "py_func", module._mark)
    monkeypatch.setattr(module, "_mark", plain)
    assert other.mark(second) == told
    assert first.time.tobytes() == second.time.tobytes()
    assert body(one) == body(other)
    assert told[0] > 0


def test_who_goes_on_under_new_slots_takes_its_excess_along_and_who_left_is_forgotten() -> None:
    it = throttle(2)
    roster = it._roster
    for at in (0, ALARM_AFTER_NS):
        it.mark(readings([(0, at, 0), (2, at, 0)] * 300))
    assert it.watches["flooding"].tolist() == [1, 1]
    other = "gas/other"
    change = roster.apply(
        MonitorConfig([gas(0, other), gas(5)], {GAS: PROFILES[GAS], other: PROFILES[GAS]}), "second"
    )
    it.changed(change)
    again = roster.index["acme/plant/GD-0"]
    assert again == 2
    assert it.watches["flooding"].tolist() == [0, 0, 1, 0]
    moved = roster.slots_of(again).start
    assert marked(it, [(moved, ALARM_AFTER_NS, 0), (0, ALARM_AFTER_NS, 0)]) == [True, False]
    assert not any(marked(it, [(roster.slots_of(3).start, ALARM_AFTER_NS, 0)] * BURST))
    assert it.calm(ALARM_AFTER_NS + CALM_NS) == [2]


def test_another_rate_is_in_force_at_once() -> None:
    it = throttle(1)
    it.mark(readings([(0, 0, 0)] * 300))
    text = PROFILES[GAS].replace("period_s = 5", "period_s = 5\nmax_per_period = 5000")
    it.changed(it._roster.apply(MonitorConfig([gas(0)], {GAS: text}), "second"))
    assert it.figures(0)[1] == 1000.0
    assert not any(marked(it, [(0, 100 * SECOND + n * SECOND // 1000, 0) for n in range(3000)]))
