"""mosquitto.conf judged: what survives a restart, how long the gateway may be away, who gets in.

Only a file can tell: mosquitto publishes none of these settings. Settings of single listeners
(per_listener_settings) are not told apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from gateway.doctor.finding import Finding, doubt, fault, fine

USUAL = Path("/etc/mosquitto/mosquitto.conf")
SHIPPED = "gateway/data/mosquitto.conf has it"
QUEUED_MIN = 100_000
"""Fewer are minutes of a plant: 140 messages a second fill this in 12 minutes."""
INFLIGHT_MIN = 100
AUTOSAVE_S_MAX = 60
LOCAL = ("127.0.0.1", "localhost", "::1")


def read_conf(path: Path, deep: bool = True) -> dict[str, list[str]]:
    """Directive -> its values, in order, with the files of include_dir. OSError if one cannot be read."""
    found: dict[str, list[str]] = {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        key, _, value = line.strip().partition(" ")
        if not key or key.startswith("#"):
            continue
        found.setdefault(key, []).append(value.strip())
    for folder in found.get("include_dir", []) if deep else []:
        for file in sorted(Path(folder).glob("*.conf")):
            for key, values in read_conf(file, deep=False).items():
                found.setdefault(key, []).extend(values)
    return found


def examine_conf(path: Path | None, host: str, port: int, payload_max: int) -> Iterator[Finding]:
    """Findings about the file given, or the usual one if the broker is here and it names this port.

    payload_max: the largest payload that a profile of the fleet takes."""
    check = "broker settings"
    where, given = path or USUAL, path is not None
    if not given and (host not in LOCAL or not where.exists()):
        todo = "on the broker's machine: riskgate doctor --broker-conf FILE, or compare with what is shipped"
        yield doubt(check, "not known: MQTT does not tell queue and persistence settings", todo)
        return
    try:
        found = read_conf(where)
    except OSError as error:
        yield doubt(check, f"not known: {where}: {error.strerror}", "give a readable file as --broker-conf")
        return
    ports = {value.split()[0] for key in ("listener", "port") for value in found.get(key, []) if value}
    if str(port) not in (ports or {"1883"}):
        todo = "give the file that this broker runs with as --broker-conf"
        yield doubt(check, f"not known: {where} has no listener on port {port}", todo)
        return
    yield from _survives(found)
    yield from _queue(found, payload_max)
    yield from _admits(found)


def _survives(found: dict[str, list[str]]) -> Iterator[Finding]:
    check = "broker persistence"
    interval, at_change = _number(found, "autosave_interval", 1800), _is_on(found, "autosave_on_changes")
    if not _is_on(found, "persistence"):
        yield fault(
            check, "off: a restart forgets our session and all that waits", f"persistence true, as {SHIPPED}"
        )
    elif not at_change and not 0 < interval <= AUTOSAVE_S_MAX:
        what = f"saved every {interval} s" if interval else "saved only when the broker stops"
        yield doubt(check, f"{what}: a killed broker forgets that much", f"autosave_interval 1, as {SHIPPED}")
    else:
        yield fine(check, f"saved every {interval} {'changes' if at_change else 's'}")
    if "persistent_client_expiration" in found:
        what = f"a session unused for {_last(found, 'persistent_client_expiration')} is dropped"
        yield doubt(check, what, "longer than the gateway may ever be away, or leave it out")


def _queue(found: dict[str, list[str]], payload_max: int) -> Iterator[Finding]:
    check = "broker queue size"
    queued, flying = _number(found, "max_queued_messages", 1000), _number(found, "max_inflight_messages", 20)
    largest = _number(found, "message_size_limit", 0)
    if 0 < queued < QUEUED_MIN:
        what = f"{queued} messages wait at most; further ones are dropped, although the device hears success"
        yield doubt(check, what, f"max_queued_messages 1000000 and max_queued_bytes, as {SHIPPED}")
    else:
        yield fine(check, f"{queued or 'any number of'} messages may wait for the gateway")
    if 0 < flying < INFLIGHT_MIN:
        what = f"{flying} messages under way at once: about so many each commit"
        yield doubt("broker window", what, f"max_inflight_messages 1000, as {SHIPPED}")
    else:
        yield fine("broker window", f"{flying or 'any number of'} messages may be under way")
    if 0 < largest < payload_max:
        what = f"payloads over {largest} bytes vanish at the broker; a profile takes {payload_max}"
        yield fault("broker payload", what, f"message_size_limit 524288, as {SHIPPED}")
    else:
        yield fine("broker payload", f"takes {largest or 'any number of'} bytes; profiles take {payload_max}")


def _admits(found: dict[str, list[str]]) -> Iterator[Finding]:
    check = "broker access"
    other = [key for key in ("plugin", "auth_plugin", "use_identity_as_username") if key in found]
    missing = [key for key in ("password_file", "acl_file") if key not in found]
    if _is_on(found, "allow_anonymous"):
        yield fault(check, "anybody may connect", "allow_anonymous false; then riskgate credentials write")
    elif missing and not other:
        yield fault(check, f"no {' and no '.join(missing)}", "riskgate credentials write makes both files")
    else:
        yield fine(check, f"by {', '.join(other) or 'password_file and acl_file'}")


def _last(found: dict[str, list[str]], key: str) -> str:
    return found[key][-1] if key in found else ""


def _is_on(found: dict[str, list[str]], key: str) -> bool:
    return _last(found, key).lower() == "true"


def _number(found: dict[str, list[str]], key: str, default: int) -> int:
    value = _last(found, key)
    return int(value) if value.isdigit() else default
