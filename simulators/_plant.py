"""What every plant shares: time, its own random numbers, its faults and the truth about them.

A subclass offers ``PROFILE``, ``FAULTS``, ``_advance(dt_s)`` (physics) and ``_measure()`` (what the sensors
show now). A device that keeps its readings and uploads them together (``UPLOAD_S``) or speaks only when
something happened says ``SPORADIC`` and overrides ``_samples``. Random numbers come from the seed alone, so
the same arguments give the same bytes.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar, Self

import numpy as np

from simulators import Expected, Fault, Label, Sample
from simulators._faults import SHARED, Spoiler, active
from simulators._labels import check_severity, label, within_s
from simulators._profiles import on_delay_s, profile

DECIMALS = 4
DECIMALS_OF = {"latitude": 6, "longitude": 6}
"""A tenth of a metre on the ground; with four it would be eleven."""


def towards(value: float, target: float, dt_s: float, tau_s: float) -> float:
    """First-order lag, exact for a constant target: value(t) = target + (value - target) e^(-t/tau)."""
    return target + (value - target) * math.exp(-dt_s / tau_s)


class PlantBase:
    """See the module's docstring and the contract in simulators/__init__.py."""

    PROFILE: ClassVar[str]
    FAULTS: ClassVar[Mapping[str, tuple[Expected, ...]]]
    DEVICES_MIN: ClassVar[int] = 1
    STEP_S: ClassVar[float] = 0.0
    """Seconds between steps when nobody says; 0 = the profile's period."""
    UPLOAD_S: ClassVar[float] = 0.0
    """How long a device may keep a reading before it uploads it: goes into the labels."""
    SPORADIC: ClassVar[bool] = False
    """Not every channel speaks at every step."""

    def __init__(
        self,
        devices: Sequence[str],
        start_ns: int,
        seed: int,
        faults: Sequence[Fault] = (),
        *,
        period_s: float | None = None,
        scale: float = 1.0,
    ) -> None:
        self.devices = tuple(devices)
        if len(self.devices) < self.DEVICES_MIN:
            raise ValueError(f"{self.PROFILE}: a plant needs {self.DEVICES_MIN} devices or more")
        known = (*self.FAULTS, *SHARED)
        for fault in faults:
            check_severity(fault)
            if fault.kind not in known:
                raise ValueError(f"{self.PROFILE} has no fault {fault.kind!r}; known: {', '.join(known)}")
        self._profile = profile(self.PROFILE)
        own_s = self.STEP_S or self._profile.period_ns / 1e9
        self._period_s = period_s if period_s is not None else own_s
        self._take(faults)
        self._seed = seed
        self._scale = scale
        self._start_ns = self._now_ns = start_ns
        self._random = np.random.default_rng(seed)
        self._spoiler = Spoiler(self._profile, self.devices, faults, seed)
        self._begin()

    def forked(self, devices: Sequence[str], faults: Sequence[Fault]) -> Self:
        """A plant that stands where this one does, of other names and faults, as if it had been given them at
        its start: none may have begun yet, and none of this one's."""
        own: Self = copy.deepcopy(self, {id(self._profile): self._profile})
        own.devices = tuple(devices)
        own._take(faults)
        own._spoiler = Spoiler(self._profile, own.devices, faults, self._seed)
        return own

    def _take(self, faults: Sequence[Fault]) -> None:
        self._faults = tuple(faults)
        self._of_kind = {f.kind: tuple(g for g in faults if g.kind == f.kind) for f in faults}

    def step(self, time_ns: int) -> list[Sample]:
        """Let the plant run until ``time_ns`` and read every device; times must increase."""
        if time_ns < self._now_ns:
            raise ValueError(f"time goes back from {self._now_ns} to {time_ns} ns")
        dt_s = (time_ns - self._now_ns) / 1e9 * self._scale
        self._now_ns = time_ns
        self._advance(dt_s)
        return self._samples(time_ns)

    def _samples(self, time_ns: int) -> list[Sample]:
        """What leaves the devices in the step that ends at ``time_ns``."""
        return self._spoiler.apply(self._now(time_ns), self._now_s)

    def _now(self, time_ns: int) -> list[Sample]:
        """What the sensors show now."""
        return [
            Sample(self.devices[device], channel, time_ns, round(value, DECIMALS_OF.get(channel, DECIMALS)))
            for device, channel, value in self._measure()
        ]

    def labels(self) -> list[Label]:
        """Which alarms the faults must raise, and by when."""
        wait_s = self.UPLOAD_S / self._scale
        found = self._spoiler.labels(self._start_ns, self._period_s, wait_s)
        for fault in self._faults:
            for expected in self.FAULTS.get(fault.kind, ()):
                device = self.devices[fault.device if expected.device is None else expected.device]
                delay_s = 0.0
                if expected.condition:
                    delay_s = on_delay_s(self.PROFILE, expected.channel, expected.condition)
                limit_s = within_s(
                    expected.crossing_s, fault.severity, self._period_s, self._scale, delay_s, wait_s
                )
                found.append(
                    label(
                        fault, device, expected.channel, expected.condition, self._start_ns, limit_s,
                        quiet=expected.quiet,
                    )
                )  # fmt: skip
        return found

    @property
    def _now_s(self) -> float:
        return (self._now_ns - self._start_ns) / 1e9

    def _mine(self, kind: str, device: int | None) -> list[Fault]:
        """The faults of this kind that are on (of one device, or of any)."""
        return [
            f
            for f in self._of_kind.get(kind, ())
            if active(f, self._now_s) and (device is None or f.device == device)
        ]

    def _on(self, kind: str, device: int | None = None) -> bool:
        """Whether a fault of this kind is on (of one device, or of any)."""
        return kind in self._of_kind and bool(self._mine(kind, device))

    def _severity(self, kind: str, device: int | None = None) -> float:
        """The largest severity of the faults of this kind that are on; 0 = none is."""
        if kind not in self._of_kind:  # physics asks for every kind in every part of a step
            return 0.0
        return max((f.severity for f in self._mine(kind, device)), default=0.0)

    def _elapsed_s(self, kind: str, device: int | None = None) -> float:
        """Seconds of physics since the first fault of this kind that is on began; 0 = none is."""
        if kind not in self._of_kind:
            return 0.0
        return max(((self._now_s - f.at_s) * self._scale for f in self._mine(kind, device)), default=0.0)

    def _noise(self, sigma: float) -> float:
        return float(self._random.normal(0.0, sigma))

    def _begin(self) -> None:
        """Set the normal state."""
        raise TypeError(f"{type(self).__name__} does not say how it begins")

    def _advance(self, dt_s: float) -> None:
        """Physics, ``dt_s`` seconds further."""
        raise TypeError(f"{type(self).__name__} has no physics")

    def _measure(self) -> Iterable[tuple[int, str, float]]:
        """(place of the device, channel, value in the unit on the wire) of every sensor, now."""
        raise TypeError(f"{type(self).__name__} measures nothing")
