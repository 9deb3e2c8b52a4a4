"""The committed dashboards: every query, run against a real InfluxDB filled by our own sink, returns at least
one series and names only what exists; the files are what grafana/generate.py writes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest

from detectors import Readings
from device_profiles import parse
from gateway.alarms.events import Event
from gateway.clock import SystemClock
from gateway.monitor.channels import ChannelTable, Device
from gateway.sinks import Delivered, EventsBatch, HealthBatch, SinkContext
from gateway.sinks.influxdb import Settings, Sink
from grafana.boards import FAMILIES, boards
from grafana.generate import text
from tests.support.entries import alarm_event, command_event, note_event
from tests.support.influxd import Influxd
from tests.support.readings import batch, readings
from tests.system import _dashboard_queries as dashboards
from tests.system._dashboard_queries import FILES, ROOT, filled, read

pytestmark = pytest.mark.system
PROFILES = sorted((ROOT / "device_profiles").glob("*/*.toml"))
NOW_NS = SystemClock().wall_ns() // 10**9 * 10**9
FIGURES = (
    "behind_s",
    "intake_packets",
    "live_dropped",
    "rejected",
    "link_up",
    "alarms_open",
    "alarms_unacknowledged",
    *(f"count_{name}" for name in ("packets", "effective", "duplicates", "throttled", "late", "suspect")),
)


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
    """Thirty good readings and a bad one of every channel."""
    rows = [(slot, NOW_NS - n * 10**10, 1.0 + n, 0, 0, 0) for slot in range(slots) for n in range(30)]
    bad = [(slot, NOW_NS - 5, float("nan"), 2, 1, 0) for slot in range(slots)]
    return readings([*rows, *bad], NOW_NS)


def some_events() -> list[Event]:
    """Process and device alarms of every family with a dashboard, a system alarm, a command, a note."""
    ago = [NOW_NS - n * 10**9 for n in range(10)]
    found: list[Event] = [
        alarm_event(2, 0, "acme/north/p1/lel:H", at_ns=ago[9], value=30.0, limit=25.0),
        alarm_event(3, 0, "acme/north/p1/lel:HH", at_ns=ago[8], priority=1),
        alarm_event(4, 0, "acme/north/p1/lel:HH", "normal", at_ns=ago[7], priority=1, cause="cleared"),
        alarm_event(5, 0, "gateway:gap", at_ns=ago[0], category="system", enterprise="", site="", device=""),
        msgspec.structs.replace(command_event(6, 0), at_ns=ago[5]),
        msgspec.structs.replace(note_event(7, 0), at_ns=ago[5]),
    ]
    for n, (family, _) in enumerate(FAMILIES.values()):
        name = f"acme/north/{family}/x"
        found.append(
            alarm_event(8, 2 * n, f"{name}:H", at_ns=ago[6], family=family, asset="hall", actor="ann")
        )
        sick = alarm_event(8, 2 * n + 1, f"{name}:silent", at_ns=ago[6], family=family, category="device")
        found.append(sick)
    return found


@pytest.fixture(scope="module")
def influx() -> Iterator[Influxd]:
    with Influxd() as server:
        settings = Settings.model_validate({"url": server.url, "api": "v1", "database": server.database})
        sink = Sink(settings, SinkContext("influx", "/nowhere", SystemClock().wall_ns))
        table, events = fleet(), some_events()
        assert isinstance(sink.deliver(batch(1, some_readings(len(table)), table)), Delivered)
        assert isinstance(sink.deliver(EventsBatch(1, len(events), list(enumerate(events, 1)))), Delivered)
        for n in (20, 10, 0):
            figures = dict.fromkeys(FIGURES, float(100 - n))
            assert isinstance(sink.deliver(HealthBatch(NOW_NS - n * 10**9, figures)), Delivered)
        yield server


@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
def test_every_query_gives_a_series_and_names_what_exists(influx: Influxd, file: Path) -> None:
    known = dashboards.names(influx)
    asked = dashboards.ask(influx, file.stem, read(file), since="12h")
    assert asked
    assert not [one for one in asked if not one.series]
    assert not [name for one in asked for name in dashboards.unknown(one.query, known)]


def test_open_alarms_are_those_whose_newest_event_is_not_normal(influx: Influxd) -> None:
    asked = dashboards.queries(read(ROOT / "grafana/dashboards/control_room.json"))
    query = next(q for title, _, q in asked if title.startswith("Open alarms"))
    rows = {row["alarm"]: row for row in influx.rows(filled(query))}
    assert {"acme/north/p1/lel:H", "gateway:gap"} <= set(rows)
    assert "acme/north/p1/lel:HH" not in rows
    assert rows["acme/north/p1/lel:H"]["limit"] == 25.0
    assert all(row["reason"] and row["reason_zh"] and row["priority"] == 2 for row in rows.values())
    assert {row["alarm"] for row in influx.rows(filled(query, enterprise="other"))} == {"gateway:gap"}
    count = next(q for title, _, q in asked if title.startswith("Open 未"))
    assert [row["count"] for row in influx.rows(filled(count))] == [len(rows)]


def test_a_family_sees_only_its_own_alarms(influx: Influxd) -> None:
    asked = dashboards.queries(read(ROOT / "grafana/dashboards/dust.json"))
    query = next(q for title, _, q in asked if title.startswith("Open alarms"))
    assert {row["alarm"] for row in influx.rows(filled(query))} == {
        "acme/north/dust/x:H",
        "acme/north/dust/x:silent",
    }


def test_the_committed_files_are_what_the_script_writes() -> None:
    assert {file.stem: file.read_text("utf-8") for file in FILES} == {
        name: text(made) for name, made in boards().items()
    }
    assert len(FILES) == 9


@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
def test_ids_and_places_are_sound(file: Path) -> None:
    assert dashboards.faults(read(file)) == []


def test_uids_and_the_links_between_dashboards_differ() -> None:
    uids = [json.loads(file.read_text("utf-8"))["uid"] for file in FILES]
    assert len(set(uids)) == len(FILES)


def test_a_check_that_finds_a_renamed_field(influx: Influxd) -> None:
    known = dashboards.names(influx)
    query = 'SELECT mean("valeu") FROM "reading" WHERE "enterprise" = \'acme\' GROUP BY "devise"'
    assert dashboards.unknown(query, known) == ["devise", "valeu"]
    board = read(FILES[0])
    board["panels"][1]["gridPos"] = board["panels"][0]["gridPos"]
    assert dashboards.faults(board) == [
        f"{board['panels'][1]['title']} covers another panel or leaves the page"
    ]
