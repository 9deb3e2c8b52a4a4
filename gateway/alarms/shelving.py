"""Commands that take alarms from the list for a while, and bring them back.

"shelve" {"alarm" or "alarms": [ids], "reason", "for_s" or "until_ms"}; "unshelve" {"alarm" or "alarms"};
"out_of_service" {"alarm", "alarms" or "device", "work_order", "reason"}; "return_to_service" {"alarm",
"alarms" or "device"}. "alarm" may have its "occurrence" beside it, and so may each of "alarms", as {"alarm",
"occurrence"}: an older one than the newest is refused. Safety alarms are taken away by two persons: see
taking.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from gateway.alarms import keeping, lifecycle
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


class Who(NamedTuple):
    """Who takes an alarm away, and who confirmed it."""

    actor: str
    second: str = ""

    @property
    def en(self) -> str:
        """ "li", or "li, confirmed by wang"."""
        return f"{self.actor}, confirmed by {self.second}" if self.second else self.actor

    @property
    def zh(self) -> str:
        """The same in Chinese."""
        return f"{self.actor}({self.second} 确认)" if self.second else self.actor


def takes_two(engine: Engine, action: str, alarm: str) -> bool:
    """Whether one person alone must not do this to this alarm."""
    return action in ("shelve", "out_of_service") and _safety(engine, alarm)


def lacks(action: str, args: Mapping[str, Any]) -> Refusal | None:
    """What a command that takes alarms away does not say; None if it says why, and by which work order."""
    if action == "out_of_service" and not text_of(args.get("work_order")):
        return _NO_ORDER
    takes = action in ("shelve", "out_of_service")
    return _NO_REASON if takes and not text_of(args.get("reason")) else None


def hopeless(engine: Engine, action: str, alarm: str, args: Mapping[str, Any], now_ns: int) -> Refusal | None:
    """Why taking this alarm away would be refused now; None if it would be done."""
    lacking = lacks(action, args)
    if lacking is not None:
        return lacking
    if action == "out_of_service":
        return engine.refusal(alarm, lifecycle.REMOVE) or keeping.would_blind(engine, alarm)
    length = how_long(args, now_ns)
    if isinstance(length, Refusal):
        return length
    return engine.refusal(alarm, lifecycle.SHELVE) or keeping.would_blind(engine, alarm)


def _safety(engine: Engine, alarm: str) -> bool:
    known = engine.find(alarm)
    definition = known.definition if known else engine.define(alarm)
    return definition is not None and is_safety(definition.condition, definition.priority)


def shelve(
    engine: Engine, alarm: str, args: Mapping[str, Any], who: Who, now_ns: int
) -> AlarmEvent | Refusal:
    """Shelve one alarm that the actor may touch."""
    no = hopeless(engine, "shelve", alarm, args, now_ns)
    length = how_long(args, now_ns)
    if no is not None or isinstance(length, Refusal):
        return no or cast("Refusal", length)
    why, minutes = text_of(args.get("reason")), f"{length / 60e9:.6g}"
    reason = Reason(f"shelved by {who.en} for {minutes} min: {why}", f"由 {who.zh} 搁置 {minutes} 分钟:{why}")
    return engine.shelve(alarm, length, now_ns, reason, actor=who.actor, comment=why)


def unshelve(
    engine: Engine, alarm: str, _args: Mapping[str, Any], who: Who, now_ns: int
) -> AlarmEvent | Refusal:
    """Bring a shelved alarm back before its time."""
    reason = Reason(f"unshelved by {who.actor}", f"由 {who.actor} 取消搁置")
    return engine.operate(alarm, lifecycle.UNSHELVE, now_ns, reason, actor=who.actor)


def out_of_service(
    engine: Engine, alarm: str, args: Mapping[str, Any], who: Who, now_ns: int
) -> AlarmEvent | Refusal:
    """Take one alarm out of service, by a work order."""
    no = hopeless(engine, "out_of_service", alarm, args, now_ns)
    if no is not None:
        return no
    why, order = text_of(args.get("reason")), text_of(args.get("work_order"))
    reason = Reason(
        f"out of service by {who.en}, work order {order}: {why}",
        f"由 {who.zh} 停用,工单 {order}:{why}",
    )
    return engine.take_away(alarm, lifecycle.REMOVE, now_ns, reason, actor=who.actor, comment=why)


def return_to_service(
    engine: Engine, alarm: str, _args: Mapping[str, Any], who: Who, now_ns: int
) -> AlarmEvent | Refusal:
    """The alarm is in service again."""
    reason = Reason(f"returned to service by {who.actor}", f"由 {who.actor} 恢复使用")
    return engine.operate(alarm, lifecycle.RETURN, now_ns, reason, actor=who.actor)


STEPS = {
    "shelve": shelve,
    "unshelve": unshelve,
    "out_of_service": out_of_service,
    "return_to_service": return_to_service,
}
"""Action -> what it does to one alarm."""
