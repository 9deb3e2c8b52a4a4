"""What the broker lets the gateway and strangers do, what it says of itself, and whether our session is kept.

The session is looked at only while no gateway runs on the data folder: a second connection with the same
client id would throw the running one out. What cannot be known from here says so.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gateway.clock import Clock, new_id
from gateway.config import Ingest
from gateway.doctor.finding import Finding, doubt, fault, fine
from gateway.doctor.visit import Visit
from gateway.errors import ConfigError
from gateway.journal.segment import segments
from gateway.ledger import LedgerReader
from gateway.paths import DataFolder

PROBE_TOPIC = "rg/riskgate-doctor/probe"
"""Below what the access list protects, but with too few levels for any gateway to take."""
NOT_AUTHORISED = 0x87
SAYS = "$SYS/broker/"
FIGURES = ("version", "publish/messages/dropped", "store/messages/count")
SAYS_S = 2.0
SAFE_VERSION = (2, 0, 17)
"""Earlier 2.0 versions have known vulnerabilities; see gateway/data/mosquitto.conf."""


def examine_broker(ingest: Ingest, clock: Clock) -> Iterator[Finding]:
    """Reachable and let in, nobody else let in, rights, and what $SYS says."""
    where = f"{ingest.host}:{ingest.port}"
    try:
        with Visit(ingest, clock, _name()) as visit:
            if visit.error:
                yield fault("broker", f"{where} refuses us: {visit.error}", _refused(ingest))
                return
            yield fine("broker", f"{where} lets {ingest.username or 'us, without a name,'} in")
            yield from _says(visit)
        yield from _rights(ingest, clock)
    except ConfigError as error:
        yield fault("broker", "; ".join(error.problems), "correct [ingest] in riskgate.toml")
    except OSError as error:
        what = "start the broker, or correct host, port and tls under [ingest]"
        yield fault("broker", f"{where} cannot be reached: {error.strerror or error}", what)


def examine_session(
    ingest: Ingest, data: DataFolder, clock: Clock, core: dict[str, Any] | None
) -> Iterator[Finding]:
    """Whether what devices sent meanwhile still comes. core: a running core's own status, or None."""
    check = "session"
    if core is not None:
        if not core["link_up"]:
            yield fault(check, f"the gateway is not connected: {core['link_problem']}", "see 'broker'")
        elif any(event.condition == "possible_gap" for _, event in LedgerReader(data.ledger).open_alarms()):
            todo = "look for missing readings, then acknowledge the alarm; see the broker's persistence"
            yield doubt(check, "the broker lost the session; that alarm is not acknowledged yet", todo)
        else:
            again = core["link"].get("reconnects", 0)
            yield fine(
                check, f"the gateway is connected as {ingest.client_id}; connected again {again} times"
            )
    elif not segments(data.journal):
        yield fine(check, f"no gateway has run on {data.root} yet: there is no session to keep")
    elif locked(data.journal / "writer.lock"):
        todo = "look at its log, or stop it and ask again"
        yield doubt(check, "not looked at: a core holds the journal, but does not answer", todo)
    else:
        yield _kept(ingest, data, clock)


def locked(path: Path) -> bool:
    """Whether some process holds a flock on the file, without touching the lock (Linux: /proc/locks)."""
    try:
        inode = path.stat().st_ino
        rows = Path("/proc/locks").read_text(encoding="ascii").splitlines()
    except OSError:
        return False
    return any(f":{inode} " in row and " FLOCK " in row for row in rows)


def _kept(ingest: Ingest, data: DataFolder, clock: Clock) -> Finding:
    check = "session"
    try:
        with Visit(ingest, clock, ingest.client_id, keep=True) as visit:
            error, kept = visit.error, visit.session_present
        if not error and not kept and not locked(data.journal / "writer.lock"):
            # A session without a subscription must not stay: the gateway would take it for its own. If one
            # has started meanwhile, the session is its own already.
            with Visit(ingest, clock, ingest.client_id):
                pass
    except (OSError, ConfigError) as failed:
        error, kept = str(failed), False
    if error:
        return doubt(check, f"not looked at: {error}", "see 'broker'")
    if kept:
        return fine(check, f"the broker keeps the session of {ingest.client_id}")
    return fault(
        check,
        f"the broker keeps no session for {ingest.client_id}: what devices sent since the last run is lost",
        "set persistence in mosquitto.conf as gateway/data/mosquitto.conf has it; use each client_id once",
    )


def _rights(ingest: Ingest, clock: Clock) -> Iterator[Finding]:
    refused = _stranger(ingest, clock)
    if refused:
        yield fine("strangers", f"refused without a name: {refused}")
    else:
        todo = "set allow_anonymous false, and give each device a user: riskgate credentials write"
        yield fault("strangers", "the broker lets anybody in, without a name", todo)
    with Visit(ingest, clock, _name(), protocol="5") as visit:
        code = None if visit.error else visit.publish(PROBE_TOPIC)
    if code == NOT_AUTHORISED:
        yield fine("access list", f"{ingest.username or 'the gateway'} may not publish: the list is in force")
    elif code is None:
        todo = "try by hand that one device cannot publish on another's topic"
        yield doubt("access list", "not known: this broker does not say no to a publication", todo)
    else:
        todo = "set acl_file in mosquitto.conf (riskgate credentials write makes one) and reload the broker"
        yield fault(
            "access list", "the gateway's user may publish for any device: no access list holds", todo
        )


def _stranger(ingest: Ingest, clock: Clock) -> str:
    """Why somebody without user, password and certificate is refused; "" if they are let in."""
    nobody = ingest.model_copy(update={"username": "", "cert_file": "", "key_file": ""})
    try:
        with Visit(nobody, clock, _name()) as visit:
            return visit.error
    except OSError as error:  # TLS without a certificate ends here
        return str(error.strerror or error)


def _says(visit: Visit) -> Iterator[Finding]:
    said = visit.retained([SAYS + name for name in FIGURES], SAYS_S)
    version = said.get(f"{SAYS}version", "")
    if not version:
        todo = "if it is mosquitto, add 'topic read $SYS/#' to the gateway's user in its acl"
        yield doubt("broker version", "not known: it says nothing under $SYS", todo)
        return
    numbers = tuple(int(part) for part in version.rpartition(" ")[2].split(".") if part.isdigit())
    if numbers < SAFE_VERSION:
        yield doubt("broker version", version, "upgrade mosquitto to 2.0.17 or later")
    else:
        yield fine("broker version", version)
    dropped = said.get(f"{SAYS}publish/messages/dropped", "")
    waiting = said.get(f"{SAYS}store/messages/count", "not known how many")
    if dropped == "0":
        yield fine("broker queue", f"nothing dropped since its start; {waiting} messages in its store")
    else:
        todo = "raise max_queued_messages and max_queued_bytes in mosquitto.conf"
        count = dropped or "not known how many"
        yield doubt("broker queue", f"{count} messages dropped since its start; {waiting} in its store", todo)


def _refused(ingest: Ingest) -> str:
    if not ingest.username:
        return "give username and password_file under [ingest]"
    return (
        f"give the broker the password that {ingest.password_file or 'password_file'} holds: "
        "riskgate credentials write, then its reload"
    )


def _name() -> str:
    return f"riskgate-doctor-{os.getpid()}-{new_id()[:8]}"
