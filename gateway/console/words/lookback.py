"""Words of the pages of a period: coverage and alarm figures."""

from __future__ import annotations

from gateway.console.words.overview import COMMON, STATES

PERIOD = {
    "period": ("Period", "时段"),
    "last_day": ("Last 24 hours", "最近 24 小时"),
    "last_week": ("Last 7 days", "最近 7 天"),
    "last_month": ("Last 30 days", "最近 30 天"),
    "own_period": ("From … to …", "自定义"),
    "since_when": ("From", "从"),
    "until_when": ("To", "到"),
    "show": ("Show", "查看"),
    "csv": ("Save as CSV", "导出 CSV"),
    "empty_period": ("The end must be after the beginning.", "结束时间须晚于开始时间。"),
    "nothing": ("none", "无"),
}

COVERAGE_WORDS = (
    STATES
    | COMMON
    | PERIOD
    | {
        "at_end": ("At the end of the period", "期末"),
        "over_period": ("Over the period", "期内"),
        "expected": ("Expected channels", "应有通道"),
        "not_commissioned": ("{n} not yet in service", "{n} 个尚未投用"),
        "blind_for": ("Blind", "失明时长"),
        "blind_times": ("times: {n}", "{n} 次"),
        "state_column": ("State", "状态"),
        "channels": ("Channels", "通道"),
        "hours": ("Channel-hours", "通道小时"),
        "share": ("Share of the period", "期内占比"),
        "all_states": ("Every expected channel is in one state", "每个应有通道只计入一种状态"),
        "by": ("By", "分组"),
        "by_enterprise": ("Enterprise", "企业"),
        "by_county": ("County", "区县"),
        "by_sector": ("Sector", "行业"),
        "by_family": ("Family", "类别"),
        "name_column": ("Name", "名称"),
        "channels_not_live": ("Channels that are not live", "非在线通道"),
        "channel": ("Channel", "通道"),
        "since_column": ("Since", "起始时间"),
        "always": ("always", "一直"),
        "beyond": ("{n} more; the CSV has up to 100,000.", "另有 {n} 个;CSV 最多列出 100,000 个。"),
        "blind_list": ("When nothing was watched", "无监视时段"),
        "csv_channels": ("Channels as CSV", "通道 CSV"),
    }
)

KPI_WORDS = (
    COMMON
    | PERIOD
    | {
        "operators": ("Operators", "操作员数"),
        "operators_hint": ("positions that share these alarms", "分担这些报警的席位数"),
        "annunciated": ("Alarms in the period", "期内报警次数"),
        "rate": ("Alarms per operator and hour", "每人每小时报警数"),
        "flood_time": ("Time in flood", "泛滥时间"),
        "floods_n": ("floods: {n}", "泛滥 {n} 次"),
        "answered_in": ("Acknowledged, median", "确认用时中位数"),
        "open_at_end": ("{n} not acknowledged", "{n} 次未确认"),
        "over_time": ("Alarms in each {step}", "每{step}报警数"),
        "step_ten": ("10 minutes", " 10 分钟"),
        "step_hour": ("hour", "小时"),
        "step_day": ("day", "天"),
        "plot_limit": ("{n}: the target's upper end", "{n}:目标上限"),
        "no_alarms": ("No alarm in this period.", "期内无报警。"),
        "plot_flood": ("flood", "泛滥"),
        "figures_title": ("Held against the targets", "与目标对照"),
        "figure": ("Figure", "指标"),
        "value": ("Value", "数值"),
        "target": ("Target", "目标"),
        "met": ("met", "达标"),
        "not_met": ("not met", "未达标"),
        "source": ("Source", "出处"),
        "usual_test": ("usual test, no clause", "通行判据,无条款"),
        "no_target": ("no target", "无目标"),
        "not_verified": ("source not verified", "原文未核实"),
        "split": ("By priority", "优先级分布"),
        "split_hint": (
            "EEMUA 191 and ISA-18.2 expect about 5 / 15 / 80 % high, medium, low; source not verified",
            "EEMUA 191 与 ISA-18.2 期望约为高 5 / 中 15 / 低 80 %;原文未核实",
        ),
        "red": ("Urgent", "紧急"),
        "orange": ("High", "高"),
        "yellow": ("Medium", "中"),
        "blue": ("Low", "低"),
        "top": ("The ten most frequent", "前十报警"),
        "chattering": ("Chattering: three or more in 60 s", "抖动:60 秒内 3 次以上"),
        "fleeting": ("Fleeting: over within 60 s", "瞬时:60 秒内消失"),
        "stale": ("Stale: stand for more than 24 h", "长期:持续超过 24 小时"),
        "alarm_column": ("Alarm", "报警"),
        "times": ("Times", "次数"),
        "longest": ("Longest", "最长"),
        "calm_title": ("Settings that would calm the worst", "可使最频繁报警平静的设定"),
        "calm_note": (
            "The recorded readings are judged again with other settings. Nothing is changed here.",
            "用其他设定重新判断已记录的读数。此处不作任何更改。",
        ),
        "calm_look": ("Look for calmer settings", "查找更平静的设定"),
        "now_setting": ("Now", "现在"),
        "suggested_setting": ("Suggested", "建议"),
        "effect": ("Effect on these readings", "对这些读数的效果"),
        "setting": (
            "deadband {deadband} {unit}, on {on} s, off {off} s",
            "死区 {deadband} {unit},延时 {on}/{off} 秒",
        ),
        "effect_text": (
            "{now} → {then} alarms; {missed} short ones untold (up to {longest} s); up to {slowest} s later",
            "{now} → {then} 次报警;{missed} 次短暂越限不再提示(最长 {longest} 秒);最慢晚 {slowest} 秒",
        ),
        "no_better": ("no better setting", "无更好设定"),
        "no_suggestions": (
            "No limit alarm came in this period: there is nothing to calm.",
            "期内无限值报警:无需调整。",
        ),
    }
)
