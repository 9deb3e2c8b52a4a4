"""Every fault of every plant at three levels, run and judged: found in time, how late, before a limit,
quietly.

A scenario is found in time when for each of its demands (simulators/_labels.py) somebody told within the
label's time: any alarm of the label's device or of its asset, raised after the fault began. It is found
early when a detector that only advises told before the first limit alarm, which came ``SLOW_S`` or later.
Ordinary life may raise nothing; what was raised before the fault is a false alarm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from gateway.evaluate.lives import START_NS, Source, Wanted, place_of
from gateway.evaluate.plant_run import LIMITS, Heard, Run, live
from simulators import Label, load
from simulators._cases import Case, cases
from simulators._faults import CLOCK, DELIVERY
from simulators._profiles import profile
from simulators._sources import Plan

LEARN_S, LEARN_PERIODS = 1800.0, 400
"""Before a fault begins, so long and so many periods at least are ordinary life."""
OWN_S, OWN_PERIODS = 14_400.0, 3000
"""Before a fault of the plant itself: the balance of a line alone learns for an hour and more."""
STEPS_MAX, SHARED_STEPS_MAX, LONG_STEPS_MAX = 60_000, 8_000, 45_000
"""A scenario that takes more steps is not run but told; the second: of the faults that every plant has, the
third: of those of them that take hours or a day."""
LONG = ("clock_skew", "battery")
BUNDLED_S, BUNDLE_PERIODS = 10.0, 4
"""Where hours are simulated of plants that speak every few seconds, so many periods go into one entry."""
SLOW_S = 300.0
NOT_JUDGED = frozenset({"never_seen"})


@dataclass(frozen=True, slots=True)
class Judged:
    """One scenario. Seconds are since the fault began."""

    name: str
    """ "<plant>.<fault>.<level>"."""
    family: str
    must: bool
    quiet: bool
    found: bool
    in_time: bool
    delay_s: float | None
    allowed_s: float | None
    limit_s: float | None
    """When the first limit alarm came."""
    advice_s: float | None
    """When the first advice came."""
    by: str
    """What told first; of ordinary life, what was told."""
    before: tuple[str, ...]
    """Told before the fault began."""

    @property
    def slow(self) -> bool:
        """A limit saw it, and took its time."""
        return self.limit_s is not None and self.limit_s >= SLOW_S and not self.quiet

    @property
    def early(self) -> bool:
        """Advice came before the limit alarm."""
        return self.slow and self.advice_s is not None and self.advice_s < (self.limit_s or 0.0)


def period_s(kind: str) -> float:
    """Seconds between a plant's steps."""
    module = load(kind)
    return float(module.Plant.STEP_S or profile(module.PROFILE).period_ns / 1e9)


def learning_s(kind: str, *, shared: bool) -> float:
    """When the fault begins; ``shared``: a fault that every plant has."""
    least = max(LEARN_S, LEARN_PERIODS * period_s(kind))
    return least if shared else max(least, min(OWN_S, OWN_PERIODS * period_s(kind)))


@cache
def allowed_s(kind: str, fault: str) -> tuple[float, ...]:
    """Seconds in which each level should be told, at most; of a level without demand, those of the second."""
    module = load(kind)
    devices = [f"e/s/D-{n}" for n in range(devices_of(kind))]
    found: list[float] = []
    for case in cases(kind):
        if case.fault == fault:
            labels: list[Label] = module.Plant(devices, START_NS, 1, (case.at(0.0),)).labels()
            found.append(max((label.must_detect_within_s or 0.0 for label in labels), default=0.0))
    return tuple(seconds or found[1] for seconds in found)


def devices_of(kind: str) -> int:
    """How many devices a plant is given."""
    return max(2, int(load(kind).Plant.DEVICES_MIN))


def scenario(case: Case, seed: int) -> Wanted | None:
    """The plant with its fault; None when it would take too many steps."""
    begin = learning_s(case.plant, shared=case.shared)
    after = max(allowed_s(case.plant, case.fault)[case.level - 1], 10 * period_s(case.plant), 60.0)
    if case.quiet:
        after = max(after, 3600.0)
    if case.fault == "wrong_scale":
        after *= 3.0  # its time counts from when it shows
    span = begin + after + 4 * period_s(case.plant)
    most = STEPS_MAX if not case.shared else LONG_STEPS_MAX if case.fault in LONG else SHARED_STEPS_MAX
    if case.fault in LONG and not case.must:
        span = min(span, SHARED_STEPS_MAX * period_s(case.plant))  # nothing is demanded of it
    if span / period_s(case.plant) > most:
        return None
    site = f"score/{name_of(case)}"
    names = tuple(f"{site}/D-{n + 1}" for n in range(devices_of(case.plant)))
    return Wanted(Plan(case.plant, names, (case.at(begin),)), seed * 10_007 + case.level, span)


