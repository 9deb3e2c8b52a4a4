"""Words of the page on which testers simulate and replay."""

from __future__ import annotations

from gateway.console.words.overview import COMMON

WORDS = COMMON | {
    "nothing": ("none", "无"),
    "is_exercise": (
        "EXERCISE: this gateway judges an exercise. Its alarms are marked; sinks that leave it are muted.",
        "演练:本网关正在判断演练数据。报警带有演练标记,外发输出静默。",
    ),
    "no_exercise": (
        "No exercise: nothing can be simulated into this gateway. Run another: riskgate run --clock stream",
        "不在演练中:不能向本网关模拟数据。请另行运行:riskgate run --clock stream",
    ),
    "no_core": ("The core does not answer: nothing can be started.", "核心无应答:无法启动。"),
    "simulate_title": ("Simulated devices", "模拟设备"),
    "plant": ("Plant", "装置"),
    "site_path": ("Enterprise/site", "企业/场所"),
    "how_many": ("Devices", "设备数"),
    "fault": ("Fault", "故障"),
    "no_fault": ("none", "无"),
    "fault_at": ("After (s)", "发生于(秒)"),
    "lasts": ("Lasts (s)", "时长(秒)"),
    "speed": ("Speed", "倍速"),
    "seed": ("Seed", "随机种子"),
    "start": ("Start", "开始"),
    "fleet_note": (
        "The devices must be in the fleet list of the exercise: riskgate simulate … --fleet-only writes one.",
        "设备须在演练的设备表中:可用 riskgate simulate … --fleet-only 生成。",
    ),
    "recording_title": ("A recording again", "重放录制"),
    "file": ("File", "文件"),
    "no_files": ("No file in the folder {folder}.", "文件夹 {folder} 中没有文件。"),
    "journal_title": ("The journal again", "日志重放"),
    "journal_note": (
        "Steps what was recorded through the same rules and compares with the ledger. Changes nothing.",
        "将全部记录按同样规则重新判断,并与台账比较。不作任何更改。",
    ),
    "runs": ("Runs", "运行记录"),
    "number": ("No.", "序号"),
    "what_runs": ("What", "内容"),
    "who": ("Who", "人员"),
    "begun": ("Begun", "开始时间"),
    "how_far": ("Progress", "进度"),
    "running": ("running for {s} s", "已运行 {s} 秒"),
    "ended_well": ("ended well after {s} s", "{s} 秒后正常结束"),
    "ended_badly": ("ended with status {status} after {s} s", "{s} 秒后以状态 {status} 结束"),
    "was_stopped": ("stopped by {who} after {s} s", "{s} 秒后由 {who} 停止"),
    "stop": ("Stop", "停止"),
    "its_words": ("What the newest one says", "最近一次运行的输出"),
    "started": ("Started.", "已开始。"),
}
