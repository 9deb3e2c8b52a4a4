"""The demonstration's devices, in their own process: every plant's physics, once a second, over MQTT.

Usage: python -m gateway.demo.plants DATA PORT SEED. Before the first reading it writes ``labels.json``: what
goes wrong, when, and which alarm must come. Every broker acknowledgement goes to ``published.jsonl``.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gateway.clock import Clock, SystemClock
from gateway.demo import world
from simulators import Label, load
from simulators._payloads import Counters, Message, encode
from simulators._publish import BrokerAddress, Publisher, paced

RAMBLE_EVERY = 5
LABELS = "labels.json"
PUBLISHED = "published.jsonl"


def main(folder: Path, port: int, seed: int, clock: Clock) -> int:
    """Publish until SIGTERM; 0 after a clean stop."""
    with (folder / PUBLISHED).open("w", encoding="utf-8", buffering=1) as log:
        return asyncio.run(_publish(folder, port, seed, clock, log))


def plants(start_ns: int, seed: int) -> list[tuple[world.Site, Any]]:
    """Every plant of the little city, in its normal state."""
    made = []
    for number, site in enumerate(world.SITES):
        plant = load(site.kind).Plant(
            site.devices, start_ns, seed + number, site.faults, period_s=world.PERIOD_S, scale=site.scale
        )
        made.append((site, plant))
    return made


def labels(city: list[tuple[world.Site, Any]], start_ns: int) -> list[Label]:
    """What must be raised, the device that never speaks included."""
    found = [label for _, plant in city for label in plant.labels()]
    # counted from the moment the gateway knew of it, which was before the start
    never = Label("never_seen", world.NEVER_SEEN, "", "never_seen", 0, start_ns, start_ns / 1e9 + 15.0)
    return [*found, never]


def groups(city: list[tuple[world.Site, Any]], start_ns: int) -> Iterator[tuple[int, list[Message]]]:
    """(time, messages) of every second, without end."""
    counters = Counters(boot=start_ns // 1_000_000_000)
    step = 0
    while True:
        time_ns = start_ns + round(step * world.PERIOD_S * 1e9)
        messages = [m for site, plant in city for m in _encoded(site, plant, time_ns, counters)]
        if step % RAMBLE_EVERY == RAMBLE_EVERY - 1:
            messages.append(Message(f"rg/{world.RAMBLER}/lel", '{"time_ms": 1, "value": "much"}'))
            messages.append(Message(f"rg/{world.UNKNOWN}/lel", '{"value": 1.0}'))
        yield time_ns, messages
        step += 1


def _encoded(site: world.Site, plant: Any, time_ns: int, counters: Counters) -> list[Message]:
    return encode(plant.step(time_ns), site.form, counters, load(site.kind).UNITS)


async def _publish(folder: Path, port: int, seed: int, clock: Clock, log: Any) -> int:
    start_ns = clock.wall_ns()
    city = plants(start_ns, seed)
    text = json.dumps([label._asdict() for label in labels(city, start_ns)])
    (folder / f"{LABELS}.new").write_text(text, encoding="utf-8")
    (folder / f"{LABELS}.new").rename(folder / LABELS)
    password = (folder / "devices.password").read_text(encoding="utf-8").strip()
    address = BrokerAddress("127.0.0.1", port, "devices", password, client_id="riskgate-demo-devices")
    publisher = Publisher(address, clock.wall_ns, log=log)
    running = asyncio.ensure_future(publisher.publish(paced(groups(city, start_ns), clock.wall_ns)))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the demonstration stops it
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await running
    return 0


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), SystemClock()))
