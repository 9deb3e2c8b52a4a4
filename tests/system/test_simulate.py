"""A simulated city through a real broker and gateway, held to its labels; streams recorded and sent again."""

from __future__ import annotations

import csv
import json
import re
import signal
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from simulators._labels import read_events
from simulators._recording import read
from tests.support.gateway import Gateway
from tests.support.mosquitto import GATEWAY, Broker
from tests.support.wait import LEAST_S, until
from tests.system import city

pytestmark = pytest.mark.system

SCENARIO = """
title = "a hundred devices in half a minute"
devices = 100
[[group]]
kind = "gas_room"
enterprise = "gas"
site = "station"
device = "GD"
share = 60
per_plant = 5
period_s = 1
[[group.fault]]
kind = "leak"
count = 2
severity = [0.8, 1.0]
at = 0.1
[[group.fault]]
kind = "malformed"
count = 1
for_s = 10
[[group.fault]]
kind = "wrong_unit"
count = 1
for_s = 10
[[group.fault]]
kind = "oversize"
count = 1
for_s = 5
[[group.fault]]
kind = "wrong_topic"
count = 1
for_s = 8
[[group.fault]]
kind = "wrong_device"
count = 1
for_s = 8
[[group.fault]]
kind = "repeated"
count = 1
for_s = 10
[[group.fault]]
kind = "sensor_fault"
count = 1
[[group.fault]]
kind = "cooking"
count = 1
[[group]]
kind = "casting_pit"
enterprise = "factories"
site = "pit"
device = "CP"
share = 10
form = "json_batch"
[[group.fault]]
kind = "pump_loss"
count = 2
[[group]]
kind = "pipeline_segment"
enterprise = "pipelines"
site = "line"
device = "RTU"
share = 10
per_plant = 2
period_s = 1
[[group.fault]]
kind = "pump_trip"
count = 1
[[group]]
kind = "tanker_truck"
enterprise = "port"
site = "fleet"
device = "TT"
share = 20
period_s = 2
form = "json"
[[group.fault]]
kind = "rollover"
count = 1
[[group.fault]]
kind = "braking"
count = 2
"""


def test_a_city_is_held_to_its_labels(tmp_path: Path) -> None:
    scenario = tmp_path / "small.toml"
    scenario.write_text(SCENARIO)
    measured = city.run(tmp_path, 32.0, ["--scenario", str(scenario), "--seed", "4"], sample_s=2.0)
    asked = {"not_json", "wrong_unit", "oversize", "unknown_stream", "unknown_device"}
    assert measured.asked().keys() == asked
    assert measured.turned_away.keys() == asked, "each of them reached the gateway"
    assert measured.unexplained() == 0, (measured.turned_away, measured.asked())
    assert [text for text in measured.missed() if ": None s of" in text] == [], "absent altogether"
    in_time = kept_pace(measured)
    assert measured.missed() == [] or not in_time
    assert [text for text in measured.false() if in_time or not LATE.search(text)] == []
    demanded, _ = measured.demanded()
    assert {label.kind for label in demanded} >= {
        "leak",
        "pump_loss",
        "pump_trip",
        "rollover",
        "sensor_fault",
    }
    assert measured.counts["duplicates"], "the repeated payloads"
    assert measured.summary["acknowledged"] == measured.summary["messages"] > 1500
    # Half a minute is all warm-up; how far the simulator fell behind is for `make city` to judge.
    bounds = {"city.memory_core", "city.memory_delivery", "city.behind_s"}
    bounds |= set() if in_time else {"city.missed", "city.false"}
    assert [row.id for row in city.rows(measured) if not row.passed and row.id not in bounds] == []
    account = measured.account()
    assert sum(one.due for one in account) == len(demanded)
    assert sum(len(one.seconds) for one in account) == len(demanded) - len(measured.missed())
    assert {one.fault for one in account if one.ordinary} == {"cooking", "braking", "repeated"}
    assert all(one.raised >= len(one.seconds) for one in account)
    assert 0 < measured.cost.detection < measured.cost.whole
    forged = city.Measured(**{**vars(measured), "events": []})
    assert len(forged.missed()) == len(demanded), "without alarms every demand is missed"
    assert [one.seconds for one in forged.account() if one.seconds] == []
    one = next(e for e in measured.events if e.device)
    quiet = [msgspec.structs.replace(one, condition="silent")]
    for behind_s, told in ((0.0, 1), (1e6, 0)):
        summary = {**measured.summary, "worst_behind_s": behind_s}
        forged = city.Measured(**{**vars(measured), "labels": [], "events": quiet, "summary": summary})
        assert len(forged.false()) == told, "a device that the simulator held up was silent in truth"
    forged = city.Measured(**{**vars(measured), "labels": []})
    assert len(forged.false()) >= len(demanded), "without labels every alarm is false"


LATE = re.compile("^gateway:behind |:silent ")
"""What is true, and no false alarm, where pace was not kept."""


def kept_pace(measured: city.Measured) -> bool:
    """Whether simulator and gateway did, by what each says of itself. On a machine that has too much to do,
    alarms are late and devices truly silent; whether any is absent or false can be told all the same."""
    behind_s = float(str(measured.summary["worst_behind_s"]))
    return behind_s < 0.5 and not any(e.alarm == "gateway:behind" for e in measured.events)


