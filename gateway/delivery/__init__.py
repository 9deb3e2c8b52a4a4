"""Delivery: carries out what the core decided. Its own process; alone writes delivery.db and history/.

Every event reaches every healthy sink at least once with the same id, in order per alarm; what a sink refuses
for good is listed as a dead letter, never forgotten. Readings reach each sink live, or are derived from the
journal when it fell behind. See process.py (threads), message_lane.py, ledger_lane.py, readings_lane.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.clock import Clock
from gateway.delivery.calling import Duty
from gateway.delivery.catchup import Derivation, ahead
from gateway.delivery.drill import publisher
from gateway.delivery.process import Delivery, run_until_told
from gateway.paths import DataFolder
from gateway.rosters import rosters_of

if TYPE_CHECKING:
    from gateway.config import Config


def run(config: Config, data: DataFolder, clock: Clock) -> int:
    """Deliver until told to stop; the exit code.

    In an exercise (stream clock) sinks that leave this machine are muted unless exercise_sinks is set.
    """
    outward = config.clock == "wall" or config.exercise_sinks
    derive = ahead(Derivation(data, config.partition))
    duty = Duty(
        [one.step for one in config.escalation],
        rosters_of(config.rosters),
        config.fire_drill,
        publisher(config.ingest, config.fire_drill) if config.clock == "wall" else None,
    )
    return run_until_told(Delivery(data, config.sinks, derive, clock, outward=outward, duty=duty))
