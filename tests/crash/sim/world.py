"""Two hundred devices of the shipped profiles, each with a clock, a form of payload and a fate of its own.

The world knows what is true: which device it silenced, and when a quantity was beyond its limit. Times are
true time in ns since 1970; a device's own clock may be wrong.
"""

from __future__ import annotations

import heapq
import json
import random
from dataclasses import dataclass, field

from device_profiles import Point, Profile
from gateway.monitor.channels import Device

SECOND = 1_000_000_000


@dataclass(slots=True)
class Fate:
    """A stretch of true time in which a device does something special."""

    kind: str
    """silent, excursion."""
    begin_ns: int
    end_ns: int
    first_position: int = 0
    """Journal positions at its begin and end, noted by the simulation as it passes them."""
    last_position: int = 0


@dataclass(slots=True)
class Sensor:
    """One device as the world builds it."""

    device: Device
    profile: Profile
    form: str
    """json, batch, columns."""
    identity: str
    """seq, time, timeless: how a repetition of its payload can be recognised."""
    period_ns: int
    rows: int = 1
    """Readings a channel has in one payload, of the form "columns"."""
    clock_offset_ns: int = 0
    frozen_ns: int = 0
    """Not 0: its clock stands still there."""
    healthy: bool = True
    """Whether its clock and transport are good, so that its alarms can be expected exactly."""
    trouble: str = "none"
    joins_later: bool = False
    """Not in the first fleet; a configuration change may bring it."""
    boot: int = 1
    seq: int = 0
    sent: int = 0
    fates: list[Fate] = field(default_factory=list)

    @property
    def key(self) -> str:
        """As everywhere: "<enterprise>/<site>/<device>"."""
        return self.device.key

    def longest_delay_ns(self) -> int:
        """The longest on-delay of its alarms."""
        return max((a.on_delay_ns for a in self.profile.alarms), default=0)

    def during(self, kind: str, at_ns: int) -> bool:
        """Whether a fate of this kind holds now."""
        return any(f.kind == kind and f.begin_ns <= at_ns < f.end_ns for f in self.fates)

    def clock_ms(self, true_ns: int) -> int:
        """What its own clock says."""
        return (self.frozen_ns or true_ns + self.clock_offset_ns) // 1_000_000


@dataclass(frozen=True, slots=True)
class Emission:
    """One payload a device publishes."""

    sensor: Sensor
    topic: bytes
    payload: bytes


class World:
    """Emits payloads in true-time order."""

    def __init__(self, draw: random.Random, profiles: dict[str, Profile], count: int, start_ns: int) -> None:
        self._draw = draw
        self.start_ns = start_ns
        self.sensors = [self._sensor(number, profiles) for number in range(count)]
        self._due: list[tuple[int, int]] = []
        for number, sensor in enumerate(self.sensors):
            heapq.heappush(self._due, (start_ns + draw.randrange(sensor.period_ns), number))

    def _sensor(self, number: int, profiles: dict[str, Profile]) -> Sensor:
        draw = self._draw
        name = sorted(profiles)[number % len(profiles)]
        profile = profiles[name]
        site = f"site-{number % 4}"
        device = Device("acme", site, f"area-{number % 9}", f"D{number:03d}", name)
        identity = draw.choices(("seq", "time", "timeless"), (60, 35, 5))[0]
        form = (
            draw.choice(("json", "batch", "batch", "columns", "columns"))
            if identity != "timeless"
            else "json"
        )
        rows = draw.choice((1, 1, 4)) if form == "columns" else 1
        return Sensor(device, profile, form, identity, profile.period_ns, rows)

    def until(self, now_ns: int) -> list[Emission]:
        """Everything due up to now, in order."""
        out: list[Emission] = []
        while self._due and self._due[0][0] <= now_ns:
            at_ns, number = heapq.heappop(self._due)
            sensor = self.sensors[number]
            jitter = self._draw.randrange(-sensor.period_ns // 20, sensor.period_ns // 20 + 1)
            heapq.heappush(self._due, (at_ns + sensor.period_ns + jitter, number))
            if not sensor.during("silent", at_ns):
                out += self.emit(sensor, at_ns)
        return out

    def emit(self, sensor: Sensor, at_ns: int) -> list[Emission]:
        """What the device publishes at this moment: all its channels, in its own form."""
        sensor.sent += 1
        time_ms = sensor.clock_ms(at_ns)
        beyond = sensor.during("excursion", at_ns)
        if sensor.form == "columns":
            return [self._columns(sensor, at_ns, beyond)]
        values = {p.channel: self._wire(p, sensor, beyond) for p in sensor.profile.points}
        base = f"rg/{sensor.key}/"
        if sensor.form == "json":
            return [
                self._pack(sensor, base + channel, {"time_ms": time_ms, "value": value})
                for channel, value in values.items()
            ]
        rows = [{"channel": c, "time_ms": time_ms, "value": v} for c, v in values.items()]
        return [self._pack(sensor, base + "batch", {"readings": rows})]

    def _columns(self, sensor: Sensor, at_ns: int, beyond: bool) -> Emission:
        """The last readings since the payload before, the newest last."""
        step_ns = sensor.period_ns // sensor.rows
        times = [sensor.clock_ms(at_ns - back * step_ns) for back in reversed(range(sensor.rows))]
        columns = {p.channel: [self._wire(p, sensor, beyond) for _ in times] for p in sensor.profile.points}
        return self._pack(sensor, f"rg/{sensor.key}/columns", {"time_ms": times, "channels": columns})

    def _pack(self, sensor: Sensor, topic: str, body: dict[str, object]) -> Emission:
        if sensor.identity == "timeless":
            # Its only name is its bytes: an unknown field, which every codec ignores, keeps them apart.
            del body["time_ms"]
            body["n"] = sensor.sent
        if sensor.identity == "seq":
            sensor.seq += 1
            body |= {"device": sensor.device.device, "boot": sensor.boot, "seq": sensor.seq}
        return Emission(sensor, topic.encode(), json.dumps(body).encode())

    def _wire(self, point: Point, sensor: Sensor, beyond: bool) -> float:
        value = self._value(point, sensor, beyond)
        if point.wire_unit == "mA":
            return round(4 + 16 * (value - point.low) / point.span, 9)
        return value

    def _value(self, point: Point, sensor: Sensor, beyond: bool) -> float:
        alarms = [a for a in sensor.profile.alarms if a.channel == point.channel]
        if point.kind == "discrete":
            bad = {state for alarm in alarms for state in alarm.in_states}
            states = sorted(int(state) for state in point.states)
            wanted = [state for state in states if (state in bad) == (beyond and bool(bad))]
            return float(wanted[0])
        floor = max([point.low, *(a.setpoint + a.deadband for a in alarms if a.condition in ("L", "LL"))])
        ceiling = min([point.high, *(a.setpoint - a.deadband for a in alarms if a.condition in ("H", "HH"))])
        wobble = self._draw.random()
        if beyond:
            top = [a.setpoint for a in alarms if a.condition in ("H", "HH")]
            bottom = [a.setpoint for a in alarms if a.condition in ("L", "LL")]
            if top:
                return round(max(top) + (point.high - max(top)) * (0.3 + 0.4 * wobble), 9)
            if bottom:
                return round(min(bottom) - (min(bottom) - point.low) * (0.3 + 0.4 * wobble), 9)
        return round(floor + (ceiling - floor) * (0.3 + 0.4 * wobble), 9)
