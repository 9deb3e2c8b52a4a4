"""What people may do to alarms, and the answer they get: accepted or refused, always with a reason.

Order of the checks: too late, no such action, not your role, not your enterprise, not this occurrence, not in
this state. A command never raises for what it carries.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from gateway.alarms import lifecycle, shelving, taking
from gateway.alarms.events import AlarmEvent, CommandEvent
from gateway.alarms.lifecycle import Refusal
from gateway.alarms.reasons import Reason
from gateway.alarms.refusals import amiss, named, several
from gateway.alarms.roles import MAY
from gateway.alarms.taking import MAX_ALARMS

if TYPE_CHECKING:
    from gateway.alarms.engine import Engine

MAX_TEXT = 2000
"""Characters of a comment."""


class Command(Protocol):
    """What an operator's journal entry carries."""

    @property
    def id(self) -> str: ...  # noqa: D102
    @property
    def action(self) -> str: ...  # noqa: D102
    @property
    def args(self) -> dict[str, Any]: ...  # noqa: D102
    @property
    def actor(self) -> str: ...  # noqa: D102
    @property
    def role(self) -> str: ...  # noqa: D102
    @property
    def organisation(self) -> str: ...  # noqa: D102
    @property
    def deadline_ns(self) -> int: ...  # noqa: D102
    @property
    def source(self) -> str: ...  # noqa: D102


def obey(engine: Engine, command: Command, now_ns: int) -> tuple[CommandEvent, list[AlarmEvent]]:
    """Apply or refuse a command. ``now_ns``: the gateway's wall clock at the command's entry.

    Actions: "acknowledge" {"alarm", "occurrence", "comment"?} or {"alarms": [{"alarm", "occurrence"}, ...],
    "comment"?}, accepted if at least one of them was; "reset" {"alarm", "occurrence"?, "comment"?}; "comment"
    {"alarm", "occurrence"?, "comment"}; those of taking.py; "confirm" and "decline" {"request"};
    "deadletter_resend" {"sink", "ids": [...]} or {"sink", "all": true}, which delivery does; "drill" {},
    which delivery does too; "access_change" {"number", "digest", "change", "account", "detail"}, what
    console.db recorded (gateway/access/record.py) and the ledger witnesses; "rule_step" {"proposal",
    "version", "digest", "step", "person", "via", "at_ns", "comment"}, what rules.db has (gateway/rulebook).
    """
    own_id = engine.make_id()
    events: list[AlarmEvent] = []
    answer = _may(command, now_ns) or _ACTIONS[command.action](engine, command, own_id, now_ns, events)
    event = CommandEvent(
        id=own_id,
        command=command.id,
        action=command.action,
        accepted=not isinstance(answer, Refusal),
        reason_en=answer[0],
        reason_zh=answer[1],
        actor=command.actor,
        role=command.role,
        organisation=command.organisation,
        source=command.source,
        at_ns=now_ns,
        args=command.args,
    )
    return event, events


def _may(command: Command, now_ns: int) -> Refusal | None:
    if 0 < command.deadline_ns < now_ns:
        late = (now_ns - command.deadline_ns) / 1e9
        return Refusal(
            f"the command came {late:.6g} s after its deadline: give it again if it still applies",
            f"命令超过期限 {late:.6g} 秒:如仍需要请重新下达",
        )
    if command.action not in _ACTIONS:
        known = ", ".join(sorted(_ACTIONS))
        return Refusal(
            f"no action {command.action!r}; known: {known}", f"未知操作 {command.action!r};可用:{known}"
        )
    if command.role not in MAY[command.action]:
        may = sorted(MAY[command.action])
        return Refusal(
            f"role {command.role!r} may not {command.action}; ask one of: {', '.join(may)}",
            f"角色 {command.role!r} 无权执行 {command.action};请联系:{'、'.join(may)}",
        )
    return None


