"""What an alarm is while it runs: one plain record, complete enough to explain itself without its device.

Three makers, one shape: process alarms (a value), device alarms (a sensor or a device), system alarms (this
gateway). Ids never change while the thing they name exists: an operator's acknowledgement refers to them.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import msgspec

from device_profiles import AlarmDefinition, DeviceAlarm, Point
from gateway.alarms.texts import DEVICE, SYSTEM, SystemAlarm

Category = Literal["process", "device", "system"]


class Place(NamedTuple):
    """Whose alarm it is. The channel is empty for an alarm about a whole device."""

    enterprise: str
    site: str
    asset: str
    device: str
    family: str
    channel: str = ""
    county: str = ""
    sector: str = ""
    latitude: float | None = None
    longitude: float | None = None


class Definition(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One alarm of one channel, one device or the gateway."""

    id: str
    """"<enterprise>/<site>/<device>/<channel>:<condition>" or "gateway:<condition>"."""
    condition: str
    category: Category
    priority: int
    """1 (highest, red) to 4 (blue)."""
    base_priority: int = 0
    """What the profile says, while the time to danger makes it one more urgent (flow_urgency.py); 0: it does
    not."""
    latch: bool = False
    enterprise: str = ""
    site: str = ""
    asset: str = ""
    device: str = ""
    family: str = ""
    channel: str = ""
    county: str = ""
    sector: str = ""
    latitude: float | None = None
    longitude: float | None = None
    unit: str = ""
    title_en: str = ""
    """What happened, for device and system alarms; the condition itself speaks for process alarms."""
    title_zh: str = ""
    deadband: float = 0.0
    on_delay_ns: int = 0
    off_delay_ns: int = 0
    clear_readings: int = 1
    low: float | None = None
    """Range of the point, for "out_of_range"."""
    high: float | None = None
    states_en: dict[str, str] = {}
    """Discrete: state number (as text) -> name."""
    states_zh: dict[str, str] = {}
    consequence_en: str = ""
    consequence_zh: str = ""
    response_en: str = ""
    response_zh: str = ""
    clause: str = ""
    source_verified: bool = True


def alarm_id(place: Place, condition: str) -> str:
    """The id of a process or device alarm."""
    return f"{place.enterprise}/{place.site}/{place.device}/{place.channel}:{condition}"


def process(alarm: AlarmDefinition, point: Point, place: Place, *, clear_readings: int = 1) -> Definition:
    """A process alarm of a profile, at a channel."""
    return Definition(
        id=alarm_id(place, alarm.condition),
        condition=alarm.condition,
        category="process",
        priority=alarm.priority,
        latch=alarm.latch,
        **place._asdict(),
        unit=point.unit,
        deadband=alarm.deadband,
        on_delay_ns=alarm.on_delay_ns,
        off_delay_ns=alarm.off_delay_ns,
        clear_readings=clear_readings,
        states_en=point.states,
        states_zh=point.states_zh,
        consequence_en=alarm.consequence_en,
        consequence_zh=alarm.consequence_zh,
        response_en=alarm.response_en,
        response_zh=alarm.response_zh,
        clause=alarm.clause,
        source_verified=alarm.source_verified,
    )


def device(
    condition: str,
    alarm: DeviceAlarm | None,
    place: Place,
    *,
    point: Point | None = None,
    clear_readings: int = 1,
) -> Definition:
    """An alarm about a sensor or a device. ``alarm`` None (the profile names none) takes the defaults of
    texts.py: a fault is never left without an alarm."""
    title_en, title_zh, priority, response_en, response_zh = DEVICE.get(
        condition, (condition, condition, 3, "Check the device.", "检查设备。")
    )
    return Definition(
        id=alarm_id(place, condition),
        condition=condition,
        category="device",
        priority=alarm.priority if alarm else priority,
        **place._asdict(),
        unit=point.unit if point else "",
        low=point.low if point else None,
        high=point.high if point else None,
        title_en=title_en,
        title_zh=title_zh,
        clear_readings=clear_readings,
        response_en=alarm.response_en if alarm else response_en,
        response_zh=alarm.response_zh if alarm else response_zh,
    )


def system(condition: str, subject: str = "") -> Definition:
    """An alarm about the gateway; ``subject`` tells several of a kind apart ("gateway:sink_down.influx").

    A condition that the table does not know still gives an alarm: nothing is lost for want of a text.
    """
    known = SYSTEM.get(condition)
    if known is None:
        known = SystemAlarm(
            2,
            f"Gateway condition {condition!r}",
            f"网关状态 {condition!r}",
            "See the gateway's log for this condition.",
            "查看网关日志中的该状态。",
        )
    tail = f".{subject}" if subject else ""
    return Definition(
        id=f"gateway:{condition}{tail}",
        condition=condition,
        category="system",
        priority=known.priority,
        title_en=f"{known.title_en}{f' ({subject})' if subject else ''}",
        title_zh=f"{known.title_zh}{f' ({subject})' if subject else ''}",
        response_en=known.response_en,
        response_zh=known.response_zh,
    )
