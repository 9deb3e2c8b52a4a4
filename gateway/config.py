"""The configuration: riskgate.toml, then RISKGATE_ environment variables, then the command line; the later
wins. Everything wrong is told at once, with file, key and fix. Secrets come from files or the environment.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from gateway import sinks as sink_kinds
from gateway.config_calls import Escalation, FireDrill, RosterFile, Simulate, faults
from gateway.config_console import Console, Oidc, console_faults, oidc_faults
from gateway.config_problems import PREFIX, Origin, account_files, explain, misnamed
from gateway.config_suppression import Upstream
from gateway.errors import ConfigError

ALIVE_BEFORE = f"{PREFIX}ALIVE_BEFORE"
"""Set by the supervisor for a core that ran well before: it does not refuse for files that went bad since."""

SINK_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")

FILE_KEYS = ("password_file", "ca_file", "cert_file", "key_file")

_tables: ContextVar[dict[str, Any]] = ContextVar("tables of the file being loaded")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Ingest(_Section):
    """[ingest]: where readings come from."""

    receiver: Literal["bulk", "paho"] = "bulk"
    """"bulk": runs of packets lifted out of paho's socket; "paho": one by one, several times slower."""
    host: str = Field(default="127.0.0.1", min_length=1)
    port: int = Field(default=1883, ge=1, le=65535)
    username: str = ""
    password_file: str = ""
    """File whose first line is the password."""
    protocol: Literal["3.1.1", "5"] = "3.1.1"
    client_id: str = Field(default="riskgate-1", min_length=1, max_length=64)
    """Names the persistent session: every gateway on one broker needs its own."""
    keepalive_s: int = Field(default=30, ge=5, le=3600)
    topic: str = Field(default="rg/+/+/+/+", pattern=r"^(\$share/[^/#+]+/)?rg(/[^/#]+){4}$")
    session_expiry_s: int = Field(default=604_800, ge=60, le=0xFFFF_FFFF)
    """How long an MQTT 5 broker keeps the session while this gateway is away."""
    tls: bool = False
    ca_file: str = ""
    """Certificates to trust; "" = the system's."""
    cert_file: str = ""
    key_file: str = ""
    watchdog_s: float = Field(default=60.0, gt=0, le=86_400)
    """No byte from the broker (pings count) for this long: the connection is made anew."""
    max_group_packets: int = Field(default=20_000, ge=1, le=1_000_000)
    """Bounds of one commit."""
    max_group_bytes: int = Field(default=8 << 20, ge=1 << 16, le=256 << 20)
    max_queued_packets: int = Field(default=200_000, ge=1)
    """Bounds of what waits for a commit; beyond them reception stops."""
    max_queued_bytes: int = Field(default=128 << 20, ge=1 << 20)


class JournalSection(_Section):
    """[journal]: a new segment begins at either bound."""

    segment_mib: int = Field(default=256, ge=1, le=65_536)
    segment_hours: float = Field(default=24.0, gt=0, le=24 * 366)
    compress: bool = True
    """Closed segments are compressed in the background; readers read both kinds."""


class Snapshots(_Section):
    """[snapshots]: how often the monitor's state is kept, so that a restart reads a short tail."""

    every_s: float = Field(default=60.0, ge=1, le=86_400)


class Http(_Section):
    """[http]: the supervisor's /health and /metrics."""

    host: str = Field(default="127.0.0.1", min_length=1)
    port: int = Field(default=9280, ge=0, le=65535)


