"""I4: every event that a sink takes was enrolled for it, and has a receipt, waits, or is a dead letter; and
first receipts of single events came in the ledger's order, alarm by alarm.

What a sink takes is asked of the sink itself, made from its settings and never connected, so that an event
which delivery forgot to enrol is found out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.alarms.events import AlarmEvent, Event
from gateway.delivery import receipts
from gateway.delivery.receipts import SinkAccount
from gateway.ledger import LedgerReader
from gateway.paths import DataFolder
from gateway.sinks import Messages, Sink, SinkContext, load
from gateway.verify.replaying import events_of
from gateway.verify.report import Report


@dataclass(slots=True)
class _Told:
    """One sink: what the configuration says of it, and what delivery.db does."""

    name: str
    sink: Sink | None
    """None: not in the configuration, or there was none given."""
    account: SinkAccount | None
    due: set[int] = field(default_factory=set)
    """Sequence numbers that it takes, of those that it can be asked about."""
    changed: bool = False
    """Delivery works by other filters than the configuration's: the sink cannot be asked."""
    after: int = 0
    """It is asked about events after this one: earlier ones were enrolled by other filters, or before it."""

    def __post_init__(self) -> None:
        if self.sink is None or self.account is None:
            return
        account, by_filter = self.account, isinstance(self.sink, Messages)
        if account.begun is not None:
            self.after, filters = account.begun
            # "" is a lane that takes everything: also a webhook's, while it is muted
            self.changed = bool(filters) and filters != getattr(self.sink, "filters", "")
        elif by_filter and getattr(self.sink, "since", "") == "now":
            self.after = min(account.taken, default=account.events + 1) - 1

    def note(self, seq: int, event: Event) -> None:
        """Ask the sink about one event."""
        if self.sink is None or self.account is None or self.changed:
            return
        if self.after < seq <= self.account.events and self._takes(event):
            self.due.add(seq)

    def _takes(self, event: Event) -> bool:
        everything = self.account is not None and self.account.begun is not None and not self.account.begun[1]
        return everything or not isinstance(self.sink, Messages) or self.sink.takes(event)


def check_deliveries(
    report: Report,
    data: DataFolder,
    ledger: LedgerReader,
    sinks: Mapping[str, Any] | None,
    *,
    exercise: bool,
) -> None:
    """Add the findings on every sink that is configured or that delivery.db knows. ``exercise``: whether the
    newest start was one, in which sinks that leave the machine are muted."""
    if data.delivery.exists():
        chain = receipts.check_chain(data.delivery)
        said = chain.reason or f"{chain.checked} rows"
        report.add("chain", "receipts against their hash chain", chain.ok, said)
    else:
        report.nothing("chain", "receipts against their hash chain", "there is no delivery.db")
    accounts = {account.sink: account for account in receipts.accounts(data.delivery)}
    made = _event_sinks(data, sinks or {})
    told = [_Told(name, made.get(name), accounts.get(name)) for name in sorted(accounts.keys() | made.keys())]
    if not told:
        configured = "the configuration was not given" if sinks is None else "none is configured"
        report.nothing("I4", "events for sinks", f"delivery.db knows no sink of events, and {configured}")
        return
    alarms: dict[int, str] = {}
    last_seq = 0
    for last_seq, event in events_of(ledger):
        if isinstance(event, AlarmEvent):
            alarms[last_seq] = event.alarm
        for one in told:
            one.note(last_seq, event)
    for one in told:
        if one.account is None:
            _unknown(report, one, len(alarms), exercise=exercise)
            continue
        report.add("I4", f"events for sink {one.name}", *_delivered(one, one.account, last_seq))
        if one.account.order:
            compared = f"first receipts of sink {one.name} in the ledger's order, alarm by alarm"
            report.add("I4", compared, *_ordered(one.account, alarms))


def _event_sinks(data: DataFolder, sinks: Mapping[str, Any]) -> dict[str, Sink]:
    """The configured sinks that take events."""
    made: dict[str, Sink] = {}
    for name, settings in sinks.items():
        sink: Sink = load(settings.kind).Sink(settings, SinkContext(name, str(data.root), lambda: 0))
        sink.close()
        if "events" in sink.wants:
            made[name] = sink
    return made


def _unknown(report: Report, one: _Told, alarms: int, *, exercise: bool) -> None:
    compared = f"events for sink {one.name}"
    if exercise and one.sink is not None and one.sink.outward:
        report.nothing("I4", compared, "muted in an exercise, and delivery has not begun with it")
    elif not alarms:
        report.nothing("I4", compared, "the ledger has no alarm event, and delivery has not begun with it")
    else:
        figures = (
            f"delivery.db does not know this sink, yet the ledger has {alarms} alarm events: see whether "
            "delivery runs, and with this configuration"
        )
        report.add("I4", compared, False, figures)


def _delivered(one: _Told, account: SinkAccount, last_seq: int) -> tuple[bool, str]:
    figures = (
        f"{len(account.taken & account.receipts)} with receipt, {len(account.waiting)} waiting, "
        f"{len(account.dead)} dead letters, {account.passed_over} not for this sink, "
        f"{last_seq - account.events} not looked at yet, of {last_seq}"
    )
    if one.changed:
        figures += "; its filters were changed since delivery began, so it was not asked what it takes"
    elif one.sink is not None:
        figures += f"; asked about those from {one.after + 1} on, it takes {len(one.due)}"
    forgotten = one.due - account.taken - account.waiting - account.dead
    for lost, what in ((account.missing, "missing"), (forgotten, "never enrolled")):
        if lost:
            return False, f"{what}: event {min(lost)} and {len(lost) - 1} more; {figures}"
    return True, figures


def _ordered(account: SinkAccount, alarms: Mapping[int, str]) -> tuple[bool, str]:
    """Dead letters hold back nobody and may come later: they are left out."""
    newest: dict[str, int] = {}
    looked = 0
    for seq in account.order:
        alarm = alarms.get(seq)
        if alarm is None or seq in account.died:
            continue
        looked += 1
        if seq < newest.get(alarm, 0):
            return False, f"event {seq} of {alarm} has its first receipt after event {newest[alarm]}'s"
        newest[alarm] = seq
    return True, f"{looked} first receipts of {len(newest)} alarms"
