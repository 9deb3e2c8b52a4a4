"""What the demonstration prints: where to look, live counters, and the summary at the end."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from gateway.alarms.events import AlarmEvent
from gateway.demo.receiver import Receiver
from gateway.demo.summary import Latency, Shown
from gateway.paths import DataFolder
from gateway.verify import Report

PLAIN_EVERY_S = 5.0
"""Without a terminal, a line of counters this often."""


def greet(out: Console, console_url: str, http_url: str, data: DataFolder) -> None:
    """Where to look and at what."""
    out.print(
        Panel(
            f"[bold]{console_url}[/]\n  the operators' page: choose a password (this link works once), "
            "then acknowledge an alarm\n"
            f"{http_url}/health  and /metrics: the gateway's own state\n"
            f"{data.root}  journal, ledger, receipts, logs\n\n"
            "On their way: a gas leak in a pump room, a torn kitchen hose, a ruptured\n"
            "line, a dead rectifier, a blocked filter, a burst vent; and devices that\n"
            "are silent, broken, late or confused.\n"
            "[dim]Not a safety instrumented function. Ctrl-C ends everything.[/]",
            title="riskgate demo",
            title_align="left",
        ),
        highlight=False,
    )


class Counters:
    """Live counters on a terminal; a plain line now and then elsewhere. A context."""

    def __init__(self, out: Console) -> None:
        self._out = out
        self._live = Live(console=out, refresh_per_second=4, transient=True) if out.is_terminal else None
        self._next_s = 0.0

    def __enter__(self) -> Counters:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def show(
        self,
        elapsed_s: float,
        for_s: float | None,
        status: dict[str, Any] | None,
        shown: list[Shown],
        receiver: Receiver,
    ) -> None:
        """One look."""
        counts = (status or {}).get("counts", {})
        seen = sum(1 for one in shown if one.ok)
        figures = {
            "seconds": f"{elapsed_s:.0f}" + (f" of {for_s:.0f}" if for_s else ""),
            "readings": str(counts.get("effective", "-")),
            "rejected": str(sum(counts.get("rejected", {}).values())) if counts else "-",
            "alarms open": str((status or {}).get("alarms_open", "-")),
            "verified messages": str(len(receiver.receipts)),
            "faults seen": f"{seen} of {len(shown)}",
        }
        if self._live is not None:
            table = Table(show_edge=False, pad_edge=False)
            for name in figures:
                table.add_column(name, justify="right")
            table.add_row(*figures.values())
            self._live.update(Group(table))
        elif elapsed_s >= self._next_s:
            self._next_s = elapsed_s + PLAIN_EVERY_S
            self._out.print(", ".join(f"{name} {value}" for name, value in figures.items()), highlight=False)


def summary(
    out: Console,
    status: dict[str, Any],
    shown: list[Shown],
    events: list[AlarmEvent],
    receiver: Receiver,
    took: Latency,
    report: Report,
) -> None:
    """The tables at the end."""
    faults = Table(title="Injected faults", title_justify="left")
    for name in ("fault", "alarm", "after s", "due s", "ledger", "message"):
        faults.add_column(
            name,
            justify="right" if name.endswith(" s") else "left",
            overflow="fold",
            no_wrap=name != "alarm",
        )
    for one in sorted(shown, key=lambda s: (s.label.device, s.label.channel, s.label.condition)):
        label = one.label
        began = label.start_ns > 0
        faults.add_row(
            label.kind,
            f"{label.device}/{label.channel}:{label.condition}",
            f"{one.seconds:.1f}" if one.seconds is not None else "",
            f"{label.within_s:.1f}" if began else "",
            "[red]no[/]" if one.event is None else "yes" if one.in_time else "[yellow]late[/]",
            "yes" if one.receipt is not None else "[red]no[/]",
        )
    out.print(faults)
    checks = Table(title="Verify", title_justify="left")
    for name in report.rows()[0]:
        checks.add_column(name, overflow="fold")
    for row in report.rows()[1:]:
        checks.add_row(*map(Text, row))  # figures may hold text of devices
    out.print(checks)
    counts = status.get("counts", {})
    repeated = sum(receipt.times - 1 for receipt in receiver.receipts.values())
    figures = Table(title="Summary", title_justify="left", show_header=False)
    rows = (
        ("readings", str(counts.get("effective", "?"))),
        ("rejected", ", ".join(f"{k} {v}" for k, v in counts.get("rejected", {}).items()) or "0"),
        ("alarm events", str(len(events))),
        ("verified messages", f"{len(receiver.receipts)} ({repeated} repeated, {receiver.refused} refused)"),
        ("packet to receipt, ms", f"p50 {took.p50_ms:.0f}, p99 {took.p99_ms:.0f} over {took.count} events"),
        ("faults with alarm and message", f"{sum(s.ok for s in shown)} of {len(shown)}"),
        ("verify", "holds" if report.ok else "[red]DOES NOT HOLD[/]"),
    )
    for name, value in rows:
        figures.add_row(name, value)
    out.print(figures)
