"""``riskgate simulate PLANT`` and ``simulate city``: plants over MQTT, or into a recording, with the
truth beside.

Guarantees: fleet and events are written before the first message; what a stop leaves under way is still
acknowledged; how far behind its own time the stream fell is told, never hidden.
"""

from __future__ import annotations

import asyncio
import csv
import json
import signal
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from gateway import terminal
from gateway.clock import SystemClock
from gateway.errors import RiskgateError
from gateway.fleet import COLUMNS
from gateway.simulate_address import AddressOf
from simulators import _scenario, load
from simulators._labels import write_events
from simulators._payloads import Counters
from simulators._publish import Publisher
from simulators._recording import Recorded, line
from simulators._sources import Group, Pace, Plan, Source, groups, parse_fault

START_S, DEVICES_A_S = 1.0, 2000
"""A city begins so long after it was asked for, and longer by its size: making it takes time."""
WINDOW = 500
TELL_S = 0.5


@dataclass(frozen=True, slots=True)
class Files:
    """Where a run writes; None = not at all."""

    events: Path | None = None
    fleet: Path | None = None
    summary: Path | None = None
    published: Path | None = None
    to: Path | None = None
    """A recording instead of a broker."""


@dataclass(slots=True)
class Result:
    """What a run was."""

    devices: int
    plants: int
    messages: int = 0
    acknowledged: int = 0
    reconnects: int = 0
    seconds: float = 0.0
    worst_behind_s: float = 0.0
    spoiled: dict[str, int] = field(default_factory=dict)
    start_ns: int = 0
    end_ns: int = 0
    recorded: str = ""
    """The file that was written instead of publishing."""

    def rows(self) -> list[tuple[str, str]]:
        """For a person."""
        spoiled = ", ".join(f"{kind} {count}" for kind, count in sorted(self.spoiled.items()))
        return [
            ("what", "how much"),
            ("devices (plants)", f"{self.devices:,} ({self.plants:,})"),
            ("messages", f"{self.messages:,}"),
            ("of the devices' time", f"{self.seconds:.1f} s"),
            ("spoiled on the wire", spoiled or "none"),
            *self._wire(),
        ]

    def _wire(self) -> list[tuple[str, str]]:
        if self.recorded:
            return [("recorded in", self.recorded)]
        return [
            ("acknowledged", f"{self.acknowledged:,}"),
            ("reconnects", str(self.reconnects)),
            ("farthest behind", f"{self.worst_behind_s:.2f} s"),
        ]


def city_plans(scenario: Path | None, devices: int | None, seed: int, span_s: float | None) -> list[Plan]:
    """The plants of a scenario file (None: the shipped one)."""
    where = str(scenario or "the shipped scenario")
    try:
        text = scenario.read_text(encoding="utf-8") if scenario else _scenario.shipped()
        parsed = _scenario.parse(text)
        return _scenario.plans(parsed, devices or parsed.devices, seed, span_s or 600.0)
    except (ValueError, TypeError, KeyError) as error:
        raise RiskgateError(f"{where}: {error}") from error


def write_fleet(file: Path, plans: Sequence[Plan]) -> int:
    """The fleet list that a gateway needs to know these devices; how many."""
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(COLUMNS)
        rows = [(*key.split("/"), plan.profile_id) for plan in plans for key in plan.devices]
        writer.writerows((enterprise, site, site, name, profile) for enterprise, site, name, profile in rows)
    return len(rows)


