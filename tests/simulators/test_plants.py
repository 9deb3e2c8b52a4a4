"""Every plant in the folder: same seed same bytes, quiet without faults, true labels, payloads that decode,
physics against closed forms."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from device_profiles import Profile, codec_of, codecs, quality
from simulators import Fault, Label, Sample, kinds, load
from simulators._payloads import Counters, encode
from simulators._profiles import profile
from simulators.cp_post import NATURAL_V, POLARISED_V, TAU_S, coupon_a_m2
from simulators.dust_filter import K1_PA_S_M, K2_PA_S_M_KG
from simulators.gas_room import T90_S, VENTILATION_M3_S, VOLUME_M3
from simulators.household_set import CLOSED, OPEN, orifice_m3_s

PLANTS = [kind for kind in kinds() if hasattr(load(kind), "Plant")]
STEADY = [kind for kind in PLANTS if not load(kind).Plant.SPORADIC]
"""Those whose every channel speaks at every step."""
DEVICES = ("acme/plant/D-1", "acme/plant/D-2", "acme/plant/D-3")
START = 1_764_000_000_000_000_000
SECOND = 1_000_000_000
DAILY = [kind for kind in PLANTS if load(kind).Plant.UPLOAD_S > 3600]
"""Too slow for a walk second by second: they have tests of their own."""
OWN = [(kind, fault) for kind in PLANTS if kind not in DAILY for fault in load(kind).FAULTS]


def devices_of(kind: str) -> tuple[str, ...]:
    return DEVICES[:2] if load(kind).Plant.DEVICES_MIN == 2 else DEVICES


def plant(kind: str, *faults: Fault, seed: int = 1, period_s: float = 1.0, scale: float = 1.0) -> Any:
    return load(kind).Plant(devices_of(kind), START, seed, faults, period_s=period_s, scale=scale)


def walk(made: Any, seconds: int, step_s: float = 1.0) -> Iterator[list[Sample]]:
    """Step by step, so that the plant can be looked at in between."""
    for n in range(round(seconds / step_s) + 1):
        yield made.step(START + round(n * step_s * SECOND))


def run(made: Any, seconds: int, step_s: float = 1.0) -> list[list[Sample]]:
    return list(walk(made, seconds, step_s))


def judged(known: Profile, sample: Sample) -> tuple[float, int]:
    """(engineering value, quality) of a sample, by the profile."""
    point = known.point(sample.channel)
    assert point is not None, sample
    number = None if sample.value is None else float(sample.value)
    row = codecs.Row(sample.channel, number, None, None, sample.quality)  # type: ignore[arg-type]
    value, grade, _ = quality.judge(point, row)
    return value, grade


def over(known: Profile, channel: str, condition: str, value: float) -> bool:
    """Whether a value is abnormal by the profile's alarm."""
    alarm = next(a for a in known.alarms if (a.channel, a.condition) == (channel, condition))
    if alarm.in_states:
        return int(value) in alarm.in_states
    return value <= alarm.setpoint if condition in {"L", "LL"} else value >= alarm.setpoint


def first_abnormal_s(known: Profile, steps: list[list[Sample]], label: Label) -> float | None:
    """Seconds from the fault's begin until the label's condition has held for its on-delay; by readings."""
    since: int | None = None
    delay_ns = next(
        a.on_delay_ns for a in known.alarms if (a.channel, a.condition) == (label.channel, label.condition)
    )
    for samples in steps:
        for s in samples:
            if (s.device, s.channel) != (label.device, label.channel):
                continue
            if not over(known, label.channel, label.condition, judged(known, s)[0]):
                since = None
            elif since is None:
                since = s.time_ns
            if since is not None and s.time_ns - since >= delay_ns:
                return (s.time_ns - label.start_ns) / SECOND
    return None


def test_there_are_plants_of_five_profiles() -> None:
    assert {load(kind).PROFILE for kind in PLANTS} >= {
        "gas/combustible_point", "gas/household_set", "pipeline/rtu", "cathodic_protection/test_post",
        "dust/filter_duct",
    }  # fmt: skip