def _acknowledge(
    engine: Engine, command: Command, _name: str, now_ns: int, events: list[AlarmEvent]
) -> Reason | Refusal:
    args = command.args
    listed = args.get("alarms", [args])
    if not isinstance(listed, list) or not 0 < len(listed) <= MAX_ALARMS:
        return Refusal(
            f'"alarms" must list 1 to {MAX_ALARMS} alarms', f"“alarms” 须列出 1 到 {MAX_ALARMS} 个报警"
        )
    comment = _text(args.get("comment", ""))
    if comment is None:
        return _BAD_COMMENT
    refused: list[Refusal] = []
    for item in listed:
        done = _acknowledge_one(engine, command, item, comment, now_ns)
        if isinstance(done, AlarmEvent):
            events.append(done)
        else:
            refused.append(done)
    if not events:
        return refused[0] if len(refused) == 1 else several(0, refused, "acknowledged", "确认")
    if not refused:
        count = len(events)
        return Reason(f"{count} alarm{'s' if count != 1 else ''} acknowledged", f"已确认 {count} 个报警")
    return Reason(*several(len(events), refused, "acknowledged", "确认"))


def _acknowledge_one(
    engine: Engine, command: Command, item: Any, comment: str, now_ns: int
) -> AlarmEvent | Refusal:
    name = _alarm_of(item)
    occurrence = item.get("occurrence") if isinstance(item, Mapping) else None
    if name is None or not isinstance(occurrence, int) or isinstance(occurrence, bool):
        return Refusal(
            'an acknowledgement needs "alarm" (its id) and "occurrence" (a whole number)',
            "确认需要 “alarm”(报警编号)和 “occurrence”(整数)",
        )
    not_this = amiss(engine, command.organisation, name, item)
    if not_this is not None:
        return not_this
    reason = Reason(f"acknowledged by {command.actor}", f"由 {command.actor} 确认")
    done = engine.operate(name, lifecycle.ACKNOWLEDGE, now_ns, reason, actor=command.actor, comment=comment)
    return named(name, done) if isinstance(done, Refusal) else done


def _reset(
    engine: Engine, command: Command, _name: str, now_ns: int, events: list[AlarmEvent]
) -> Reason | Refusal:
    name = _alarm_of(command.args)
    comment = _text(command.args.get("comment", ""))
    if name is None:
        return Refusal('a reset needs "alarm" (its id)', "复位需要 “alarm”(报警编号)")
    if comment is None:
        return _BAD_COMMENT
    not_this = amiss(engine, command.organisation, name, command.args)
    if not_this is not None:
        return not_this
    reason = Reason(f"reset by {command.actor}", f"由 {command.actor} 复位")
    done = engine.operate(name, lifecycle.RESET, now_ns, reason, actor=command.actor, comment=comment)
    if isinstance(done, Refusal):
        return named(name, done)
    events.append(done)
    return Reason("alarm reset", "报警已复位")


def _comment(
    engine: Engine, command: Command, _name: str, _now_ns: int, _events: list[AlarmEvent]
) -> Reason | Refusal:
    name = _alarm_of(command.args)
    comment = _text(command.args.get("comment"))
    if name is None:
        return Refusal('a comment needs "alarm" (its id)', "备注需要 “alarm”(报警编号)")
    if not comment:
        return _BAD_COMMENT
    not_this = amiss(engine, command.organisation, name, command.args)
    if not_this is not None:
        return not_this
    if engine.occurrence(name) == 0:
        return Refusal(f"{name} has never occurred", f"{name} 从未发生")
    return Reason("comment recorded", "备注已记录")


def _resend(
    _engine: Engine, command: Command, _name: str, _now_ns: int, _events: list[AlarmEvent]
) -> Reason | Refusal:
    sink, ids, everything = (command.args.get(key) for key in ("sink", "ids", "all"))
    if command.organisation:
        return Refusal(
            "dead letters may be other enterprises' messages: only an unrestricted account may send them",
            "死信可能包含其他企业的消息:只有不受限账号可以重新发送",
        )
    listed = isinstance(ids, list) and bool(ids) and all(isinstance(i, int | str) for i in ids)
    if not isinstance(sink, str) or not sink or (not listed and everything is not True):
        return Refusal(
            '"sink" (a name) and either "ids" (a list) or "all": true are needed',
            "需要 “sink”(名称)以及 “ids”(列表)或 “all”: true",
        )
    return Reason(f"delivery to {sink} will try again", f"将重新向 {sink} 发送")


