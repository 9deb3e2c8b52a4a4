"""Words about who is on duty, who was called, and the fire drill."""

from __future__ import annotations

from gateway.console.show import Words

CALLS: dict[str, tuple[str, str]] = {
    "call_level": ("Step", "级别"),
    "called": ("Called", "呼叫对象"),
    "called_at": ("Called at", "呼叫时间"),
    "call_by": ("By", "通过"),
    "call_state": ("What became of it", "结果"),
    "call_waiting": ("on its way", "发送中"),
    "call_delivered": ("arrived", "已送达"),
    "call_withdrawn": ("answered before it arrived", "送达前已应答"),
    "call_failed": ("REACHED NOBODY", "未送达"),
    "nobody_on_duty": ("NOBODY ON DUTY", "无人值班"),
    "whole_role": ("everybody of the role {role}", "角色 {role} 的全体人员"),
}

DUTY_WORDS: Words = CALLS | {
    "drill": ("Fire drill", "消防演练"),
    "drill_note": (
        "One test reading, from the broker to every receiver's receipt. Nobody is called for it.",
        "一个测试读数,从消息服务器直到每个接收方的回执。不会呼叫任何人。",
    ),
    "drill_run": ("Run a fire drill", "开始消防演练"),
    "drill_sure": (
        "Send a test alarm, marked as a drill, to every receiver now?",
        "现在向所有接收方发送一条带演练标记的测试报警?",
    ),
    "drill_running": ("A fire drill is running.", "消防演练正在进行。"),
    "drill_begun": ("The fire drill has begun.", "消防演练已开始。"),
    "drill_cancel": ("Cancel", "取消"),
    "drill_none": ("No fire drill was run yet.", "尚未进行过消防演练。"),
    "drill_exercise": ("An exercise runs no fire drill.", "演练模式下不进行消防演练。"),
    "drill_all_reached": ("every receiver was reached", "所有接收方均已送达"),
    "drill_asked": ("asked for by {who}", "由 {who} 发起"),
    "drill_somebody": ("somebody", "某人"),
    "drill_scheduled": ("on schedule", "按计划"),
    "drill_began": ("Began", "开始"),
    "drill_result": ("Result", "结果"),
    "drill_alarm": ("Reading to alarm", "读数至报警"),
    "drill_receipts": ("Alarm at each receiver, after the reading", "各接收方收到的时间(自读数起)"),
    "outcome_receipt": ("arrived", "已送达"),
    "outcome_refused": ("refused", "被拒绝"),
    "outcome_no_receipt": ("NO RECEIPT", "无回执"),
    "outcome_takes_no_alarms": ("takes no alarms", "不接收报警"),
    "duty": ("On duty", "值班"),
    "roster": ("Roster", "值班表"),
    "duty_now": ("Now", "现在"),
    "duty_next": ("Next", "下一班"),
    "duty_gaps": ("Nobody, in the next {n} days", "未来 {n} 天无人时段"),
    "duty_gap": ("{from} to {to}", "{from} 至 {to}"),
    "duty_more": ("and {n} more", "另有 {n} 段"),
    "duty_no_gap": ("no gap", "无空档"),
    "duty_until": ("until {time}", "至 {time}"),
    "duty_from": ("from {time}", "{time} 起"),
    "duty_none": (
        "No roster is configured: docs/escalation.md says how.",
        "未配置值班表:见 docs/escalation.md。",
    ),
    "calls_open": ("Called, and not answered yet", "已呼叫,尚未应答"),
    "calls_none": ("Nobody waits for an answer to a call.", "没有未应答的呼叫。"),
    "call_alarms": ("Alarms", "报警"),
    "call_next": ("Next, if nobody answers", "若无人应答"),
    "call_last": ("no further step", "无后续步骤"),
    "call_next_step": ("{who} at {time}", "{time} 呼叫 {who}"),
    "call_more": ("{n} in all", "共 {n} 条"),
    "answered": ("Acknowledged: nobody else is called about it.", "已确认:不再呼叫其他人。"),
    "coming": ("Soon: {list}", "即将呼叫:{list}"),
    "duty_silent": (
        "Delivery does not answer: who is called is not known here.",
        "投递进程无应答:此处无法得知呼叫情况。",
    ),
}
"""duty_silent stands where nothing else may be shown."""
