"""Why an alarm changed, in words an operator can check against the numbers: English and Chinese."""

from __future__ import annotations

from typing import NamedTuple

from gateway.alarms.advice import Pair, advice_texts, is_advice
from gateway.alarms.definition import Definition

LIMIT_NAMES_ZH = {"LL": "低低限", "L": "低限", "H": "高限", "HH": "高高限"}


class Reason(NamedTuple):
    """The same sentence twice."""

    en: str
    zh: str


def number(value: float) -> str:
    """Six significant digits, no trailing zeros."""
    return f"{value:.6g}"


def raised(
    definition: Definition, value: float | None, limit: float | None, extra: float | None = None
) -> Reason:
    """Why the condition began."""
    if is_advice(definition):
        return _told(advice_texts()[definition.condition].explain, definition, (value, limit, extra))
    if definition.category != "process":
        return _device_raised(definition, value, limit)
    held = _seconds(definition.on_delay_ns)
    if limit is None:
        state_en, state_zh = _state(definition, value)
        return Reason(
            f"{state_en} ({definition.condition}) held {held} s",
            f"{state_zh}({definition.condition}),持续 {held} 秒",
        )
    if value is None:
        return Reason(
            f"the value is not a number: taken as over the limit ({definition.condition})",
            f"数值无效:按越限处理({_name_zh(definition)})",
        )
    high = definition.condition in ("H", "HH")
    shown, at = _amount(definition, value), _amount(definition, limit)
    return Reason(
        f"{shown} {'>=' if high else '<='} {at} ({definition.condition}) held {held} s",
        f"{shown} {'≥' if high else '≤'} {at}({_name_zh(definition)}),持续 {held} 秒",
    )


def cleared(
    definition: Definition, value: float | None, limit: float | None, extra: float | None = None
) -> Reason:
    """Why the condition ended."""
    if is_advice(definition):
        return _told(advice_texts()[definition.condition].ended, definition, (value, limit, extra))
    count = definition.clear_readings
    held = _seconds(definition.off_delay_ns)
    tail_en = f"held {held} s over {count} good reading{'s' if count != 1 else ''}"
    tail_zh = f"持续 {held} 秒、{count} 个有效读数"
    if definition.category != "process":
        return _device_cleared(definition, value)
    if limit is None or value is None:
        state_en, state_zh = _state(definition, value)
        return Reason(f"{state_en} {tail_en}", f"{state_zh},{tail_zh}")
    high = definition.condition in ("H", "HH")
    back = limit - definition.deadband if high else limit + definition.deadband
    against = f"{_amount(definition, value)} {'<' if high else '>'} {_amount(definition, back)}"
    at, band = number(limit), number(definition.deadband)
    return Reason(
        f"{against} ({definition.condition} {at}, deadband {band}) {tail_en}",
        f"{against}({_name_zh(definition)} {at},回差 {band}),{tail_zh}",
    )


def _told(formats: Pair, definition: Definition, figures: tuple[float | None, ...]) -> Reason:
    value, limit, extra = figures
    numbers = {
        "value": _amount(definition, value),
        "limit": _amount(definition, limit),
        "value_number": "?" if value is None else number(value),
        "limit_number": "?" if limit is None else number(limit),
        "extra": "?" if extra is None else number(extra),
        "unit": definition.unit,
        "held": _seconds(definition.on_delay_ns),
    }
    en, zh = formats
    return Reason(
        en.format(title=definition.title_en, **numbers), zh.format(title=definition.title_zh, **numbers)
    )


def _device_raised(definition: Definition, value: float | None, limit: float | None) -> Reason:
    en, zh = definition.title_en, definition.title_zh
    if definition.condition in ("silent", "never_seen") and value is not None and limit is not None:
        return Reason(
            f"{en} for {number(value)} s, expected within {number(limit)} s",
            f"{zh}已 {number(value)} 秒,应在 {number(limit)} 秒内上报",
        )
    if definition.condition == "flooding" and value is not None and limit is not None:
        return Reason(
            f"{en}: {number(value)} beyond {number(limit)} a second and channel",
            f"{zh}:每通道每秒 {number(limit)} 次,超出 {number(value)} 个",
        )
    if definition.condition == "out_of_range" and value is not None and definition.low is not None:
        low, high = number(definition.low), number(definition.high or 0.0)
        shown = _amount(definition, value)
        unit = f" {definition.unit}".rstrip()
        return Reason(f"{shown} {en}: {low}..{high}{unit}", f"{shown} {zh}:{low}..{high}{unit}")
    return Reason(en, zh)


def _device_cleared(definition: Definition, value: float | None) -> Reason:
    if definition.category == "system":
        return Reason(f"over: {definition.title_en}", f"已结束:{definition.title_zh}")
    if definition.condition in ("silent", "never_seen"):
        if value is None:
            return Reason("readings arrive again", "读数恢复")
        return Reason(f"a reading came after {number(value)} s", f"{number(value)} 秒后收到读数")
    if definition.condition in ("sensor_fault", "out_of_range"):
        count = definition.clear_readings
        return Reason(f"{count} good reading{'s' if count != 1 else ''} in a row", f"连续 {count} 个有效读数")
    return Reason(f"over: {definition.title_en}", f"已结束:{definition.title_zh}")


def _state(definition: Definition, value: float | None) -> Reason:
    if value is None:
        return Reason("no valid state", "状态无效")
    shown = number(value)
    en, zh = definition.states_en.get(shown, ""), definition.states_zh.get(shown, "")
    return Reason(
        f'state {shown} "{en}"' if en else f"state {shown}", f"状态 {shown}“{zh}”" if zh else f"状态 {shown}"
    )


def _name_zh(definition: Definition) -> str:
    known = LIMIT_NAMES_ZH.get(definition.condition)
    return f"{known} {definition.condition}" if known else definition.condition


def _amount(definition: Definition, value: float | None) -> str:
    if value is None:
        return "?"
    return f"{number(value)} {definition.unit}".rstrip()


def _seconds(duration_ns: int) -> str:
    return number(duration_ns / 1e9)
