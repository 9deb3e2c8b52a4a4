"""Accounts without a default password, logins that can be guessed at slowly only, tokens that end."""

from __future__ import annotations

import itertools
import stat
from pathlib import Path

import pytest

from gateway.access import ROLES, AccessStore, Person, Refused, Right, Scope
from gateway.access.store import HOUR, LINK_NS

S = 1_000_000_000
T0 = 1_764_000_000 * S
GOOD = "three small blue boats"
HERE, THERE = "192.0.2.1", "198.51.100.7"
CITY = Scope()


def secrets() -> itertools.count[int]:
    return itertools.count(1)


@pytest.fixture
def store(tmp_path: Path) -> AccessStore:
    return made(tmp_path)


def made(folder: Path, **more: int) -> AccessStore:
    numbers = secrets()
    return AccessStore(folder / "console.db", lambda: f"secret-{next(numbers):032d}", **more)


def person(store: AccessStore, account: str = "li", role: str = "operator", scope: Scope = CITY) -> str:
    """An account with a password; its id."""
    return store.choose(store.add(account, "Li", role, scope, T0), GOOD, T0)


def test_the_first_link_makes_an_administrator_once(store: AccessStore) -> None:
    first = store.first(T0)
    assert first is not None
    again = store.first(T0 + S)
    assert again is not None
    with pytest.raises(Refused, match="used already"):
        store.choose(first, GOOD, T0 + 2 * S)
    assert store.choose(again, GOOD, T0 + 2 * S) == "admin"
    assert store.first(T0 + 3 * S) is None, "somebody has a password: no more free entry"
    with pytest.raises(Refused, match="used already"):
        store.choose(again, GOOD, T0 + 3 * S)


def test_nobody_logs_in_without_having_chosen_a_password(store: AccessStore) -> None:
    store.add("li", "Li", "operator", CITY, T0)
    for password in ("", "admin", "li", GOOD):
        with pytest.raises(Refused, match="wrong account or password"):
            store.login("li", password, HERE, T0)


def test_a_link_ends(store: AccessStore) -> None:
    link = store.add("li", "Li", "operator", CITY, T0)
    with pytest.raises(Refused, match="too old"):
        store.choose(link, GOOD, T0 + LINK_NS)


@pytest.mark.parametrize("password", ["short", "aaaaaaaaaaaaaaaa", "li-is-my-name-ok", "x" * 300])
def test_a_password_that_is_easy_to_guess_is_not_taken(store: AccessStore, password: str) -> None:
    link = store.add("li", "Li", "operator", CITY, T0)
    with pytest.raises(Refused):
        store.choose(link, password, T0)
    assert store.choose(link, GOOD, T0) == "li", "the link is still good after a refusal"


def test_no_secret_stands_in_the_file_and_nobody_else_reads_it(store: AccessStore, tmp_path: Path) -> None:
    person(store)
    session = store.login("li", GOOD, HERE, T0)
    token = store.issue("li", "operator", CITY, "a script", T0)
    file = tmp_path / "console.db"
    body = file.read_bytes()
    for secret in (GOOD, session.secret, token.rpartition(".")[2]):
        assert secret.encode() not in body
    assert b"$argon2id$" in body
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_session_is_of_its_person_and_ends(store: AccessStore) -> None:
    person(store, scope=Scope(enterprise="acme"))
    session = store.login("li", GOOD, HERE, T0)
    assert session.person.id == "li"
    assert session.person.scope == Scope(enterprise="acme")
    assert session.person.via == "session"
    known = store.session(session.secret, T0 + HOUR)
    assert known is not None
    assert known.csrf == session.csrf
    assert store.session("something else", T0) is None
    assert store.session(session.secret, T0 + 14 * HOUR) is None, "13 hours idle"
    assert store.session(session.secret, T0 + HOUR) is None, "and it does not come back"


def test_a_session_in_use_ends_after_a_day_all_the_same(store: AccessStore) -> None:
    person(store)
    secret = store.login("li", GOOD, HERE, T0).secret
    for hour in range(1, 25):
        assert store.session(secret, T0 + hour * HOUR) is not None
    assert store.session(secret, T0 + 24 * HOUR + 1) is None


def test_every_login_has_another_session_and_logout_ends_one(store: AccessStore) -> None:
    person(store)
    one, two = store.login("li", GOOD, HERE, T0), store.login("li", GOOD, HERE, T0)
    assert one.secret != two.secret
    store.logout(one.secret)
    assert store.session(one.secret, T0) is None
    assert store.session(two.secret, T0) is not None


