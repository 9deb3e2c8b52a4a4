"""Commands that take alarms from the list for a while, and bring them back.

"shelve" {"alarm" or "alarms": [ids], "reason", "for_s" or "until_ms"}; "unshelve" {"alarm"}; "out_of_service"
{"alarm", "work_order", "reason"}; "return_to_service" {"alarm"}. Safety alarms are not shelved by one person.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gateway.alarms import lifecycle
from gateway.alarms.events import AlarmEvent
from gateway.alarms.lifecycle import Refusal
from gateway.alarms.reasons import Reason

if TYPE_CHECKING:
    from gateway.alarms.engine import Engine

MIN_SHELF_NS, MAX_SHELF_NS = 60_000_000_000, 12 * 3_600_000_000_000
"""A shelf lasts a minute to a shift of twelve hours; the numbers are ours."""
MAX_REASON = 500
"""Characters of a reason or a work order."""
SAFETY = frozenset({"HH", "LL"})
"""Conditions that, like priority 1, nobody shelves alone."""
MAY_REMOVE_SAFETY = frozenset({"supervisor", "admin"})
"""Roles that take a safety alarm out of service."""
_SECOND = Refusal(
    "this is a safety alarm (HH, LL or priority 1): one person alone cannot shelve it, and a second person "
    "cannot be asked yet; acknowledge it and let the response go on",
    "这是安全报警(HH、LL 或一级):不能由一人单独搁置,目前尚不支持第二人确认;请确认报警并继续处置",
)
_NO_REASON = Refusal(
    f'"reason" is needed: why, in 1 to {MAX_REASON} characters',
    f"需要 “reason”:请用 1 到 {MAX_REASON} 个字符说明原因",
)
_NO_ORDER = Refusal(
    f'"work_order" is needed: its number, 1 to {MAX_REASON} characters',
    f"需要 “work_order”:工单编号,1 到 {MAX_REASON} 个字符",
)


def how_long(args: Mapping[str, Any], now_ns: int) -> int | Refusal:
    """The length of a shelf in ns, from "for_s" or "until_ms"."""
    for_s, until_ms = args.get("for_s"), args.get("until_ms")
    given = [g for g in (for_s, until_ms) if isinstance(g, int | float) and not isinstance(g, bool)]
    if len(given) != 1 or (for_s is not None and until_ms is not None) or not abs(given[0]) < 1e15:
        return Refusal(
            'a shelf needs its end: either "for_s" (seconds) or "until_ms" (unix milliseconds)',
            "搁置需要结束时间:“for_s”(秒)或 “until_ms”(毫秒时间戳)",
        )
    length = int(given[0] * 1e9) if for_s is not None else int(given[0]) * 1_000_000 - now_ns
    if not MIN_SHELF_NS <= length <= MAX_SHELF_NS:
        return Refusal(
            "a shelf lasts 1 minute to 12 hours; what lasts longer is taken out of service with a work order",
            "搁置时长为 1 分钟到 12 小时;更长时间请凭工单停用",
        )
    return length


def text_of(value: Any) -> str:
    """A given text without blanks around it; "" for anything else or one that is too long."""
    return value.strip() if isinstance(value, str) and len(value) <= MAX_REASON else ""


def is_safety(condition: str, priority: int) -> bool:
    """Whether one person alone must not shelve such an alarm."""
    return condition in SAFETY or priority == 1


def not_for(engine: Engine, action: str, alarm: str, role: str) -> Refusal | None:
    """Why a role may not do this to this alarm; None if it may."""
    if action != "out_of_service" or role in MAY_REMOVE_SAFETY or not _safety(engine, alarm):
        return None
    return Refusal(
        "this is a safety alarm (HH, LL or priority 1): only a supervisor takes it out of service",
        "这是安全报警(HH、LL 或一级):仅值班长可将其停用",
    )


def _safety(engine: Engine, alarm: str) -> bool:
    known = engine.find(alarm)
    definition = known.definition if known else engine.define(alarm)
    return definition is not None and is_safety(definition.condition, definition.priority)


def shelve(
    engine: Engine, alarm: str, args: Mapping[str, Any], actor: str, now_ns: int
) -> AlarmEvent | Refusal:
    """Shelve one alarm that the actor may touch."""
    why = text_of(args.get("reason"))
    if not why:
        return _NO_REASON
    length = how_long(args, now_ns)
    if isinstance(length, Refusal):
        return length
    if _safety(engine, alarm):
        return _SECOND
    minutes = f"{length / 60e9:.6g}"
    reason = Reason(f"shelved by {actor} for {minutes} min: {why}", f"由 {actor} 搁置 {minutes} 分钟:{why}")
    return engine.shelve(alarm, length, now_ns, reason, actor=actor, comment=why)


def unshelve(
    engine: Engine, alarm: str, _args: Mapping[str, Any], actor: str, now_ns: int
) -> AlarmEvent | Refusal:
    """Bring a shelved alarm back before its time."""
    reason = Reason(f"unshelved by {actor}", f"由 {actor} 取消搁置")
    return engine.operate(alarm, lifecycle.UNSHELVE, now_ns, reason, actor=actor)


def out_of_service(
    engine: Engine, alarm: str, args: Mapping[str, Any], actor: str, now_ns: int
) -> AlarmEvent | Refusal:
    """Take one alarm out of service, by a work order."""
    why, order = text_of(args.get("reason")), text_of(args.get("work_order"))
    if not order:
        return _NO_ORDER
    if not why:
        return _NO_REASON
    reason = Reason(
        f"out of service by {actor}, work order {order}: {why}", f"由 {actor} 停用,工单 {order}:{why}"
    )
    return engine.take_away(alarm, lifecycle.REMOVE, now_ns, reason, actor=actor, comment=why)


def return_to_service(
    engine: Engine, alarm: str, _args: Mapping[str, Any], actor: str, now_ns: int
) -> AlarmEvent | Refusal:
    """The alarm is in service again."""
    reason = Reason(f"returned to service by {actor}", f"由 {actor} 恢复使用")
    return engine.operate(alarm, lifecycle.RETURN, now_ns, reason, actor=actor)


STEPS = {
    "shelve": shelve,
    "unshelve": unshelve,
    "out_of_service": out_of_service,
    "return_to_service": return_to_service,
}
"""Action -> what it does to one alarm."""
