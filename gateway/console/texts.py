"""Every word of the page, in English and Chinese; both have the same keys (tested)."""

from __future__ import annotations

LANGUAGES = {"en": "English", "zh": "中文"}

TEXTS: dict[str, dict[str, str]] = {
    "en": {
        "title": "Alarms",
        "product": "riskgate",
        "not_sif": "Not a safety instrumented function. Secondary to the certified detector panel.",
        "no_script": "This page needs JavaScript; until then use: riskgate alarms",
        "connecting": "Connecting to the console",
        "live": "Live",
        "not_live": "Not live",
        "core_silent": "The gateway has not answered for {s} s. What you see may be old: watch the panel.",
        "core_never": "The gateway does not answer. What you see may be old: watch the panel.",
        "page_silent": "This page has heard nothing from the console for {s} s. What you see may be old.",
        "core_stuck": "The gateway has not worked for {s} s. What you see may be old: watch the panel.",
        "core_behind": "The gateway is behind by {s} s: alarms come late.",
        "link_down": "No connection to the message broker: no readings arrive. Watch the panel.",
        "blind": "Gateway blind, nothing is recorded: {reason}. Watch the panel.",
        "exercise": "EXERCISE: times and readings are not those of now.",
        "priority": "Priority",
        "priority_1": "Urgent",
        "priority_2": "High",
        "priority_3": "Medium",
        "priority_4": "Low",
        "state": "State",
        "unacknowledged": "Unacknowledged",
        "acknowledged": "Acknowledged",
        "returned_unacknowledged": "Returned, unacknowledged",
        "waiting_reset": "Returned, waiting for reset",
        "since": "Since",
        "where": "Where",
        "what": "What",
        "response": "What to do",
        "action": "Action",
        "acknowledge": "Acknowledge",
        "reset": "Reset",
        "limit": "limit",
        "latched": "latched",
        "unverified": "limit's source not verified",
        "suspect_time": "device time suspect",
        "out_of_order": "out of order",
        "this_gateway": "this gateway",
        "whole_device": "the device itself",
        "empty": "No alarms. Everything that reports is within its limits.",
        "unanswered_count": "unacknowledged",
        "open_count": "open",
        "truncated": "The {shown} most urgent of {total} alarms are shown.",
        "refused": "Refused",
        "no_answer": "The console does not answer: look at the alarm before you repeat it.",
        "theme": "Light / dark",
        "acknowledging": "Waiting",
    },
    "zh": {
        "title": "报警",
        "product": "riskgate",
        "not_sif": "本系统不是安全仪表功能,仅为经认证报警控制器的辅助手段。",
        "no_script": "本页需要 JavaScript;在此之前请使用命令:riskgate alarms",
        "connecting": "正在连接控制台",
        "live": "实时",
        "not_live": "非实时",
        "core_silent": "网关已 {s} 秒无应答。所见内容可能已过时:请查看现场报警控制器。",
        "core_never": "网关无应答。所见内容可能已过时:请查看现场报警控制器。",
        "page_silent": "本页已 {s} 秒未收到控制台数据。所见内容可能已过时。",
        "core_stuck": "网关已 {s} 秒未工作。所见内容可能已过时:请查看现场报警控制器。",
        "core_behind": "网关滞后 {s} 秒:报警会延迟。",
        "link_down": "与消息服务器的连接已断开:收不到读数。请查看现场报警控制器。",
        "blind": "网关失明,未作任何记录:{reason}。请查看现场报警控制器。",
        "exercise": "演练:时间与读数并非当前实际。",
        "priority": "优先级",
        "priority_1": "紧急",
        "priority_2": "高",
        "priority_3": "中",
        "priority_4": "低",
        "state": "状态",
        "unacknowledged": "未确认",
        "acknowledged": "已确认",
        "returned_unacknowledged": "已恢复,未确认",
        "waiting_reset": "已恢复,待复位",
        "since": "起始时间",
        "where": "位置",
        "what": "内容",
        "response": "处置措施",
        "action": "操作",
        "acknowledge": "确认",
        "reset": "复位",
        "limit": "限值",
        "latched": "锁存",
        "unverified": "限值出处未核实",
        "suspect_time": "设备时间可疑",
        "out_of_order": "次序颠倒",
        "this_gateway": "本网关",
        "whole_device": "设备本身",
        "empty": "无报警。所有上报点均在限值之内。",
        "unanswered_count": "未确认",
        "open_count": "未关闭",
        "truncated": "共 {total} 条报警,显示最紧急的 {shown} 条。",
        "refused": "被拒绝",
        "no_answer": "控制台无应答: 重复操作前请查看该报警。",
        "theme": "浅色/深色",
        "acknowledging": "等待中",
    },
}


def choose(wanted: str, accept_language: str) -> str:
    """The page's language: the one asked for, else the browser's most wanted of ours, else English."""
    if wanted in LANGUAGES:
        return wanted
    best, best_weight = "en", 0.0
    for part in accept_language[:200].split(","):
        name, _, weight = part.strip().partition(";q=")
        language = name.strip().lower().partition("-")[0]
        try:
            value = float(weight) if weight else 1.0
        except ValueError:
            continue
        if language in LANGUAGES and value > best_weight:
            best, best_weight = language, value
    return best
