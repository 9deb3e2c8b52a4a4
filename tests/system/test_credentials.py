"""Generated credentials at a real mosquitto: who gets in, who speaks for whom, what a reload changes."""

from __future__ import annotations

import csv
import os
import shutil
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from gateway.credentials import Credentials, Gateway
from gateway.monitor.channels import Device
from tests.support.mosquitto import Broker
from tests.support.publisher import Publisher
from tests.support.wait import LEAST_S, until

pytestmark = pytest.mark.system
KEYS = ("acme/plant/A", "acme/plant/B", "acme/plant/C:1")
GATEWAY = Gateway("riskgate", "the-gateway-s")
NOT_AUTHORISED = 0x87  # MQTT 5 clause 2.4


class Stand:
    """A broker that reads the files of a Credentials folder."""

    def __init__(self, folder: Path, broker: Broker) -> None:
        self.made = Credentials(folder, os.urandom)
        self.broker = broker
        self.made.write(
            [Device(*key.split("/")[:2], "tank", key.split("/")[2], "gas/x") for key in KEYS], GATEWAY
        )

    def install(self) -> None:
        shutil.copy(self.made.passwords, self.broker.folder / "passwd")
        shutil.copy(self.made.acl, self.broker.acl)

    def reload(self) -> None:
        """As the command says: copy, SIGHUP. The broker reads its files a moment later."""
        self.install()
        os.kill(self.broker.pid, signal.SIGHUP)

    def password(self, user: str) -> str:
        with (self.made.handouts / "acme.csv").open(newline="") as file:
            return {row["user"]: row["password"] for row in csv.DictReader(file)}[user]


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    broker = Broker()
    made = Stand(tmp_path / "credentials", broker)
    made.install()
    with broker:
        yield made


def code(port: int, user: str | None, password: str, client_id: str = "probe") -> int:
    """The reason code of CONNACK."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=mqtt.MQTTv5)
    if user is not None:
        client.username_pw_set(user, password)
    answers: list[int] = []
    heard = threading.Event()

    def on_connect(*arguments: object) -> None:
        answers.append(arguments[3].value)  # type: ignore[attr-defined]
        heard.set()

    client.on_connect = on_connect
    client.connect("127.0.0.1", port)
    client.loop_start()
    assert heard.wait(LEAST_S)
    client.disconnect()
    client.loop_stop()
    return answers[0]


def speak(stand: Stand, log: Path, user: str, *topics: str) -> tuple[int, int]:
    """(accepted, refused) publications."""
    with Publisher(stand.broker.port, log, user=(user, stand.password(user))) as publisher:
        for topic in topics:
            publisher.publish(topic, "4.2")
        publisher.settle()
        return publisher.acked, publisher.refused


def test_a_device_speaks_for_itself_and_for_nobody_else(stand: Stand, tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert speak(stand, log, "acme/plant/A", "rg/acme/plant/A/lel") == (1, 0)
    assert speak(stand, log, "acme/plant/A", "rg/acme/plant/B/lel", "rg/acme/plant/AB/lel", "x") == (0, 3)
    assert speak(stand, log, "acme/plant/C~1", "rg/acme/plant/C:1/lel") == (1, 0)
    assert speak(stand, log, "acme/plant/C~1", "rg/acme/plant/A/lel", "rg/acme/plant/C/lel") == (0, 2)


def test_who_does_not_know_the_password_stays_outside(stand: Stand) -> None:
    port = stand.broker.port
    assert code(port, "acme/plant/A", stand.password("acme/plant/A")) == 0
    assert code(port, "acme/plant/A", stand.password("acme/plant/B")) == NOT_AUTHORISED
    assert code(port, "acme/plant/A", "") == NOT_AUTHORISED
    assert code(port, "acme/plant/X", stand.password("acme/plant/A")) == NOT_AUTHORISED
    assert code(port, None, "") == NOT_AUTHORISED
    assert code(port, *GATEWAY) == 0


def test_the_gateway_reads_all_and_a_device_nothing(stand: Stand, tmp_path: Path) -> None:
    heard: dict[str, list[str]] = {"gateway": [], "device": []}
    clients = []
    for name, user in (("gateway", GATEWAY), ("device", ("acme/plant/B", stand.password("acme/plant/B")))):
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=mqtt.MQTTv5)
        client.username_pw_set(*user)
        ready = threading.Event()
        client.on_subscribe = lambda *_, ready=ready: ready.set()  # type: ignore[misc]
        client.on_message = lambda c, u, m, name=name: heard[name].append(m.topic)  # type: ignore[misc]
        client.connect("127.0.0.1", stand.broker.port)
        client.loop_start()
        client.subscribe([("rg/#", 1), ("$SYS/broker/version", 0)])
        assert ready.wait(LEAST_S)
        clients.append(client)
    log = tmp_path / "log"
    speak(stand, log, "acme/plant/A", "rg/acme/plant/A/lel")
    speak(stand, log, "acme/plant/C~1", "rg/acme/plant/C:1/lel")
    expected = {"rg/acme/plant/A/lel", "rg/acme/plant/C:1/lel", "$SYS/broker/version"}
    until(lambda: set(heard["gateway"]) == expected, 5, f"the gateway reads all: {heard}")
    assert heard["device"] == []
    for client in clients:
        client.disconnect()
        client.loop_stop()


def test_a_revoked_device_is_cut_off_and_stays_out(stand: Stand, tmp_path: Path) -> None:
    port, password = stand.broker.port, stand.password("acme/plant/A")
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="A", protocol=mqtt.MQTTv5)
    client.username_pw_set("acme/plant/A", password)
    gone, up = threading.Event(), threading.Event()
    client.on_connect = lambda *_: up.set()
    client.on_disconnect = lambda *_: gone.set()
    client.connect("127.0.0.1", port)
    client.loop_start()
    assert up.wait(LEAST_S)
    stand.made.revoke("acme/plant/A")
    assert code(port, "acme/plant/A", password) == 0  # nothing changes before the broker is told
    stand.reload()
    assert gone.wait(LEAST_S), "a device that is connected is cut off at the reload"
    client.disconnect()
    client.loop_stop()
    assert code(port, "acme/plant/A", password) == NOT_AUTHORISED
    assert code(port, "acme/plant/B", stand.password("acme/plant/B")) == 0
    stand.made.rotate("acme/plant/A")
    stand.reload()
    fresh = stand.password("acme/plant/A")
    until(lambda: code(port, "acme/plant/A", fresh) == 0, 5, "the new password is taken")
    assert code(port, "acme/plant/A", password) == NOT_AUTHORISED
