"""How alarms come, in gateway time: floods, groups with their first-out, alarms that chatter or are fleeting.

Guarantee: nothing here delays, drops or changes the beginning of an alarm. Only the end of one that chatters,
or is fleeting again and again, is held back for a while, so that its list entry stands still and can be read;
never that of HH, LL or priority 1. The state
is exactly ``stored``; it is bounded by the alarms that began within the last minutes.
"""

from __future__ import annotations

import msgspec

from gateway.alarms.definition import Definition
from gateway.alarms.shelving import is_safety

SECOND = 1_000_000_000
FLOOD_BEGINS_ABOVE, FLOOD_ENDS_BELOW, FLOOD_NS = 10, 5, 600 * SECOND
"""Alarms annunciated to one operator in ten minutes: ISA-18.2-2016 clause 16 as the alarm figures cite it.
The standard's own text was not read for this: not verified."""
CHATTER_ALARMS, CHATTER_NS = 3, 60 * SECOND
"""The usual test for chattering: three times within a minute (no clause)."""
FLEETING_NS = 60 * SECOND
"""An alarm that is over within this time is fleeting: nobody can answer it (usual test, no clause)."""
FLEETING_ALARMS, FLEETING_AGAIN_NS = 3, 600 * SECOND
"""So often within ten minutes, and its end is held back like that of one that chatters (ours)."""
HOLD_NS = 60 * SECOND
"""How long the condition of an alarm that chatters has to stay away before its end is told (ours)."""
GROUP_NS, GROUP_MAX_NS = 60 * SECOND, 600 * SECOND
"""An alarm belongs to the group before it on the same asset if it comes within this time after its last one,
and within ten minutes of its first (ours)."""
FROM_BEHAVIOUR = 2
SILENCE = frozenset({"silent", "never_seen"})
"""Conditions whose common cause is a link or a power supply of the site rather than the asset."""
CHATTERING = "chattering"
"""The flag of a beginning that was one too many within a minute, and of an end that was held back."""
FLEETING = "fleeting"
"""The flag of an end that came within a minute of its beginning."""
AT_ONCE = frozenset({"clock_changed", "possible_gap"})
"""Conditions that are told when they are over already, to be seen: they are not fleeting."""


class Area(msgspec.Struct, array_like=True):
    """What one operator's desk was told lately: an enterprise, or "" for the gateway itself."""

    times: list[int] = []
    """Gateway time of the newest alarms, as many as decide; those older than ten minutes are forgotten."""
    since_ns: int = 0
    """Wall time at which the flood began; 0 = there is none."""
    alarms: int = 0
    """Annunciated in this flood, with those of the ten minutes before it."""
    names: list[str] = []
    """The alarms of ``times``; shorter when an earlier version wrote the state."""
    first: str = ""
    """The first alarm of the ten minutes in which the flood began."""


class Group(msgspec.Struct, array_like=True):
    """Alarms of one asset that belong together."""

    first: str
    """Id of the event that was first-out."""
    began_ns: int
    last_ns: int


class Held(msgspec.Struct, array_like=True):
    """The end of a condition that is not told yet."""

    due_ns: int
    event_ns: int
    value: float | None
    limit: float | None
    extra: float | None
    flags: tuple[str, ...]
    note_en: str
    note_zh: str


class News(msgspec.Struct, frozen=True):
    """A flood began, or ended."""

    area: str
    began: bool
    alarms: int
    since_ns: int
    first: str
    """The alarm that came first."""


class Stored(msgspec.Struct, array_like=True):
    """The whole state."""

    areas: dict[str, Area] = {}
    groups: dict[str, Group] = {}
    recent: dict[str, list[int]] = {}
    """Alarm -> gateway time of its last beginnings."""
    held: dict[str, Held] = {}
    on: bool = True
    """Off while entries of a behaviour before FROM_BEHAVIOUR are stepped: they give what they gave."""
    short: dict[str, list[int]] = {}
    """Alarm -> gateway time of its last ends that were fleeting."""
    news: list[News] = []
    """Floods that began or ended and are not told yet."""


