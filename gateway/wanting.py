"""What the configuration's files ask of the core, and what to do when they have gone bad meanwhile."""

from __future__ import annotations

from pathlib import Path

import structlog

from gateway.config import Config
from gateway.config_suppression import suppressing
from gateway.core import Wanted
from gateway.errors import ConfigError
from gateway.fleet import gather
from gateway.maintenance_list import read_windows
from gateway.rulebook import overlaid


def wanted(config: Config, rules: Path | None = None) -> Wanted:
    """The fleet and profiles that the configuration names, with the rules in force (rules.db) over them;
    ConfigError lists every problem."""
    found = gather(config.fleet, config.profiles)
    devices = found.devices if rules is None else overlaid(rules, found.devices, found.texts)
    windows = read_windows(config.maintenance, devices) if config.maintenance is not None else ()
    return Wanted(
        devices,
        found.texts,
        clock=config.clock,
        suppressing=suppressing(config.upstream, windows),
        exercise=config.clock == "stream",
        snapshot_every_ns=round(config.snapshots.every_s * 1e9),
        warnings=found.warnings,
    )


def want(config: Config, rules: Path | None = None, *, alive_before: bool) -> tuple[Wanted, str]:
    """(what is wanted, what is wrong with the files). A core that ran well before goes on with what was in
    force; one that starts for the first time raises ConfigError instead."""
    try:
        return wanted(config, rules), ""
    except ConfigError as error:
        if not alive_before:
            raise
        structlog.get_logger("core").error(
            "the configuration's files are wrong: going on with what was in force", problems=error.problems
        )
        kept = Wanted(
            [],
            {},
            clock=config.clock,
            keep=True,
            exercise=config.clock == "stream",
            snapshot_every_ns=round(config.snapshots.every_s * 1e9),
        )
        return kept, "; ".join(error.problems)