USER = ("lab", "lab-secret")
GAS = ("simulate", "gas-room", "--site", "lab/bench")


@pytest.fixture
def broker() -> Broker:
    return Broker({"log_type": "all"}, users=dict([USER]))


def passwords(folder: Path) -> tuple[list[str], list[str]]:
    """Options of the devices' user, and of a reader."""
    (folder / "lab").write_text(USER[1])
    (folder / "reader").write_text(GATEWAY[1])
    return (
        ["--user", USER[0], "--password-file", str(folder / "lab")],
        ["--user", GATEWAY[0], "--password-file", str(folder / "reader")],
    )


def test_a_stream_is_recorded_and_comes_again(tmp_path: Path, broker: Broker) -> None:
    first, again = tmp_path / "first.jsonl", tmp_path / "again.jsonl"
    with broker, Gateway(tmp_path, broker.port, []) as gateway:
        speaks, reads = passwords(tmp_path)
        recorder = gateway.start("record", str(first), "--topic", "rg/lab/#", *reads)
        broker.wait_subscribed("record-")
        done = gateway.run(*GAS, *speaks, "--for", "4", "--period", "0.5", "--fault", "oversize@1,for=1")
        assert done.returncode == 0, done.stderr
        assert "acknowledged" in done.stdout
        # what the broker took from the simulator it has perhaps not given to the recorder yet
        taken = "Received PUBACK from record-"
        until(lambda: broker.log().count(taken) >= 24, 20, "the recorder took all of it")
        assert gateway.stop(recorder) == 0, gateway.log()
        sent = list(read(first.read_text(encoding="utf-8").splitlines()))
        assert len(sent) == 24
        assert Counter(one.topic for one in sent) == {
            f"rg/lab/bench/gas-room-000{n}/columns": 8 for n in (1, 2, 3)
        }
        second = gateway.start("record", str(again), "--topic", "rg/lab/#", "--messages", "24", *reads)
        broker.wait_subscribed("record-", times=2)
        done = gateway.run("simulate", "recording", str(first), "--speed", "4", *speaks)
        assert done.returncode == 0, done.stderr
        assert second.wait(LEAST_S) == 0, gateway.log()
        repeated = list(read(again.read_text(encoding="utf-8").splitlines()))
    assert [one.topic for one in repeated] == [one.topic for one in sent]
    shifts = set()
    for before, after in zip(sent, repeated, strict=True):
        old, new = json.loads(before.payload), json.loads(after.payload)
        shifts.add(round(new["time_ms"][0] - old["time_ms"][0]))
        assert new["channels"] == old["channels"]
        assert new["boot"] > old["boot"]
    assert len(shifts) == 1
    took, again_took = (rows[-1].at_ns - rows[0].at_ns for rows in (sent, repeated))
    assert took / 20 < again_took < took, "four times as fast, as far as the machine keeps pace"


def test_a_recording_is_made_without_a_broker_and_not_written_over(tmp_path: Path) -> None:
    file, events, fleet = tmp_path / "r.jsonl", tmp_path / "events.csv", tmp_path / "f.csv"
    words = [*GAS, "--for", "600", "--fault", "leak@60", "--to", str(file)]
    with Gateway(tmp_path, 1, []) as gateway:
        done = gateway.run(*words, "--events", str(events), "--fleet", str(fleet))
        assert done.returncode == 0, done.stderr
        assert len(list(read(file.read_text().splitlines()))) == 360
        with events.open() as text:
            assert [label.condition for label in read_events(text)] == ["H", "HH"]
        with fleet.open() as text:
            assert [row["profile"] for row in csv.DictReader(text)] == ["gas/combustible_point"] * 3
        done = gateway.run(*words)
        assert done.returncode == 78
        assert "r.jsonl" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["gas-room", "--fault", "blaze@3", "--for", "1"], "no fault 'blaze'"),
        (["gas-room", "--fault", "leak", "--for", "1"], "write KIND@T"),
        (["gas-room", "--site", "lab"], "<enterprise>/<site>"),
        (["pipeline-segment", "--devices", "1"], "--devices 2 or more"),
        (["gas-room", "--speed", "0"], "say --for SECONDS"),
        (["city", "--devices", "3"], "too few"),
        (["city", "--scenario", "missing.toml"], "missing.toml"),
        (["recording", "missing.jsonl"], "missing.jsonl"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(tmp_path: Path, words: list[str], said: str) -> None:
    with Gateway(tmp_path, 1, []) as gateway:
        done = gateway.run("simulate", *words)
    assert done.returncode == 78, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_stopped_simulation_has_everything_acknowledged(tmp_path: Path, broker: Broker) -> None:
    summary = tmp_path / "s.json"
    with broker, Gateway(tmp_path, broker.port, []) as gateway:
        speaks, _ = passwords(tmp_path)
        process = gateway.start(*GAS, *speaks, "--period", "0.25", "--summary", str(summary))
        until(lambda: "as simulate-" in broker.log(), 20, "the simulation")
        process.send_signal(signal.SIGTERM)
        assert process.wait(LEAST_S) == 0, gateway.log()
    story = json.loads(summary.read_text())
    assert story["messages"] == story["acknowledged"]
