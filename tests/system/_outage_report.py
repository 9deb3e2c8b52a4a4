"""What one outage gave, and the rows of its report."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from tests.support.report import Row
from tests.system._outage_account import Account, damages, percentile


@dataclass
class Measured:
    """One run."""

    account: Account
    baseline: tuple[int, int]
    """Wall clock, begin and end."""
    away: tuple[int, int]
    pubacks: list[tuple[int, int]]
    backlog_events: int = 0
    backlog_positions: int = 0
    catch_ups: int = 0
    unanswered: int = 0
    wrong: int = 0
    hook_s: float = 0.0
    influx_s: float = 0.0
    exit_status: int = 0
    checks: int = 0
    failed: list[str] = field(default_factory=list)
    forged_found: bool = False

    def steady(self) -> list[tuple[int, int]]:
        """(at_ns of an event, ns until the healthy webhook had it)."""
        taken = self.account.receipts["steady"]
        return [(e.at_ns, taken[e.id].at_ns - e.at_ns) for e in self.account.events if e.id in taken]


def within(samples: list[tuple[int, int]], span: tuple[int, int]) -> list[int]:
    return [latency for at, latency in samples if span[0] <= at < span[1]]


def _ratio(samples: list[tuple[int, int]], measured: Measured) -> tuple[float, str]:
    before, away = within(samples, measured.baseline), within(samples, measured.away)
    after = [latency for at, latency in samples if at >= measured.away[1]]
    note = "p50/p99 ms: " + "; ".join(
        f"{name} {percentile(part, 0.5) / 1e6:.1f}/{percentile(part, 0.99) / 1e6:.1f} of {len(part)}"
        for name, part in (("before", before), ("outage", away), ("after", after))
    )
    return percentile(away, 0.99) / percentile(before, 0.99), note


def control(measured: Measured) -> dict[str, bool]:
    """The negative control: what was damaged -> whether the comparison said so."""
    found = damages(measured.account, "hook")
    found["a packet never sent"] = measured.forged_found
    begin, end = measured.away
    slow = [(at, latency * 3 if begin <= at < end else latency) for at, latency in measured.pubacks]
    found["PUBACKs three times later"] = math.isclose(
        _ratio(slow, measured)[0], 3 * _ratio(measured.pubacks, measured)[0]
    )
    return found


def rows(measured: Measured) -> list[Row]:
    """The report."""
    for text in measured.failed:
        print("FAILED", text)
    return _kept(measured) + _timely(measured)


def _kept(measured: Measured) -> list[Row]:
    account, row = measured.account, Row.judged
    caught = control(measured)
    seconds = (measured.away[1] - measured.away[0]) / 1e9
    waited = f"{measured.backlog_events} events and {measured.backlog_positions} journal entries waited"
    alarms = len({event.alarm for event in account.events})
    lost = account.lost_events() + measured.wrong
    return [
        row("outage.seconds", "database and webhook away", seconds, "s", "> 0",
            note=f"{waited}; {measured.unanswered} requests hung"),
        row("outage.lost_readings", "published readings not in influxd", account.lost_readings(), "readings",
            "== 0", note=f"of {account.published.total()}, by device, channel, time, value, quality"),
        row("outage.stray_readings", "readings in influxd twice or never published", account.stray_readings(),
            "readings", "== 0", note=f"of {account.stored.total()}"),
        row("outage.lost_events", "alarm events missing at a sink, or twice in influxd", lost, "events",
            "== 0", note=f"{len(account.events)} events; 2 webhooks with verified signatures, and influxd"),
        row("outage.order", "alarms whose first receipts at a webhook are out of order", account.disordered(),
            "alarms", "== 0", note=f"of {alarms}"),
        row("outage.verify", "riskgate verify --published: checks that did not hold", len(measured.failed),
            "checks", "== 0", note=f"of {measured.checks}"),
        row("outage.control", "damages these comparisons found (negative control)", sum(caught.values()),
            "damages", f"== {len(caught)}", note=", ".join(name for name, seen in caught.items() if seen)),
    ]  # fmt: skip


def _timely(measured: Measured) -> list[Row]:
    core, core_note = _ratio(measured.pubacks, measured)
    steady, steady_note = _ratio(measured.steady(), measured)
    took = f"webhook {measured.hook_s:.1f} s, influxd {measured.influx_s:.1f} s with its own start"
    return [
        Row.judged("outage.core_p99_ratio", "PUBLISH to PUBACK on the wire, p99, outage / before", core, "",
                   "<= 2", "<= 1.2", core_note),
        Row.judged("outage.steady_p99_ratio", "event to healthy webhook, p99, outage / before", steady, "",
                   "<= 2", "<= 1.2", steady_note),
        Row.judged("outage.drain_s", "return to everything of the outage delivered",
                   max(measured.hook_s, measured.influx_s), "s", "<= 120", "<= 75",
                   f"{took} ({measured.catch_ups} replays of the journal); a retry waits at most 72 s"),
    ]  # fmt: skip
