"""Every detector's parameters and state, one array each, indexed by slot."""

from __future__ import annotations

import hashlib
import traceback
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.recfunctions import repack_fields

import detectors
from detectors import Findings, Readings
from gateway.monitor.rooms import grown, one_of, words
from gateway.monitor.roster import Roster, settings_of, with_setpoints
from gateway.monitor.stored import Rows

PER_READING = (
    "out_of_range",
    "discrete",
    "limits",
    *(kind for kind, module in detectors.advising().items() if not hasattr(module, "INPUTS")),
)
"""Detectors that judge readings, in the order their findings about one reading are told."""

_RUN = 1 << 14


class Detector:
    """One detector's module and arrays."""

    def __init__(self, kind: str, *, used: bool = False) -> None:
        self.kind = kind
        self.module: ModuleType = detectors.load(kind)
        self.parameters: npt.NDArray[np.void] = np.zeros(0, self.module.PARAMETERS)
        self.state: npt.NDArray[np.void] = np.zeros(0, self.module.STATE)
        self.findings = Findings()
        self.used = used
        """Whether any slot ever had a rule. Until then there are no arrays and nothing is judged: a detector
        that nobody asked for costs neither time nor memory."""
        self._count = 0
        self._lent = False
        self._idle = np.zeros(1, self.module.PARAMETERS)
        self._idle[0] = self.module.configure({})

    def grow(self, count: int) -> None:
        """Room for ``count`` slots; new ones judge nothing until configured."""
        self._count = max(self._count, count)
        extra = self._count - len(self.state)
        if extra <= 0 or not self.used:
            return
        self.parameters = grown(self.parameters, self._count, self._idle[0])
        self.state = grown(self.state, self._count, self.module.initial())

    def configure(
        self, slots: npt.NDArray[np.int64], settings: dict[str, Any] | None
    ) -> npt.NDArray[np.int64]:
        """Give slots a rule (None: none); returns the slots whose rule changed. Their state starts anew;
        the state of all others is kept."""
        rule = np.zeros(1, self.module.PARAMETERS)
        rule[0] = self.module.configure(settings or {})
        if not self.used:
            if not (_bytes(rule) != _bytes(self._idle)).any():
                return slots[:0]
            self.used = True
            self.grow(self._count)
        changed = np.concatenate([slots[:0], *(self._unlike(rule, part) for part in _parts(slots))])
        if len(changed):
            self._own()
            words(self.parameters)[changed] = words(rule)
            words(self.state)[changed] = words(one_of(self.module.initial(), self.state.dtype))
        return changed

    def _unlike(self, rule: npt.NDArray[np.void], slots: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Those of the slots that have another rule. Most are the same to the last byte, or still idle."""
        known = words(self.parameters)[slots]
        differ = (known != words(rule)).any(axis=1)
        slots = slots[differ]
        fresh = (known[differ] == words(self._idle)).all(axis=1)
        unlike = fresh & bool((_bytes(rule) != _bytes(self._idle)).any())
        rest = np.flatnonzero(~fresh)
        unlike[rest] = (_bytes(self.parameters[slots[rest]]) != _bytes(rule)).any(axis=1)
        found: npt.NDArray[np.int64] = slots[unlike]
        return found

    def move(self, old: npt.NDArray[np.int64], new: npt.NDArray[np.int64]) -> None:
        """Take rule and state along to new slots."""
        if not self.used:
            return
        self._own()
        self.parameters[new] = self.parameters[old]
        self.state[new] = self.state[old]

    def shift(self, slots: npt.NDArray[np.int64], delta_ns: int) -> None:
        """The device's clock changed by ``delta_ns``: times in the state move along, so that a running delay
        goes on."""
        if not self.used:
            return
        for name in self.module.EVENT_TIMES:
            times = self.state[name][slots]
            self.state[name][slots] = np.where(times == detectors.NO_TIME, times, times + delta_ns)

    def step(self, readings: Readings) -> str:
        """Judge a batch; the findings stand in ``self.findings``. Returns "" or what went wrong: a fault of
        a detector never stops the others."""
        self.findings.count = 0
        if not self.used:
            return ""
        try:
            self.module.step(self.parameters, self.state, readings, self.findings)
        except Exception:  # noqa: BLE001 - step is total: a plug-in's fault is counted
            return fault(self.kind)
        return ""

    def export(self, *, rows: bool = False) -> dict[str, Any]:
        """Arrays as they are now, with their layout. The rules are not copied before they change; nor is the
        state if it goes as ``rows`` of an ``Image`` that is told what changes."""
        self._lent = True
        return {
            "layout": repr((self.module.PARAMETERS.descr, self.module.STATE.descr)),
            "parameters": self.parameters,
            "state": Rows(self.state) if rows else self.state.copy(),
        }

    def _own(self) -> None:
        """Rules that an export refers to are copied before they change."""
        if self._lent:
            self.parameters = self.parameters.copy()
            self._lent = False

    def load(self, stored: dict[str, Any]) -> None:
        """Arrays back; ValueError when the layout is another one."""
        if stored["layout"] != repr((self.module.PARAMETERS.descr, self.module.STATE.descr)):
            raise ValueError(f"snapshot holds another layout of detector {self.kind}")
        self.parameters = writable(stored["parameters"], self.module.PARAMETERS)
        self.state = writable(stored["state"], self.module.STATE)
        self.used, self._count = True, len(self.state)


def restore(bank: list[Detector], stored: dict[str, Any], roster: Roster) -> None:
    """Arrays of every detector back. A kind that is not in the snapshot, because nothing used it or an older
    version wrote it, starts fresh, with the rules that the roster's profiles give it."""
    for detector in bank:
        if detector.kind in stored:
            detector.load(stored[detector.kind])
            continue
        detector.grow(len(roster.channels))
        for number in roster.active_devices():
            first, device = roster.first_slot[number], roster.channels.devices[number]
            profile = with_setpoints(roster.profiles[device.profile], device.overrides)
            for place in range(len(profile.points)):
                settings = settings_of(profile, place).get(detector.kind)
                if settings is not None:
                    detector.configure(np.array([first + place]), settings)


def _parts(slots: npt.NDArray[np.int64]) -> list[npt.NDArray[np.int64]]:
    """The slots in runs short enough that comparing their rules takes little memory."""
    return [slots[begin : begin + _RUN] for begin in range(0, len(slots), _RUN)]


def _bytes(records: npt.NDArray[np.void]) -> npt.NDArray[np.uint8]:
    """uint8[n, size] of the fields alone: padding between them holds anything, and NaN equals itself."""
    packed = repack_fields(records)
    return packed.view(np.uint8).reshape(len(records), packed.dtype.itemsize)


def writable(body: bytes, dtype: np.dtype[np.void]) -> npt.NDArray[np.void]:
    """Records of exactly these bytes."""
    return np.frombuffer(bytearray(body), dtype)


def fault(kind: str) -> str:
    """Name the exception being handled by a short hash of its place."""
    text = traceback.format_exc(limit=-1)
    return f"{kind}:{hashlib.sha256(text.encode()).hexdigest()[:12]}"
