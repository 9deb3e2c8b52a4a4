"""The commands that take alarms away, one or many: at once, or after a second person has confirmed.

Guarantee: a safety alarm is shelved or taken out of service only by two verified persons with distinct ids,
who both mean the same occurrence.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gateway.alarms import shelving
from gateway.alarms.events import OUT_OF_SERVICE, AlarmEvent, NoteEvent
from gateway.alarms.lifecycle import Refusal
from gateway.alarms.reasons import Reason
from gateway.alarms.refusals import foreign, named, outdated, several
from gateway.alarms.requests import MAX_PENDING, WAIT_NS, Request
from gateway.alarms.roles import is_verified

if TYPE_CHECKING:
    from gateway.alarms.commands import Command
    from gateway.alarms.engine import Engine

MAX_ALARMS = 1000
"""Alarms in one command."""
Listed = dict[str, Mapping[str, Any]]
"""The alarms that a command is about, in its order; with each what it says of that one: the occurrence."""
_UNVERIFIED = Refusal(
    "this takes two persons whom the gateway knows, by console or API: the command line is nobody's name",
    "此操作需要两名经过验证的人员,请通过控制台或 API 进行:命令行无法验证身份",
)
_SAME = Refusal(
    "the second person must be another one than who asked (a token counts as its owner)",
    "第二人不能与申请人相同(令牌视同其所有者)",
)
_FULL = Refusal(
    f"{MAX_PENDING} requests wait already: answer them first", f"已有 {MAX_PENDING} 个申请在等待:请先处理"
)
_GONE = Refusal(
    "no such request waits: it was answered, or its 15 minutes are over; ask again if it still applies",
    "没有该待确认申请:已被处理或已超过 15 分钟;如仍需要请重新申请",
)


def take(
    engine: Engine, command: Command, name: str, now_ns: int, events: list[AlarmEvent]
) -> Reason | Refusal:
    """Carry out one of shelving.STEPS for every alarm that it names; those that one person must not take away
    become one request. name: the id of the event that will answer, which is the request's."""
    device = "device" in command.args
    listed = _of_device(engine, command) if device else _listed(command.args)
    if isinstance(listed, Refusal):
        return listed
    refused: list[Refusal] = []
    two: list[str] = []
    together = device and any(shelving.takes_two(engine, command.action, alarm) for alarm in listed)
    for alarm, said in listed.items():
        refusal = foreign(command.organisation, alarm) or outdated(engine, alarm, said)
        if refusal is None and (together or shelving.takes_two(engine, command.action, alarm)):
            refusal = _may_ask(engine, command, alarm, now_ns)
            if refusal is None:
                two.append(alarm)
        elif refusal is None:
            step = shelving.STEPS[command.action]
            done = step(engine, alarm, command.args, shelving.Who(command.actor), now_ns)
            if isinstance(done, AlarmEvent):
                events.append(done)
            else:
                refusal = done
        if refusal is not None:
            refused.append(named(alarm, refusal))
    if two:
        _ask(engine, command, name, two, now_ns)
    return _told(events, two, refused, name)


def _of_device(engine: Engine, command: Command) -> Listed | Refusal:
    """The alarms of a device that the command can concern: a whole device goes and comes in one command."""
    device = command.args["device"]
    if not isinstance(device, str) or command.action not in ("out_of_service", "return_to_service"):
        return Refusal(
            'a whole "device" (its <enterprise>/<site>/<device>) is only taken out of service and returned',
            "整台设备(“device”)只能停用或恢复使用",
        )
    lacking = shelving.lacks(command.action, command.args)
    if lacking is not None:
        return lacking
    known = [] if foreign(command.organisation, f"{device}/") else engine.alarms_of(device)
    if not known:
        return Refusal(
            f"the configuration in force has no device {device[:200]}", f"当前配置中没有设备 {device[:200]}"
        )
    gone = {alarm for alarm in known if (there := engine.find(alarm)) and there.state == OUT_OF_SERVICE}
    leaves = command.action == "out_of_service"
    listed = [alarm for alarm in known if (alarm not in gone) == leaves]
    return {alarm: {} for alarm in listed} or Refusal(
        f"{device}: every alarm is out of service already" if leaves else f"{device}: none is out of service",
        f"{device}:所有报警均已停用" if leaves else f"{device}:没有已停用的报警",
    )


def _listed(args: Mapping[str, Any]) -> Listed | Refusal:
    listed = args.get("alarms", [args])
    if isinstance(listed, list) and 0 < len(listed) <= MAX_ALARMS:
        items = [item if isinstance(item, Mapping) else {"alarm": item} for item in listed]
        if all(isinstance(item.get("alarm"), str) and item["alarm"] for item in items):
            return {item["alarm"]: item for item in items}
    return Refusal(
        f'"alarm" (its id) or "alarms" (1 to {MAX_ALARMS} ids) is needed',
        f"需要 “alarm”(报警编号)或 “alarms”(1 到 {MAX_ALARMS} 个编号)",
    )


