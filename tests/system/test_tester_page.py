"""The riskgate commands of the tester page, as they stand there, against a real broker; its make targets are
held to the Makefile by tests/test_docs.py."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.fleet import read_fleet
from simulators._labels import read_events
from simulators._recording import read
from tests.support.gateway import CACHE
from tests.support.mosquitto import GATEWAY, Broker

pytestmark = pytest.mark.system

PAGE = Path(__file__).resolve().parents[2] / "docs" / "tester.md"
SITE = ("demo/simulated", "site-secret")
ENTERPRISES = ("city-gas", "pipelines", "factories", "port", "buildings", "water", "sites")


STATION = ("demo/field/AQ-1", "station-secret")


def shown(section: str) -> list[list[str]]:
    """The words of every command of a section."""
    text = PAGE.read_text(encoding="utf-8").partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [shlex.split(line, comments=True)[1:] for block in blocks for line in block.splitlines()]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[Path, Broker]]:
    """The folder that the page's commands run in, and the broker that they know."""
    with Broker(users=dict([SITE, STATION, *((name, "word") for name in ENTERPRISES)])) as broker:
        (tmp_path / "riskgate.toml").write_text(f"[ingest]\nport = {broker.port}\n")
        (tmp_path / "site.password").write_text(SITE[1])
        (tmp_path / "station.password").write_text(STATION[1])
        (tmp_path / "reader.password").write_text(GATEWAY[1])
        (tmp_path / "city.users").write_text("".join(f"{name}:word\n" for name in ENTERPRISES))
        yield tmp_path, broker


def start(folder: Path, words: list[str], config: str = "riskgate.toml") -> subprocess.Popen[str]:
    root = str(PAGE.parents[1])
    named = ["--config", config] if config else []
    command = [sys.executable, "-m", "gateway.cli", *named, *words]
    environment = {**os.environ, "PYTHONPATH": root, "COLUMNS": "200"}
    return subprocess.Popen(
        command, cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def finish(process: subprocess.Popen[str]) -> str:
    text, _ = process.communicate(timeout=600)
    assert process.returncode == 0, text
    return text


def test_the_page_does_what_it_says(site: tuple[Path, Broker]) -> None:
    folder, broker = site
    commands = shown("Simulate, record, replay")
    offline, live, record, replay, plan, city = commands
    assert "messages" in finish(start(folder, offline))
    recorded = list(read((folder / "leak.jsonl").read_text().splitlines()))
    assert len(recorded) == 4 * 60
    with (folder / "events.csv").open() as file:
        assert [(x.kind, x.condition) for x in read_events(file)] == [
            ("sensor_fault", "sensor_fault"), ("leak", "H"), ("leak", "HH"),
        ]  # fmt: skip
    assert len(read_fleet(folder / "fleet.csv", {"gas/combustible_point"})) == 4

    recording = start(folder, record)
    broker.wait_subscribed("record-")
    assert "24" in finish(start(folder, live)), "four devices, six seconds"
    finish(recording)
    assert len(list(read((folder / "live.jsonl").read_text().splitlines()))) == 4
    assert "240" in finish(start(folder, replay))

    assert "200 devices" in finish(start(folder, plan))
    finish(start(folder, city))
    story = json.loads((folder / "summary.json").read_text())
    assert story["devices"] == 200
    assert story["messages"] == story["acknowledged"] > 20


def test_every_section_with_commands_is_run_here_or_names_make() -> None:
    sections = re.findall(r"^## (.+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    with_commands = {name for name in sections if shown(name)}
    assert with_commands == {"Break it", "Look at a run", "Simulate, record, replay", "Real input"}
    block = (
        PAGE.read_text(encoding="utf-8")
        .partition("## Break it")[2]
        .partition("```sh\n")[2]
        .partition("```")[0]
    )
    assert all(re.match(r"(\w+=\w+ )?make [a-z-]+", line) for line in block.splitlines())


def test_a_run_is_looked_at_as_the_page_says(tmp_path: Path) -> None:
    demo, *looks = shown("Look at a run")
    CACHE.mkdir(parents=True, exist_ok=True)
    (tmp_path / "DIR").mkdir()
    (tmp_path / "DIR" / "compiled").symlink_to(CACHE)  # the loops of this test run, not compiled once more
    assert "holds" in finish(start(tmp_path, demo, ""))
    said = [finish(start(tmp_path, words, "")) for words in looks]
    for words, text in zip(looks, said, strict=True):
        assert text.strip(), words
        assert "Traceback" not in text
    assert "I1" in said[0]
    assert len(said[2].splitlines()) > 1000, "readings, a line each"
    assert len(said[3].splitlines()) > 10, "alarms, a line each"


def test_the_field_recording_is_published_as_the_page_says(site: tuple[Path, Broker]) -> None:
    folder, broker = site
    head = (
        "Date,Time,CO(GT),PT08.S1(CO),NMHC(GT),C6H6(GT),PT08.S2(NMHC),NOx(GT),PT08.S3(NOx),NO2(GT),"
        "PT08.S4(NO2),PT08.S5(O3),T,RH,AH"
    )
    rows = [
        f"2004-03-10,{18 + n}:00:00,{value},1,2,3,4,5,6,7,8,9,10,11,0.5" for n, value in ((0, 2.6), (1, -200))
    ]
    (folder / "AirQualityUCI.csv").write_text("\n".join([head, *rows, ""]), encoding="utf-8")
    (command,) = shown("Real input")
    watch = ["record", "air.jsonl", "--topic", "rg/demo/field/#", "--messages", "2"]
    recording = start(folder, [*watch, "--user", GATEWAY[0], "--password-file", "reader.password"])
    broker.wait_subscribed("record-")
    finish(start(folder, command))
    finish(recording)
    first, second = read((folder / "air.jsonl").read_text().splitlines())
    assert first.topic == second.topic == "rg/demo/field/AQ-1/columns"
    channels = json.loads(second.payload)["channels"]
    assert -200 in {values[0] for values in channels.values()}, "what is missing is sent as it is"
