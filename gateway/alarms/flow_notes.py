"""What the ledger is told of the stream of alarms, in words a person understands: English and Chinese."""

from __future__ import annotations

from typing import Any, NamedTuple

from gateway.alarms.flow import FLOOD_BEGINS_ABOVE, FLOOD_ENDS_BELOW, News
from gateway.alarms.reasons import Reason


class Note(NamedTuple):
    """A note that has no id and no time yet."""

    kind: str
    reason: Reason
    detail: dict[str, Any]


def flood(news: News) -> Note:
    """A flood began or ended."""
    detail = {"area": news.area, "alarms": news.alarms, "since_ns": news.since_ns, "first": news.first}
    area_en, area_zh = news.area or "the gateway", news.area or "网关"
    first_en = f"the first was {news.first}" if news.first else "the first is not known"
    first_zh = f"首个为 {news.first}" if news.first else "首个未知"
    if news.began:
        return Note(
            "flood_began",
            Reason(
                f"alarm flood at {area_en}: more than {FLOOD_BEGINS_ABOVE} alarms in 10 minutes, {first_en}",
                f"{area_zh} 报警泛滥:10 分钟内报警超过 {FLOOD_BEGINS_ABOVE} 个,{first_zh}",
            ),
            detail,
        )
    return Note(
        "flood_ended",
        Reason(
            f"the alarm flood at {area_en} is over: {news.alarms} alarms in all, now fewer than "
            f"{FLOOD_ENDS_BELOW} in 10 minutes; {first_en}",
            f"{area_zh} 报警泛滥结束:共 {news.alarms} 个报警,10 分钟内已少于 {FLOOD_ENDS_BELOW} 个;"
            f"{first_zh}",
        ),
        detail,
    )
