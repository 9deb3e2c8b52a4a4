"""The committed dashboard: every panel's queries, run against a real InfluxDB filled by our own sink, return
at least one series. A wrong field name gives no error in InfluxQL, only nothing."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detectors import Readings
from device_profiles import parse
from gateway.alarms.events import Event
from gateway.clock import SystemClock
from gateway.monitor.channels import ChannelTable, Device
from gateway.sinks import Delivered, EventsBatch, HealthBatch, SinkContext
from gateway.sinks.influxdb import Settings, Sink
from tests.support.entries import alarm_event
from tests.support.influxd import Influxd
from tests.support.readings import batch, readings

pytestmark = pytest.mark.system
ROOT = Path(__file__).parents[2]
COMMITTED: dict[str, Any] = json.loads((ROOT / "grafana/dashboards/control_room.json").read_text("utf-8"))
PROFILES = sorted((ROOT / "device_profiles").glob("*/*.toml"))
NOW_NS = SystemClock().wall_ns() // 10**9 * 10**9
TARGETS = [(p["title"], t["refId"], t["query"]) for p in COMMITTED["panels"] for t in p["targets"]]


def generated() -> str:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "grafana/generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    text: str = module.text()
    return text


def fleet() -> ChannelTable:
    """One device of every shipped profile, with the profile's own channels and units."""
    table = ChannelTable()
    table.version = 1
    for path in PROFILES:
        name = f"{path.parent.name}/{path.stem}"
        profile = parse(name, path.read_text(encoding="utf-8"))
        table.devices.append(Device("acme", "north", "asset 1", path.stem, name))
        table.points[name] = [(point.channel, point.unit) for point in profile.points]
    counts = [len(table.points[device.profile]) for device in table.devices]
    table.device_of_slot = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
    table.point_of_slot = np.concatenate([np.arange(count, dtype=np.int32) for count in counts])
    return table


def some_readings(slots: int) -> Readings:
    rows = [(slot, NOW_NS - n * 10**10, 1.0 + n, 0, 0, 0) for slot in range(slots) for n in range(30)]
    return readings([*rows, (0, NOW_NS - 5, float("nan"), 2, 1, 0)], NOW_NS)


@pytest.fixture(scope="module")
def influx() -> Iterator[Influxd]:
    with Influxd() as server:
        settings = Settings.model_validate({"url": server.url, "api": "v1", "database": server.database})
        sink = Sink(settings, SinkContext("influx", "/nowhere", SystemClock().wall_ns))
        table = fleet()
        assert isinstance(sink.deliver(batch(1, some_readings(len(table)), table)), Delivered)
        events: list[Event] = [
            alarm_event(2, 0, "acme/north/p1/lel:H", at_ns=NOW_NS - 9 * 10**9, value=30.0, limit=25.0),
            alarm_event(3, 0, "acme/north/p1/lel:HH", at_ns=NOW_NS - 8 * 10**9, priority=1),
            alarm_event(4, 0, "acme/north/p1/lel:HH", "normal", at_ns=NOW_NS - 7 * 10**9, priority=1),
            alarm_event(
                5, 0, "gateway:gap", at_ns=NOW_NS, category="system", enterprise="", site="", device=""
            ),
        ]
        assert isinstance(sink.deliver(EventsBatch(1, 4, list(enumerate(events, 1)))), Delivered)
        figures = ("behind_s", "intake_packets", "live_dropped", "rejected", "link_up")
        assert isinstance(sink.deliver(HealthBatch(NOW_NS, dict.fromkeys(figures, 1.0))), Delivered)
        yield server


def filled(query: str, enterprise: str = ".*") -> str:
    """What Grafana would put in for its variables."""
    for name, value in {
        "$timeFilter": "time > now() - 1h",
        "$__interval": "10s",
        "${enterprise:regex}": enterprise,
        "${site:regex}": ".*",
    }.items():
        query = query.replace(name, value)
    assert "$" not in query.replace("$/", "/")
    return query


@pytest.mark.parametrize(("title", "ref", "query"), TARGETS, ids=[f"{t} {r}" for t, r, _ in TARGETS])
def test_every_query_gives_a_series(influx: Influxd, title: str, ref: str, query: str) -> None:
    series = influx.query(filled(query))
    assert series, f"{title}, query {ref} gives nothing"
    assert any(value is not None for one in series for row in one["values"] for value in row[1:])


def test_open_alarms_are_those_whose_newest_event_is_not_normal(influx: Influxd) -> None:
    query = next(q for title, _, q in TARGETS if title.startswith("Open alarms"))
    rows = influx.rows(filled(query))
    assert {row["alarm"] for row in rows} == {"acme/north/p1/lel:H", "gateway:gap"}
    assert {row["alarm"]: row["limit"] for row in rows}["acme/north/p1/lel:H"] == 25.0
    assert all(row["reason"] and row["reason_zh"] and row["priority"] == 2 for row in rows)
    elsewhere = influx.rows(filled(query, "other"))
    assert {row["alarm"] for row in elsewhere} == {"gateway:gap"}
    count = next(q for title, _, q in TARGETS if title.startswith("Open 未"))
    assert [row["count"] for row in influx.rows(filled(count))] == [2]


def test_the_choices_at_the_top_find_something(influx: Influxd) -> None:
    for variable in COMMITTED["templating"]["list"]:
        assert influx.rows(filled(variable["query"]))


def test_the_committed_file_is_what_the_script_writes() -> None:
    assert json.loads(generated()) == COMMITTED


def test_ids_and_places_are_sound() -> None:
    panels = COMMITTED["panels"]
    assert re.fullmatch(r"[a-z0-9-]{1,40}", COMMITTED["uid"])
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells: set[tuple[int, int]] = set()
    for panel in panels:
        grid = panel["gridPos"]
        assert grid["x"] + grid["w"] <= 24
        taken = {
            (x, y)
            for x in range(grid["x"], grid["x"] + grid["w"])
            for y in range(grid["y"], grid["y"] + grid["h"])
        }
        assert not taken & cells, f"{panel['title']} covers another panel"
        cells |= taken
        refs = [target["refId"] for target in panel["targets"]]
        assert len(set(refs)) == len(refs)
    source = (ROOT / "grafana/provisioning/datasources/riskgate.yaml").read_text("utf-8")
    uids = {t["datasource"]["uid"] for panel in panels for t in [panel, *panel["targets"]]}
    assert [f"uid: {uid}" in source for uid in uids] == [True]
