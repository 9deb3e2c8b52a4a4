"""``riskgate train seasonal``: a week's model that a profile takes and that never learns."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from detectors import Findings, Readings, seasonal
from device_profiles import ProfileError, parse
from gateway.cli import app
from gateway.errors import ConfigError
from gateway.training import train_week
from tests.monitor.world import PROFILES

RTU = "dust/filter_duct"
CHANNEL = next(p.channel for p in parse(RTU, PROFILES[RTU]).points if p.kind == "analog")
FIRST = datetime(2026, 1, 5, tzinfo=UTC) - timedelta(hours=8)
"""Monday, 00:00 in China."""
QUARTER_NS = 900_000_000_000


def usual(hour: int) -> float:
    """By day of a working day 900, else 300."""
    return 900.0 if hour // 24 < 5 and 8 <= hour % 24 < 18 else 300.0


def recorded(folder: Path, weeks: int = 3, marked: int = 0) -> Path:
    """Quarters of an hour; the first ``marked`` of them are far off and say so."""
    random = np.random.default_rng(1)
    lines = ["time,value,label"]
    for row in range(weeks * 672):
        value = usual(row // 4 % 168) + random.normal(0, 5) + (5000.0 if row < marked else 0.0)
        lines.append(f"{(FIRST + timedelta(minutes=15 * row)).isoformat()},{value:.3f},{int(row < marked)}")
    file = folder / "weeks.csv"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def test_the_command_writes_a_table_that_the_profile_takes(tmp_path: Path) -> None:
    to = tmp_path / "model.toml"
    arguments = ["--data", str(tmp_path), "train", "seasonal", str(recorded(tmp_path)), "--to", str(to)]
    answer = CliRunner().invoke(app, [*arguments, "--column", "value", "--channel", CHANNEL])
    assert answer.exit_code == 0, answer.output
    assert "168 of 168 hours" in " ".join(answer.output.split())
    rule = parse(RTU, PROFILES[RTU] + "\n" + to.read_text("utf-8")).detectors[-1]
    assert (rule.kind, rule.channel) == ("seasonal", CHANNEL)


def test_the_model_is_the_week_and_labelled_rows_teach_nothing(tmp_path: Path) -> None:
    _, model = train_week(recorded(tmp_path, marked=96), "value", CHANNEL, utc_offset_s=28_800.0)
    assert model["level"] == pytest.approx([usual(hour) for hour in range(168)], abs=8.0)
    assert max(model["spread"]) < 12.0


def test_a_damaged_model_and_one_for_another_channel_are_refused(tmp_path: Path) -> None:
    text, _ = train_week(recorded(tmp_path), "value", CHANNEL, utc_offset_s=28_800.0)
    for wrong in (
        re.sub(r"level = \[\d", "level = [7", text),
        text.replace("utc_offset_s = 28800.0", "utc_offset_s = 0.0"),
        text.replace(f'channel = "{CHANNEL}"', 'channel = "hopper_temperature"'),
    ):
        assert wrong != text
        with pytest.raises(ProfileError, match="damaged or was trained for another channel"):
            parse(RTU, PROFILES[RTU] + "\n" + wrong)
    with pytest.raises(ProfileError, match="version: is 2"):
        parse(RTU, PROFILES[RTU] + "\n" + text.replace("version = 1", "version = 2"))
    with pytest.raises(ProfileError, match="a model has 168"):
        parse(RTU, PROFILES[RTU] + "\n" + re.sub(r"level = \[[^,]*, ", "level = [", text))


def test_what_cannot_be_learnt_from_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="record two weeks or longer"):
        train_week(recorded(tmp_path, weeks=1), "value", CHANNEL, utc_offset_s=0.0)
    with pytest.raises(ConfigError, match="has no column nothing"):
        train_week(recorded(tmp_path), "nothing", CHANNEL, utc_offset_s=0.0)


def test_a_fault_of_many_weeks_is_never_learnt(tmp_path: Path) -> None:
    """A year of nights that work: told every night, and the model is what it was."""
    _, model = train_week(recorded(tmp_path), "value", CHANNEL, utc_offset_s=28_800.0)
    rule = {**model, "channel": CHANNEL, "low": 0.0, "high": 3000.0, "span": 3000.0, "clear_readings": 2}
    parameters = np.array([seasonal.configure(rule)], seasonal.PARAMETERS)
    state, found = np.array([seasonal.initial()], seasonal.STATE), Findings()
    count = 52 * 672
    value = np.full(count, 900.0)
    time = round(FIRST.timestamp()) * 1_000_000_000 + np.arange(count, dtype=np.int64) * QUARTER_NS
    zero, rows = np.zeros(count, np.uint8), np.zeros(count, np.int32)
    seasonal.step(parameters, state, Readings(rows, time, time, value, zero, zero, zero, rows), found)
    begun = [int(f["row"]) // 672 for f in found.found() if f["active"]]
    assert begun[0] == 0, "from the first night on, without a warm-up"
    assert sorted(set(begun)) == list(range(52))
    assert not state["weeks"].any(), "nothing was learnt"
