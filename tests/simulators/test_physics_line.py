"""Waves in a line against closed forms: arrival times, Joukowsky's head, and the mass balance."""

from __future__ import annotations

import numpy as np
import pytest

from simulators import Fault, load
from simulators import pipeline_segment as segment
from simulators._characteristics import GRAVITY, Line, Pipe, arrivals_s, located_m

PIPE = Pipe()
START = 1_764_000_000_000_000_000
SECOND = 1_000_000_000


def test_a_steady_line_stays_steady() -> None:
    line = Line(PIPE, 400.0, 0.06)
    before = line.head_m.copy()
    for _ in range(400):
        line.step()
    assert line.head_m == pytest.approx(before, abs=1e-8)
    velocity = 0.06 / PIPE.area_m2
    loss = PIPE.friction * PIPE.length_m / PIPE.diameter_m * velocity**2 / (2 * GRAVITY)
    assert before[0] - before[-1] == pytest.approx(loss)


@pytest.mark.parametrize("at_m", [2000.0, 7300.0, 15_000.0])
@pytest.mark.parametrize("share", [0.01, 0.2])
def test_the_wave_arrives_after_distance_by_wave_speed(at_m: float, share: float) -> None:
    line = Line(PIPE, 400.0, 0.06)
    line.burst(at_m, share)
    up_head, down_head = float(line.head_m[1]), float(line.head_m[-1])
    seen: list[float | None] = [None, None]
    for _ in range(400):
        line.step()
        for k, fallen in enumerate((up_head - line.head_m[1], down_head - line.head_m[-1])):
            if seen[k] is None and fallen > 1e-6:
                seen[k] = line.time_s
    up_s, down_s = arrivals_s(PIPE, at_m)
    assert seen[0] is not None
    assert seen[1] is not None
    # the first node stands one reach from the end whose head is kept
    assert seen[0] == pytest.approx(up_s - PIPE.dt_s, abs=1.01 * PIPE.dt_s)
    assert seen[1] == pytest.approx(down_s, abs=1.01 * PIPE.dt_s)
    assert located_m(PIPE, up_s, down_s) == pytest.approx(at_m)
    dx = PIPE.length_m / PIPE.reaches
    assert located_m(PIPE, seen[0] + PIPE.dt_s, seen[1]) == pytest.approx(at_m, abs=dx)


def test_a_shut_valve_raises_the_head_by_joukowsky() -> None:
    pipe = Pipe(friction=0.0)
    line = Line(pipe, 400.0, 0.06)
    line.demand(0.0)
    line.step()
    assert line.head_m[-1] - 400.0 == pytest.approx(pipe.wave_m_s * 0.06 / pipe.area_m2 / GRAVITY)


@pytest.mark.parametrize("share", [0.003, 0.2, 2.0])
def test_the_mass_balance_of_a_leak_closes(share: float) -> None:
    line = Line(PIPE, 400.0, 0.06)
    packed = line.packed_m3
    line.burst(9000.0, share)
    came = left = leaked = 0.0
    for _ in range(20_000):
        before = (line.left[0], line.right[-1], line.leak_m3_s)
        line.step()
        came += (before[0] + line.left[0]) / 2 * PIPE.dt_s
        left += (before[1] + line.right[-1]) / 2 * PIPE.dt_s
        leaked += (before[2] + line.leak_m3_s) / 2 * PIPE.dt_s
    assert leaked > 0
    assert line.packed_m3 - packed == pytest.approx(came - left - leaked, abs=1e-3 * leaked + 1e-3)
    assert float(line.left[0]) == pytest.approx(0.06 + line.leak_m3_s, rel=1e-3), "steady again"


