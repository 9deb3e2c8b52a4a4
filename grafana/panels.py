"""The building blocks of dashboards: queries, panels, variables. Everything that names a measurement or a
field stands here once, so that none can be forgotten when one is renamed.

Queries are InfluxQL: they work on InfluxDB 1 and, through its compatibility interface, on 2 and 3.
"""

# ruff: noqa: S608 - every query is made of this package's own constants and the profiles' names

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Panel = dict[str, Any]
DATASOURCE = {"type": "influxdb", "uid": "riskgate-influxdb"}
WIDTH = 24
PRIORITIES = {
    1: ("red", "1 red 红"),
    2: ("orange", "2 orange 橙"),
    3: ("yellow", "3 yellow 黄"),
    4: ("blue", "4 blue 蓝"),
}
"""The national grading; colour and text, so that nobody has to tell colours apart."""

PLACE = '"enterprise" =~ /^${enterprise:regex}$/ AND "site" =~ /^${site:regex}$/'
PLACE_OR_SYSTEM = f"((\"enterprise\" = '') OR ({PLACE}))"
"""System alarms have no enterprise and are everybody's."""
OPEN_FIELDS = '"priority", "state", "alarm", "asset", "reason", "reason_zh", "value", "limit", "occurrence"'


def target(query: str, ref: str = "A", alias: str = "", form: str = "time_series") -> dict[str, Any]:
    """One query of a panel."""
    return {
        "datasource": DATASOURCE,
        "refId": ref,
        "query": query,
        "rawQuery": True,
        "resultFormat": form,
        "alias": alias,
    }


def panel(
    kind: str,
    title: str,
    targets: Sequence[dict[str, Any]],
    defaults: dict[str, Any] | None = None,
    overrides: Sequence[dict[str, Any]] = (),
    **more: Any,
) -> Panel:
    """A panel without its place."""
    config = {"defaults": defaults or {}, "overrides": list(overrides)}
    made = {"type": kind, "title": title, "datasource": DATASOURCE, "targets": list(targets)}
    return {**made, "options": {}, "fieldConfig": config, **more}


def latest(where: str = "") -> str:
    """The newest event of every alarm; one may have been open for longer than a dashboard shows."""
    return (
        'SELECT last("state") AS "state", "priority", "occurrence", "value", "limit", "reason", "reason_zh" '
        f'FROM "alarm" WHERE time > now() - 90d{where} GROUP BY "alarm", "enterprise", "site", "asset"'
    )


def only(family: str) -> str:
    """The part of a condition that names a family; "" for all."""
    return f" AND \"family\" = '{family}'" if family else ""


def open_alarms(family: str = "") -> Panel:
    """What is not normal: the table an operator looks at first."""
    whose = PLACE if family else PLACE_OR_SYSTEM
    query = f"SELECT {OPEN_FIELDS} FROM ({latest(only(family))}) WHERE \"state\" != 'normal' AND {whose}"
    colours = [
        {"type": "value", "options": {str(n): {"color": colour, "text": words}}}
        for n, (colour, words) in PRIORITIES.items()
    ]
    override = {
        "matcher": {"id": "byName", "options": "priority"},
        "properties": [
            {"id": "mappings", "value": colours},
            {"id": "custom.cellOptions", "value": {"type": "color-background"}},
        ],
    }
    link = {
        "matcher": {"id": "byName", "options": "alarm"},
        "properties": [
            {"id": "links", "value": [{"title": "Console 控制台", "url": "${console}", "targetBlank": True}]}
        ],
    }
    return panel(
        "table",
        "Open alarms 未恢复正常的报警",
        [target(query, form="table")],
        overrides=[override, link],
        options={"sortBy": [{"displayName": "priority", "desc": False}]},
    )


def open_count(family: str = "") -> Panel:
    """How many alarms are not normal."""
    whose = PLACE if family else PLACE_OR_SYSTEM
    query = f'SELECT count("state") FROM ({latest(only(family))}) WHERE "state" != \'normal\' AND {whose}'
    steps = [{"color": "green", "value": None}, {"color": "red", "value": 1}]
    defaults = {"noValue": "0", "thresholds": {"mode": "absolute", "steps": steps}}
    return panel("stat", "Open 未恢复", [target(query)], defaults)


def trend(
    title: str, family: str, channel: str, unit: str, limits: Sequence[tuple[str, float]] = ()
) -> Panel:
    """The mean of one channel of every device of a family that measures it in this unit. limits: (colour,
    setpoint), ascending."""
    query = (
        f'SELECT mean("value") FROM "reading" WHERE "family" = \'{family}\' AND "channel" = \'{channel}\' '
        f"AND \"unit\" = '{unit}' "
        f'AND {PLACE} AND $timeFilter GROUP BY time($__interval), "site", "device" fill(none)'
    )
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    steps += [{"color": colour, "value": value} for colour, value in limits]
    defaults = {
        "unit": f"suffix: {unit}",
        "custom": {"spanNulls": False, "thresholdsStyle": {"mode": "line" if limits else "off"}},
        "thresholds": {"mode": "absolute", "steps": steps},
    }
    return panel("timeseries", title, [target(query, alias="$tag_site $tag_device")], defaults)


