"""Leaks of a pipeline: how long the balance takes to find one, and where the pressure wave says it is.

``leak``: the noise of the two meters' difference is 1 % of the flow, AR(1) with 0.9 from sample to sample
of 5 s; after one quiet day the outflow falls by 3, 1 or 0.5 %. The median of ``RUNS`` seeds is reported;
what was not found after half a day counts as never. As many quiet series of ten days tell how often there
is a false finding.

``npw``: bursts at places and of sizes that the seed draws, on the simulated line of 20 km
(simulators/npw_pair.py); the wave speed that the detector is told is wrong by 0.5 % (one standard
deviation), its flow speed is right.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np

import detectors
from detectors import Findings, Readings
from gateway.evaluate.figures import SEED, Doing, Figure, Part
from gateway.evaluate.lives import START_NS
from gateway.evaluate.nab_score import F8
from simulators import Fault, npw_pair

RUNS = 40
SIZES = {"leak3": 0.03, "leak1": 0.01, "leak05": 0.005}
FLOW, NOISE, PHI, SAMPLE_S = 400.0, 0.01, 0.9, 5.0
QUIET_ROWS, LEAK_ROWS, CALM_DAYS = 17_280, 8_640, 10
BURSTS = 60
WAVE_SIGMA = 0.005
BURST_AT_S, BURST_SPAN_S = 5.0, 45.0
SECOND = 1_000_000_000


def drawn(seed: int, run: int) -> int:
    """The seed of one run: two seeds have no run in common."""
    return seed * 1_000 + run


def ar1(random: np.random.Generator, rows: int, sigma: float, phi: float) -> F8:
    """Noise of standard deviation ``sigma`` and correlation ``phi`` from row to row."""
    shown = random.normal(0.0, sigma * np.sqrt(1.0 - phi * phi), rows)
    _accumulate(shown, phi)
    return shown


@detectors.compiled
def _accumulate(shown: Any, phi: float) -> None:
    for row in range(1, len(shown)):
        shown[row] += phi * shown[row - 1]


def flows(random: np.random.Generator, rows: int, size: float, leak_from: int) -> F8:
    """[rows, 2]: inflow and outflow."""
    both = np.stack([ar1(random, rows, FLOW * NOISE / np.sqrt(2.0), PHI) for _ in range(2)], axis=1)
    both += FLOW
    both[leak_from:, 1] -= size * FLOW
    return both


def readings(role: np.ndarray[Any, Any], time_ns: np.ndarray[Any, Any], value: F8) -> Readings:
    """Good, fresh readings of the first group."""
    zero = np.zeros(len(value), np.uint8)
    rows = np.arange(len(value), dtype=np.int32)
    return Readings(role.astype(np.int32), time_ns, time_ns, value, zero, zero, zero, rows)


def found_row(module: ModuleType, both: F8, condition: str, first: int = 0) -> float:
    """The row of ``both`` at which the condition first began from ``first`` on; infinite when never."""
    parameters = np.array([module.configure({"flow": FLOW})], module.PARAMETERS)
    state = np.array([module.initial()], module.STATE)
    count, roles = len(both), both.shape[1]
    time_ns = np.repeat(START_NS + np.arange(count) * round(SAMPLE_S * SECOND), roles)
    told = Findings()
    module.step(
        parameters, state, readings(np.tile(np.arange(roles), count), time_ns, both.reshape(-1)), told
    )
    number = module.FINDINGS.index(condition)
    for finding in told.found():
        row = int(finding["row"]) // roles
        if finding["condition"] == number and finding["active"] and row >= first:
            return float(row)
    return float("inf")


def evaluate_leaks(*, seed: int = SEED, runs: int = RUNS) -> Iterator[Doing | Part]:
    """Measure; yields what is being done, at last the part."""
    module = detectors.load("mass_balance")
    part = Part("leak")
    for place, (name, size) in enumerate(SIZES.items()):
        took = []
        for run in range(runs):
            yield Doing(f"leak of {size:.1%}", (place + run / runs) / (len(SIZES) + 1))
            both = flows(np.random.default_rng(drawn(seed, run)), QUIET_ROWS + LEAK_ROWS, size, QUIET_ROWS)
            took.append((found_row(module, both, "loss", QUIET_ROWS) - QUIET_ROWS) * SAMPLE_S / 60.0)
        slowest = float(np.quantile(took, 0.9, method="higher"))
        missed = sum(not np.isfinite(minutes) for minutes in took)
        note = f"{runs} runs; 90 % within {slowest:.3g} min; {missed} not found within 12 h"
        part.figures.append(Figure(name, float(np.median(took)), note))
    false = 0
    for run in range(runs):
        yield Doing("quiet days", (len(SIZES) + run / runs) / (len(SIZES) + 1))
        calm = flows(np.random.default_rng(drawn(seed, runs + run)), CALM_DAYS * QUIET_ROWS, 0.0, 0)
        false += bool(np.isfinite(found_row(module, calm, "loss")))
    days = runs * CALM_DAYS
    note = f"{false} of {runs} series of {CALM_DAYS} days"
    part.figures.append(Figure("leak.false", false / days, note, "false leaks a line and day"))
    yield part


def burst(seed: int) -> tuple[list[tuple[int, int, float]], float]:
    """((role, time ns, value) of what the two heads sent, metres from upstream) of one burst."""
    random = np.random.default_rng(seed)
    fault = Fault("burst", BURST_AT_S, severity=float(random.uniform(0.4, 1.0)))
    plant = npw_pair.Plant(("e/s/up", "e/s/down"), START_NS, seed, (fault,))
    roles = {("wave", 0): 0, ("wave", 1): 1, ("clock_error", 0): 2, ("clock_error", 1): 3}
    sent = []
    for second in range(1, round(BURST_SPAN_S) + 1):
        for sample in plant.step(START_NS + second * SECOND):
            role = roles.get((sample.channel, plant.devices.index(sample.device)))
            if role is not None and sample.value is not None:
                sent.append((role, sample.time_ns, float(sample.value)))
    return sent, float(plant.at_m[0])


def located(module: ModuleType, sent: list[tuple[int, int, float]], wave_speed: float) -> float:
    """Metres from upstream that the detector told; NaN when it told none."""
    pipe = npw_pair.PIPE
    settings = {"length": pipe.length_m, "wave_speed": wave_speed, "flow_speed": npw_pair.VELOCITY_M_S}
    parameters = np.array([module.configure(settings)], module.PARAMETERS)
    state, told = np.array([module.initial()], module.STATE), Findings()
    role, time_ns, value = (np.array(column) for column in zip(*sent, strict=True))
    module.step(parameters, state, readings(role, time_ns, value.astype(np.float64)), told)
    places = [float(finding["value"]) for finding in told.found() if finding["active"]]
    return places[0] if places else float("nan")


def evaluate_waves(*, seed: int = SEED, bursts: int = BURSTS) -> Iterator[Doing | Part]:
    """Measure; yields what is being done, at last the part."""
    module = detectors.load("npw")
    speed = npw_pair.PIPE.wave_m_s
    errors, exact = [], []
    for run in range(bursts):
        yield Doing(f"burst {run + 1}", run / bursts)
        sent, true_m = burst(drawn(seed, run))
        believed = speed * (1.0 + float(np.random.default_rng(drawn(seed, run)).normal(0.0, WAVE_SIGMA)))
        errors.append(abs(located(module, sent, believed) - true_m))
        exact.append(abs(located(module, sent, speed) - true_m))
    part = Part("npw")
    lost = sum(bool(np.isnan(error)) for error in errors)
    far = [float("inf") if np.isnan(error) else error for error in errors]
    known = [float("inf") if np.isnan(error) else error for error in exact]
    note = f"{bursts} bursts, {lost} not located; wave speed known to 0.5 %"
    part.figures = [
        Figure("npw", float(np.quantile(far, 0.9, method="higher")), note),
        Figure(
            "npw.exact", float(np.quantile(known, 0.9, method="higher")), "the wave speed is known exactly",
            "pressure wave position, p90", "m",
        ),
    ]  # fmt: skip
    part.detail = {"error_m": [round(error, 1) for error in far]}
    yield part
