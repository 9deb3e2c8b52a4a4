"""What each figure is called, what it should be, and where that comes from.

The clauses are cited as the project's design has them; nobody read the standards' own text for this file, so
every row says ``source_verified`` false.
"""

from __future__ import annotations

import operator

import msgspec

ISA = "ANSI/ISA-18.2-2016, clause 16"
EEMUA = "EEMUA 191, 3rd edition"
USUAL = "usual test, no clause"
OWN = "no target"

PRIORITIES = {1: "red", 2: "orange", 3: "yellow", 4: "blue"}
"""National grading; 1 is the highest."""

_SIGNS = {"<=": operator.le, "<": operator.lt, "==": operator.eq}


class Figure(msgspec.Struct, frozen=True):
    """One figure; ``value`` None: there was nothing to count it from."""

    id: str
    title_en: str
    title_zh: str
    unit: str
    target: str
    """Such as "<= 6"; "" where there is none."""
    clause: str
    source_verified: bool = False
    value: float | None = None
    met: bool | None = None
    """Whether the target is met; None without a target or a value."""

    def with_value(self, value: float | None) -> Figure:
        """The figure as counted."""
        met = None
        if value is not None and self.target:
            sign, bound = self.target.split()
            met = bool(_SIGNS[sign](value, float(bound)))
        return msgspec.structs.replace(self, value=value, met=met)


# fmt: off
FIGURES = (
    Figure("per_day", "alarms a day and operator", "每名操作员每日报警数", "", "<= 288", ISA),
    Figure("per_hour", "alarms an hour and operator", "每名操作员每小时报警数", "", "<= 12", ISA),
    Figure("per_10_min", "alarms in 10 minutes and operator",
           "每名操作员每10分钟报警数", "", "<= 2", ISA),
    Figure("most_in_10_min", "most in one interval of 10 minutes",
           "10分钟内最多报警数", "", "<= 10", ISA),
    Figure("hours_above_30_percent", "hours with more than 30 alarms",
           "报警超过30次的小时占比", "%", "< 1", ISA),
    Figure(
        "tens_above_10_percent", "10-minute intervals with more than 10 alarms", "报警超过10次的10分钟占比",
        "%", "< 1", ISA,
    ),
    Figure("flood_percent", "time in flood", "报警泛滥时间占比", "%", "< 1", ISA),
    Figure("stale", "alarms that stand for more than 24 h at the end",
           "期末持续超过24小时的报警数", "", "< 5", ISA),
    Figure("chattering", "chattering alarms (3 or more in 60 s)",
           "抖动报警数(60秒内3次以上)", "", "== 0", USUAL),
    Figure("fleeting", "fleeting alarms (over within 60 s)", "瞬时报警数(60秒内消失)", "", "== 0", USUAL),
    Figure("top_10_percent", "share of the ten most frequent alarms", "前十报警占比", "%", "<= 5", ISA),
    Figure("priority_red_percent", "share of priority 1, red", "红色(1级)占比", "%", "<= 5", ISA),
    Figure("priority_orange_percent", "share of priority 2, orange", "橙色(2级)占比", "%", "", ISA),
    Figure("priority_yellow_percent", "share of priority 3, yellow", "黄色(3级)占比", "%", "", ISA),
    Figure("priority_blue_percent", "share of priority 4, blue", "蓝色(4级)占比", "%", "", ISA),
    Figure("acknowledge_median_s", "time to acknowledge, median", "确认用时中位数", "s", "", OWN),
    Figure("acknowledge_p90_s", "time to acknowledge, 90 % within", "确认用时90%分位", "s", "", OWN),
    Figure("not_acknowledged", "occurrences not acknowledged within the period",
           "期内未确认的报警次数", "", "", OWN),
    Figure("in_alarm_median_s", "time in alarm, median", "报警持续时间中位数", "s", "", OWN),
    Figure("in_alarm_p90_s", "time in alarm, 90 % within", "报警持续时间90%分位", "s", "", OWN),
)
# fmt: on
"""In the order in which they are told. Long-term average of EEMUA 191: one alarm in ten minutes; the upper
ends of the ranges stand here."""
