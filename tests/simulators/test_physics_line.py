"""Waves in a line against closed forms: arrival times, Joukowsky's head, and the mass balance."""

from __future__ import annotations

import pytest

from simulators._characteristics import GRAVITY, Line, Pipe, arrivals_s, located_m

PIPE = Pipe()


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
