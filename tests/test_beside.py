"""A group that is judged while the next one is written: the same events, in the same order, and nothing
between two chairs."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.alarms.events import AlarmEvent, CommandEvent
from gateway.beside import Beside, BesideThread
from gateway.clock import VirtualClock
from gateway.core import Core, Stores, Wanted
from gateway.errors import FlushFailed, JournalFull
from gateway.fleet import read_profiles
from gateway.grouping import Ask
from gateway.ingest import LinkChange, Packet
from gateway.journal import Journal, JournalReader
from gateway.ledger import Ledger
from gateway.monitor.channels import Device
from gateway.monitor.entries import SystemFact
from gateway.monitor.monitor import Monitor
from gateway.paths import DataFolder
from gateway.snapshots import SnapshotStore
from gateway.telling import Unwritten

PROFILE = "gas/combustible_point"
DEVICES = 8
SECOND = 1_000_000_000
NORMAL, HIGH = 5.0, 60.0
LONG_S = 30.0


class Disk:
    """How many more writes the ledger and the journal take; None: all."""

    ledger: int | None = None
    journal: int | None = None
    error: Exception = JournalFull("injected: no room")

    def take(self, name: str) -> None:
        left = getattr(self, name)
        if left == 0:
            raise self.error
        if left is not None:
            setattr(self, name, left - 1)


class FullLedger(Ledger):
    """The real one on such a disk."""

    disk: Disk

    def record(self, outcomes: Any, head: Any) -> None:
        self.disk.take("ledger")
        super().record(outcomes, head)


class FullJournal(Journal):
    """The real one on such a disk: it fails when the other group is already being judged."""

    disk: Disk

    def _commit(self, rows: Any) -> None:
        self.disk.take("journal")
        super()._commit(rows)


class Plant:
    """A core and eight gas detectors."""

    def __init__(self, folder: Path, beside: Beside | None) -> None:
        self.data, self.clock, self.disk = DataFolder(folder), VirtualClock(), Disk()
        self.data.create()
        self.ledger, self.journal = FullLedger(self.data.ledger), FullJournal(self.data.journal)
        self.ledger.disk = self.journal.disk = self.disk
        self.acknowledged: list[int] = []
        self._mid = 0
        self.answers: list[CommandEvent] = []
        self.fleet = [Device("acme", "north", "unit 1", f"GD-{n}", PROFILE) for n in range(DEVICES)]
        self.texts = {PROFILE: read_profiles([])[PROFILE]}
        self.core = Core(
            Stores(self.journal, self.ledger, SnapshotStore(self.data.snapshots)),
            Wanted(self.fleet, self.texts, snapshot_every_ns=60 * SECOND),
            self.clock,
            "boot-1",
            7,
            lambda _epoch, mids: self.acknowledged.extend(int(mid) for mid in mids),
            beside=beside,
        )
        self.core.start()
        self.core.turn([LinkChange(1, True, False, False, "", self.clock.mono_ns())])

    def packets(self, *values: float) -> list[Packet]:
        """One reading of each of the first devices."""
        self.clock.advance(SECOND)
        return [self._packet(device, value) for device, value in enumerate(values)]

    def _packet(self, device: int, value: float) -> Packet:
        self._mid += 1
        payload = b'{"time_ms":%d,"value":%.1f,"boot":1,"seq":%d}' % (
            self.clock.wall_ns() // 1_000_000, value, self._mid,
        )  # fmt: skip
        topic = b"rg/acme/north/GD-%d/lel" % device
        return Packet(topic, payload, self.clock.mono_ns(), self._mid, 1, 0)

    def turn(self, *values: float) -> None:
        """One turn with such packets."""
        self.core.turn(self.packets(*values))

    def events(self) -> list[tuple[int, int, Any]]:
        """All that the ledger knows."""
        return list(self.ledger.events_at_or_after(0))

    def raised(self) -> list[str]:
        """Devices whose alarm began, in the ledger's order."""
        events = (event for _, _, event in self.events())
        return [e.device for e in events if isinstance(e, AlarmEvent) and e.cause == "raised" and e.device]

    def facts(self) -> list[tuple[str, bool]]:
        """Conditions of the gateway that stand in the journal."""
        entries = (entry for _, entry in JournalReader(self.data.journal).read())
        return [(e.subject, e.active) for e in entries if isinstance(e, SystemFact)]

    def acknowledge(self, device: int) -> Ask:
        """An operator acknowledges the alarm of a device; ``answers`` gets what comes back."""
        self._mid += 1
        fields = {
            "id": f"c-{self._mid}",
            "action": "acknowledge",
            "args": {"alarm": f"acme/north/GD-{device}/lel:HH", "occurrence": 1, "comment": ""},
            "actor": "wang",
            "role": "operator",
            "organisation": "",
            "deadline_ns": self.clock.wall_ns() + 5 * SECOND,
            "source": "test",
        }
        return Ask(fields, self.answers.append)

    def close(self) -> None:
        """Let go of the files, as a death does."""
        self.journal.close()
        self.ledger.close()


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Plant]:
    beside = BesideThread("judging")
    plant = Plant(tmp_path, beside)
    yield plant
    plant.close()
    beside.close()


