"""Alarms of anomaly detectors: they advise, at the lowest priority unless the profile says otherwise. What a
finding is called and how it is told stands in the detector's own module."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from types import ModuleType

import detectors
from device_profiles import DetectorRule, Point
from gateway.alarms.definition import Category, Definition, Place, alarm_id

Pair = tuple[str, str]
"""The same text in English and Chinese."""
_EXPLAIN: Pair = ("{title}: {value}", "{title}:{value}")
_ENDED: Pair = ("over: {title}, now {value}", "已结束:{title},当前 {value}")


@dataclass(frozen=True, slots=True)
class Advice:
    """What a detector says of one of its conditions; formats as ``detectors/__init__.py`` describes them."""

    kind: str
    category: Category
    title: Pair
    explain: Pair
    ended: Pair
    unit: str | None
    """None: the channel's."""
    held_ns: int
    """How long the condition holds before it is told, unless the table says otherwise (``after_s``)."""


@functools.cache
def advice_texts() -> dict[str, Advice]:
    """Condition -> what its detector says of it."""
    return {
        condition: Advice(
            kind,
            category,
            (en, zh),
            getattr(module, "EXPLAIN", {}).get(condition, _EXPLAIN),
            getattr(module, "ENDED", {}).get(condition, _ENDED),
            getattr(module, "UNITS", {}).get(condition),
            _held_ns(module),
        )
        for kind, module in detectors.advising().items()
        for condition, (category, en, zh) in module.ADVICE.items()
    }


def _held_ns(module: ModuleType) -> int:
    setting = module.SETTINGS.get("after_s")
    return round((setting.default or 0.0) * 1e9) if setting else 0


def conditions(kind: str) -> list[str]:
    """The conditions of a detector kind; [] for one that does not advise."""
    return [name for name, row in advice_texts().items() if row.kind == kind]


def is_advice(definition: Definition) -> bool:
    """Whether an anomaly detector raised it. A discrete state may bear the same name, but has no title."""
    return bool(definition.title_en) and definition.condition in advice_texts()


def advice(
    condition: str, rule: DetectorRule, point: Point, place: Place, *, clear_readings: int = 1
) -> Definition:
    """The alarm of one finding of a profile's detector, at a channel."""
    known = advice_texts()[condition]
    return Definition(
        id=alarm_id(place, condition),
        condition=condition,
        category=known.category,
        priority=rule.priority,
        **place._asdict(),
        unit=point.unit if known.unit is None else known.unit,
        title_en=known.title[0],
        title_zh=known.title[1],
        on_delay_ns=int(rule.settings.get("after_ns", known.held_ns)),
        clear_readings=clear_readings,
        consequence_en=rule.consequence_en,
        consequence_zh=rule.consequence_zh,
        response_en=rule.response_en,
        response_zh=rule.response_zh,
        clause=rule.clause,
        source_verified=rule.source_verified,
    )
