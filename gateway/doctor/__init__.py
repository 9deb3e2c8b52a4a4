"""``riskgate doctor``: everything that must hold around a gateway, looked at, with what to do about it.

Changes nothing: no message is published that a gateway takes, no session is taken from a running gateway, no
file is left behind. What cannot be known from here is a warning that says so, never "ok".
"""

from __future__ import annotations

from pathlib import Path

from gateway.clock import Clock
from gateway.config import Config
from gateway.doctor.broker import examine_broker, examine_session
from gateway.doctor.brokerconf import examine_conf
from gateway.doctor.finding import Finding, Level, fault, fine
from gateway.doctor.machine import examine_machine
from gateway.doctor.parts import (
    core_status,
    examine_core,
    examine_fleet,
    examine_maintenance,
    examine_secrets,
    examine_sinks,
)
from gateway.paths import DataFolder

__all__ = ["Finding", "Level", "examine", "examine_without"]


def examine(
    config: Config, data: DataFolder, clock: Clock, compiled: Path, broker_conf: Path | None
) -> list[Finding]:
    """Every finding, in the order in which a person should mend. compiled: where compiled loops are kept;
    broker_conf: mosquitto's own file, if it lies here."""
    found, told = examine_fleet(config)
    core, ingest = core_status(data), config.ingest
    payload_max = max((p.max_payload_bytes for p in found.profiles.values()), default=0)
    return [
        fine("configuration", "is valid"),
        *told,
        *examine_maintenance(config, found, clock.wall_ns()),
        *examine_secrets(config, data),
        *examine_broker(ingest, clock),
        *examine_session(ingest, data, clock, core),
        *examine_conf(broker_conf, ingest.host, ingest.port, payload_max),
        examine_core(data, core),
        *examine_sinks(config, data, clock),
        *examine_machine(data, clock, ingest.host, compiled),
    ]


def examine_without(problems: list[str], data: DataFolder, clock: Clock, compiled: Path) -> list[Finding]:
    """What can be looked at without a valid configuration, after what is wrong with it."""
    told = [fault("configuration", problem, "correct it there") for problem in problems]
    return [*told, *examine_machine(data, clock, "the broker", compiled)]