class Config(BaseSettings):
    """The whole configuration; paths are absolute. Made by ``load``."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    partition: int = Field(default=1, ge=1, le=1 << 31)
    """Part of every event id; one machine is one partition."""
    clock: Literal["wall", "stream"] = "wall"
    """"stream": gateway time follows the readings, and the run is an exercise."""
    exercise_sinks: bool = False
    """Whether sinks that leave this machine also run in an exercise."""
    fleet: Path = Path("fleet.csv")
    profiles: list[Path] = []
    """Folders with profiles of your own: <folder>/<family>/<model>.toml."""
    maintenance: Path | None = None
    """The list of maintenance windows; none: no windows."""
    ingest: Ingest = Ingest()
    journal: JournalSection = JournalSection()
    snapshots: Snapshots = Snapshots()
    upstream: Upstream = Upstream()
    http: Http = Http()
    console: Console = Console()
    oidc: Oidc = Oidc()
    escalation: list[Escalation] = []
    rosters: dict[str, RosterFile] = {}
    fire_drill: FireDrill = FireDrill()
    simulate: Simulate = Simulate()
    sinks: dict[str, Any] = {}
    """Sink name -> that sink module's ``Settings``. A "history" sink is added when there is none."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Command line over environment over file."""
        return init_settings, env_settings, InitSettingsSource(settings_cls, _tables.get({}))