def states(title: str, family: str, channel: str, names: dict[str, str]) -> Panel:
    """A discrete channel of every device of a family, as bands; names: state number -> text."""
    query = (
        f'SELECT last("value") FROM "reading" WHERE "family" = \'{family}\' AND "channel" = \'{channel}\' '
        f'AND {PLACE} AND $timeFilter GROUP BY time($__interval), "site", "device" fill(none)'
    )
    texts = {number: {"text": words, "index": place} for place, (number, words) in enumerate(names.items())}
    defaults = {"mappings": [{"type": "value", "options": texts}]}
    return panel("state-timeline", title, [target(query, alias="$tag_site $tag_device")], defaults)


def not_good(family: str = "") -> Panel:
    """Devices that cannot be believed."""
    query = (
        f'SELECT count("quality") FROM "reading" WHERE "quality" > 0{only(family)} AND '
        f'{PLACE} AND $timeFilter GROUP BY time($__interval), "site", "device" fill(none)'
    )
    return panel(
        "timeseries", "Readings that are not good 异常读数", [target(query, alias="$tag_site $tag_device")]
    )


def raised(title: str, by: str, where: str = "") -> Panel:
    """Alarms raised in the period, counted by a tag."""
    query = (
        f'SELECT count("event") FROM "alarm" WHERE "cause" =~ /^(raised|re_raised)$/{where} AND '
        f'{PLACE_OR_SYSTEM} AND $timeFilter GROUP BY "{by}"'
    )
    options = {"orientation": "horizontal", "displayMode": "basic"}
    return panel("bargauge", title, [target(query, alias=f"$tag_{by}")], options=options)


def transitions(family: str = "", where: str = "") -> Panel:
    """What happened, newest first."""
    query = (
        'SELECT "priority", "state", "cause", "alarm", "reason", "reason_zh", "actor" FROM "alarm" '
        f"WHERE $timeFilter{only(family)}{where} ORDER BY time DESC LIMIT 200"
    )
    return panel("table", "Alarm events 报警事件", [target(query, form="table")])


def figures(title: str, names: Sequence[str], unit: str = "short") -> Panel:
    """Figures of the gateway itself."""
    targets = [
        target(
            f'SELECT last("{name}") FROM "gateway" WHERE $timeFilter GROUP BY time($__interval) fill(none)',
            chr(ord("A") + n),
            name,
        )
        for n, name in enumerate(names)
    ]
    return panel("timeseries", title, targets, {"unit": unit})


def rate(title: str, names: Sequence[str]) -> Panel:
    """Sums of the gateway, as a rate: per second."""
    targets = [
        target(
            f'SELECT non_negative_derivative(last("{name}"), 1s) FROM "gateway" WHERE $timeFilter '
            "GROUP BY time($__interval) fill(none)",
            chr(ord("A") + n),
            name.removeprefix("count_"),
        )
        for n, name in enumerate(names)
    ]
    return panel("timeseries", title, targets)


def variable(name: str, label: str, query: str, *, several: bool = True) -> dict[str, Any]:
    """A choice at the top of a dashboard."""
    made: dict[str, Any] = {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": DATASOURCE,
        "query": query,
        "definition": query,
        "refresh": 2,
        "includeAll": several,
        "multi": several,
        "sort": 1,
    }
    if several:
        made |= {"allValue": ".*", "current": {"text": "All", "value": "$__all"}}
    return made


def alarm_annotation() -> dict[str, Any]:
    """Marks on every trend: an alarm of the chosen places was raised."""
    query = (
        'SELECT "reason", "alarm" FROM "alarm" WHERE "cause" =~ /^(raised|re_raised)$/ AND '
        f"{PLACE_OR_SYSTEM} AND $timeFilter LIMIT 500"
    )
    return {
        "name": "Alarms raised 报警",
        "datasource": DATASOURCE,
        "enable": True,
        "iconColor": "red",
        "query": query,
        "textColumn": "reason",
        "tagsColumn": "alarm",
    }


def placed(rows: Sequence[tuple[int, Sequence[tuple[int, Panel]]]]) -> list[Panel]:
    """Panels with ids and places, from rows of (height, [(width, panel)])."""
    found: list[Panel] = []
    y = 0
    for height, row in rows:
        x = 0
        for width, made in row:
            grid = {"x": x, "y": y, "w": width, "h": height}
            found.append({"id": len(found) + 1, "gridPos": grid, **made})
            x += width
        y += height
    return found


def pairs(panels: Sequence[Panel], height: int = 8) -> list[tuple[int, list[tuple[int, Panel]]]]:
    """Rows of two panels each; a last one alone takes the whole width."""
    half = WIDTH // 2
    rows = [[(half, one) for one in panels[n : n + 2]] for n in range(0, len(panels), 2)]
    if rows and len(rows[-1]) == 1:
        rows[-1] = [(WIDTH, rows[-1][0][1])]
    return [(height, row) for row in rows]
