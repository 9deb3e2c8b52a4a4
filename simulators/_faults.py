"""What can go wrong with any device, whatever it measures; applied after the physics, before the wire.

stuck: one channel repeats its last value. dropout: the device says nothing. sensor_fault: one channel's
transmitter says that it failed (on a 4-20 mA loop 3.2 mA, NAMUR NE 43; else no value). bad_quality: the
device itself calls the reading bad. wrong_clock: the device's clock falls an hour behind and stays there.
"""

from __future__ import annotations

from collections.abc import Sequence

from device_profiles import Profile
from simulators import Fault, Label, Sample

SHARED = ("stuck", "dropout", "sensor_fault", "bad_quality", "wrong_clock")
FAULT_MA = 3.2
"""Below 3.6 mA: failure, NAMUR NE 43."""
CLOCK_BEHIND_NS = 3_600_000_000_000
SWEEP_S = 1.0
"""Slack for the gateway's own rounds."""


def active(fault: Fault, now_s: float) -> bool:
    """Whether a fault is on ``now_s`` seconds after the plant's start."""
    return fault.at_s <= now_s < fault.at_s + fault.for_s


class Spoiler:
    """Applies the shared faults to one step's samples."""

    def __init__(self, profile: Profile, devices: Sequence[str], faults: Sequence[Fault]) -> None:
        self._profile = profile
        self._faults = [(devices[f.device], self.channel_of(f), f) for f in faults if f.kind in SHARED]
        self._held: dict[tuple[str, str], float | None] = {}

    def channel_of(self, fault: Fault) -> str:
        """The channel that a fault of one channel spoils."""
        return fault.channel or self._profile.points[0].channel

    def apply(self, samples: list[Sample], now_s: float) -> list[Sample]:
        """What goes on the wire."""
        for device, channel, fault in self._faults:
            if active(fault, now_s):
                if fault.kind == "dropout":
                    samples = [s for s in samples if s.device != device]
                elif fault.kind == "wrong_clock":
                    samples = [
                        s._replace(time_ns=s.time_ns - CLOCK_BEHIND_NS) if s.device == device else s
                        for s in samples
                    ]
                else:
                    samples = [
                        self._spoil(fault.kind, s) if (s.device, s.channel) == (device, channel) else s
                        for s in samples
                    ]
            elif fault.kind == "stuck":
                self._held.update({(s.device, s.channel): s.value for s in samples if s.device == device})
        return samples

    def labels(self, start_ns: int, period_s: float) -> list[Label]:
        """What these faults must raise."""
        found = []
        for device, channel, fault in self._faults:
            begin = start_ns + round(fault.at_s * 1e9)
            end = begin + round(fault.for_s * 1e9)
            if fault.kind == "dropout":
                within = self._profile.silent_after_ns / 1e9 + period_s + SWEEP_S
                found.append(Label("dropout", device, "", "silent", begin, end, within))
            elif fault.kind == "wrong_clock":
                within = (self._profile.rebase_readings + 2) * period_s + SWEEP_S
                found.append(Label("wrong_clock", device, "", "clock_changed", begin, end, within))
            elif fault.kind == "stuck":
                found.append(Label("stuck", device, channel, "", begin, end, 0.0))
            else:
                found.append(
                    Label(fault.kind, device, channel, "sensor_fault", begin, end, 2 * period_s + SWEEP_S)
                )
        return found

    def _spoil(self, kind: str, sample: Sample) -> Sample:
        if kind == "bad_quality":
            return sample._replace(quality="bad")
        if kind == "stuck":
            return sample._replace(value=self._held.setdefault((sample.device, sample.channel), sample.value))
        point = self._profile.point(sample.channel)
        loop = point is not None and point.wire_unit == "mA"
        return sample._replace(value=FAULT_MA if loop else None)
