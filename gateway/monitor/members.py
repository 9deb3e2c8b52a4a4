"""Which channels a detector over several channels judges together: from the roster to groups, and from a
channel's row to its place in a group.

Guarantee: the groups and their order follow from the roster alone (its devices in journal order, each
profile's tables in the order written), so that live, replay and a snapshot agree about them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

import detectors
from detectors import compiled
from device_profiles import DetectorInput, DetectorRule, Point, Profile
from gateway.alarms.definition import Place
from gateway.monitor.channels import Device
from gateway.monitor.naming import place_of
from gateway.monitor.roster import Roster

Asset = tuple[str, str, str]
"""Enterprise, site, asset."""


@dataclass(frozen=True, slots=True)
class Group:
    """The channels that one ``[[detector]]`` table of a profile joins, at one device or one asset."""

    key: tuple[str, ...]
    """Names the group as long as its device or asset stands."""
    rule: DetectorRule
    profile: Profile
    """Whose table it is."""
    roles: tuple[int, ...]
    """The roles present, as indices into the detector's INPUTS, ascending."""
    slots: tuple[int, ...]
    """Each one's channel slot."""
    points: tuple[Point, ...]
    places: tuple[Place, ...]
    """Whose each one is: a group with other channels is another group."""
    conditions: tuple[str, ...]
    """Of a detector that reads findings: which of each channel; else ""."""

    def settings(self, module: ModuleType) -> dict[str, Any]:
        """What the detector's ``configure`` is given."""
        roles = [module.INPUTS[role] for role in self.roles]
        return {
            "low": self.points[0].low,
            "high": self.points[0].high,
            "span": self.points[0].span,
            "clear_readings": self.profile.clear_readings,
            "period_ns": self.profile.period_ns,
            **self.rule.settings,
            "inputs": tuple(roles),
            "channels": {one.role: one.text for one in self.rule.inputs},
            "ranges": {role: (p.low, p.high) for role, p in zip(roles, self.points, strict=True)},
        }


def groups_of(roster: Roster) -> dict[str, list[Group]]:
    """Detector kind -> its groups, in order. One that would give its findings the place of an earlier one's
    (same first channel) is left out."""
    ruled = {name: p for name, p in roster.profiles.items() if any(rule.inputs for rule in p.detectors)}
    found: dict[str, list[Group]] = {}
    if not ruled:
        return found
    devices = roster.channels.devices
    numbers = roster.active_devices()
    concerned = [n for n in numbers if devices[n].profile in ruled]
    assets = _assets(roster, numbers, {_asset(devices[n]) for n in concerned})
    taken: set[tuple[str, int]] = set()
    seen: set[tuple[str, ...]] = set()
    for number in concerned:
        profile = ruled[devices[number].profile]
        for rule in profile.detectors:
            if not rule.inputs:
                continue
            asset = _asset(devices[number])
            wide = rule.scope == "asset"
            key = (*(asset if wide else (devices[number].key,)), profile.id, rule.kind, rule.inputs[0].text)
            if key in seen or (wide and not asset[2]):
                continue
            seen.add(key)
            group = _group(roster, key, rule, profile, assets[asset] if wide else [number])
            if group is not None and (rule.kind, group.slots[0]) not in taken:
                taken.add((rule.kind, group.slots[0]))
                found.setdefault(rule.kind, []).append(group)
    return found


def _asset(device: Device) -> Asset:
    return device.enterprise, device.site, device.asset


def _assets(roster: Roster, numbers: list[int], wanted: set[Asset]) -> dict[Asset, list[int]]:
    """The devices of each wanted asset, by device id: that is the order in which ``#2`` counts."""
    devices = roster.channels.devices
    found: dict[Asset, list[int]] = {asset: [] for asset in wanted}
    for number in numbers:
        members = found.get(_asset(devices[number]))
        if members is not None:
            members.append(number)
    for members in found.values():
        members.sort(key=lambda n: devices[n].device)
    return found


def _group(
    roster: Roster, key: tuple[str, ...], rule: DetectorRule, profile: Profile, numbers: list[int]
) -> Group | None:
    roles, slots, points, places, conditions = [], [], [], [], []
    order = detectors.load(rule.kind).INPUTS
    for wanted in sorted(rule.inputs, key=lambda one: order.index(one.role)):
        found = _evidence if wanted.condition else _matching
        for slot, point, place in found(roster, wanted, profile, numbers):
            roles.append(order.index(wanted.role))
            slots.append(slot)
            points.append(point)
            places.append(place)
            conditions.append(wanted.condition)
    if not roles:
        return None
    return Group(
        key, rule, profile, tuple(roles), tuple(slots), tuple(points), tuple(places), tuple(conditions)
    )


