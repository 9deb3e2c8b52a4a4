"""Labels: the formula, events.csv there and back, and consistent for every plant and every fault."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest

from device_profiles import codec_of, codecs
from gateway.ingest.admission import Admission
from simulators import Fault, Label, Sample, kinds, load
from simulators._cases import cases
from simulators._faults import QUIET, SHARED
from simulators._labels import COLUMNS, MUST_FROM, must, read_events, severity_of, within_s, write_events
from simulators._payloads import Counters, encode
from simulators._profiles import profile
from simulators._wire import WIRE, Wire

PLANTS = [kind for kind in kinds() if hasattr(load(kind), "Plant")]
START = 1_764_000_000_000_000_000
SECOND = 1_000_000_000


def devices_of(kind: str) -> list[str]:
    return [f"acme/plant/D-{k}" for k in range(max(2, load(kind).Plant.DEVICES_MIN))]


def plant(kind: str, *faults: Fault, seed: int = 1, period_s: float = 1.0) -> Any:
    return load(kind).Plant(devices_of(kind), START, seed, faults, period_s=period_s)


def test_the_formula_is_the_written_one() -> None:
    assert within_s(10.0, 0.5, 5.0, 2.0, 3.0) == 10.0 / (0.5 * 2.0) + 3.0 + 10.0 + 1.0
    assert within_s(10.0, 1.0, 5.0, wait_s=60.0) == 10.0 + 10.0 + 60.0 + 1.0
    assert [must(s) for s in (0.01, 0.399, MUST_FROM, 1.0)] == [False, False, True, True]


@pytest.mark.parametrize("kind", PLANTS)
def test_two_of_the_three_levels_must_be_detected(kind: str) -> None:
    found = list(cases(kind))
    assert [case.level for case in found[:3]] == [1, 2, 3]
    assert {case.fault for case in found} == {*load(kind).FAULTS, *SHARED}
    for case in found:
        labels = plant(kind, case.at(10.0, 200_000.0)).labels()
        assert any(label.must_detect_within_s for label in labels) == case.must, case
        assert case.must == (case.level > 1 and not case.quiet)
    for level in (0, 4):
        with pytest.raises(ValueError, match=f"level {level}"):
            severity_of(level)


@pytest.mark.parametrize("kind", PLANTS)
@pytest.mark.parametrize("severity", [0.1, MUST_FROM, 1.0])
def test_labels_are_consistent(kind: str, severity: float) -> None:
    module = load(kind)
    known = profile(module.PROFILE)
    alarms = {(a.channel, a.condition) for a in known.alarms}
    channels = {"", *(p.channel for p in known.points)}
    for fault in (*module.FAULTS, *SHARED):
        labels = plant(kind, Fault(fault, 10, 5000, severity=severity)).labels()
        assert labels, fault
        for label in labels:
            assert (label.kind, label.severity) == (fault, severity)
            assert label.end_ns - label.start_ns == 5000 * SECOND
            assert label.device in devices_of(kind)
            assert label.channel in channels
            assert not label.must_not_alarm or label.must_detect_within_s is None
            assert not label.condition or label.within_s == label.must_detect_within_s
            if label.condition and label.channel and label.condition != "sensor_fault":
                assert (label.channel, label.condition) in alarms
            if severity < MUST_FROM:
                assert (label.condition, label.must_detect_within_s) == ("", None)


@pytest.mark.parametrize("kind", PLANTS)
def test_six_tenths_of_the_faults_must_be_detected(kind: str) -> None:
    random = np.random.default_rng(5)
    faults = [f for f, shown in load(kind).FAULTS.items() if not all(e.quiet for e in shown)]
    faults += [f for f in SHARED if f not in QUIET]
    scenarios = [
        Fault(fault, 10, severity=1.0 - float(random.random())) for fault in faults for _ in range(60)
    ]
    demanded = [any(label.must_detect_within_s for label in plant(kind, f).labels()) for f in scenarios]
    assert np.mean(demanded) >= 0.6 - 2 * (0.24 / len(scenarios)) ** 0.5
    assert sum(f.severity >= MUST_FROM for f in scenarios) == sum(demanded), "by severity and nothing else"


def test_events_come_back_as_they_were_written() -> None:
    labels = [
        Label("leak", "a/b/c", "lel", "H", START + 1, START + 9 * SECOND, 16.0, 0.7, 16.0),
        Label("cooking", "a/b/c", "", "", START, START + SECOND, 0.0, 0.25, None, True),
        Label("malformed", "a/b/c", "", "", START, START + SECOND, 0.0, 1.0, 1.0, False, "not_json"),
    ]
    file = io.StringIO()
    assert write_events(file, labels) == 3
    file.seek(0)
    assert file.readline().strip().split(",") == list(COLUMNS)
    file.seek(0)
    assert read_events(file) == labels
    for bad, said in (("x\n", "line 1"), (",".join(COLUMNS) + "\nx,y\n", "line 2")):
        with pytest.raises(ValueError, match=said):
            read_events(io.StringIO(bad))


def shared(fault: str, seconds: int = 60, severity: float = 1.0) -> list[list[Sample]]:
    made = plant("gas_room", Fault(fault, 5, 20, severity=severity, channel="lel"))
    return [
        [s for s in made.step(START + n * SECOND) if s.device == devices_of("gas_room")[0]]
        for n in range(seconds)
    ]


def test_nothing_is_lost_when_delivery_is_late_reordered_or_offline() -> None:
    clean = [s for step in shared("dropout", 1) for s in step]
    for fault in ("late", "reordered", "offline"):
        steps = shared(fault)
        found = [s for step in steps for s in step]
        assert sorted({s.time_ns for s in found}) == [START + n * SECOND for n in range(60)], fault
        assert len(found) == 60 * len(clean)
        assert [s.time_ns for s in found] != sorted(s.time_ns for s in found) or fault != "reordered"
    offline = shared("offline")
    assert all(step == [] for step in offline[5:25])
    assert len(offline[25]) == 21 * len(clean), "the upload comes when the line is back"
    assert all(len(step) == 2 * len(clean) for step in shared("duplicate")[5:25])


def test_values_and_clocks_are_spoiled_by_severity() -> None:
    def lel(fault: str, severity: float) -> list[float]:
        return [s.value or 0.0 for step in shared(fault, 25, severity) for s in step if s.channel == "lel"]

    clean = lel("clock_skew", 1.0)
    assert lel("drift", 1.0)[24] - clean[24] == pytest.approx(0.2 * 100 * 19 / 3600, abs=2e-4)
    assert lel("wrong_scale", 0.5)[20] == pytest.approx(clean[20] * 5.5, abs=1e-3)
    assert np.std(lel("noise", 1.0)[5:]) > 2 * np.std(lel("noise", 0.1)[5:])
    assert max(lel("spikes", 1.0)) > 15
    assert shared("clock_jump")[10][0].time_ns == START + (10 + 3600) * SECOND
    assert shared("clock_skew")[15][0].time_ns == START + 15 * SECOND + 5_000_000


@pytest.mark.parametrize(
    ("kind", "fault", "channel", "demanded"),
    [
        ("fire_panel", "drift", "", False),  # a state has no size
        ("fire_panel", "stuck", "", False),
        ("household_smoke", "stuck", "battery", False),
        ("gas_room", "drift", "lel", True),
        ("gas_room", "stuck", "temperature", True),
        ("charging_port", "wrong_scale", "temperature", True),
    ],
)
def test_after_a_run_nothing_is_demanded_of_a_fault_that_left_no_trace(
    kind: str, fault: str, channel: str, demanded: bool
) -> None:
    made = plant(kind, Fault(fault, 60.0, channel=channel))
    assert [label.must_detect_within_s is not None for label in made.labels()] == [True]
    for n in range(60):
        made.step(START + n * 30 * SECOND)
    assert [label.must_detect_within_s is not None for label in made.labels()] == [demanded]


def test_a_dying_battery_loses_ever_more() -> None:
    made = plant("gas_room", Fault("battery", 0), period_s=60.0)
    heard = [any(s.device.endswith("-0") for s in made.step(START + n * 60 * SECOND)) for n in range(241)]
    assert sum(heard[:120]) > sum(heard[120:240]) > 0
    assert not heard[240]


@pytest.mark.parametrize("fault", WIRE)
def test_what_goes_wrong_on_the_wire_is_refused_for_its_reason(fault: str) -> None:
    devices = devices_of("gas_room")
    wire = Wire("gas/combustible_point", devices, START, [Fault(fault, 0, severity=0.5)])
    (label,) = wire.labels()
    assert label.reason == WIRE[fault]
    admission = Admission(lambda _device: profile("gas/combustible_point").max_payload_bytes)
    made, counters, refused = plant("gas_room"), Counters(1), []
    sent = 0
    for n in range(10):
        messages = encode(made.step(START + n * SECOND), "json", counters, load("gas_room").UNITS)
        sent += len(messages)
        for topic, payload in wire.apply(messages, START + n * SECOND):
            reason = admission.refuse(topic.encode(), payload.encode())
            _, *place, stream = topic.split("/")
            if not reason and "/".join(place) not in devices:
                reason = "unknown_device"
            if not reason:
                try:
                    kind = codec_of(profile("gas/combustible_point"), stream)
                    decoded = codecs.load(kind).decode(payload.encode(), stream)
                    rows = decoded.rows
                    reason = "wrong_unit" if any(row.unit == "furlong" for row in rows) else ""
                except codecs.Refusal as refusal:
                    reason = refusal.reason
            refused += [reason] if reason else []
    assert wire.spoiled == {fault: 10}, "half of the one device's 20"
    assert refused == [WIRE[fault]] * (10 if WIRE[fault] else 0)


def test_severity_and_kind_are_checked() -> None:
    for severity in (0.0, -1.0, 1.5, float("nan")):
        with pytest.raises(ValueError, match="severity"):
            plant("gas_room", Fault("leak", 1, severity=severity))
    with pytest.raises(ValueError, match="no fault on the wire"):
        Wire("gas/combustible_point", ["a/b/c"], START, [Fault("leak", 1)])


@pytest.mark.parametrize("kind", ["late", "reordered"])
def test_what_is_held_back_may_raise_nothing_unless_it_may_count_as_silent(kind: str) -> None:
    known = profile("gas/combustible_point")
    assert known.silent_after_ns == 2 * known.period_ns
    for period_s, quiet in ((1.0, True), (5.0, False)):
        (label,) = plant("gas_room", Fault(kind, 10, 100), period_s=period_s).labels()
        assert (label.must_not_alarm, label.must_detect_within_s) == (quiet, None)
