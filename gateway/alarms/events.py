"""What leaves the core: alarm events, answers to commands, and notes. Immutable; their bytes are hashed."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

NORMAL = "normal"
UNACKNOWLEDGED = "unacknowledged"
ACKNOWLEDGED = "acknowledged"
RETURNED = "returned_unacknowledged"
SHELVED = "shelved"
SUPPRESSED = "suppressed_by_design"
OUT_OF_SERVICE = "out_of_service"
STATES = (NORMAL, UNACKNOWLEDGED, ACKNOWLEDGED, RETURNED, SHELVED, SUPPRESSED, OUT_OF_SERVICE)
"""ISA-18.2-2016 states A to G. Names are stored, for the letters differ between editions."""
DRILL_ENTERPRISE = "riskgate-drill"
"""Reserved for the fire drill: its alarms are no real ones, and every event of them carries the flag."""
DRILL = "drill"
QUIET = frozenset({SHELVED, SUPPRESSED, OUT_OF_SERVICE})
"""States in which an alarm is not annunciated though its condition is followed."""


class AlarmEvent(
    msgspec.Struct, frozen=True, kw_only=True, tag="alarm", tag_field="type", omit_defaults=True
):
    """One transition of one alarm.

    id is "<partition>-<journal position>-<index>": equal in live and replay, and the webhook's
    idempotency key. Times are ns; at_ns is the gateway's wall clock, event_ns the device's.
    """

    id: str
    alarm: str
    """"<enterprise>/<site>/<device>/<channel>:<condition>"; the channel is empty for device alarms, and
    "gateway:<condition>" names a system alarm."""
    occurrence: int
    """Counts this alarm's occurrences from 1; an acknowledgement names the one it answers."""
    category: Literal["process", "device", "system"]
    condition: str
    priority: int
    state: str
    """State after the transition."""
    before: str
    cause: str
    """The input: raised, re_raised, cleared, acknowledged, reset, or retired (no longer configured); shelved,
    unshelved, suppressed, unsuppressed, out_of_service, returned_to_service; began_quietly and ended_quietly
    for a condition that changes while its alarm is not annunciated."""
    reason_en: str
    reason_zh: str
    at_ns: int
    event_ns: int = 0
    process_active: bool = False
    """Whether the abnormal condition itself holds now."""
    latched: bool = False
    enterprise: str = ""
    site: str = ""
    asset: str = ""
    device: str = ""
    channel: str = ""
    family: str = ""
    county: str = ""
    sector: str = ""
    """County and sector of the device, as the fleet list has them; so are latitude and longitude, WGS 84."""
    latitude: float | None = None
    longitude: float | None = None
    value: float | None = None
    limit: float | None = None
    extra: float | None = None
    """One more number of a detector that has one; its sentence tells what it is."""
    unit: str = ""
    response_en: str = ""
    response_zh: str = ""
    clause: str = ""
    source_verified: bool = True
    actor: str = ""
    comment: str = ""
    flags: tuple[str, ...] = ()
    """suspect_time, out_of_order, exercise, drill, chattering, fleeting (flow.py)."""
    until_ns: int = 0
    """When a shelf ends by itself, by the gateway's wall clock at the time of shelving."""
    group: str = ""
    """Id of the event that was first-out of the group this occurrence belongs to; "" = not annunciated."""
    first_out: bool = False
    """Whether this occurrence is that first one."""
    base_priority: int = 0
    """The profile's priority if the time to danger made this occurrence one more urgent; 0 = it did not."""


class CommandEvent(
    msgspec.Struct, frozen=True, kw_only=True, tag="command", tag_field="type", omit_defaults=True
):
    """The answer to one operator command; refused ones are recorded too."""

    id: str
    command: str
    action: str
    accepted: bool
    reason_en: str
    reason_zh: str
    actor: str
    role: str
    organisation: str
    source: str
    at_ns: int
    args: dict[str, Any] = {}


class NoteEvent(msgspec.Struct, frozen=True, kw_only=True, tag="note", tag_field="type", omit_defaults=True):
    """Something worth recording that needs no operator: start, clock jump, configuration in force."""

    id: str
    kind: str
    at_ns: int
    reason_en: str
    reason_zh: str
    detail: dict[str, Any] = {}


Event = AlarmEvent | CommandEvent | NoteEvent

_ENCODER = msgspec.json.Encoder(order="deterministic")
_DECODER = msgspec.json.Decoder(Event)


def encode(event: Event) -> bytes:
    """Canonical JSON: what the ledger stores and hashes, and what sinks send."""
    return _ENCODER.encode(event)


def decode(body: bytes) -> Event:
    """The event of canonical JSON."""
    event: Event = _DECODER.decode(body)
    return event
