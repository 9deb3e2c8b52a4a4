"""What can go wrong with any device, whatever it measures; applied after the physics, before the wire.

Values of one channel: "stuck" repeats its last value; "drift" walks off by up to 20 % of the span an hour;
"spikes" now and then show a fifth of the span too much; "noise" shakes a twentieth of it; "wrong_scale" shows
up to ten times the value, as after a wrong unit in the transmitter, be it beyond the range; "sensor_fault":
the transmitter says that it failed (on a 4-20 mA loop 3.2 mA, NAMUR NE 43; else no value); "bad_quality":
the device says so itself.
The device's clock: "wrong_clock" falls an hour behind and stays there (six readings, where they come so
seldom: less than two would be a reading that came late); "clock_jump" an hour ahead;
"clock_skew" runs up to 500 ppm fast. Delivery: "dropout" says nothing; "offline" says nothing and uploads
everything afterwards; "late" holds every reading back for a while; "reordered" swaps neighbouring steps;
"duplicate" says every reading twice; "battery" dies: readings are lost ever more often.

Nothing is demanded that no instrument could meet: after a run, nothing of a fault that changed nothing on the
wire. Ten times zero is zero, so the time of a wrong scale counts from the third reading that it changed by
SEEN (one alone is what a spike filter holds back); who is stuck at rest shows the truth until something
moves, and a rest that a channel shows by right now and again looks like any other; a state has no size that
could drift. What is believed of a clock after so many packets, or so many of the gateway's windows, takes as
many uploads of a device that keeps its readings.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from device_profiles import Profile
from simulators import Fault, Label, Sample
from simulators._labels import SWEEP_S, label, within_s

FAULT_MA = 3.2
"""Below 3.6 mA: failure, NAMUR NE 43."""
HOUR_NS = 3_600_000_000_000
HOUR_S = 3600.0
SKEW = 500e-6
BATTERY_S = 4 * HOUR_S
"""A battery's last hours, from the first lost reading to the last sent one."""
DRIFT, SPIKE, SHAKE, FACTOR = 0.2, 0.2, 0.05, 9.0
"""Shares of the span; how much more a wrong scale shows."""
SPIKE_EVERY = 20
VALUE = ("stuck", "drift", "spikes", "noise", "wrong_scale", "sensor_fault", "bad_quality")
TREND_VALUE = ("stuck", "drift", "spikes", "noise", "wrong_scale")
CLOCK = ("wrong_clock", "clock_jump", "clock_skew")
DELIVERY = ("dropout", "offline", "late", "reordered", "duplicate", "battery")
SHARED = (*VALUE, *CLOCK, *DELIVERY)
QUIET = ("late", "reordered", "duplicate")
"""A gateway copes with these: they may raise nothing, unless a device is held back so long that it may count
as silent."""
TREND_S: Mapping[str, float] = {
    "stuck": 1800.0, "drift": HOUR_S, "spikes": 600.0, "noise": 600.0, "wrong_scale": 60.0,
    "clock_skew": 86_400.0,
}  # fmt: skip
"""No limit sees these for certain; seconds in which a trend should, at severity 1."""
TREND_READINGS: Mapping[str, int] = {"stuck": 10, "spikes": 240, "noise": 64}
"""The same in readings, for devices that say little: a coarse last digit alone repeats itself a few times;
three spikes of one reading in SPIKE_EVERY, drawn by chance, are there in 240 readings with 99.9 % (in 64 with
62 %); a variance takes so many as well."""
SEEN, STUCK_SEEN = 0.02, 3e-4
"""Shares of the span: a fault that changed a value by less everywhere left no trace in it; who is stuck while
the truth moves by less than a last digit shows the truth."""
SCALE_SEEN = 3
"""The readings that a wrong scale must have changed before its time counts."""
DRIFT_UPLOADS = 5
"""A clock's drift is judged from window to window: one to begin with, one that the fault falls into, and
three that move alike (the gateway's own rule). A device that uploads once a window needs as many uploads."""
REST = 0.1
"""Who is stuck at a value that the truth shows to the last digit in so many of the readings rests."""


def active(fault: Fault, now_s: float) -> bool:
    """Whether a fault is on ``now_s`` seconds after the plant's start."""
    return fault.at_s <= now_s < fault.at_s + fault.for_s


