"""Changes of accounts and tokens: each recorded with who made it, chained, witnessed by the ledger. A changed
row, a removed one and one cut off the end are found."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from gateway import cli
from gateway.access import AccessStore, Refused, Scope
from gateway.access.record import WITNESS
from gateway.alarms.events import CommandEvent
from gateway.clock import new_secret
from gateway.grouping import Ask
from gateway.ledger import LedgerReader
from gateway.paths import DataFolder
from gateway.verify import verify
from tests.access.test_store import CITY, GOOD, T0, made, person
from tests.console.stand import Stand
from tests.support.make_data import SECOND, Maker

COMPARED = ("account changes against their hash chain", "account changes that the ledger witnessed")


def kept(store: AccessStore) -> list[tuple[str, str, str, str]]:
    return [(one.by, one.action, one.account, one.detail) for one in reversed(store.changes())]


def test_everything_that_changes_who_may_what_is_kept_with_who_did_it(tmp_path: Path) -> None:
    store = made(tmp_path)
    store.first(T0)
    store.first(T0)
    store.choose(store.add("li", "Li", "operator", Scope("east"), T0, by="boss"), GOOD, T0)
    token = store.issue("li", "operator", Scope("east"), "report", T0, 7, by="cli root")
    number = token.split(".")[1]
    store.revoke(number, T0, by="boss")
    store.change("li", "supervisor", CITY, T0, by="boss")
    store.enable("li", T0, enabled=False, by="boss")
    for refused in (lambda: store.enable("nobody", T0, enabled=False), lambda: store.revoke(number, T0)):
        with pytest.raises(Refused):
            refused()
    assert kept(store) == [
        ("console", "first", "admin", "admin, whole city"),
        ("boss", "add", "li", "operator, east"),
        ("li", "password", "li", ""),
        ("cli root", "token", "li", f"token {number}, operator, east, 7 days"),
        ("boss", "revoke", "li", f"token {number}"),
        ("boss", "change", "li", "supervisor, whole city (before: operator, east)"),
        ("boss", "disable", "li", ""),
    ]
    assert GOOD not in str(store.changes())
    assert token.split(".")[2] not in str(store.changes())


def test_the_record_only_grows(tmp_path: Path) -> None:
    person(made(tmp_path))
    with closing(sqlite3.connect(tmp_path / "console.db")) as db:
        for statement in (
            "DELETE FROM changed", "UPDATE changed SET body = x'00'",
            "INSERT OR REPLACE INTO changed VALUES (1, x'00', x'00')",
        ):  # fmt: skip
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                db.execute(statement)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder of a real core: four changes, of which the ledger witnessed the second and the last."""
    folder = tmp_path_factory.mktemp("kept") / "data"
    maker = Maker(folder)
    store = AccessStore(folder / "console.db", new_secret)
    maker.core.start()
    store.add("li", "Li", "operator", CITY, T0, by="boss")
    store.change("li", "supervisor", CITY, T0, by="boss")
    told(maker, store)
    store.enable("li", T0, enabled=False, by="boss")
    store.enable("li", T0, enabled=True, by="boss")
    told(maker, store)
    maker.turn()
    maker.stores.journal.close()
    maker.stores.ledger.close()
    return folder


def told(maker: Maker, store: AccessStore) -> None:
    """The console tells the core of the newest change."""
    fields = {
        "id": "", "action": WITNESS, "args": store.witness(), "actor": "boss", "role": "admin",
        "organisation": "", "source": "console ::1", "deadline_ns": maker.clock.wall_ns() + 5 * SECOND,
    }  # fmt: skip
    answers: list[CommandEvent] = []
    maker.turn(asks=(Ask(fields, answers.append),))
    assert answers[0].accepted, answers[0].reason_en


@pytest.fixture
def data(whole: Path, tmp_path: Path) -> DataFolder:
    shutil.copytree(whole, tmp_path / "data")
    return DataFolder(tmp_path / "data")


def checked(data: DataFolder) -> list[tuple[bool, str]]:
    report = verify(data)
    assert all(held for _, what, held, _ in report.checks if what not in COMPARED)
    return [(held, figures) for _, what, held, figures in report.checks if what in COMPARED]


def test_verify_follows_the_record_and_holds_it_to_the_ledger(data: DataFolder) -> None:
    assert checked(data) == [(True, "4 rows"), (True, "2 of 4 changes")]


@pytest.mark.parametrize(
    ("statement", "chain", "witnessed"),
    [
        ("UPDATE changed SET body = replace(body, 'boss', 'wang') WHERE position = 1", "row 1 does not", "2"),
        ("DELETE FROM changed WHERE position = 3", "row 3 is missing", "4 is missing"),
        ("DELETE FROM changed WHERE position = 4", "3 rows", "change 4 is missing"),
        ("DELETE FROM changed", "0 rows", "change 2 is missing"),
    ],
)
def test_verify_finds_what_was_done_to_it(
    data: DataFolder, statement: str, chain: str, witnessed: str
) -> None:
    with closing(sqlite3.connect(data.console)) as db, db:
        for trigger in ("changed_no_update", "changed_no_delete"):
            db.execute(f"DROP TRIGGER {trigger}")
        assert db.execute(statement.replace("replace(body", "replace(CAST(body AS TEXT)")).rowcount > 0
        db.execute("UPDATE changed SET body = CAST(body AS BLOB)")
    (_, told_chain), (held, told_witness) = checked(data)
    assert chain in told_chain
    assert witnessed in told_witness
    assert not held


def test_a_record_made_anew_is_not_the_one_that_was_witnessed(data: DataFolder) -> None:
    data.console.unlink()
    store = AccessStore(data.console, new_secret)
    for _ in range(2):
        store.add(new_secret()[:8].replace("-", "x").replace("_", "x"), "", "operator", CITY, T0, by="wang")
    [(chain, _), (held, witnessed)] = checked(data)
    assert chain, "it is a chain of its own"
    assert (held, witnessed) == (False, "console.db: change 2 is another one")


@pytest.mark.system
def test_the_console_and_the_command_line_tell_the_core_who_changed_what(tmp_path: Path) -> None:
    with Stand(tmp_path / "data") as stand:
        stand.person("boss", "admin")
        with httpx.Client(base_url=stand.url, trust_env=False, cookies=stand.cookie("boss")) as client:
            headers = {"Origin": stand.url, "X-CSRF-Token": stand.token(client)}
            body = {"account": "li", "enabled": False}
            assert client.post("/accounts/enable", json=body, headers=headers).status_code == 200
        runs = CliRunner()
        asked = ["--data", str(stand.data.root), "tokens", "add", "boss", "--role", "operator"]
        assert runs.invoke(cli.app, asked).exit_code == 0
        reader = LedgerReader(stand.data.ledger)
        found = [event for _, event in reader.commands(WITNESS)]
        assert [(e.args["change"], e.args["account"], e.accepted) for e in found] == [
            ("token", "boss", True), ("disable", "li", True),
        ]  # fmt: skip
        assert found[1].actor == "boss"
        assert found[1].source.startswith("console ")
        assert found[0].source == "cli"
        stand.stop_core()
        asked = ["--data", str(stand.data.root), "accounts", "enable", "li"]
        away = runs.invoke(cli.app, asked)
        assert away.exit_code == 0
        assert "witnesses this with the next change" in away.output