@pytest.mark.parametrize("kind", [kind for kind in PLANTS if kind not in DAILY])
def test_the_same_seed_gives_the_same_samples(kind: str) -> None:
    fault = Fault(next(iter(load(kind).FAULTS)), 20)
    first, again = run(plant(kind, fault), 60), run(plant(kind, fault), 60)
    assert first == again
    assert first != run(plant(kind, fault, seed=2), 60)


@pytest.mark.parametrize("kind", PLANTS)
def test_without_faults_nothing_is_abnormal_for_a_day(kind: str) -> None:
    known = profile(load(kind).PROFILE)
    made = plant(kind, period_s=60.0)
    assert made.labels() == []
    for samples in run(made, 86_400, 60.0):
        for s in samples:
            value, grade = judged(known, s)
            assert grade == quality.GOOD, s
            for alarm in known.alarms:
                if alarm.channel == s.channel:
                    assert not over(known, s.channel, alarm.condition, value), (s, alarm.condition)


@pytest.mark.parametrize("kind", STEADY)
def test_every_channel_of_every_device_speaks(kind: str) -> None:
    wanted = {(d, p.channel) for d in devices_of(kind) for p in profile(load(kind).PROFILE).points}
    for samples in run(plant(kind), 3):
        assert {(s.device, s.channel) for s in samples} == wanted
        assert len(samples) == len(wanted)


@pytest.mark.parametrize(("kind", "fault"), OWN)
def test_labels_come_true_in_time(kind: str, fault: str) -> None:
    known = profile(load(kind).PROFILE)
    made = plant(kind, Fault(fault, 30, device=0), scale=60.0 if kind in {"cp_post", "dust_filter"} else 1.0)
    labels = made.labels()
    assert labels
    steps = run(made, 30 + round(max(label.within_s for label in labels)) + 5)
    quiet = steps[:30]
    for label in labels:
        if label.condition:
            took = first_abnormal_s(known, steps, label)
            assert took is not None, label
            assert 0 <= took <= label.within_s, label
            assert first_abnormal_s(known, quiet, label) is None, "before its fault"


@pytest.mark.parametrize(("kind", "fault"), OWN)
def test_a_fault_just_large_enough_shows_in_time(kind: str, fault: str) -> None:
    known = profile(load(kind).PROFILE)
    scale = 60.0 if kind in {"cp_post", "dust_filter"} else 1.0
    made = plant(kind, Fault(fault, 30, device=0, severity=0.4), scale=scale)
    labels = made.labels()
    steps = run(made, 30 + min(3000, round(max(label.within_s for label in labels)) + 5))
    for label in labels:
        if label.condition:
            took = first_abnormal_s(known, steps, label)
            assert took is not None, label
            assert 0 <= took <= label.within_s, label
    assert all(label.severity == 0.4 for label in labels)


@pytest.mark.parametrize(
    ("kind", "fault"), [(k, f) for k, f in OWN if any(e.quiet for e in load(k).FAULTS[f])]
)
def test_ordinary_life_raises_nothing(kind: str, fault: str) -> None:
    known = profile(load(kind).PROFILE)
    made = plant(kind, Fault(fault, 60), period_s=60.0)
    assert all(label.must_not_alarm for label in made.labels())
    for samples in run(made, 43_200, 60.0):
        for s in samples:
            for alarm in known.alarms:
                if alarm.channel == s.channel:
                    assert not over(known, s.channel, alarm.condition, judged(known, s)[0]), (s, alarm)


