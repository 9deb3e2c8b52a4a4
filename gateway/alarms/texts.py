"""What operators read about devices and the gateway: every device and system condition, in both languages.

The texts of process alarms are not here: they are rationalised per channel, in the device profiles.
"""

from __future__ import annotations

from typing import NamedTuple

DEVICE: dict[str, tuple[str, str, int, str, str]] = {
    "silent": (
        "no reading",
        "无读数",
        2,
        "Check power, antenna and network of the device; watch the place by other means meanwhile.",
        "检查设备的电源、天线和网络;期间用其他方式监视现场。",
    ),
    "never_seen": (
        "never heard since registration",
        "登记后从未上报",
        3,
        "Check that the device is installed and publishes on its own topic.",
        "确认设备已安装并在自己的主题上发布数据。",
    ),
    "sensor_fault": (
        "bad reading",
        "读数无效",
        2,
        "Repair or replace the sensor; the channel cannot raise process alarms meanwhile.",
        "修理或更换传感器;期间该通道无法产生过程报警。",
    ),
    "out_of_range": (
        "outside what the instrument can measure",
        "超出仪表量程",
        3,
        "Check the process first, then the instrument's range and wiring.",
        "先检查工艺,再检查仪表量程和接线。",
    ),
    "clock_changed": (
        "the device's clock was changed",
        "设备时钟已改变",
        4,
        "Check the device's time source.",
        "检查设备的时间来源。",
    ),
    "clock_drift": (
        "the device's clock runs fast or slow",
        "设备时钟走时不准",
        4,
        "Let the device fetch its time regularly; change its clock or battery if it does not keep it.",
        "设置设备定期对时;对时后仍不准时更换时钟或电池。",
    ),
    "flooding": (
        "sends far more readings than it may",
        "读数频率远超允许值",
        4,
        "Find what makes it send so often; limits judge all, trends and history skip the excess.",
        "查明设备频繁上报的原因;限值报警照常判断,超出部分不参与趋势检测和历史存储。",
    ),
    "duplicate_identity": (
        "two senders use this device's id",
        "两个发送者使用同一设备编号",
        2,
        "Find both devices and give one an id of its own; until then neither place is surely watched.",
        "找出两台设备,为其中一台分配独立编号;在此之前两处都不能保证受到监视。",
    ),
    "expired": (
        "the sensor is past its life",
        "传感器已超过使用期限",
        3,
        "Replace it and enter its new day of expiry; until then watch the place otherwise too.",
        "更换传感器并登记新的到期日期;期间同时用其他方式监视现场。",
    ),
    "upstream_down": (
        "no device that reports through it is heard",
        "经由其上报的设备均无读数",
        2,
        "Check its power, radio and network; watch the places of all devices behind it by other means.",
        "检查其电源、无线和网络;期间用其他方式监视其下所有设备的现场。",
    ),
}
"""Device conditions: what happened (en, zh), default priority, default response (en, zh)."""


class SystemAlarm(NamedTuple):
    """One row of SYSTEM."""

    priority: int
    title_en: str
    title_zh: str
    response_en: str
    response_zh: str