def _matching(
    roster: Roster, wanted: DetectorInput, profile: Profile, numbers: list[int]
) -> Iterator[tuple[int, Point, Place]]:
    """The one channel that an input names, if it is there."""
    left = wanted.number
    for number in numbers:
        device = roster.channels.devices[number]
        if device.profile != (wanted.profile or profile.id):
            continue
        for offset, point in enumerate(roster.profiles[device.profile].points):
            if point.channel != wanted.channel:
                continue
            left -= 1
            if left == 0:
                yield roster.first_slot[number] + offset, point, place_of(device, point.channel)
                return


def _evidence(
    roster: Roster, wanted: DetectorInput, profile: Profile, numbers: list[int]
) -> Iterator[tuple[int, Point, Place]]:
    """Every channel whose findings an input of conditions may mean."""
    for number in numbers:
        device = roster.channels.devices[number]
        if wanted.channel and device.profile != (wanted.profile or profile.id):
            continue
        for offset, point in enumerate(roster.profiles[device.profile].points):
            if wanted.channel in ("", point.channel):
                yield roster.first_slot[number] + offset, point, place_of(device, point.channel)


@dataclass(slots=True)
class Routes:
    """Channel slot -> the (detector, place) pairs that read it; made anew when the groups change."""

    head: npt.NDArray[np.int32]
    """First entry of a channel slot, -1 for one that is in no group."""
    owner: npt.NDArray[np.int32]
    """Channel slot of each entry; entries of one slot stand together."""
    detector: npt.NDArray[np.int32]
    place: npt.NDArray[np.int32]
    """group * roles + role."""
    widest: int = 0
    """Entries of one channel at most."""

    @classmethod
    def of(cls, groups: list[list[Group]], roles: list[int], slots: int) -> Routes:
        """Routes to the detectors' groups; roles: the number of each detector's INPUTS."""
        entries = sorted(
            (slot, detector, number * roles[detector] + role)
            for detector, known in enumerate(groups)
            for number, group in enumerate(known)
            for role, slot in zip(group.roles, group.slots, strict=True)
        )
        columns = np.array(entries, np.int32).reshape(-1, 3)
        head = np.full(slots, -1, np.int32)
        owner = np.ascontiguousarray(columns[:, 0])
        first, counts = np.unique(owner, return_index=True, return_counts=True)[1:]
        head[owner[first]] = first
        return cls(
            head,
            owner,
            np.ascontiguousarray(columns[:, 1]),
            np.ascontiguousarray(columns[:, 2]),
            int(counts.max()) if len(counts) else 0,
        )

    def rows(
        self, slot: npt.NDArray[np.int32]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """(row, detector, place) of every member's reading, in row order."""
        members = members_among(slot, self.head)
        room = members * self.widest
        row, detector = np.empty(room, np.int64), np.empty(room, np.int32)
        place = np.empty(room, np.int32)
        if members:
            count = follow(slot, self.head, (self.owner, self.detector, self.place), row, detector, place)
            row, detector, place = row[:count], detector[:count], place[:count]
        return row, detector, place


@compiled
def members_among(slot: npt.NDArray[np.int32], head: npt.NDArray[np.int32]) -> int:
    """How many rows are of channels in a group."""
    found = 0
    for i in range(len(slot)):
        found += head[slot[i]] >= 0
    return found


@compiled
def follow(
    slot: npt.NDArray[np.int32],
    head: npt.NDArray[np.int32],
    entries: Any,
    row: npt.NDArray[np.int64],
    detector: npt.NDArray[np.int32],
    place: npt.NDArray[np.int32],
) -> int:
    """Write every member's row once for each entry of its channel; returns how many."""
    owner, to_detector, to_place = entries
    count = 0
    for i in range(len(slot)):
        entry = head[slot[i]]
        if entry < 0:
            continue
        while entry < len(owner) and owner[entry] == slot[i]:
            row[count], detector[count], place[count] = i, to_detector[entry], to_place[entry]
            count += 1
            entry += 1
    return count
