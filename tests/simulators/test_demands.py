"""What the labels demand once a run has shown what a fault changed: nothing that no reading could show."""

from __future__ import annotations

import pytest

from simulators import Fault, load

SECOND = 1_000_000_000
KEYS = ("e/s/a", "e/s/b")


def demanded(kind: str, fault: Fault, steps: int, period_s: float, seed: int = 1) -> float | None:
    plant = load(kind).Plant(KEYS, 0, seed, (fault,))
    for step in range(1, steps + 1):
        plant.step(step * round(period_s * SECOND))
    [label] = plant.labels()
    return None if label.must_detect_within_s is None else float(label.must_detect_within_s)


def test_the_time_of_a_wrong_scale_counts_from_when_it_shows() -> None:
    """A welding machine in a pause shows 0 A, and ten times 0 A."""
    fault = Fault("wrong_scale", 0.0, severity=1.0)
    begun = [demanded("welding_machine", fault, 200, 2.0, seed) for seed in (1, 2, 3)]
    plain = 60.0 + 2 * 2.0 + 1.0
    assert all(seconds is not None and seconds >= plain + 4.0 for seconds in begun)
    assert len(set(begun)) > 1, "each waits for its own seam"
    assert demanded("welding_machine", fault, 2, 2.0) is None, "two readings"


@pytest.mark.parametrize("kind", ["toxic_co", "toxic_h2s"])
def test_no_poison_is_demanded_that_clean_air_hides(kind: str) -> None:
    fault = Fault("poisoned", 0.0, severity=1.0)
    assert demanded(kind, fault, 0, 60.0) == pytest.approx(86_400.0, abs=30.0), "nothing is known yet"
    assert demanded(kind, fault, 24 * 60, 60.0) is None, "a background below one percent of the span"


def test_a_poison_that_gas_has_shown_is_demanded() -> None:
    faults = Fault("poisoned", 0.0, severity=1.0), Fault("leak", 3 * 3600.0, severity=1.0)
    plant = load("toxic_co").Plant(KEYS, 0, 1, faults)
    for minute in range(1, 4 * 60):
        plant.step(minute * 60 * SECOND)
    assert [one.must_detect_within_s for one in plant.labels() if one.kind == "poisoned"] != [None]


def test_devices_that_keep_their_readings_are_held_to_their_uploads() -> None:
    minute = demanded("npw_pair", Fault("clock_jump", 0.0, severity=1.0), 0, 1.0)
    assert minute == 7 * 60.0 + 1.0, "five packets and two more, one a minute"
    day = demanded("interference_logger", Fault("clock_skew", 0.0, severity=1.0), 0, 600.0)
    assert day == pytest.approx(5 * 86_400.0, abs=2000.0)
