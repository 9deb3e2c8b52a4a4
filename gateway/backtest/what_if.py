"""What else can be tried on a recording: other profiles, and this version's behaviour on older entries.

Guarantee: prints differences, touches nothing. Profiles that are tried were checked against every device that
follows them.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from device_profiles import ProfileError, override_problems, parse
from gateway.alarms.events import Event
from gateway.backtest.difference import Difference, compare
from gateway.backtest.rules import named
from gateway.backtest.stepping import END, Progress, run_both
from gateway.errors import ConfigError
from gateway.journal import JournalReader
from gateway.ledger import LedgerReader
from gateway.monitor.monitor import BEHAVIOUR, Monitor
from gateway.monitor.roster import MonitorConfig
from gateway.paths import DataFolder
from gateway.restore import partition_of

TOLD_EVERY = 1000


class OtherProfiles(NamedTuple):
    """Profile id -> text that is tried instead."""

    texts: dict[str, str]

    def tried(self, config: MonitorConfig) -> tuple[MonitorConfig, set[str]]:
        """The configuration with these profiles, and the keys of the devices that follow one that differs."""
        other = {name for name, text in self.texts.items() if config.profiles.get(name, text) != text}
        concerned = {device.key for device in config.devices if device.profile in other}
        texts = {name: self.texts.get(name, text) for name, text in config.profiles.items()}
        return MonitorConfig(config.devices, texts, config.suppressing), concerned


def read_other_profiles(path: Path, config: MonitorConfig) -> OtherProfiles:
    """One profile file (its family is its folder's name), or a folder of families. ConfigError with every
    problem and its file."""
    files = sorted(path.glob("*/*.toml")) if path.is_dir() else [path]
    texts: dict[str, str] = {}
    problems = (
        [] if files else [f"{path}: holds no <family>/<model>.toml; give a file or a folder of families"]
    )
    for file in files:
        name = f"{file.absolute().parent.name}/{file.stem}"
        try:
            texts[name] = file.read_text("utf-8")
            profile = parse(name, texts[name])
        except (OSError, UnicodeDecodeError) as error:
            problems.append(f"{file}: cannot be read: {error}")
        except ProfileError as error:
            problems += [f"{file}: {one}" for one in error.problems]
        else:
            for device in (d for d in config.devices if d.profile == name and d.overrides):
                wrong = override_problems(profile, named(device), may_loosen=True)
                problems += [f"{file}: {device.key}: {one}" for one in wrong]
    found = OtherProfiles(texts)
    if not problems and not found.tried(config)[1]:
        problems.append(f"{path}: no device in force follows a profile that differs from what is there")
    if problems:
        raise ConfigError(problems)
    return found


def with_profiles(data: DataFolder, other: OtherProfiles, progress: Progress | None = None) -> Difference:
    """The alarms of the whole journal with these profiles, beside those that were."""
    run = run_both(data, other, 0, END, progress)
    named_so = ", ".join(sorted(other.texts))
    return _told(
        f"profiles {named_so}"[:200], *run.events, run.last_ns, run.entries, run.devices, run.changed
    )


def with_this_behaviour(data: DataFolder, progress: Progress | None = None) -> Difference:
    """The alarms that this version gives for the whole journal, beside those in the ledger, which may be of
    an earlier behaviour version."""
    journal, monitor = JournalReader(data.journal), Monitor(partition_of(data.ledger))
    head = journal.head().position
    events: list[Event] = []
    last_ns = entries = 0
    for position, entry in journal.read(0, head):
        events += monitor.step(position, entry).events
        last_ns, entries = entry.stamp.wall_ns, entries + 1
        if progress is not None and entries % TOLD_EVERY == 0:
            progress(position, head)
    count = len(monitor.roster.index)
    return _told(f"behaviour {BEHAVIOUR}", _ledger(data), events, last_ns, entries, count, count)


def _ledger(data: DataFolder) -> list[Event]:
    events: list[Event] = []
    reader, seq = LedgerReader(data.ledger), 0
    while page := reader.events_after(seq):
        events += [event for _, event in page]
        seq = page[-1][0]
    return events


def _told(
    version: str,
    before: list[Event],
    after: list[Event],
    last_ns: int,
    entries: int,
    devices: int,
    changed: int,
) -> Difference:
    found = compare(before, after, 0, END)
    return Difference(
        version, 0, last_ns // 1_000_000, entries, devices, changed, found.before, found.after, found.added,
        found.removed, found.moved, found.alarms, found.examples, [],
    )  # fmt: skip
