"""Drift of real sensors: a year of hourly readings of five gas sensors in a street (UCI Air Quality),
nothing tuned.

The record has no labels, and its sensors age and follow the weather. So two things are measured. How often
each detector speaks on the record as it is: true ageing and false findings cannot be told apart there. And
how often it finds a drift that is added: from four dates on, one sensor's reading grows by 5, 10 or 20 %
of its median a month; it is found when within 60 days the detector stands where it does not on the record
as it is, median days beside it.

Reference. S. De Vito et al., "On field calibration of an electronic nose for benzene estimation in an
urban pollution monitoring scenario", Sensors and Actuators B 129 (2008) 750-757. -200 means missing.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

import detectors
from detectors import BAD, Findings, Readings
from gateway.evaluate.figures import Doing, Figure, Part
from gateway.evaluate.lives import START_NS
from gateway.evaluate.nab_score import F8

Bools = npt.NDArray[np.bool_]
SENSORS = ("PT08.S1(CO)", "PT08.S2(NMHC)", "PT08.S3(NOx)", "PT08.S4(NO2)", "PT08.S5(O3)")
MISSING = -200.0
HOUR_NS = 3_600_000_000_000
ALONE, TOGETHER = ("drift", "cusum", "ewma", "novelty"), "residual"
RATES = (0.05, 0.1, 0.2)
FROM_DAYS = (90, 150, 210, 270)
WITHIN_DAYS = 60
MONTH_DAYS = 30.0


def read(file: Path) -> F8:
    """[rows, sensors], NaN where missing; ValueError names what the file lacks."""
    with file.open(encoding="utf-8", newline="") as opened:
        rows = list(csv.DictReader(opened))
    lacking = [name for name in SENSORS if not rows or name not in rows[0]]
    if lacking:
        raise ValueError(f"{file}: no column {', '.join(lacking)}")
    body = np.array([[float(row[name] or MISSING) for name in SENSORS] for row in rows])
    return np.where(body == MISSING, np.nan, body)


def standing(module: ModuleType, value: F8, sensor: int) -> Bools:
    """[rows]: whether any finding of the detector stands at the sensor, with its defaults."""
    roles = len(getattr(module, "INPUTS", ()))
    others = [k for k in range(value.shape[1]) if k != sensor]
    columns = [sensor, *others] if roles else [sensor]
    taken, count = value[:, columns], len(columns)
    settings: dict[str, Any] = {"low": 0.0, "high": 5000.0, "span": 5000.0, "period_ns": HOUR_NS}
    if roles:
        settings["channels"] = dict(zip(module.INPUTS, (SENSORS[k] for k in columns), strict=False))
        settings["inputs"] = module.INPUTS[:count]
    parameters = np.array([module.configure(settings)], module.PARAMETERS)
    state, told = np.array([module.initial()], module.STATE), Findings()
    rows = len(value)
    time_ns = np.repeat(START_NS + np.arange(rows) * HOUR_NS, count)
    slot = np.tile(np.arange(count, dtype=np.int32), rows)
    flat = taken.reshape(-1)
    quality = np.where(np.isnan(flat), BAD, 0).astype(np.uint8)
    zero, row = np.zeros(len(flat), np.uint8), np.arange(len(flat), dtype=np.int32)
    module.step(parameters, state, Readings(slot, time_ns, time_ns, flat, quality, zero, zero, row), told)
    shown = np.zeros(rows, np.bool_)
    for condition in range(len(module.FINDINGS)):
        began = -1
        for finding in told.found():
            if finding["condition"] != condition:
                continue
            at = int(finding["row"]) // count
            if finding["active"]:
                began = at
            else:
                shown[began:at], began = True, -1
        if began >= 0:
            shown[began:] = True
    return shown


def drifted(value: F8, sensor: int, rate: float, from_row: int) -> F8:
    """The record with a drift of so large a share of the sensor's median a month added."""
    grown = value.copy()
    days = np.maximum(np.arange(len(value)) - from_row, 0) / 24.0
    grown[:, sensor] += rate * np.nanmedian(value[:, sensor]) * days / MONTH_DAYS
    return grown


def days_until(plain: Bools, grown: Bools, from_row: int) -> float:
    """Days until the detector stands for the drift alone; infinite when not within WITHIN_DAYS."""
    rows = np.flatnonzero((grown & ~plain)[from_row : from_row + 24 * WITHIN_DAYS])
    return float(rows[0]) / 24.0 if len(rows) else float("inf")


def evaluate(folder: Path) -> Iterator[Doing | Part]:
    """Measure; yields what is being done, at last the part."""
    value = read(folder / "AirQuality.csv")
    part = Part("drift")
    kinds = (*ALONE, TOGETHER)
    months = len(value) / 24.0 / MONTH_DAYS * len(SENSORS)
    table: dict[str, dict[str, float | None]] = {}
    for number, kind in enumerate(kinds):
        module = detectors.load(kind)
        took: dict[float, list[float]] = {rate: [] for rate in RATES}
        begun = 0
        for sensor, name in enumerate(SENSORS):
            yield Doing(f"{kind}: {name}", (number + sensor / len(SENSORS)) / len(kinds))
            plain = standing(module, value, sensor)
            begun += int((np.diff(plain.astype(np.int8)) == 1).sum())
            for rate in RATES:
                for day in FROM_DAYS:
                    grown = standing(module, drifted(value, sensor, rate, 24 * day), sensor)
                    took[rate].append(days_until(plain, grown, 24 * day))
        table[kind] = {"findings_a_sensor_month": round(begun / months, 2)}
        for rate, days in took.items():
            found = [d for d in days if np.isfinite(d)]
            table[kind][f"found_{rate:.0%}"] = round(len(found) / len(days), 2)
            table[kind][f"days_{rate:.0%}"] = round(float(np.median(found)), 1) if found else None
    part.detail = {"table": table}
    best = max(kinds, key=lambda kind: table[kind]["found_10%"] or 0.0)
    row = table[best]
    note = f"{best}, {row['findings_a_sensor_month']} findings a sensor and month without added drift"
    what = "added drift of 10 % a month found in 60 days"
    part.figures = [Figure("drift", 100.0 * (row["found_10%"] or 0.0), note, what, "%")]
    yield part
