"""rules.db: proposals, their steps and back-tests. Every question and every change is one short transaction;
the console and the command line may both ask.

Guarantee: the text of a version never changes, and steps are only added. Time is given by the caller, ns.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import msgspec
from sqlalchemy import Connection, Row, create_engine, event, func, insert, select, update
from sqlalchemy.pool import NullPool

from gateway.errors import RulesRefused
from gateway.rulebook.tables import METADATA, PROPOSAL, STEP, TRIAL

BUSY_S = 5.0
DEAD_NS = 120_000_000_000
"""A back-test that has not gone on for so long has died."""

State = Literal["proposed", "in_force", "declined", "withdrawn"]


class Step(msgspec.Struct, frozen=True):
    """What somebody did about a proposal. via: "session", "token" or "cli"."""

    at_ns: int
    what: str
    person: str
    via: str
    comment: str


class Proposal(msgspec.Struct, frozen=True):
    """One version. concerns: (enterprise, county) of the devices that it concerned when it was proposed;
    loosened: safety limits that it makes looser; place: its order among those that came into force."""

    number: int
    version: str
    text: str
    digest: str
    author: str
    via: str
    reason: str
    made_ns: int
    concerns: list[tuple[str, str]]
    loosened: list[str]
    state: State
    place: int | None


class Trying(msgspec.Struct, frozen=True):
    """One back-test. state: running, done, failed; base: versions in force when it began."""

    id: int
    number: int
    digest: str
    base: int
    person: str
    since_ns: int
    begun_ns: int
    touched_ns: int
    done: int
    total: int
    state: str
    result: str


class RuleBook:
    """See the module's docstring."""

    def __init__(self, path: Path) -> None:
        self._path = path
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
        self._engine = create_engine("sqlite://", creator=self._connect, poolclass=NullPool)
        event.listen(self._engine, "begin", lambda link: link.exec_driver_sql("BEGIN IMMEDIATE"))
        METADATA.create_all(self._engine)

    def _connect(self) -> sqlite3.Connection:
        # a rollback journal, no WAL: several processes write, seldom
        connection = sqlite3.connect(
            self._path, isolation_level=None, timeout=BUSY_S, check_same_thread=False
        )
        connection.execute("PRAGMA synchronous=FULL")
        return connection

    @contextmanager
    def _changing(self) -> Iterator[Connection]:
        with self._engine.begin() as link:
            yield link

    def proposals(self) -> list[Proposal]:
        """All, the newest first."""
        with self._changing() as link:
            rows = link.execute(select(PROPOSAL).order_by(PROPOSAL.c.number.desc())).all()
        return [_proposal(row) for row in rows]

    def proposal(self, number: int) -> Proposal:
        """One; RulesRefused for an unknown number."""
        with self._changing() as link:
            return _proposal(_found(link, number))

    def in_force(self) -> list[Proposal]:
        """Those in force, in the order in which they came."""
        found = [one for one in self.proposals() if one.place is not None]
        return sorted(found, key=lambda one: one.place or 0)

    def steps(self, number: int) -> list[Step]:
        """What was done about one, the earliest first."""
        with self._changing() as link:
            rows = link.execute(select(STEP).where(STEP.c.number == number).order_by(STEP.c.id)).all()
        return [Step(row.at_ns, row.what, row.person, row.via, row.comment) for row in rows]

    def unrecorded(self) -> list[tuple[int, Proposal, Step]]:
        """(id, proposal, step) of what the ledger does not have yet, the earliest first."""
        with self._changing() as link:
            rows = link.execute(select(STEP).where(~STEP.c.recorded).order_by(STEP.c.id)).all()
            return [
                (
                    row.id,
                    _proposal(_found(link, row.number)),
                    Step(row.at_ns, row.what, row.person, row.via, row.comment),
                )
                for row in rows
            ]

    def recorded(self, step: int) -> None:
        """The ledger has this step."""
        with self._changing() as link:
            link.execute(update(STEP).where(STEP.c.id == step).values(recorded=True))

    def add(self, proposal: Proposal) -> Proposal:
        """A new one; its number is given here. RulesRefused when its version is taken."""
        fields = msgspec.structs.asdict(proposal)
        del fields["number"]
        fields["concerns"] = msgspec.json.encode(proposal.concerns).decode()
        fields["loosened"] = msgspec.json.encode(proposal.loosened).decode()
        with self._changing() as link:
            taken = select(PROPOSAL.c.number).where(PROPOSAL.c.version == proposal.version)
            known = link.execute(taken).scalar()
            if known is not None:
                raise RulesRefused(
                    f"version {proposal.version!r} is proposal {known} already: give the file a new version",
                    f"版本 {proposal.version!r} 已是第 {known} 号提案:请使用新版本号",
                )
            number = link.execute(insert(PROPOSAL).values(**fields)).inserted_primary_key
            assert number is not None
            made = msgspec.structs.replace(proposal, number=int(number[0]))
            _step(link, made.number, Step(made.made_ns, "proposed", made.author, made.via, made.reason))
        return made

    def step(self, number: int, step: Step, state: State | None = None) -> Proposal:
        """Add a step, and move to a state with it. RulesRefused if the proposal is no longer open."""
        with self._changing() as link:
            row = _found(link, number)
            if row.state != "proposed":
                raise over(_proposal(row))
            _step(link, number, step)
            if state is not None:
                place = None
                if state == "in_force":
                    place = _count(link) + 1
                link.execute(
                    update(PROPOSAL).where(PROPOSAL.c.number == number).values(state=state, place=place)
                )
            return _proposal(_found(link, number))

    def undo(self, number: int, step: Step) -> None:
        """The core refused the newest version in force: it is a proposal again, and why is kept."""
        with self._changing() as link:
            row = _found(link, number)
            if row.place == _count(link):
                link.execute(
                    update(PROPOSAL).where(PROPOSAL.c.number == number).values(state="proposed", place=None)
                )
                _step(link, number, step)

    def begin(self, proposal: Proposal, person: str, since_ns: int, now_ns: int) -> int:
        """A back-test begins; its id. RulesRefused while one of the same proposal runs."""
        with self._changing() as link:
            running = select(TRIAL.c.id).where(
                TRIAL.c.number == proposal.number,
                TRIAL.c.state == "running",
                TRIAL.c.touched_ns > now_ns - DEAD_NS,
            )
            if link.execute(running).first() is not None:
                raise RulesRefused(
                    f"a back-test of proposal {proposal.number} is running: wait for its end",
                    f"第 {proposal.number} 号提案的回测正在进行:请等待结束",
                )
            made = link.execute(
                insert(TRIAL).values(
                    number=proposal.number, digest=proposal.digest, base=_count(link), person=person,
                    since_ns=since_ns, begun_ns=now_ns, touched_ns=now_ns, done=0, total=0,
                    state="running", result="",
                )
            ).inserted_primary_key  # fmt: skip
            assert made is not None
            return int(made[0])

    def went_on(self, trial: int, done: int, total: int, now_ns: int) -> None:
        """How far a back-test is, in entries."""
        self._trial(trial, done=done, total=total, touched_ns=now_ns)

    def ended(self, trial: int, state: Literal["done", "failed"], result: str, now_ns: int) -> None:
        """A back-test's end and its result, or why there is none."""
        self._trial(trial, state=state, result=result, touched_ns=now_ns)

    def _trial(self, trial: int, **values: Any) -> None:
        with self._changing() as link:
            link.execute(update(TRIAL).where(TRIAL.c.id == trial).values(**values))

    def tried(self, number: int, now_ns: int) -> Trying | None:
        """The newest back-test of a proposal."""
        with self._changing() as link:
            row = link.execute(
                select(TRIAL).where(TRIAL.c.number == number).order_by(TRIAL.c.id.desc()).limit(1)
            ).first()
        if row is None:
            return None
        found = Trying(*row)
        if found.state == "running" and found.touched_ns <= now_ns - DEAD_NS:
            return msgspec.structs.replace(found, state="failed", result="it ended without a result")
        return found

    def trial(self, trial: int) -> Trying:
        """A back-test that was begun; RulesRefused for another id."""
        with self._changing() as link:
            row = link.execute(select(TRIAL).where(TRIAL.c.id == trial)).first()
        if row is None:
            raise RulesRefused(f"no back-test {trial} was begun", f"没有第 {trial} 次回测")
        return Trying(*row)

    def base(self) -> int:
        """How many versions are in force."""
        with self._changing() as link:
            return _count(link)


