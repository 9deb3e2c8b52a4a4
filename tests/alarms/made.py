"""Alarms and commands as the tests write them."""

from __future__ import annotations

from typing import Any, NamedTuple

from device_profiles import AlarmDefinition, Point
from gateway.alarms import definition
from gateway.alarms.definition import Definition, Place

PLACE = Place("acme", "plant", "tank-1", "GD-1", "gas", "lel")
POINT = Point(channel="lel", title_en="Gas", title_zh="可燃气", unit="%LEL")


def high(
    condition: str = "H", *, latch: bool = False, enterprise: str = "acme", on_delay_ns: int = 0
) -> Definition:
    alarm = AlarmDefinition(
        channel="lel",
        condition=condition,
        setpoint=10.0,
        deadband=0.5,
        on_delay_ns=on_delay_ns,
        priority=1,
        latch=latch,
        consequence_en="Explosion",
        consequence_zh="爆炸",
        response_en="Stop ignition sources",
        response_zh="停止点火源",
        clause="GB/T 50493-2019 5.5.2",
        source_verified=True,
    )
    return definition.process(alarm, POINT, PLACE._replace(enterprise=enterprise), clear_readings=3)


class Command(NamedTuple):
    """An operator's journal entry, without its stamp."""

    action: str
    args: dict[str, Any]
    id: str = "c-1"
    actor: str = "li"
    role: str = "operator"
    organisation: str = ""
    deadline_ns: int = 0
    source: str = "console"
