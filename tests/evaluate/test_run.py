"""A run of the evaluation: bounds, the report, what is skipped and why, pictures."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from rich.console import Console
from typer.testing import CliRunner

from gateway.cli import app
from gateway.clock import VirtualClock
from gateway.evaluate import run
from gateway.evaluate.figures import BOUNDS, Figure, Part
from gateway.evaluate.plots import draw


@pytest.mark.parametrize(
    ("figure", "verdict"),
    [
        (Figure("nab", 49.9), "missed"),
        (Figure("nab", 50.0), "must"),
        (Figure("nab", 60.0), "good"),
        (Figure("nab", 71.0), "best"),
        (Figure("nab", float("nan")), "missed"),
        (Figure("false_alarms", 0.011), "missed"),
        (Figure("false_alarms", 0.001), "best"),
        (Figure("in_time", 99.9), "missed"),
        (Figure("in_time", 100.0), "must"),
        (Figure("tep.false_alarms", 1.0), "measured"),
    ],
)
def test_a_figure_is_held_to_its_bounds(figure: Figure, verdict: str) -> None:
    assert figure.plain()["verdict"] == verdict


def test_the_table_has_every_id() -> None:
    ids = "in_time false_alarms early nab tep leak3 leak1 leak05 npw cost memory"
    assert list(BOUNDS) == ids.split()


def test_what_has_no_data_is_skipped_with_its_reason(tmp_path: Path) -> None:
    quiet = Console(quiet=True)
    parts = run.run(["nab", "tep"], run.Wanted(), quiet, VirtualClock())
    assert ["RISKGATE_DATA" in part.skipped for part in parts] == [True, True]
    parts = run.run(["tep"], run.Wanted(tmp_path), quiet, VirtualClock())
    report = run.report(parts)
    assert "tep is not there" in report["skipped"]["tep"]
    assert "tep" in report["not_measured"]
    assert report["figures"] == []


def test_the_command_writes_a_report_and_tells_what_it_skipped(tmp_path: Path) -> None:
    report = tmp_path / "reports" / "e.json"
    asked = ["--data", str(tmp_path), "evaluate", "--only", "tep", "--data-sets", str(tmp_path)]
    answer = CliRunner().invoke(app, [*asked, "--report", str(report)], env={"COLUMNS": "200"})
    assert answer.exit_code == 0, answer.output
    assert "skipped" in answer.output
    assert json.loads(report.read_text(encoding="utf-8"))["skipped"].keys() == {"tep"}


def test_an_unknown_part_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    answer = CliRunner().invoke(app, ["--data", str(tmp_path), "evaluate", "--only", "nab,nonsense"])
    assert answer.exit_code == 78
    assert run.chosen(" tep, nab") == ["nab", "tep"]
    with pytest.raises(ValueError, match="nonsense; known: nab"):
        run.chosen("nonsense")


def test_the_report_names_its_seed_and_another_one_is_never_kept(tmp_path: Path) -> None:
    report, kept = tmp_path / "e.json", tmp_path / "golden.json"
    asked = ["--data", str(tmp_path), "evaluate", "--only", "tep", "--data-sets", str(tmp_path)]
    asked += ["--report", str(report), "--seed", "1002"]
    assert CliRunner().invoke(app, asked).exit_code == 0
    assert json.loads(report.read_text(encoding="utf-8"))["seed"] == 1002
    refused = CliRunner().invoke(app, [*asked, "--golden", str(kept), "--keep"])
    assert refused.exit_code == 78
    assert "1001" in refused.output
    assert not kept.exists()


def test_pictures_are_well_formed_and_show_every_bar(tmp_path: Path) -> None:
    part = Part("tep", detail={"rate": {"1": 0.5, "2": 1.0}})
    table = {"riskgate": {"standard": 60.0}, "a <b>": {"standard": 40.0}}
    files = draw(tmp_path, [part, Part("nab", detail={"table": table}), Part("nab", skipped="no data")])
    assert [file.name for file in files] == ["tep.svg", "nab.svg"]
    words = [ElementTree.parse(file).getroot() for file in files]
    texts = [[e.text for e in root.iter() if e.tag.endswith("text")] for root in words]
    assert "fault 1" in texts[0]
    assert texts[1].index("riskgate") < texts[1].index("a <b>"), "the best first"
