"""The nine dashboards. What a family measures, in which unit and with which limits is read from the shipped
profiles, so that a new channel is on its family's dashboard at the next ``python -m grafana.generate``."""

# ruff: noqa: S608 - every query is made of this package's own constants

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from device_profiles import Profile, parse
from grafana import panels as p
from grafana.panels import Panel

PROFILES = Path(__file__).resolve().parent.parent / "device_profiles"
NOT_SHOWN = ("vendor_mapped", "air_quality_station", "interference_logger")
"""An example of a mapping; a research station's recording; a logger that uploads once a day, and is seen on
the dashboard of a device. Nobody operates by them."""
COLOURS = {1: "red", 2: "orange", 3: "yellow", 4: "blue"}

Rows = Sequence[tuple[int, Sequence[tuple[int, Panel]]]]

FAMILIES = {
    "gas": ("gas", "Gas 燃气与有毒气体"),
    "pipeline": ("pipeline", "Pipeline 油气管道"),
    "cathodic-protection": ("cathodic_protection", "Cathodic protection 阴极保护"),
    "dust": ("dust", "Dust 粉尘防爆"),
    "tanks": ("hazchem", "Tanks 危化品储罐"),
}
"""uid -> (family, title)."""


def profiles(family: str) -> list[Profile]:
    """The shipped profiles of a family."""
    files = sorted((PROFILES / family).glob("*.toml"))
    return [
        parse(f"{family}/{file.stem}", file.read_text(encoding="utf-8"))
        for file in files
        if file.stem not in NOT_SHOWN
    ]


def family_panels(family: str) -> list[Panel]:
    """A trend of every analogue channel, bands of every discrete one."""
    analogue: dict[tuple[str, str], tuple[str, set[tuple[tuple[str, float], ...]]]] = {}
    discrete: dict[str, tuple[str, dict[str, str]]] = {}
    for profile in profiles(family):
        for point in profile.points:
            title = f"{point.title_en} {point.title_zh}"
            if point.kind == "discrete":
                texts = {n: f"{en} {point.states_zh.get(n, '')}".strip() for n, en in point.states.items()}
                known = discrete.setdefault(point.channel, (title, {}))
                for number, words in texts.items():
                    known[1].setdefault(number, words)
            elif not point.on_event:
                limits = tuple(
                    sorted(
                        (COLOURS[a.priority], a.setpoint)
                        for a in profile.alarms
                        if a.channel == point.channel and a.condition in ("H", "HH")
                    )
                )
                analogue.setdefault((point.channel, point.unit), (title, set()))[1].add(limits)
    made = []
    for (channel, unit), (title, shared) in analogue.items():
        same = min(shared) if len(shared) == 1 else ()
        made.append(p.trend(title, family, channel, unit, sorted(same, key=lambda limit: limit[1])))
    return made + [p.states(title, family, channel, names) for channel, (title, names) in discrete.items()]


def control_room() -> Rows:
    """What a shift looks at."""
    trends = [
        p.trend("Combustible gas 可燃气体", "gas", "lel", "%LEL", (("orange", 25), ("red", 50))),
        p.trend("Household gas 居民燃气", "gas", "methane", "%LEL"),
        p.trend("Pipeline pressure 管道压力", "pipeline", "pressure", "MPa"),
        p.trend("Pipeline flow 管道流量", "pipeline", "flow", "m3/h"),
        p.trend("Cathodic protection 阴极保护电位", "cathodic_protection", "e_off", "V(CSE)"),
        p.trend("Dust filter 除尘压差", "dust", "filter_dp", "Pa"),
        p.not_good(),
        p.figures(
            "Gateway health 网关状态", ("behind_s", "intake_packets", "live_dropped", "rejected", "link_up")
        ),
    ]
    return [
        (9, [(4, p.open_count()), (20, p.open_alarms())]),
        *p.pairs(trends),
        (9, [(p.WIDTH, p.transitions())]),
    ]


def family_board(family: str) -> Rows:
    """Everything about one family."""
    where = p.only(family)
    return [
        (9, [(4, p.open_count(family)), (20, p.open_alarms(family))]),
        (
            8,
            [
                (8, p.raised("Alarms raised by condition 按类型统计报警", "condition", where)),
                (8, p.raised("Alarms raised by site 按站点统计报警", "site", where)),
                (8, p.not_good(family)),
            ],
        ),
        *p.pairs(family_panels(family)),
        (9, [(p.WIDTH, p.transitions(family))]),
    ]


def device_detail() -> Rows:
    """One device: everything it sends, and its alarms."""
    mine = f'{p.PLACE} AND "device" =~ /^${{device:regex}}$/'
    often = 'AND $timeFilter GROUP BY time($__interval), "channel"'
    trend = f'SELECT mean("value") FROM "reading" WHERE {mine} {often}, "unit" fill(none)'
    quality = f'SELECT max("quality") FROM "reading" WHERE {mine} {often} fill(none)'
    count = f'SELECT count("quality") FROM "reading" WHERE {mine} {often} fill(0)'
    last = (
        f'SELECT last("value") AS "value" FROM "reading" WHERE {mine} AND time > now() - 30d '
        'GROUP BY "channel", "unit"'
    )
    grades = {
        "0": {"text": "good 好", "color": "green"},
        "1": {"text": "uncertain 可疑", "color": "yellow"},
        "2": {"text": "bad 坏", "color": "red"},
    }
    return [
        (
            10,
            [
                (
                    p.WIDTH,
                    p.panel("timeseries", "Readings 读数", [p.target(trend, alias="$tag_channel $tag_unit")]),
                )
            ],
        ),
        (
            8,
            [
                (
                    12,
                    p.panel(
                        "state-timeline",
                        "Quality 数据质量",
                        [p.target(quality, alias="$tag_channel")],
                        {"mappings": [{"type": "value", "options": grades}]},
                    ),
                ),
                (
                    12,
                    p.panel(
                        "timeseries", "Readings received 收到的读数", [p.target(count, alias="$tag_channel")]
                    ),
                ),
            ],
        ),
        (8, [(p.WIDTH, p.panel("table", "Last values 最新值", [p.target(last, form="table")]))]),
        (
            9,
            [
                (
                    p.WIDTH,
                    p.transitions(
                        where=' AND "device" =~ /^${device:regex}$/ AND "site" =~ /^${site:regex}$/'
                    ),
                )
            ],
        ),
    ]


