"""Words of the pages about the gateway itself: system and deliveries."""

from __future__ import annotations

from gateway.console.words.overview import COMMON

SINKS = {
    "nothing": ("none", "无"),
    "sinks": ("Sinks", "输出"),
    "sink": ("Sink", "输出"),
    "kind": ("Kind", "类型"),
    "sink_state": ("State", "状态"),
    "sink_ok": ("delivering", "正常"),
    "sink_behind": ("behind", "积压"),
    "sink_failing": ("failing", "失败"),
    "sink_muted": ("muted (exercise)", "静默(演练)"),
    "delivered": ("Delivered", "已投递"),
    "pending": ("Waiting", "待投递"),
    "oldest": ("Oldest waiting", "最久等待"),
    "dead": ("Dead letters", "死信"),
    "error": ("Last error", "最近错误"),
    "delivery_silent": (
        "Delivery does not answer: nothing is sent on while it is away, nothing is lost.",
        "投递进程无应答:期间不会转发,数据不会丢失。",
    ),
}

COUNTS = {
    "count_packets": ("packets in the journal", "已写入日志的报文"),
    "count_refused": ("refused before the journal", "写入日志前拒收"),
    "count_decoded": ("readings decoded", "已解码读数"),
    "count_effective": ("readings that took effect", "生效读数"),
    "count_duplicates": ("duplicates", "重复读数"),
    "count_rejected": ("rejected", "剔除读数"),
    "count_late": ("late readings", "迟到读数"),
    "count_late_alarms": ("conditions begun among late readings", "迟到读数中出现的报警状态"),
    "count_late_unnoted": ("late begins and ends without a note", "未逐条记录的迟到变化"),
    "count_chattering": ("chattering alarms", "频繁报警"),
    "count_fleeting": ("fleeting alarms", "瞬时报警"),
    "count_held_ends": ("ends held back of such alarms", "此类报警中暂缓的恢复"),
    "count_suspect": ("readings of suspect time", "时间可疑读数"),
    "count_retained": ("retained messages", "保留消息"),
    "count_disordered": ("readings out of order", "次序颠倒读数"),
    "count_bad": ("bad readings", "不良读数"),
    "count_uncertain": ("uncertain readings", "可疑读数"),
    "count_throttled": ("readings beyond a device's rate", "超出设备速率的读数"),
    "count_faults": ("failures of detectors", "检测器故障"),
}
REASONS = {
    "turned_bad_length": ("wrong length", "长度错误"),
    "turned_bad_topic": ("wrong topic", "主题错误"),
    "turned_device_mismatch": ("another device than the topic's", "设备与主题不符"),
    "turned_duplicate_key": ("a key twice", "键重复"),
    "turned_empty": ("empty", "内容为空"),
    "turned_missing_field": ("a field is missing", "缺少字段"),
    "turned_not_finite": ("no finite number", "不是有限数值"),
    "turned_not_json": ("no JSON", "不是 JSON"),
    "turned_oversize": ("too large", "超过大小限制"),
    "turned_plugin_error": ("failure of a plug-in", "插件故障"),
    "turned_too_deep": ("nested too deep", "嵌套过深"),
    "turned_unequal_columns": ("columns of unequal length", "各列长度不等"),
    "turned_unknown_channel": ("unknown channel", "未知通道"),
    "turned_unknown_code": ("unknown code", "未知代码"),
    "turned_unknown_device": ("unknown device", "未知设备"),
    "turned_unknown_stream": ("unknown stream", "未知数据流"),
    "turned_unsupported": ("unsupported", "不支持"),
    "turned_wrong_type": ("wrong type", "类型错误"),
    "turned_wrong_unit": ("wrong unit", "单位错误"),
}
FILES = {
    "file_journal": ("journal", "日志"),
    "file_ledger": ("ledger", "台账"),
    "file_history": ("history", "历史"),
    "file_snapshots": ("snapshots", "快照"),
    "file_delivery": ("delivery", "投递"),
    "file_log": ("log", "运行日志"),
}

SYSTEM_WORDS = (
    COMMON
    | SINKS
    | COUNTS
    | REASONS
    | FILES
    | {
        "core": ("Core", "核心"),
        "core_ok": ("working", "运行中"),
        "core_gone": ("does not answer", "无应答"),
        "core_blind": ("blind", "失明"),
        "turn_age": ("last turn {s} s ago", "上次循环 {s} 秒前"),
        "lag": ("Core lag", "核心滞后"),
        "queue_note": ("{n} packets in the queue", "队列中 {n} 个报文"),
        "broker": ("Broker", "消息服务器"),
        "broker_up": ("connected", "已连接"),
        "broker_down": ("not connected", "未连接"),
        "disk_left": ("Disk lasts", "磁盘可用"),
        "days": ("{n} days", "{n} 天"),
        "days_unknown": ("not yet known", "尚未可知"),
        "disk_note": (
            "{used} of {total} used; {pace} a day, our estimate from the last day",
            "已用 {used}/{total};每日约 {pace},按最近一天估算",
        ),
        "disk_note_short": ("{used} of {total} used", "已用 {used}/{total}"),
        "clock_tile": ("Gateway clock", "网关时钟"),
        "clock_off": ("this screen differs by {s} s", "与本屏相差 {s} 秒"),
        "clock_same": ("this screen agrees within 2 s", "与本屏相差不超过 2 秒"),
        "line_note": ("judges readings up to {time}", "读数判断至 {time}"),
        "counts": ("What came in", "输入计数"),
        "count_name": ("Counter", "计数项"),
        "count_value": ("Since the gateway's first start", "自网关首次启动"),
        "files": ("Files", "文件"),
        "file": ("File", "文件"),
        "bytes": ("Size", "大小"),
        "changed": ("Changed", "更新时间"),
        "segments": ("Journal segments ({n})", "日志分段({n})"),
        "unknown_devices": ("Unknown devices", "未知设备"),
        "unknown_note": ("who speaks and is not in the fleet list", "在上报但不在设备表中"),
        "open_pages": ("Open pages", "打开的页面"),
        "version": ("Version", "版本"),
        "position": ("journal position {n}, ledger {seq}", "日志位置 {n},台账 {seq}"),
    }
)

DELIVERY_WORDS = (
    COMMON
    | SINKS
    | {
        "letters_of": ("Dead letters of {sink}", "{sink} 的死信"),
        "letters_note": (
            "Refused for good by the receiver. Find the cause first: it may be refused again.",
            "被接收方永久拒绝。请先查明原因:重新发送可能再次被拒。",
        ),
        "choose": ("Choose", "选择"),
        "event": ("Event", "事件"),
        "alarm_column": ("Alarm", "报警"),
        "reason": ("Reason", "原因"),
        "attempts": ("Attempts", "次数"),
        "buried": ("Since", "时间"),
        "resend_none": ("Choose what to send again", "请选择要重新发送的死信"),
        "resend_chosen": ("Send {n} again", "重新发送 {n} 条"),
        "resend_all": ("Send all again", "全部重新发送"),
        "resend_sure": ("Send all {n} dead letters of {sink} again?", "重新发送 {sink} 的全部 {n} 条死信?"),
        "resending": ("Accepted: delivery tries again.", "已受理:将重新投递。"),
        "again": ("Sent again", "重新发送记录"),
        "who_column": ("Who", "人员"),
        "how_many": ("How many", "数量"),
        "everything": ("all", "全部"),
        "answer": ("Answer", "答复"),
        "look_at": ("Show", "查看"),
        "cancel_send": ("Cancel", "取消"),
    }
)
