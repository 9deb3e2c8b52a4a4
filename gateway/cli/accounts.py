"""Commands about people: accounts and their one-time links, and tokens for programs."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from gateway import terminal
from gateway.cli.common import State, configuration, out, refuse, table

if TYPE_CHECKING:
    from gateway.access import AccessStore

app = typer.Typer(no_args_is_help=True, help="Who may use the console and the API.")
tokens_app = typer.Typer(no_args_is_help=True, help="Tokens by which programs use the API.")

County = Annotated[str, typer.Option(help="Only this county's devices.")]
Enterprise = Annotated[str, typer.Option(help="Only this enterprise's devices.")]


def _store() -> AccessStore:
    from gateway.console import access_store

    config = configuration()
    State.data.create()
    store: AccessStore = access_store(config.console, State.data)
    return store


def _witness(store: AccessStore) -> None:
    """The running core records the newest change; away, it does with the next one."""
    from gateway.access.record import WITNESS
    from gateway.errors import CoreUnreachable
    from gateway.inspection import command

    try:
        answer = command(State.data, WITNESS, store.witness())
    except CoreUnreachable:
        terminal.say(out, "the gateway is not running: its ledger witnesses this with the next change")
        return
    if not answer["accepted"]:
        terminal.say(out, f"not witnessed by the ledger: {answer['reason_en']}")


def _now_ns() -> int:
    from gateway.clock import SystemClock

    return SystemClock().wall_ns()


def _me() -> str:
    return f"cli {getpass.getuser()}"


def _say_link(account: str, secret: str) -> None:
    from gateway.console import origins

    console = configuration().console
    address = origins(console, console.port)[0]
    terminal.say(out, f"{account} chooses a password here, once, within 24 hours:")
    terminal.say(out, f"{address}/welcome/{secret}")


@app.command("add")
def add(
    account: str,
    role: Annotated[
        str, typer.Option(help="operator, supervisor, engineer, enterprise, regulator, tester, admin.")
    ],
    name: Annotated[str, typer.Option(help="As people know the person.")] = "",
    county: County = "",
    enterprise: Enterprise = "",
) -> None:
    """A new account; prints the one-time link by which its owner chooses a password."""
    from gateway.access import Refused, Scope

    store = _store()
    try:
        secret = store.add(account, name, role, Scope(county, enterprise), _now_ns(), by=_me())
    except Refused as refused:
        refuse([refused.reason_en])
    _witness(store)
    _say_link(account, secret)


@app.command("list")
def accounts() -> None:
    """Every account."""
    rows = [("account", "name", "role", "sees", "state")]
    for one in _store().accounts():
        state = "off" if not one.enabled else "ready" if one.has_password else "no password yet"
        rows.append((one.id, one.name, one.role, one.scope.organisation or "the whole city", state))
    table("Accounts", rows)


@app.command("link")
def link(account: str) -> None:
    """Another one-time link: a password was forgotten, or the first link was not used in time."""
    from gateway.access import Refused

    store = _store()
    try:
        secret = store.invite(account, _now_ns(), by=_me())
    except Refused as refused:
        refuse([refused.reason_en])
    _witness(store)
    _say_link(account, secret)


@app.command("disable")
def disable(account: str) -> None:
    """Switch an account off; its sessions and tokens end at once."""
    _switch(account, enabled=False)


@app.command("enable")
def enable(account: str) -> None:
    """Switch an account on again."""
    _switch(account, enabled=True)


def _switch(account: str, *, enabled: bool) -> None:
    from gateway.access import Refused

    store = _store()
    try:
        store.enable(account, _now_ns(), enabled=enabled, by=_me())
    except Refused as refused:
        refuse([refused.reason_en])
    _witness(store)
    terminal.say(out, f"{account} is {'on' if enabled else 'off'}")


@tokens_app.command("add")
def token_add(
    account: Annotated[str, typer.Argument(help="Whose token it is: the actor in the ledger.")],
    role: Annotated[str, typer.Option(help="What it may do; not more than the account.")],
    note: Annotated[str, typer.Option(help="What it is for.")] = "",
    county: County = "",
    enterprise: Enterprise = "",
    days: Annotated[int, typer.Option(help="How long it lives.")] = 90,
) -> None:
    """A token for a program; it is shown now and never again."""
    from gateway.access import Refused, Scope

    store = _store()
    try:
        secret = store.issue(account, role, Scope(county, enterprise), note, _now_ns(), days, by=_me())
    except Refused as refused:
        refuse([refused.reason_en])
    _witness(store)
    terminal.say(out, "shown once; keep it as a password:")
    terminal.say(out, secret)


@tokens_app.command("list")
def token_list() -> None:
    """Every token, without its secret."""
    rows = [("token", "account", "role", "sees", "until", "for")]
    for one in _store().tokens():
        until = datetime.fromtimestamp(one.until_ns / 1e9, UTC).strftime("%Y-%m-%d %H:%M UTC")
        rows.append(
            (one.id, one.account, one.role, one.scope.organisation or "the whole city", until, one.note)
        )
    table("Tokens", rows)


@tokens_app.command("revoke")
def token_revoke(token: Annotated[str, typer.Argument(help="Its id, as listed.")]) -> None:
    """End a token at once."""
    from gateway.access import Refused

    store = _store()
    try:
        store.revoke(token, _now_ns(), by=_me())
    except Refused as refused:
        refuse([refused.reason_en])
    _witness(store)
    terminal.say(out, f"{token} is over")
