"""A scenario: a whole city as data. TOML in, plans of plants out; the same file, number and seed, the
same city.

``[[group]]``: kind; enterprise, site, device (names, numbered); share (of all devices); per_plant; form;
period_s; scale. ``[[group.fault]]``: kind; count (in a city of the scenario's own size); severity, at
(shares of the run) as one number or [low, high]; level 1, 2 or 3 instead of severity; for_s; channel. Every
fault has a plant of its own, so that no fault hides another.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np

from simulators import Fault, kinds, load
from simulators._labels import severity_of
from simulators._profiles import profile
from simulators._sources import Plan

GROUP = frozenset(
    {"kind", "enterprise", "site", "device", "share", "per_plant", "form", "period_s", "scale", "fault"}
)
FAULT = frozenset({"kind", "count", "severity", "level", "at", "for_s", "channel"})
FASTEST = 20
"""A device may send so many times as often as its profile says, or it counts as flooding."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A parsed scenario."""

    title: str
    devices: int
    """Its own size."""
    groups: tuple[Mapping[str, Any], ...]


def shipped() -> str:
    """The text of the shipped scenario."""
    return files("simulators").joinpath("city.toml").read_text(encoding="utf-8")


def parse(text: str) -> Scenario:
    """A scenario; ValueError names every group and key that is wrong."""
    try:
        body = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(str(error)) from error
    problems = [f"{key} is not known" for key in sorted(set(body) - {"title", "devices", "group"})]
    found = body.get("group", [])
    if not found or not isinstance(body.get("devices"), int) or body["devices"] < 1:
        problems.append("give 'devices' (1 or more) and at least one [[group]]")
    for place, group in enumerate(found, 1):
        problems += [f"group {place}: {problem}" for problem in _group_problems(group)]
    if problems:
        raise ValueError("; ".join(problems))
    return Scenario(str(body.get("title", "")), body["devices"], tuple(found))


def _group_problems(group: Mapping[str, Any]) -> list[str]:
    problems = [f"{key} is not known" for key in sorted(set(group) - GROUP)]
    problems += [
        f"{key} is missing" for key in ("kind", "enterprise", "site", "device", "share") if key not in group
    ]
    kind = group.get("kind", "")
    if kind not in kinds() or not hasattr(load(kind), "Plant"):
        return [*problems, f"no plant {kind!r}"]
    own_s = load(kind).Plant.STEP_S or profile(load(kind).PROFILE).period_ns / 1e9
    if group.get("period_s", own_s) < own_s / FASTEST:
        problems.append(f"period_s is below {own_s / FASTEST:g}: {kind} would count as flooding")
    for fault in group.get("fault", []):
        problems += [f"fault: {key} is not known" for key in sorted(set(fault) - FAULT)]
        problems += [f"fault: {key} is missing" for key in ("kind", "count") if key not in fault]
        if "level" in fault and ("severity" in fault or fault["level"] not in (1, 2, 3)):
            problems.append("fault: level is 1, 2 or 3, and stands instead of severity")
    return problems


def plans(scenario: Scenario, devices: int, seed: int, span_s: float) -> list[Plan]:
    """The plants of a city of so many devices. ``span_s``: the run over which faults begin.

    ValueError when there are fewer devices than the groups need.
    """
    random = np.random.default_rng(seed)
    found: list[Plan] = []
    for group, count in zip(scenario.groups, _counts(scenario, devices), strict=True):
        made = _plants(group, count)
        hit = iter(random.permutation(len(made)).tolist())
        for fault in group.get("fault", []):
            wanted = max(1, round(fault["count"] * devices / scenario.devices))
            for place in (place for _, place in zip(range(wanted), hit, strict=False)):
                drawn = _drawn(fault, random, span_s, len(made[place].devices))
                made[place] = _with(made[place], drawn)
        phases = random.random(len(made)).tolist()
        found += [_phased(plan, phase) for plan, phase in zip(made, phases, strict=True)]
    return found


def _counts(scenario: Scenario, devices: int) -> list[int]:
    """Devices of each group: by its share, at least one plant, the rest to the largest group."""
    total = sum(group["share"] for group in scenario.groups)
    least = [max(_per_plant(group), load(group["kind"]).Plant.DEVICES_MIN) for group in scenario.groups]
    counts = [
        max(low, int(devices * group["share"] / total) // low * low)
        for group, low in zip(scenario.groups, least, strict=True)
    ]
    if devices < sum(least):
        raise ValueError(f"{devices} devices are too few: this scenario needs {sum(least)} or more")
    while (missing := devices - sum(counts)) < 0:
        spare = [count - low for count, low in zip(counts, least, strict=True)]
        counts[spare.index(max(spare))] -= 1
    counts[counts.index(max(counts))] += missing
    return counts


def _per_plant(group: Mapping[str, Any]) -> int:
    return int(group.get("per_plant", 1))


def _plants(group: Mapping[str, Any], count: int) -> list[Plan]:
    each = max(_per_plant(group), load(group["kind"]).Plant.DEVICES_MIN)
    number = max(1, count // each)
    found = []
    for plant in range(number):
        size = each if plant < number - 1 else count - each * (number - 1)
        place = f"{group['enterprise']}/{group['site']}-{plant + 1:04d}"
        names = tuple(f"{place}/{group['device']}-{k + 1}" for k in range(size))
        found.append(
            Plan(
                group["kind"], names, (), group.get("form", "json_columns"),
                float(group.get("period_s", 0.0)), float(group.get("scale", 1.0)),
            )
        )  # fmt: skip
    return found


def _drawn(fault: Mapping[str, Any], random: np.random.Generator, span_s: float, devices: int) -> Fault:
    def between(key: str, default: Sequence[float]) -> float:
        value = fault.get(key, default)
        low, high = value if isinstance(value, list | tuple) else (value, value)
        return float(low + (high - low) * random.random())

    at_s = round(between("at", (0.05, 0.25)) * span_s, 3)
    severity = round(between("severity", (0.4, 1.0)), 3)
    severity = severity_of(fault["level"]) if "level" in fault else severity
    device = int(random.integers(devices))
    lasts = float(fault.get("for_s", 1e9))
    return Fault(fault["kind"], at_s, lasts, device, fault.get("channel", ""), severity)


def _with(plan: Plan, fault: Fault) -> Plan:
    pair = load(plan.kind).Plant.DEVICES_MIN > 1
    own = fault.kind in load(plan.kind).FAULTS
    fault = fault._replace(device=0) if pair and own else fault
    return Plan(plan.kind, plan.devices, (fault,), plan.form, plan.period_s, plan.scale, plan.phase)


def _phased(plan: Plan, phase: float) -> Plan:
    return Plan(plan.kind, plan.devices, plan.faults, plan.form, plan.period_s, plan.scale, phase)
