"""``riskgate train pca``: a table that a profile takes, and refuses when it is not what was trained."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from device_profiles import ProfileError, parse
from gateway.cli import app
from gateway.errors import ConfigError
from gateway.monitor.channels import Device
from gateway.monitor.monitor import Monitor
from gateway.training import train
from tests.monitor.world import PROFILES, World

RTU = "dust/filter_duct"
"""A profile with several analog channels."""


def analog() -> list[str]:
    return [p.channel for p in parse(RTU, PROFILES[RTU]).points if p.kind == "analog"][:3]


def normal(rows: int, seed: int = 1) -> np.ndarray:
    """Three channels that go together."""
    random = np.random.default_rng(seed)
    load = random.normal(0, 1, rows)
    points = [p for p in parse(RTU, PROFILES[RTU]).points if p.kind == "analog"][:3]
    middle = np.array([(p.low + p.high) / 2 for p in points])
    unit = np.array([p.span / 100 for p in points])
    return middle + unit * (load[:, None] + random.normal(0, 0.1, (rows, 3)))


def recorded(folder: Path, rows: int = 300) -> Path:
    lines = [",".join(["time", *analog()])]
    lines += [f"{n}," + ",".join(f"{v:.6g}" for v in row) for n, row in enumerate(normal(rows))]
    file = folder / "normal.csv"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def test_the_command_writes_a_table_that_the_profile_takes(tmp_path: Path) -> None:
    to = tmp_path / "model.toml"
    arguments = ["--data", str(tmp_path), "train", "pca", str(recorded(tmp_path)), "--to", str(to)]
    answer = CliRunner().invoke(app, arguments)
    assert answer.exit_code == 0, answer.output
    assert "3 channels" in " ".join(answer.output.split())
    rule = parse(RTU, PROFILES[RTU] + "\n" + to.read_text("utf-8")).detectors[-1]
    assert (rule.kind, [one.text for one in rule.inputs]) == ("pca", analog())


def test_a_damaged_model_and_one_for_other_channels_are_refused(tmp_path: Path) -> None:
    text, _ = train(recorded(tmp_path), [], [])
    damaged = re.sub(r"mean = \[(\d)", lambda found: f"mean = [{9 - int(found[1])}", text)
    first, second, _ = analog()
    swapped = text.replace(f'["{first}", "{second}"', f'["{second}", "{first}"')
    for wrong in (damaged, swapped):
        assert wrong != text
        with pytest.raises(ProfileError, match="damaged or was trained for other channels"):
            parse(RTU, PROFILES[RTU] + "\n" + wrong)
    with pytest.raises(ProfileError, match="version: is 2"):
        parse(RTU, PROFILES[RTU] + "\n" + text.replace("version = 1", "version = 2"))


def test_what_cannot_be_learnt_from_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="20 rows are too few for 3 channels"):
        train(recorded(tmp_path, 20), [], [])
    with pytest.raises(ConfigError, match="has no column nothing"):
        train(recorded(tmp_path), ["nothing"], [])
    with pytest.raises(ConfigError, match="2 inputs for 3 columns"):
        train(recorded(tmp_path), [], ["a", "b"])


def test_in_the_gateway_a_broken_relation_is_told_and_a_restart_changes_nothing(tmp_path: Path) -> None:
    text, _ = train(recorded(tmp_path), [], [])
    profiles = {**PROFILES, RTU: PROFILES[RTU] + "\n" + text}
    story, period = World(), parse(RTU, PROFILES[RTU]).period_ns
    story.configure([Device("acme", "plant", "unit", "F-1", RTU)], profiles)
    rows = normal(60, seed=2)
    rows[30:, 2] -= 8 * rows[:, 2].std()
    for number, row in enumerate(rows):
        story.clock.advance(period)
        for channel, value in zip(analog(), row, strict=True):
            story.send(float(value), device="acme/plant/F-1", channel=channel)
        if number == 33:
            assert Monitor.load(story.monitor.save()).save() == story.monitor.save()
            story.monitor = Monitor.load(story.monitor.save())
    told = story.alarms("unrelated")
    assert [event.cause for event in told] == ["raised"]
    assert told[0].alarm == f"acme/plant/F-1/{analog()[0]}:unrelated"
    assert told[0].priority == 4
