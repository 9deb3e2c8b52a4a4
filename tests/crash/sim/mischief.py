"""What devices and networks do wrong: bad clocks, repeated, late and nonsensical payloads, and configuration
changes. Healthy devices are left alone, so that their alarms can be expected exactly."""

from __future__ import annotations

import random
import re

from device_profiles import Profile
from gateway.monitor.channels import Device
from tests.crash.sim.faults import SECOND
from tests.crash.sim.world import Emission, Fate, Sensor, World

NONSENSE: tuple[tuple[bytes, str], ...] = (
    (b"", "empty"),
    (b"leak!", "not_json"),
    (b"\xff\xfe", "not_utf8"),
    (b'{"time_ms": 1, "value": 1e999}', "not_finite"),
    (b'{"time_ms": 1, "time_ms": 2, "value": 3}', "duplicate_key"),
    (b'{"time_ms": 1, "value": "3"}', "wrong_type"),
    (b'{"time_ms": 1, "value": true}', "wrong_type"),
    (b'{"time_ms": 1}', "missing_field"),
    (b'{"time_ms": 1, "value": 3, "device": "somebody-else"}', "device_mismatch"),
    (b'{"time_ms": 1, "value": 3, "unit": "furlong"}', "wrong_unit"),
    (b"[" * 9000, "too_deep"),
)
"""Payloads of a single-channel topic, and the reason each must be refused for."""


class Mischief:
    """Gives devices their fates and troubles at the beginning, and meddles with every payload."""

    def __init__(
        self, draw: random.Random, world: World, profiles: dict[str, Profile], duration_ns: int
    ) -> None:
        self._draw = draw
        self._world = world
        self._profiles = profiles
        self.faulty: dict[tuple[bytes, bytes], str] = {}
        """(topic, payload) made wrong on purpose -> its reason, for the oracle."""
        self.refused: list[tuple[bytes, bytes, str]] = []
        """What admission must refuse before the journal."""
        self._last: dict[str, tuple[bytes, bytes]] = {}
        self._edits = 0
        begin_ns = world.start_ns
        for number, sensor in enumerate(world.sensors):
            if number % 10 in (7, 8, 9):
                self._trouble(sensor)
            elif number % 25 == 3:
                self._silence(sensor, begin_ns, duration_ns)
            elif number % 20 == 5:
                self._excursion(sensor, begin_ns, duration_ns)
            elif number % 50 == 41:
                sensor.joins_later = True

    def _trouble(self, sensor: Sensor) -> None:
        sensor.healthy = False
        sensor.trouble = self._draw.choice(
            (
                "repeats",
                "late",
                "late",
                "reordered",
                "fast_clock",
                "slow_clock",
                "epoch_clock",
                "frozen_clock",
            )
        )
        if sensor.trouble == "fast_clock":
            sensor.clock_offset_ns = self._draw.randrange(2 * 60, 7200) * SECOND
        elif sensor.trouble == "slow_clock":
            sensor.clock_offset_ns = -self._draw.randrange(10 * 60, 86400) * SECOND
        elif sensor.trouble == "epoch_clock":
            sensor.clock_offset_ns = -self._world.start_ns
        elif sensor.trouble == "frozen_clock":
            sensor.frozen_ns = self._world.start_ns - 7 * SECOND
        if sensor.identity == "timeless":
            sensor.trouble = "none"

    def _silence(self, sensor: Sensor, begin_ns: int, duration_ns: int) -> None:
        long_ns = sensor.profile.silent_after_ns + 6 * sensor.period_ns
        long_ns += self._draw.randrange(300 * SECOND)
        at_ns = begin_ns + duration_ns // 10 + self._draw.randrange(max(1, duration_ns * 8 // 10 - long_ns))
        sensor.fates.append(Fate("silent", at_ns, at_ns + long_ns))

    def _excursion(self, sensor: Sensor, begin_ns: int, duration_ns: int) -> None:
        if not sensor.profile.alarms:
            return
        long_ns = sensor.longest_delay_ns() + 14 * sensor.period_ns
        if long_ns > duration_ns * 7 // 10:
            return
        at_ns = begin_ns + duration_ns // 10 + self._draw.randrange(max(1, duration_ns * 8 // 10 - long_ns))
        sensor.fates.append(Fate("excursion", at_ns, at_ns + long_ns))

    def transport(self, emission: Emission) -> list[tuple[int, bytes, bytes]]:
        """What the broker gets of one payload: (delay in ns, topic, payload), perhaps twice, perhaps late."""
        draw, sensor = self._draw, emission.sensor
        topic, payload = emission.topic, emission.payload
        self._last[sensor.key] = (topic, payload)
        out = [(0, topic, payload)]
        if sensor.trouble == "repeats" and draw.random() < 0.5:
            # within the window in which the gateway promises to know it again
            most = 5 if sensor.rows == 1 or sensor.identity == "seq" else 1
            out.append((draw.randrange(1, most * sensor.period_ns), topic, payload))
        elif sensor.trouble == "late" and draw.random() < 0.3:
            out = [(draw.randrange(sensor.period_ns, 6 * sensor.period_ns), topic, payload)]
        elif sensor.trouble == "reordered" and draw.random() < 0.5:
            out = [(draw.randrange(1, 2 * sensor.period_ns), topic, payload)]
        if draw.random() < 0.004:
            out.append((0, *self._nonsense(sensor)))
        return out

    def _nonsense(self, sensor: Sensor) -> tuple[bytes, bytes]:
        draw = self._draw
        point = next((p for p in sensor.profile.points if p.kind == "analog"), sensor.profile.points[0])
        topic = f"rg/{sensor.key}/{point.channel}".encode()
        kind = draw.randrange(10)
        if kind == 0:
            stranger = f"rg/acme/site-0/stranger-{draw.randrange(5)}/lel".encode()
            return stranger, b'{"time_ms": 1, "value": 1}'
        if kind == 1:
            topic = f"rg/{sensor.key}/no-such-stream".encode()
            self.faulty[(topic, b"{}")] = "unknown_stream"
            return topic, b"{}"
        if kind == 2:
            payload = b" " * (sensor.profile.max_payload_bytes + 1 + draw.randrange(100))
            self.refused.append((topic, payload, "oversize"))
            return topic, payload
        if kind == 3:
            topic = f"rg/acme/site 0/{draw.randrange(100)}/lel".encode()
            self.refused.append((topic, b"{}", "bad_topic"))
            return topic, b"{}"
        payload, reason = draw.choice(NONSENSE)
        self.faulty[(topic, payload)] = reason
        return topic, payload

    def retained(self) -> list[tuple[bytes, bytes]]:
        """At every subscription some devices' last message comes again, flagged retained."""
        keys = sorted(self._last)
        return [self._last[key] for key in self._draw.sample(keys, min(5, len(keys)))]

    def configuration(
        self, devices: list[Device], texts: dict[str, str]
    ) -> tuple[list[Device], dict[str, str]]:
        """Another fleet (devices that join late, or leave again) and, half the time, one edited profile."""
        present = {d.key for d in devices}
        joining = [s.device for s in self._world.sensors if s.joins_later]
        new = [d for d in devices if d not in joining or self._draw.random() < 0.6]
        new += [d for d in joining if d.key not in present and self._draw.random() < 0.7]
        if self._draw.random() < 0.5:
            name = self._draw.choice(sorted(texts))
            self._edits += 1
            text = re.sub(
                r"^(off_delay_s\s*=\s*)[\d.]+", rf"\g<1>{self._edits}", texts[name], flags=re.MULTILINE
            )
            texts = texts | {name: text + f"\n# edited {self._edits}\n"}
        return new, texts