def test_switching_an_account_off_ends_everything_of_it(store: AccessStore) -> None:
    person(store)
    session = store.login("li", GOOD, HERE, T0)
    token = store.issue("li", "operator", CITY, "a script", T0)
    store.enable("li", T0, enabled=False)
    assert store.session(session.secret, T0) is None
    assert store.token(token, T0) is None
    with pytest.raises(Refused, match="wrong account or password"):
        store.login("li", GOOD, HERE, T0)


def test_the_last_administrator_stays(store: AccessStore) -> None:
    person(store, "boss", "admin")
    person(store, "east", "admin", Scope(county="east"))
    store.add("heir", "", "admin", CITY, T0)  # has not chosen a password: cannot administer anything yet
    for attempt in (
        lambda: store.enable("boss", T0, enabled=False),
        lambda: store.change("boss", "operator", CITY, T0),
        lambda: store.change("boss", "admin", Scope(county="east"), T0),
    ):
        with pytest.raises(Refused, match="last administrator"):
            attempt()
    store.enable("east", T0, enabled=False)
    store.choose(store.invite("heir", T0), GOOD, T0)
    store.enable("boss", T0, enabled=False, by="heir")
    with pytest.raises(Refused, match="last administrator"):
        store.enable("heir", T0, enabled=False)
    assert {a.id for a in store.accounts() if a.enabled} == {"heir"}


def test_another_role_holds_at_once_and_is_kept(store: AccessStore) -> None:
    person(store)
    session = store.begin("li", HERE, T0)
    token = store.issue("li", "operator", CITY, "", T0)
    store.change("li", "regulator", Scope(county="east"), T0 + S, by="boss")
    now = store.session(session.secret, T0 + S)
    assert now is not None
    assert (now.person.role, now.person.scope) == ("regulator", Scope(county="east"))
    assert store.token(token, T0 + S) is None
    newest, *_ = store.changes()
    assert (newest.by, newest.action, newest.account, newest.detail) == (
        "boss", "change", "li", "regulator, east (before: operator, whole city)",
    )  # fmt: skip
    for change in (("li", "king", CITY), ("nobody", "operator", CITY), ("li", "enterprise", CITY)):
        with pytest.raises(Refused):
            store.change(*change, T0)


def test_another_password_ends_the_sessions_of_the_old_one(store: AccessStore) -> None:
    person(store)
    old = store.login("li", GOOD, HERE, T0)
    store.choose(store.invite("li", T0), "four large green boats", T0)
    assert store.session(old.secret, T0) is None
    with pytest.raises(Refused):
        store.login("li", GOOD, HERE, T0)


def fail(store: AccessStore, account: str, address: str, times: int, at: int = T0) -> None:
    for _ in range(times):
        with pytest.raises(Refused):
            store.login(account, "wrong password, sorry", address, at)


def test_guessing_has_to_wait_longer_each_time_also_after_a_restart(tmp_path: Path) -> None:
    store = made(tmp_path)
    person(store)
    fail(store, "li", HERE, 4)
    waits = []
    at = T0
    for _ in range(4):
        store = made(tmp_path)  # a restart forgives nothing
        with pytest.raises(Refused) as refused:
            store.login("li", GOOD, HERE, at)
        waits.append(refused.value.wait_s)
        at += round(refused.value.wait_s * S)
        fail(store, "li", HERE, 1, at)
    assert waits == [1.0, 2.0, 4.0, 8.0]


def test_a_stranger_cannot_lock_an_operator_out(store: AccessStore) -> None:
    person(store)
    for account in ("li", "wang", "zhao", "qian", "sun"):
        fail(store, account, THERE, 4)
    assert store.login("li", GOOD, HERE, T0).person.id == "li"
    with pytest.raises(Refused, match="too many"):
        store.login("somebody else", GOOD, THERE, T0)


def test_people_behind_one_address_do_not_wait_for_each_others_mistakes(store: AccessStore) -> None:
    people = [person(store, f"op-{n}") for n in range(3)]
    for one in people:
        store.login(one, GOOD, HERE, T0)
    at = T0
    for n in range(24):  # a mistype every two hours, each followed by the right password
        at += 2 * HOUR
        fail(store, people[n % 3], HERE, 1, at)
        assert store.login(people[n % 3], GOOD, HERE, at).person.id == people[n % 3]
    for account in ("x1", "x2", "x3", "x4", "x5"):
        fail(store, account, HERE, 4, at)
    assert store.login(people[0], GOOD, HERE, at).person.id == people[0], "a stranger at the same address"
    with pytest.raises(Refused, match="too many"):
        store.login("never-here", GOOD, HERE, at)