def load(path: Path | None, overrides: Mapping[str, Any]) -> Config:
    """The configuration of a file (None: defaults), the environment and ``overrides`` (nested mappings).

    Relative paths are relative to the file, without one to the working folder. Raises ConfigError with
    every problem: "<file>: <key>: <what>; <fix>".
    """
    tables = {} if path is None else _read(path)
    base = (path.parent if path is not None else Path()).absolute()
    origin = Origin(path, tables)
    token = _tables.set(tables)
    try:
        config = Config(**overrides)
    except ValidationError as error:
        problems = list(explain(error, (), Config, origin))
        section = tables.get("ingest")
        if isinstance(section, dict):  # what the sound keys of the file say is checked all the same
            sound = {key: section[key] for key in FILE_KEYS if isinstance(section.get(key), str)}
            rest = Ingest.model_construct(**{**sound, "username": "?", "tls": True})
            problems += _ingest_files(rest.model_copy(update=_absolute(sound, base)), origin)
        problems += _sinks(tables.get("sinks"), base, origin)[1]
        raise ConfigError(problems + misnamed(Config.model_fields)) from None
    except SettingsError as error:
        raise ConfigError([f"environment: {error}; write lists and tables there as JSON"]) from None
    finally:
        _tables.reset(token)
    ingest, console, oidc = (_settled(part, base) for part in (config.ingest, config.console, config.oidc))
    sinks, problems = _sinks(config.sinks, base, origin)
    config = config.model_copy(
        update={
            "fleet": base / config.fleet,
            "maintenance": base / config.maintenance if config.maintenance else None,
            "profiles": [base / folder for folder in config.profiles],
            "ingest": ingest,
            "console": console,
            "oidc": oidc,
            "sinks": sinks,
            "fire_drill": _settled(config.fire_drill, base),
            "simulate": _settled(config.simulate, base),
            "rosters": {
                name: roster.model_copy(update={"file": base / roster.file})
                for name, roster in config.rosters.items()
            },
        }
    )
    problems += faults(config.escalation, config.rosters, sinks, origin)
    problems += [
        *account_files({"fire_drill": config.fire_drill, "simulate": config.simulate}, origin),
        *_ingest_files(ingest, origin),
        *console_faults(console, origin),
        *oidc_faults(oidc, origin),
        *misnamed(Config.model_fields),
    ]
    problems += [
        f"{origin.of(('profiles',))}: {folder} is no folder; create it, or correct the path"
        for folder in config.profiles
        if not folder.is_dir()
    ]
    if problems:
        raise ConfigError(problems)
    return config


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror}; check --config"]) from None
    except UnicodeDecodeError as error:
        raise ConfigError([f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8"]) from None
    except (ValueError, RecursionError) as error:
        raise ConfigError([f"{path}: not TOML: {error}; correct it there"]) from None


def _sinks(tables: Any, base: Path, origin: Origin) -> tuple[dict[str, Any], list[str]]:
    """Every sink's own Settings, and what is wrong with its table."""
    made: dict[str, Any] = {}
    problems: list[str] = []
    if not isinstance(tables, dict | None):
        return made, []  # told by Config itself
    for name, table in (tables or {}).items():
        keys = ("sinks", name)
        if not isinstance(table, dict):
            problems.append(f"{origin.of(keys)}: is no table; write [sinks.{name}]")
            continue
        made_one, wrong = _sink(keys, table, base, origin)
        problems += wrong
        if made_one is not None:
            made[name] = made_one
    tables = tables or {}
    if "history" not in tables and not any(
        isinstance(t, dict) and t.get("kind") == "history" for t in tables.values()
    ):
        made["history"] = sink_kinds.load("history").Settings(kind="history", folder=str(base))
    return made, problems


def _sink(keys: tuple[str, ...], table: dict[str, Any], base: Path, origin: Origin) -> tuple[Any, list[str]]:
    table = dict(table)
    where = origin.of(keys)
    if not SINK_NAME.fullmatch(keys[-1]):
        return None, [f"{where}: is no sink name; use small letters, digits, - and _, at most 32"]
    kind = table.get("kind")
    if kind not in sink_kinds.kinds():
        return None, [f"{where}.kind: {kind!r} is no sink; choose from {', '.join(sink_kinds.kinds())}"]
    enabled = table.pop("enabled", True)
    if enabled not in (True, False, "true", "false"):
        return None, [f"{where}.enabled: is no switch; write true or false"]
    if "folder" in table:
        return None, [f"{where}.folder: is set by the gateway; remove it"]
    settings: type[BaseModel] = sink_kinds.load(kind).Settings
    problems = [
        f"{origin.of((*keys, key))}: is a secret; put it into {key}_file, or into the environment as "
        f"{PREFIX}{'__'.join((*keys, key)).upper()}"
        for key in table
        if origin.in_file((*keys, key)) and _secret(settings, key)
    ]
    made, wrong = _validate(settings, {**table, **_absolute(table, base), "folder": str(base)}, keys, origin)
    return (made if str(enabled).lower() == "true" else None), problems + wrong


def _validate(
    model: type[BaseModel], values: dict[str, Any], keys: tuple[str, ...], origin: Origin
) -> tuple[Any, list[str]]:
    """The model, or everything that is wrong: faulty keys are left out and the rest is tried again, so that
    rules between keys are told in the same run."""
    problems: list[str] = []
    faulty: set[Any] = set()
    while True:
        try:
            made = model(**values)
        except ValidationError as error:
            fresh = {e["loc"][0] for e in error.errors() if e["loc"]} - faulty
            problems += explain(error, keys, model, origin, faulty)
            if not fresh:
                return None, problems
            faulty |= fresh
            values = {key: value for key, value in values.items() if key not in faulty}
        else:
            return (None if faulty else made), problems


def _secret(settings: type[BaseModel], key: str) -> bool:
    def holds(annotation: Any) -> bool:
        return annotation is SecretStr or any(holds(part) for part in get_args(annotation))

    return key in settings.model_fields and holds(settings.model_fields[key].annotation)


def _absolute(table: Mapping[str, Any], base: Path) -> dict[str, str]:
    return {k: str(base / v) for k, v in table.items() if k.endswith("_file") and isinstance(v, str) and v}


def _settled(section: Any, base: Path) -> Any:
    return section.model_copy(update=_absolute(section.model_dump(), base))


def _ingest_files(ingest: Ingest, origin: Origin) -> Iterator[str]:
    """Files that must be there, and keys that only make sense together."""
    for key in FILE_KEYS:
        name = getattr(ingest, key)
        if name and not os.access(name, os.R_OK):
            yield f"{origin.of(('ingest', key))}: {name} cannot be read; create it, or correct the path"
        if name and key != "password_file" and not ingest.tls:
            yield f"{origin.of(('ingest', key))}: has no effect without TLS; set tls = true or remove it"
    if bool(ingest.cert_file) != bool(ingest.key_file):
        yield f"{origin.of(('ingest', 'cert_file'))}: belongs together with key_file; give both or none"
    if ingest.password_file and not ingest.username:
        yield f"{origin.of(('ingest', 'username'))}: is missing beside password_file; add it"
