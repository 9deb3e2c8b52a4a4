"""Gas instruments against closed forms: T90, rooms that fill, dilution, Beer and Lambert, a cloud in wind."""

from __future__ import annotations

import math
from typing import Any

import pytest

from simulators import Fault, load
from simulators import open_path as path
from simulators import oxygen_room as oxygen
from simulators._instruments import Cell
from simulators._toxic import AIR_TAU_S, HOUR_S, POISON_TAU_S, T90_S
from simulators.toxic_h2s import loop_ma

START = 1_764_000_000_000_000_000
SECOND = 1_000_000_000


def run(kind: str, seconds: int, *faults: Fault, step_s: int = 1, seed: int = 3) -> Any:
    made = load(kind).Plant(("a/b/1", "a/b/2"), START, seed, faults, period_s=1.0)
    for n in range(0, seconds + 1, step_s):
        made.step(START + n * SECOND)
    return made


@pytest.mark.parametrize("step_s", [0.1, 1.0, 7.5])
def test_a_cell_shows_nine_tenths_after_its_t90(step_s: float) -> None:
    cell = Cell(T90_S)
    for _ in range(round(T90_S / step_s)):
        cell.step(100.0, step_s)
    assert cell.shown == pytest.approx(90.0)


@pytest.mark.parametrize(("kind", "channel_end"), [("toxic_co", 300.0), ("toxic_h2s", 100.0)])
def test_a_room_fills_by_the_exponential_of_its_mass_balance(kind: str, channel_end: float) -> None:
    for seconds in (30, 100, 400):
        made = run(kind, seconds, Fault("leak", 0))
        first = load(kind).Plant(("a/b/1", "a/b/2"), START, 3).units[0].gas
        steady = channel_end + made.BACKGROUND
        expected = steady + (first - steady) * math.exp(-seconds / AIR_TAU_S)
        assert made.units[0].gas == pytest.approx(expected, rel=1e-9)
        assert made.units[1].gas < 2.0, "only its own room"


def test_poison_takes_gain_and_drift_moves_the_zero_as_written() -> None:
    made = run(
        "toxic_co", 3600, Fault("poisoned", 0, severity=0.5), Fault("zero_drift", 0, device=1), step_s=60
    )
    assert made.units[0].cell.gain == pytest.approx(math.exp(-3600 * 0.5 / POISON_TAU_S))
    assert made.units[1].cell.zero == pytest.approx(made.DRIFT * 3600 / HOUR_S)
    assert made.units[1].cell.shown - made.units[1].gas == pytest.approx(made.DRIFT, abs=0.4)


def test_a_cell_is_moved_by_another_gas_and_ends_at_its_full_scale() -> None:
    made = run("toxic_co", 600, Fault("cross_gas", 0))
    assert made.units[0].other == pytest.approx(made.CROSS * (1 - math.exp(-600 / AIR_TAU_S)))
    made = load("toxic_co").Plant(("a/b/1",), START, 3, (Fault("leak", 0),))
    shown = [s.value for n in range(0, 900, 5) for s in made.step(START + n * SECOND) if s.channel == "co"]
    assert max(shown) == load("toxic_co").FULL_SCALE
    assert [loop_ma(ppm) for ppm in (0.0, 25.0, 50.0, 500.0)] == [4.0, 12.0, 20.0, 20.8]


def test_nitrogen_dilutes_and_oxygen_enriches_to_what_the_balance_says() -> None:
    steady, tau_s = oxygen.mixes(0.0, sum(oxygen.NITROGEN_M3_S))
    made = run("oxygen_room", 300, Fault("nitrogen", 0))
    expected = steady + (oxygen.AIR - steady) * math.exp(-300 / tau_s)
    assert made.units[0].oxygen == pytest.approx(expected, rel=1e-9)
    assert steady == pytest.approx(20.9 * 0.3 / 0.48)
    rich, _ = oxygen.mixes(100.0, sum(oxygen.OXYGEN_M3_S))
    made = run("oxygen_room", 3600, Fault("enrichment", 0), step_s=10)
    assert made.units[0].oxygen == pytest.approx(rich, rel=1e-3)
    assert made.units[1].oxygen == pytest.approx(oxygen.AIR)


def test_the_beam_sees_the_cloud_after_its_way_and_as_much_as_the_wind_carries() -> None:
    made = load("open_path").Plant(("a/b/1",), START, 3, (Fault("leak", 10),), period_s=1.0)
    unit, seen = made.units[0], []
    for n in range(200):
        made.step(START + n * SECOND)
        seen.append(unit.cell.shown)
    travel = round(path.AWAY_M / path.WIND_M_S)
    assert max(seen[: 10 + travel]) == 0.0
    expected = path.beam_lel_m(sum(path.LEAK_M3_S), path.WIND_M_S)
    assert expected == pytest.approx(1.0 / (2.0 * 2.0) / 0.05)
    assert sum(seen[60:]) / len(seen[60:]) == pytest.approx(expected, rel=0.1)


def test_fog_takes_light_by_beer_and_lambert_and_no_gas_is_seen_in_it() -> None:
    made = run("open_path", 3600, Fault("fog", 0, severity=0.5), step_s=2)
    thick = path.FOG_PER_M[0] + path.FOG_PER_M[1] * 0.5
    light = {s.channel: s.value for s in made.step(START + 3602 * SECOND) if s.device == "a/b/1"}
    assert light["signal"] == pytest.approx(98.0 * math.exp(-thick * path.PATH_M), abs=1.2)
    assert light["gas"] < 0.1
    assert light["beam"] == path.WEAK
