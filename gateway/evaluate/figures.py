"""Measured figures beside what they must reach; nothing stands here that was not measured in this run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

SEED = 1001
"""Of what is reported; 1 to 5 are for tuning, and 1000 was looked at while tuning."""

Verdict = Literal["best", "good", "must", "missed", "measured"]


@dataclass(frozen=True, slots=True)
class Bound:
    """What a figure has to reach. ``at_most``: small is good."""

    what: str
    unit: str
    must: float | None = None
    good: float | None = None
    best: float | None = None
    at_most: bool = False

    def verdict(self, value: float) -> Verdict:
        """The highest bound that the value meets; "measured" where none is set."""
        if self.must is None:
            return "measured"
        for name in ("best", "good", "must"):
            bound = getattr(self, name)
            if bound is not None and not math.isnan(value):
                reached = value <= bound if self.at_most else value >= bound
                if reached:
                    return name
        return "missed"


BOUNDS: Mapping[str, Bound] = {
    "in_time": Bound("must-detect scenarios found in time", "%", 100.0),
    "false_alarms": Bound("false alarms a channel and normal day", "", 0.01, 0.005, 0.002, at_most=True),
    "early": Bound("slow faults found before the limit alarm", "%", 50.0, 70.0, 90.0),
    "nab": Bound("NAB standard score", "", 50.0, 60.0, 70.0),
    "tep": Bound("TEP mean detection rate without faults 3, 9, 15", "", 0.72, 0.78, 0.85),
    "leak3": Bound("leak of 3 % of the flow, median time", "min", 6.0, 4.0, 3.0, at_most=True),
    "leak1": Bound("leak of 1 % of the flow, median time", "min", 60.0, 40.0, 20.0, at_most=True),
    "leak05": Bound("leak of 0.5 % of the flow, median time", "min", 240.0, 180.0, 60.0, at_most=True),
    "npw": Bound("pressure wave position, ends 20 km apart, p90", "m", 600.0, 200.0, 50.0, at_most=True),
    "cost": Bound("full default set, worst family", "ns a reading", 200.0, 100.0, 60.0, at_most=True),
    "memory": Bound("440,000 channels with full default sets", "GB", 2.0, 1.0, at_most=True),
}
"""The table of figures; ids are stable over releases."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure. ``id``: of BOUNDS, or "<id>.<which>" for a part of it, which has no bound."""

    id: str
    value: float
    note: str = ""
    what: str = ""
    unit: str = ""

    @property
    def bound(self) -> Bound:
        """Its bounds; none for a part."""
        return BOUNDS.get(self.id) or Bound(self.what or self.id, self.unit)

    def plain(self) -> dict[str, Any]:
        """As it stands in the report; a value that is no number is null."""
        bound = self.bound
        value = self.value if math.isfinite(self.value) else None
        return {
            "id": self.id,
            "what": bound.what,
            "measured": value,
            "unit": bound.unit,
            "must": bound.must,
            "good": bound.good,
            "best": bound.best,
            "verdict": bound.verdict(self.value),
            "note": self.note,
        }


@dataclass(slots=True)
class Part:
    """What one part of the evaluation gave."""

    name: str
    figures: list[Figure] = field(default_factory=list)
    detail: dict[str, Any] = field(default_factory=dict)
    """More of it, for the report: by series, by fault, by family."""
    skipped: str = ""
    """Why it was not measured; "" = it was."""


class Doing(NamedTuple):
    """What is being measured now, and how much of the part is done."""

    text: str
    share: float
