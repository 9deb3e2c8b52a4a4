"""What topics mean: resolved once, kept in arrays that the compiled reader searches."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from device_profiles import Point, Profile, codecs
from device_profiles._reader import Reader, reader
from device_profiles._topics import HOUSE, HOUSE_LEVELS
from gateway.monitor._topics import ROUTE, mix, route_of
from gateway.monitor.addresses import Address
from gateway.monitor.plain import (
    ANALOG,
    BATCH,
    BINARY,
    DISCRETE,
    LOOP,
    MAX_MISSING,
    MAX_STATE,
    ODD,
    POINT,
    SINGLE,
    SLOW,
)
from gateway.monitor.quarantine import Quarantine
from gateway.monitor.roster import Change, Roster

RESOLVED_MAX = 1 << 16
"""Routes kept for topics whose payloads are not plain; then they are found anew."""
_CODECS = {"json": SINGLE, "json_batch": BATCH, "binary": BINARY}


class Route(NamedTuple):
    """What one topic means, for a codec."""

    device: int
    stream: str
    reader: Reader
    name: str
    """The device's own id, as a payload may repeat it."""
    first_slot: int
    points: tuple[Point, ...]


class _Layout(NamedTuple):
    """A profile's points: where they begin in the points array, and what reads each stream."""

    first: int
    readers: dict[str, Reader]


