"""Accounts that an identity provider keeps: made and changed at each login, never by hand.

Guarantee: role and organisation are those of the newest login; an account that an administrator switched off
stays off. It has no password and no token here, so nothing outlives its end at the provider but a session.
"""

from __future__ import annotations

import re

import msgspec
from sqlalchemy import Connection, insert, select, update

from gateway.access.person import ENTERPRISE_ONLY, ROLES, Scope
from gateway.access.record import note_change
from gateway.access.rules import PROVIDED, Refused
from gateway.access.tables import ACCOUNT

SUBJECT = re.compile(r"[!-~]{1,128}")
"""Subject identifiers are at most 255 ASCII characters (OpenID Connect Core 2); an actor's id stays short."""


class External(msgspec.Struct, frozen=True):
    """Whom the provider vouches for. id: ``oidc:<provider>:<subject>``, stable, never an account of ours."""

    id: str
    name: str
    role: str
    scope: Scope


def external_id(provider: str, subject: str) -> str | None:
    """The account's id; None for a subject that cannot be part of one."""
    return f"{PROVIDED}{provider}:{subject}" if SUBJECT.fullmatch(subject) else None


def keep(link: Connection, given: External, now_ns: int) -> None:
    """Make or change the account; Refused when it is switched off here."""
    assert given.id.startswith(PROVIDED)
    assert given.role in ROLES
    assert given.scope.enterprise or given.role not in ENTERPRISE_ONLY
    row = link.execute(select(ACCOUNT).where(ACCOUNT.c.id == given.id)).first()
    values = {
        "name": given.name or given.id, "role": given.role, "county": given.scope.county,
        "enterprise": given.scope.enterprise,
    }  # fmt: skip
    said = f"{given.role}, {given.scope.organisation or 'whole city'}"
    if row is None:
        new = {"id": given.id, "password": None, "enabled": True, "made_ns": now_ns}
        link.execute(insert(ACCOUNT).values(**new, **values))
        note_change(link, now_ns, "oidc", "add", given.id, said)
        return
    if not row.enabled:
        raise Refused("this account is switched off here: ask an administrator", "该账号已停用:请联系管理员")
    if (row.role, row.county, row.enterprise) != (given.role, given.scope.county, given.scope.enterprise):
        note_change(link, now_ns, "oidc", "change", given.id, said)
    link.execute(update(ACCOUNT).where(ACCOUNT.c.id == given.id).values(**values))
