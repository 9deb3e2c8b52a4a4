"""The scorecard of the shipped profiles: families x faults x levels, and normal days, each detector on.

Seeds 1 to 5 are for tuning; what is reported has seeds from 1001 on (1000 was looked at while tuning).
Every plant runs in a process of its own kind with the profile's own pace; where a normal day has so many
readings that ``READINGS_MAX`` of a family are reached before its channel-days are, fewer days are run and the
report says how many.
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from typing import Any

from gateway.evaluate.figures import SEED, Doing, Figure, Part
from gateway.evaluate.lives import Wanted
from gateway.evaluate.plant_run import live
from gateway.evaluate.scenarios import NOT_JUDGED, Judged, bundle_s, devices_of, period_s, score
from simulators import load
from simulators._cases import plants
from simulators._profiles import profile
from simulators._sources import Plan

CHANNEL_DAYS, CHANNEL_DAYS_FULL = 1500.0, 5000.0
READINGS_MAX = 6_000_000
DAYS = 3.0
"""A plant's normal life, where the readings allow."""
QUIET_LIFE = "normal"


@dataclass(slots=True)
class Normal:
    """Normal days of one plant. ``alarms``: raised, by channel and condition."""

    kind: str
    channel_days: float
    readings: int
    alarms: dict[str, int]


@dataclass(slots=True)
class Card:
    """What one plant gave."""

    kind: str
    judged: list[Judged] = field(default_factory=list)
    too_long: list[str] = field(default_factory=list)
    normal: Normal | None = None

    @property
    def family(self) -> str:
        """Of its profile."""
        return family_of(self.kind)


def family_of(kind: str) -> str:
    """The family of a plant's profile."""
    return str(load(kind).PROFILE).partition("/")[0]


def normal_plan(kind: str, seed: int, channel_days: float, readings_max: int) -> list[Wanted]:
    """Plants without faults: so many channel-days of them, or so many readings."""
    count = devices_of(kind)
    channels = count * len(profile(load(kind).PROFILE).points)
    a_day = channels * 86_400 / period_s(kind)
    days = min(channel_days, readings_max / a_day * channels) / channels
    span = min(DAYS, days) or DAYS
    number = max(1, round(days / span))
    return [
        Wanted(
            Plan(kind, tuple(f"{QUIET_LIFE}/{kind}-{n}/D-{d + 1}" for d in range(count))),
            seed * 1009 + n,
            span * 86_400,
        )
        for n in range(number)
    ]


def normal(kind: str, seed: int, channel_days: float, readings_max: int) -> Card | Normal:
    """Normal life and what was raised in it; "never seen" is told by a gateway that was there first."""
    run = live(normal_plan(kind, seed, channel_days, readings_max), bundle_s(kind))
    told = Counter(f"{h.channel}:{h.condition}" for h in run.heard if h.condition not in NOT_JUDGED)
    return Normal(kind, run.channel_days, run.readings, dict(sorted(told.items())))


def faults_of(kind: str, seed: int, faults: Sequence[str] = ()) -> Card | Normal:
    """Every case of a plant."""
    judged, too_long = score(kind, seed, faults)
    return Card(kind, judged, too_long)


def evaluate(*, full: bool = False, kinds: Sequence[str] = (), seed: int = SEED) -> Iterator[Doing | Part]:
    """Measure; yields what is being done, at last the part."""
    chosen = list(kinds) or plants()
    sharing = Counter(family_of(kind) for kind in chosen)
    days = CHANNEL_DAYS_FULL if full else CHANNEL_DAYS
    most = 10**12 if full else READINGS_MAX
    cards = {kind: Card(kind) for kind in chosen}
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max(1, os.cpu_count() or 1), context) as pool:
        jobs: dict[Future[Card | Normal], str] = {}
        for kind in sorted(chosen, key=period_s):
            part = sharing[family_of(kind)]
            jobs[pool.submit(normal, kind, seed, days / part, most // part)] = f"{kind}: normal days"
            jobs[pool.submit(faults_of, kind, seed)] = f"{kind}: faults"
        yield Doing(f"{len(chosen)} plants", 0.0)
        for done, job in enumerate(as_completed(jobs), 1):
            result = job.result()
            if isinstance(result, Card):
                cards[result.kind].judged, cards[result.kind].too_long = result.judged, result.too_long
            else:
                cards[result.kind].normal = result
            yield Doing(jobs[job], done / len(jobs))
    yield told(list(cards.values()))


def told(cards: Sequence[Card]) -> Part:
    """Figures and details of what the plants gave."""
    judged = [one for card in cards for one in card.judged]
    must = [one for one in judged if one.must]
    slow = [one for one in judged if one.slow]
    calm = [card.normal for card in cards if card.normal is not None]
    days, alarms = sum(n.channel_days for n in calm), sum(sum(n.alarms.values()) for n in calm)
    long = [name for card in cards for name in card.too_long]
    part = Part("scorecard")
    part.detail = {
        "families": {name: _family(name, cards) for name in sorted({card.family for card in cards})},
        "not_run": long,
        "scenarios": {one.name: outcome(one) for one in judged},
        "normal": {n.kind: asdict(n) for n in calm},
    }
    if must:
        found = 100.0 * sum(one.in_time for one in must) / len(must)
        note = f"{sum(one.in_time for one in must)} of {len(must)}; {len(long)} take too long to be run here"
        part.figures.append(Figure("in_time", found, note))
    if days:
        bound = f", below {3 / days:.2g} at 95 %" if alarms == 0 else ""
        part.figures.append(
            Figure("false_alarms", alarms / days, f"{alarms} in {days:,.0f} channel-days{bound}")
        )
    if slow:
        early = sum(one.early for one in slow)
        part.figures.append(Figure("early", 100.0 * early / len(slow), f"{early} of {len(slow)}"))
    ordinary = [one for one in judged if one.quiet]
    if ordinary:
        disturbed = sum(bool(one.by) for one in ordinary)
        part.figures.append(
            Figure("ordinary_life", disturbed, f"of {len(ordinary)}", "ordinary life that raised an alarm")
        )
    return part


def _family(name: str, cards: Sequence[Card]) -> dict[str, Any]:
    own = [card for card in cards if card.family == name]
    judged = [one for card in own for one in card.judged]
    must = [one for one in judged if one.must]
    calm = [card.normal for card in own if card.normal is not None]
    days = sum(n.channel_days for n in calm)
    delays = [one.delay_s for one in must if one.delay_s is not None]
    return {
        "plants": [card.kind for card in own],
        "must": len(must),
        "in_time": sum(one.in_time for one in must),
        "median_delay_s": round(statistics.median(delays), 1) if delays else None,
        "slow": sum(one.slow for one in judged),
        "early": sum(one.early for one in judged),
        "channel_days": round(days, 1),
        "false_alarms": sum(sum(n.alarms.values()) for n in calm),
        "missed": [one.name for one in must if not one.in_time],
        "ordinary_life": {one.name: one.by for one in judged if one.quiet and one.by},
        "before_a_fault": sorted({alarm for one in judged for alarm in one.before}),
    }


def outcome(one: Judged) -> str:
    """One scenario in a few words, stable from run to run: what a change is compared by."""
    if one.quiet:
        return f"told {one.by}" if one.by else "quiet"
    first = f" by {one.by}" if one.by else ""
    if not one.must:
        return f"no demand, told{first}" if one.found else "no demand"
    if one.in_time:
        return f"in time{first}"
    return f"late{first}" if one.delay_s is not None else "missed"
