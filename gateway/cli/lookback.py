"""Commands that look back over a period: kpi, coverage."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway import terminal
from gateway.cli.common import LOOK, State, looks, out, refuse, table

if TYPE_CHECKING:
    from gateway.kpi import Coverage, Kpis, Suggestion

app = typer.Typer()

Since = Annotated[
    str, typer.Option(help="Beginning: a length of time before the end (12h, 7d), or a day or time, UTC.")
]
Until = Annotated[str, typer.Option(help="End: a day or time, UTC, as 2026-01-31 or 2026-01-31T12:00; now.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the whole answer as JSON.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="Print the figures as CSV.")]


@app.command(rich_help_panel=LOOK)
def kpi(
    since: Since = "30d",
    until: Until = "now",
    operators: Annotated[int, typer.Option(help="Positions that share the alarms evenly.", min=1)] = 1,
    enterprise: Annotated[str, typer.Option(help="Only this enterprise.")] = "",
    county: Annotated[str, typer.Option(help="Only this county.")] = "",
    suggest: Annotated[
        int, typer.Option(help="Suggest deadbands and delays for so many of the worst alarms.", min=0)
    ] = 0,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Key figures of the alarms of a period, after ISA-18.2 and EEMUA 191."""
    looks()
    from gateway.kpi import kpis, suggestions

    begin, end = _period(since, until)
    scope = _Part(enterprise, county)
    told = kpis(State.data.ledger, begin, end, scope, operators=operators)
    better = suggestions(State.data.ledger, begin, end, scope, count=suggest) if suggest else []
    if as_json:
        _json({"kpis": told, "suggestions": better})
    elif as_csv:
        _csv(_figure_rows(told))
    else:
        _show_kpis(told)
        if suggest:
            _suggested(better)


def _figure_rows(told: Kpis) -> list[Sequence[Any]]:
    rows: list[Sequence[Any]] = [
        ("id", "figure", "value", "unit", "target", "met", "clause", "source_verified")
    ]
    for f in told.figures:
        met, verified = _yes(f.met), _yes(f.source_verified)
        rows.append((f.id, f.title_en, f.value, f.unit, f.target, met, f.clause, verified))
    return rows


def _show_kpis(told: Kpis) -> None:
    rows = [(f.title_en, _number(f.value, f.unit), f.target, _yes(f.met)) for f in told.figures]
    title = f"Alarm figures, {_when(told.since_ms)} to {_when(told.until_ms)}"
    table(title, [("figure", "value", "target", "met"), *rows])
    unread = sorted({f.clause for f in told.figures if f.target and not f.source_verified})
    terminal.say(out, f"targets from {'; '.join(unread)}: cited, not read in the standards' own text")
    people = "operator" if told.operators == 1 else "operators"
    terminal.say(
        out, f"alarms annunciated: {told.annunciated}; {told.operators} {people}; floods: {len(told.floods)}"
    )
    lists = (
        ("Most frequent", told.top),
        ("Chattering", told.chattering),
        ("Fleeting", told.fleeting),
        ("Stale", told.stale),
    )
    for name, some in lists:
        lines = [(c.alarm, c.count, f"{c.percent:.1f}", f"{c.longest_s:.0f}") for c in some]
        table(name, [("alarm", "count", "% of all", "longest s"), *lines] if lines else [])