def digest_of(text: str) -> str:
    """SHA-256 of a rules file."""
    return hashlib.sha256(text.encode()).hexdigest()


def over(proposal: Proposal) -> RulesRefused:
    """Why nothing more can be done about it."""
    told = {"in_force": "已生效", "declined": "已否决", "withdrawn": "已撤回"}
    return RulesRefused(
        f"proposal {proposal.number} is {proposal.state.replace('_', ' ')} already",
        f"第 {proposal.number} 号提案{told.get(proposal.state, '')}",
    )


def _found(link: Connection, number: int) -> Row[Any]:
    row = link.execute(select(PROPOSAL).where(PROPOSAL.c.number == number)).first()
    if row is None:
        raise RulesRefused(f"there is no proposal {number}", f"没有第 {number} 号提案")
    return row


def _count(link: Connection) -> int:
    return int(link.execute(select(func.count()).where(PROPOSAL.c.place.is_not(None))).scalar_one())


def _step(link: Connection, number: int, step: Step) -> None:
    link.execute(insert(STEP).values(number=number, **msgspec.structs.asdict(step)))


def _proposal(row: Row[Any]) -> Proposal:
    fields = dict(zip(PROPOSAL.columns.keys(), row, strict=True))
    fields["concerns"] = [(enterprise, county) for enterprise, county in msgspec.json.decode(row.concerns)]
    fields["loosened"] = msgspec.json.decode(row.loosened)
    return Proposal(**fields)
