"""Who may do what to alarms: the one table. A test holds it to the rights in gateway/access/person.py.

The console has asked for the right already; the core asks again, for the journal is also fed by others.
"""

from __future__ import annotations

_ANSWER = frozenset({"operator", "supervisor", "enterprise", "admin"})
_TAKE_AWAY = frozenset({"operator", "supervisor", "admin"})
_SECOND = frozenset({"supervisor", "admin"})
MAY: dict[str, frozenset[str]] = {
    "acknowledge": _ANSWER,
    "reset": _ANSWER,
    "comment": _ANSWER,
    "shelve": _TAKE_AWAY,
    "unshelve": _TAKE_AWAY,
    "out_of_service": _TAKE_AWAY,
    "return_to_service": _TAKE_AWAY,
    "confirm": _SECOND,
    "decline": _TAKE_AWAY,
    "deadletter_resend": frozenset({"supervisor", "engineer", "admin"}),
    "access_change": frozenset({"engineer", "admin"}),
    "rule_step": frozenset({"supervisor", "engineer", "enterprise", "admin"}),
    "drill": frozenset({"supervisor", "engineer", "admin"}),
}
"""Action -> roles. Saying no is the safe side: whoever may ask may decline."""
VERIFIED = ("console", "API")
"""First word of a command's source when its actor comes from a session or a token. A token counts as its
owner. The command line says a name that nobody has checked."""


def is_verified(source: str) -> bool:
    """Whether the actor is who it says: only then it counts as one of two persons."""
    return source.partition(" ")[0] in VERIFIED
