"""Suggested settings: their effect is what the limit detector of live does on the same readings."""

from __future__ import annotations

import csv
import dataclasses
from pathlib import Path

import msgspec
import numpy as np
import pytest
from typer.testing import CliRunner

from gateway.cli import app
from gateway.fleet import read_profiles
from gateway.ingest import LinkChange
from gateway.journal import JournalReader
from gateway.kpi import Suggestion, suggestions
from gateway.ledger import LedgerReader
from gateway.monitor.channels import ChannelTable, Device, Setpoint
from gateway.monitor.monitor import Monitor
from gateway.monitor.roster import MonitorConfig, Roster
from gateway.paths import DataFolder
from gateway.sinks import Delivered, ReadingsBatch, SinkContext
from gateway.sinks.history import Settings, Sink
from tests.kpi.book import GAS, TEXT, Book, gas, ns
from tests.support.make_data import FLEET, SECOND, Maker
from tests.support.readings import readings

PERIOD = 5
LEL = 0
"""Slot of GD-1's lel."""


def recorded(book: Book, values: list[float], alarms: int = 2, condition: str = "H") -> DataFolder:
    """One channel's readings in the history, and so many alarms of it in the ledger."""
    book.start(0)
    book.fleet(0, [gas(1)])
    for n in range(alarms):
        book.alarm(
            n + 1, gas(1), "lel", condition, "unacknowledged", active=True, occurrence=n + 1,
            before="returned_unacknowledged" if n else "normal", cause="re_raised" if n else "raised",
        )  # fmt: skip
    book.close()
    history = Sink(Settings(), SinkContext("history", str(book.data.root), lambda: ns(0)))
    rows = [(LEL, ns(PERIOD * n), value, 0, 0, 0) for n, value in enumerate(values)]
    if rows:
        what = dataclasses.replace(readings(rows), received_ns=np.array([row[1] for row in rows]))
        positions = np.arange(1, len(rows) + 1)
        batch = ReadingsBatch(1, len(rows), what, channels([gas(1)]), positions)
        assert isinstance(history.deliver(batch), Delivered)
    history.close()
    return book.data


def channels(devices: list[Device]) -> ChannelTable:
    roster = Roster()
    roster.apply(MonitorConfig(devices, {GAS: TEXT}), "digest")
    return roster.channels


def one(data: DataFolder) -> Suggestion:
    (found,) = suggestions(data.ledger, ns(0), ns(100_000))
    return found


def noisy(times: int) -> list[float]:
    """Around H (25 %LEL), crossing it and falling a little below, again and again; then true and long."""
    swing = [26.0, 26.0, *[23.5] * 4] * times
    return [10.0, *swing, *[10.0] * 20, *[30.0] * 40, *[5.0] * 40]


def test_a_limit_that_chatters_is_calmed_and_the_true_alarm_stays(tmp_path: Path) -> None:
    found = one(recorded(Book(tmp_path), noisy(14)))
    assert (found.alarm, found.recorded, found.setpoint) == ("acme/plant/GD-1/lel:H", 2, 25)
    assert found.now is not None
    assert found.suggested is not None
    assert found.now.alarms == 15
    assert found.suggested.alarms <= 2
    assert found.avoided == found.now.alarms - found.suggested.alarms
    assert f"{found.avoided} of 15 alarms would not have happened" in found.reason_en
    assert f"slowest true alarm {found.slowest_s:g} s later" in found.reason_en
    assert found.longest_missed_s < 60


def test_what_is_suggested_is_no_more_sensitive_than_what_is_in_force(tmp_path: Path) -> None:
    found = one(recorded(Book(tmp_path), noisy(6)))
    now, then = found.now, found.suggested
    assert now is not None
    assert then is not None
    for name in ("deadband", "on_delay_s", "off_delay_s"):
        assert getattr(then, name) >= getattr(now, name)
    assert then != now


def test_a_safety_limit_loses_nothing_and_gets_no_long_delay(tmp_path: Path) -> None:
    values = [v + 25 for v in noisy(8)]  # around HH, 50 %LEL
    found = one(recorded(Book(tmp_path), values, condition="HH"))
    assert found.setpoint == 50
    assert found.suggested is not None
    assert found.suggested.on_delay_s <= 3
    assert found.missed == 0


def test_true_alarms_far_apart_are_left_alone_and_it_says_why(tmp_path: Path) -> None:
    values = [*([5.0] * 60 + [30.0] * 30) * 4, *[5.0] * 60]
    found = one(recorded(Book(tmp_path), values))
    assert found.now is not None
    assert found.now.alarms == 4
    assert found.suggested is None
    assert found.avoided == 0
    assert "without losing one that stood for a minute" in found.reason_en


