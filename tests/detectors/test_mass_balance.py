"""Mass balance: a leak is found in the time that its size allows, an operation of the line is no leak."""

from __future__ import annotations

import numpy as np
import pytest

from detectors import Findings, Readings, mass_balance
from tests.detectors.rig import FIRST_NS, SECOND

DAY = 17280
MINUTE = 12
"""Samples."""


class Line:
    """Two meters and two pressures, a row each 5 s."""

    def __init__(self, seed: int = 1, **settings: float) -> None:
        self.parameters = np.array(
            [mass_balance.configure(settings or {"flow": 100.0})], mass_balance.PARAMETERS
        )
        self.state = np.array([mass_balance.initial()], mass_balance.STATE)
        self.random = np.random.default_rng(seed)
        self.count = 0
        self.noise = 0.0

    def run(
        self,
        samples: int,
        *,
        leak: float = 0.0,
        inflow: np.ndarray | float = 100.0,
        outflow: np.ndarray | float = 100.0,
        pressure: np.ndarray | float | None = None,
        sigma: float = 1.0,
        phi: float = 0.9,
    ) -> list[tuple[str, int, float]]:
        """(condition with sign, sample from now, per cent of the flow) of what changed."""
        noise = np.zeros(samples)
        for n, shock in enumerate(self.random.normal(0, sigma * np.sqrt(1 - phi * phi), samples)):
            self.noise = noise[n] = phi * self.noise + shock
        columns = [np.zeros(samples) + inflow, np.zeros(samples) + outflow - leak + noise]
        if pressure is not None:
            columns += [np.zeros(samples) + pressure] * 2
        slot = np.tile(np.arange(len(columns), dtype=np.int32), samples)
        value = np.stack(columns, 1).reshape(-1)
        at = (
            FIRST_NS + (self.count + np.repeat(np.arange(samples, dtype=np.int64), len(columns))) * 5 * SECOND
        )
        zero, found = np.zeros(len(slot), np.uint8), Findings()
        rows = Readings(slot, at, at, value, zero, zero, zero, slot)
        mass_balance.step(self.parameters, self.state, rows, found)
        self.count += samples
        return [
            (
                ("+" if f["active"] else "-") + mass_balance.FINDINGS[f["condition"]],
                int(f["row"]) // len(columns),
                float(f["extra"]),
            )
            for f in found.found()
        ]


@pytest.mark.parametrize(("leak", "minutes"), [(3.0, 6), (1.0, 60), (0.5, 240)])
def test_a_leak_is_found_in_the_time_its_size_allows(leak: float, minutes: int) -> None:
    took = []
    for seed in range(9):
        line = Line(seed)
        assert line.run(DAY) == []
        found = line.run(minutes * MINUTE * 3, leak=leak)
        (name, sample, size), *_ = found
        assert name == "+loss"
        assert 0.5 * leak < size < 2.5 * leak
        took.append(sample / MINUTE)
    assert np.median(took) <= minutes


@pytest.mark.parametrize("phi", [0.0, 0.6, 0.9, 0.95])
def test_ten_quiet_days_are_quiet(phi: float) -> None:
    assert Line(7).run(10 * DAY, phi=phi) == []


def test_the_leak_ends_and_the_finding_with_it() -> None:
    line = Line()
    assert line.run(DAY) == []
    assert [name for name, _, _ in line.run(60 * MINUTE, leak=3.0)] == ["+loss"]
    assert [name for name, _, _ in line.run(120 * MINUTE)] == ["-loss"]


def test_more_out_than_in_is_a_meter() -> None:
    line = Line()
    assert line.run(DAY) == []
    assert [name for name, _, _ in line.run(30 * MINUTE, leak=-3.0)] == ["+gain"]


def test_meters_that_never_agreed_are_no_leak() -> None:
    assert Line().run(DAY, outflow=97.0) == []


def test_a_pump_that_starts_is_held_off_and_a_leak_afterwards_is_found() -> None:
    line = Line()
    assert line.run(DAY, pressure=4.0) == []
    ramp = np.minimum(np.arange(60 * MINUTE) / 24.0, 1.0)
    after = 100.0 + 20.0 * ramp
    late = 100.0 + 20.0 * np.concatenate([np.zeros(24), ramp[:-24]])  # the line packs for two minutes
    assert line.run(60 * MINUTE, inflow=after, outflow=late, pressure=4.0 + ramp) == []
    found = line.run(30 * MINUTE, inflow=120.0, outflow=120.0, leak=4.0, pressure=5.0)
    assert [name for name, _, _ in found] == ["+loss"]


def test_packing_of_the_line_is_counted() -> None:
    rise = np.arange(60 * MINUTE) / (60 * MINUTE)  # 1 MPa in an hour stores 2 m3 where the linepack is 2
    for linepack, names in ((2.0, []), (0.0, ["+loss"])):
        line = Line(flow=100.0, linepack=linepack)
        assert line.run(DAY, pressure=4.0) == []
        found = line.run(60 * MINUTE, outflow=98.0, pressure=4.0 + rise)
        assert [name for name, _, _ in found] == names


def test_a_large_leak_is_no_operation_when_the_pressure_falls() -> None:
    line = Line()
    assert line.run(DAY, pressure=4.0) == []
    (name, sample, size), *_ = line.run(10 * MINUTE, leak=20.0, pressure=3.9)
    assert (name, sample <= MINUTE) == ("+loss", True)
    assert size > 5


def test_a_stopped_line_is_not_judged() -> None:
    line = Line()
    assert line.run(DAY) == []
    assert line.run(DAY, inflow=0.0, outflow=3.0) == []


def test_numbers_out_of_bounds_are_told() -> None:
    with pytest.raises(ValueError, match="warmup"):
        mass_balance.configure({"warmup": 1})
