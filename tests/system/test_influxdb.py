"""The InfluxDB sink against a real InfluxDB 1 (both ways of posting) and a real VictoriaMetrics."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from detectors import SUSPECT
from gateway.sinks import Delivered, EventsBatch, HealthBatch, Later, SinkContext
from gateway.sinks.influxdb import Settings, Sink
from tests.support.entries import alarm_event, command_event, note_event
from tests.support.influxd import Front, Influxd
from tests.support.need import free_port
from tests.support.readings import NOW_NS, batch, good, readings, table
from tests.support.victoria import Victoria

pytestmark = pytest.mark.system
Make = Callable[..., Sink]


def sink_of(**settings: object) -> Sink:
    return Sink(Settings.model_validate(settings), SinkContext("influx", "/nowhere", lambda: NOW_NS))


@pytest.fixture(scope="module")
def running() -> Iterator[Influxd]:
    with Influxd() as influx:
        yield influx


@pytest.fixture
def influx(running: Influxd) -> Influxd:
    running.query(f'DROP DATABASE "{running.database}"; CREATE DATABASE "{running.database}"')
    return running


@pytest.fixture(params=["v1", "v2"])
def make(request: pytest.FixtureRequest, influx: Influxd) -> Iterator[Make]:
    with ExitStack() as stack:
        if request.param == "v1":
            own = {"url": influx.url, "api": "v1", "database": influx.database}
        else:
            front = stack.enter_context(Front(influx))
            own = {"url": front.url, "api": "v2", "bucket": influx.database, "org": "acme", "token": "any"}
        yield lambda **more: sink_of(**own, **more)


def test_every_reading_exactly_once_however_often_it_is_sent(make: Make, influx: Influxd) -> None:
    sink = make(batch_lines=300)
    made = batch(1, good(1000))
    for _ in range(3):
        assert sink.deliver(made) == Delivered("1000 lines")
    rows = influx.rows("SELECT * FROM reading")
    assert [(row["time"], row["value"]) for row in rows] == [
        (NOW_NS + n * 10**6, float(n)) for n in range(1000)
    ]
    channel = table().channel(0)
    tags = {"enterprise", "site", "asset", "device", "channel", "family", "unit"}
    assert {name: rows[0][name] for name in tags} == {name: getattr(channel, name) for name in tags}


def test_odd_text_comes_back_as_it_was(make: Make, influx: Influxd) -> None:
    asset = 'a b,c=d "e" 阀门\\ ＼'
    rows = readings([(0, NOW_NS, 1.5, 0, 0, 0)])
    assert isinstance(make().deliver(batch(1, rows, table(asset=asset))), Delivered)
    reason = 'line one\nline "two"\\ end\\'
    event = alarm_event(5, 0, 'x,y=z "q"', reason_en=reason, comment="备注", at_ns=NOW_NS)
    assert isinstance(make().deliver(EventsBatch(1, 1, [(1, event)])), Delivered)
    assert influx.rows("SELECT * FROM reading")[0]["asset"] == asset.replace("\\", "＼")
    alarm = influx.rows("SELECT * FROM alarm")[0]
    assert alarm["alarm"] == event.alarm
    assert alarm["reason"] == reason.replace("\n", " ")
    assert alarm["comment"] == "备注"


def test_bad_readings_have_a_quality_and_no_value(make: Make, influx: Influxd) -> None:
    rows = readings(
        [(0, NOW_NS, math.nan, 2, 1, 0), (0, NOW_NS + 1, math.inf, 2, 7, 0), (0, NOW_NS + 2, 99.0, 1, 2, 1)]
    )
    assert make().deliver(batch(1, rows)) == Delivered("3 lines")
    found = influx.rows("SELECT value, quality, reason, late FROM reading")
    assert [(r["value"], r["quality"], r["reason"], r["late"]) for r in found] == [
        (None, 2, "sensor fault", None),
        (None, 2, "missing", None),
        (99.0, 1, "out of range", 1),
    ]


def test_a_frozen_clock_loses_no_reading(make: Make, influx: Influxd) -> None:
    rows = readings([(0, 5, float(n), 0, 0, SUSPECT) for n in range(50)])
    sink = make()
    for position in (1, 2):
        assert isinstance(sink.deliver(batch(position, rows)), Delivered)
    found = influx.rows("SELECT value, event_ns, suspect FROM reading")
    assert len(found) == 100
    assert {row["event_ns"] for row in found} == {5}


def test_the_poison_line_is_told_and_the_others_arrive(make: Make, influx: Influxd) -> None:
    sink = make()
    # A stranger made "reason" a number in this shard, so a reading with a reason cannot be written.
    assert isinstance(sink.resend(f"reading,device=other reason=1 {NOW_NS - 1}"), Delivered)
    rows = [(0, NOW_NS + n, 1.0, 0, 0, 0) for n in range(9)]
    rows[4] = (0, NOW_NS, 1.0, 1, 2, 0)
    answer = sink.deliver(batch(1, readings(rows)))
    assert isinstance(answer, Delivered)
    assert len(answer.refused) == 1
    assert len(influx.rows("SELECT value FROM reading")) == 8
    assert "field type conflict" in answer.refused[0][1]
    influx.query("DROP MEASUREMENT reading")
    assert sink.resend(answer.refused[0][0]) == Delivered("1 lines")
    assert influx.rows("SELECT value FROM reading") == [{"time": NOW_NS, "value": 1.0}]


def test_events_of_one_moment_and_the_figures(make: Make, influx: Influxd) -> None:
    same = [alarm_event(7, n, "a:high", at_ns=NOW_NS) for n in range(3)]
    events = [*same, command_event(8, 0), note_event(9, 0)]
    sink = make()
    assert sink.deliver(EventsBatch(1, 5, list(enumerate(events, 1)))) == Delivered("5 lines")
    assert sink.deliver(HealthBatch(NOW_NS, {"position": 9.0, "bad": math.nan})) == Delivered("1 lines")
    assert [row["event"] for row in influx.rows("SELECT event FROM alarm")] == ["1-7-0", "1-7-1", "1-7-2"]
    assert influx.rows("SELECT accepted FROM command")[0]["accepted"] == 1
    assert len(influx.rows("SELECT reason FROM note")) == 1
    assert influx.rows("SELECT * FROM gateway") == [{"time": NOW_NS, "position": 9.0}]


def test_a_database_that_is_not_there_is_later_and_nothing_is_lost(influx: Influxd) -> None:
    sink = sink_of(url=influx.url, api="v1", database="gone")
    made = batch(1, good(3))
    answer = sink.deliver(made)
    assert isinstance(answer, Later)
    assert "create it" in answer.reason
    influx.query('CREATE DATABASE "gone"')
    assert sink.deliver(made) == Delivered("3 lines")
    influx.query('DROP DATABASE "gone"')


def test_nobody_there_is_later() -> None:
    sink = sink_of(url=f"http://127.0.0.1:{free_port()}", bucket="b")
    assert isinstance(sink.deliver(batch(1, good(3))), Later)


def test_victoria_metrics_takes_the_same_lines_at_least_once() -> None:
    with Victoria() as victoria:
        sink = sink_of(url=victoria.url, bucket="plant", org="acme", token="any")
        made = batch(1, good(100))
        assert sink.deliver(made) == Delivered("100 lines")
        assert sink.deliver(made) == Delivered("100 lines")
        assert isinstance(
            sink.deliver(EventsBatch(1, 1, [(1, alarm_event(5, 0, "a:high", at_ns=NOW_NS))])), Delivered
        )
        series = victoria.export('{__name__="reading_value"}')
        alarms = victoria.export('{__name__="alarm_priority"}')
    assert len(series) == 1
    assert series[0]["metric"]["device"] == "GD-1"
    assert set(series[0]["values"]) == {float(n) for n in range(100)}
    assert alarms[0]["metric"]["alarm"] == "a:high"
