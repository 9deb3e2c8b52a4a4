"""The core: what arrived becomes durable, then acknowledged, then judged, then recorded. In that order.

``Core`` has no thread and no clock of its own: ``turn`` does one round with what it is given, so that the
simulator drives it through years of faults and the service drives it from a thread.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal

from gateway import __version__
from gateway.beside import Beside
from gateway.clock import Clock
from gateway.crashpoint import reached
from gateway.errors import BehaviourDiffers, JournalBusy, JournalFull, JournalTruncated
from gateway.grouping import Ask, Group, assemble, only_packets, refusal
from gateway.ingest import Item, Mids
from gateway.journal import Journal
from gateway.ledger import Ledger
from gateway.monitor.channels import Device
from gateway.monitor.entries import ConfigChange, Entry, OperatorCommand, Stamp, Started, SystemFact, Tick
from gateway.monitor.monitor import BEHAVIOUR, Monitor
from gateway.monitor.roster import Prepared, config_change
from gateway.monitor.suppressing import AS_IS, Suppressing
from gateway.restore import restore
from gateway.snapshots import Snapshot, SnapshotStore
from gateway.snapshotting import Snapshotting
from gateway.telling import Live, Telling, Unwritten

RECORD_EVENTS = 200
"""So many events go to the ledger before more is judged: in a flood none waits for thousands of others to be
written with it."""
TICK_NS = 250_000_000
"""With nothing arriving, time still passes: at least four entries a second."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the configuration asks of the core."""

    devices: list[Device]
    profiles: dict[str, str]
    clock: Literal["wall", "stream"] = "wall"
    suppressing: Suppressing = AS_IS
    keep: bool = False
    """Stay with the configuration in force (the files have gone bad meanwhile)."""
    exercise: bool = False
    snapshot_every_ns: int = 60_000_000_000
    snapshots_kept: int = 3
    warnings: list[str] = field(default_factory=list)
    """What was odd about the files but no error."""


@dataclass(slots=True)
class Stores:
    """The three places the core alone writes."""

    journal: Journal
    ledger: Ledger
    snapshots: SnapshotStore


