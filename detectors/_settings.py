"""What a profile's ``[[detector]]`` table may say to a detector: each number's kind, bounds and default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

FAR = 1e100
"""No value of a device is beyond; squares of what is inside stay finite."""

MAX_READINGS = 1_000_000


@dataclass(frozen=True, slots=True)
class Setting:
    """One key of the table. A seconds key is written ``<name>_s`` and reaches ``configure`` as
    ``<name>_ns``, a whole number; all others keep their name."""

    unit: Literal["seconds", "count", "ratio", "value", "level", "rate", "switch", "numbers", "text"]
    """count: a whole number, of readings mostly; ratio: a plain number, such as sigmas or a weight; value: a
    difference in the channel's unit, below its span; level: a place on the channel's range; rate: the
    channel's unit a second; switch: true or false; numbers: a list of plain numbers (a trained
    model's); text."""
    default: float | None = None
    """None: the detector derives it (its docstring says from what), or judges without."""
    low: float = 0.0
    high: float = FAR
    required: bool = False

    @classmethod
    def count(cls, default: int, low: int = 0, high: int = MAX_READINGS) -> Setting:
        """A whole number."""
        return cls("count", default, low, high)


Settings = Mapping[str, Any]
Table = Mapping[str, Setting]


def name(key: str, setting: Setting) -> str:
    """The key of ``configure``'s settings."""
    return key.removesuffix("_s") + "_ns" if setting.unit == "seconds" else key


def plain(table: Table, settings: Settings) -> dict[str, Any]:
    """What ``configure`` works with: given numbers, else defaults; ValueError outside the bounds. A key
    without default is absent unless given."""
    chosen: dict[str, Any] = {}
    for key, setting in table.items():
        known = name(key, setting)
        value: Any = settings.get(known)
        if value is None:
            if setting.required:
                raise ValueError(f"{key}: is missing; add it")
            if setting.default is None:
                continue
            value = round(setting.default * 1e9) if setting.unit == "seconds" else setting.default
        if setting.unit == "switch":
            chosen[known] = bool(value)
            continue
        if setting.unit in {"numbers", "text"}:
            chosen[known] = tuple(float(v) for v in value) if setting.unit == "numbers" else str(value)
            continue
        number = float(value) / 1e9 if setting.unit == "seconds" else float(value)
        if not setting.low <= number <= setting.high:
            raise ValueError(f"{key}: is {number:g}; give a number from {setting.low:g} to {setting.high:g}")
        chosen[known] = int(value) if setting.unit in {"count", "seconds"} else number
    return chosen


def judged_range(settings: Settings) -> tuple[float, float]:
    """``low``, ``high`` of the channel: what lies outside is no reading to learn from. ValueError unless
    low < high and both are finite."""
    low, high = float(settings.get("low", -FAR)), float(settings.get("high", FAR))
    if not -FAR <= low < high <= FAR:
        raise ValueError(f"low must be below high, both finite; got {low}, {high}")
    return low, high


def sigma_floor(settings: Settings) -> float:
    """``sigma_min``, else 0.2 % of the channel's span: what the last digit does is no departure."""
    usual = 0.002 * float(settings.get("span", 0.0)) or 1e-6
    floor = float(settings.get("sigma_min", usual))
    if not 1e-12 <= floor <= FAR:
        raise ValueError(f"sigma_min must be above 0; got {floor}")
    return floor


def clear_readings(settings: Settings) -> int:
    """Readings in a row that end a finding: the profile's, else 3. ValueError below 1."""
    count = int(settings.get("clear_readings", 3))
    if count < 1:
        raise ValueError(f"clear_readings must be at least 1; got {count}")
    return count