@pytest.mark.parametrize("fault", ["leak", "growing_leak", "theft", "pump_stop"])
def test_a_leak_and_a_scheduled_stop_stay_within_every_limit(fault: str) -> None:
    known = profile("pipeline/rtu")
    made = plant("pipeline_segment", Fault(fault, 10, 600))
    assert [(label.channel, label.condition) for label in made.labels()] in ([("flow", "")], [("", "")])
    for samples in run(made, 1200):
        for s in samples:
            for alarm in known.alarms:
                if alarm.channel == s.channel:
                    assert not over(known, s.channel, alarm.condition, judged(known, s)[0])


@pytest.mark.parametrize("kind", STEADY)
@pytest.mark.parametrize("fault", ["stuck", "dropout", "sensor_fault", "bad_quality", "wrong_clock"])
def test_shared_faults(kind: str, fault: str) -> None:
    known = profile(load(kind).PROFILE)
    channel = known.points[0].channel
    made = plant(kind, Fault(fault, 5, 10, device=1, channel=channel))
    steps = run(made, 20)
    (label,) = made.labels()
    assert (label.device, label.start_ns, label.end_ns) == (
        DEVICES[1],
        START + 5 * SECOND,
        START + 15 * SECOND,
    )
    during = [[s for s in samples if s.device == DEVICES[1]] for samples in steps[5:15]]
    mine = [s for samples in during for s in samples if s.channel == channel]
    if fault == "dropout":
        assert mine == []
        if known.silent_after_ns > 10 * SECOND:
            assert (label.channel, label.condition, label.must_detect_within_s) == ("", "", None), "too short"
        (label,) = plant(kind, Fault(fault, 5, device=1)).labels()
        assert (label.channel, label.condition) == ("", "silent")
        assert all(any(s.device == DEVICES[1] for s in samples) for samples in (*steps[:5], *steps[15:]))
    elif fault == "stuck":
        assert len({s.value for s in mine}) == 1
        assert label.condition == ""
    elif fault == "wrong_clock":
        behind = max(3600 * SECOND, 6 * known.period_ns)
        assert {label.start_ns - START - s.time_ns + START for s in mine[:1]} == {behind}
        assert (label.channel, label.condition) == ("", "clock_changed")
    else:
        assert [judged(known, s)[1] for s in mine] == [quality.BAD] * 10
        assert label.condition == "sensor_fault"
        if known.points[0].wire_unit == "mA" and fault == "sensor_fault":
            assert {s.value for s in mine} == {3.2}
    after = [s for samples in steps[15:] for s in samples if (s.device, s.channel) == (DEVICES[1], channel)]
    assert [judged(known, s)[1] for s in after] == [quality.GOOD] * 6


@pytest.mark.parametrize("kind", PLANTS)
@pytest.mark.parametrize("form", ["json", "json_batch", "json_columns"])
def test_payloads_decode_by_their_own_profile(kind: str, form: Any) -> None:
    module = load(kind)
    known = profile(module.PROFILE)
    made = plant(kind, Fault("sensor_fault", 2, device=1), Fault("bad_quality", 1, device=0))
    counters = Counters(boot=7)
    seqs: dict[str, list[int]] = {}
    for samples in run(made, 4):
        rows = []
        for message in encode(samples, form, counters, module.UNITS):
            _, *place, stream = message.topic.split("/")
            codec = codecs.load(codec_of(known, stream))
            decoded = codec.decode(message.payload.encode(), stream)
            assert (decoded.device, decoded.boot, decoded.refused) == (place[2], 7, [])
            assert decoded.seq is not None
            seqs.setdefault(place[2], []).append(decoded.seq)
            for row in decoded.rows:
                point = known.point(row.channel)
                assert point is not None
                quality.judge(point, row)  # raises for another unit than the profile's
                rows.append(
                    Sample(
                        "/".join(place), row.channel, round((row.time_ms or 0) * 1e6), row.value, row.quality
                    )
                )
        assert sorted(rows, key=str) == sorted(samples, key=str)
    assert all(numbers == list(range(len(numbers))) for numbers in seqs.values())


