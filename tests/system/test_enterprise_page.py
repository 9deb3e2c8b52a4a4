"""The commands of the page "connect your fleet", as they stand there, with a real broker and a real core."""

from __future__ import annotations

import csv
import io
import re
import shlex
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.gateway import Gateway
from tests.support.mosquitto import Broker
from tests.support.publisher import Publisher
from tests.support.wait import until

pytestmark = pytest.mark.system
PAGE = Path(__file__).resolve().parents[2] / "docs" / "enterprise.md"


def section(begin: str) -> str:
    return PAGE.read_text(encoding="utf-8").partition(f"## {begin}")[2].partition("\n## ")[0]


def shown(begin: str) -> list[list[str]]:
    """The words of every command of a section."""
    blocks = re.findall(r"^```sh\n(.*?)^```", section(begin), re.MULTILINE | re.DOTALL)
    return [shlex.split(line)[1:] for block in blocks for line in block.splitlines()]


@pytest.fixture
def gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    with Broker() as broker, Gateway(tmp_path, broker.port, []) as made:
        made.configure(extra='fleet = "fleet.csv"')
        table = re.findall(r"^```csv\n(.*?)^```", section("1."), re.MULTILINE | re.DOTALL)
        (tmp_path / "new-fleet.csv").write_text(table[0])
        monkeypatch.chdir(tmp_path)
        yield made


def run(gateway: Gateway, words: list[str]) -> str:
    done = gateway.run(*[str(gateway.folder / w) if w.endswith(".csv") else w for w in words])
    assert done.returncode == 0, (words, done.stdout, done.stderr)
    return done.stdout


def test_an_enterprise_connects_its_fleet(gateway: Gateway, tmp_path: Path) -> None:
    process = gateway.start("run")
    gateway.connected()
    _, importing, listing, showing = shown("1.")
    assert "1 added, 0 changed, 0 retired" in (told := run(gateway, importing))
    assert "the running core has it: 1 devices" in told
    assert "acme/plant-1/GD-101" in run(gateway, listing)
    with Publisher(gateway._broker_port, tmp_path / "published") as publisher:
        for number in (101, 102):
            payload = f'{{"time_ms": {time.time_ns() // 1_000_000}, "value": 42}}'
            publisher.publish(f"rg/acme/plant-1/GD-{number}/lel", payload)
        gateway.taken(2)
        until(
            lambda: (gateway.status() or {}).get("alarms_open") == 1, 20, "an alarm at the device's own limit"
        )
    table = run(gateway, showing)
    assert re.search(r"lel +│ HH +│ 40 +│ 50", table)
    assert re.search(r"lel +│ 42.0 +│ good", table)
    quarantine, adopting, retiring = shown("5.")
    assert "acme/plant-1/GD-102" in run(gateway, quarantine)
    assert "1 added" in run(gateway, adopting)
    assert "0 added, 0 changed, 1 retired; 1 devices with 2 channels" in run(gateway, retiring)
    assert (gateway.status() or {})["alarms_open"] == 0
    rows = list(csv.DictReader(io.StringIO((tmp_path / "fleet.csv").read_text())))
    assert [(r["device"], r["retired_reason"]) for r in rows] == [
        ("GD-102", ""),
        ("GD-101", "replaced by GD-102"),
    ]
    (tmp_path / "new-fleet.csv").write_text(
        (tmp_path / "fleet.csv").read_text().replace("GD-102,", "GD 102,")
    )
    refused = gateway.run("devices", "import", str(tmp_path / "new-fleet.csv"))
    assert (refused.returncode, refused.stderr.count("line 2, column device: 'GD 102' is no id")) == (78, 1)
    assert (gateway.status() or {})["devices"] == 1
    assert gateway.stop(process) == 0
