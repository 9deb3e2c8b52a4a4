"""The commands of the tester page "simulate, record, replay", as they stand there, against a real broker."""

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
from tests.support.mosquitto import GATEWAY, Broker
from tests.support.wait import until

pytestmark = pytest.mark.system

PAGE = Path(__file__).resolve().parents[2] / "docs" / "tester.md"
SITE = ("demo/simulated", "site-secret")
ENTERPRISES = ("city-gas", "pipelines", "factories", "port", "buildings", "water", "sites")


def shown() -> list[list[str]]:
    """The words of every command of the section."""
    section = (
        PAGE.read_text(encoding="utf-8").partition("## Simulate, record, replay")[2].partition("\n## ")[0]
    )
    blocks = re.findall(r"^```sh\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    return [shlex.split(line)[1:] for block in blocks for line in block.splitlines()]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    with Broker(users=dict([SITE, *((name, "word") for name in ENTERPRISES)])) as broker:
        (tmp_path / "riskgate.toml").write_text(f"[ingest]\nport = {broker.port}\n")
        (tmp_path / "site.password").write_text(SITE[1])
        (tmp_path / "reader.password").write_text(GATEWAY[1])
        (tmp_path / "city.users").write_text("".join(f"{name}:word\n" for name in ENTERPRISES))
        (tmp_path / "broker.log").symlink_to(broker.folder / "log")
        yield tmp_path


def start(folder: Path, words: list[str]) -> subprocess.Popen[str]:
    root = str(PAGE.parents[1])
    command = [sys.executable, "-m", "gateway.cli", "--config", "riskgate.toml", *words]
    environment = {**os.environ, "PYTHONPATH": root, "COLUMNS": "200"}
    return subprocess.Popen(
        command, cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def finish(process: subprocess.Popen[str]) -> str:
    text, _ = process.communicate(timeout=60)
    assert process.returncode == 0, text
    return text


def test_the_page_does_what_it_says(folder: Path) -> None:
    commands = shown()
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
    log = folder / "broker.log"
    until(lambda: "as record-" in log.read_text(errors="replace"), 20, "the recorder")
    assert "24" in finish(start(folder, live)), "four devices, six seconds"
    finish(recording)
    assert len(list(read((folder / "live.jsonl").read_text().splitlines()))) == 4
    assert "240" in finish(start(folder, replay))

    assert "200 devices" in finish(start(folder, plan))
    finish(start(folder, city))
    story = json.loads((folder / "summary.json").read_text())
    assert story["devices"] == 200
    assert story["messages"] == story["acknowledged"] > 20
