"""Refusals that several commands share; each says which alarm it is about."""

from __future__ import annotations

from gateway.alarms.lifecycle import Refusal


def foreign(organisation: str, alarm: str) -> Refusal | None:
    """An organisation sees only its own: the answer does not tell whether the alarm exists."""
    if not organisation or alarm.startswith(f"{organisation}/"):
        return None
    return Refusal(f"{alarm} is not an alarm of {organisation}", f"{alarm} 不是 {organisation} 的报警")


def named(alarm: str, refusal: Refusal) -> Refusal:
    """The refusal with its alarm in front."""
    return Refusal(f"{alarm}: {refusal.reason_en}", f"{alarm}:{refusal.reason_zh}")


def several(done: int, refused: list[Refusal], verb_en: str, verb_zh: str) -> Refusal:
    """How many of all were done, and why the others were not."""
    total = done + len(refused)
    return Refusal(
        f"{done} of {total} {verb_en}; refused: " + "; ".join(r.reason_en for r in refused),
        f"{total} 个中已{verb_zh} {done} 个;拒绝:" + ";".join(r.reason_zh for r in refused),
    )
