"""A plant of simulators/ read by one detector over several channels: what it finds, and when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

import detectors
import simulators
from detectors import Findings, Readings
from simulators import Fault

SECOND = 1_000_000_000
START_NS = 1_764_000_000 * SECOND  # 2025-11-24 16:00 UTC, midnight in China


class Found(NamedTuple):
    """One finding; hours of the plant's time."""

    hours: float
    what: str
    value: float
    extra: float


def watch(
    source: str,
    kind: str,
    inputs: Mapping[str, str],
    settings: Mapping[str, Any] | None = None,
    faults: Sequence[Fault] = (),
    *,
    hours: float,
    seed: int = 1,
    period_s: float | None = None,
    devices: int = 1,
) -> list[Found]:
    """Let a plant run and a detector read it. inputs: role -> "channel", or "channel#2" of the
    second device."""
    module, plant_module = detectors.load(kind), simulators.load(source)
    names = [f"e/s/D-{n + 1}" for n in range(max(devices, plant_module.Plant.DEVICES_MIN))]
    plant = plant_module.Plant(names, START_NS, seed, faults)
    step_ns = round((period_s or plant._period_s) * SECOND)
    places = {}
    for role, text in inputs.items():
        channel, _, number = text.partition("#")
        places[names[int(number or 1) - 1], channel] = module.INPUTS.index(role)
    given = {"inputs": tuple(role for role in module.INPUTS if role in inputs), **(settings or {})}
    parameters = np.array([module.configure(given)], module.PARAMETERS)
    state = np.array([module.initial()], module.STATE)
    rows: list[tuple[int, int, float]] = []
    for time_ns in range(START_NS + step_ns, START_NS + round(hours * 3600 * SECOND), step_ns):
        rows += [
            (places[s.device, s.channel], s.time_ns, s.value)
            for s in plant.step(time_ns)
            if s.value is not None and (s.device, s.channel) in places
        ]
    slot, time, value = (np.array(column) for column in zip(*rows, strict=True))
    zero = np.zeros(len(rows), np.uint8)
    found = Findings()
    module.step(
        parameters,
        state,
        Readings(
            slot.astype(np.int32), time, time, value.astype(float), zero, zero, zero, slot.astype(np.int32)
        ),
        found,
    )
    return [
        Found(
            (int(f["event_ns"]) - START_NS) / 3600e9,
            ("+" if f["active"] else "-") + module.FINDINGS[f["condition"]],
            float(f["value"]),
            float(f["extra"]),
        )
        for f in found.found()
    ]
