"""Rules under which the contract tests try the detectors of one channel: every kind of finding can occur, and
calm readings of 4.0 end each."""

from __future__ import annotations

from typing import Any

SECOND = 1_000_000_000
RANGE = {"low": -20.0, "high": 20.0}

RULES: dict[str, list[dict[str, Any]]] = {
    "rate_of_change": [
        {"window_ns": 4 * SECOND, "rise": 2.0, "fall": 2.0, "raise_readings": 1, "clear_readings": 1},
        {"window_ns": 9 * SECOND, "fall": 3.0, "raise_readings": 2, "clear_readings": 2, **RANGE},
    ],
    "rupture": [
        {"window_ns": 9 * SECOND, "drop": 3.0, "adopt_ns": 8 * SECOND, "raise_readings": 1},
        {"window_ns": 30 * SECOND, "drop": 2.0, "adopt_ns": 20 * SECOND, "clear_readings": 1, **RANGE},
    ],
    "deviation": [
        {"setpoint": 4.0, "band": 3.0, "deadband": 0.5, "after_ns": 0, "raise_readings": 1},
        {"setpoint": 5.0, "band": 2.0, "after_ns": 2 * SECOND, "clear_readings": 1, **RANGE},
    ],
    # sigma_min: constant values are what "quieter" and "deaf" find; tests/detectors does
    "noise_level": [
        {"block": 4, "learn": 2, "ratio": 1.2, "raise_blocks": 1, "sigma_min": 1.5},
        {"block": 5, "learn": 3, "ratio": 1.1, "raise_blocks": 2, "sigma_min": 1.0, **RANGE},
        {"block": 4, "learn": 2, "ratio": 1.2, "raise_blocks": 1, "sigma_min": 1.5, "jumps": 1.0},
        {"block": 4, "learn": 2, "ratio": 1.5, "raise_blocks": 1, "sigma_min": 0.5, "sudden": 12},
    ],
    "spikes": [
        {"limit": 1.0, "sigma_min": 0.1, "raise_spikes": 1, "memory": 8, "warmup": 4},
        {"limit": 1.2, "sigma_min": 0.1, "raise_spikes": 2, "memory": 12, "warmup": 10, **RANGE},
    ],
    "drift": [
        {"block": 1, "limit": 1.0, "raise_blocks": 1, "sigma_min": 0.5},
        {"block": 1, "limit": 1.2, "raise_blocks": 2, "sigma_min": 0.5, **RANGE},
    ],
    "creep": [
        {"block_ns": 12 * SECOND, "rate": 1e-3, "steps": 2, "steady": 1000.0},
        {"block_ns": 15 * SECOND, "rate": 1e-2, "steps": 2, "steady": 100.0, **RANGE},
    ],
    "co_exposure": [
        {"ppm": 7.4, "clear_readings": 1},
        {"ppm": 7.0, "recover_ns": 10 * SECOND, "gap_ns": 20 * SECOND},
    ],
    "gas_sensor": [
        {"low": 0.0, "high": 10.0, "span": 10.0, "margin": 2.0, "saturated_ns": 0, "sigma_min": 9.0},
        {
            **RANGE,
            "margin": 12.0,
            "saturated_ns": SECOND,
            "block_ns": 25 * SECOND,
            "learn": 1,
            "share": 0.5,
            "sigma_min": 9.0,
            "clear_readings": 1,
        },
    ],
    "time_to_limit": [
        {
            "limit_high": 9.0,
            "limit_low": 1.0,
            "window_ns": 3 * SECOND,
            "sure": 1.0,
            "warmup": 4,
            "raise_readings": 1,
            "clear_readings": 1,
            "sigma_min": 0.1,
        },
        {"limits": {"H": 8.0}, "window_ns": 2 * SECOND, "sure": 1.0, "warmup": 5, "sigma_min": 0.01, **RANGE},
    ],
    "peaks": [
        {"warmup": 64, "raise_readings": 1, "clear_readings": 1, "false_per_day": 1000.0, "weight": 0.3},
        {"warmup": 70, "raise_readings": 1, "adopt_readings": 5, "weight": 0.5, "sigma_min": 0.1, **RANGE},
    ],
    "seasonal": [
        {"learn_weeks": 1, "raise_readings": 1},
        {"limit": 2.0, "learn_weeks": 1, **RANGE},
        {"level": [4.0] * 168, "spread": [0.5] * 84 + [0.2] * 84, "limit": 4.0, "raise_readings": 1},
    ],
}
