"""One seed from beginning to end: world, broker, core, faults, restarts. No thread, no real clock."""

from __future__ import annotations

import random
import shutil
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Any

from device_profiles import parse
from gateway.alarms.events import CommandEvent
from gateway.beside import Work
from gateway.clock import VirtualClock
from gateway.core import Core, Stores, Wanted
from gateway.errors import RiskgateError
from gateway.grouping import Ask
from gateway.ingest import Item, LinkChange
from gateway.ingest.admission import UNKNOWN_LIMIT, Admission
from gateway.journal import Journal
from gateway.monitor.channels import Device
from gateway.paths import DataFolder
from gateway.snapshots import SnapshotStore
from gateway.telling import Unwritten
from tests.crash.sim.broker import Broker
from tests.crash.sim.faults import SECOND, Disk, Killed, Plan, Trap
from tests.crash.sim.mischief import Mischief
from tests.crash.sim.stage import (
    Command,
    FaultyLedger,
    admitted,
    command_fields,
    paced,
    small_records,
    watch_journal,
)
from tests.crash.sim.transit import Transit
from tests.crash.sim.world import Fate, World

START_NS = 1_764_547_200 * SECOND
"""2025-12-01 00:00 UTC: where every simulated hour begins."""
DEADLINE_S = 5
MAX_FAILED_STARTS = 5
"""In a row; one fault may hit one start, but nothing keeps a sound core from starting."""
SEGMENT_BYTES = 400_000
"""Small, so that an hour has several segments."""


class Inline:
    """Judges the earlier group before the next is written, or after it was acknowledged, as drawn; what runs
    on two processors at once looks like one of these."""

    def __init__(self, draw: random.Random) -> None:
        self.times = 0
        self._draw = draw
        self._work: Work | None = None
        self._done: Unwritten | None = None
        self.begun = False

    def begin(self, work: Work) -> None:
        self.begun = True
        self.times += 1
        if self._draw.random() < 0.5:
            self._done = work()
        else:
            self._work = work

    def end(self) -> Unwritten | None:
        if self._work is not None:
            work, self._work = self._work, None
            self._done = work()
        self.begun, done, self._done = False, self._done, None
        return done

    def forget(self) -> None:
        """The process died."""
        self.begun, self._work, self._done = False, None, None


