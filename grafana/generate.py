"""Writes grafana/dashboards/control_room.json: one place for every query, so that none can be forgotten when
a field is renamed. ``python grafana/generate.py`` after a change; tests/system/test_grafana.py compares the
committed file with this and runs every query against a real InfluxDB.

Queries are InfluxQL: they work on InfluxDB 1 and, through its compatibility interface, on 2 and 3.
"""

# ruff: noqa: S608 - every query is made of this file's own constants

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
TARGET = HERE / "dashboards" / "control_room.json"
DATASOURCE = {"type": "influxdb", "uid": "riskgate-influxdb"}
WIDTH = 24
PRIORITY_COLOURS = {1: "red", 2: "orange", 3: "yellow", 4: "blue"}

PLACE = '"enterprise" =~ /^${enterprise:regex}$/ AND "site" =~ /^${site:regex}$/'
PLACE_OR_SYSTEM = f"((\"enterprise\" = '') OR ({PLACE}))"
"""System alarms have no enterprise and are everybody's."""
LATEST = (
    'SELECT last("state") AS "state", "priority", "occurrence", "value", "limit", "reason", "reason_zh" '
    'FROM "alarm" WHERE time > now() - 90d GROUP BY "alarm", "enterprise", "site", "asset"'
)
"""The newest event of every alarm; an alarm may have been open for longer than the dashboard shows."""


def trend_query(family: str, channel: str, unit: str) -> str:
    """The mean of one channel of every device of a family that measures it in this unit."""
    return (
        f'SELECT mean("value") FROM "reading" WHERE "family" = \'{family}\' AND "channel" = \'{channel}\' '
        f"AND \"unit\" = '{unit}' "
        f'AND {PLACE} AND $timeFilter GROUP BY time($__interval), "site", "device" fill(none)'
    )


def target(query: str, ref: str, alias: str = "", form: str = "time_series") -> dict[str, Any]:
    """One query of a panel."""
    return {
        "datasource": DATASOURCE,
        "refId": ref,
        "query": query,
        "rawQuery": True,
        "resultFormat": form,
        "alias": alias,
    }