def test_gas_follows_the_exponential_of_its_mass_balance() -> None:
    made = plant("gas_room", Fault("leak", 0))
    tau_s = VOLUME_M3 / VENTILATION_M3_S
    for samples in walk(made, 200):
        t = (samples[0].time_ns - START) / SECOND
        assert made.concentration == pytest.approx(300.0 * (1 - math.exp(-t / tau_s)), rel=1e-9)


def test_a_detector_reaches_ninety_percent_after_its_t90() -> None:
    made = plant("gas_room")
    made.concentration = 40.0
    module = load("gas_room")
    kept, module.VENTILATION_M3_S = module.VENTILATION_M3_S, 1e-9  # the gas stays
    try:
        samples = run(made, round(T90_S), 0.01)[-1]
    finally:
        module.VENTILATION_M3_S = kept
    shown = made._shown[0]
    assert shown == pytest.approx(36.0, rel=1e-3)
    assert samples[0].value == pytest.approx(shown + made._offset[0], abs=0.6)


def test_the_line_loses_no_volume_but_through_the_leak() -> None:
    for fault in ("leak", "rupture", "pump_trip"):
        made = plant("pipeline_segment", Fault(fault, 5))
        packed = made.linepack_m3
        run(made, 60)
        balance = made.volume_in - made.volume_out - made.volume_leaked
        assert made.linepack_m3 - packed == pytest.approx(balance, abs=1e-9)
        assert (made.volume_leaked > 0) == (fault != "pump_trip")


def test_polarisation_decays_with_its_time_constant() -> None:
    made = plant("cp_post", Fault("rectifier_out", 0), scale=60.0)
    for samples in walk(made, 300):
        t = (samples[0].time_ns - START) / SECOND * 60
        assert made.polarisation_v == pytest.approx(POLARISED_V * math.exp(-t / TAU_S), rel=1e-9)
    off = [s.value for s in samples if s.channel == "e_off"]
    assert np.mean(off) == pytest.approx(NATURAL_V + made.polarisation_v, abs=0.02)


def test_alternating_current_density_follows_the_holiday_formula() -> None:
    assert coupon_a_m2(10.0) == pytest.approx(8 * 10.0 / (50.0 * math.pi * 0.0113))


def test_the_kitchen_valve_closes_by_itself_and_stays_closed() -> None:
    made = plant("household_set", Fault("leak", 5, 30, device=0))
    valve = [
        s.value
        for samples in run(made, 900)
        for s in samples
        if (s.device, s.channel) == (DEVICES[0], "valve")
    ]
    closed = valve.index(CLOSED)
    assert set(valve[:closed]) == {OPEN}
    assert set(valve[closed:]) == {CLOSED}, "nothing opens a closed valve but a hand on site"
    assert made.homes[0].methane < made.homes[0].shown + 1
    assert orifice_m3_s(2.0) == pytest.approx(math.pi * 0.0095**2 / 4 * 0.62 * math.sqrt(4000 / 0.68))


def test_a_filter_and_its_fan_agree() -> None:
    made = plant("dust_filter")
    run(made, 30)
    for unit in made.filters:
        drag = K1_PA_S_M + K2_PA_S_M_KG * unit.cake_kg_m2
        assert unit.dp_pa == pytest.approx(drag * 0.02 * unit.duct_m_s / 20.0)
        assert unit.duct_m_s == pytest.approx(26.0 * math.sqrt(1 - unit.dp_pa / 3200.0), rel=1e-6)


def test_a_plant_refuses_what_it_cannot_do() -> None:
    with pytest.raises(ValueError, match="no fault 'meteor'; known: leak, seep"):
        plant("gas_room", Fault("meteor", 1))
    with pytest.raises(ValueError, match="needs 2 devices"):
        load("pipeline_segment").Plant(DEVICES[:1], START, 1)
    made = plant("gas_room")
    made.step(START + SECOND)
    with pytest.raises(ValueError, match="time goes back"):
        made.step(START)
    with pytest.raises(KeyError, match="no simulator 'moon'"):
        load("moon")