def _live(plant: Plant, seed: int) -> None:
    """An afternoon of turns as drawn, the same for every plant."""
    draw = random.Random(seed)
    for _ in range(60):
        what = draw.random()
        values = [draw.choice((NORMAL, NORMAL, HIGH)) for _ in range(draw.randint(1, DEVICES))]
        asks = [plant.acknowledge(draw.randrange(DEVICES))] if draw.random() < 0.2 else []
        plant.core.turn(plant.packets(*values) if what < 0.8 else [], asks)
        if what > 0.95:
            plant.core.note("delivery_down", active=draw.random() < 0.5)
        if draw.random() < 0.3:
            plant.core.settle()
    plant.core.stop()


@pytest.mark.parametrize("seed", range(6))
def test_the_ledger_is_the_same_whether_groups_wait_or_not(tmp_path: Path, seed: int) -> None:
    beside = BesideThread("judging")
    plants = [Plant(tmp_path / "plain", None), Plant(tmp_path / "beside", beside)]
    for plant in plants:
        _live(plant, seed)
    plain, waited = plants
    assert waited.events() == plain.events()
    assert waited.acknowledged == plain.acknowledged
    assert [a.id for a in waited.answers] == [a.id for a in plain.answers]
    assert len(plain.raised()) > 5
    for plant in plants:
        plant.close()
    beside.close()


def test_a_group_is_acknowledged_at_once_and_judged_with_the_next_commit(plant: Plant) -> None:
    threads = []
    step = plant.core.monitor.step

    def spy(position: int, entry: Any) -> Any:
        threads.append((position, threading.current_thread().name))
        return step(position, entry)

    plant.core.monitor.step = spy  # type: ignore[method-assign]
    plant.turn(HIGH)
    assert (plant.core.waiting, len(plant.acknowledged), plant.raised()) == (True, 1, [])
    plant.turn(NORMAL, HIGH)
    assert (plant.core.waiting, len(plant.acknowledged), plant.raised()) == (True, 3, ["GD-0"])
    plant.core.settle()
    assert (plant.core.waiting, plant.raised()) == (False, ["GD-0", "GD-1"])
    (first, beside), (second, here) = threads
    assert (first + 1, beside) == (second, "judging")
    assert here == threading.current_thread().name


def test_a_command_waits_for_nobody_and_is_judged_after_what_came_before_it(plant: Plant) -> None:
    plant.turn(HIGH)
    plant.core.turn([], [plant.acknowledge(0)])
    assert [answer.accepted for answer in plant.answers] == [True]
    assert not plant.core.waiting


