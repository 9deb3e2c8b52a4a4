"""The proof by ``riskgate verify`` as its user types it, and that it can fail: each forgery is named."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import msgspec

from gateway.alarms.events import CommandEvent, decode, encode
from gateway.chain import link
from gateway.journal import JournalReader
from gateway.journal.segment import segments
from gateway.paths import DataFolder
from tests.support.report import ROOT


def verified(data: DataFolder) -> tuple[int, str]:
    """Exit status and output of the command, the lines of its table unfolded."""
    ran = subprocess.run(
        [sys.executable, "-m", "gateway.cli", "--data", str(data.root), "verify"],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "4000"},
        capture_output=True,
        text=True,
        check=False,
    )
    return ran.returncode, ran.stdout + ran.stderr


def ledger_line(data: DataFolder) -> str:
    """One line in the middle of the ledger says something else. Returns what the command must name."""
    with closing(_opened(data.ledger)) as db, db:
        seq, body = _answer(db)
        db.execute("UPDATE event SET body = ? WHERE seq = ?", (_by_another(body), seq))
    return f"row {seq} does not match its digest"


def ledger_line_and_chain(data: DataFolder) -> str:
    """The same by somebody who makes the ledger's whole chain good again: only the replay can tell."""
    with closing(_opened(data.ledger)) as db, db:
        seq, body = _answer(db)
        position = int(decode(body).id.split("-")[1])
        db.execute("UPDATE event SET body = ? WHERE seq = ?", (_by_another(body), seq))
        (digest,) = db.execute("SELECT digest FROM event WHERE seq = ?", (seq - 1,)).fetchone()
        rows = db.execute("SELECT seq, body FROM event WHERE seq >= ? ORDER BY seq", (seq,)).fetchall()
        for number, text in rows:
            digest = link(digest, number, text)
            db.execute("UPDATE event SET digest = ? WHERE seq = ?", (digest, number))
    return f"position {position}: replay "


def journal_byte(data: DataFolder) -> str:
    """One byte in the middle of the journal is another."""
    position = JournalReader(data.journal).head().position // 2
    path = next(s.path for s in reversed(segments(data.journal)) if s.first <= position)
    path.chmod(0o600)
    with closing(sqlite3.connect(path)) as db, db:
        (body,) = db.execute("SELECT body FROM entry WHERE position = ?", (position,)).fetchone()
        changed = bytearray(body)
        changed[-1] ^= 1
        db.execute("UPDATE entry SET body = ? WHERE position = ?", (bytes(changed), position))
    return f"row {position} does not match its digest"


FORGERIES: dict[str, Callable[[DataFolder], str]] = {
    "one ledger line": ledger_line,
    "one ledger line, its chain made good": ledger_line_and_chain,
    "one journal byte": journal_byte,
}


def found_out(data: DataFolder, copy: Path, name: str) -> str:
    """ "" if the command fails over this forgery and names its place; else what it said."""
    shutil.copytree(data.root, copy)
    forged = DataFolder(copy)
    must = FORGERIES[name](forged)
    status, said = verified(forged)
    shutil.rmtree(copy)
    if status == 1 and must in said:
        return ""
    return f"{name}: exit status {status}, {must!r} is not in: {said[-2000:]}"


def _opened(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path)
    for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        db.execute(f"DROP TRIGGER {name}")
    return db


def _answer(db: sqlite3.Connection) -> tuple[int, bytes]:
    """The answer to a command in the middle of the ledger."""
    row: tuple[int, bytes] = db.execute(
        "SELECT seq, body FROM event WHERE type = 'command' AND seq > (SELECT max(seq) / 2 FROM event) "
        "ORDER BY seq LIMIT 1"
    ).fetchone()
    return row


def _by_another(body: bytes) -> bytes:
    """The same answer, but to another person."""
    event = decode(body)
    assert isinstance(event, CommandEvent)
    return encode(msgspec.structs.replace(event, actor="nobody"))
