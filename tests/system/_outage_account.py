"""What an outage must not change, as a comparison of two lists; and damage that the comparison must see."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from gateway.alarms.events import AlarmEvent, encode

Reading = tuple[str, str, int, float, int]
"""Device, channel, time in ns, value, quality."""


@dataclass(frozen=True)
class Receipt:
    """The first time a webhook took an event: its place among all first ones, when, and what it said."""

    place: int
    at_ns: int
    data: dict[str, Any]


@dataclass(frozen=True)
class Account:
    """Both sides: what was published and recorded, and what stands at the sinks."""

    published: Counter[Reading]
    stored: Counter[Reading]
    events: list[AlarmEvent]
    """In ledger order."""
    receipts: Mapping[str, Mapping[str, Receipt]]
    """Webhook -> event id -> first receipt."""
    written: Counter[str]
    """Event ids in the time series database."""

    def lost_readings(self) -> int:
        """Published, but not stored with this device, channel, time, value and quality."""
        return (self.published - self.stored).total()

    def stray_readings(self) -> int:
        """Stored, but not published, or stored twice."""
        return (self.stored - self.published).total()

    def lost_events(self) -> int:
        """(event, sink) pairs without a receipt that says what the ledger says; in influxd: once."""
        lost = sum(1 for event in self.events if self.written[event.id] != 1)
        for taken in self.receipts.values():
            for event in self.events:
                receipt = taken.get(event.id)
                lost += receipt is None or receipt.data != json.loads(encode(event))
        return lost

    def disordered(self) -> int:
        """(alarm, webhook) pairs whose first receipts are not in ledger order."""
        count = 0
        for taken in self.receipts.values():
            places: dict[str, list[int]] = {}
            for event in self.events:
                if event.id in taken:
                    places.setdefault(event.alarm, []).append(taken[event.id].place)
            count += sum(1 for row in places.values() if row != sorted(row))
        return count


def damages(account: Account, webhook: str) -> dict[str, bool]:
    """The negative control: the account with one thing damaged -> whether the comparison says so."""
    one = next(iter(account.stored))
    taken = account.receipts[webhook]
    by_alarm: dict[str, list[str]] = {}
    for event in account.events:
        by_alarm.setdefault(event.alarm, []).append(event.id)
    first, second = next(ids[:2] for ids in by_alarm.values() if len(ids) > 1)

    def hooks(changed: Mapping[str, Receipt]) -> Account:
        return replace(account, receipts={**account.receipts, webhook: changed})

    fewer = {key: value for key, value in taken.items() if key != first}
    other = {**taken, first: replace(taken[first], data={**taken[first].data, "state": "normal?"})}
    swapped = {
        **taken,
        first: replace(taken[first], place=taken[second].place),
        second: replace(taken[second], place=taken[first].place),
    }
    wrong_value = Counter({(*one[:3], one[3] + 0.1, one[4]): 1})
    checks: dict[str, tuple[Account, Callable[[Account], int]]] = {
        "a reading dropped": (
            replace(account, stored=account.stored - Counter([one])),
            Account.lost_readings,
        ),
        "a reading with another value": (
            replace(account, stored=account.stored - Counter([one]) + wrong_value),
            lambda a: min(a.lost_readings(), a.stray_readings()),
        ),
        "a reading twice": (replace(account, stored=account.stored + Counter([one])), Account.stray_readings),
        "a receipt dropped": (hooks(fewer), Account.lost_events),
        "a receipt of something else": (hooks(other), Account.lost_events),
        "a written event dropped": (
            replace(account, written=account.written - Counter([first])),
            Account.lost_events,
        ),
        "two receipts of an alarm swapped": (hooks(swapped), Account.disordered),
    }
    return {name: find(damaged) == find(account) + 1 for name, (damaged, find) in checks.items()}


def percentile(values: Iterable[int], share: float) -> float:
    """The value that ``share`` of them do not pass, nearest rank; nan of none."""
    ordered = sorted(values)
    return float(ordered[min(len(ordered) - 1, int(share * len(ordered)))]) if ordered else float("nan")
