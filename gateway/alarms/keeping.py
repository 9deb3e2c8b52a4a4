"""At least k channels of a group stay live: what would take away one more is refused, with the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gateway.alarms.events import QUIET
from gateway.alarms.lifecycle import Refusal

if TYPE_CHECKING:
    from gateway.alarms.engine import Engine


class Member(NamedTuple):
    """One channel of a group."""

    channel: str
    """ "<enterprise>/<site>/<device>/<channel>"."""
    alarms: tuple[str, ...]
    """Its process alarms: none of them may be shelved, suppressed or out of service."""
    faults: tuple[str, ...]
    """Alarms that say that it, or its device, does not see: none of them may hold."""


class Kept(NamedTuple):
    """A group of which a profile says how many channels stay live (``[[keep_live]]``)."""

    at_least: int
    members: tuple[Member, ...]


def would_blind(engine: Engine, alarm: str) -> Refusal | None:
    """Why this alarm must stay; None if it may go. A channel that is not live already may always be taken
    away: that is how it gets repaired."""
    group = engine.group(alarm)
    if group is None:
        return None
    live = [member.channel for member in group.members if _is_live(engine, member)]
    own = next((m.channel for m in group.members if alarm in m.alarms), "")
    if own not in live or len(live) > group.at_least:
        return None
    total = len(group.members)
    return Refusal(
        f"{group.at_least} of the {total} channels of this group must stay live, and only {len(live)} are: "
        "bring another one back or have it repaired first",
        f"该组 {total} 个通道中须有 {group.at_least} 个保持有效,目前仅 {len(live)} 个:请先恢复或修复其他通道",
    )


def _is_live(engine: Engine, member: Member) -> bool:
    quiet = any((known := engine.find(name)) and known.state in QUIET for name in member.alarms)
    blind = any((known := engine.find(name)) and known.process_active for name in member.faults)
    return not quiet and not blind