SYSTEM: dict[str, SystemAlarm] = {
    "possible_gap": SystemAlarm(
        1,
        "The broker lost our session: readings may be missing",
        "消息服务器丢失了会话:可能缺少读数",
        "Check the devices for missing readings since the last connection; check the broker's persistence.",
        "检查自上次连接以来各设备缺少的读数;检查消息服务器的持久化设置。",
    ),
    "link_down": SystemAlarm(
        1,
        "No connection to the broker: no readings arrive",
        "与消息服务器断开:没有读数到达",
        "Check the broker and the network; watch the sites by other means meanwhile.",
        "检查消息服务器和网络;期间用其他方式监视现场。",
    ),
    "link_stalled": SystemAlarm(
        1,
        "The broker's connection stands but nothing arrives",
        "与消息服务器的连接仍在,但没有数据到达",
        "Check the broker's load and the network between; the gateway reconnects by itself.",
        "检查消息服务器负载和网络;网关会自行重连。",
    ),
    "broker_dropped": SystemAlarm(
        1,
        "The broker dropped messages: its queue was full",
        "消息服务器丢弃了消息:队列已满",
        "Raise the broker's queue limits; check the devices for missing readings.",
        "提高消息服务器的队列上限;检查各设备缺少的读数。",
    ),
    "disk_full": SystemAlarm(
        1,
        "Gateway blind: disk full, readings are not taken",
        "网关失明:磁盘已满,不再接收读数",
        "Free space in the data folder at once; the gateway goes on by itself.",
        "立即清理数据目录空间;网关会自行恢复。",
    ),
    "store_locked": SystemAlarm(
        1,
        "Gateway blind: another program holds the gateway's file, readings are not taken",
        "网关失明:其他程序占用了网关文件,不再接收读数",
        "Stop the program that has the data folder's files open; the gateway goes on by itself.",
        "停止占用数据目录文件的程序;网关会自行恢复。",
    ),
    "delivery_down": SystemAlarm(
        1,
        "Delivery does not answer: messages and readings wait",
        "投递进程无响应:消息和读数正在等待",
        "See the gateway's log; nothing is lost, what waits is sent when delivery is back.",
        "查看网关日志;没有数据丢失,投递恢复后会补发。",
    ),
    "disk_high": SystemAlarm(
        2,
        "The disk is nearly full",
        "磁盘即将写满",
        "Free space in the data folder before readings stop.",
        "在停止接收读数之前清理数据目录空间。",
    ),
    "behind": SystemAlarm(
        1,
        "The gateway is behind: alarms come late",
        "网关处理滞后:报警会延迟",
        "Check the machine's load and disk; reduce the rate of readings.",
        "检查机器负载和磁盘;降低读数频率。",
    ),
    "clock_jump": SystemAlarm(
        3,
        "The gateway's wall clock jumped",
        "网关时钟跳变",
        "Check the machine's time service; stamps around this moment are unsure.",
        "检查机器的时间服务;此刻前后的时间戳不可靠。",
    ),
    "quarantine_full": SystemAlarm(
        2,
        "Too many unknown devices: more of them are only counted",
        "未登记设备过多:其余仅计数",
        "Register the devices or stop whoever publishes under wrong names.",
        "登记这些设备,或制止使用错误名称发布者。",
    ),
    "rejections_high": SystemAlarm(
        2,
        "Many packets are refused",
        "大量数据包被拒绝",
        "List the rejections and correct the devices or their profiles.",
        "查看拒绝列表并纠正设备或其配置。",
    ),
    "internal_fault": SystemAlarm(
        1,
        "A part of the gateway failed on some input; the input is kept",
        "网关的某部分处理输入时出错;该输入已保留",
        "Report the fault with the rejection's hash; check the affected channel by other means.",
        "连同拒绝记录的哈希上报该故障;用其他方式检查相关通道。",
    ),
    "journal_truncated": SystemAlarm(
        1,
        "The journal ends before what was confirmed: readings are missing",
        "日志在已确认位置之前结束:读数缺失",
        "Do not delete anything; restore the data folder from a copy or accept the loss in writing.",
        "不要删除任何文件;从副本恢复数据目录,或书面确认损失。",
    ),
    "old_sqlite": SystemAlarm(
        4,
        "This SQLite version has a known corruption fault",
        "该 SQLite 版本存在已知的损坏缺陷",
        "Update SQLite to 3.51.3 or a corrected older line.",
        "将 SQLite 更新到 3.51.3 或已修正的旧版本。",
    ),
    "snapshot_damaged": SystemAlarm(
        3,
        "A snapshot was damaged: the gateway started from an older one",
        "快照损坏:网关从较早的快照启动",
        "Check the disk; nothing is lost, the journal is complete.",
        "检查磁盘;日志完整,没有丢失数据。",
    ),
    "behaviour_differs": SystemAlarm(
        2,
        "Replaying the journal gave other alarms than recorded",
        "重放日志得到的报警与记录不同",
        "Run 'riskgate verify' and report its output.",
        "运行 riskgate verify 并上报其输出。",
    ),
    "sink_down": SystemAlarm(
        2,
        "A receiver of readings or alarms does not answer",
        "读数或报警的接收方无响应",
        "Check the receiver; what it missed is kept and sent later.",
        "检查接收方;未送达的内容已保留,稍后发送。",
    ),
    "dead_letters": SystemAlarm(
        2,
        "A receiver refused messages for good",
        "接收方永久拒绝了消息",
        "List the dead letters, correct the receiver and send them again.",
        "查看死信列表,纠正接收方后重新发送。",
    ),
    "call_failed": SystemAlarm(
        1,
        "Nobody could be called about an unanswered alarm: the receiver refused the call",
        "未应答报警的呼叫失败:接收方拒绝",
        "Call the person on duty by other means; see 'riskgate escalation show', then correct the receiver.",
        "用其他方式联系值班人员;查看 riskgate escalation show,再纠正接收方。",
    ),
    "drill_failed": SystemAlarm(
        2,
        "The fire drill failed: an alarm would not reach everybody",
        "演练失败:报警可能无法送达所有接收方",
        "See 'riskgate drill show', repair what it names, run 'riskgate drill run' until it succeeds.",
        "查看 riskgate drill show,修复所列问题,再运行 riskgate drill run 直至成功。",
    ),
    "roster_gap": SystemAlarm(
        2,
        "Nobody is on duty at some time ahead, or the roster cannot be read",
        "今后某时段无人值班,或值班表无法读取",
        "Run 'riskgate rosters check', fill the gap in the roster's .ics file; it is read again by itself.",
        "运行 riskgate rosters check,在值班表 .ics 文件中补上空缺;文件会自动重新读取。",
    ),
    "config_refused": SystemAlarm(
        2,
        "A new configuration was refused; the old one stays in force",
        "新配置被拒绝;旧配置继续生效",
        "Correct the errors named in the log and load it again.",
        "纠正日志中列出的错误后重新加载。",
    ),
}
"""Every system condition, its priority and texts."""