class Spoiler:
    """Applies the shared faults to one step's samples."""

    def __init__(
        self, profile: Profile, devices: Sequence[str], faults: Sequence[Fault], seed: int = 0
    ) -> None:
        self._profile = profile
        self._faults = [(devices[f.device], self.channel_of(f), f) for f in faults if f.kind in SHARED]
        self._held: dict[tuple[str, str], float | None] = {}
        self._kept: list[list[tuple[float, Sample]]] = [[] for _ in self._faults]
        """Of each fault: samples held back, and since when."""
        self._changed: list[float] = [math.nan for _ in self._faults]
        """Of each fault of a value: the largest change so far, as a share of the span; NaN: not on yet."""
        self._right: list[list[int]] = [[0, 0] for _ in self._faults]
        """Of each fault of a value: samples that showed the truth, and all."""
        self._shown_s: list[list[float]] = [[] for _ in self._faults]
        """Of each fault of a value: when it changed the first SCALE_SEEN samples that it changed by SEEN."""
        self._random = np.random.default_rng((abs(seed), 1))

    def channel_of(self, fault: Fault) -> str:
        """The channel that a fault of one channel spoils."""
        if fault.channel:
            return fault.channel
        points = tuple(p for p in self._profile.points if not p.on_event)
        if fault.kind in {"stuck", "drift", "spikes", "noise", "wrong_scale"}:
            points = tuple(p for p in points if not p.states) or points
        return points[0].channel

    def apply(self, samples: list[Sample], now_s: float) -> list[Sample]:
        """What goes on the wire."""
        for place, (device, channel, fault) in enumerate(self._faults):
            on = active(fault, now_s)
            if fault.kind in DELIVERY:
                mine = [s for s in samples if s.device == device]
                others = [s for s in samples if s.device != device]
                samples = [*others, *self._deliver(fault, self._kept[place], mine, now_s, on=on)]
            elif on and fault.kind in CLOCK:
                ahead = _ahead_ns(fault, now_s, self._profile.period_ns)
                samples = [
                    s._replace(time_ns=s.time_ns + ahead) if s.device == device else s for s in samples
                ]
            elif on:
                samples = [
                    self._seen(place, s, self._spoil(fault, s, now_s), now_s)
                    if (s.device, s.channel) == (device, channel)
                    else s
                    for s in samples
                ]
            elif fault.kind == "stuck":
                self._held.update({(s.device, s.channel): s.value for s in samples if s.device == device})
        return samples

    def labels(self, start_ns: int, period_s: float, wait_s: float = 0.0) -> list[Label]:
        """What these faults must raise, and which may raise nothing; wait_s: until a reading is uploaded."""
        found = []
        for place, (device, channel, fault) in enumerate(self._faults):
            made = self._label(device, channel, fault, start_ns, (period_s, wait_s))
            stuck, (right, count) = fault.kind == "stuck", self._right[place]
            unseen = self._changed[place] <= (
                STUCK_SEEN if stuck else SEEN
            )  # NaN: not on yet, all is demanded
            if unseen or (stuck and count > 1 and right - 1 >= REST * count):  # the first always is right
                made = made._replace(condition="", within_s=0.0, must_detect_within_s=None)
            elif fault.kind == "wrong_scale" and made.must_detect_within_s is not None and count:
                made = self._since_shown(made, fault, self._shown_s[place])
            found.append(made)
        return found

    def _since_shown(self, made: Label, fault: Fault, shown_s: Sequence[float]) -> Label:
        """The demand on a wrong scale, its time counted from when it showed; none while it did not."""
        if len(shown_s) < SCALE_SEEN:
            return made._replace(condition="", within_s=0.0, must_detect_within_s=None)
        return made._replace(
            must_detect_within_s=(made.must_detect_within_s or 0.0) + shown_s[-1] - fault.at_s
        )

    def _seen(self, place: int, true: Sample, shown: Sample, now_s: float) -> Sample:
        """Note how much a fault changed; a sample that says so itself is always seen."""
        if shown.value is None or shown.quality is not None or self._faults[place][2].kind not in TREND_VALUE:
            return shown
        point = self._profile.point(true.channel)
        change = 0.0
        if true.value is not None and point is not None:
            span = 16.0 if point.wire_unit == "mA" else point.high - point.low
            change = abs(shown.value - true.value) / span
        if change >= SEEN and len(self._shown_s[place]) < SCALE_SEEN:
            self._shown_s[place].append(now_s)
        self._right[place][0] += shown.value == true.value
        self._right[place][1] += 1
        before = self._changed[place]
        self._changed[place] = change if math.isnan(before) else max(before, change)
        return shown

    def _label(
        self, device: str, channel: str, fault: Fault, start_ns: int, pace: tuple[float, float]
    ) -> Label:
        period_s, wait_s = pace
        silent_s = self._profile.silent_after_ns / 1e9 + period_s + SWEEP_S
        clock_s = (self._profile.rebase_readings + 2) * max(period_s, wait_s) + SWEEP_S
        quiet = fault.kind in QUIET
        if fault.kind in {"dropout", "offline"}:
            told = fault.for_s >= silent_s
            quiet = not told and fault.for_s + 2 * period_s < self._profile.silent_after_ns / 1e9
            found = label(fault, device, "", "silent", start_ns, silent_s, quiet=quiet)
            if not told:  # over before a device counts as silent
                found = found._replace(condition="", within_s=0.0, must_detect_within_s=None)
        elif fault.kind in {"wrong_clock", "clock_jump"}:
            found = label(fault, device, "", "clock_changed", start_ns, clock_s)
        elif fault.kind == "battery":  # what is lost ever more often is missed at last when it is silent
            last_s = within_s(BATTERY_S, fault.severity, period_s, wait_s=wait_s)
            found = label(fault, device, "", "", start_ns, last_s + silent_s)
        elif fault.kind in {"sensor_fault", "bad_quality"}:
            found = label(fault, device, channel, "sensor_fault", start_ns, 2 * period_s + wait_s + SWEEP_S)
        else:
            where = channel if fault.kind in VALUE else ""
            trend_s = max(TREND_S.get(fault.kind, 0.0), TREND_READINGS.get(fault.kind, 0) * period_s)
            limit_s = within_s(trend_s, fault.severity, period_s, wait_s=wait_s)
            if fault.kind == "clock_skew":
                limit_s = max(limit_s, DRIFT_UPLOADS * wait_s + 2 * period_s + SWEEP_S)
            found = label(fault, device, where, "", start_ns, limit_s, quiet=quiet)
        if fault.kind in {"late", "reordered"}:
            held_s = self._late_s(fault) if fault.kind == "late" else period_s
            gap_s = (1 + math.ceil(held_s / period_s)) * period_s
            if gap_s + SWEEP_S > self._profile.silent_after_ns / 1e9:  # it may count as silent, or may not
                found = found._replace(must_not_alarm=False)
        return found

    def _deliver(
        self, fault: Fault, kept: list[tuple[float, Sample]], mine: list[Sample], now_s: float, *, on: bool
    ) -> list[Sample]:
        """What leaves the device in this step: ``mine``, less or more."""
        if fault.kind in {"offline", "late"}:
            wait_s = 1e18 if fault.kind == "offline" else self._late_s(fault)
            if on:
                kept += [(now_s, s) for s in mine]
                mine = []
            due = [s for since, s in kept if not on or now_s >= since + wait_s]
            kept[:] = [(since, s) for since, s in kept if on and now_s < since + wait_s]
            return [*due, *mine]
        if fault.kind == "reordered":
            if on and not kept:
                kept += [(now_s, s) for s in mine]
                return []
            early = [s for _, s in kept]
            kept.clear()
            return [*mine, *early]
        if not on:
            return mine
        if fault.kind == "duplicate":
            return [*mine, *mine]
        if fault.kind == "battery":
            lost = min(1.0, fault.severity * (now_s - fault.at_s) / BATTERY_S)
            return mine if float(self._random.random()) >= lost else []
        return []

    def _late_s(self, fault: Fault) -> float:
        """Well below the time after which a device counts as silent."""
        return 0.25 * fault.severity * self._profile.silent_after_ns / 1e9

    def _spoil(self, fault: Fault, sample: Sample, now_s: float) -> Sample:
        if fault.kind == "bad_quality":
            return sample._replace(quality="bad")
        if fault.kind == "stuck":
            return sample._replace(value=self._held.setdefault((sample.device, sample.channel), sample.value))
        point = self._profile.point(sample.channel)
        loop = point is not None and point.wire_unit == "mA"
        if fault.kind == "sensor_fault":
            return sample._replace(value=FAULT_MA if loop else None)
        if sample.value is None or point is None or point.states:
            return sample
        low, high = (4.0, 20.0) if loop else (point.low, point.high)
        change = _CHANGES[fault.kind](self._random, fault, sample.value - low, high - low, now_s)
        if fault.kind == "wrong_scale" and not loop:
            high = math.inf
        return sample._replace(value=round(min(high, max(low, sample.value + change)), 4))


