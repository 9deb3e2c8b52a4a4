"""Detectors over several channels: their groups, and what they find.

Guarantee: a change of the fleet or of a profile starts only those groups anew whose channels or numbers
changed; all others keep their state. Where no channel is in a group nothing is done at all.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

import detectors
from detectors import GOOD, NO_TIME, Readings
from gateway.alarms import advice
from gateway.alarms.definition import Definition, alarm_id
from gateway.monitor.detector import Detector
from gateway.monitor.members import Group, Routes, groups_of
from gateway.monitor.roster import Roster

Found = tuple[int, int, Definition, npt.NDArray[np.void]]
"""Row of the batch, order of the detector, the alarm, the finding."""


class Groups:
    """Every group of a roster, one ``Detector`` a kind; slots of those are groups."""

    def __init__(self, roster: Roster) -> None:
        self._roster = roster
        self._groups: dict[str, list[Group]] = {}
        self._detectors: dict[str, Detector] = {}
        self._routes = Routes.of([], [], 0)
        self._evidence: dict[str, list[tuple[str, int]]] = {}
        """Alarm id -> (detector kind, place) of the detectors that read findings."""

    def __len__(self) -> int:
        return sum(len(known) for known in self._groups.values())

    def change(self) -> list[str]:
        """The roster changed: groups anew, kept where nothing about them did. Returns the ids of alarms that
        groups which are gone or begin anew may have raised."""
        over: list[str] = []
        before, states = self._groups, self._detectors
        self._groups, self._detectors = groups_of(self._roster), {}
        for kind, groups in self._groups.items():
            made = self._detectors[kind] = _configured(kind, groups)
            old = {group.key: n for n, group in enumerate(before.get(kind, []))}
            for number, group in enumerate(groups):
                known = old.get(group.key)
                if known is None:
                    continue
                same_rule = states[kind].parameters[known].tobytes() == made.parameters[number].tobytes()
                if same_rule and before[kind][known].places == group.places:
                    made.state[number] = states[kind].state[known]
                    del old[group.key]
            over += [i for n in old.values() for i in self._ids(kind, before[kind][n])]
            before.pop(kind, None)
        over += [i for kind, gone in before.items() for group in gone for i in self._ids(kind, group)]
        self._route()
        return over

    def definitions(self) -> dict[str, Definition]:
        """Alarm id -> alarm as the configuration in force defines it, for every alarm of every group."""
        return {
            known.id: known
            for kind, groups in self._groups.items()
            for group in groups
            for name in self._detectors[kind].module.FINDINGS
            for known in (_definition(group, name),)
        }

    def judge(self, readings: Readings, order: int) -> tuple[list[Found], list[str]]:
        """What the groups find in a batch and which detectors failed; ``order`` is the first one's place."""
        found: list[Found] = []
        faults: list[str] = []
        if not self._groups:
            return found, faults
        row, owner, place = self._routes.rows(readings.slot)
        if not len(row):
            return found, faults
        for number, (kind, detector) in enumerate(self._detectors.items()):
            mine = np.flatnonzero(owner == number)
            if not len(mine):
                continue
            rows = row[mine]
            part = readings.take(rows)
            fault = detector.step(part.at(place[mine]))
            if fault:
                faults.append(fault)
            groups, names = self._groups[kind], detector.module.FINDINGS
            for finding in detector.findings.found():
                known = _definition(groups[int(finding["slot"])], names[int(finding["condition"])])
                found.append((int(rows[finding["row"]]), order + number, known, finding))
        return found, faults

    def weigh(
        self, readings: Readings, changed: list[tuple[int, str, bool, int]]
    ) -> list[tuple[Found, list[str]]]:
        """What detectors that read findings say of changes (row, alarm id, begins, event time ns), each with
        the ids of its evidence."""
        found: list[tuple[Found, list[str]]] = []
        for row, name, begins, event_ns in changed:
            for kind, place in self._evidence.get(name, ()):
                one = readings.take(np.array([row])).at(np.array([place], np.int32))
                one.event_ns[:], one.value[:], one.quality[:] = event_ns, float(begins), GOOD
                detector = self._detectors[kind]
                detector.step(one)
                for finding in detector.findings.found().copy():
                    group = self._groups[kind][int(finding["slot"])]
                    known = _definition(group, detector.module.FINDINGS[int(finding["condition"])])
                    found.append(((row, 0, known, finding), _evidence_of(group)))
        return found

    def recount(self, standing: set[str]) -> None:
        """The configuration changed: what stands now is all the evidence that detectors of findings have."""
        for kind in filter(_reads_findings, self._groups):
            self._detectors[kind].state["standing"] = 0
        for name in sorted(standing):
            for kind, place in self._evidence.get(name, ()):
                wide = len(self._detectors[kind].module.INPUTS)
                self._detectors[kind].state["standing"][place // wide, place % wide] += 1

    def shift(self, slots: range, delta_ns: int) -> None:
        """A device's clock changed by ``delta_ns``: the times that its readings left in a group move along.
        A field with one time a role is moved for the device's roles, any other with the first role's."""
        for kind, detector in self._detectors.items():
            for number, group in enumerate(self._groups[kind]):
                mine = [role for role, slot in zip(group.roles, group.slots, strict=True) if slot in slots]
                for name in detector.module.EVENT_TIMES if mine else ():
                    one_each = detector.state[name].shape[1:2] == (len(detector.module.INPUTS),)
                    moved = mine if one_each else None
                    _move(detector.state[name], number, moved, delta_ns, first=group.slots[0] in slots)

    def export(self) -> dict[str, Any]:
        """Arrays of every kind in use; which group a record is of follows from the roster."""
        return {kind: detector.export() for kind, detector in self._detectors.items()}

    def load(self, stored: dict[str, Any]) -> None:
        """Back to exported arrays, after the roster; ValueError when they are of other groups or another
        layout. A kind that the snapshot does not know starts fresh."""
        self.change()
        for kind, detector in self._detectors.items():
            if kind not in stored:
                continue
            parameters = detector.parameters
            detector.load(stored[kind])
            if len(detector.state) != len(parameters):
                raise ValueError(
                    f"snapshot holds {len(detector.state)} groups of {kind}, not {len(parameters)}"
                )

    def _route(self) -> None:
        roles = [len(detector.module.INPUTS) for detector in self._detectors.values()]
        reading = [[] if _reads_findings(k) else groups for k, groups in self._groups.items()]
        self._routes = Routes.of(reading, roles, len(self._roster.channels))
        self._evidence = {}
        for kind in filter(_reads_findings, self._groups):
            wide = len(self._detectors[kind].module.INPUTS)
            for number, group in enumerate(self._groups[kind]):
                for role, name in zip(group.roles, _evidence_of(group), strict=True):
                    self._evidence.setdefault(name, []).append((kind, number * wide + role))

    def _ids(self, kind: str, group: Group) -> list[str]:
        return [_definition(group, name).id for name in detectors.load(kind).FINDINGS]


def _reads_findings(kind: str) -> bool:
    return bool(getattr(detectors.load(kind), "EVIDENCE", False))


def _evidence_of(group: Group) -> list[str]:
    """Alarm id of each of a group's channels and conditions."""
    return [alarm_id(place, name) for place, name in zip(group.places, group.conditions, strict=True)]


def _configured(kind: str, groups: list[Group]) -> Detector:
    detector = Detector(kind)
    detector.grow(len(groups))
    for number, group in enumerate(groups):
        detector.parameters[number] = detector.module.configure(group.settings(detector.module))
    return detector


def _move(
    times: npt.NDArray[np.int64], number: int, roles: list[int] | None, delta_ns: int, *, first: bool
) -> None:
    """Times of one group: one a role (those of ``roles`` move), or all of the first role's device."""
    if roles is not None:
        mine = times[number]
        mine[roles] = np.where(mine[roles] == NO_TIME, NO_TIME, mine[roles] + delta_ns)
    elif first:
        mine = times[number : number + 1]  # an array: a scalar would warn when NO_TIME wraps
        mine[:] = np.where(mine == NO_TIME, NO_TIME, mine + delta_ns)


def _definition(group: Group, condition: str) -> Definition:
    """The alarm of one finding of a group: it belongs to the asset, and stands at the first channel."""
    return advice.advice(
        condition,
        group.rule,
        group.points[0],
        group.places[0],
        clear_readings=group.profile.clear_readings,
    )