def score(kind: str, seed: int, faults: Sequence[str] = ()) -> tuple[list[Judged], list[str]]:
    """Run every case of a plant (of the named faults only); what was judged, and the names of those that take
    too long."""
    chosen = [case for case in cases(kind) if not faults or case.fault in faults]
    planned = [(case, scenario(case, seed)) for case in chosen]
    too_long = [name_of(case) for case, wanted in planned if wanted is None]
    wanted = [(case, run) for case, run in planned if run is not None]
    by_place = {place_of(one.plan): case for case, one in wanted}

    def over(source: Source, heard: Sequence[Heard]) -> bool:
        return settled(by_place[source.place], source.plant.labels(), heard)

    judged = []
    for hours in (False, True):
        some = [(case, one) for case, one in wanted if (case.fault in LONG) == hours]
        if some:
            run = live([one for _, one in some], bundle_s(kind) if hours else 0.0, over)
            judged += [judge(case, run, one.span_s) for case, one in some]
    return judged, too_long


def bundle_s(kind: str) -> float:
    """How much of a plant's time goes into one entry where much of it is simulated."""
    period = period_s(kind)
    return BUNDLE_PERIODS * period if period <= BUNDLED_S else 0.0


def name_of(case: Case) -> str:
    """ "<plant>.<fault>.<level>"."""
    return f"{case.plant}.{case.fault}.{case.level}"


def settled(case: Case, labels: Sequence[Label], heard: Sequence[Heard]) -> bool:
    """Whether what was heard decides the case: every demand told, and a limit alarm too, which no fault of
    a clock or of the delivery leads to."""
    if case.quiet:
        return False
    begin = learning_s(case.plant, shared=case.shared)
    after = [h for h in heard if h.at_s >= begin and h.condition not in NOT_JUDGED]
    demands = [label for label in labels if label.must_detect_within_s is not None]
    if not demands or any(_first(label, after) is None for label in demands):
        return False
    return case.fault in (*CLOCK, *DELIVERY) or any(h.condition in LIMITS for h in after)


def judge(case: Case, run: Run, span_s: float) -> Judged:
    """What was heard of one case until its span was over, held to its labels."""
    place = f"score/{name_of(case)}"
    begin = learning_s(case.plant, shared=case.shared)
    end = min(span_s, run.ended_s[place])
    heard = [h for h in run.heard if h.place == place and h.condition not in NOT_JUDGED and h.at_s <= end]
    before = tuple(h.name for h in heard if h.at_s < begin)
    after = [h for h in heard if h.at_s >= begin]
    demanded = [label for label in run.labels[place] if label.must_detect_within_s is not None]
    told = [(label, _first(label, after)) for label in demanded]
    told = [(x, h) for x, h in told if h is not None or (x.must_detect_within_s or 0.0) <= end - begin]
    demands = [label for label, _ in told]  # not one whose time is not over
    delays = [h.at_s - begin for _, h in told if h is not None]
    in_time = bool(demands) and all(
        h is not None and h.at_s - begin <= (label.must_detect_within_s or 0.0) for label, h in told
    )
    limits = [h.at_s - begin for h in after if h.condition in LIMITS]
    advice = [h.at_s - begin for h in after if h.advice]
    return Judged(
        name=name_of(case),
        family=case.family,
        must=bool(demands),
        quiet=case.quiet,
        found=bool(after),
        in_time=in_time,
        delay_s=max(delays) if demands and len(delays) == len(demands) else None,
        allowed_s=max((label.must_detect_within_s or 0.0 for label in demands), default=None),
        limit_s=min(limits, default=None),
        advice_s=min(advice, default=None),
        by=", ".join(sorted({f"{h.channel}:{h.condition}" for h in after})) if case.quiet else _by(after),
        before=before,
    )


def _first(label: Label, after: Sequence[Heard]) -> Heard | None:
    """Who told first of the label's device or of its asset."""
    return min(
        (h for h in after if h.wide or h.device in ("", label.device)), key=lambda h: h.at_s, default=None
    )


def _by(after: Sequence[Heard]) -> str:
    first = min(after, key=lambda h: h.at_s, default=None)
    return f"{first.channel}:{first.condition}" if first else ""