def _drill(
    _engine: Engine, command: Command, _name: str, _now_ns: int, _events: list[AlarmEvent]
) -> Reason | Refusal:
    """Only recorded here: delivery runs it."""
    if command.organisation:
        return Refusal(
            "a fire drill goes to every receiver of the city: only an unrestricted account may run one",
            "消防演练会发往全市所有接收方:只有不受限账号可以启动",
        )
    return Reason(f"fire drill asked for by {command.actor}", f"由 {command.actor} 发起演练")


FLEET_LIST = "fleet"
"""The change of console.db's record that is no account's: a fleet list by upload."""


def _access_change(
    _engine: Engine, command: Command, _name: str, _now_ns: int, _events: list[AlarmEvent]
) -> Reason | Refusal:
    """Only recorded: what was changed is in console.db, chained; here it is witnessed."""
    number, *rest = (command.args.get(key) for key in ("number", "digest", "change", "account", "detail"))
    whole = isinstance(number, int) and not isinstance(number, bool) and number > 0
    if not whole or not all(isinstance(one, str) and len(one) <= MAX_TEXT for one in rest):
        return Refusal(
            'a witness needs "number" (whole, from 1), "digest", "change", "account" and "detail" (texts)',
            "见证需要 “number”(正整数)以及 “digest”、“change”、“account”、“detail”(文本)",
        )
    change, account = rest[1], rest[2]
    if command.role != "admin" and change != FLEET_LIST:
        return Refusal(
            f"role {command.role!r} may witness a fleet list by upload only; accounts are an admin's",
            f"角色 {command.role!r} 只能见证设备清单导入;账号由管理员负责",
        )
    if change == FLEET_LIST:
        return Reason(
            f"fleet list by upload by {command.actor} (change {number}): {rest[3]}",
            f"{command.actor} 上传设备清单(变更 {number}):{rest[3]}",
        )
    return Reason(
        f"account change {number} by {command.actor}: {change} {account}",
        f"{command.actor} 的账号变更 {number}:{change} {account}",
    )


def _rule_step(
    _engine: Engine, command: Command, _name: str, _now_ns: int, _events: list[AlarmEvent]
) -> Reason | Refusal:
    """Only recorded: who did what about a version of the rules."""
    args = command.args
    texts = [args.get(key) for key in ("version", "digest", "step", "person", "via", "comment")]
    numbers = [args.get(key) for key in ("proposal", "at_ns")]
    if not all(type(one) is int and one > 0 for one in numbers) or not all(
        isinstance(one, str) and len(one) <= MAX_TEXT for one in texts
    ):
        return Refusal(
            'a step needs "proposal" and "at_ns" (whole, from 1), "version", "digest", "step", "person", '
            '"via" and "comment" (texts)',
            "步骤需要 “proposal”、“at_ns”(正整数)以及 “version”、“digest”、“step”、“person”、"
            "“via”、“comment”(文本)",
        )
    step = str(args["step"])
    said = f"proposal {args['proposal']} ({args['version']})"
    return Reason(
        f"rules: {said} {step} by {args['person']} ({args['via']})",
        f"规则:第 {args['proposal']} 号提案({args['version']})由 {args['person']} {STEPS_ZH.get(step, step)}",
    )


STEPS_ZH = {
    "proposed": "提出", "approved": "批准", "declined": "否决", "withdrawn": "撤回", "refused": "拒绝",
}  # fmt: skip


_ACTIONS = {
    "rule_step": _rule_step,
    "access_change": _access_change,
    "acknowledge": _acknowledge,
    "reset": _reset,
    "comment": _comment,
    "deadletter_resend": _resend,
    "drill": _drill,
    "confirm": taking.confirm,
    "decline": taking.decline,
    **dict.fromkeys(shelving.STEPS, taking.take),
}
ACTIONS = tuple(sorted(_ACTIONS))
"""Every action there is."""
_BAD_COMMENT = Refusal(
    f'"comment" must be text of at most {MAX_TEXT} characters',
    f"“comment” 须为不超过 {MAX_TEXT} 个字符的文本",
)


def _alarm_of(item: Any) -> str | None:
    name = item.get("alarm") if isinstance(item, Mapping) else None
    return name if isinstance(name, str) and name else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and len(value) <= MAX_TEXT else None
