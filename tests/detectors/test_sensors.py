"""Sensors that cannot be believed, channels and devices that do not speak."""

from __future__ import annotations

import numpy as np

from detectors import (
    BAD,
    DISORDER,
    GOOD,
    LATE,
    REASONS,
    RETAINED,
    SUSPECT,
    UNCERTAIN,
    Findings,
    Readings,
    out_of_range,
    silent,
)
from tests.detectors.rig import SECOND, Rig

CALIBRATION, RANGE, SATURATED = (REASONS.index(name) for name in ("calibration", "out of range", "saturated"))


def test_sensor_fault_begins_at_the_first_bad_and_ends_after_n_good() -> None:
    rig = Rig(out_of_range, {"clear_readings": 3})
    assert rig.see(0, 1.0, BAD) == ["+sensor_fault"]
    assert rig.see(1, 1.0, BAD) == []
    assert [rig.see(t, 1.0) for t in (2, 3)] == [[], []]
    assert rig.see(4, 1.0, UNCERTAIN, reason=CALIBRATION) == []  # interrupts the run, begins nothing
    assert [rig.see(t, 1.0) for t in (5, 6)] == [[], []]
    assert rig.see(7, 1.0) == ["-sensor_fault"]


def test_out_of_range_begins_only_with_its_own_reasons() -> None:
    rig = Rig(out_of_range, {"clear_readings": 1})
    assert rig.see(0, 1.0, UNCERTAIN, reason=CALIBRATION) == []
    assert rig.see(1, 1.0, UNCERTAIN, reason=SATURATED) == ["+out_of_range"]
    assert rig.see(2, 1.0, BAD) == ["+sensor_fault"]
    assert rig.see(3, 1.0) == ["-sensor_fault", "-out_of_range"]
    assert rig.see(4, 1.0, UNCERTAIN, reason=RANGE) == ["+out_of_range"]


def test_only_fresh_good_readings_of_increasing_time_end_a_fault() -> None:
    rig = Rig(out_of_range, {"clear_readings": 2})
    rig.see(0, 1.0, BAD)
    for time in (SUSPECT, DISORDER, LATE, RETAINED):
        assert rig.see(1, 1.0, time=time) == []
    assert rig.see(2, 1.0) == []
    assert rig.see(2, 1.0) == []  # the same time again does not count
    assert rig.see(3, 1.0) == ["-sensor_fault"]
    assert rig.see(4, 1.0, BAD, time=LATE) == []


class Plant:
    """Two devices with two channels each, 20 s time-out, 10 s period."""

    def __init__(self) -> None:
        rule = silent.configure({"silent_after_ns": 20 * SECOND, "period_ns": 10 * SECOND})
        self.parameters = np.array([rule] * 4, silent.PARAMETERS)
        self.state = np.array([silent.initial()] * 4, silent.STATE)
        self.device_of_slot = np.array([0, 0, 1, 1], np.int32)

    def hear(
        self, t_s: float, *slots: int, quality: int = GOOD, time: int = 0, offset_s: float = 0
    ) -> list[str]:
        count = len(slots)
        at = np.full(count, round(t_s * SECOND), np.int64)
        small = [np.full(count, number, np.uint8) for number in (quality, 0, time)]
        rows = np.arange(count, dtype=np.int32)
        found = Findings()
        readings = Readings(np.array(slots, np.int32), at, at, np.ones(count), *small, rows)
        again = silent.step(self.parameters, self.state, readings, found, round(offset_s * SECOND))
        return names("channel", found) + (["sweep"] if again else [])

    def sweep(self, t_s: float) -> list[str]:
        channels, devices = Findings(), Findings()
        now = round(t_s * SECOND)
        silent.sweep(self.parameters, self.state, self.device_of_slot, 2, now, channels, devices)
        return names("device", devices) + names("channel", channels)

    def link_back(self, t_s: float) -> None:
        silent.link_back(self.parameters, self.state, round(t_s * SECOND))


def names(what: str, found: Findings) -> list[str]:
    return [
        f"{'+' if f['active'] else '-'}{silent.FINDINGS[f['condition']]} {what} {f['slot']}"
        for f in found.found()
    ]


def test_a_whole_device_is_found_once() -> None:
    plant = Plant()
    assert plant.sweep(0) == []
    plant.hear(1, 0, 1, 2, 3)
    assert plant.hear(15, 2, 3) == []
    assert plant.sweep(20.9) == []
    assert plant.sweep(21) == ["+silent device 0"]
    assert plant.sweep(30) == []
    assert plant.hear(31, 2, 3) == []
    assert plant.hear(32, 0, 1) == ["sweep"]
    assert plant.sweep(32) == ["-silent device 0"]


def test_one_channel_under_a_live_device_is_found_alone() -> None:
    plant = Plant()
    plant.sweep(0)
    plant.hear(1, 0, 1, 2, 3)
    plant.hear(20, 1, 2, 3)
    assert plant.sweep(22) == []  # overdue, but its device has not spoken since: may be the whole device
    plant.hear(23, 1)
    assert plant.sweep(23) == ["+silent channel 0"]
    assert plant.hear(24, 0, quality=BAD) == ["-silent channel 0"]  # even a bad reading is a sign of life


