"""Refusals that several commands share; each says which alarm it is about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gateway.alarms.lifecycle import Refusal

if TYPE_CHECKING:
    from gateway.alarms.engine import Engine


def outdated(engine: Engine, alarm: str, args: Mapping[str, Any]) -> Refusal | None:
    """Whoever gave the command saw another occurrence than the newest: somebody has to look at that one
    first. A command that says no "occurrence" (0: none yet) is about the alarm whatever it does."""
    if "occurrence" not in args:
        return None
    seen, current = args["occurrence"], engine.occurrence(alarm)
    if not isinstance(seen, int) or isinstance(seen, bool):
        return Refusal('"occurrence" must be a whole number', "“occurrence” 须为整数")
    if seen == current:
        return None
    if seen == 0:
        return Refusal(
            f"it has occurred since you looked (occurrence {current}): look again",
            f"您查看之后该报警已发生(第 {current} 次):请重新查看",
        )
    if 0 < seen < current:
        return Refusal(
            f"occurrence {seen} is over, the alarm is at occurrence {current}: look again",
            f"第 {seen} 次已结束,当前为第 {current} 次:请重新查看",
        )
    return Refusal(
        f"there is no occurrence {seen} (newest: {current})", f"不存在第 {seen} 次(最新为第 {current} 次)"
    )


def foreign(organisation: str, alarm: str) -> Refusal | None:
    """An organisation sees only its own: the answer does not tell whether the alarm exists."""
    if not organisation or alarm.startswith(f"{organisation}/"):
        return None
    return Refusal(f"{alarm} is not an alarm of {organisation}", f"{alarm} 不是 {organisation} 的报警")


def named(alarm: str, refusal: Refusal) -> Refusal:
    """The refusal with its alarm in front."""
    return Refusal(f"{alarm}: {refusal.reason_en}", f"{alarm}:{refusal.reason_zh}")


def amiss(engine: Engine, organisation: str, alarm: str, args: Mapping[str, Any]) -> Refusal | None:
    """Not your enterprise, or not this occurrence; None if both are right."""
    not_ours = foreign(organisation, alarm)
    if not_ours is not None:
        return not_ours
    old = outdated(engine, alarm, args)
    return named(alarm, old) if old is not None else None


def several(done: int, refused: list[Refusal], verb_en: str, verb_zh: str) -> Refusal:
    """How many of all were done, and why the others were not."""
    total = done + len(refused)
    return Refusal(
        f"{done} of {total} {verb_en}; refused: " + "; ".join(r.reason_en for r in refused),
        f"{total} 个中已{verb_zh} {done} 个;拒绝:" + ";".join(r.reason_zh for r in refused),
    )
