"""A plant that leaves the common life stands where it would stand alone, whatever it is made of."""

from __future__ import annotations

import pytest

from gateway.evaluate.lives import SECOND, START_NS, Life, Source, Wanted, lives
from gateway.evaluate.scenarios import devices_of, period_s
from simulators import Fault, load
from simulators._cases import plants
from simulators._sources import Plan

STEPS, BEFORE = 16, 8


def source(kind: str, *faults: Fault) -> Source:
    devices = tuple(f"life/{faults[0].kind}/D-{n + 1}" for n in range(devices_of(kind)))
    return Source(Wanted(Plan(kind, devices, faults), 1001, STEPS * period_s(kind)))


@pytest.mark.parametrize("kind", plants())
def test_every_plant_can_leave_the_common_life(kind: str) -> None:
    begin_s = BEFORE * period_s(kind)
    faults = [Fault(fault, begin_s) for fault in (*load(kind).FAULTS, "spikes")]
    apart = [source(kind, fault) for fault in faults]
    common = lives(apart)
    if load(kind).Plant.SPORADIC or load(kind).Plant.UPLOAD_S:
        assert common == []
        return
    (life,) = common
    sent: dict[str, list[tuple[bytes, bytes, int, int]]] = {one.place: [] for one in apart}
    for _ in range(BEFORE):
        assert life.leave() == []
        for packet in life.step():
            sent["/".join(packet[0].decode().split("/")[1:3])].append(packet)
    assert life.next_ns == START_NS + round(begin_s * SECOND)
    assert life.leave() == apart
    assert life.waiting == []
    for one, fault in zip(apart, faults, strict=True):
        while one.next_ns < one.end_ns:
            sent[one.place] += one.step()
        alone = Source(one.wanted)
        truth = [packet for _ in range(STEPS) for packet in alone.step()]
        assert sent[one.place] == truth, fault.kind


def test_who_begins_with_a_fault_or_has_none_lives_alone() -> None:
    assert lives([source("gas_room", Fault("leak", 0.0))]) == []
    other = source("gas_room", Fault("leak", 60.0))
    assert [type(one) for one in lives([other, source("gas_room", Fault("dropout", 0.0))])] == [Life]