def test_a_deadband_that_never_lets_an_alarm_end_is_not_calm(tmp_path: Path) -> None:
    values = [5.0, *[*[30.0] * 30, *[22.0] * 240] * 4]  # it settles below H, but within 5 % of it
    found = one(recorded(Book(tmp_path), values))
    assert found.now is not None
    assert found.now.alarms == 4
    assert found.suggested is None, found.suggested


def test_without_recorded_readings_nothing_is_made_up(tmp_path: Path) -> None:
    found = one(recorded(Book(tmp_path), []))
    assert (found.now, found.suggested, found.readings) == (None, None, 0)
    assert "no reading" in found.reason_en


def test_an_alarm_that_came_once_and_a_device_that_left_ask_for_nothing(tmp_path: Path) -> None:
    assert suggestions(recorded(Book(tmp_path / "a"), noisy(3), alarms=1).ledger, ns(0), ns(9999)) == []
    data = recorded(Book(tmp_path / "b"), noisy(3))
    again = Book(data.root)
    again.fleet(5000, [gas(2)])
    again.close()
    assert suggestions(data.ledger, ns(0), ns(9999)) == []
    assert len(suggestions(data.ledger, ns(0), ns(4000))) == 1, "then it was there"


@pytest.mark.parametrize("words", [["kpi", "--suggest", "3"], ["coverage", "--rebuild"]])
def test_the_commands_print_tables_json_and_csv(tmp_path: Path, words: list[str]) -> None:
    data = recorded(Book(tmp_path / "d"), noisy(3))
    period = ["--since", "2025-11-24", "--until", "2025-11-26T00:00"]
    run = CliRunner()
    for form in ([], ["--json"], ["--csv"]):
        told = run.invoke(app, ["--data", str(data.root), *words, *period, *form])
        assert told.exit_code == 0, told.output
        if form == ["--csv"]:
            lines = list(csv.reader(told.output.splitlines()))
            assert len({len(line) for line in lines}) == 1
            assert len(lines) > 5
        elif form:
            assert '"since_ms": 1763942400000' in told.output
    wrong = run.invoke(app, ["--data", str(data.root), *words[:1], "--since", "soon"])
    assert wrong.exit_code == 78
    assert "no length of time" in wrong.output


def test_what_a_suggestion_promises_is_what_a_core_with_these_settings_raises(tmp_path: Path) -> None:
    """The same packets through two real cores: one with the profile's settings, one with the suggested."""
    name = "acme/plant/GD-1/lel:H"
    values = noisy(9)
    data = cored(tmp_path / "was", values, [])
    found = next(one for one in every(data) if one.alarm == name)
    then = found.suggested
    assert found.now is not None
    assert then is not None
    assert found.now.alarms == 10, "judged again, it is abnormal as often as the readings are"
    assert 3 <= found.recorded < found.now.alarms, "what chatters was held back, so it came less often"
    own = [
        Setpoint("lel", "H.deadband", then.deadband),
        Setpoint("lel", "H.on_delay_s", then.on_delay_s),
        Setpoint("lel", "H.off_delay_s", then.off_delay_s),
    ]
    again = cored(tmp_path / "then", values, own)
    begins = [
        event
        for _, event in LedgerReader(again.ledger).history_of(name)
        if event.cause in {"raised", "re_raised"}
    ]
    assert len(begins) == then.alarms < found.now.alarms


def every(data: DataFolder) -> list[Suggestion]:
    return suggestions(data.ledger, 0, 2_000_000_000 * 1_000_000_000)


def cored(folder: Path, values: list[float], own: list[Setpoint]) -> DataFolder:
    """A real core's journal and ledger of these readings, and the history of what its monitor took."""
    maker = Maker(folder)
    maker.core.start()
    devices = [with_own(device, own) if device.device == "GD-1" else device for device in FLEET]
    profiles = read_profiles([])
    maker.core.change_config(devices, {d.profile: profiles[d.profile] for d in FLEET})
    maker.turn(LinkChange(1, True, False, False, "", maker.clock.mono_ns()))
    for value in values:
        maker.turn(maker.reading(value))
        maker.clock.advance(4 * SECOND)
    maker.stores.journal.close()
    maker.stores.ledger.close()
    history = Sink(Settings(), SinkContext("history", str(folder), maker.clock.wall_ns))
    monitor = Monitor(1)
    for position, entry in JournalReader(DataFolder(folder).journal).read():
        taken = monitor.step(position, entry).readings
        if taken is not None and len(taken):
            told = history.deliver(ReadingsBatch(position, position, taken, monitor.roster.channels))
            assert isinstance(told, Delivered)
    history.close()
    return DataFolder(folder)


def with_own(device: Device, own: list[Setpoint]) -> Device:
    return msgspec.structs.replace(device, overrides=tuple(own))
