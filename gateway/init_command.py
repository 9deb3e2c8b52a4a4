"""``riskgate init``: a commented riskgate.toml from five answers, and the files it names.

Guarantee: all or nothing. The configuration is tried before it gets its name, an existing file is never
replaced, and whatever ends this early (Ctrl-C too) removes each file it made.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gateway import private_files
from gateway.config import load
from gateway.errors import ConfigError
from gateway.fleet import COLUMNS
from gateway.sinks._signature import KEY_BYTES_MAX
from gateway.sinks._signature import PREFIX as WEBHOOK_PREFIX

Draw = Callable[[int], bytes]


@dataclass(frozen=True)
class Answers:
    """The five answers. Relative paths are relative to the configuration's folder."""

    broker: str = "127.0.0.1:1883"
    """host, host:port, or mqtts://host:port for TLS."""
    username: str = "riskgate"
    password_file: str = "mqtt.password"  # noqa: S105 - a file's name
    fleet: str = "fleet.csv"
    influxdb: str = ""
    """Its URL; "" = none."""
    influxdb_bucket: str = "riskgate"
    influxdb_token_file: str = ""
    webhook: str = ""
    """Its URL; "" = none."""
    webhook_secret_file: str = "webhook.secret"  # noqa: S105 - a file's name


def address(broker: str) -> tuple[str, int, bool]:
    """(host, port, TLS) of "host", "host:port", "[::1]:port", "mqtt://..." or "mqtts://..."; ConfigError."""
    scheme, _, rest = broker.strip().rpartition("://")
    tls = scheme == "mqtts"
    rest = rest.rstrip("/")
    host, port = rest, ""
    if rest.startswith("["):
        host, _, after = rest[1:].partition("]")
        port = after.removeprefix(":")
    elif rest.count(":") == 1:
        host, _, port = rest.partition(":")
    number = int(port) if port.isdecimal() and len(port) <= 5 else (0 if port else 8883 if tls else 1883)
    if scheme not in ("", "mqtt", "mqtts") or not host or not 0 < number < 65536 or set(host) & set(" /@?#"):
        raise ConfigError([f"broker {broker!r}: is no address; write host, host:port or mqtts://host:port"])
    return host, number, tls


def text_of(answers: Answers) -> str:
    """The commented configuration."""
    host, port, tls = address(answers.broker)
    q = _quoted
    lines = [
        "# riskgate.toml, made by 'riskgate init'. docs/configuration.md tells of every setting.",
        "# Relative paths are relative to this file. Secrets do not belong in here: files of mode 0600.",
        "",
        "# The devices: enterprise,site,asset,device,profile",
        f"fleet = {q(answers.fleet)}",
        "",
        "# The broker. 'riskgate credentials write' makes its password file and access list from the fleet.",
        "[ingest]",
        f"host = {q(host)}",
        f"port = {port}",
        f"tls = {str(tls).lower()}   # with ca_file = ... if the system does not know its certificate",
        f"username = {q(answers.username)}",
        f"password_file = {q(answers.password_file)}   # its first line is the password",
        'client_id = "riskgate-1"   # names the session at the broker: every gateway needs its own',
        "",
        "# Readings of the last 90 days, on this machine.",
        "[sinks.history]",
        'kind = "history"',
        "retention_days = 90",
        "",
    ]
    if answers.influxdb:
        token = f"token_file = {q(answers.influxdb_token_file)}" if answers.influxdb_token_file else (
            '# token_file = "influx.token"   # InfluxDB wants one; VictoriaMetrics does not'
        )  # fmt: skip
        lines += [
            '# InfluxDB 2 or VictoriaMetrics. InfluxDB 1: api = "v1", and database instead of bucket.',
            "[sinks.influxdb]",
            'kind = "influxdb"',
            f"url = {q(answers.influxdb)}",
            f"bucket = {q(answers.influxdb_bucket)}",
            token,
            "",
        ]
    if answers.webhook:
        lines += [
            "# Each alarm as a signed message. An address in your own network must stand in allow.",
            "[sinks.webhook]",
            'kind = "webhook"',
            f"url = {q(answers.webhook)}",
            f"secret_file = {q(answers.webhook_secret_file)}   # give the receiver this secret",
            '# allow = ["control-room.local:8443"]',
            'since = "now"              # not the alarms before this webhook was here',
            "",
        ]
    return "\n".join(lines)


def write(path: Path, answers: Answers, draw: Draw) -> list[Path]:
    """Make the configuration at ``path`` and the files it names that are not there yet; what was made, the
    configuration last. draw: random bytes for secrets. ConfigError if it is there, or would not load."""
    _refuse_existing(path)
    text = text_of(answers)
    for folder in reversed(path.parent.parents):
        folder.mkdir(exist_ok=True)
    path.parent.mkdir(exist_ok=True, mode=0o700)
    made: list[Path] = []
    trial = path.with_name(f".{path.name}.trial")
    done = False
    try:
        for name, content, mode in _companions(answers, draw):
            file = path.parent / name
            if not file.exists():
                _create(file, content, mode, made)
        private_files.replace(trial, text, 0o644)
        try:
            load(trial, {})
        except ConfigError as error:
            raise ConfigError([p.replace(str(trial), "answers") for p in error.problems]) from None
        _create(path, text, 0o644, made)
        done = True
    finally:
        for file in [trial, *([] if done else made)]:
            with suppress(FileNotFoundError):  # it was not made yet
                file.unlink()
    return made


def _companions(answers: Answers, draw: Draw) -> list[tuple[str, str, int]]:
    """(file, content if it has to be made, mode); an InfluxDB token cannot be invented."""
    empty = "# [[device]] tables\n" if answers.fleet.endswith(".toml") else ",".join(COLUMNS) + "\n"
    files = [(answers.fleet, empty, 0o644)]
    if answers.username and answers.password_file:
        files.append((answers.password_file, base64.b32encode(draw(20)).decode() + "\n", 0o600))
    if answers.webhook:
        secret = WEBHOOK_PREFIX + base64.b64encode(draw(KEY_BYTES_MAX // 2)).decode()
        files.append((answers.webhook_secret_file, secret + "\n", 0o600))
    return files


def _create(file: Path, content: str, mode: int, made: list[Path]) -> None:
    made.append(file)  # before it is there: an interruption in between must find it
    try:
        private_files.create(file, content, mode)
    except FileExistsError:  # somebody else made it a moment ago: theirs is not ours to remove
        made.remove(file)
        raise


def _refuse_existing(path: Path) -> None:
    if path.exists() or path.is_symlink():
        raise ConfigError(
            [f"{path}: is there already and stays as it is; remove it or give another --config"]
        )


def _quoted(text: str) -> str:
    """A TOML basic string (toml.io 1.0, "String"): JSON's form, with DEL escaped too."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
