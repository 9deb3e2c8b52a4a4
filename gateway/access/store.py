"""console.db: accounts, one-time links, sessions, tokens, failed logins. Every question and every change is
one short transaction; the console and the command line may both ask.

Time is given by the caller (ns since 1970); secrets by the maker it is built with.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from gateway.access import external, passwords
from gateway.access.database import opened
from gateway.access.person import ROLES, Account, Issued, Person, Scope, Session
from gateway.access.record import Change, changes, note_change, witnessed
from gateway.access.rules import Refused, check, keep_an_administrator, keep_out
from gateway.access.tables import ACCOUNT, LINK, SESSION, TOKEN
from gateway.access.throttle import forget, note, succeeded, wait_s

SECOND = 1_000_000_000
HOUR = 3600 * SECOND
LINK_NS = 24 * HOUR
"""How long a one-time link can be used."""
TOKEN_DAYS = 90
MAX_TOKEN_DAYS = 366
USED_STEP_NS = 60 * SECOND
"""A session's last use is written down at most so often."""
TOKEN_PREFIX = "rgt"  # noqa: S105 - how a token begins, so that a leaked one is recognised


class AccessStore:
    """See the module's docstring. idle_ns, longest_ns: when a session ends."""

    def __init__(
        self,
        path: Path,
        secret: Callable[[], str],
        *,
        idle_ns: int = 12 * HOUR,
        longest_ns: int = 24 * HOUR,
    ) -> None:
        self._secret = secret
        self._idle_ns, self._longest_ns = idle_ns, longest_ns
        self._engine = opened(path)

    @contextmanager
    def _changing(self) -> Iterator[Connection]:
        with self._engine.begin() as link:
            yield link

    # --- accounts -------------------------------------------------------------------------------------

    def accounts(self) -> list[Account]:
        """Every account, by id."""
        with self._changing() as link:
            rows = link.execute(select(ACCOUNT).order_by(ACCOUNT.c.id)).all()
        return [
            Account(r.id, r.name, r.role, Scope(r.county, r.enterprise), r.enabled, r.password is not None)
            for r in rows
        ]

    def add(self, account: str, name: str, role: str, scope: Scope, now_ns: int, *, by: str = "") -> str:
        """A new account; returns its one-time link's secret. Refused when it is there or makes no sense.
        by: who does it; kept."""
        check(account, role, scope)
        with self._changing() as link:
            if link.execute(select(ACCOUNT.c.id).where(ACCOUNT.c.id == account)).first() is not None:
                raise Refused(f"there is an account {account!r} already", f"账号 {account!r} 已存在")
            link.execute(
                insert(ACCOUNT).values(
                    id=account, name=name or account, role=role, county=scope.county,
                    enterprise=scope.enterprise, password=None, enabled=True, made_ns=now_ns,
                )
            )  # fmt: skip
            note_change(link, now_ns, by, "add", account, _part(role, scope))
            return self._invite(link, account, now_ns)

    def invite(self, account: str, now_ns: int, *, by: str = "") -> str:
        """Another one-time link; earlier ones of the account end. Its secret."""
        keep_out(account)
        with self._changing() as link:
            self._found(link, account)
            note_change(link, now_ns, by, "link", account)
            return self._invite(link, account, now_ns)

    def first(self, now_ns: int) -> str | None:
        """The one-time link of the first administrator, as long as nobody has ever chosen a password; else
        None. There is no default password."""
        with self._changing() as link:
            chosen = select(func.count()).select_from(ACCOUNT).where(ACCOUNT.c.password.is_not(None))
            if link.execute(chosen).scalar_one():
                return None
            if link.execute(select(ACCOUNT.c.id).where(ACCOUNT.c.id == "admin")).first() is None:
                link.execute(
                    insert(ACCOUNT).values(
                        id="admin", name="Administrator", role="admin", county="", enterprise="",
                        password=None, enabled=True, made_ns=now_ns,
                    )
                )  # fmt: skip
                note_change(link, now_ns, "console", "first", "admin", "admin, whole city")
            return self._invite(link, "admin", now_ns)

    def enable(self, account: str, now_ns: int, *, enabled: bool, by: str = "") -> None:
        """Switch an account on or off; off ends its sessions and tokens at once. Refused for the last
        administrator."""
        with self._changing() as link:
            self._found(link, account)
            if not enabled:
                keep_an_administrator(link, account)
                link.execute(delete(SESSION).where(SESSION.c.account == account))
                link.execute(delete(TOKEN).where(TOKEN.c.account == account))
            link.execute(update(ACCOUNT).where(ACCOUNT.c.id == account).values(enabled=enabled))
            note_change(link, now_ns, by, "enable" if enabled else "disable", account)

    def change(self, account: str, role: str, scope: Scope, now_ns: int, *, by: str = "") -> None:
        """Another role or organisation; holds at once. Tokens end: they may say more than is true now.
        Refused for the last administrator."""
        check(account, role, scope)
        with self._changing() as link:
            before = self._found(link, account)
            if role != "admin" or not scope.whole_city:
                keep_an_administrator(link, account)
            link.execute(delete(TOKEN).where(TOKEN.c.account == account))
            values = {"role": role, "county": scope.county, "enterprise": scope.enterprise}
            link.execute(update(ACCOUNT).where(ACCOUNT.c.id == account).values(**values))
            was = _part(before.role, Scope(before.county, before.enterprise))
            note_change(link, now_ns, by, "change", account, f"{_part(role, scope)} (before: {was})")

    def record(self, by: str, action: str, account: str, detail: str, now_ns: int) -> None:
        """Keep something else that a person did through the console."""
        with self._changing() as link:
            note_change(link, now_ns, by, action, account, detail)

    def changes(self, limit: int = 100) -> list[Change]:
        """What was changed about accounts, newest first."""
        with self._changing() as link:
            return changes(link, limit)

    def witness(self) -> dict[str, Any]:
        """What the ledger is to witness of the newest change; there must have been one."""
        with self._changing() as link:
            return witnessed(link)

    def choose(self, secret: str, password: str, now_ns: int) -> str:
        """Use a one-time link: the account's password from now on. Its sessions end. The account's id."""
        with self._changing() as link:
            known = link.execute(
                select(LINK).where(LINK.c.digest == passwords.digest(secret), LINK.c.until_ns > now_ns)
            ).first()
            if known is None:
                raise Refused(
                    "this link was used already or is too old: ask for another one",
                    "该链接已使用或已过期:请重新获取",
                )
            wrong = passwords.problem(password, known.account)
            if wrong:
                raise Refused(wrong, "密码须为 12 至 256 个字符,不得过于简单或包含账号名")
            link.execute(delete(LINK).where(LINK.c.account == known.account))
            link.execute(delete(SESSION).where(SESSION.c.account == known.account))
            kept = passwords.hashed(password)
            link.execute(update(ACCOUNT).where(ACCOUNT.c.id == known.account).values(password=kept))
            forget(link, known.account)
            note_change(link, now_ns, known.account, "password", known.account)
            return str(known.account)

    # --- sessions -------------------------------------------------------------------------------------

    def login(self, account: str, password: str, address: str, now_ns: int) -> Session:
        """A new session. Refused alike for a wrong name and a wrong password; after several failures the
        same address has to wait, and nobody else does."""
        with self._changing() as link:
            wait = wait_s(link, account, address, now_ns)
            row = link.execute(select(ACCOUNT).where(ACCOUNT.c.id == account)).first()
        if wait > 0:
            raise Refused(
                f"too many failed logins from here: try again in {wait:.0f} s",
                f"登录失败次数过多:请 {wait:.0f} 秒后再试",
                wait,
            )
        kept = row.password if row is not None and row.enabled else None
        right = passwords.verified(kept, password)
        if not right or row is None:
            with self._changing() as link:
                note(link, account, address, now_ns)
            raise Refused("wrong account or password", "账号或密码错误")
        with self._changing() as link:
            succeeded(link, account, address, now_ns)
            if passwords.outdated(row.password):
                again = passwords.hashed(password)
                link.execute(update(ACCOUNT).where(ACCOUNT.c.id == account).values(password=again))
            return self._begin(link, row, address, now_ns)

    def begin(self, account: str, address: str, now_ns: int) -> Session:
        """A session for somebody who has just used a one-time link."""
        with self._changing() as link:
            return self._begin(link, self._found(link, account), address, now_ns)

    def enter(self, given: external.External, address: str, now_ns: int) -> Session:
        """A session for somebody whom the identity provider vouches for, with the role and organisation of
        this login. Refused when an administrator has switched the account off."""
        with self._changing() as link:
            external.keep(link, given, now_ns)
            return self._begin(link, self._found(link, given.id), address, now_ns)

    def turn_away(self, account: str) -> None:
        """The identity provider no longer vouches for an account: its sessions end, if it has any."""
        with self._changing() as link:
            link.execute(delete(SESSION).where(SESSION.c.account == account))

    def session(self, secret: str, now_ns: int) -> Session | None:
        """The session of a cookie, if it has not ended and the account is enabled."""
        digest = passwords.digest(secret)
        with self._changing() as link:
            row = link.execute(
                select(SESSION, ACCOUNT)
                .join(ACCOUNT, ACCOUNT.c.id == SESSION.c.account)
                .where(SESSION.c.digest == digest, ACCOUNT.c.enabled)
            ).first()
            if row is None:
                return None
            if now_ns - row.used_ns > self._idle_ns or now_ns - row.began_ns > self._longest_ns:
                link.execute(delete(SESSION).where(SESSION.c.digest == digest))
                return None
            if now_ns - row.used_ns > USED_STEP_NS:
                link.execute(update(SESSION).where(SESSION.c.digest == digest).values(used_ns=now_ns))
        return Session(secret, row.csrf, _person(row, "session", digest[:12]))

    def logout(self, secret: str) -> None:
        """The session is over."""
        with self._changing() as link:
            link.execute(delete(SESSION).where(SESSION.c.digest == passwords.digest(secret)))

    # --- tokens ---------------------------------------------------------------------------------------

    def issue(
        self, account: str, role: str, scope: Scope, note_text: str, now_ns: int, days: int = TOKEN_DAYS,
        *, by: str = "",
    ) -> str:  # fmt: skip
        """A token for a program; shown once, only its hash is kept. It may not do more than its account."""
        check(account, role, scope)
        if not 1 <= days <= MAX_TOKEN_DAYS:
            raise Refused(
                f"a token lives 1 to {MAX_TOKEN_DAYS} days", f"令牌有效期为 1 至 {MAX_TOKEN_DAYS} 天"
            )
        with self._changing() as link:
            owner = self._found(link, account)
            wider = (owner.county not in ("", scope.county)) or (
                owner.enterprise not in ("", scope.enterprise)
            )
            if wider or not ROLES[role] <= ROLES[owner.role]:
                raise Refused(
                    f"a token of {account!r} may not do or see more than the account itself",
                    "令牌的权限与范围不得超出其账号",
                )
            number, secret = self._secret()[:10], self._secret()
            link.execute(
                insert(TOKEN).values(
                    id=number, digest=passwords.digest(secret), account=account, role=role,
                    county=scope.county, enterprise=scope.enterprise, note=note_text[:200],
                    until_ns=now_ns + days * 24 * HOUR,
                )
            )  # fmt: skip
            told = f"token {number}, {_part(role, scope)}, {days} days"
            note_change(link, now_ns, by, "token", account, told)
        return f"{TOKEN_PREFIX}.{number}.{secret}"

    def token(self, text: str, now_ns: int) -> Person | None:
        """Whose token it is, if it is one, has not expired, and its account is enabled."""
        prefix, _, rest = text.partition(".")
        number, _, secret = rest.partition(".")
        if prefix != TOKEN_PREFIX or not secret:
            return None
        with self._changing() as link:
            row = link.execute(
                select(TOKEN, ACCOUNT.c.name)
                .join(ACCOUNT, ACCOUNT.c.id == TOKEN.c.account)
                .where(TOKEN.c.id == number, TOKEN.c.until_ns > now_ns, ACCOUNT.c.enabled)
            ).first()
        if row is None or not hmac.compare_digest(row.digest, passwords.digest(secret)):
            return None
        return _person(row, "token", f"token {number}")

    def tokens(self) -> list[Issued]:
        """Every token, by account."""
        with self._changing() as link:
            rows = link.execute(select(TOKEN).order_by(TOKEN.c.account, TOKEN.c.id)).all()
        return [
            Issued(r.id, r.account, r.role, Scope(r.county, r.enterprise), r.note, r.until_ns) for r in rows
        ]

    def revoke(self, number: str, now_ns: int, *, by: str = "") -> None:
        """A token is over; Refused for an unknown one."""
        with self._changing() as link:
            row = link.execute(select(TOKEN).where(TOKEN.c.id == number)).first()
            if row is None:
                raise Refused(f"no token {number!r}", f"没有令牌 {number!r}")
            link.execute(delete(TOKEN).where(TOKEN.c.id == number))
            note_change(link, now_ns, by, "revoke", row.account, f"token {number}")

    # --- within a transaction -------------------------------------------------------------------------

    def _invite(self, link: Connection, account: str, now_ns: int) -> str:
        secret = self._secret()
        link.execute(delete(LINK).where(LINK.c.account == account))
        link.execute(
            insert(LINK).values(digest=passwords.digest(secret), account=account, until_ns=now_ns + LINK_NS)
        )
        return secret

    def _begin(self, link: Connection, row: Row[Any], address: str, now_ns: int) -> Session:
        secret, csrf = self._secret(), self._secret()
        digest = passwords.digest(secret)
        link.execute(delete(SESSION).where(SESSION.c.began_ns < now_ns - self._longest_ns))
        link.execute(
            insert(SESSION).values(
                digest=digest, account=row.id, csrf=csrf, began_ns=now_ns, used_ns=now_ns,
                address=address[:64],
            )
        )  # fmt: skip
        return Session(secret, csrf, _person(row, "session", digest[:12], row.id))

    @staticmethod
    def _found(link: Connection, account: str) -> Row[Any]:
        row = link.execute(select(ACCOUNT).where(ACCOUNT.c.id == account)).first()
        if row is None:
            raise Refused(f"no account {account!r}", f"没有账号 {account!r}")
        return row


def _person(row: Row[Any], via: Any, session: str, account: str = "") -> Person:
    return Person(account or row.account, row.name, row.role, Scope(row.county, row.enterprise), via, session)


def _part(role: str, scope: Scope) -> str:
    return f"{role}, {scope.organisation or 'whole city'}"
