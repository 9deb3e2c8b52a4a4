"""Who asks for a detector and with which rule, whatever the configuration was changed to and from."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors import Findings, Readings, ewma
from gateway.monitor.bank import Bank, ChannelDetector
from gateway.monitor.stored import pieces

SLOTS = 12
RULES: list[dict[str, Any] | None] = [
    None,
    {"low": 0.0, "high": 100.0, "warmup": 2, "raise_readings": 1},
    {"low": 0.0, "high": 50.0, "warmup": 3, "raise_readings": 2},
    {"low": -9.0, "high": 50.0, "warmup": 2, "raise_readings": 2},
]
slots_of = st.lists(st.integers(0, SLOTS - 1), unique=True, max_size=SLOTS)
change = st.one_of(
    st.tuples(st.just("rule"), slots_of, st.integers(0, len(RULES) - 1)),
    st.tuples(st.just("judge"), st.lists(st.integers(0, SLOTS - 1), min_size=1), st.floats(0, 40)),
    st.tuples(st.just("move"), st.permutations(range(SLOTS)), st.integers(0, SLOTS // 2)),
    st.tuples(st.just("reload"), st.none(), st.none()),
)


def readings(slots: list[int], value: float, now: int) -> Readings:
    count = len(slots)
    at = now * 1_000_000_000 + np.arange(count, dtype=np.int64)
    none, row = np.zeros(count, np.uint8), np.arange(count, dtype=np.int32)
    return Readings(np.array(slots, np.int32), at, at, np.full(count, value), none, none, none, row)


class Plain:
    """The same with a rule and a state of its own for every slot."""

    def __init__(self) -> None:
        self.rules = [ewma.configure({}) for _ in range(SLOTS)]
        self.state = np.array([ewma.initial()] * SLOTS, ewma.STATE)
        self.findings = Findings()

    def rule(self, slots: list[int], settings: dict[str, Any] | None) -> list[int]:
        rule = ewma.configure(settings or {})
        changed = [slot for slot in slots if self.rules[slot].tobytes() != rule.tobytes()]
        for slot in changed:
            self.rules[slot], self.state[slot] = rule, ewma.initial()
        return changed

    def move(self, old: list[int], new: list[int]) -> None:
        rules, state = list(self.rules), self.state.copy()
        for slot in {*old, *new}:
            self.rules[slot], self.state[slot] = ewma.configure({}), ewma.initial()
        for a, b in zip(old, new, strict=True):
            self.rules[b], self.state[b] = rules[a], state[a]

    def judge(self, given: Readings) -> None:
        self.findings.count = 0
        ewma.step(np.array(self.rules, ewma.PARAMETERS), self.state, given, self.findings)


@settings(deadline=None)  # the first example compiles
@given(st.lists(change, max_size=14))
def test_shared_rules_and_records_are_as_good_as_ones_own(changes: list[Any]) -> None:
    ours, plain = ChannelDetector("ewma"), Plain()
    ours.grow(SLOTS)
    for now, (what, slots, more) in enumerate(changes):
        if what == "rule":
            changed = ours.configure(np.array(slots, np.int64), RULES[more])
            assert changed.tolist() == plain.rule(slots, RULES[more])
        elif what == "move":
            old, new = slots[:more], slots[more : 2 * more]
            ours.move(np.array(old, np.int64), np.array(new, np.int64))
            plain.move(old, new)
        elif what == "judge":
            given = readings(slots, more, now)
            assert ours.step(given) == ""
            plain.judge(given)
            assert ours.findings.found().tobytes() == plain.findings.found().tobytes()
        elif ours.used:
            stored = msgspec.msgpack.decode(b"".join(pieces(ours.export())))
            ours = ChannelDetector("ewma")
            ours.load(stored)
        if ours.used:
            assert ours.state_at(range(SLOTS)).tobytes() == plain.state.tobytes()
            assert ours.rules_at(range(SLOTS)).tobytes() == np.array(plain.rules, ewma.PARAMETERS).tobytes()


def test_room_of_rules_and_channels_that_are_gone_is_used_again() -> None:
    ours = ChannelDetector("ewma")
    ours.grow(SLOTS)
    everyone = np.arange(SLOTS)
    for high in range(10, 60):
        ours.configure(everyone, {"low": 0.0, "high": float(high)})
        ours.configure(everyone[:4], None)
    assert (len(ours.rules), len(ours.state)) == (3, SLOTS + 1), "one to leave, one to come, and none"


def test_an_export_stays_what_it_was_when_rules_change() -> None:
    ours = ChannelDetector("ewma")
    ours.grow(SLOTS)
    ours.configure(np.arange(6), RULES[1])
    exported = ours.export()
    names = ("rules", "rule_of", "record_of")
    before = [exported[name].tobytes() for name in names]
    ours.configure(np.arange(3, 9), RULES[2])
    ours.configure(np.arange(2), None)
    assert [exported[name].tobytes() for name in names] == before


def test_detectors_of_the_same_channels_share_places_until_one_changes() -> None:
    bank = Bank()
    bank.grow(SLOTS)
    found = {detector.kind: detector for detector in bank}
    one, other = found["ewma"], found["flat"]
    bank.configure(one, np.arange(6), RULES[1])
    bank.configure(other, np.arange(6), {"after_ns": 9, "clear_readings": 1})
    bank.share()
    assert one.record_of is other.record_of
    bank.judge(readings([2, 3, 9], 4.0, 1))
    before = other.state_at(range(SLOTS)).tobytes()
    bank.configure(one, np.arange(3), RULES[2])
    bank.configure(one, np.arange(7, 9), RULES[1])
    assert other.state_at(range(SLOTS)).tobytes() == before
    assert other.record_of.tolist() == [1, 2, 3, 4, 5, 6, 0, 0, 0, 0, 0, 0]
    assert one.state_at(range(4))["learnt"].tolist() == [0, 0, 0, 1]


def test_a_detector_that_no_channel_of_a_batch_asks_for_is_left_alone() -> None:
    bank = Bank()
    bank.grow(SLOTS)
    found = {detector.kind: detector for detector in bank}
    bank.configure(found["ewma"], np.arange(2), RULES[1])
    bank.configure(found["limits"], np.arange(4), {"limits": {"H": {"setpoint": 5.0, "deadband": 1.0}}})
    found["ewma"].findings.count = 3  # of the batch before
    assert bank.judge(readings([2, 3], 9.0, 1)) == []
    assert found["ewma"].findings.count == 0
    assert found["limits"].findings.found()["slot"].tolist() == [2, 3]
    bank.configure(found["limits"], np.arange(4), None)
    bank.judge(readings([2, 3, 0], 9.0, 2))
    assert (found["limits"].findings.count, int(found["ewma"].state_at(range(1))["learnt"][0])) == (0, 1)