def run(
    plans: Sequence[Plan],
    address_of: AddressOf,
    out: Console,
    *,
    seed: int,
    speed: float = 1.0,
    for_s: float | None = None,
    files: Files = Files(),
) -> Result:
    """Publish until ``for_s`` seconds of the plants' time are over, or SIGINT or SIGTERM comes."""
    if speed < 0 or (for_s is not None and for_s <= 0):
        raise RiskgateError("speed must be 0 or more, and --for above 0")
    if for_s is None and (speed == 0 or files.to is not None):
        raise RiskgateError("without an end this would not end: say --for SECONDS")
    if files.fleet is not None:
        write_fleet(files.fleet, plans)
    clock = SystemClock()
    devices = sum(len(plan.devices) for plan in plans)
    start_ns = clock.wall_ns() + round((START_S + devices / DEVICES_A_S) * 1e9)
    counters = Counters(boot=start_ns // 1_000_000_000)
    try:
        sources = [Source(plan, start_ns, seed + n, counters) for n, plan in enumerate(plans)]
    except ValueError as error:
        raise RiskgateError(str(error)) from error
    if files.events is not None:
        with files.events.open("w", encoding="utf-8") as events:
            write_events(events, (label for source in sources for label in source.labels()))
    end_ns = None if for_s is None else start_ns + round(for_s * 1e9)
    result = Result(devices, len(plans), start_ns=start_ns)
    if files.to is not None:
        _into_file(files.to, groups(sources, end_ns), result)
    else:
        asyncio.run(_Run(plans, sources, address_of, out, result, clock, speed, end_ns, files).publish())
    result.end_ns = clock.wall_ns()
    for source in sources:
        for kind, count in source.spoiled().items():
            result.spoiled[kind] = result.spoiled.get(kind, 0) + count
    if files.summary is not None:
        body = {name: getattr(result, name) for name in Result.__slots__}
        files.summary.write_text(json.dumps(body, indent=1) + "\n", encoding="utf-8")
    return result


def _into_file(file: Path, source: Iterator[Group], result: Result) -> None:
    result.recorded = str(file)
    with file.open("x", encoding="utf-8") as out:
        for time_ns, messages in source:
            for topic, payload in messages:
                out.write(line(Recorded(topic, payload.encode(), time_ns, 1, retain=False)))
                result.messages += 1
            result.seconds = (time_ns - result.start_ns) / 1e9


class _Run:
    """One run over MQTT: a connection an enterprise, one line of time."""

    def __init__(
        self,
        plans: Sequence[Plan],
        sources: Sequence[Source],
        address_of: AddressOf,
        out: Console,
        result: Result,
        clock: SystemClock,
        speed: float,
        end_ns: int | None,
        files: Files,
    ) -> None:
        self._out, self._result, self._clock, self._files = out, result, clock, files
        self._speed, self._end_ns = speed, end_ns
        self._stopping = False
        by_name: dict[str, list[Source]] = {}
        for plan, source in zip(plans, sources, strict=True):
            by_name.setdefault(plan.devices[0].partition("/")[0], []).append(source)
        self._streams = [
            (address_of(name), Pace(clock.wall_ns, result.start_ns, speed, self._stopped), mine)
            for name, mine in by_name.items()
        ]
        self._publishers: list[Publisher] = []

    def _stopped(self) -> bool:
        return self._stopping

    def _stop(self) -> None:
        self._stopping = True

    async def publish(self) -> None:
        """Until everything is acknowledged; RiskgateError when a broker cannot be used."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop)
        with ExitStack() as stack:
            log = self._log(stack)
            tasks = []
            for address, pace, mine in self._streams:
                publisher = Publisher(address, self._clock.wall_ns, log=log, window=WINDOW)
                self._publishers.append(publisher)
                source = pace.follow(groups(mine, self._end_ns, self._stopped))
                tasks.append(asyncio.ensure_future(publisher.publish(source)))
            telling = asyncio.ensure_future(self._tell())
            try:
                await asyncio.gather(*tasks)
            except ConnectionError as error:
                raise RiskgateError(str(error)) from error
            finally:
                for task in (*tasks, telling):
                    task.cancel()
                await asyncio.gather(*tasks, telling, return_exceptions=True)
                self._sum()

    def _log(self, stack: ExitStack) -> IO[str] | None:
        if self._files.published is None:
            return None
        return stack.enter_context(self._files.published.open("a", encoding="utf-8", buffering=1))

    def _sum(self) -> None:
        paces = [pace for _, pace, _ in self._streams]
        self._result.messages = sum(pace.sent for pace in paces)
        self._result.acknowledged = sum(one.acknowledged for one in self._publishers)
        self._result.reconnects = sum(one.reconnects for one in self._publishers)
        self._result.worst_behind_s = max(pace.worst_s for pace in paces)
        self._result.seconds = max(pace.reached_s for pace in paces)

    async def _tell(self) -> None:
        """The progress bar, until cancelled."""
        total = None if self._end_ns is None else (self._end_ns - self._result.start_ns) / 1e9
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[told]}"))
        with Progress(*columns, console=self._out, disable=not self._out.is_terminal) as progress:
            bar = progress.add_task("simulating", total=total, told="")
            while True:
                self._sum()
                behind = max(pace.behind_s for _, pace, _ in self._streams)
                told = f"{self._result.acknowledged:,} acknowledged, {behind:.1f} s behind"
                progress.update(bar, completed=self._result.seconds, told=told)
                await asyncio.sleep(TELL_S)


def told(result: Result, out: Console) -> None:
    """The result as a table, and a sentence when the rate was not held."""
    terminal.tabulate(out, "Simulated", result.rows())
    if result.worst_behind_s > 1.0:
        late = f"the rate was not held: up to {result.worst_behind_s:.1f} s behind"
        terminal.say(out, f"{late}; simulate fewer devices, or use a faster machine")


def one_plan(kind: str, site: str, devices: int, faults: Sequence[str], **more: Any) -> Plan:
    """One plant of ``devices`` devices at "<enterprise>/<site>"; faults: as ``parse_fault`` takes them."""
    least = load(kind).Plant.DEVICES_MIN
    if len(site.split("/")) != 2 or devices < least:
        raise RiskgateError(f"--site {site!r} must be <enterprise>/<site>, and --devices {least} or more")
    try:
        parsed = tuple(parse_fault(text) for text in faults)
    except ValueError as error:
        raise RiskgateError(str(error)) from error
    names = tuple(f"{site}/{kind.replace('_', '-')}-{n + 1:04d}" for n in range(devices))
    return Plan(kind, names, parsed, **more)
