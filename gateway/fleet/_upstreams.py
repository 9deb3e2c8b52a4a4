"""Which device reports through which: told at import when it is unknown, has left, or leads in a ring."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator

from gateway.monitor.channels import Device


def wrong_upstreams(devices: Iterable[Device], retired: Container[str]) -> Iterator[tuple[str, str]]:
    """(key, "column upstream: <what>; <fix>") of each device whose upstream cannot be; a ring once."""
    above = {device.key: device.upstream for device in devices}
    sound: set[str] = set()
    for key, upstream in above.items():
        if not upstream:
            continue
        if upstream not in above:
            left = upstream in retired
            what = "has left the fleet" if left else "is not in the fleet"
            yield key, f"column upstream: {upstream} {what}; name a device that is, or leave it empty"
            continue
        way = [key]
        while (above_it := above.get(way[-1], "")) and above_it not in sound:
            if above_it in way:
                ring = [*way[way.index(above_it) :], above_it]
                yield (
                    key,
                    f"column upstream: leads round in a ring ({' -> '.join(ring)}); correct one of them",
                )
                break
            way.append(above_it)
        sound.update(way)
