"""A person (or a program that acts for one): a role says what may be done, a scope says to whose devices.

Both are decided here alone. Whoever is not of the whole city neither sees nor touches anything of others, and
nothing of the gateway itself.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

import msgspec


class Right(StrEnum):
    """One thing that may be done."""

    LOOK = "look"
    ACKNOWLEDGE = "acknowledge"
    """Also reset and comment."""
    SHELVE = "shelve"
    """Also out of service."""
    CONFIRM = "confirm"
    """Be the second person."""
    PROPOSE = "propose"
    APPROVE = "approve"
    BACKTEST = "backtest"
    DELIVERIES = "deliveries"
    """Dead letters: see them, send them again."""
    FLEET = "fleet"
    SIMULATE = "simulate"
    EXPORT = "export"
    SYSTEM = "system"
    ACCOUNTS = "accounts"


_R = Right
ROLES: dict[str, frozenset[Right]] = {
    "operator": frozenset({_R.LOOK, _R.ACKNOWLEDGE, _R.SHELVE, _R.EXPORT}),
    "supervisor": frozenset(
        {_R.LOOK, _R.ACKNOWLEDGE, _R.SHELVE, _R.CONFIRM, _R.APPROVE, _R.BACKTEST, _R.DELIVERIES}
        | {_R.EXPORT, _R.SYSTEM}
    ),
    "engineer": frozenset(
        {_R.LOOK, _R.PROPOSE, _R.APPROVE, _R.BACKTEST, _R.DELIVERIES, _R.FLEET, _R.EXPORT, _R.SYSTEM}
    ),
    "enterprise": frozenset({_R.LOOK, _R.ACKNOWLEDGE, _R.PROPOSE, _R.EXPORT}),
    "regulator": frozenset({_R.LOOK, _R.EXPORT}),
    "tester": frozenset({_R.LOOK, _R.BACKTEST, _R.SIMULATE, _R.EXPORT}),
    "admin": frozenset(Right),
}
"""What each role may do; to whose devices, its scope says."""

ENTERPRISE_ONLY = frozenset({"enterprise"})
"""Roles that make sense only for one enterprise."""


class Scope(msgspec.Struct, frozen=True):
    """Whose devices: one enterprise's, one county's, one enterprise's in one county, or (both empty) all."""

    county: str = ""
    enterprise: str = ""

    @property
    def whole_city(self) -> bool:
        """Everything, the gateway itself included."""
        return not self.county and not self.enterprise

    @property
    def organisation(self) -> str:
        """For people to read; "" = the whole city."""
        return "/".join(part for part in (self.county, self.enterprise) if part)

    def covers(self, other: Scope) -> bool:
        """Whether whoever is of this scope may look after people of the other."""
        return self.county in ("", other.county) and self.enterprise in ("", other.enterprise)

    def sees(self, *, enterprise: str, county: str) -> bool:
        """Whether something of this enterprise in this county is inside. What belongs to no enterprise (the
        gateway's own alarms) is for the whole city only."""
        if self.whole_city:
            return True
        if not enterprise:
            return False
        return self.enterprise in ("", enterprise) and self.county in ("", county)


class Person(msgspec.Struct, frozen=True):
    """Who asks, verified."""

    id: str
    """The account's; what the ledger keeps as actor."""
    name: str
    role: str
    scope: Scope
    via: Literal["session", "token"]
    session: str = ""
    """Names the session or token in the log, without being its secret."""

    def may(self, right: Right) -> bool:
        """Whether the role has this right."""
        return right in ROLES.get(self.role, frozenset())


class Account(msgspec.Struct, frozen=True):
    """What a list of accounts shows."""

    id: str
    name: str
    role: str
    scope: Scope
    enabled: bool
    has_password: bool


class Issued(msgspec.Struct, frozen=True):
    """What a list of tokens shows: never the secret."""

    id: str
    account: str
    role: str
    scope: Scope
    note: str
    until_ns: int


class Session(msgspec.Struct, frozen=True):
    """A login: the secret goes into the cookie, csrf into the page."""

    secret: str
    csrf: str
    person: Person
