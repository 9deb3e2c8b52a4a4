"""The core: what arrived becomes durable, then acknowledged, then judged, then recorded. In that order.

``Core`` has no thread and no clock of its own: ``turn`` does one round with what it is given, so that the
simulator drives it through years of faults and the service drives it from a thread.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

from gateway import __version__
from gateway.alarms.events import CommandEvent, Event
from gateway.clock import Clock
from gateway.crashpoint import reached
from gateway.errors import BehaviourDiffers, JournalBusy, JournalFull, JournalTruncated
from gateway.grouping import Ask, Group, assemble, refusal
from gateway.ingest import Item, Mids
from gateway.journal import Journal
from gateway.ledger import Ledger
from gateway.monitor.channels import Device
from gateway.monitor.entries import ConfigChange, Entry, OperatorCommand, Stamp, Started, SystemFact, Tick
from gateway.monitor.monitor import BEHAVIOUR, Monitor
from gateway.monitor.outcome import Outcome
from gateway.monitor.roster import Prepared, config_change
from gateway.monitor.suppressing import AS_IS, Suppressing
from gateway.restore import restore
from gateway.snapshots import Snapshot, SnapshotStore
from gateway.snapshotting import Snapshotting

RECORD_EVENTS = 200
"""So many events go to the ledger before more is judged: in a flood none waits for thousands of others to be
written with it."""
TICK_NS = 250_000_000
"""With nothing arriving, time still passes: at least four entries a second."""


class Live(Protocol):
    """Where live readings go; may drop them (gateway/live.py)."""

    def send_readings(self, version: int, previous: int, position: int, readings: Any) -> bool:
        """Offer one position's readings."""
        ...

    def announce(self, frame: list[Any], *, standing: bool) -> None:
        """Say now, and if ``standing`` to everybody who connects later, until another is announced."""
        ...

    def turn(self, now_ns: int, *, idle: bool) -> None:
        """Write what can be written now, if it is time to (always when ``idle``)."""
        ...


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
    """One partition. ``start`` once, then ``turn`` again and again, ``stop`` at the end."""

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
        self._untold: list[Outcome] = []
        self._unanswered: list[Ask] = []
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
        if group.entries or self._held.entries or self._untold:
            self._commit(group)
        if self._live is not None:
            self._live.turn(self._clock.mono_ns(), idle=not items)
        self._snapshot_if_due()
        self.last_turn_ns = self._clock.mono_ns()

    def stop(self) -> None:
        """A snapshot at the very end, so that the next start has no tail and an upgrade is clean."""
        with contextlib.suppress(JournalFull, JournalBusy):
            self._snapshots.finish()
            self._snapshot()
            self._snapshots.finish()

    def _stamp(self) -> Stamp:
        return Stamp(self._clock.wall_ns(), self._clock.mono_ns(), self._boot)

    def _commit(self, group: Group) -> None:
        if self._untold and not self._tell():
            self._hold(self._held, group, self.blind)
            return
        held, self._held = self._held, Group()
        entries = held.entries + self._sight_facts() + group.entries
        acks = held.acks + group.acks
        reached("before-append")
        try:
            positions = self._stores.journal.append(entries)
        except (JournalFull, JournalBusy) as error:
            self._hold(held, group, str(error))
            self._go_blind(error)
            return
        reached("after-append")
        self._last_entry_ns = self._clock.mono_ns()
        for epoch, mids in acks:
            self._acknowledge(epoch, mids)
        reached("after-acknowledge")
        telling = self._judge(zip(positions, entries, strict=True))
        reached("after-step")
        self._unanswered = group.asks
        # blind since a moment ago: it is over with the entry that says so, at the next turn
        if telling and self._tell() and self.blind:
            self._see_again()

    def _judge(self, entries: Iterable[tuple[int, Entry]]) -> bool:
        """Step through what is durable; once ``RECORD_EVENTS`` wait to be told, tell them. False when that
        could not be written: the rest is judged and waits."""
        waiting, telling = 0, True
        for position, entry in entries:
            if telling and waiting >= RECORD_EVENTS:
                telling, waiting = self._tell(), 0
            outcome = self.monitor.step(position, entry)
            self._untold.append(outcome)
            waiting += len(outcome.events)
        return telling

    def _tell(self) -> bool:
        """What was judged goes to the ledger, then to whoever waits for it. False when the ledger cannot be
        written now: the same is tried again, and nothing newer is judged before."""
        outcomes = self._untold
        try:
            self._record(outcomes)
        except (JournalFull, JournalBusy) as error:
            self._go_blind(error)
            return False
        self._answer(self._unanswered, outcomes)
        self._send(outcomes)
        self._untold, self._unanswered = [], []
        return True

    def _record(self, outcomes: list[Outcome]) -> None:
        told: list[tuple[int, Sequence[Event]]] = [(o.position, o.events) for o in outcomes if o.events]
        anchors = self._stores.journal.closed_segments
        if not told and not anchors:
            return
        reached("before-ledger")
        if told:
            self._stores.ledger.record(told, self._stores.journal.head)
        if anchors:
            self._stores.ledger.anchor(anchors)
            anchors.clear()
        reached("after-ledger")

    def _answer(self, asks: list[Ask], outcomes: list[Outcome]) -> None:
        if not asks:
            return
        answers = {e.command: e for o in outcomes for e in o.events if isinstance(e, CommandEvent)}
        for ask in asks:
            event = answers.get(ask.fields["id"])
            if event is not None:
                ask.answer(event)

    def _send(self, outcomes: list[Outcome]) -> None:
        if self._live is None:
            return
        version = self.monitor.channels.version
        for outcome in outcomes:
            if len(outcome.readings):
                self._live.send_readings(
                    version, outcome.previous_readings, outcome.position, outcome.readings
                )

    def _hold(self, held: Group, group: Group, reason: str) -> None:
        """Nothing was written: keep what arrived, acknowledge nothing, judge nothing, say so.

        Ticks are not kept: time that nobody watched must not be judged afterwards. Commands are refused at
        once: nothing may act when the person who gave it has long turned away.
        """
        kept: list[Entry] = [e for e in group.entries if not isinstance(e, Tick | OperatorCommand)]
        self._held = Group(held.entries + kept, held.acks + group.acks)
        for ask in group.asks:
            ask.answer(refusal(ask, reason, self._clock.wall_ns()))

    def _go_blind(self, error: JournalFull | JournalBusy) -> None:
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
        """The process ends by a failure: nothing may wait for the rest of a snapshot."""
        self._snapshots.leave()

    def _snapshot_if_due(self) -> None:
        self._snapshots.turn()
        if self._snapshots.due(self._clock.mono_ns()):
            self._snapshot()

    def _snapshot(self) -> None:
        if not self._held.entries and not self._untold:
            self._snapshots.begin(self._stores.journal.head, self.monitor, self._clock.mono_ns())
