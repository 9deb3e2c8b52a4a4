"""A vendor's own topics at a real mosquitto: one profile file, the generated access list, replay."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.commands import ask
from gateway.fleet import read_profiles
from gateway.verify import verify
from tests.support.gateway import Gateway
from tests.support.mosquitto import Broker
from tests.support.publisher import Publisher
from tests.support.wait import LEAST_S, until

pytestmark = pytest.mark.system
FLEET = [("acme", "plant", "hall", "M-1", "gas/maker"), ("beta", "yard", "hall", "M-2", "gas/maker")]
TOPIC = '\n[[topic]]\npattern = "maker/{enterprise}/dev-{device}/up"\nstream = "up"\n'


@pytest.fixture
def broker() -> Iterator[Broker]:
    with Broker() as running:
        yield running


@pytest.fixture
def gateway(tmp_path: Path, broker: Broker) -> Iterator[Gateway]:
    with Gateway(tmp_path, broker.port, FLEET) as made:
        (tmp_path / "own" / "gas").mkdir(parents=True)
        made.configure(extra='fleet = "fleet.csv"\nprofiles = ["own"]')
        profile(made, TOPIC)
        yield made


def profile(gateway: Gateway, topics: str) -> None:
    text = read_profiles([])["gas/vendor_mapped"]
    (gateway.folder / "own" / "gas" / "maker.toml").write_text(text + topics)


def install(gateway: Gateway, broker: Broker, first: str = "maker") -> dict[str, str]:
    """Write credentials, give them to the broker; device -> password."""
    folder = gateway.folder / "credentials"
    done = gateway.run("credentials", "write", "--folder", str(folder))
    assert done.returncode == 0, done.stderr
    shutil.copy(folder / "passwd", broker.folder / "passwd")
    shutil.copy(folder / "acl", broker.acl)
    os.kill(broker.pid, signal.SIGHUP)
    assert f"topic read {first}/+/+/up\n" in broker.acl.read_text()
    rows: list[dict[str, str]] = []
    for file in sorted((folder / "handout").glob("*.csv")):
        with file.open(newline="") as opened:
            rows += csv.DictReader(opened)
    assert [row["topic"] for row in rows] == ["maker/acme/dev-M-1/up", "maker/beta/dev-M-2/up"]
    return {row["user"]: row["password"] for row in rows}


def payload(device: str, value: float) -> str:
    at = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(time.time() + 8 * 3600))
    params = [
        {"tag": "CH4", "val": value, "unit": "%LEL", "st": 0},
        {"tag": "TEMP", "val": 600, "unit": "0.1℃", "st": 0},
        {"tag": "PRESS", "val": 0.1, "unit": "MPa", "st": 0},
        {"tag": "RELAY", "val": "OFF", "st": 0},
    ]
    return json.dumps(
        {"devId": device, "startCount": 1, "seq": int(value), "time": at, "data": {"params": params}}
    )


def values(gateway: Gateway, key: str) -> dict[str, Any]:
    answer = ask(gateway.data.core_socket, {"op": "values", "device": key}, LEAST_S)
    return {row["channel"]: row["value"] for row in answer["values"]}


def test_one_profile_file_connects_a_vendor(gateway: Gateway, broker: Broker, tmp_path: Path) -> None:
    passwords = install(gateway, broker)
    process = gateway.start("run")
    gateway.connected()
    user = ("acme/plant/M-1", passwords["acme/plant/M-1"])
    with Publisher(broker.port, tmp_path / "one", user=user, client_id="one") as device:
        for topic in ("maker/beta/dev-M-2/up", "maker/acme/dev-M-9/up", "maker/acme/dev-M-1/up/x"):
            device.publish(topic, payload("M-1", 60))
        device.publish("maker/acme/dev-M-1/up", payload("M-1", 60))
        device.settle()
        assert (device.acked, device.refused) == (1, 3), "nobody speaks for another device"
    until(lambda: values(gateway, "acme/plant/M-1").get("lel") == 60.0, 20, "the reading acts")
    assert values(gateway, "beta/yard/M-2")["lel"] is None
    moved(gateway, broker, tmp_path)
    assert gateway.stop(process) == 0
    assert verify(gateway.data).ok, "replay gives the ledger"


def moved(gateway: Gateway, broker: Broker, tmp_path: Path) -> None:
    """The vendor publishes elsewhere from now on: the running core asks the broker for that too."""
    profile(gateway, TOPIC.replace("maker/", "other/"))
    reloaded = gateway.run("devices", "import", str(gateway.folder / "fleet.csv"))
    assert reloaded.returncode == 0, reloaded.stderr
    passwords = install(gateway, broker, "other")
    with broker.acl.open("a") as acl:
        acl.write("\nuser acme/plant/M-1\ntopic write other/acme/dev-NEW/up\n")
    os.kill(broker.pid, signal.SIGHUP)
    gateway.connected()
    user = ("acme/plant/M-1", passwords["acme/plant/M-1"])
    with Publisher(broker.port, tmp_path / "two", user=user, client_id="two") as device:

        def spoken() -> bool:
            """Said again until it acts: the broker reads its files when it can, and so does the core."""
            device.publish("other/acme/dev-M-1/up", payload("M-1", 61))
            device.publish("other/acme/dev-NEW/up", payload("NEW", 62))
            device.settle()
            told = values(gateway, "acme/plant/M-1").get("lel")
            return told == 61.0 and waiting(gateway) == ["acme/?/NEW"]

        until(spoken, 20, "the new topic acts, and the unknown device waits to be admitted")


def waiting(gateway: Gateway) -> list[str]:
    return list(ask(gateway.data.core_socket, {"op": "quarantine"}, LEAST_S)["devices"])
