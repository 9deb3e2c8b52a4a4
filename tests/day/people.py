"""What people do in a control room: every command there is, well meant, hasty, or not theirs to give.

Guarantee: drawn from the day's own randomness and from what the core shows, so the same day has the same
people. Each wish says whether it must sometimes be granted, or never.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection
from typing import Any, NamedTuple

from gateway.alarms import lifecycle
from gateway.alarms.events import ACKNOWLEDGED, OUT_OF_SERVICE, QUIET, RETURNED, SHELVED, UNACKNOWLEDGED
from gateway.alarms.openalarm import OpenAlarm
from gateway.alarms.requests import Request
from gateway.alarms.shelving import is_safety
from gateway.monitor.monitor import Monitor

PEOPLE = ("li", "wang", "zhao")
ORDER = {"reason": "exchange of the sensor", "work_order": "WO-17"}


class Wish(NamedTuple):
    """One command as somebody gives it."""

    action: str
    args: dict[str, Any]
    actor: str = "li"
    role: str = "operator"
    source: str = "console 10.0.0.7"
    organisation: str = ""
    late: bool = False
    """It reaches the core after its deadline."""


class Desk:
    """What a person sees when deciding."""

    def __init__(self, monitor: Monitor, draw: random.Random) -> None:
        self.draw = draw
        self.monitor = monitor
        self.alarms = sorted(monitor.engine.open_alarms(), key=lambda alarm: alarm.definition.id)
        self.requests = monitor.engine.requests.pending()

    def one(self, holds: Callable[[OpenAlarm], bool] = lambda _: True) -> OpenAlarm | None:
        """An open alarm for which this holds, if there is any."""
        found = [alarm for alarm in self.alarms if holds(alarm)]
        return self.draw.choice(found) if found else None

    def device(self) -> str:
        """Any device of the fleet."""
        return self.draw.choice(sorted(self.monitor.roster.index))

    def request(self) -> Request | None:
        """Something that waits for a second person."""
        return self.draw.choice(self.requests) if self.requests else None

    def other(self, person: str) -> str:
        """Somebody else."""
        return self.draw.choice([name for name in PEOPLE if name != person])


def _unanswered(alarm: OpenAlarm) -> bool:
    return alarm.state in (UNACKNOWLEDGED, RETURNED)


def _safety(alarm: OpenAlarm) -> bool:
    return is_safety(alarm.definition.condition, alarm.definition.priority)


def _named(action: str, alarm: OpenAlarm | None, **more: Any) -> Wish | None:
    return Wish(action, {"alarm": alarm.definition.id, **more}) if alarm else None


def _seen(action: str, alarm: OpenAlarm | None, off: int = 0, **more: Any) -> Wish | None:
    """About the occurrence that they saw; ``off``: it is another one."""
    return _named(action, alarm, occurrence=alarm.occurrence + off, **more) if alarm else None


def _answer(alarm: OpenAlarm | None, off: int = 0) -> Wish | None:
    return _seen("acknowledge", alarm, off)


def _old(
    desk: Desk, action: str, holds: Callable[[OpenAlarm], bool] = lambda _: True, **more: Any
) -> Wish | None:
    """It has come anew since they looked, or they made the number up."""
    return _seen(action, desk.one(holds), desk.draw.choice((-1, 1)), **more)


def _many(desk: Desk) -> Wish | None:
    found = [alarm for alarm in desk.alarms if _unanswered(alarm)]
    listed = [{"alarm": a.definition.id, "occurrence": a.occurrence} for a in found[:50]]
    return (
        Wish("acknowledge", {"alarms": listed, "comment": "seen on the rounds"}) if len(found) > 1 else None
    )


def _shelve(
    desk: Desk, alarm: OpenAlarm | None, *, for_s: float | None = None, reason: str = "dust"
) -> Wish | None:
    length = desk.draw.choice((90, 600, 3600)) if for_s is None else for_s
    return _named("shelve", alarm, for_s=length, reason=reason)


def _live_safety(desk: Desk) -> OpenAlarm | None:
    return desk.one(lambda a: a.state not in QUIET and _safety(a) and a.definition.category == "process")


def _by(wish: Wish | None, **changes: Any) -> Wish | None:
    return wish._replace(**changes) if wish else None


def _confirm(desk: Desk, **changes: Any) -> Wish | None:
    request = desk.request()
    if request is None:
        return None
    wish = Wish("confirm", {"request": request.id}, desk.other(request.actor), "supervisor", "API 10.0.0.8")
    return wish._replace(**{k: v(request) if callable(v) else v for k, v in changes.items()})


def _decline(desk: Desk, *, own: bool) -> Wish | None:
    request = desk.request()
    if request is None:
        return None
    actor = request.actor if own else desk.other(request.actor)
    return Wish("decline", {"request": request.id, "reason": "not now"}, actor)


def _device(desk: Desk, action: str) -> Wish:
    gone = desk.one(lambda a: a.state == OUT_OF_SERVICE and bool(a.definition.device))
    if action == "return_to_service" and gone:
        d = gone.definition
        return Wish(action, {"device": f"{d.enterprise}/{d.site}/{d.device}"})
    return Wish(action, {"device": desk.device(), **ORDER})


def _resend(**more: Any) -> Wish:
    return Wish("deadletter_resend", {"sink": "hook", "all": True}, "zhao", **{"role": "supervisor", **more})


def _is_gone(alarm: OpenAlarm) -> bool:
    return alarm.state == OUT_OF_SERVICE


def _is_there(alarm: OpenAlarm) -> bool:
    return alarm.state not in QUIET


def _waits(alarm: OpenAlarm) -> bool:
    return alarm.state == ACKNOWLEDGED and not alarm.process_active


YES, NO = True, False
WISHES: dict[str, tuple[int, bool, Callable[[Desk], Wish | None]]] = {
    "acknowledge": (20, YES, lambda d: _answer(d.one(_unanswered))),
    "acknowledge_many": (3, YES, _many),
    "acknowledge_another_occurrence": (3, NO, lambda d: _old(d, "acknowledge", _unanswered)),
    "acknowledge_what_is_quiet": (2, NO, lambda d: _answer(d.one(lambda a: a.state in QUIET))),
    "acknowledge_too_late": (2, NO, lambda d: _by(_answer(d.one(_unanswered)), late=True)),
    "acknowledge_of_strangers": (2, NO, lambda d: _by(_answer(d.one(_unanswered)), organisation="other")),
    "comment": (3, YES, lambda d: _seen("comment", d.one(), comment="the fan is being exchanged")),
    "comment_on_another_occurrence": (1, NO, lambda d: _old(d, "comment", comment="the fan is exchanged")),
    "comment_too_long": (1, NO, lambda d: _named("comment", d.one(), comment="x" * 2001)),
    "reset": (20, YES, lambda d: _seen("reset", d.one(_waits))),
    "reset_too_early": (2, NO, lambda d: _named("reset", d.one(lambda a: a.process_active))),
    "reset_of_another_occurrence": (2, NO, lambda d: _old(d, "reset", _waits)),
    "shelve": (5, YES, lambda d: _shelve(d, d.one(lambda a: a.state not in QUIET and not _safety(a)))),
    "shelve_another_occurrence": (1, NO, lambda d: _old(d, "shelve", _is_there, for_s=600, reason="dust")),
    "shelve_asks": (8, YES, lambda d: _shelve(d, _live_safety(d))),
    "shelve_by_nobody": (2, NO, lambda d: _by(_shelve(d, _live_safety(d)), source="cli")),
    "shelve_without_reason": (1, NO, lambda d: _shelve(d, d.one(), reason=" ")),
    "shelve_too_long": (1, NO, lambda d: _shelve(d, d.one(), for_s=13 * 3600.0)),
    "shelve_not_their_role": (1, NO, lambda d: _by(_shelve(d, d.one()), role="enterprise")),
    "unshelve": (3, YES, lambda d: _seen("unshelve", d.one(lambda a: a.state == SHELVED))),
    "unshelve_another_occurrence": (1, NO, lambda d: _old(d, "unshelve", lambda a: a.state == SHELVED)),
    "unshelve_what_is_not": (1, NO, lambda d: _named("unshelve", d.one(lambda a: a.state != SHELVED))),
    "confirm": (6, YES, _confirm),
    "confirm_their_own": (3, NO, lambda d: _confirm(d, actor=lambda request: request.actor)),
    "confirm_by_nobody": (3, NO, lambda d: _confirm(d, source="cli")),
    "confirm_not_their_role": (3, NO, lambda d: _confirm(d, role="operator")),
    "confirm_what_is_gone": (1, NO, lambda _: Wish("confirm", {"request": "1-1-9"}, role="supervisor")),
    "decline": (2, YES, lambda d: _decline(d, own=False)),
    "decline_what_is_gone": (1, NO, lambda _: Wish("decline", {"request": "1-1-9"})),
    "withdraw": (2, YES, lambda d: _decline(d, own=True)),
    "out_of_service": (3, YES, lambda d: _seen("out_of_service", d.one(_is_there), **ORDER)),
    "out_of_service_device": (1, YES, lambda d: _device(d, "out_of_service")),
    "out_of_service_for_another_occurrence": (1, NO, lambda d: _old(d, "out_of_service", _is_there, **ORDER)),
    "out_of_service_without_order": (1, NO, lambda d: _named("out_of_service", d.one(), reason="broken")),
    "return_to_service": (4, YES, lambda d: _seen("return_to_service", d.one(_is_gone))),
    "return_to_service_for_another_occurrence": (1, NO, lambda d: _old(d, "return_to_service", _is_gone)),
    "return_to_service_device": (4, YES, lambda d: _device(d, "return_to_service")),
    "resend": (1, YES, lambda _: _resend()),
    "resend_of_strangers": (1, NO, lambda _: _resend(organisation="acme")),
    "drill": (1, YES, lambda _: Wish("drill", {}, "zhao", "supervisor")),
    "drill_of_strangers": (1, NO, lambda _: Wish("drill", {}, "zhao", "supervisor", organisation="acme")),
    "account_not_their_role": (1, NO, lambda _: Wish("access_change", {})),
    "rule_step_of_nothing": (1, NO, lambda _: Wish("rule_step", {}, "zhao", "supervisor")),
    "unknown_action": (1, NO, lambda d: _named("silence", d.one())),
    "unknown_alarm": (1, NO, lambda _: Wish("comment", {"alarm": "acme/site-0/D-none/x:H", "comment": "?"})),
}  # fmt: skip
"""What is wished -> (how often beside the others, whether it must be granted at least once or never, how)."""
CAUSES = frozenset(
    {*lifecycle.INPUTS, lifecycle.RE_RAISED, lifecycle.BEGAN_QUIETLY, lifecycle.ENDED_QUIETLY}
) - {
    lifecycle.SUPPRESS,
    lifecycle.UNSUPPRESS,
}
"""Causes that a day must have; nothing of it reports through a concentrator, so nothing is suppressed."""


def wish(desk: Desk, wished: Collection[str]) -> tuple[str, Wish | None]:
    """What somebody wants now, None if it makes no sense now; half the time something that nobody has
    ``wished`` yet."""
    new = [name for name in WISHES if name not in wished]
    if new and desk.draw.random() < 0.5:
        name = desk.draw.choice(new)
    else:
        (name,) = desk.draw.choices(list(WISHES), [often for often, _, _ in WISHES.values()])
    return name, WISHES[name][2](desk)