class Plant:
    """The whole of one seed. ``run`` returns nothing; what happened stands in the attributes."""

    paces_s: tuple[int, ...] = (60, 90, 120)
    """How often devices speak, one of these for the whole seed."""
    steps_ms: tuple[int, ...] = (120, 400, 900, 1000, 1000, 1700)
    """How long the core is left alone between two turns."""
    has_floods = False
    """Without one, every other seed's groups are recorded in pieces as in a flood."""

    def __init__(
        self,
        seed: int,
        folder: Path,
        texts: dict[str, str],
        *,
        duration_ns: int,
        devices: int = 200,
        core: type[Core] = Core,
        ledger: type[FaultyLedger] = FaultyLedger,
    ) -> None:
        self.seed = seed
        self._folder = folder
        self._core_class, self._ledger_class = core, ledger
        draw = random.Random(seed)
        self.draw = random.Random(draw.getrandbits(64))
        self.texts = {name: paced(text, self.draw.choice(self.paces_s)) for name, text in texts.items()}
        self.profiles = {name: parse(name, text) for name, text in self.texts.items()}
        self.true_ns = START_NS
        self.world = World(random.Random(draw.getrandbits(64)), self.profiles, devices, START_NS)
        self.plan = Plan.draw(random.Random(draw.getrandbits(64)), duration_ns)
        self.mischief = Mischief(random.Random(draw.getrandbits(64)), self.world, self.profiles, duration_ns)
        self._pause = random.Random(seed)
        self.beside = Inline(self._pause)
        self.broker = Broker()
        self.disk = Disk()
        self.trap = Trap()
        self.clock = VirtualClock(START_NS, 5 * SECOND)
        self.data = DataFolder(folder / "run-0")
        self.boots = 0
        self.exits: list[str] = []
        self.commands: list[Command] = []
        self.fleets: list[list[Device]] = []
        self.faults_done: list[str] = []
        self.watching_since_ns: int | None = None
        """True time since which the core has been able to see: link up, disk writable, configuration and
        clock unchanged; None while it cannot."""
        self.watched_ns: dict[int, int] = {}
        """id of a fate -> the longest stretch of it in which the core could see."""
        self._fleet = 0
        self._link_back_ns: int | None = None
        self._full_until_ns = self._epoch = 0
        self._connected_before = False
        self._intake: deque[Item] = deque()
        self._transit = Transit()
        self._asks: list[Ask] = []
        self._failed_starts = 0
        self._untold = self._jumped = False
        self.untold_losses = self.unseen_jumps = 0
        """Lost sessions and clock settings that a process died before journalling: nobody can know."""
        self._fates = [fate for sensor in self.world.sensors for fate in sensor.fates]
        self._undo: list[Any] = []

    # --- the hour -----------------------------------------------------------------------------------

    def run(self) -> None:
        """Everything, to the last acknowledgement; the core is stopped cleanly at the end."""
        self._undo = [self.trap.install(), watch_journal(self.disk)]
        if self.seed % 2 and not self.has_floods:
            self._undo.append(small_records())
        try:
            self._start()
            pending = deque(self.plan.events)
            end_ns = START_NS + self.plan.duration_ns
            while self.true_ns < end_ns:
                self._pass(self.draw.choice(self.steps_ms) * 1_000_000)
                while pending and START_NS + pending[0][0] <= self.true_ns:
                    _, what, amount = pending.popleft()
                    self._happen(what, amount)
                self._publish()
                self._operator()
                self._round()
                self._catch_up()
            self._settle()
        finally:
            for undo in self._undo:
                undo()
            self._close()

    def _pass(self, duration_ns: int) -> None:
        self.true_ns += duration_ns
        self.clock.advance(duration_ns)

    def _notice(self, fate: Fate) -> None:
        """Which journal positions belong to a fate, and how long of it the core could see."""
        position = self.core_position()
        if not fate.first_position and self.true_ns >= fate.begin_ns:
            fate.first_position = position + 1
        if fate.begin_ns <= self.true_ns < fate.end_ns:
            fate.last_position = position
            if self.watching_since_ns is not None:
                seen_ns = self.true_ns - max(self.watching_since_ns, fate.begin_ns)
                self.watched_ns[id(fate)] = max(self.watched_ns.get(id(fate), 0), seen_ns)

    def core_position(self) -> int:
        """The newest durable journal position."""
        return self.stores.journal.head.position

    def _publish(self) -> None:
        """Devices publish; some payloads come later, twice, or are nonsense."""
        for fate in self._fates:
            self._notice(fate)
        for emission in self.world.until(self.true_ns):
            for delay_ns, topic, payload in self.mischief.transport(emission):
                self._transit.send(self.true_ns + delay_ns, topic, payload)
        self._transit.arrive(self.broker.publish, self.true_ns)

    # --- the gateway --------------------------------------------------------------------------------

    def _start(self) -> None:
        """A process starts: files are opened as the real one opens them, and the broker is called."""
        self.boots += 1
        self.boot = f"boot-{self.boots}"
        self.clock = VirtualClock(self.clock.wall_ns(), self.draw.randrange(1, 100) * SECOND)
        self.data.create()
        ledger = self._ledger_class(self.data.ledger)
        ledger.disk = self.disk
        journal = Journal(self.data.journal, segment_bytes=SEGMENT_BYTES, witness=ledger.witness())
        self.stores = Stores(journal, ledger, SnapshotStore(self.data.snapshots))
        if not self.fleets:
            self.fleets.append([s.device for s in self.world.sensors if not s.joins_later])
        self.core = self._core_class(
            self.stores,
            Wanted(self.in_force(), self.texts, snapshot_every_ns=300 * SECOND),
            self.clock,
            self.boot,
            self.seed,
            self._acknowledge,
            beside=self.beside,
        )
        try:
            self.core.start()
        except (Killed, RiskgateError) as end:
            self._failed_starts += 1
            if self._failed_starts == MAX_FAILED_STARTS:
                raise AssertionError(f"the core does not start again: {end}") from end
            self._die(end)
            return
        self._failed_starts = 0
        self._epoch = self.core.monitor.last_epoch
        self._connected_before = self.core.monitor.had_session
        self._limits = {key: self.profiles[d.profile].max_payload_bytes for key, d in self._devices().items()}
        self.admission = Admission(lambda key: self._limits.get(key, UNKNOWN_LIMIT))
        self._connect()

    def in_force(self) -> list[Device]:
        """The fleet as the core is to have it."""
        return self.fleets[self._fleet]

    def _devices(self) -> dict[str, Device]:
        return {d.key: d for d in self.fleets[self._fleet]}

    def _connect(self) -> None:
        self._link_back_ns = None
        self._epoch += 1
        present = self.broker.connect(self._epoch)
        before, self._connected_before = self._connected_before, True
        self._untold = self._untold or (before and not present)
        self._intake.append(LinkChange(self._epoch, True, present, before, "connected", self.clock.mono_ns()))
        self.watching_since_ns = self.true_ns
        for topic, payload in self.mischief.retained():
            self.broker.retain(topic, payload)

    def _disconnect(self, back_in_ns: int) -> None:
        self.broker.disconnect()
        self._intake.append(LinkChange(self._epoch, False, False, False, "cut", self.clock.mono_ns()))
        self._link_back_ns = self.true_ns + back_in_ns
        self.watching_since_ns = None

    def _round(self) -> None:
        """One turn of the core, as the service's loop makes it."""
        if self._link_back_ns is not None and self.true_ns >= self._link_back_ns:
            self._connect()
        if self.disk.full and self.true_ns >= self._full_until_ns:
            self.disk.full = False
        self._receive()
        blind = bool(self.core.blind)
        items = [] if blind else [self._intake.popleft() for _ in range(len(self._intake))]
        asks, self._asks = self._asks, []
        before = self.core_position()
        try:
            self.core.turn(items, asks)
            # the service settles when nothing came for a moment; else the group waits for the next turn
            if self._pause.random() < 0.5:
                self.core.settle()
        except (Killed, RiskgateError) as end:
            self._die(end)
            return
        if not self.core.blind:
            self._jumped = self._jumped and self.core_position() == before
            self._untold = self._untold and not items
        if self.core.blind:
            self.watching_since_ns = None
        elif blind or (self.watching_since_ns is None and self.broker.up):
            self.watching_since_ns = self.true_ns

    def _catch_up(self) -> None:
        """A backlog is taken as fast as commits go, not once a second."""
        for _ in range(2000):
            if self.core.blind or not self.broker.up or not self.broker.queue:
                return
            self.clock.advance(4_000_000)
            self.true_ns += 4_000_000
            self._round()

    def _receive(self) -> None:
        """What the network thread does: admit or refuse, and hand over in order."""
        for sent in self.broker.deliver():
            self._intake.append(admitted(sent, self.admission, self._epoch, self.clock.mono_ns()))

    def _acknowledge(self, epoch: int, mids: list[int]) -> None:
        self.broker.acknowledge(epoch, mids)

    def _die(self, end: BaseException) -> None:
        """The process is gone: what it leaves is its files as they are now. Another one starts on them."""
        self.exits.append(f"{type(end).__name__}: {str(end)[:100]}")
        old, self.data = self.data, DataFolder(self._folder / f"run-{self.boots}")
        shutil.copytree(old.root, self.data.root)
        self._close()
        shutil.rmtree(old.root)
        self._intake.clear()
        self._asks = []
        self.beside.forget()
        self.untold_losses += self._untold
        self.unseen_jumps += self._jumped
        self._untold = self._jumped = False
        self.broker.disconnect()
        self.watching_since_ns = None
        self.disk.heal()
        self.trap.name = ""
        down_ns = self.draw.randrange(1, 20) * SECOND
        self.true_ns += down_ns
        self.clock.advance(down_ns)
        self._publish()
        self._start()

    # --- what happens to it -------------------------------------------------------------------------

    def _happen(self, what: str, amount: Any) -> None:
        self.faults_done.append(what)
        if what == "link_loss" and self.broker.up:
            self._disconnect(amount)
        elif what == "session_loss":
            self.broker.lose_session()
            self._disconnect(amount)
        elif what == "disk_full":
            self.disk.full = True
            self._full_until_ns = self.true_ns + amount
        elif what in {"full_at_nth", "ledger_full", "flush_fails"}:
            self.disk.fail(what, amount)
        elif what == "kill":
            self.trap.arm(*amount)
        elif what == "stop":
            try:
                self.core.stop()
                end: BaseException = Killed("clean stop")
            except (Killed, RiskgateError) as early:
                end = early
            self._die(end)
        elif what == "wall_jump":
            self.clock.jump(amount)
            self._jumped = True
            self._watch_anew()
        elif what == "config":
            self._reconfigure()

    def _reconfigure(self) -> None:
        devices, self.texts = self.mischief.configuration(self.fleets[-1], self.texts)
        self.fleets.append(devices)
        self._fleet = len(self.fleets) - 1
        try:
            self.core.change_config(self.in_force(), self.texts)
        except (Killed, RiskgateError) as end:
            self._die(end)
            return
        self._limits.update({d.key: self.profiles[d.profile].max_payload_bytes for d in devices})
        self._watch_anew()

    def _watch_anew(self) -> None:
        if self.watching_since_ns is not None:
            self.watching_since_ns = self.true_ns

    def _operator(self) -> None:
        """Now and then somebody acknowledges, resets, or clicks on what is no longer so."""
        if self.draw.random() > 0.02:
            return
        alarms = sorted(self.core.monitor.engine.open_alarms(), key=lambda a: a.definition.id)
        if not alarms:
            return
        until_ns = self.clock.wall_ns() + DEADLINE_S * SECOND
        self._ask(command_fields(self.draw, self.draw.choice(alarms), len(self.commands), until_ns))

    def _ask(self, fields: dict[str, Any]) -> None:
        """A command for the next turn; its answers are kept."""
        command = Command(fields, self.clock.mono_ns(), self.boot)
        self.commands.append(command)

        def answer(event: CommandEvent, clock: VirtualClock = self.clock) -> None:
            command.answers.append((clock.mono_ns(), event))

        self._asks.append(Ask(fields, answer))

    def _settle(self) -> None:
        """No more faults: the link comes back, everything queued arrives, and the core stops cleanly."""
        self.disk.heal()
        self.trap.name = ""
        if not self.broker.up and self._link_back_ns is None:
            self._link_back_ns = self.true_ns
        for _ in range(20_000):
            self._pass(300_000_000)
            if self._link_back_ns is not None:
                self._link_back_ns = min(self._link_back_ns, self.true_ns)
            self._transit.arrive(self.broker.publish)
            self._round()
            if self.broker.idle() and not (self._intake or self.core.blind):
                break
        self.core.stop()

    def _close(self) -> None:
        """Let go of the files of a process that is gone, whatever state it left them in."""
        journal, ledger = self.stores.journal, self.stores.ledger
        for close in (journal.close, ledger.close):
            with suppress(RiskgateError):
                close()
