"""How long the figures and the coverage of a city take: 440,000 channels and 30 days of alarms."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np

from gateway.alarms.events import AlarmEvent, Event, NoteEvent
from gateway.journal import Journal
from gateway.kpi import coverage, kpis
from gateway.ledger import Ledger
from gateway.monitor.channels import Device
from gateway.monitor.entries import Stamp, Started, Tick
from gateway.monitor.monitor import BEHAVIOUR
from gateway.monitor.roster import config_change
from gateway.paths import DataFolder
from tests.bench._fleet import BEGIN_NS, BOOT, PROFILE, texts
from tests.support.report import Row

CHANNELS = 440_000
DAYS = 30
ALARMS = 90_000
"""Some 6 an hour for each of 20 operators; each is raised, acknowledged and cleared."""
DAY_NS = 86_400_000_000_000
ENTERPRISES, COUNTIES = 400, 12
PART = 10_000


def measure(
    rounds: int = 5, *, channels: int = CHANNELS, alarms: int = ALARMS, days: int = DAYS
) -> list[Row]:
    """The row ``kpi``: figures and coverage of the period one after the other, median of the rounds; what a
    first look derives from the ledger and the journal is told beside it."""
    with tempfile.TemporaryDirectory() as name:
        data = DataFolder(Path(name))
        _write(data, channels, alarms, days)
        until = BEGIN_NS + days * DAY_NS
        first = _look(data, until, days, channels, alarms)
        times = [_look(data, until, days, channels, alarms) for _ in range(rounds)]
    note = (
        f"{channels} channels, {3 * alarms} transitions in {days} days; first look, with the summary made: "
        f"{first / 1000:.1f} s; all rounds {', '.join(f'{one:.0f}' for one in times)} ms"
    )
    figure = "KPI and coverage for 440,000 channels and 30 days"
    return [Row.judged("kpi", figure, statistics.median(times), "ms", "<= 500", "<= 100", note)]


def _look(data: DataFolder, until: int, days: int, channels: int, alarms: int) -> float:
    since = until - days * DAY_NS
    begin = time.perf_counter()
    told, covered = kpis(data.ledger, since, until, operators=20), coverage(data.ledger, since, until)
    took = (time.perf_counter() - begin) * 1000
    if told.annunciated != alarms or covered.total.expected != channels:
        raise AssertionError(f"{told.annunciated} alarms and {covered.total.expected} channels were counted")
    return took


def _devices(count: int) -> list[Device]:
    return [
        Device(
            f"e{n % ENTERPRISES}", f"s{n // 1000}", "hall", f"GD-{n}", PROFILE, f"county-{n % COUNTIES}",
            f"sector-{n % 7}",
        )
        for n in range(count)
    ]  # fmt: skip


def _write(data: DataFolder, channels: int, alarms: int, days: int) -> None:
    data.create()
    devices = _devices(channels // 2)
    journal, ledger = Journal(data.journal, synchronous="NORMAL"), Ledger(data.ledger)
    stamp = Stamp(BEGIN_NS, 1, BOOT)
    change = config_change(stamp, devices, texts())
    journal.append([Started(stamp, "bench", BEHAVIOUR, 1), change])
    detail = {"digest": change.digest, "devices": len(devices)}
    notes = [
        NoteEvent(id="1-1-0", kind="started", at_ns=BEGIN_NS, reason_en="", reason_zh=""),
        NoteEvent(
            id="1-2-0", kind="configuration", at_ns=BEGIN_NS, reason_en="", reason_zh="", detail=detail
        ),
    ]
    ledger.record([(1, notes[:1]), (2, notes[1:])], journal.head)
    events: list[Event] = []
    position = 2
    for event in _events(devices, alarms, days):
        events.append(event)
        if len(events) == PART:
            position = _record(journal, ledger, position, events)
            events = []
    _record(journal, ledger, position, events)
    journal.append([Tick(Stamp(BEGIN_NS + days * DAY_NS, 2, BOOT))])
    journal.close()
    ledger.close()


def _record(journal: Journal, ledger: Ledger, position: int, events: list[Event]) -> int:
    journal.append([Tick(Stamp(BEGIN_NS, 1, BOOT))])
    position += 1
    named = [_named(event, f"1-{position}-{index}") for index, event in enumerate(events)]
    ledger.record([(position, named)], journal.head)
    return position


def _named(event: Event, name: str) -> Event:
    return msgspec.structs.replace(event, id=name)


def _events(devices: list[Device], alarms: int, days: int) -> Iterator[AlarmEvent]:
    """Each alarm raised, acknowledged and cleared, in order of time; a quarter are of silent devices."""
    draw = np.random.default_rng(1)
    begins = np.sort(draw.integers(0, (days - 1) * DAY_NS, alarms))
    which = draw.integers(0, len(devices), alarms)
    wait, stand = draw.integers(1, 10**12, alarms), draw.integers(10**12, DAY_NS, alarms)
    rows = [
        (begins[n] + after, step, n)
        for n in range(alarms)
        for step, after in enumerate((0, wait[n], stand[n]))
    ]
    steps = (
        ("unacknowledged", "normal", "raised", True),
        ("acknowledged", "unacknowledged", "acknowledged", True),
        ("normal", "acknowledged", "cleared", False),
    )
    for at, step, n in sorted(rows):
        device, (state, before, cause, active) = devices[which[n]], steps[step]
        condition, channel, kind = ("silent", "", "device") if n % 4 == 0 else ("H", "lel", "process")
        yield AlarmEvent(
            id="", alarm=f"{device.key}/{channel}:{condition}", occurrence=n + 1, category=kind,
            condition=condition, priority=1 + n % 4, state=state, before=before, cause=cause, reason_en="gas",
            reason_zh="气体", at_ns=BEGIN_NS + int(at), process_active=active, enterprise=device.enterprise,
            site=device.site, asset=device.asset, device=device.device, channel=channel, family="gas",
            county=device.county, sector=device.sector, value=25.5, limit=25.0, unit="%LEL",
        )  # type: ignore[arg-type]  # fmt: skip
