"""What a plant sends when nearly all of it alarms within a second, one device with priority 1."""

from __future__ import annotations

import random
import time

from gateway.fleet import read_profiles
from tests.bench._feeds import HIGH, MIDS, NORMAL, PREFIX, profile_text
from tests.ingest.wire import publish

DEVICES = 10_000
"""Each raises one alarm in a flood; device number ``DEVICES`` is the one of priority 1."""
SWEEPS = 3
"""Good readings that end an alarm."""
BASE = "gas/combustible_point"
PROFILES = {"bench/flood": 2, "bench/first": 1}
"""Profile -> priority of its HH alarm."""
_SEQ_A_TURN = 1000


def texts() -> dict[str, str]:
    """The shipped gas point, whose HH alarm ends by itself, and whose H alarm comes too late for a flood."""
    shipped = profile_text(read_profiles([])[BASE])
    own = shipped.replace("latch = true\n", "").replace("on_delay_s = 2\n", "on_delay_s = 60\n")
    if own.count("priority = 1\n") != 1 or "latch = true" in own or "on_delay_s = 60\n" not in own:
        raise ValueError(f"{BASE} is not what the bench expects")
    return {name: own.replace("priority = 1\n", f"priority = {level}\n") for name, level in PROFILES.items()}


def fleet() -> list[tuple[str, str, str, str, str]]:
    """Rows of fleet.csv."""
    flood, first = PROFILES
    rows = [("acme", "plant", f"hall-{n // 10}", f"GD-{n}", flood) for n in range(DEVICES)]
    return [*rows, ("acme", "plant", "hall", f"GD-{DEVICES}", first)]


def place(turn: int) -> int:
    """Which packet of a flood is the priority 1 device's."""
    return random.Random(turn).randrange(DEVICES + 1)


def packets(turn: int, count: int) -> list[bytes]:
    """Even turns: every device beyond its limit, once, ``count`` of them. Odd turns: ``SWEEPS`` good readings
    of each, ``count`` in all."""
    order = list(range(DEVICES))
    order.insert(place(turn), DEVICES)
    now_ms, value = time.time_ns() // 1_000_000, NORMAL if turn % 2 else HIGH
    out = []
    for n in range(count):
        sweep, which = divmod(n, DEVICES + 1)
        payload = b'{"time_ms":%d,"value":%.3f,"unit":"%%LEL","quality":"good","boot":3,"seq":%d}' % (
            now_ms - SWEEPS + sweep,
            value,
            turn * _SEQ_A_TURN + sweep,
        )
        out.append(publish(PREFIX + b"/GD-%d/lel" % order[which], payload, mid=n % MIDS + 1))
    return out
