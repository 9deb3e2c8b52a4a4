"""Who has not spoken: the silence time line, which stands still while we ourselves are deaf."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from detectors import Findings, Readings, silent
from gateway.monitor.detector import Detector
from gateway.monitor.roster import Roster
from gateway.monitor.stored import Rows

if TYPE_CHECKING:
    from gateway.monitor.judgement import Judgement

LINK_GRACE_NS = 10_000_000_000
"""A link down for longer is an alarm of its own; shorter is a reconnect."""
FOR_EVER = 1 << 62


class Silence:
    """Silence is not counted while the broker's link is down, nor for one period after it is back."""

    def __init__(self, roster: Roster) -> None:
        self._roster = roster
        self.detector = Detector("silent")
        self._device_findings = Findings()
        self.down_since_ns: int | None = 0
        """Gateway time since when we are deaf: link down, or nothing could be written; None while we hear."""
        self._up = False
        self._blind = False
        self.paused_ns = 0
        self._told_down = False
        self._urgent = False
        self._image = Rows(self.detector.state)
        self._next_ns = 0
        """Silence time before which a sweep finds nothing, unless somebody found silent speaks."""

    def started(self, now_ns: int) -> None:
        """The core started: deaf since ``now_ns``, the last time the journal knows."""
        if self.down_since_ns == 0:
            self.paused_ns = self.down_since_ns = now_ns
        else:
            self._blind = False
            self.link(up=False, now_ns=now_ns)

    def link(self, *, up: bool, now_ns: int) -> None:
        """The broker's link changed."""
        self._up = up
        self._listen(now_ns)

    def blind(self, *, active: bool, now_ns: int) -> None:
        """The journal cannot be written from now on, or it can again; who speaks meanwhile is not heard."""
        self._blind = active
        self._listen(now_ns)

    def _listen(self, now_ns: int) -> None:
        hearing = self._up and not self._blind
        if hearing and self.down_since_ns is not None:
            self.paused_ns += max(0, now_ns - self.down_since_ns)
            self.down_since_ns = None
            self._told_down = False
            self._image.keep_all()
            silent.link_back(self.detector.parameters, self.detector.state, self.at(now_ns))
        elif not hearing and self.down_since_ns is None:
            self.down_since_ns = now_ns

    def heard(self, readings: Readings, judgement: Judgement) -> None:
        """Readings are signs of life."""
        findings = self.detector.findings
        findings.count = 0
        offset = self.paused_ns
        if silent.step(self.detector.parameters, self.detector.state, readings, findings, offset):
            self._urgent = True
        if findings.count:
            self._next_ns = 0
        judgement.silence_of_channels(findings)

    def sweep(self, now_ns: int, judgement: Judgement) -> None:
        """Time passed."""
        if self.down_since_ns is not None:
            if not self._up and not self._told_down and now_ns - self.down_since_ns >= LINK_GRACE_NS:
                self._told_down = True
                judgement.condition("link_down", active=True)
            if not self._urgent:
                return
        at_ns = self.at(now_ns)
        if at_ns < self._next_ns and not self._urgent:
            return
        self._urgent = False
        findings, devices = self.detector.findings, self._device_findings
        findings.count = devices.count = 0
        self._image.keep_all()  # it comes first in a snapshot, so this is nothing but in its first turns
        self._next_ns = silent.sweep(
            self.detector.parameters,
            self.detector.state,
            self._roster.channels.device_of_slot,
            len(self._roster.channels.devices),
            at_ns,
            findings,
            devices,
        )
        judgement.silence_of_devices(devices, now_ns)
        judgement.silence_of_channels(findings)

    @property
    def calm_until_ns(self) -> int:
        """Gateway time before which nobody falls silent, whoever speaks meanwhile or does not."""
        return FOR_EVER if self.down_since_ns is not None else self._next_ns + self.paused_ns

    @property
    def urgent(self) -> bool:
        """A device that was found silent spoke: sweep at once."""
        return self._urgent

    def grow(self, count: int) -> None:
        """Room for more slots."""
        self.detector.grow(count)
        self._next_ns = 0

    def configure(self, slots: npt.NDArray[np.int64], settings: dict[str, Any]) -> npt.NDArray[np.int64]:
        """Watch these channels; returns those whose time-out changed. Nobody who spoke is forgotten, and what
        was found silent still ends when it speaks."""
        kept = self.detector.state[slots].copy()
        changed = self.detector.configure(slots, settings)
        self.detector.state[slots] = kept
        silent.retime(self.detector.parameters, self.detector.state, changed)
        self._next_ns = 0
        return changed

    def begin(self, slots: npt.NDArray[np.int64], settings: dict[str, Any]) -> None:
        """Watch these channels from now on, whatever was before."""
        self.detector.configure(slots, settings)
        self._next_ns = 0

    def finds(self, slots: range) -> bool:
        """Whether one of these channels, or their device, is found silent."""
        return bool(self.detector.state["flags"][slots.start : slots.stop].any())

    def retire(self, slots: npt.NDArray[np.int64]) -> None:
        """Watch these channels no longer."""
        self.detector.configure(slots, None)

    def watches(self, slots: range) -> bool:
        """Whether one of these channels is watched."""
        return bool(self.detector.parameters["silent_after_ns"][slots.start : slots.stop].any())

    def at(self, now_ns: int) -> int:
        """Gateway time on the silence time line."""
        at = now_ns if self.down_since_ns is None else min(now_ns, self.down_since_ns)
        return max(0, at - self.paused_ns)

    def export(self) -> dict[str, Any]:
        """Plain values, and the state for an ``Image`` that is told of the readings heard."""
        self._image = Rows(self.detector.state)
        return {
            "detector": {**self.detector.export(copy=False), "state": self._image},
            "down_since_ns": self.down_since_ns,
            "paused_ns": self.paused_ns,
            "told_down": self._told_down,
            "up": self._up,
            "blind": self._blind,
            "urgent": self._urgent,
        }

    def load(self, stored: dict[str, Any]) -> None:
        """Back to exported values."""
        self.detector.load(stored["detector"])
        self._next_ns = 0
        self.down_since_ns = stored["down_since_ns"]
        self.paused_ns = stored["paused_ns"]
        self._told_down = stored["told_down"]
        self._up, self._blind = stored["up"], stored["blind"]
        self._urgent = stored["urgent"]
