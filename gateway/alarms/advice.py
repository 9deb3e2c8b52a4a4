"""Alarms of anomaly detectors: they advise, at the lowest priority unless the profile says otherwise."""

from __future__ import annotations

from device_profiles import DetectorRule, Point
from gateway.alarms.definition import Category, Definition, Place, alarm_id

ADVICE: dict[str, tuple[str, Category, str, str]] = {
    "departed": ("ewma", "process", "departed from its recent course", "偏离近期走势"),
    "shifted_up": ("cusum", "process", "level has shifted up", "水平持续上移"),
    "shifted_down": ("cusum", "process", "level has shifted down", "水平持续下移"),
    "flat": ("flat", "device", "value does not move", "数值长时间不变"),
}
"""Condition -> detector kind, category, what happened (en, zh)."""


def conditions(kind: str) -> list[str]:
    """The conditions of a detector kind; [] for one that does not advise."""
    return [name for name, row in ADVICE.items() if row[0] == kind]


def is_advice(definition: Definition) -> bool:
    """Whether an anomaly detector raised it. A discrete state may bear the same name, but has no title."""
    return definition.condition in ADVICE and bool(definition.title_en)


def advice(
    condition: str, rule: DetectorRule, point: Point, place: Place, *, clear_readings: int = 1
) -> Definition:
    """The alarm of one finding of a profile's detector, at a channel."""
    _, category, title_en, title_zh = ADVICE[condition]
    return Definition(
        id=alarm_id(place, condition),
        condition=condition,
        category=category,
        priority=rule.priority,
        **place._asdict(),
        unit=point.unit,
        title_en=title_en,
        title_zh=title_zh,
        on_delay_ns=int(rule.settings.get("after_ns", 0)),
        clear_readings=clear_readings,
        consequence_en=rule.consequence_en,
        consequence_zh=rule.consequence_zh,
        response_en=rule.response_en,
        response_zh=rule.response_zh,
        clause=rule.clause,
        source_verified=rule.source_verified,
    )
