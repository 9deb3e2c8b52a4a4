"""What Grafana would ask: every query of a dashboard with its variables filled in, and whether the names in
it exist. A wrong field name gives no error in InfluxQL, only nothing."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

from tests.support.influxd import Influxd

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "grafana/dashboards").glob("*.json"))
SOURCE = ROOT / "grafana/provisioning/datasources/riskgate.yaml"
CONSOLE = "http://127.0.0.1:9281/"


class Asked(NamedTuple):
    """One query of one panel (or "annotations", "variables") and how many series with a value it gave."""

    board: str
    panel: str
    ref: str
    query: str
    series: int


def read(file: Path) -> dict[str, Any]:
    """A committed dashboard."""
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def filled(query: str, *, enterprise: str = ".*", device: str = ".*", since: str = "1h") -> str:
    """What Grafana would put in for its variables."""
    for name, value in {
        "$timeFilter": f"time > now() - {since}",
        "$__interval": "10s",
        "${enterprise:regex}": enterprise,
        "${site:regex}": ".*",
        "${device:regex}": device,
    }.items():
        query = query.replace(name, value)
    assert "$" not in query.replace("$/", "/"), f"a variable nobody fills in: {query}"
    return query


def queries(board: dict[str, Any]) -> list[tuple[str, str, str]]:
    """(panel title, ref, query) of everything a dashboard asks."""
    found = [(p["title"], t["refId"], t["query"]) for p in board["panels"] for t in p["targets"]]
    found += [("annotations", a["name"], a["query"]) for a in board["annotations"]["list"]]
    asked = [v for v in board["templating"]["list"] if v["type"] == "query"]
    return found + [("variables", v["name"], v["query"]) for v in asked]


def ask(influx: Influxd, name: str, board: dict[str, Any], since: str = "1h") -> list[Asked]:
    """Ask everything of a dashboard."""
    found = []
    for panel, ref, query in queries(board):
        series = influx.query(filled(query, since=since))
        full = [s for s in series if any(v is not None for row in s["values"] for v in row[1:])]
        found.append(Asked(name, panel, ref, query, len(full)))
    return found


def faults(board: dict[str, Any]) -> list[str]:
    """What is wrong with ids, places and references of a dashboard; [] = nothing."""
    wrong = [] if re.fullmatch(r"[a-z0-9-]{1,40}", board["uid"]) else [f"uid {board['uid']}"]
    panels = board["panels"]
    if len({panel["id"] for panel in panels}) != len(panels):
        wrong.append("two panels have one id")
    cells: set[tuple[int, int]] = set()
    for panel in panels:
        grid = panel["gridPos"]
        across, down = range(grid["x"], grid["x"] + grid["w"]), range(grid["y"], grid["y"] + grid["h"])
        taken = {(x, y) for x in across for y in down}
        if taken & cells or grid["x"] + grid["w"] > 24:
            wrong.append(f"{panel['title']} covers another panel or leaves the page")
        cells |= taken
        refs = [target["refId"] for target in panel["targets"]]
        if len(set(refs)) != len(refs) or not refs:
            wrong.append(f"{panel['title']}: queries {refs}")
    source = SOURCE.read_text("utf-8")
    uids = {t["datasource"]["uid"] for panel in panels for t in [panel, *panel["targets"]]}
    return wrong + [f"no data source {uid}" for uid in uids if f"uid: {uid}" not in source]


def names(influx: Influxd) -> dict[str, set[str]]:
    """Measurement -> its tags and fields, as the database holds them."""
    found: dict[str, set[str]] = {}
    for kind in ("TAG", "FIELD"):
        for series in influx.query(f"SHOW {kind} KEYS"):
            found.setdefault(series["name"], {"time"}).update(str(row[0]) for row in series["values"])
    return found


def unknown(query: str, known: dict[str, set[str]]) -> list[str]:
    """Measurements, tags and fields of a query that the database does not know."""
    measured = set(re.findall(r'FROM "(\w+)"', query))
    missing = sorted(name for name in measured if name not in known)
    fields = set().union(*(known.get(name, set()) for name in measured))
    quoted = set(re.findall(r'"(\w+)"', query)) - measured
    return missing + sorted(name for name in quoted if name not in fields)
