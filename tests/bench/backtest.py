"""How long a week's back-test takes: 1,000 channels at one reading in 10 s, ten rules that touch 100."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from gateway.backtest import Difference, Rule, RuleSet
from gateway.backtest import backtest as tried
from gateway.monitor.warm import compile_loops
from gateway.paths import DataFolder
from tests.bench import _week
from tests.bench._fleet import BEGIN_NS
from tests.support.report import Row

CHANNELS = 1000
HOURS = 7 * 24
MOST_ROUNDS = 3
"""Each is half a minute."""


def measure(rounds: int = 5, *, channels: int = CHANNELS, hours: int = HOURS) -> list[Row]:
    """The row ``backtest``: seconds, median of the rounds; what it did is told beside it."""
    config = _week.config(channels)
    compile_loops(config.devices[:1], config.profiles)
    with tempfile.TemporaryDirectory() as name:
        data = DataFolder(Path(name))
        readings = _week.write(data, channels, hours)
        size = sum(path.stat().st_size for path in data.journal.iterdir())
        times, told = [], None
        for _ in range(min(rounds, MOST_ROUNDS)):
            begin = time.perf_counter()
            told = tried(data, rules(), BEGIN_NS)
            times.append(time.perf_counter() - begin)
            _account(told, hours)
    assert told is not None
    note = (
        f"{readings} readings in {told.entries} entries, {size / 1e9:.2f} GB; {told.devices} devices "
        f"stepped, +{told.added} / -{told.removed} alarms; "
        f"all rounds {', '.join(f'{one:.1f}' for one in times)} s"
    )
    figure = "back-test of 7 days of 1,000 channels at 10 s, 10 rules changed that touch 100 of them"
    return [Row.judged("backtest", figure, statistics.median(times), "s", "<= 60", "<= 15", note)]


def rules() -> RuleSet:
    """Ten rules, each for ten channels: stricter for three of the five profiles, looser for two."""
    ten = []
    for n, profile in enumerate(_week.PROFILES):
        for channel, (stricter, looser) in {"lel": (20.0, 35.0), "temperature": (40.0, 60.0)}.items():
            ten.append(Rule(channel, "H", profile=profile, setpoint=stricter if n < 3 else looser))
    return RuleSet("bench", "bench", "to be measured", tuple(ten))


def _account(told: Difference, hours: int) -> None:
    """Every excursion is known: what lies between both limits comes, or goes."""
    if told.entries != hours * 3600 * 4 + 3 or told.changed != _week.TOUCHED:
        raise AssertionError(f"{told.entries} entries were stepped, {told.changed} devices changed")
    if (told.added, told.removed) != (30, 20):
        raise AssertionError(f"+{told.added} / -{told.removed} alarms, not +30 / -20")
