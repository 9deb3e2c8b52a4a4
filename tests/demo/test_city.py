"""The little city of the demonstration: what is planned, and the whole of it run."""

from __future__ import annotations

import csv
import os
import re
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import psutil
import pytest

from gateway.demo import prepare, world
from gateway.demo.plants import groups, labels, plants
from gateway.errors import ConfigError
from gateway.paths import DataFolder
from tests.support.wait import until

START = 1_764_000_000_000_000_000


def test_every_fault_shows_itself_in_time_and_every_kind_is_there() -> None:
    found = [label for label in labels(plants(START, 1), START) if label.condition]
    for label in found:
        if label.start_ns:
            assert (label.start_ns - START) / 1e9 <= 15, label
            assert (label.start_ns - START) / 1e9 + label.within_s <= world.LAST_LABEL_S, label
    conditions = {label.condition for label in found}
    assert conditions >= {
        "LL", "L", "H", "HH", "gas", "valve_closed", "burst", "tripped", "silent", "never_seen",
        "sensor_fault", "clock_changed",
    }  # fmt: skip


def test_the_fleet_lists_every_device_once_and_one_that_never_speaks() -> None:
    rows = list(csv.DictReader(world.fleet().splitlines()))
    keys = [f"{row['enterprise']}/{row['site']}/{row['device']}" for row in rows]
    assert len(keys) == len(set(keys))
    assert 40 <= len(keys) <= 60
    speaking = {m.topic.split("/", 1)[1].rpartition("/")[0] for m in next(groups(plants(START, 1), START))[1]}
    assert set(keys) - speaking == {world.NEVER_SEEN}
    assert world.UNKNOWN not in keys
    assert len({row["profile"] for row in rows}) == 5


def test_only_its_own_earlier_files_are_removed(tmp_path: Path) -> None:
    data = DataFolder(tmp_path / "d")
    prepare(data)
    (data.root / "riskgate.toml").write_text(world.configuration(1, 2, 3, 4))
    assert tomllib.loads((data.root / "riskgate.toml").read_text())["ingest"]["port"] == 1
    (data.journal / "1.db").write_text("earlier")
    (data.compiled / "kept").write_text("compiled")
    prepare(data)
    assert not (data.journal / "1.db").exists()
    assert (data.compiled / "kept").exists()
    (data.root / "riskgate.toml").write_text("partition = 1\n")
    (data.journal / "1.db").write_text("a real one")
    with pytest.raises(ConfigError, match="gateway's own data folder"):
        prepare(data)
    (data.root / "riskgate.toml").unlink()
    with pytest.raises(ConfigError, match="holds a journal"):
        prepare(data)
    assert (data.journal / "1.db").read_text() == "a real one"


@pytest.mark.system
def test_the_demonstration_proves_itself_and_ctrl_c_leaves_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "gateway.cli", "--data", str(tmp_path / "d"), "demo"]
    done = subprocess.run([*command, "--for", "50"], capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"faults with alarm and message\W+(\d+) of \1\b", done.stdout), done.stdout
    assert re.search(r"verify\W+holds", done.stdout)
    assert re.search(r"rejected\W+.*unknown_device", done.stdout)

    (tmp_path / "d" / "labels.json").unlink()
    running = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    )
    try:
        until((tmp_path / "d" / "labels.json").exists, 60, "the devices speak")
        second = subprocess.run(command, capture_output=True, text=True, timeout=3000, check=False)
        assert second.returncode == 78, second.stdout
        assert "another demonstration runs" in second.stderr
        children = psutil.Process(running.pid).children(recursive=True)
        assert len(children) >= 6
        os.killpg(running.pid, signal.SIGINT)
        said, _ = running.communicate(timeout=300)
        assert running.returncode == 0, said
        assert b"Traceback" not in said
        until(lambda: not any(c.is_running() for c in children), 5, f"all children ended: {children}")
    finally:
        if running.poll() is None:
            os.killpg(running.pid, signal.SIGKILL)
