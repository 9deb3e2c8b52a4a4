"""Detection rate on the Tennessee Eastman process, at one false alarm in a hundred rows.

The named parts. Model: ``d00.dat`` (500 normal rows). Threshold: ``d00_te.dat`` (960 normal rows), so that
1 % of them are above. Parameters: chosen on the training runs ``d01.dat`` to ``d21.dat``. Reported:
``d01_te.dat`` to ``d21_te.dat``, every row from the 161st on, where the fault begins; their first 160
rows, 3,360 normal rows that nothing was chosen on, give the false alarms. Faults 3, 9 and 15 are nearly
invisible and told apart.

The detector is detectors/pca.py: Hotelling's T2 of the leading components, the squared prediction error,
and T2 of what is left, each smoothed; a row is abnormal when any of the three is above its share of the
threshold. No statistic sees a later row.

Reference. L. H. Chiang, E. L. Russell, R. D. Braatz, "Fault detection and diagnosis in industrial
systems", Springer 2001, chapters 4 and 8 (the data, T2 and SPE); S. Wold, "Exponentially weighted moving
principal components analysis", Chemometrics 23 (1994) 149-161 (the smoothing).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from detectors import Findings, Readings, pca
from gateway.evaluate import peers
from gateway.evaluate.figures import Doing, Figure, Part
from gateway.evaluate.lives import START_NS

F8 = npt.NDArray[np.float64]

VARIABLES = 52
FAULT_FROM = 160
PERIOD_NS = 180_000_000_000
FAULTS = range(1, 22)
HARD = (3, 9, 15)
FALSE_ALARMS = 0.01
COMPONENTS, WEIGHT = 40, 0.1
SETTLING = 20
"""Rows at the beginning in which the smoothed statistics still rise; not used for the threshold."""


class Model:
    """The detector with a model of normal rows."""

    def __init__(self, settings: dict[str, Any], limits: F8) -> None:
        self.settings = settings
        self.limits = limits
        """Of the detector's three statistics."""
        self._parameters = np.array([pca.configure(settings)], pca.PARAMETERS)

    def statistics(self, rows: F8) -> F8:
        """[rows, 3]: what the detector's statistics are after each row."""
        count = rows.shape[1]
        state = np.array([pca.initial()], pca.STATE)
        slot, zero = np.arange(count, dtype=np.int32), np.zeros(count, np.uint8)
        shown, told = np.empty((len(rows), 3)), Findings()
        for number, row in enumerate(rows):
            time_ns = np.full(count, START_NS + number * PERIOD_NS)
            told.count = 0
            pca.step(
                self._parameters, state, Readings(slot, time_ns, time_ns, row, zero, zero, zero, slot), told
            )
            shown[number] = state["level"][0]
        return shown

    def score(self, rows: F8) -> F8:
        """The largest statistic as a share of its limit, a row each; abnormal from 1 on."""
        shown: F8 = (self.statistics(rows) / self.limits).max(axis=1)
        return shown


def train(normal: F8, calm: F8, *, components: int = COMPONENTS, weight: float = WEIGHT) -> Model:
    """A model of ``normal`` rows, whose threshold lets 1 % of the ``calm`` rows pass."""
    mean, scale = normal.mean(axis=0), normal.std(axis=0)
    _, singular, axes = np.linalg.svd((normal - mean) / scale, full_matrices=False)
    names = [f"c{number + 1}" for number in range(normal.shape[1])]
    settings: dict[str, Any] = {
        "version": 1,
        "components": components,
        "weight": weight,
        "mean": mean.tolist(),
        "scale": scale.tolist(),
        "axes": axes.T.reshape(-1).tolist(),
        "variance": (singular**2 / (len(normal) - 1)).tolist(),
        "thresholds": [1.0, 1.0, 1.0],
        "period_ns": PERIOD_NS,
        "channels": dict(zip(pca.INPUTS, names, strict=False)),
    }
    settings["digest"] = pca.digest(names, settings)
    shown = Model(settings, np.ones(3)).statistics(calm)[SETTLING:]
    limits = np.quantile(shown, 1.0 - FALSE_ALARMS / 3.0, axis=0)
    limits *= np.quantile((shown / limits).max(axis=1), 1.0 - FALSE_ALARMS)
    return Model(settings, limits)


def read(file: Path) -> F8:
    """[rows, 52] of one file, whichever way it lies; ValueError when it is neither."""
    body = np.loadtxt(file)
    if body.ndim == 2 and body.shape[1] != VARIABLES and body.shape[0] == VARIABLES:
        body = body.T
    if body.ndim != 2 or body.shape[1] != VARIABLES:
        raise ValueError(f"{file}: {body.shape} is not a table of {VARIABLES} variables")
    return body


def compare(folder: Path) -> Iterator[Figure]:
    """The same rates of other people's detectors: their threshold lets 1 % of the same calm rows pass."""
    calm = read(folder / "d00_te.dat")
    tests = {fault: read(folder / f"d{fault:02d}_te.dat") for fault in FAULTS}
    for name, learner in peers.learners():
        scorer = learner(read(folder / "d00.dat"))
        limit = float(np.quantile(scorer(calm), 1.0 - FALSE_ALARMS))
        told = {fault: scorer(rows) > limit for fault, rows in tests.items()}
        mean = float(np.mean([told[fault][FAULT_FROM:].mean() for fault in FAULTS if fault not in HARD]))
        far = float(np.mean([shown[:FAULT_FROM].mean() for shown in told.values()]))
        yield Figure(f"tep.{name}", mean, f"false alarms {far:.2%}", f"TEP mean detection rate, {name}")


def evaluate(folder: Path, *, with_peers: bool = True) -> Iterator[Doing | Part]:
    """Measure; yields what is being done, at last the part."""
    yield Doing("model and threshold", 0.0)
    model = train(read(folder / "d00.dat"), read(folder / "d00_te.dat"))
    rate: dict[int, float] = {}
    tuning: dict[int, float] = {}
    false = rows = 0
    for fault in FAULTS:
        yield Doing(f"fault {fault}", fault / (len(FAULTS) + 1))
        shown = model.score(read(folder / f"d{fault:02d}_te.dat")) > 1.0
        rate[fault] = float(shown[FAULT_FROM:].mean())
        false, rows = false + int(shown[:FAULT_FROM].sum()), rows + FAULT_FROM
        tuning[fault] = float((model.score(read(folder / f"d{fault:02d}.dat")) > 1.0).mean())
    counted = [fault for fault in FAULTS if fault not in HARD]
    far = false / rows
    hard = ", ".join(f"{fault}: {rate[fault]:.2f}" for fault in HARD)
    note = f"false alarms {far:.2%} of {rows:,} rows that nothing was chosen on; {hard}"
    mean = float(np.mean([rate[fault] for fault in counted]))
    part = Part("tep")
    part.figures += [
        Figure("tep", mean if far <= FALSE_ALARMS else float("nan"), note),
        Figure("tep.false_alarms", far, what="TEP false alarms a row"),
        Figure(
            "tep.tuning", float(np.mean([tuning[f] for f in counted])), "the runs that it was tuned on",
            what="TEP mean detection rate, training runs",
        ),
    ]  # fmt: skip
    if with_peers:
        yield Doing("other detectors", FAULTS.stop / (FAULTS.stop + 1))
        part.figures += compare(folder)
    part.detail = {
        "rate": {str(fault): round(value, 4) for fault, value in rate.items()},
        "parameters": {"components": COMPONENTS, "weight": WEIGHT},
    }
    yield part
