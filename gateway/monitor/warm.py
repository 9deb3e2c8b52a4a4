"""Compile every hot loop before the gateway subscribes, by judging one made-up reading of each profile."""

from __future__ import annotations

from gateway.monitor.channels import Device
from gateway.monitor.entries import Entry, Packets, Stamp, Started
from gateway.monitor.monitor import BEHAVIOUR, Monitor
from gateway.monitor.roster import config_change

_FIRST_NS = 1_700_000_000_000_000_000


def compile_loops(devices: list[Device], profiles: dict[str, str]) -> None:
    """Step a throw-away monitor through the same code that will run live."""
    samples = {device.profile: device for device in devices}
    monitor = Monitor()
    position = 0
    for second in range(2):
        stamp = Stamp(_FIRST_NS + second * 1_000_000_000, second * 1_000_000_000, "warm")
        if second == 0:
            entries: list[Entry] = [
                Started(stamp, "", BEHAVIOUR, 0),
                config_change(stamp, list(samples.values()), profiles),
            ]
            for entry in entries:
                position += 1
                monitor.step(position, entry)
            continue
        packets: list[tuple[bytes, bytes, int, int]] = []
        for device in samples.values():
            profile = monitor.roster.profiles[device.profile]
            for point in profile.points:
                time_ms = (_FIRST_NS + second * 1_000_000_000) // 1_000_000
                payload = f'{{"time_ms":{time_ms},"value":{point.low},"boot":1,"seq":{second}}}'
                topic = f"rg/{device.key}/{point.channel}"
                packets.append((topic.encode(), payload.encode(), second, 0))
        position += 1
        monitor.step(position, Packets.of(stamp, 1, packets))
    monitor.save()  # which has a loop of its own