@app.command(rich_help_panel=LOOK)
def coverage(
    since: Since = "30d",
    until: Until = "now",
    enterprise: Annotated[str, typer.Option(help="Only this enterprise.")] = "",
    county: Annotated[str, typer.Option(help="Only this county.")] = "",
    limit: Annotated[int, typer.Option(help="Name so many channels that are not live.", min=0)] = 20,
    rebuild: Annotated[
        bool, typer.Option(help="First derive the summary anew and compare it with the one kept.")
    ] = False,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Which expected channels were watched, and what the others were, now and over a period."""
    looks()
    from gateway.kpi import coverage as covered
    from gateway.kpi import derive_again

    if rebuild and (wrong := derive_again(State.data.ledger)):
        refuse([f"lookback/{name} told something else than its source; it is derived anew" for name in wrong])
    begin, end = _period(since, until)
    told = covered(State.data.ledger, begin, end, _Part(enterprise, county), list_limit=limit)
    if as_json:
        _json(told)
    elif as_csv:
        _csv(_share_rows(told))
    else:
        _show_coverage(told)


def _share_rows(told: Coverage) -> list[Sequence[Any]]:
    names = list(told.total.hours)
    spent = [f"{state} hours" for state in names]
    rows: list[Sequence[Any]] = [
        ("by", "name", "expected", *names, "coverage %", "expected hours", *spent, "period coverage %")
    ]
    for s in (told.total, *told.groups):
        counted = (s.by, s.name, s.expected, *s.channels.values(), s.coverage_percent)
        rows.append((*counted, s.expected_hours, *s.hours.values(), s.period_coverage_percent))
    return rows


def _show_coverage(told: Coverage) -> None:
    first = told.total
    rows: list[Sequence[Any]] = [("state", "channels at the end", "channel-hours", "% of the period")]
    for state, hours in first.hours.items():
        part = 100 * hours / first.expected_hours if first.expected_hours else None
        rows.append((state, first.channels[state], f"{hours:.1f}", _number(part, "%")))
    rows.append(("expected", first.expected, f"{first.expected_hours:.1f}", ""))
    table(f"Coverage, {_when(told.since_ms)} to {_when(told.until_ms)}", rows)
    terminal.say(
        out,
        f"covered at the end: {_number(first.coverage_percent, '%')}; over the period: "
        f"{_number(first.period_coverage_percent, '%')}; not yet commissioned: {told.not_yet_commissioned}",
    )
    groups = [
        (s.by, s.name, s.expected, _number(s.coverage_percent, "%"), _number(s.period_coverage_percent, "%"))
        for s in told.groups
    ]
    table(
        "By group", [("by", "name", "expected", "at the end", "over the period"), *groups] if groups else []
    )
    listed = [(c.channel, c.state, _when(c.since_ms) if c.since_ms else "") for c in told.not_live]
    table("Not live at the end", [("channel", "state", "since"), *listed] if listed else [])
    if told.not_live_beyond:
        terminal.say(out, f"and {told.not_live_beyond} more: --limit names them")


class _Part:
    """The part of the city that the options ask for."""

    def __init__(self, enterprise: str, county: str) -> None:
        self._enterprise, self._county = enterprise, county

    def sees(self, *, enterprise: str, county: str) -> bool:
        """Whether it belongs to what was asked for."""
        return self._enterprise in {"", enterprise} and self._county in {"", county}


def _suggested(better: Iterable[Suggestion]) -> None:
    head = ("alarm", "recorded", "judged again", "deadband", "on delay s", "off delay s", "what it does")
    rows: list[Sequence[Any]] = [head]
    for one in better:
        now, then = one.now, one.suggested
        pairs = [
            (f"{getattr(now, name):g} -> {getattr(then, name):g}" if then else f"{getattr(now, name):g}")
            if now
            else ""
            for name in ("alarms", "deadband", "on_delay_s", "off_delay_s")
        ]
        rows.append((one.alarm, one.recorded, *pairs, f"{one.reason_en} / {one.reason_zh}"))
    table("Suggested settings", rows if len(rows) > 1 else [])


def _period(since: str, until: str) -> tuple[int, int]:
    """Both ends in ns; refused if they make no period."""
    from gateway.cli.rules import NS, SECONDS, SPAN
    from gateway.clock import SystemClock

    end = SystemClock().wall_ns() if until == "now" else _moment("--until", until)
    span = SPAN.fullmatch(since)
    begin = end - int(span[1]) * SECONDS[span[2]] * NS if span else _moment("--since", since)
    if begin >= end:
        refuse([f"--since {since} --until {until}: the end is not after the beginning"])
    return max(0, begin), end


def _moment(option: str, text: str) -> int:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        refuse([f"{option} {text}: is no length of time and no day; write 12h, 7d, 2026-01-31"])
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()) * 1_000_000_000


def _json(answer: Any) -> None:
    import msgspec

    typer.echo(msgspec.json.format(msgspec.json.encode(answer)).decode())


def _csv(rows: Sequence[Sequence[Any]]) -> None:
    from gateway.export import safe_cell

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerows([[safe_cell(cell) for cell in row] for row in rows])


def _number(value: float | None, unit: str) -> str:
    return "-" if value is None else f"{value:.4g}{' ' + unit if unit else ''}"


def _yes(met: bool | None) -> str:
    return "" if met is None else ("yes" if met else "no")


def _when(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