def test_a_slow_leak_takes_its_share_and_the_balance_shows_it() -> None:
    for share in (0.005, 0.01, 0.03, 0.2):
        fault = Fault("leak", 0, severity=segment.severity_of_leak(share))
        made = load("pipeline_segment").Plant(("a/l/1", "a/l/2"), START, 4, (fault,))
        for n in range(1, 200):
            made.step(START + n * 5 * SECOND)
        packed, came, went, lost = made.linepack_m3, made.volume_in, made.volume_out, made.volume_leaked
        for n in range(200, 900):
            made.step(START + n * 5 * SECOND)
        gain = made.linepack_m3 - packed
        leaked = made.volume_in - came - (made.volume_out - went) - gain
        assert leaked == pytest.approx(made.volume_leaked - lost, abs=1e-9)
        assert leaked / 3500 == pytest.approx(share * segment.NORMAL_M3_S, rel=0.1), (
            "at a little less pressure"
        )


def test_what_a_hole_draws_from_each_end_follows_from_its_place() -> None:
    made = load("pipeline_segment").Plant(("a/l/1", "a/l/2"), START, 4, (Fault("leak", 0),))
    for n in range(1, 400):
        made.step(START + n * 5 * SECOND)
    line = segment.NORMAL_M3_S
    inside = made.up_mpa + (made.down_mpa - made.up_mpa) * made.at
    normal = segment.UP_MPA + (segment.DOWN_MPA - segment.UP_MPA) * made.at
    expected = 0.2 * line * (inside / normal) ** 0.5
    assert made.inflow - made.outflow == pytest.approx(expected, rel=0.01)
    assert 0.2 <= made.at <= 0.8


def test_meters_have_the_noise_of_the_reference_run() -> None:
    made = load("pipeline_segment").Plant(("a/l/1", "a/l/2"), START, 4)
    shown: dict[str, list[float]] = {"a/l/1": [], "a/l/2": []}
    for n in range(6000):
        for s in made.step(START + n * 5 * SECOND):
            if s.channel == "flow":
                shown[s.device].append(s.value / 3600)
    balance = (np.array(shown["a/l/1"]) - np.array(shown["a/l/2"])) / segment.NORMAL_M3_S
    balance -= balance.mean()
    assert balance.std() == pytest.approx(0.01, rel=0.1)
    assert np.mean(balance[1:] * balance[:-1]) / balance.var() == pytest.approx(0.9, abs=0.02)


def test_a_line_settles_as_its_two_equations_say_whatever_the_step() -> None:
    fault = Fault("valve_move", 0)
    ends = []
    for step_s in (1, 5, 60):
        made = load("pipeline_segment").Plant(("a/l/1", "a/l/2"), START, 4, (fault,))
        for n in range(1, 3600 // step_s + 1):
            made.step(START + n * step_s * SECOND)
        ends.append((made.up_mpa, made.down_mpa))
    assert ends[0] == pytest.approx(ends[1], abs=1e-3)
    assert ends[0] == pytest.approx(ends[2], abs=1e-2)
    # steady: pump, friction and valve pass the same flow
    assert made.inflow == pytest.approx(made.outflow, rel=1e-3)
    assert made.inflow**2 == pytest.approx(
        segment.NORMAL_M3_S**2 * (made.up_mpa - made.down_mpa) / 2.0, rel=1e-3
    )


def test_a_pump_stops_and_starts_by_its_ramp_and_its_contact_says_so() -> None:
    made = load("pipeline_segment").Plant(("a/l/1", "a/l/2"), START, 4, (Fault("pump_stop", 60, 600),))
    pump, speeds = [], []
    for n in range(900):
        pump += [
            s.value for s in made.step(START + n * SECOND) if s.channel == "pump" and s.device == "a/l/1"
        ]
        speeds.append(made._speed)
    assert pump[60] == segment.RUNNING
    assert pump[60 + 31] == segment.STOPPED
    assert pump[-1] == segment.RUNNING
    assert speeds[75] == pytest.approx(0.5, abs=0.05)
    assert made.inflow == pytest.approx(segment.NORMAL_M3_S, rel=0.02)
