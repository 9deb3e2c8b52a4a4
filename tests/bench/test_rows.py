"""Every module of the bench, in tiny sizes: rows have their shape, and accounts notice what is wrong."""

from __future__ import annotations

import json
import math
from pathlib import Path

import msgspec
import pytest

from device_profiles import parse
from gateway.fleet import read_profiles
from tests.bench import __main__ as bench
from tests.bench import (
    _apart,
    _feeds,
    _machine,
    backtest,
    broker,
    commit,
    core_effect,
    flood,
    growth,
    kpi,
    live,
    memory,
    people,
    replay,
    replay_x,
    restart,
    soak,
    transitions,
)
from tests.bench._stand import BASE, Stand
from tests.bench.feeder import Feeder
from tests.support import report
from tests.support.need import need
from tests.support.report import Row

ISSUE = [
    "broker_rate",
    "broker_cpu",
    "raw20",
    "raw20k",
    "batch100",
    "binary",
    "kernel",
    "kernel_sparse",
    "river",
    "lines",
    "drain",
    "commit_p99",
    "puback_p99",
    "webhook_p99",
    "memory",
    "restart",
    "replay",
    "replay_x",
    "transitions",
    "flood_p1",
    "flood_webhook",
    "kpi",
    "backtest",
    "api_list",
    "sse",
    "first_screen",
    "core_effect",
    "growth",
]


def shaped(row: Row, row_id: str) -> None:
    assert row.id == row_id
    assert math.isfinite(row.measured)
    assert row.measured > 0
    _, unit, must, good = bench.ROWS[row_id]
    assert (row.unit, row.must, row.good) == (unit, must, good)
    assert row.note


def test_the_table_has_exactly_the_rows_of_the_contract() -> None:
    assert list(bench.ROWS) == ISSUE


def test_replay_against_real_time() -> None:
    (row,) = replay_x.measure(1, channels=40, plant_s=20)
    shaped(row, "replay_x")


def test_transitions() -> None:
    (row,) = transitions.measure(1, devices=1001, cycles=1)
    shaped(row, "transitions")


@pytest.mark.system
def test_a_flood_and_one_of_priority_one_in_it() -> None:
    ledger, webhook = flood.measure(1, floods=2)
    shaped(ledger, "flood_p1")
    shaped(webhook, "flood_webhook")
    assert webhook.measured > ledger.measured


def test_the_list_of_alarms_and_pages_that_look_on() -> None:
    (row,) = people.api_list(1, alarms=30, asks=5)
    shaped(row, "api_list")
    (row,) = people.first_screen(1, alarms=30)
    shaped(row, "first_screen")
    (row,) = people.sse(1, pages=3, seconds=0.3)
    shaped(row, "sse")


@pytest.mark.system
def test_what_people_and_deliveries_cost_the_core_is_measured_in_turns() -> None:
    (row,) = core_effect.measure(1, seconds=1.0, rate=1000, pages=3)
    shaped(row, "core_effect")
    assert "3 pages" in row.note


def test_commit() -> None:
    (row,) = commit.measure(1, commits=5)
    shaped(row, "commit_p99")


def test_restart() -> None:
    (row,) = restart.measure(1, readings=2000, channels=200, group=100)
    shaped(row, "restart")


def test_replay() -> None:
    (row,) = replay.measure(1, readings=2000, channels=200, group=100)
    shaped(row, "replay")


def test_memory() -> None:
    (row,) = memory.measure(1, channels=1000)
    shaped(row, "memory")


def test_growth() -> None:
    (row,) = growth.measure(1, small=2000, large=4000, rate=2000, readings=2000)
    shaped(row, "growth")


@pytest.mark.system
def test_the_kpi_row_counts_every_alarm_and_channel_it_made() -> None:
    (row,) = kpi.measure(1, channels=400, alarms=60, days=3)
    shaped(row, "kpi")
    assert "180 transitions in 3 days" in row.note


@pytest.mark.system
def test_the_back_test_row_finds_every_alarm_that_it_planted() -> None:
    (row,) = backtest.measure(1, channels=200, hours=1)
    shaped(row, "backtest")
    assert "+30 / -20 alarms" in row.note


def test_pubacks_of_a_whole_gateway_are_timed() -> None:
    (row,) = live.puback(1, seconds=1.0, rate=1000)
    shaped(row, "puback_p99")


