"""Many entries stepped as one give the events of every entry by itself; a sieve keeps what it must."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from gateway.alarms.events import Event
from gateway.backtest.sides import Apart, Here, Running, Single
from gateway.backtest.sift import OTHER, PACKETS, TICK, Sieve
from gateway.backtest.stretch import Gathering, Stretch
from gateway.errors import JournalError
from gateway.journal import Journal, JournalReader
from gateway.journal.compress import compress
from gateway.journal.pages import Page, entry_of
from gateway.journal.segment import segments
from gateway.monitor.entries import Entry, Link, Packets, Stamp, Tick, encode
from gateway.monitor.monitor import Monitor
from gateway.monitor.outcome import Outcome
from tests.monitor.world import SECOND, World
from tests.support.make_data import FLEET

KEYS = [device.key for device in FLEET]
SEEDS = range(6)


def recorded(seed: int, turns: int = 300) -> World:
    """A world in which everything happens that time and devices can do: silence, a link loss, a clock set,
    a restart, readings twice, late, disordered and malformed, floods, shelves, strangers."""
    chance = random.Random(seed)
    world = World(FLEET)
    level = 10.0
    for turn in range(turns):
        level = min(95.0, max(0.0, level * 0.96 + chance.gauss(1.2, 7.0)))
        if turn % 97 < 60:  # else silent
            world.send(round(level, 1), seq=turn if chance.random() < 0.9 else turn - 1)
        if chance.random() < 0.5:
            world.send(12.0 + chance.random() * 9, device="acme/line/RTU-1", channel="pressure")
        if chance.random() < 0.1:
            world.send(round(level, 1), age_s=chance.choice([2.0, 40.0, 4000.0]), device="acme/plant/GD-2")
        if chance.random() < 0.1:
            world.raw(("rg/acme/plant/GD-9/lel", b"{}"), ("rg/acme/plant/GD-2/lel", b"{"))
        if turn % 40 == 20:
            for alarm in list(world.monitor.engine.open_alarms())[:3]:
                world.command("shelve", alarm=alarm.definition.id, occurrence=alarm.occurrence, for_s=120)
        if turn in {100, 110}:
            world.link(up=turn == 110, present=True, expected=True)
        if turn == 150:
            world.clock.jump(chance.choice([-7, 30]) * SECOND)
        if turn == 200:
            world.restart()
        if turn == 240:
            world.every(0.02, *([8.0] * 400))
        world.wait(chance.choice([0.1, 0.25, 0.25, 1.0, 1.0, 4.0]))
    return world


def written(folder: Path, world: World, *, packed: bool) -> JournalReader:
    journal = Journal(folder, synchronous="NORMAL", segment_bytes=40_000)
    for _, entry in world.journal:
        journal.append([entry])
    journal.close()
    if packed:
        assert sum(compress(segment) for segment in segments(folder)[:-1]) > 1
    return JournalReader(folder)


def stepped(journal: JournalReader, run: Running) -> list[Event]:
    gathering, sieve = Gathering(), Sieve(KEYS)
    for page in journal.read_pages():
        for item in gathering.add(page, sieve.sift(page), 0):
            row = item if isinstance(item, int) else 0
            run.put(
                item
                if isinstance(item, Stretch)
                else Single(page.first + row, entry_of(page, row), told=True)
            )
    for item in gathering.end():
        run.put(item)
    return run.events()


@pytest.mark.parametrize("seed", SEEDS)
def test_many_at_once_give_the_events_of_one_by_one(seed: int, tmp_path: Path) -> None:
    world = recorded(seed)
    assert {"silent", "H", "HH"} <= {alarm.condition for alarm in world.alarms()}
    found = stepped(written(tmp_path, world, packed=seed % 2 == 0), Here(Monitor(1)))
    assert found == world.events


def test_quiet_stretches_are_not_stepped_entry_by_entry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(FLEET)
    for _ in range(300):
        world.send(8.0)
        world.send(8.0, device="acme/plant/GD-2")
        world.send(14.0, device="acme/line/RTU-1", channel="pressure")
        world.wait(2.0)
    steps = 0
    step = Monitor.step

    def counted(monitor: Monitor, position: int, entry: Entry) -> Outcome:
        nonlocal steps
        steps += 1
        return step(monitor, position, entry)

    monkeypatch.setattr(Monitor, "step", counted)
    assert stepped(written(tmp_path, world, packed=True), Here(Monitor(1))) == world.events
    assert steps < len(world.journal) / 4


def test_a_process_of_its_own_gives_the_same_and_its_death_is_told(tmp_path: Path) -> None:
    world = recorded(1, 60)
    journal = written(tmp_path, world, packed=False)
    apart = Apart(Monitor(1))
    try:
        assert stepped(journal, apart) == world.events
    finally:
        apart.close()
    dead = Apart(Monitor(1))
    dead.close()
    with pytest.raises(JournalError, match="ended with"):
        dead.put(Single(1, world.journal[0][1], told=True))


def test_the_sieve_keeps_what_may_concern_a_device_and_nothing_else(tmp_path: Path) -> None:
    stamp = Stamp(1, 2, "boot")
    sent = [
        (b"rg/acme/plant/GD-1/lel", b"1", 5, 0),
        (b"rg/acme/plant/GD-11/lel", b"22", 6, 1),
        (b"rg/acme/plant/GD-1/a/b", b"333", 7, 2),
        (b"vendor/GD-7", b"", 8, 0),
        (b"", b"4", 9, 0),
    ]
    entries: list[Entry] = [
        Packets.of(stamp, 3, sent),
        Tick(stamp),
        Link(stamp, 3, up=True),
        Packets.of(stamp, 3, []),
    ]
    journal = Journal(tmp_path, synchronous="NORMAL")
    journal.append(entries)
    journal.close()
    (page,) = JournalReader(tmp_path).read_pages()
    found = Sieve(["acme/plant/GD-1"]).sift(page)
    assert found.rows["kind"].tolist() == [PACKETS, TICK, OTHER, PACKETS]
    assert [entry_of(page, row) for row in range(4)] == entries
    kept = [sent[n] for n in (0, 2, 3, 4)]
    merged = Packets.of(stamp, 3, kept)
    assert found.blob.tobytes() == merged.blob
    assert found.cuts.tolist() == merged.cut_array().tolist()
    assert (found.received.tolist(), found.flags.tolist()) == ([5, 7, 8, 9], [0, 2, 0, 0])


@pytest.mark.parametrize("cut", [1, 9, 12, 30, 40])
def test_bytes_that_are_no_entry_are_left_to_the_decoder_that_names_them(cut: int) -> None:
    whole = encode(Packets.of(Stamp(1 << 60, 1 << 40, "boot"), 3, [(b"rg/a/b/c/d", b"1", 5, 0)]))
    body = whole[:cut]
    page = Page(7, body, np.array([0]), np.array([len(body)]))
    assert Sieve([]).sift(page).rows["kind"].tolist() == [OTHER]
    with pytest.raises(JournalError, match="position 7"):
        entry_of(page, 0)
