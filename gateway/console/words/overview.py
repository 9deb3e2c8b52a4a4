"""Words of the overview and the map; STATES are those of the coverage."""

from __future__ import annotations

STATES = {
    "state_blind": ("blind", "失明"),
    "state_out_of_service": ("out of service", "停用"),
    "state_shelved": ("shelved", "已搁置"),
    "state_suppressed": ("suppressed", "设计抑制"),
    "state_never_seen": ("never seen", "从未上报"),
    "state_silent": ("silent", "失联"),
    "state_bad": ("bad", "读数不良"),
    "state_flat": ("flat", "读数不变"),
    "state_expired": ("expired", "已过期"),
    "state_rule_less": ("rule-less", "无规则"),
    "state_live": ("live", "在线"),
}

COMMON = {
    "city": ("Whole city", "全市"),
    "county": ("County", "区县"),
    "enterprise": ("Enterprise", "企业"),
    "site": ("Site", "场所"),
    "device": ("Device", "设备"),
    "unnamed": ("not stated", "未填写"),
    "devices": ("Devices", "设备数"),
    "coverage_now": ("Coverage", "覆盖率"),
    "coverage_hint": ("live channels of those expected", "在线通道占应有通道"),
    "not_live_count": ("Not live", "非在线"),
    "grade": ("Grade", "等级"),
    "open_alarms": ("Open alarms", "未关闭报警"),
    "no_open": ("none open", "无报警"),
    "unanswered_column": ("Waiting", "待确认"),
    "quiet_note": ("{n} not announced", "{n} 条不提示"),
    "looking": ("Reading the records", "正在读取记录"),
    "looking_s": ("Reading the records: {s} s", "正在读取记录:{s} 秒"),
    "not_read": ("Cannot be shown", "无法显示"),
    "as_of": ("as of {time}", "截至 {time}"),
    "of_lines": ("The worst {shown} of {of} are shown.", "共 {of} 项,显示最差的 {shown} 项。"),
    "blind_now": (
        "Nothing is watched at this moment: no core, no connection or no disk.",
        "此刻无任何监视:核心未运行、连接中断或磁盘不可写。",
    ),
}

WORDS = (
    STATES
    | COMMON
    | {
        "path": ("Where", "所在层级"),
        "gateway_alarms": ("Alarms of this gateway itself", "本网关自身的报警"),
        "nothing_here": ("No device here.", "此处没有设备。"),
        "no_channels": ("nothing expected", "无应有通道"),
        "open_list": ("Alarm list", "报警列表"),
    }
)

MAP_WORDS = COMMON | {
    "zoom_in": ("Closer", "放大"),
    "zoom_out": ("Farther", "缩小"),
    "whole": ("Whole map", "全图"),
    "map_label": (
        "Devices by their coordinates. Arrow keys move, plus and minus zoom, 0 shows all.",
        "按坐标显示的设备。方向键移动,加减键缩放,0 显示全图。",
    ),
    "worst_here": ("Worst in view", "视野内最严重"),
    "nothing_open_here": ("No open alarm in view.", "视野内无未关闭报警。"),
    "many_devices": ("{n} devices", "{n} 台设备"),
    "calm": ("no open alarm, all live", "无报警,全部在线"),
    "gaps": ("no open alarm, not all live", "无报警,有通道不在线"),
    "placeless": (
        "Devices without coordinates in the fleet list, so not on this map: {n}; their open alarms: {open}.",
        "{n} 台设备在设备表中无坐标,未显示在地图上;其中 {open} 条报警未关闭。",
    ),
    "placeless_link": ("See them in the overview", "在总览中查看"),
    "no_places": (
        "No device has coordinates: fill in latitude and longitude in the fleet list.",
        "没有设备填写坐标:请在设备表中填写纬度和经度。",
    ),
}