def fleet_health() -> Rows:
    """Which devices and sensors cannot be relied on."""
    sick = " AND \"category\" = 'device'"
    heard = (
        f'SELECT count("quality") FROM "reading" WHERE {p.PLACE} AND $timeFilter '
        'GROUP BY time($__interval), "family" fill(none)'
    )
    silent = f"SELECT {p.OPEN_FIELDS} FROM ({p.latest(sick)}) WHERE \"state\" != 'normal' AND {p.PLACE}"
    return [
        (
            9,
            [
                (
                    p.WIDTH,
                    p.panel(
                        "table",
                        "Devices and sensors in trouble now 当前异常的设备",
                        [p.target(silent, form="table")],
                    ),
                )
            ],
        ),
        (
            8,
            [
                (
                    12,
                    p.panel(
                        "timeseries",
                        "Readings received by family 各类设备读数",
                        [p.target(heard, alias="$tag_family")],
                    ),
                ),
                (12, p.not_good()),
            ],
        ),
        (
            9,
            [
                (8, p.raised("Device alarms by condition 设备报警类型", "condition", sick)),
                (8, p.raised("Device alarms by site 各站点设备报警", "site", sick)),
                (8, p.raised("Devices with most alarms 报警最多的设备", "device")),
            ],
        ),
        (9, [(p.WIDTH, p.transitions(where=sick))]),
    ]


def gateway_health() -> Rows:
    """The gateway itself."""
    commands = (
        'SELECT "action", "accepted", "actor", "role", "reason", "reason_zh" FROM "command" '
        "WHERE $timeFilter ORDER BY time DESC LIMIT 100"
    )
    notes = 'SELECT "kind", "reason", "reason_zh" FROM "note" WHERE $timeFilter ORDER BY time DESC LIMIT 100'
    rows = [
        p.figures("Behind 滞后", ("behind_s",), "s"),
        p.figures("Link to the broker 与代理的连接", ("link_up",)),
        p.rate(
            "Packets and readings a second 每秒报文与读数",
            ("count_packets", "count_effective", "count_duplicates"),
        ),
        p.rate("Refused a second 每秒拒绝", ("rejected", "count_throttled", "count_late", "count_suspect")),
        p.figures("Open alarms 未恢复报警", ("alarms_open", "alarms_unacknowledged")),
        p.figures("Waiting and dropped 排队与丢弃", ("intake_packets", "live_dropped")),
    ]
    tables = [
        p.panel("table", "Commands 操作记录", [p.target(commands, form="table")]),
        p.panel("table", "Notes 运行记录", [p.target(notes, form="table")]),
    ]
    system = " AND \"category\" = 'system'"
    return [*p.pairs(rows), *p.pairs(tables, 9), (9, [(p.WIDTH, p.transitions(where=system))])]


def _variables(*, device: bool) -> list[dict[str, Any]]:
    chosen = '"enterprise" =~ /^${enterprise:regex}$/'
    found = [
        p.variable("enterprise", "Enterprise 企业", 'SHOW TAG VALUES FROM "reading" WITH KEY = "enterprise"'),
        p.variable("site", "Site 站点", f'SHOW TAG VALUES FROM "reading" WITH KEY = "site" WHERE {chosen}'),
    ]
    if device:
        where = f'{chosen} AND "site" =~ /^${{site:regex}}$/'
        query = f'SHOW TAG VALUES FROM "reading" WITH KEY = "device" WHERE {where}'
        found.append(p.variable("device", "Device 设备", query, several=False))
    console = {"name": "console", "label": "Console 控制台", "type": "textbox", "hide": 2}
    return [
        *found,
        console | {"query": "http://127.0.0.1:9281/", "current": {"value": "http://127.0.0.1:9281/"}},
    ]


def board(uid: str, title: str, rows: Rows, *, device: bool = False) -> dict[str, Any]:
    """A whole dashboard."""
    return {
        "uid": f"riskgate-{uid}",
        "title": f"riskgate: {title}",
        "tags": ["riskgate"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "refresh": "5s",
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "browser",
        "graphTooltip": 1,
        "templating": {"list": _variables(device=device)},
        "annotations": {"list": [p.alarm_annotation()]},
        "links": [
            {"title": "Console 控制台", "type": "link", "url": "${console}", "targetBlank": True},
            {"title": "Dashboards 看板", "type": "dashboards", "tags": ["riskgate"], "asDropdown": True},
        ],
        "panels": p.placed(rows),
    }


def boards() -> dict[str, dict[str, Any]]:
    """File name without ".json" -> dashboard."""
    made = {"control_room": board("control-room", "control room 控制室", control_room())}
    for uid, (family, title) in FAMILIES.items():
        made[uid.replace("-", "_")] = board(uid, title, family_board(family))
    made["device_detail"] = board("device-detail", "device detail 设备详情", device_detail(), device=True)
    made["fleet_health"] = board("fleet-health", "fleet health 设备健康", fleet_health())
    made["gateway_health"] = board("gateway-health", "gateway health 网关健康", gateway_health())
    return made