def panel(kind: str, title: str, targets: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """A panel without its place."""
    made = {"type": kind, "title": title, "datasource": DATASOURCE, "targets": targets, "options": {}}
    return {**made, "fieldConfig": {"defaults": {}, "overrides": []}, **more}


def trend(title: str, family: str, channels: dict[str, str], limits: dict[str, float]) -> dict[str, Any]:
    """A trend of some channels of a family; channels: name -> unit; limits: colour -> setpoint."""
    targets = [
        target(trend_query(family, channel, unit), chr(ord("A") + n), f"$tag_site $tag_device {channel}")
        for n, (channel, unit) in enumerate(channels.items())
    ]
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    steps += [{"color": colour, "value": value} for colour, value in limits.items()]
    overrides = [
        {
            "matcher": {"id": "byFrameRefID", "options": chr(ord("A") + n)},
            "properties": [{"id": "unit", "value": f"suffix: {unit}"}],
        }
        for n, unit in enumerate(channels.values())
    ]
    defaults = {
        "custom": {"spanNulls": False, "thresholdsStyle": {"mode": "line" if limits else "off"}},
        "thresholds": {"mode": "absolute", "steps": steps},
    }
    return panel("timeseries", title, targets, fieldConfig={"defaults": defaults, "overrides": overrides})


def open_alarms() -> dict[str, Any]:
    """The table an operator looks at first."""
    query = (
        'SELECT "priority", "state", "alarm", "asset", "reason", "reason_zh", "value", "limit", "occurrence" '
        f"FROM ({LATEST}) WHERE \"state\" != 'normal' AND {PLACE_OR_SYSTEM}"
    )
    colours = [
        {"type": "value", "options": {str(number): {"color": colour, "text": str(number)}}}
        for number, colour in PRIORITY_COLOURS.items()
    ]
    override = {
        "matcher": {"id": "byName", "options": "priority"},
        "properties": [
            {"id": "mappings", "value": colours},
            {"id": "custom.cellOptions", "value": {"type": "color-background"}},
        ],
    }
    return panel(
        "table",
        "Open alarms 未恢复正常的报警",
        [target(query, "A", form="table")],
        fieldConfig={"defaults": {}, "overrides": [override]},
        options={"sortBy": [{"displayName": "priority", "desc": False}]},
    )


def open_count() -> dict[str, Any]:
    """How many alarms are open."""
    query = f'SELECT count("state") FROM ({LATEST}) WHERE "state" != \'normal\' AND {PLACE_OR_SYSTEM}'
    steps = [{"color": "green", "value": None}, {"color": "red", "value": 1}]
    defaults = {"noValue": "0", "thresholds": {"mode": "absolute", "steps": steps}}
    return panel(
        "stat", "Open 未恢复", [target(query, "A")], fieldConfig={"defaults": defaults, "overrides": []}
    )


def transitions() -> dict[str, Any]:
    """What happened, newest first."""
    query = (
        'SELECT "priority", "state", "cause", "alarm", "reason", "reason_zh", "actor" FROM "alarm" '
        "WHERE $timeFilter ORDER BY time DESC LIMIT 200"
    )
    return panel("table", "Alarm events 报警事件", [target(query, "A", form="table")])


def not_good() -> dict[str, Any]:
    """Devices that cannot be believed."""
    query = (
        'SELECT count("quality") FROM "reading" WHERE "quality" > 0 AND '
        f'{PLACE} AND $timeFilter GROUP BY time($__interval), "site", "device" fill(none)'
    )
    return panel(
        "timeseries", "Readings that are not good 异常读数", [target(query, "A", "$tag_site $tag_device")]
    )


def health() -> dict[str, Any]:
    """The gateway itself."""
    figures = ("behind_s", "intake_packets", "live_dropped", "rejected", "link_up")
    targets = [
        target(
            f'SELECT last("{figure}") FROM "gateway" WHERE $timeFilter GROUP BY time($__interval) fill(none)',
            chr(ord("A") + n),
            figure,
        )
        for n, figure in enumerate(figures)
    ]
    return panel("timeseries", "Gateway health 网关状态", targets)


def layout() -> list[dict[str, Any]]:
    """Panels in rows of (height, [(width, panel)])."""
    rows: list[tuple[int, list[tuple[int, dict[str, Any]]]]] = [
        (9, [(4, open_count()), (20, open_alarms())]),
        (
            8,
            [
                (12, trend("Combustible gas 可燃气体", "gas", {"lel": "%LEL"}, {"orange": 25, "red": 50})),
                (12, trend("Household gas 居民燃气", "gas", {"methane": "%LEL", "co": "ppm"}, {})),
            ],
        ),
        (
            8,
            [
                (12, trend("Pipeline pressure 管道压力", "pipeline", {"pressure": "MPa"}, {})),
                (12, trend("Pipeline flow 管道流量", "pipeline", {"flow": "m3/h"}, {})),
            ],
        ),
        (
            8,
            [
                (
                    12,
                    trend(
                        "Cathodic protection 阴极保护电位",
                        "cathodic_protection",
                        {"e_off": "V(CSE)", "e_on": "V(CSE)"},
                        {},
                    ),
                ),
                (12, trend("Dust filter 除尘压差", "dust", {"filter_dp": "Pa"}, {})),
            ],
        ),
        (8, [(12, not_good()), (12, health())]),
        (9, [(24, transitions())]),
    ]
    placed: list[dict[str, Any]] = []
    y = 0
    for height, row in rows:
        x = 0
        for width, made in row:
            grid = {"x": x, "y": y, "w": width, "h": height}
            placed.append({"id": len(placed) + 1, "gridPos": grid, **made})
            x += width
        y += height
    return placed


def variable(name: str, label: str, query: str) -> dict[str, Any]:
    """A choice at the top of the dashboard."""
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": DATASOURCE,
        "query": query,
        "definition": query,
        "refresh": 2,
        "includeAll": True,
        "allValue": ".*",
        "multi": True,
        "current": {"text": "All", "value": "$__all"},
        "sort": 1,
    }


def dashboard() -> dict[str, Any]:
    """The whole dashboard."""
    sites = 'SHOW TAG VALUES FROM "reading" WITH KEY = "site" WHERE "enterprise" =~ /^${enterprise:regex}$/'
    enterprises = 'SHOW TAG VALUES FROM "reading" WITH KEY = "enterprise"'
    return {
        "uid": "riskgate-control-room",
        "title": "riskgate: control room 控制室",
        "tags": ["riskgate"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "refresh": "5s",
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "browser",
        "graphTooltip": 1,
        "templating": {
            "list": [
                variable("enterprise", "Enterprise 企业", enterprises),
                variable("site", "Site 站点", sites),
            ]
        },
        "annotations": {"list": []},
        "panels": layout(),
    }


def text() -> str:
    """The file's content."""
    return json.dumps(dashboard(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