class Routes:
    """Grows with the topics that devices really use."""

    def __init__(self, roster: Roster, quarantine: Quarantine) -> None:
        self._roster = roster
        self._quarantine = quarantine
        self.forget()

    def forget(self) -> None:
        """The configuration changed: resolve topics anew."""
        self._count = 0
        self._bytes = 0
        self._dead = 0
        self._layouts: dict[str, _Layout] = {}
        self._resolved: dict[bytes, Route] = {}
        self.routes: npt.NDArray[np.void] = np.zeros(64, ROUTE)
        self.topics: npt.NDArray[np.uint8] = np.zeros(4096, np.uint8)
        self.table: npt.NDArray[np.int32] = np.full(256, -1, np.int32)
        self.points: npt.NDArray[np.void] = np.zeros(0, POINT)
        self.texts: npt.NDArray[np.uint8] = np.zeros(0, np.uint8)

    def change(self, change: Change) -> None:
        """Forget the topics that may lead elsewhere now; nobody need look at the others again."""
        self._resolved.clear()
        gone = [*change.retired, *change.added]
        if change.retexted or change.reruled or (gone and self._roster.addresses.subscriptions()):
            self.forget()
        elif gone:
            known = self.routes[: self._count]
            over = np.isin(known["device"], gone)
            known["topic_size"][over] = 0  # no topic is empty: never found again
            self._dead += int(over.sum())
            if 2 * self._dead > self._count:
                self.forget()

    def resolve(self, topic: bytes, at_ns: int) -> Route:
        """The route of a topic; Refusal when it leads nowhere. Known to ``plain.read`` from now on.

        A device whose payloads are never plain asks again for every packet, so the answer is kept."""
        route = self._resolved.get(topic)
        if route is None:
            route = self._find(topic, at_ns)
            if len(self._resolved) >= RESOLVED_MAX:
                self._resolved.clear()
            self._resolved[topic] = route
        return route

    def _find(self, topic: bytes, at_ns: int) -> Route:
        address = self._address(topic)
        if address is None:  # admission refuses these; an older journal may hold them
            raise codecs.Refusal(
                "bad_topic", "neither rg/<enterprise>/<site>/<device>/<stream> nor a [[topic]]"
            )
        number = None if address.rivals else self._roster.index.get(address.key)
        if number is None:
            self._quarantine.note(address.key, text(topic), at_ns)
            why = f"{address.key}: may be {' or '.join(address.rivals)}" if address.rivals else address.key
            raise codecs.Refusal("unknown_device", why)
        profile = self._roster.profile_of(number)
        layout = self._layout(profile)
        stream = address.stream
        known = layout.readers.get(stream)
        if known is None:
            known = layout.readers[stream] = reader(profile, stream)
        name = text(topic[address.begin : address.end])
        route = Route(number, stream, known, name, self._roster.first_slot[number], profile.points)
        kind = _CODECS.get(known.kind, SLOW)
        place = known.places.get(stream, -1)
        if kind != SINGLE or place >= 0:
            self._note(topic, route, layout.first, kind, place, address)
        return route

    def _address(self, topic: bytes) -> Address | None:
        parts = text(topic).split("/")
        if len(parts) == HOUSE_LEVELS and parts[0] == HOUSE:
            end = topic.rindex(b"/")
            return Address("/".join(parts[1:4]), parts[4], topic.rindex(b"/", 0, end) + 1, end)
        return self._roster.addresses.find(topic)

    def _note(self, topic: bytes, route: Route, first: int, kind: int, place: int, address: Address) -> None:
        raw = np.frombuffer(topic, np.uint8)
        if route_of(raw, 0, len(raw), self.routes, self.topics, self.table) >= 0:
            return
        if self._count == len(self.routes):
            self.routes = np.concatenate([self.routes, np.zeros(self._count, ROUTE)])
            self._rehash(2 * len(self.routes))
        while self._bytes + len(raw) > len(self.topics):
            self.topics = np.concatenate([self.topics, np.zeros(len(self.topics), np.uint8)])
        record = self.routes[self._count]
        record["hash"] = mix(raw, 0, len(raw), np.uint64(0))
        record["topic"], record["topic_size"] = self._bytes, len(raw)
        record["name"], record["name_end"] = address.begin, address.end
        record["device"], record["slot"] = route.device, route.first_slot
        record["point"], record["points"], record["place"] = first, len(route.points), place
        record["codec"], record["max_bytes"] = kind, route.reader.max_bytes
        self.topics[self._bytes : self._bytes + len(raw)] = raw
        self._enter(self._count)
        self._bytes += len(raw)
        self._count += 1

    def _rehash(self, places: int) -> None:
        self.table = np.full(places, -1, np.int32)
        for number in range(self._count):
            self._enter(number)

    def _enter(self, number: int) -> None:
        mask = len(self.table) - 1
        place = int(self.routes["hash"][number]) & mask
        while self.table[place] >= 0:
            place = (place + 1) & mask
        self.table[place] = number

    def _layout(self, profile: Profile) -> _Layout:
        known = self._layouts.get(profile.id)
        if known is not None:
            return known
        layout = self._layouts[profile.id] = _Layout(len(self.points), {})
        records = np.zeros(len(profile.points), POINT)
        for record, point in zip(records, profile.points, strict=True):
            self._describe(record, point)
        self.points = np.concatenate([self.points, records])
        return layout

    def _describe(self, record: np.void, point: Point) -> None:
        record["low"], record["high"] = point.low, point.high
        record["missing"] = np.nan
        record["missing"][: len(point.missing[:MAX_MISSING])] = point.missing[:MAX_MISSING]
        states = point.states if point.kind == "discrete" else {}
        usual = len(point.missing) <= MAX_MISSING and all(
            name.isascii() and name.isdecimal() and str(int(name)) == name and int(name) <= MAX_STATE
            for name in states
        )
        if not usual:
            record["kind"] = ODD
        elif point.kind == "discrete":
            record["kind"] = DISCRETE
            record["states"] = sum(1 << int(name) for name in states)
        else:
            record["kind"] = LOOP if point.wire_unit == "mA" else ANALOG
        record["name"], record["name_end"] = self._text(point.channel)
        record["unit"], record["unit_end"] = self._text(point.wire_unit or point.unit)

    def _text(self, words: str) -> tuple[int, int]:
        begin = len(self.texts)
        self.texts = np.concatenate([self.texts, np.frombuffer(words.encode(), np.uint8)])
        return begin, len(self.texts)


def text(topic: bytes) -> str:
    """A topic for people."""
    return topic.decode("utf-8", "backslashreplace")
