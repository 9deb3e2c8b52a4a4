"""The labels of the shipped city, offline: each demanded alarm comes true from the very samples that a device
of the city sends, at its own period and scale."""

from __future__ import annotations

import pytest

from device_profiles import Profile
from simulators import Label, Sample, load
from simulators._profiles import profile
from simulators._scenario import parse, plans, shipped
from simulators._sources import Plan
from tests.simulators.test_plants import first_abnormal_s

START = 1_764_000_000_000_000_000
SECOND = 1_000_000_000
SPAN_S = 600.0
PLANS = [p for p in plans(parse(shipped()), 10_000, 1, SPAN_S) if p.faults]


def limits(known: Profile, labels: list[Label]) -> list[Label]:
    """Those that a limit or a state of one channel must see."""
    alarms = {(a.channel, a.condition) for a in known.alarms}
    return [x for x in labels if (x.channel, x.condition) in alarms]


def walk(plan: Plan, seed: int) -> tuple[list[Label], list[list[Sample]]]:
    module = load(plan.kind)
    own_s = module.Plant.STEP_S or profile(plan.profile_id).period_ns / 1e9
    period_ns = round((plan.period_s or own_s) * SECOND)
    own = [fault for fault in plan.faults if fault.kind in module.FAULTS]
    begin_ns = START + round(plan.phase * period_ns)
    plant = module.Plant(plan.devices, begin_ns, seed, own, period_s=period_ns / SECOND, scale=plan.scale)
    labels = limits(profile(plan.profile_id), plant.labels())
    if not labels:
        return [], []
    due_ns = max(x.start_ns + round(x.within_s * SECOND) for x in labels)
    return labels, [plant.step(now) for now in range(begin_ns, due_ns + period_ns, period_ns)]


@pytest.mark.parametrize("kind", sorted({plan.kind for plan in PLANS}))
def test_every_label_of_the_city_comes_true(kind: str) -> None:
    for place, plan in enumerate(PLANS):
        if plan.kind != kind:
            continue
        labels, steps = walk(plan, 1 + place)
        for label in labels:
            took = first_abnormal_s(profile(plan.profile_id), steps, label)
            assert took is not None, label
            assert 0 <= took <= label.within_s, label
