"""What the last kept run gave, and what differs now: a change of detection shows itself by name.

The file holds figures and the outcome of each scenario, nothing that differs from run to run on the same
code.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gateway.evaluate.figures import Part

Difference = tuple[str, str, str]
"""What, before, now."""


def kept(parts: Sequence[Part]) -> dict[str, Any]:
    """What is kept of a run: figures to four digits, scenarios by name, alarms of normal days by plant."""
    figures = {f.id: f"{f.value:.4g} {f.bound.unit}".rstrip() for part in parts for f in part.figures}
    for name in ("cost", "memory"):  # of this machine
        figures.pop(name, None)
    scenarios: dict[str, str] = {}
    normal: dict[str, str] = {}
    for part in parts:
        scenarios |= part.detail.get("scenarios", {})
        for kind, day in part.detail.get("normal", {}).items():
            alarms = ", ".join(f"{name} x {count}" for name, count in day["alarms"].items())
            normal[kind] = f"{alarms or 'none'} in {day['channel_days']:.0f} channel-days"
    return {"figures": figures, "normal": normal, "scenarios": dict(sorted(scenarios.items()))}


def read(file: Path) -> dict[str, Any]:
    """What was kept; {} when there is no such file yet."""
    if not file.exists():
        return {}
    body: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return body


def write(file: Path, parts: Sequence[Part]) -> None:
    """Keep this run: what it did not measure stays as it was kept."""
    before, now = read(file), kept(parts)
    whole = {part: {**before.get(part, {}), **now[part]} for part in now}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(whole, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def differences(before: Mapping[str, Any], parts: Sequence[Part]) -> list[Difference]:
    """Every figure, scenario and normal day of this run that was kept otherwise, or not at all."""
    if not before:
        return []
    found = []
    for part, now in kept(parts).items():
        known: Mapping[str, str] = before.get(part, {})
        found += [(name, known.get(name, "not there"), text) for name, text in now.items()]
    return [row for row in found if row[1] != row[2]]