def test_channels_die_one_after_the_other_then_the_device() -> None:
    plant = Plant()
    plant.sweep(0)
    plant.hear(1, 0, 1, 2, 3)
    plant.hear(22, 1, 2, 3)
    assert plant.sweep(22) == ["+silent channel 0"]
    plant.hear(40, 2, 3)
    assert plant.sweep(42) == ["+silent device 0"]
    assert plant.hear(43, 1) == ["sweep"]
    assert plant.sweep(43) == ["-silent device 0"]
    assert plant.hear(44, 0) == ["-silent channel 0"]


def test_what_stays_silent_when_the_device_is_back_is_found_a_period_later() -> None:
    plant = Plant()
    plant.sweep(0)
    plant.hear(1, 0, 1, 2, 3)
    plant.hear(21, 2, 3)
    assert plant.sweep(21) == ["+silent device 0"]
    plant.hear(30, 0, 2, 3)
    assert plant.sweep(30) == ["-silent device 0"]
    plant.hear(39, 0, 2, 3)
    assert plant.sweep(39) == []
    plant.hear(41, 0)
    assert plant.sweep(41) == ["+silent channel 1"]


def test_never_seen_is_its_own_condition() -> None:
    plant = Plant()
    plant.sweep(100)
    plant.hear(110, 0, 2, 3)
    assert plant.sweep(120) == []
    plant.hear(121, 0, 2, 3)
    assert plant.sweep(121) == ["+never_seen channel 1"]
    assert plant.hear(122, 1) == ["-never_seen channel 1"]
    other = Plant()
    other.sweep(0)
    other.hear(15, 2, 3)
    assert other.sweep(20) == ["+never_seen device 0"]
    other.hear(21, 0, 1, 2, 3)
    assert other.sweep(21) == ["-never_seen device 0"]


def test_late_and_retained_readings_are_no_sign_of_life_suspect_ones_are() -> None:
    plant = Plant()
    plant.sweep(0)
    plant.hear(1, 0, 1)
    plant.hear(19, 0, 1, time=LATE)
    plant.hear(19, 0, 1, time=RETAINED)
    plant.hear(19, 2, 3, time=SUSPECT)
    assert plant.sweep(21) == ["+silent device 0"]


def test_our_own_deafness_is_not_the_devices_silence() -> None:
    plant = Plant()
    plant.sweep(0)
    plant.hear(1, 0, 1, 2, 3)
    # link down from 5 to 105: the silence time line stands at 5, and lags by 100 s afterwards
    assert plant.sweep(5) == []
    plant.link_back(5)
    plant.hear(110, 0, 1, offset_s=100)
    assert plant.sweep(20.9) == []
    assert plant.sweep(21) == ["+silent device 1"]


def test_the_grace_after_the_link_is_one_period() -> None:
    plant = Plant()
    plant.sweep(0)
    plant.hear(1, 0, 1, 2, 3)
    plant.link_back(19)
    assert plant.sweep(28.9) == []
    assert plant.sweep(29) == ["+silent device 0", "+silent device 1"]
    plant.link_back(30)  # what is found stays found
    assert plant.sweep(31) == []


def test_findings_say_how_long() -> None:
    plant = Plant()
    plant.sweep(0)
    plant.hear(1, 0, 1, 2, 3)
    devices = Findings()
    silent.sweep(plant.parameters, plant.state, plant.device_of_slot, 2, 25 * SECOND, Findings(), devices)
    assert devices.found()["value"].tolist() == [24.0, 24.0]
    assert devices.found()["limit"].tolist() == [20.0, 20.0]


def test_many_devices_do_not_need_to_lie_side_by_side() -> None:
    count = 2000
    rule = silent.configure({"silent_after_ns": 20 * SECOND, "period_ns": 10 * SECOND})
    parameters = np.array([rule] * count, silent.PARAMETERS)
    state = np.array([silent.initial()] * count, silent.STATE)
    device_of_slot = (np.arange(count) % (count // 2)).astype(np.int32)
    for now, expected in ((0, 0), (20, count // 2), (21, 0)):
        channels, devices = Findings(), Findings()
        silent.sweep(parameters, state, device_of_slot, count // 2, now * SECOND, channels, devices)
        assert (channels.count, devices.count) == (0, expected)


def test_a_longer_time_out_moves_the_deadline_but_ends_nothing() -> None:
    plant = Plant()
    plant.sweep(0)
    plant.hear(1, 0, 1)
    plant.hear(15, 2, 3)
    assert plant.sweep(21) == ["+silent device 0"]
    plant.parameters["silent_after_ns"] = 40 * SECOND
    silent.retime(plant.parameters, plant.state, np.arange(4))
    assert plant.sweep(54) == []
    assert plant.sweep(55) == ["+silent device 1"]
    assert plant.hear(56, 0) == ["sweep"]
    assert plant.sweep(56) == ["-silent device 0"]