class Flow:
    """See the module's docstring. Times are gateway time unless they say wall."""

    def __init__(self, stored: Stored | None = None) -> None:
        self.stored = stored or Stored()

    @property
    def news(self) -> list[News]:
        """Floods that began or ended; whoever tells of them empties the list."""
        return self.stored.news

    def annunciated(self, known: Definition, event: str, now_ns: int, wall_ns: int) -> tuple[str, bool]:
        """An occurrence began that somebody has to answer. Returns its group (the id of the event that was
        first-out) and whether that is this one."""
        if not self.stored.on:
            return "", False
        self._count(known.enterprise, known.id, now_ns, wall_ns)
        self.stored.recent.setdefault(known.id, []).append(now_ns)
        del self.stored.recent[known.id][:-CHATTER_ALARMS]
        key = cause_of(known)
        group = self.stored.groups.get(key)
        if group is None or now_ns - group.last_ns > GROUP_NS or now_ns - group.began_ns > GROUP_MAX_NS:
            group = self.stored.groups[key] = Group(event, now_ns, now_ns)
        group.last_ns = now_ns
        return group.first, group.first == event

    def chatters(self, alarm: str, now_ns: int) -> bool:
        """Whether it began three times within the last minute, or its end is being held back."""
        times = self.stored.recent.get(alarm, ())
        return alarm in self.stored.held or (
            len(times) >= CHATTER_ALARMS and now_ns - times[-CHATTER_ALARMS] <= CHATTER_NS
        )

    def is_next_too_many(self, alarm: str, now_ns: int) -> bool:
        """Whether a beginning now would be the third within a minute."""
        times = self.stored.recent.get(alarm, ())
        enough = CHATTER_ALARMS - 1
        return len(times) >= enough and now_ns - times[-enough] <= CHATTER_NS

    def hold(self, known: Definition, held: Held, now_ns: int) -> bool:
        """Keep the end of a condition back if its alarm chatters and may wait; whether it is kept."""
        if known.category == "system" or is_safety(known.condition, known.priority):
            return False
        chatters = self.chatters(known.id, now_ns)
        if not chatters and not self._fleeting_again(known.id, now_ns):
            return False
        why = CHATTERING if chatters else FLEETING
        self.stored.held[known.id] = msgspec.structs.replace(held, flags=(*held.flags, why))
        return True

    def is_fleeting(self, known: Definition, now_ns: int) -> bool:
        """Whether an end that is told now comes too soon after its beginning to have been answered; it is
        remembered."""
        times = self.stored.recent.get(known.id)
        if not times or now_ns - times[-1] >= FLEETING_NS or known.condition in AT_ONCE:
            return False
        short = self.stored.short.setdefault(known.id, [])
        short.append(now_ns)
        del short[:-FLEETING_ALARMS]
        return True

    def _fleeting_again(self, alarm: str, now_ns: int) -> bool:
        times = self.stored.short.get(alarm, [])
        return len(times) >= FLEETING_ALARMS and now_ns - times[0] <= FLEETING_AGAIN_NS

    @property
    def restless(self) -> bool:
        """Whether something began so lately that its end may be held back: it matters when that comes."""
        return bool(self.stored.recent or self.stored.held or self.stored.short)

    def goes_on(self, alarm: str) -> bool:
        """The condition is there again before its end was told, or the alarm is gone; was one held."""
        return self.stored.held.pop(alarm, None) is not None

    def over(self, now_ns: int) -> list[tuple[str, Held]]:
        """Ends that have been held back long enough, the earliest first; they are held no longer."""
        due = sorted((h.due_ns, name) for name, h in self.stored.held.items() if h.due_ns <= now_ns)
        return [(name, self.stored.held.pop(name)) for _, name in due]

    def sweep(self, now_ns: int) -> None:
        """Forget what is over: called as time passes."""
        stored = self.stored
        for name, area in list(stored.areas.items()):
            _forget(area, now_ns)
            if area.since_ns and len(area.times) < FLOOD_ENDS_BELOW:
                self.stored.news.append(News(name, False, area.alarms, area.since_ns, area.first))
                area.since_ns, area.alarms, area.first = 0, 0, ""
            if not area.times and not area.since_ns:
                del stored.areas[name]
        for name in [n for n, g in stored.groups.items() if now_ns - g.last_ns > GROUP_NS]:
            del stored.groups[name]
        for name in [n for n, times in stored.recent.items() if now_ns - times[-1] > CHATTER_NS]:
            del stored.recent[name]
        for name in [n for n, times in stored.short.items() if now_ns - times[-1] > FLEETING_AGAIN_NS]:
            del stored.short[name]

    def floods(self) -> list[dict[str, str | int]]:
        """Areas that are flooded now, in plain values, for whoever asks the core."""
        return [
            {
                "area": name,
                "since_ms": area.since_ns // 1_000_000,
                "alarms": area.alarms,
                "first": area.first,
            }
            for name, area in list(self.stored.areas.items())
            if area.since_ns
        ]

    def _count(self, name: str, alarm: str, now_ns: int, wall_ns: int) -> None:
        area = self.stored.areas.setdefault(name, Area())
        area.times.append(now_ns)
        area.names.append(alarm)
        del area.times[: -FLOOD_BEGINS_ABOVE - 1]
        _forget(area, now_ns)
        if area.since_ns:
            area.alarms += 1
        elif len(area.times) > FLOOD_BEGINS_ABOVE:
            area.since_ns, area.alarms, area.first = wall_ns, len(area.times), area.names[0]
            self.stored.news.append(News(name, True, area.alarms, wall_ns, area.first))


def cause_of(known: Definition) -> str:
    """What alarms of one group have in common: the asset; the site for those that say that nothing comes."""
    if known.category == "system":
        return "gateway"
    if known.condition in SILENCE:
        return f"{known.enterprise}/{known.site}:silence"
    return f"{known.enterprise}/{known.site}/{known.asset or known.device}"


def _forget(area: Area, now_ns: int) -> None:
    while area.times and now_ns - area.times[0] >= FLOOD_NS:
        del area.times[0]
    del area.names[: max(0, len(area.names) - len(area.times))]
