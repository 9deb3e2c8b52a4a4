"""The gateway's own parts: the running core, fleet and profiles, the sinks, and who may read secrets."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gateway import sinks as sink_kinds
from gateway.clock import Clock
from gateway.commands import ask
from gateway.config import Config
from gateway.doctor.finding import Finding, doubt, fault, fine
from gateway.errors import ConfigError, CoreUnreachable
from gateway.fleet import Gathered, gather
from gateway.maintenance_list import read_windows, standing
from gateway.paths import DataFolder
from gateway.sinks import Delivered, Refused, SinkContext

SHOWN = 5
"""Problems of one kind told one by one."""
PUBLIC = ("ca_file", "cert_file")
"""Files in the configuration that are no secret."""


def core_status(data: DataFolder) -> dict[str, Any] | None:
    """The running core's own words; None if none answers."""
    if not data.root.is_dir():
        return None
    try:
        return ask(data.core_socket, {"op": "status"})
    except CoreUnreachable:
        return None


def examine_core(data: DataFolder, status: Mapping[str, Any] | None) -> Finding:
    """Whether the core does its work, if one runs."""
    check = "core"
    if status is None:
        return fine(check, f"no gateway runs on {data.root}")
    if status["blind"]:
        return fault(check, f"takes no readings: {status['blind_reason']}", "free disk space")
    if status["link_problem"]:
        return fault(check, str(status["link_problem"]), "see 'broker'")
    unknown = status["devices_unknown"]
    if unknown:
        todo = "add them to the fleet: riskgate quarantine lists them"
        return doubt(check, f"runs; {unknown} devices speak that are not in the fleet", todo)
    return fine(check, f"runs, {status['behind_s']:.1f} s behind, {status['devices']} devices")


def _faults(check: str, error: ConfigError, all_of_them: str) -> list[Finding]:
    """The first problems, and where the rest is told."""
    told = [fault(check, problem, "correct it there") for problem in error.problems[:SHOWN]]
    more = len(error.problems) - SHOWN
    return told if more <= 0 else [*told, fault(check, f"{more} more problems", all_of_them)]


def examine_fleet(config: Config) -> tuple[Gathered, list[Finding]]:
    """Fleet and profiles as the gateway would read them."""
    check = "fleet and profiles"
    try:
        found = gather(config.fleet, config.profiles)
    except ConfigError as error:
        return Gathered(), _faults(check, error, "riskgate profiles check shows those of profiles")
    told = [doubt(check, warning, "correct it there") for warning in found.warnings[:SHOWN]]
    count = f"{len(found.devices)} devices, {len(found.profiles)} profiles, all examples as they should be"
    return found, [fine(check, count), *told]


def examine_maintenance(config: Config, found: Gathered, now_ns: int) -> list[Finding]:
    """The list of maintenance windows, if the configuration names one, for this fleet."""
    check = "maintenance windows"
    if config.maintenance is None:
        return []
    if not found.devices:
        return [doubt(check, "not looked at: there is no fleet to hold them to", "mend the fleet first")]
    try:
        windows = read_windows(config.maintenance, found.devices)
    except ConfigError as error:
        return _faults(check, error, "riskgate maintenance list shows them all")
    states = [standing(window, now_ns).state for window in windows]
    count = ", ".join(f"{states.count(state)} {state}" for state in ("open", "coming", "over"))
    return [fine(check, f"{len(windows)} in {config.maintenance}: {count}")]


def examine_sinks(config: Config, data: DataFolder, clock: Clock) -> Iterator[Finding]:
    """Each sink's own probe."""
    for name, settings in sorted(config.sinks.items()):
        check = f"sink {name}"
        answer = sink_kinds.load(settings.kind).probe(
            settings, SinkContext(name, str(data.root), clock.wall_ns)
        )
        if isinstance(answer, Delivered):
            yield fine(check, answer.receipt)
        elif isinstance(answer, Refused):
            yield fault(check, answer.reason, f"correct [sinks.{name}], or what it says")
        else:
            yield fault(
                check, answer.reason, "start it, or correct its address; everything waits for it meanwhile"
            )


def examine_secrets(config: Config, data: DataFolder) -> Iterator[Finding]:
    """Whether other users of this machine can read what they should not."""
    for path in sorted({*_secret_files(config), *_own_files(data)}):
        if not path.exists():
            continue
        state = path.stat()
        mode = stat.S_IMODE(state.st_mode)
        todo = f"chmod {'700' if path.is_dir() else '600'} {path}"
        if mode & 0o007:
            yield fault("secrets", f"{path}: mode {mode:04o}: every user of this machine may use it", todo)
        elif mode & 0o070 and not path.is_dir():
            yield doubt("secrets", f"{path}: mode {mode:04o}: its group may use it", todo)
        elif state.st_uid not in (os.getuid(), 0):
            yield doubt("secrets", f"{path}: belongs to user {state.st_uid}", f"chown {os.getuid()} {path}")
        elif path.suffix == ".csv":
            todo = "hand it over to the enterprise, then delete it"
            yield doubt("secrets", f"{path}: holds passwords in plain text", todo)
        else:
            yield fine("secrets", f"{path}: mode {mode:04o}")


def _secret_files(config: Config) -> Iterator[Path]:
    for key, name in config.ingest.model_dump().items():
        if key.endswith("_file") and key not in PUBLIC and name:
            yield Path(name)
    for settings in config.sinks.values():
        for key, name in settings.model_dump().items():
            if key.endswith("_file") and key not in PUBLIC and name:
                yield Path(settings.folder, name)


def _own_files(data: DataFolder) -> Iterator[Path]:
    yield data.root
    folder = data.root / "credentials"
    yield from (folder / "passwd", folder / "gateway.password", *folder.glob("handout/*.csv"))
