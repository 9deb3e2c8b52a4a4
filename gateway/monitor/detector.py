"""One detector's parameters and state: a record of each for every slot, or every group.

Channels that share their rules go more cheaply: see bank.py.
"""

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

_RUN = 1 << 14


class Detector:
    """One detector's module and arrays."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.module: ModuleType = detectors.load(kind)
        self.parameters: npt.NDArray[np.void] = np.zeros(0, self.module.PARAMETERS)
        self.state: npt.NDArray[np.void] = np.zeros(0, self.module.STATE)
        self.findings = Findings()
        self._lent = False
        self._idle = one_of(self.module.configure({}), self.module.PARAMETERS)

    def grow(self, count: int) -> None:
        """Room for ``count`` slots; new ones judge nothing until configured."""
        if count > len(self.state):
            self.parameters = grown(self.parameters, count, self._idle[0])
            self.state = grown(self.state, count, self.module.initial())

    def configure(
        self, slots: npt.NDArray[np.int64], settings: dict[str, Any] | None
    ) -> npt.NDArray[np.int64]:
        """Give slots a rule (None: none); returns the slots whose rule changed. Their state starts anew;
        the state of all others is kept."""
        rule = one_of(self.module.configure(settings or {}), self.module.PARAMETERS)
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
        unlike = fresh & bool((field_bytes(rule) != field_bytes(self._idle)).any())
        rest = np.flatnonzero(~fresh)
        unlike[rest] = (field_bytes(self.parameters[slots[rest]]) != field_bytes(rule)).any(axis=1)
        found: npt.NDArray[np.int64] = slots[unlike]
        return found

    def move(self, old: npt.NDArray[np.int64], new: npt.NDArray[np.int64]) -> None:
        """Take rule and state along to new slots."""
        self._own()
        self.parameters[new] = self.parameters[old]
        self.state[new] = self.state[old]

    def step(self, readings: Readings) -> str:
        """Judge a batch; the findings stand in ``self.findings``. Returns "" or what went wrong: a fault of
        a detector never stops the others."""
        self.findings.count = 0
        try:
            self.module.step(self.parameters, self.state, readings, self.findings)
        except Exception:  # noqa: BLE001 - step is total: a plug-in's fault is counted
            return fault(self.kind)
        return ""

    def export(self, *, copy: bool = True) -> dict[str, Any]:
        """Arrays as they are now, with their layout. The rules are not copied before they change, and the
        state only if ``copy``."""
        self._lent = True
        return {
            "layout": repr((self.module.PARAMETERS.descr, self.module.STATE.descr)),
            "parameters": self.parameters,
            "state": self.state.copy() if copy else self.state,
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


def _parts(slots: npt.NDArray[np.int64]) -> list[npt.NDArray[np.int64]]:
    """The slots in runs short enough that comparing their rules takes little memory."""
    return [slots[begin : begin + _RUN] for begin in range(0, len(slots), _RUN)]


def field_bytes(records: npt.NDArray[np.void]) -> npt.NDArray[np.uint8]:
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