class Core:
    """One partition. ``start`` once, then ``turn`` again and again, ``stop`` at the end.

    With ``beside`` a group of packets may wait to be judged until the next is being written, and then both
    are done at once; who has no next one calls ``settle``. Without, every turn is judged before it ends.
    """

    def __init__(
        self,
        stores: Stores,
        wanted: Wanted,
        clock: Clock,
        boot: str,
        seed: int,
        acknowledge: Callable[[int, Mids], None],
        live: Live | None = None,
        partition: int = 1,
        save: Callable[[Callable[[], None]], None] | None = None,
        beside: Beside | None = None,
    ) -> None:
        self._stores = stores
        self._wanted = wanted
        self.warnings = wanted.warnings
        self._clock = clock
        self._boot = boot
        self._seed = seed
        self._acknowledge = acknowledge
        self._live = live
        self._partition = partition
        kept, every_ns = wanted.snapshots_kept, wanted.snapshot_every_ns
        self._snapshots = Snapshotting(stores.snapshots, kept, every_ns, clock.mono_ns(), save)
        self._held = Group()
        self._beside = beside
        self._durable: list[tuple[int, Entry]] = []  # acknowledged, and not judged yet
        self._telling = Telling(stores.journal, stores.ledger, live, lambda: self.monitor.channels.version)
        self._last_entry_ns = clock.mono_ns()
        self.blind = ""
        """Why nothing is being journalled, or ""."""
        self._blind_subject = "disk_full"
        self.turns = 0
        self.last_turn_ns = clock.mono_ns()
        self.passed_over: list[str] = []
        """Snapshots that could not be used at the start."""
        self.monitor = Monitor(partition)

    def start(self) -> int:
        """Restore the newest snapshot, replay the journal's tail against the ledger, then say Started.

        Returns how many entries were replayed. BehaviourDiffers when the tail gives other events than the
        ledger holds: nothing is written then.
        """
        after = self._snapshots.position = self._restore()
        self._stores.ledger.expect_after(after)
        replayed = 0
        for position, entry in self._stores.journal.read(after):
            outcome = self.monitor.step(position, entry)
            if outcome.events:
                self._stores.ledger.record([(position, outcome.events)], self._stores.journal.head)
            replayed += 1
        self._begin()
        return replayed

    def _restore(self) -> int:
        """The newest snapshot that can be used; its position, 0 when the whole journal must be replayed."""
        found = restore(self._stores.snapshots, self._partition, check=self._check_place)
        self.passed_over = found.passed_over
        self.monitor = found.monitor
        journal = self._stores.journal
        if found.position == 0 and journal.head.position and journal.digest_at(1) is None:
            raise JournalTruncated(
                "the journal's beginning is no longer here and no snapshot can be used "
                f"({'; '.join(found.passed_over) or 'there is none'}): restore one from a copy"
            )
        return found.position

    def _check_place(self, snapshot: Snapshot) -> None:
        """The snapshot must be of this journal, the journal must reach it, and what follows it must have been
        judged by this behaviour."""
        journal = self._stores.journal
        if snapshot.behaviour != BEHAVIOUR and journal.head.position > snapshot.position:
            raise BehaviourDiffers(
                f"the last snapshot is {journal.head.position - snapshot.position} entries old and was made "
                f"by behaviour {snapshot.behaviour}, but this version has behaviour {BEHAVIOUR}. "
                "Start the previous version once and stop it cleanly, then upgrade."
            )
        if snapshot.position > journal.head.position or journal.digest_at(snapshot.position) not in (
            None,  # pruned
            snapshot.digest,
        ):
            raise JournalTruncated(
                f"snapshot {snapshot.path.name} was made at position {snapshot.position} of a journal that "
                f"went another way; this one ends at {journal.head.position}. Restore the journal folder "
                "from a copy; delete nothing."
            )

    def _begin(self) -> None:
        stamp, wanted = self._stamp(), self._wanted
        started = Started(stamp, __version__, BEHAVIOUR, self._seed, wanted.clock, wanted.exercise)
        change = config_change(stamp, wanted.devices, wanted.profiles, wanted.suppressing)
        stays = wanted.keep or change.digest == self.monitor.roster.digest
        self._wanted = replace(wanted, devices=[], profiles={})  # the roster has its own
        self._commit(Group([started] if stays else [started, change]))

    def change_config(self, devices: list[Device], profiles: dict[str, str]) -> bool:
        """Put another fleet or other profiles in force; False if they are in force already."""
        return self.put(self.monitor.roster.prepare(devices, profiles, self._wanted.suppressing))

    def put(self, prepared: Prepared) -> bool:
        """Put what was prepared in force; False if it is in force already."""
        if prepared.digest == self.monitor.roster.digest:
            return False
        self.monitor.offer(prepared)
        self._commit(Group([ConfigChange(self._stamp(), prepared.digest, prepared.content)]))
        return True

    def note(self, subject: str, *, active: bool, detail: dict[str, Any] | None = None) -> None:
        """Journal a system condition that began or ended."""
        self._commit(Group([SystemFact(self._stamp(), "condition", subject, active, detail or {})]))

    def turn(self, items: Sequence[Item], asks: Sequence[Ask] = ()) -> None:
        """One round: everything given becomes durable in one commit, then takes effect.

        On a full disk the group is held (unacknowledged, not judged) and tried again at the next turn.
        FlushFailed goes through: the process must exit.
        """
        self.turns += 1
        group = assemble(self._stamp(), items, asks)
        if not group.entries and self._clock.mono_ns() - self._last_entry_ns >= TICK_NS:
            group.entries.append(Tick(self._stamp()))
        if group.entries or self._held.entries or self._telling.untold:
            self._commit(group)
        if self._live is not None:
            self._live.turn(self._clock.mono_ns(), idle=not items)
        self._snapshot_if_due()
        self.last_turn_ns = self._clock.mono_ns()

    @property
    def waiting(self) -> bool:
        """Whether something that is durable waits for the next turn, or for ``settle``, to be judged."""
        return bool(self._durable)

    def settle(self) -> None:
        """Nothing more came: judge what waits."""
        durable, self._durable = self._durable, []
        if durable:
            self._conclude(self._judge(durable))
            if self._live is not None:
                self._live.turn(self._clock.mono_ns(), idle=False)

    def stop(self) -> None:
        """A snapshot at the very end, so that the next start has no tail and an upgrade is clean."""
        self.settle()
        with contextlib.suppress(JournalFull, JournalBusy):
            self._snapshots.finish()
            self._snapshot()
            self._snapshots.finish()

    def _stamp(self) -> Stamp:
        return Stamp(self._clock.wall_ns(), self._clock.mono_ns(), self._boot)

    def _commit(self, group: Group) -> None:
        if self._telling.untold and (unwritten := self._telling.tell()) is not None:
            self._go_blind(unwritten)
            self._hold(group, self.blind)
            return
        held, self._held = self._held, Group()
        entries = held.entries + self._sight_facts() + group.entries
        earlier, self._durable = self._durable, []
        reached("before-append")
        try:
            positions = self._stores.journal.append(entries, self._meanwhile(earlier))
        except (JournalFull, JournalBusy) as error:
            self._held = held
            self._see_to(earlier)  # what that could not tell waits, and is tried again
            self._hold(group, str(error))
            self._go_blind(error)
            return
        reached("after-append")
        self._last_entry_ns = self._clock.mono_ns()
        for epoch, mids in held.acks + group.acks:
            self._acknowledge(epoch, mids)
        reached("after-acknowledge")
        unwritten = self._see_to(earlier)
        durable = list(zip(positions, entries, strict=True))
        if unwritten is None and self._may_wait(group, entries):
            self._durable = durable
            return
        self._telling.asks = group.asks
        self._conclude(self._judge(durable, unwritten))

    def _may_wait(self, group: Group, entries: list[Entry]) -> bool:
        """Whether nobody misses it when these are judged together with the next commit."""
        return self._beside is not None and not (self.blind or group.asks) and only_packets(entries)

    def _meanwhile(self, earlier: list[tuple[int, Entry]]) -> Callable[[], None] | None:
        """What is to be begun when the journal is about to wait for the disk."""
        if self._beside is None or not earlier:
            return None
        return partial(self._beside.begin, partial(self._judge, earlier))

    def _see_to(self, earlier: list[tuple[int, Entry]]) -> Unwritten | None:
        """The earlier group is judged from here on, whether that was begun beside or not."""
        if self._beside is not None and self._beside.begun:
            return self._beside.end()
        return self._judge(earlier) if earlier else None

    def _judge(
        self, durable: list[tuple[int, Entry]], unwritten: Unwritten | None = None
    ) -> Unwritten | None:
        """Step through what is durable and tell it; ``RECORD_EVENTS`` that wait are told before more is
        judged. unwritten: what keeps the ledger from being written now, before this and after; then all of
        it is judged, and waits."""
        waiting = 0
        for position, entry in durable:
            if unwritten is None and waiting >= RECORD_EVENTS:
                unwritten, waiting = self._telling.tell(), 0
            outcome = self.monitor.step(position, entry)
            self._telling.untold.append(outcome)
            waiting += len(outcome.events)
        reached("after-step")
        return unwritten or self._telling.tell()

    def _conclude(self, unwritten: Unwritten | None) -> None:
        if unwritten is not None:
            self._go_blind(unwritten)
        elif self.blind:
            # blind since a moment ago: it is over with the entry that says so, at the next turn
            self._see_again()

    def _hold(self, group: Group, reason: str) -> None:
        """Nothing was written: keep what arrived, acknowledge nothing, judge nothing, say so.

        Ticks are not kept: time that nobody watched must not be judged afterwards. Commands are refused at
        once: nothing may act when the person who gave it has long turned away.
        """
        kept: list[Entry] = [e for e in group.entries if not isinstance(e, Tick | OperatorCommand)]
        self._held = Group(self._held.entries + kept, self._held.acks + group.acks)
        for ask in group.asks:
            ask.answer(refusal(ask, reason, self._clock.wall_ns()))

    def _go_blind(self, error: Unwritten) -> None:
        if self.blind:
            return
        self._blind_subject, what = (
            ("disk_full", "disk full") if isinstance(error, JournalFull) else ("store_locked", "file locked")
        )
        self.blind = f"{what}: {error}"
        # paths of this machine are for its own operators: they reach /health and the log, no event
        began = SystemFact(self._stamp(), "condition", self._blind_subject, active=True)
        self._held.entries.append(began)
        if self._live is not None:
            self._live.announce(["blind", self._clock.wall_ns(), what], standing=True)

    def _sight_facts(self) -> list[Entry]:
        """After what was held, which says when blindness began, and before anything newer: it is over."""
        return [SystemFact(self._stamp(), "condition", self._blind_subject)] if self.blind else []

    def _see_again(self) -> None:
        self.blind = ""
        if self._live is not None:
            self._live.announce(["blind", self._clock.wall_ns(), ""], standing=False)

    def abandon(self) -> None:
        """The process ends by a failure: nothing goes on, and nothing may wait for the rest of a snapshot."""
        if self._beside is not None and self._beside.begun:
            with contextlib.suppress(BaseException):  # one failure is enough
                self._beside.end()
        self._snapshots.leave()

    def _snapshot_if_due(self) -> None:
        self._snapshots.turn()
        if self._snapshots.due(self._clock.mono_ns()):
            self.settle()
            self._snapshot()

    def _snapshot(self) -> None:
        if not self._held.entries and not self._telling.untold:
            self._snapshots.begin(self._stores.journal.head, self.monitor, self._clock.mono_ns())
