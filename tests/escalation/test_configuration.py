"""What is wrong with steps and rosters is told at load: file, key, what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import load
from gateway.errors import ConfigError

SINK = """
[sinks.out]
kind = "webhook"
url = "https://control.example/"
secret_file = "secret"
"""
STEP = '[[escalation]]\nname = "first"\nwho = "role:supervisor"\nafter_s = 300\nsink = "out"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_text("whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n")
    return tmp_path


def problems(folder: Path, text: str) -> list[str]:
    (folder / "riskgate.toml").write_text(text + SINK)
    with pytest.raises(ConfigError) as error:
        load(folder / "riskgate.toml", {})
    return [line.removeprefix(f"{folder}/riskgate.toml: ") for line in error.value.problems]


def test_sound_steps_are_taken_over(folder: Path) -> None:
    (folder / "duty.ics").write_text("BEGIN:VCALENDAR\nEND:VCALENDAR\n")
    more = '[[escalation]]\nname = "duty"\nwho = "roster:duty"\nafter_s = 1.5\nsink = "out"\n'
    (folder / "riskgate.toml").write_text(
        f'{STEP}{more}follows = "first"\n[rosters.duty]\nfile = "duty.ics"\n{SINK}'
    )
    config = load(folder / "riskgate.toml", {})
    assert [s.step.after_ns for s in config.escalation] == [300_000_000_000, 1_500_000_000]
    assert config.rosters["duty"].file == folder / "duty.ics"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (STEP.replace("out", "nowhere"), "escalation.0.sink: step 'first': there is no sink 'nowhere'"),
        (STEP.replace("out", "history"), "escalation.0.sink: step 'first': sink 'history' cannot call"),
        (STEP.replace("supervisor", "king"), "escalation.0.who: step 'first': there is no role 'king'"),
        (STEP.replace("role:", "roster:"), "escalation.0.who: step 'first': there is no roster 'supervisor'"),
        (STEP + 'follows = "first"\n', "escalation.0.follows: step 'first': is a loop: first after first"),
        (STEP + STEP, "escalation.1.name: step 'first': 'first' is the name of an earlier step"),
        (STEP + 'folows = "x"\n', "escalation.0.folows: is not a key here"),
        ('[rosters.duty]\nfile = "away.ics"\n', "rosters.duty.file: "),
        ('[rosters.duty]\nfile = "x"\ntimezone = "Mars"\n', "rosters.duty.timezone: 'Mars' is no time zone"),
    ],
)
def test_each_fault_has_its_place(folder: Path, text: str, told: str) -> None:
    assert any(line.startswith(told) for line in problems(folder, text)), problems(folder, text)


def test_a_follower_does_not_choose_alarms(folder: Path) -> None:
    more = STEP.replace('"first"', '"then"') + 'follows = "first"\npriorities = [2]\n'
    assert problems(folder, STEP + more)[0].startswith("escalation.1.priorities: step 'then': the first step")