def _ahead_ns(fault: Fault, now_s: float, period_ns: int) -> int:
    """How far ahead of the truth the device's clock is."""
    if fault.kind == "clock_skew":
        return round(fault.severity * SKEW * (now_s - fault.at_s) * 1e9)
    return HOUR_NS if fault.kind == "clock_jump" else -max(HOUR_NS, 6 * period_ns)


Change = Callable[[np.random.Generator, Fault, float, float, float], float]


def _drift(_random: np.random.Generator, fault: Fault, _shown: float, span: float, now_s: float) -> float:
    return fault.severity * DRIFT * span * (now_s - fault.at_s) / HOUR_S


def _spike(random: np.random.Generator, fault: Fault, _shown: float, span: float, _now_s: float) -> float:
    return fault.severity * SPIKE * span if int(random.integers(SPIKE_EVERY)) == 0 else 0.0


def _shake(random: np.random.Generator, fault: Fault, _shown: float, span: float, _now_s: float) -> float:
    return float(random.normal(0.0, fault.severity * SHAKE * span))


def _scale(_random: np.random.Generator, fault: Fault, shown: float, _span: float, _now_s: float) -> float:
    return fault.severity * FACTOR * shown


_CHANGES: Mapping[str, Change] = {"drift": _drift, "spikes": _spike, "noise": _shake, "wrong_scale": _scale}