def test_a_right_login_forgets_its_own_failures_only(store: AccessStore) -> None:
    person(store)
    fail(store, "li", HERE, 3)
    store.login("li", GOOD, HERE, T0)
    fail(store, "li", HERE, 4)
    with pytest.raises(Refused, match="too many"):
        store.login("li", GOOD, HERE, T0)


def test_a_token_is_shown_once_and_ends(store: AccessStore) -> None:
    person(store, scope=Scope(county="east"))
    token = store.issue("li", "operator", Scope("east", "acme"), "a script", T0, days=1)
    found = store.token(token, T0 + S)
    assert found is not None
    assert (found.id, found.scope, found.via) == ("li", Scope("east", "acme"), "token")
    assert store.token(token, T0 + 24 * HOUR) is None
    for wrong in ("", "rgt", "rgt.x.y", token[:-1], token.replace("rgt", "abc"), token + "."):
        assert store.token(wrong, T0) is None
    assert token.rpartition(".")[2] not in repr(store.tokens())
    store.revoke(store.tokens()[0].id, T0)
    assert store.token(token, T0 + S) is None
    with pytest.raises(Refused, match="no token"):
        store.revoke("nothing", T0)


@pytest.mark.parametrize(
    ("role", "scope"),
    [
        ("admin", Scope("east")),
        ("supervisor", Scope("east")),
        ("operator", CITY),
        ("operator", Scope("west")),
    ],
)
def test_a_token_may_not_do_or_see_more_than_its_account(store: AccessStore, role: str, scope: Scope) -> None:
    person(store, scope=Scope(county="east"))
    with pytest.raises(Refused, match="more than the account"):
        store.issue("li", role, scope, "", T0)


@pytest.mark.parametrize(
    ("account", "role", "scope"),
    [("", "operator", CITY), ("a b", "operator", CITY), ("<b>", "operator", CITY), ("x" * 65, "admin", CITY),
     ("li", "king", CITY), ("li", "enterprise", CITY), ("li", "enterprise", Scope(county="east"))],
)  # fmt: skip
def test_an_account_that_makes_no_sense_is_refused(
    store: AccessStore, account: str, role: str, scope: Scope
) -> None:
    with pytest.raises(Refused):
        store.add(account, "", role, scope, T0)
    assert store.accounts() == []


def test_an_account_is_made_once(store: AccessStore) -> None:
    person(store)
    with pytest.raises(Refused, match="already"):
        store.add("li", "", "operator", CITY, T0)
    assert [(a.id, a.has_password, a.enabled) for a in store.accounts()] == [("li", True, True)]


@pytest.mark.parametrize(
    ("scope", "enterprise", "county", "sees"),
    [
        (CITY, "acme", "east", True), (CITY, "", "", True),
        (Scope(enterprise="acme"), "acme", "east", True), (Scope(enterprise="acme"), "other", "east", False),
        (Scope(enterprise="acme"), "", "", False), (Scope(enterprise="acme"), "acme2", "", False),
        (Scope(county="east"), "acme", "east", True), (Scope(county="east"), "acme", "west", False),
        (Scope(county="east"), "", "east", False), (Scope("east", "acme"), "acme", "west", False),
        (Scope("east", "acme"), "acme", "east", True),
    ],
)  # fmt: skip
def test_a_scope_sees_its_own_and_nothing_else(
    scope: Scope, enterprise: str, county: str, *, sees: bool
) -> None:
    assert scope.sees(enterprise=enterprise, county=county) is sees


def test_roles_have_what_they_need_and_no_more() -> None:
    def may(role: str, right: Right) -> bool:
        return Person("x", "x", role, CITY, "session").may(right)

    assert all(may("admin", right) for right in Right)
    assert [role for role in ROLES if may(role, Right.ACCOUNTS)] == ["admin"]
    assert [role for role in ROLES if not may(role, Right.LOOK)] == []
    assert {role for role in ROLES if may(role, Right.ACKNOWLEDGE)} == {
        "operator",
        "supervisor",
        "enterprise",
        "admin",
    }
    assert not may("operator", Right.CONFIRM)
    assert not may("regulator", Right.ACKNOWLEDGE)
    assert not may("nobody", Right.LOOK)