def _may_ask(engine: Engine, command: Command, alarm: str, now_ns: int) -> Refusal | None:
    hopeless = shelving.hopeless(engine, command.action, alarm, command.args, now_ns)
    if hopeless is not None:
        return hopeless
    if not is_verified(command.source):
        return _UNVERIFIED
    waits = engine.requests.about(command.action, alarm, engine.now_ns)
    if waits is not None:
        return Refusal(
            f"{waits.actor} has asked for this already: request {waits.id} waits for a second person",
            f"{waits.actor} 已提出相同申请:申请 {waits.id} 正等待第二人确认",
        )
    return _FULL if len(engine.requests) >= MAX_PENDING else None


def _ask(engine: Engine, command: Command, name: str, alarms: list[str], now_ns: int) -> None:
    engine.requests.add(
        Request(
            id=name,
            action=command.action,
            args=command.args,
            alarms={alarm: engine.occurrence(alarm) for alarm in alarms},
            actor=command.actor,
            role=command.role,
            organisation=command.organisation,
            source=command.source,
            asked_ns=now_ns,
            until_ns=now_ns + WAIT_NS,
            due_ns=engine.now_ns + WAIT_NS,
        )
    )


def _told(events: list[AlarmEvent], two: list[str], refused: list[Refusal], name: str) -> Reason | Refusal:
    if not events and not two:
        return refused[0] if len(refused) == 1 else several(0, refused, "done", "完成")
    waits = Reason(
        f"{len(two)} safety alarm{'s' if len(two) != 1 else ''} (HH, LL or priority 1) must wait for a "
        f"second person: a supervisor confirms request {name} within 15 min",
        f"{len(two)} 个安全报警(HH、LL 或一级)等待第二人:请值班长在 15 分钟内确认申请 {name}",
    )
    if not refused and not two:
        return Reason(events[0].reason_en, events[0].reason_zh)
    if not refused and not events:
        return waits
    en, zh = several(len(events), refused, "done", "完成") if refused else (
        f"{len(events)} done", f"已完成 {len(events)} 个"
    )  # fmt: skip
    return Reason(f"{en}; {waits.en}", f"{zh};{waits.zh}") if two else Reason(en, zh)


def confirm(
    engine: Engine, command: Command, _name: str, now_ns: int, events: list[AlarmEvent]
) -> Reason | Refusal:
    """ "confirm" {"request"}: the second person says yes, and what was asked for is done now."""
    request = _waiting(engine, command)
    if isinstance(request, Refusal):
        return request
    if not is_verified(command.source):
        return _UNVERIFIED
    if command.actor == request.actor:
        return _SAME
    engine.requests.end(request)  # done, or it can no longer be done: either way it is over
    refused: list[Refusal] = []
    who = shelving.Who(request.actor, command.actor)
    for alarm, occurrence in request.alarms.items():
        done: AlarmEvent | Refusal = Refusal(
            "it has occurred anew since it was asked for: look again, then ask again",
            "申请之后该报警再次发生:请重新查看后再申请",
        )
        if engine.occurrence(alarm) == occurrence:
            done = shelving.STEPS[request.action](engine, alarm, request.args, who, now_ns)
        if isinstance(done, AlarmEvent):
            events.append(done)
        else:
            refused.append(named(alarm, done))
    if not events:
        en, zh = several(0, refused, "done", "完成")
        return Refusal(f"{en}; the request is over", f"{zh};该申请已结束")
    if refused:
        return Reason(*several(len(events), refused, "done", "完成"))
    return Reason(events[0].reason_en, events[0].reason_zh)


def decline(
    engine: Engine, command: Command, _name: str, _now_ns: int, _events: list[AlarmEvent]
) -> Reason | Refusal:
    """ "decline" {"request", "reason"?}: somebody says no, or who asked takes it back."""
    request = _waiting(engine, command)
    if isinstance(request, Refusal):
        return request
    engine.requests.end(request)
    why = shelving.text_of(command.args.get("reason"))
    tail_en, tail_zh = (f": {why}", f":{why}") if why else ("", "")
    if command.actor == request.actor and is_verified(command.source):
        return Reason(
            f"request withdrawn by {command.actor}{tail_en}", f"{command.actor} 已撤回申请{tail_zh}"
        )
    return Reason(
        f"request of {request.actor} declined by {command.actor}{tail_en}",
        f"{command.actor} 已拒绝 {request.actor} 的申请{tail_zh}",
    )


def _waiting(engine: Engine, command: Command) -> Request | Refusal:
    name = command.args.get("request")
    request = engine.requests.find(name, engine.now_ns) if isinstance(name, str) else None
    if request is None or any(foreign(command.organisation, alarm) for alarm in request.alarms):
        return _GONE
    return request


def expired(engine: Engine, at_ns: int) -> list[NoteEvent]:
    """Requests that nobody answered in time; each is recorded."""
    return [
        NoteEvent(
            id=engine.make_id(),
            kind="request_expired",
            at_ns=at_ns,
            reason_en=f"request {request.id} of {request.actor} ({request.action}) expired unanswered",
            reason_zh=f"{request.actor} 的申请 {request.id}({request.action})已过期:无人确认",
            detail={
                "request": request.id,
                "action": request.action,
                "actor": request.actor,
                "alarms": list(request.alarms),
            },
        )
        for request in engine.requests.over(engine.now_ns)
    ]
