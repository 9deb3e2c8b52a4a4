"""Which channels get other rules by a configuration change. The state of a rule that stays the same is kept.

Guarantee: a change of one device's setpoint starts the limits of that channel anew and touches nothing else.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from device_profiles import Profile
from gateway.monitor.bank import Bank, ChannelDetector
from gateway.monitor.channels import Setpoint
from gateway.monitor.judgement import Judgement
from gateway.monitor.roster import Change, Roster, settings_of, with_setpoints
from gateway.monitor.silence import Silence


class Rules:
    """Gives detectors and the silence watch their parameters, and device clocks theirs."""

    def __init__(self, roster: Roster, bank: Bank, silence: Silence, judgement: Judgement) -> None:
        self._roster = roster
        self._bank = bank
        self._silence = silence
        self._judgement = judgement

    def change(self, change: Change, clocks: npt.NDArray[np.void]) -> None:
        """Put in force what the roster's change asks; clocks: one record a device (``timing.CLOCK``)."""
        if change.moved:
            old, new = (np.array(side, np.int64) for side in zip(*change.moved, strict=True))
            self._bank.move(old, new)
            self._silence.detector.move(old, new)
        concerned = sorted({*change.added, *change.reset, *self._roster.followers(change.reruled)})
        for name, numbers in self._roster.by_profile(concerned).items():
            profile = self._roster.profiles[name]
            clocks["late_after_ns"][numbers] = profile.late_after_ns
            clocks["max_future_ns"][numbers] = profile.max_future_ns
            clocks["rebase"][numbers] = profile.rebase_readings
            self._configure(profile, numbers)
        if change.retired:
            gone = np.concatenate([np.array(self._roster.slots_of(n), np.int64) for n in change.retired])
            for detector in self._bank:
                self._bank.configure(detector, gone, None)
            self._silence.retire(gone)
        self._bank.share()

    def _configure(self, profile: Profile, numbers: list[int]) -> None:
        first = self._roster.first_slots(numbers)
        devices = self._roster.channels.devices
        own = [(place, devices[n].overrides) for place, n in enumerate(numbers) if devices[n].overrides]
        for place, point in enumerate(profile.points):
            settings = settings_of(profile, place)
            groups = _by_setpoints(own, point.channel)
            for detector in self._bank:
                slots = first + place
                if groups and detector.kind in _OVERRIDDEN:
                    for setpoints, members in groups.items():
                        special = settings_of(with_setpoints(profile, setpoints), place)
                        self._give(detector, slots[members], special.get(detector.kind))
                    slots = np.delete(slots, [m for members in groups.values() for m in members])
                self._give(detector, slots, settings.get(detector.kind))
            self._silence.configure(first + place, settings["silent"])

    def _give(
        self, detector: ChannelDetector, slots: npt.NDArray[np.int64], settings: dict[str, object] | None
    ) -> None:
        if len(slots):
            changed = self._bank.configure(detector, slots, settings)
            self._judgement.rule_changed(detector.kind, changed)


_OVERRIDDEN = ("limits", "discrete", "time_to_limit")
"""Kinds of detectors whose rules a device may have of its own: they follow its setpoints."""


def _by_setpoints(
    own: list[tuple[int, tuple[Setpoint, ...]]], channel: str
) -> dict[tuple[Setpoint, ...], list[int]]:
    """Setpoints of one channel -> places of the devices that have just these."""
    groups: dict[tuple[Setpoint, ...], list[int]] = {}
    for place, setpoints in own:
        mine = tuple(s for s in setpoints if s.channel == channel)
        if mine:
            groups.setdefault(mine, []).append(place)
    return groups
