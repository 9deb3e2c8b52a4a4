"""``inputs`` and ``scope`` of a ``[[detector]]`` table whose detector judges several channels together.

``inputs = { inflow = "flow", outflow = "flow#2" }`` names a channel for each role, or ``inputs = ["a", "b"]``
takes the roles in their order. With ``scope = "device"`` they are channels of the device itself. With
``scope = "asset"`` they are channels of the devices of one asset: ``"channel"`` of a device with this same
profile, ``"family/model:channel"`` of one with another; ``#2`` is the second such device by its id. Where the
detector reads findings instead of readings, an input is a list of conditions: ``"condition"``,
``"channel:condition"`` or ``"family/model:channel:condition"``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any, Literal, cast

from device_profiles._model import DetectorInput, DetectorRule, Profile
from device_profiles._tables import ID, Table

Scope = Literal["device", "asset"]
MAX_NUMBER = 1000
_NUMBERED = re.compile(r"(.*)#([1-9][0-9]{0,3})")


def read(table: Table, module: ModuleType) -> tuple[tuple[DetectorInput, ...], Scope]:
    """The inputs, in the order of the detector's INPUTS, and the scope."""
    scope = cast(Scope, table.choice("scope", ("device", "asset"), "device"))
    findings = bool(getattr(module, "EVIDENCE", False))
    known = {name: n for n, name in enumerate(module.INPUTS)}
    given = table.named("inputs", module.INPUTS)
    found = []
    for role, texts in given.items():
        where = f"inputs.{role}"
        if role not in known:
            table.note(where, f"is no input of this detector; choose from {_short(module.INPUTS)}")
        elif len(texts) != 1 and not findings:
            table.note(where, "names several channels; name one")
        else:
            found += [one for text in texts if (one := _input(table, where, role, text, findings=findings))]
    for role in getattr(module, "REQUIRED", module.INPUTS[:1]):
        if role not in given:
            table.note("inputs", f"lacks {role!r}; name its channel")
    if scope == "device" and any(one.profile or one.number > 1 for one in found):
        table.note("scope", 'is "device", and an input is of another device; set scope = "asset"')
    return tuple(sorted(found, key=lambda one: known[one.role])), scope


def _input(table: Table, where: str, role: str, text: str, *, findings: bool) -> DetectorInput | None:
    name, number = text, 1
    numbered = _NUMBERED.fullmatch(text)
    if numbered:
        name, number = numbered[1], int(numbered[2])
    parts = name.split(":")
    profile = parts.pop(0) if "/" in parts[0] else ""
    condition = parts.pop() if findings and parts else ""
    channel = ":".join(parts)
    family, _, model = profile.partition("/")
    ids = [
        *([family, model] if profile else []),
        *([condition] if findings else []),
        *([channel] if channel else []),
    ]
    if not all(ID.fullmatch(part) for part in ids) or not (channel or findings) or number > MAX_NUMBER:
        shape, other = ("[channel:]condition", ":condition") if findings else ("channel, channel#2", "")
        told = f"{text[:140]!r} is not understood; write {shape} or family/model:channel{other}"
        table.note(where, told)
        return None
    return DetectorInput(
        role=role, text=text, profile=profile, channel=channel, number=number, condition=condition
    )


def settings(rule: DetectorRule, profile: Profile) -> dict[str, Any]:
    """What ``configure`` is tried with when the profile is read: as if every input were there. Of channels of
    other profiles the range is not known here."""
    points = [None if one.profile else profile.point(one.channel) for one in rule.inputs]
    known = [point for point in points if point is not None]
    low, high = (known[0].low, known[0].high) if known else (0.0, 100.0)
    return {
        "low": low,
        "high": high,
        "span": high - low,
        "clear_readings": profile.clear_readings,
        "period_ns": profile.period_ns,
        **rule.settings,
        "inputs": tuple(dict.fromkeys(one.role for one in rule.inputs)),
        "channels": {one.role: one.text for one in rule.inputs},
        "ranges": {
            one.role: (point.low, point.high) if point else (low, high)
            for one, point in zip(rule.inputs, points, strict=True)
        },
    }


def check(where: str, rule: DetectorRule, profile: Profile) -> Iterator[str]:
    """What is wrong between the inputs and the rest of the profile."""
    named = [one.text for one in rule.inputs]
    for text in sorted({text for text in named if named.count(text) > 1}):
        yield f"{where}.inputs: {text!r} stands twice; name each channel once"
    for one in rule.inputs:
        if one.profile or not one.channel or profile.point(one.channel):
            continue
        channels = _short(p.channel for p in profile.points)
        yield f"{where}.inputs.{one.role}: {one.channel!r} is no channel; choose from {channels}"


def _short(names: Any) -> str:
    listed = list(names)
    return ", ".join(listed if len(listed) <= 12 else [*listed[:10], "...", listed[-1]])
