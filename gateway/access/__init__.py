"""Who may do what: accounts, roles, organisations, sessions, tokens. Written by the console's process and the
command line into console.db; nothing here knows HTTP."""

from gateway.access.person import ROLES, Person, Right, Scope
from gateway.access.rules import Refused
from gateway.access.store import AccessStore

__all__ = ["ROLES", "AccessStore", "Person", "Refused", "Right", "Scope"]
