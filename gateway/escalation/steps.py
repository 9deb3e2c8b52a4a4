"""The steps of escalation, and everything that is wrong with them as a whole, with its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from gateway.alarms.events import DRILL_ENTERPRISE, AlarmEvent

ROSTER, ROLE = "roster", "role"


class Step(msgspec.Struct, frozen=True):
    """Who is called, after how long unanswered, by which sink, for which alarms."""

    name: str
    who: str
    """"roster:<name>" or "role:<role>"."""
    after_ns: int
    """Since the alarm waits for an answer; with ``follows``, since that step's call."""
    sink: str
    priorities: frozenset[int] = frozenset({1})
    enterprises: frozenset[str] = frozenset()
    """Empty: every enterprise (not the fire drill), and the gateway's own alarms. With
    ``follows`` the first step decides."""
    follows: str = ""

    def concerns(self, event: AlarmEvent) -> bool:
        """Whether alarms like this one are escalated by this (first) step."""
        if event.priority not in self.priorities:
            return False
        if not self.enterprises:
            return event.enterprise != DRILL_ENTERPRISE
        return event.enterprise in self.enterprises


def chain_of(step: Step, steps: Mapping[str, Step]) -> list[Step]:
    """The steps that lead to this one, the first of all first; a loop ends where it begins anew."""
    found = [step]
    while (before := steps.get(found[-1].follows)) is not None and before not in found:
        found.append(before)
    return found[::-1]


def wrong(
    steps: Sequence[Step], sinks: Mapping[str, bool], rosters: Iterable[str], roles: Iterable[str]
) -> Iterator[tuple[int, str, str]]:
    """(number of the step from 0, key, what is wrong and what to do). ``sinks``: name -> whether that kind
    can call people."""
    known = {step.name: step for step in steps}
    people = {ROSTER: sorted(rosters), ROLE: sorted(roles)}
    able = sorted(name for name, can in sinks.items() if can)
    seen: set[str] = set()
    for number, step in enumerate(steps):
        if step.name in seen:
            yield number, "name", f"{step.name!r} is the name of an earlier step; give each its own"
        seen.add(step.name)
        kind, _, name = step.who.partition(":")
        if kind not in people:
            yield number, "who", f'{step.who!r} is nobody; write "roster:<name>" or "role:<role>"'
        elif name not in people[kind]:
            choice = ", ".join(people[kind]) or f"none: add [{kind}s.{name}]"
            yield number, "who", f"there is no {kind} {name!r}; known: {choice}"
        if step.sink not in sinks:
            choice = ", ".join(able) or "none: add a webhook"
            yield number, "sink", f"there is no sink {step.sink!r} (or it is switched off); known: {choice}"
        elif not sinks[step.sink]:
            choice = ", ".join(able) or "none: add a webhook"
            yield number, "sink", f"sink {step.sink!r} cannot call people; take one of: {choice}"
        if step.follows and step.follows not in known:
            yield number, "follows", f"there is no step {step.follows!r}; known: {', '.join(sorted(known))}"
        elif step.follows and chain_of(step, known)[0].follows:
            # told at each step of the loop, for whoever corrects one of them ends it
            way = " after ".join([*(s.name for s in reversed(chain_of(step, known))), step.name])
            yield number, "follows", f"is a loop: {way}; let one of them begin, without follows"


def may_call(event: AlarmEvent, steps: Iterable[Step]) -> bool:
    """Whether any chain of steps begins for alarms like this one."""
    return any(not step.follows and step.concerns(event) for step in steps)
