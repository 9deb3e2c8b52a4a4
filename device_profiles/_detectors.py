"""``[[detector]]``: which anomaly detectors judge a channel, and with what numbers. They advise; the values
that an operator must act on are limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from device_profiles._model import DetectorRule, Point, Profile
from device_profiles._tables import Table

Bounds = tuple[float, float]
_ANY: Bounds = (-1e100, 1e100)
_POSITIVE: Bounds = (1e-12, 1e100)

NUMBERS: Mapping[str, Mapping[str, Bounds]] = {
    "ewma": {"weight": (1e-6, 1.0), "limit": (1.0, 1000.0), "sigma_min": _POSITIVE},
    "cusum": {
        "k": (1e-6, 100.0),
        "h": (1e-6, 1e6),
        "target": _ANY,
        "sigma": _POSITIVE,
        "sigma_min": _POSITIVE,
    },
    "flat": {"tolerance": (0.0, 1e100), "deadband": (0.0, 1e100)},
}
"""Kind -> key -> bounds, in sigmas or the point's unit. Keys not given take the detector's own default."""

COUNTS: Mapping[str, Mapping[str, int]] = {
    "ewma": {"warmup": 2, "raise_readings": 1, "adopt_readings": 0},
    "cusum": {"warmup": 2, "adopt_readings": 0},
    "flat": {"raise_readings": 1},
}
"""Kind -> key -> smallest number of readings."""

MAX_READINGS = 1_000_000


def detector(table: Table) -> DetectorRule:
    """One ``[[detector]]`` table; what is wrong is noted there."""
    kind = table.choice("kind", tuple(NUMBERS))
    settings: dict[str, float | int] = {}
    for key, (low, high) in NUMBERS[kind or "ewma"].items():
        if table.has(key):
            settings[key] = table.number(key)
            if not low <= settings[key] <= high:
                table.note(key, f"is {settings[key]:g}; give a number from {low:g} to {high:g}")
    for key, least in COUNTS[kind or "ewma"].items():
        if table.has(key):
            settings[key] = table.integer(key, least, MAX_READINGS)
    if kind == "flat":
        settings["after_ns"] = table.seconds_ns("after_s")
        if table.boolean("judge_zero", False):
            settings["judge_zero"] = True
    rule = DetectorRule(
        channel=table.identifier("channel"),
        kind=kind,
        settings=settings,
        priority=table.integer("priority", 1, 4, 4),
        consequence_en=table.text("consequence_en"),
        consequence_zh=table.text("consequence_zh"),
        response_en=table.text("response_en"),
        response_zh=table.text("response_zh"),
        clause=table.text("clause"),
        source_verified=table.boolean("source_verified"),
    )
    table.close()
    return rule


def check(profile: Profile) -> Iterator[str]:
    """What is wrong between a detector and the rest of the profile, as "<key>: <what>; <fix>"."""
    first: dict[tuple[str, str], int] = {}
    for number, rule in enumerate(profile.detectors, 1):
        where = f"detector[{number}]"
        known = first.setdefault((rule.channel, rule.kind), number)
        if known != number:
            told = f"{rule.kind} on {rule.channel!r}"
            yield f"{where}.kind: {told} already stands in detector[{known}]; keep one"
        point = profile.point(rule.channel)
        if point is None:
            channels = ", ".join(p.channel for p in profile.points)
            yield f"{where}.channel: {rule.channel!r} is no channel; choose from {channels}"
        elif point.kind == "discrete":
            yield f"{where}.channel: {rule.channel!r} is discrete; detectors judge analog channels only"
        else:
            yield from _numbers(where, point, rule)


def _numbers(where: str, point: Point, rule: DetectorRule) -> Iterator[str]:
    given = rule.settings
    if ("target" in given) != ("sigma" in given):
        absent = "sigma" if "target" in given else "target"
        yield f"{where}.{absent}: is missing; give target and sigma, or neither to have both learnt"
    if not point.low <= given.get("target", point.low) <= point.high:
        yield f"{where}.target: is outside the range {point.low:g}..{point.high:g}; give a value inside"
    for key in ("tolerance", "deadband", "sigma", "sigma_min"):
        if given.get(key, 0.0) >= point.span > 0:
            yield f"{where}.{key}: {given[key]:g} is not below the span {point.span:g}; lessen it"