def test_each_of_two_commands_is_answered_when_they_are_told_apart(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.core.RECORD_EVENTS", 1)
    plant.turn(HIGH, HIGH)
    asks = [plant.acknowledge(0), plant.acknowledge(1)]
    plant.core.turn([], asks)
    assert [answer.command for answer in plant.answers] == [ask.fields["id"] for ask in asks]


def test_what_changes_the_fleet_is_in_force_when_it_returns(plant: Plant) -> None:
    plant.turn(HIGH)
    fleet = [*plant.fleet, Device("acme", "north", "unit 1", "GD-new", PROFILE)]
    assert plant.core.change_config(fleet, plant.texts)
    assert not plant.core.waiting
    assert "acme/north/GD-new" in plant.core.monitor.roster.index
    assert plant.raised() == ["GD-0"]


def test_a_ledger_that_cannot_be_written_while_the_next_group_is(plant: Plant) -> None:
    plant.turn(HIGH)
    plant.disk.ledger = 0
    plant.turn(NORMAL, HIGH)
    assert plant.core.blind
    assert (len(plant.acknowledged), plant.raised()) == (3, []), "both are durable, and neither is told"
    plant.turn(NORMAL, NORMAL, HIGH)
    assert len(plant.acknowledged) == 3, "nothing more is taken"
    plant.disk.ledger = None
    plant.core.turn([])
    assert not plant.core.blind
    assert (len(plant.acknowledged), plant.raised()) == (6, ["GD-0", "GD-1", "GD-2"])
    assert plant.facts() == [("disk_full", True), ("disk_full", False)]


def test_a_journal_that_cannot_be_written_while_the_last_group_is_judged(plant: Plant) -> None:
    plant.turn(HIGH)
    plant.disk.journal = 0
    plant.turn(NORMAL, HIGH)
    assert plant.core.blind
    assert (len(plant.acknowledged), plant.raised()) == (1, ["GD-0"]), "what was durable is told"
    plant.disk.journal = None
    plant.core.turn([])
    assert not plant.core.blind
    assert (len(plant.acknowledged), plant.raised()) == (3, ["GD-0", "GD-1"])
    assert plant.facts() == [("disk_full", True), ("disk_full", False)]


def test_neither_can_be_written(plant: Plant) -> None:
    plant.turn(HIGH)
    plant.disk.journal = plant.disk.ledger = 0
    plant.turn(NORMAL, HIGH)
    assert plant.core.blind
    assert (len(plant.acknowledged), plant.raised()) == (1, [])
    plant.disk.journal = plant.disk.ledger = None
    plant.core.turn([])
    assert (len(plant.acknowledged), plant.raised()) == (3, ["GD-0", "GD-1"])


def test_a_failed_flush_of_the_ledger_ends_the_core_wherever_it_was_met(plant: Plant) -> None:
    plant.turn(HIGH)
    plant.disk.error = FlushFailed("injected")
    plant.disk.ledger = 0
    with pytest.raises(FlushFailed, match="injected"):
        plant.turn(NORMAL)


def test_no_snapshot_of_what_is_not_judged_yet(plant: Plant) -> None:
    plant.clock.advance(61 * SECOND)
    plant.turn(HIGH)
    plant.core.turn([])  # the rest of the snapshot
    (snapshot,) = plant.data.snapshots.iterdir()
    assert int(snapshot.stem.split("-")[0]) == plant.journal.head.position
    assert not plant.core.waiting
    newest = SnapshotStore(plant.data.snapshots).newest()
    assert newest is not None
    restored = Monitor.load(newest.body)
    assert [a.definition.id for a in restored.engine.open_alarms()] == ["acme/north/GD-0/lel:HH"]


def test_a_death_while_a_group_waits_loses_nothing(tmp_path: Path) -> None:
    beside = BesideThread("judging")
    dies = Plant(tmp_path, beside)
    dies.turn(HIGH)
    assert dies.raised() == []
    dies.close()
    beside.close()
    again = Plant(tmp_path, None)
    assert again.raised() == ["GD-0"], "judged from the journal"
    again.close()


def test_the_thread_does_what_it_is_given_one_after_the_other() -> None:
    thread = BesideThread("test")
    full, gone = JournalFull("full"), FlushFailed("gone")
    go, there = threading.Event(), threading.Event()

    def slow() -> Unwritten | None:
        there.set()
        assert go.wait(LONG_S)
        return full

    def fails() -> Unwritten | None:
        raise gone

    assert not thread.begun
    thread.begin(slow)
    assert thread.begun
    assert there.wait(LONG_S), "it runs although nobody asked for its end"
    go.set()
    assert thread.end() is full
    thread.begin(fails)
    with pytest.raises(FlushFailed, match="gone"):
        thread.end()
    thread.begin(lambda: None)
    assert thread.end() is None
    assert not thread.begun
    thread.close()