@pytest.mark.system
def test_alarms_are_timed_to_their_webhook() -> None:
    (row,) = live.webhook(1, seconds=2.0, rate=1000)
    shaped(row, "webhook_p99")
    assert "2 a round" in row.note


@pytest.mark.system
def test_through_a_broker_ours_and_the_naive_peer_take_all() -> None:
    need("mosquitto")
    rate, cpu = broker.measure(1, count=2000)
    shaped(rate, "broker_rate")
    shaped(cpu, "broker_cpu")


@pytest.mark.system
def test_every_reading_of_every_kind_of_batch_is_accounted_for() -> None:
    for make, each in ((_feeds.batch, 100), (_feeds.packed, 100)):
        with Feeder(make) as feeder, Stand(feeder.port) as stand:
            stand.connected()
            feeder.subscribed()
            feeder.prepare(0, 50)
            feeder.send(20)
            assert stand.account(50 * each) == ""
            feeder.send(20)  # the same again: nothing of it takes effect
            feeder.prepare(1, 50)
            feeder.send(20)
            assert "duplicates" in stand.account(50 * each)


def test_each_sweep_and_round_has_another_device_in_alarm() -> None:
    seen: set[int] = set()
    for turn in range(6):
        alarmed = _feeds.alarmed(turn, 50_000)
        packets = _feeds.alarming(turn, 50_000)
        high = [n for n, one in enumerate(packets) if b'"value":60.000' in one]
        assert sorted(alarmed.values()) == high
        assert len(high) == 50
        assert not seen & set(alarmed)
        seen |= set(alarmed)


def test_the_profile_of_the_bench_is_the_shipped_one_at_another_rate() -> None:
    shipped = parse(BASE, read_profiles([])[BASE])
    ours = parse(_feeds.PROFILE, _feeds.profile_text(read_profiles([])[BASE]))
    at_once = [msgspec.structs.replace(alarm, off_delay_ns=0) for alarm in shipped.alarms]
    assert list(ours.alarms) == at_once
    assert any(alarm.off_delay_ns for alarm in shipped.alarms)
    assert ours.points == shipped.points
    assert ours.max_per_period > shipped.max_per_period
    with pytest.raises(ValueError, match="another period"):
        _feeds.profile_text("")


def test_p99_is_the_nearest_rank() -> None:
    assert live.p99([float(n) for n in range(1, 101)]) == 99
    assert live.p99([5.0]) == 5


def test_a_row_that_cannot_be_measured_fails_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(report, "REPORTS", tmp_path)
    monkeypatch.setattr(bench, "ROWS", {"kernel": ("no_such_module", "x C", "<= 1.3", "<= 1.1")})
    assert bench.main(["--rows", "kernel", "--rounds", "1"]) == 1
    (row,) = json.loads((tmp_path / "bench.json").read_text())
    assert (row["id"], row["pass"], row["good"]) == ("kernel", False, "<= 1.1")
    assert "No module named" in row["note"]
    printed = capsys.readouterr().out
    assert "what else runs on the cores" in printed
    assert "numpy" in printed


def test_a_measured_row_comes_from_a_process_of_its_own() -> None:
    rows = _apart.measured("lines", 1)
    assert not isinstance(rows, str)
    assert [row.id for row in rows] == ["lines"]


def test_one_that_takes_too_long_is_stopped() -> None:
    assert _apart.measured("drain", 1, deadline_s=0.0) == "not done within 0 s"


def test_an_unknown_row_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        bench.main(["--rows", "raw21"])
    assert "no such row: raw21" in capsys.readouterr().err


def test_the_header_tells_the_machine() -> None:
    text = _machine.header()
    for word in ("cores", "load", "python", "numba", "sqlite", "mosquitto", "node-red"):
        assert word in text


def test_soak_accounts_for_each_round_and_tells_memory_that_grows() -> None:
    need("mosquitto")
    rows = soak.measure(0, count=1000, every_s=0.05)
    assert [row.id for row in rows] == ["soak.core", "soak.delivery", "soak.supervisor", "soak.rate"]
    assert rows[-1].passed
    assert soak.grown([100.0] * 6) == 0
    assert soak.grown([100.0, 100.0, 110.0]) == pytest.approx(0.1)
    assert math.isnan(soak.grown([1.0, 2.0]))
