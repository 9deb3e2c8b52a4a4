"""One alarm as the page shows it: plain JSON made from its newest event and the time it was raised."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from gateway.alarms.events import ACKNOWLEDGED, NORMAL, QUIET, RETURNED, UNACKNOWLEDGED, AlarmEvent
from gateway.alarms.flow import CHATTERING, FLEETING
from gateway.alarms.shelving import is_safety
from gateway.ledger import LedgerReader

RAISED = frozenset({"raised", "re_raised"})
MAX_KNOWN = 20_000
NEEDS_ANSWER = frozenset({UNACKNOWLEDGED, RETURNED})


class RaisedTimes:
    """When the current occurrence of an alarm began. An event tells only its own time, so the ledger is
    asked once for each occurrence whose beginning was not followed live; bounded."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, int], int] = OrderedDict()

    def note(self, event: AlarmEvent) -> None:
        """Remember the beginning of an occurrence."""
        if event.cause in RAISED:
            self._known[event.alarm, event.occurrence] = event.at_ns
            while len(self._known) > MAX_KNOWN:
                self._known.popitem(last=False)

    def of(self, event: AlarmEvent, reader: LedgerReader) -> int:
        """Gateway wall time, ns, at which this event's occurrence was raised."""
        self.note(event)
        key = (event.alarm, event.occurrence)
        if key not in self._known:
            for _, earlier in reader.history_of(event.alarm, 50):
                self.note(earlier)
        return self._known.get(key, event.at_ns)


def row(seq: int, event: AlarmEvent, raised_ns: int) -> dict[str, Any]:
    """What the page needs; times in ms. ``seq``: the event's in the ledger, so that a page knows which of two
    rows is newer. ``open`` is False when the row must go; ``explained`` means that the reason itself names
    value and limit."""
    return {
        "seq": seq,
        "alarm": event.alarm,
        "occurrence": event.occurrence,
        "open": event.state != NORMAL,
        "state": event.state,
        "unanswered": event.state in NEEDS_ANSWER,
        "quieted": event.state in QUIET,
        "shelvable": event.category != "system",
        "takes_two": is_safety(event.condition, event.priority),
        "until_ms": event.until_ns // 1_000_000 or None,
        "resettable": event.state == ACKNOWLEDGED and event.latched and not event.process_active,
        "active": event.process_active,
        "latched": event.latched,
        "priority": event.priority,
        "base_priority": event.base_priority or None,
        "category": event.category,
        "condition": event.condition,
        "explained": event.cause in RAISED,
        "raised_ms": raised_ns // 1_000_000,
        "changed_ms": event.at_ns // 1_000_000,
        "enterprise": event.enterprise,
        "site": event.site,
        "asset": event.asset,
        "county": event.county,
        "sector": event.sector,
        "family": event.family,
        "location": None if event.latitude is None else [event.latitude, event.longitude],
        "device": event.device,
        "channel": event.channel,
        "value": event.value,
        "limit": event.limit,
        "unit": event.unit,
        "reason_en": event.reason_en,
        "reason_zh": event.reason_zh,
        "response_en": event.response_en,
        "response_zh": event.response_zh,
        "clause": event.clause,
        "verified": event.source_verified,
        "actor": event.actor,
        "comment": event.comment,
        "flags": list(event.flags),
        "chattering": CHATTERING in event.flags,
        "fleeting": FLEETING in event.flags,
        "group": event.group,
        "first_out": event.first_out,
    }
