"""Broken networks, broken brokers, wrong credentials and hostile devices, each with the real mosquitto."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ingest.bench import Bench, payloads, receiver  # noqa: F401 - a fixture
from tests.support.certificates import Authority
from tests.support.mosquitto import DEVICE_PASSWORD, DEVICES, Broker, saved
from tests.support.need import need
from tests.support.proxy import Proxy
from tests.support.publisher import Publisher, published
from tests.support.wait import PATIENCE, until

pytestmark = [pytest.mark.system, pytest.mark.usefixtures("receiver")]
TOPIC = "rg/acme/plant/GD-1/lel"
both = pytest.mark.parametrize("protocol", ["3.1.1", "5"])


@pytest.fixture
def broker() -> Iterator[Broker]:
    with Broker() as running:
        yield running


# --- links --------------------------------------------------------------------------------------------


@both
def test_a_half_open_link_is_noticed_and_nothing_is_lost(
    broker: Broker, tmp_path: Path, protocol: str
) -> None:
    with (
        Proxy(broker.port) as proxy,
        Bench(proxy.port, tmp_path, protocol=protocol, keepalive_s=1) as bench,
        Publisher(broker.port, tmp_path / "log") as devices,
    ):
        devices.publish(TOPIC, "before")
        bench.expect(1)
        bench.acknowledge()
        proxy.stall()
        devices.publish(TOPIC, "during")
        until(lambda: not bench.receiver.status()["connected"], 6, "the half-open link was noticed")
        proxy.flow()
        assert bench.connected().session_present
        bench.came("during")  # perhaps after "before": its acknowledgement may have met the stall
        down = next(link for link in bench.links if not link.up)
        assert down.epoch == bench.links[0].epoch


def test_cuts_and_resets_in_mid_packet_lose_nothing(broker: Broker, tmp_path: Path) -> None:
    """Acknowledgements are on their way all the time, so some meet the cut: each such packet comes again."""
    with (
        Proxy(broker.port) as proxy,
        Bench(proxy.port, tmp_path) as bench,
        Publisher(broker.port, tmp_path / "log") as devices,
    ):
        proxy.drip = (700, 0.0002)
        seen: set[str] = set()

        health: set[str] = set()

        def work() -> bool:
            """As the core does, with its watchdog."""
            bench.take()
            seen.update(payloads(bench.packets))
            bench.acknowledge()
            health.add(bench.receiver.healthy(bench.clock.mono_ns()).partition(" for ")[0])
            return False

        def ups() -> int:
            return sum(link.up for link in bench.links)

        def downs() -> int:
            return sum(not link.up for link in bench.links)

        number = 0
        for harm in (proxy.cut, proxy.reset, proxy.refuse):
            found, lost = ups(), downs()
            for _ in range(300):
                number += 1
                devices.publish(TOPIC, f"{number} " + "x" * 300)
                if number % 10 == 0:
                    work()
            harm()
            until(lambda: work() or downs() > lost, 10, f"{harm.__name__} was noticed; {health}")  # noqa: B023
            proxy.flow()
            until(lambda: work() or ups() > found, 10, "connected again")  # noqa: B023
        devices.settle()
        until(lambda: work() or len(seen) == number, 20, "everything published arrived")
        assert {payload for _, payload in published(tmp_path / "log")} == seen
        assert bench.receiver.status()["reconnects"] >= 3


@both
def test_a_frozen_broker_is_noticed(broker: Broker, tmp_path: Path, protocol: str) -> None:
    with Bench(broker.port, tmp_path, protocol=protocol, keepalive_s=1) as bench:
        broker.freeze()
        until(lambda: not bench.receiver.status()["connected"], 6, "the frozen broker was noticed")
        broker.thaw()
        bench.connected()


def test_silence_beyond_the_watchdog_breaks_the_link(broker: Broker, tmp_path: Path) -> None:
    with Bench(broker.port, tmp_path, keepalive_s=30) as bench:
        assert bench.receiver.healthy(bench.clock.mono_ns()) == ""
        client = bench.receiver._client
        assert client is not None
        client.heard_ns -= 61_000_000_000  # as if paho's own keep-alive had failed us
        assert "no byte from the broker" in bench.receiver.healthy(bench.clock.mono_ns())
        assert bench.connected().session_present


# --- brokers ------------------------------------------------------------------------------------------


@both
def test_a_killed_broker_keeps_what_it_had_saved_for_us(
    broker: Broker, tmp_path: Path, protocol: str
) -> None:
    with Publisher(broker.port, tmp_path / "log") as devices:
        with Bench(broker.port, tmp_path, protocol=protocol) as bench:
            bench.receiver.stop()
            broker.wait_gone("riskgate-1")
        for number in range(100):
            devices.publish(TOPIC, str(number))
        devices.settle()
        saved(broker)
    broker.restart(rudely=True)
    with Bench(broker.port, tmp_path, protocol=protocol, had_session=True) as bench:
        assert bench.links[0].session_present
        assert payloads(bench.expect(100)) == [str(number) for number in range(100)]


@both
def test_a_killed_broker_comes_back_and_so_do_we(broker: Broker, tmp_path: Path, protocol: str) -> None:
    """What was under way to us at the kill and had been saved mosquitto may send again; either way we have
    it, unacknowledged, and the acknowledgement of the old connection goes nowhere."""
    with (
        Bench(broker.port, tmp_path, protocol=protocol) as bench,
        Publisher(broker.port, tmp_path / "log") as devices,
    ):
        for number in range(100):
            devices.publish(TOPIC, str(number))
        bench.expect(100)
        devices.settle()
        saved(broker)  # the session is in it
        broker.kill()
        until(lambda: not bench.receiver.status()["connected"], 5, "the link is down")
        assert "not connected to 127.0.0.1" in bench.receiver.healthy(bench.clock.mono_ns())
        start = time.monotonic()
        broker.start()
        assert bench.connected().session_present
        assert time.monotonic() - start < 6 * PATIENCE
        bench.acknowledge()
        assert bench.receiver.status()["stale_acks"] >= 100
        devices.publish(TOPIC, "next")

        def came() -> bool:
            bench.take()
            return payloads(bench.packets)[-1:] == ["next"]

        until(came, 10, "what was sent after the kill")
        assert set(payloads(bench.packets)) <= {*map(str, range(100)), "next"}


def test_the_default_autosave_forgets(tmp_path: Path) -> None:
    """The control of the test above (T1): why the shipped configuration saves every second or two."""
    with Broker({"autosave_on_changes": None, "autosave_interval": None}) as broker:
        with Bench(broker.port, tmp_path), Publisher(broker.port, tmp_path / "log") as devices:
            for number in range(10):
                devices.publish(TOPIC, str(number))
            devices.settle()
            broker.kill()
        broker.start()
        with Bench(broker.port, tmp_path, had_session=True) as bench:
            assert (bench.links[0].session_present, bench.links[0].expected_session) == (False, True)


def test_a_lost_session_is_told(broker: Broker, tmp_path: Path) -> None:
    with Bench(broker.port, tmp_path) as bench:
        broker.restart()
        assert bench.connected().session_present
        broker.lose_session()
        link = bench.connected()
        assert (link.session_present, link.expected_session) == (False, True)
        ups_downs = [link.up for link in bench.links]
        assert ups_downs == [True, False, True, False, True]


# --- credentials --------------------------------------------------------------------------------------


@both
def test_a_wrong_password_says_what_to_do(broker: Broker, tmp_path: Path, protocol: str) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("guess")
    bench = Bench(broker.port, tmp_path, start=False, protocol=protocol, password_file=str(wrong))
    with bench:
        bench.receiver.start()
        until(lambda: bench.receiver.status()["connect_error"], 5, "the refusal")
        reason = bench.receiver.healthy(bench.clock.mono_ns())
        assert "Not authorized" in reason
        assert "Check username and password_file" in reason
        assert bench.take() == []


@both
def test_tls_with_our_own_authority(tmp_path: Path, protocol: str) -> None:
    authority = Authority(tmp_path)
    broker_pair, gateway_pair = authority.issue("broker"), authority.issue("gateway")
    tls = {"tls": True, "ca_file": str(authority.ca), "protocol": protocol}
    tls |= {"cert_file": str(gateway_pair[0]), "key_file": str(gateway_pair[1])}
    with Broker(tls=(authority.ca, *broker_pair)) as broker:
        with (
            Bench(broker.port, tmp_path, **tls) as bench,
            Publisher(broker.port, tmp_path / "log", tls=(authority.ca, *gateway_pair)) as devices,
        ):
            for number in range(100):
                devices.publish(TOPIC, f"{number} " + "x" * 20_000)
            assert [p.split()[0] for p in payloads(bench.expect(100))] == [
                str(number) for number in range(100)
            ]
            bench.acknowledge()
            client = bench.receiver._client
            assert client is not None
            client.shake()
            assert bench.connected().session_present
        stranger = Authority(tmp_path, "stranger")
        with Bench(broker.port, tmp_path, start=False, **tls | {"ca_file": str(stranger.ca)}) as bench:
            bench.receiver.start()
            until(lambda: bench.receiver.status()["connect_error"], 5, "the refusal")
            assert "certificate verify failed" in bench.receiver.healthy(bench.clock.mono_ns())


def test_tls_keeps_the_link_while_the_intake_is_full(tmp_path: Path) -> None:
    """Decrypted packets wait where the kernel does not see them: that must neither spin nor lose any."""
    authority = Authority(tmp_path)
    broker_pair, gateway_pair = authority.issue("broker"), authority.issue("gateway")
    pair = {"cert_file": str(gateway_pair[0]), "key_file": str(gateway_pair[1])}
    with (
        Broker(tls=(authority.ca, *broker_pair)) as broker,
        Bench(
            broker.port, tmp_path, tls=True, ca_file=str(authority.ca), max_packets=7, keepalive_s=2, **pair
        ) as bench,
        Publisher(broker.port, tmp_path / "log", tls=(authority.ca, *gateway_pair)) as devices,
    ):
        for number in range(500):
            devices.publish(TOPIC, f"{number} " + "x" * 500)
        devices.settle()
        until(lambda: bench.receiver.status()["paused"], 5, "the gate is shut")
        paused, used = time.monotonic(), time.process_time()
        until(lambda: time.monotonic() - paused > 5, 10, "more than two keep-alives have passed")
        assert time.process_time() - used < 3
        assert bench.intake.depth <= 8
        got: list[str] = []
        while len(got) < 500:
            got += [text.split()[0] for text in payloads(bench.expect(1))]
            bench.acknowledge()
        assert got == [str(number) for number in range(500)]
        assert bench.receiver.status()["reconnects"] == 0


def test_a_refused_subscription_is_visible_and_tried_again(tmp_path: Path) -> None:
    """mosquitto's acl file grants every subscription and then sends nothing: hence its other plug-in."""
    plugin = Path("/usr/lib/x86_64-linux-gnu/mosquitto_dynamic_security.so")
    if not plugin.exists():
        plugin = Path(need("mosquitto_dynamic_security.so"))
    salt = b"0123456789ab"
    digest = hashlib.pbkdf2_hmac("sha512", b"gateway-secret", salt, 101)
    client = {
        "username": "riskgate",
        "password": base64.b64encode(digest).decode(),
        "salt": base64.b64encode(salt).decode(),
        "iterations": 101,
        "roles": [],
    }
    access = {
        "publishClientSend": True,
        "publishClientReceive": True,
        "subscribe": False,
        "unsubscribe": True,
    }
    rules = tmp_path / "rules.json"
    rules.write_text(json.dumps({"defaultACLAccess": access, "clients": [client], "groups": [], "roles": []}))
    override = {"plugin": str(plugin), "plugin_opt_config_file": str(rules), "log_type": "all"}
    with (
        Broker({**override, "acl_file": None, "password_file": None}) as broker,
        Bench(broker.port, tmp_path) as bench,
    ):
        until(lambda: bench.receiver.status()["subscribe_error"], 5, "the refusal")
        reason = bench.receiver.healthy(bench.clock.mono_ns())
        assert "did not grant rg/+/+/+/+" in reason
        assert "ACL" in reason
        bench.receiver.healthy(bench.clock.mono_ns() + 6_000_000_000)
        until(lambda: broker.log().count("Received SUBSCRIBE from riskgate-1") >= 2, 5, "tried again")


# --- devices ------------------------------------------------------------------------------------------


def test_no_device_speaks_for_another(broker: Broker, tmp_path: Path) -> None:
    """The shipped acl, with user names <enterprise>/<site>/<device>. MQTT 5, so that the broker says no."""
    with Bench(broker.port, tmp_path) as bench:
        with Publisher(broker.port, tmp_path / "log", user=(DEVICES[0], DEVICE_PASSWORD)) as device:
            device.publish("rg/acme/plant/GD-2/lel", "forged")
            device.publish("rg/acme/plant/GD-1x/lel", "forged")
            device.publish("rg/acme/other/GD-1/lel", "forged")
            device.publish("rg/other/plant/GD-1/lel", "forged")
            device.publish("other", "forged")
            device.publish(TOPIC, "own")
            device.settle()
            assert (device.refused, device.acked) == (5, 1)
        assert payloads(bench.expect(1)) == ["own"]
    assert published(tmp_path / "log") == [(TOPIC, "own")]


def test_a_device_reads_nothing_and_nobody_enters_without_a_name(broker: Broker, tmp_path: Path) -> None:
    listen = [need("mosquitto_sub"), "-p", str(broker.port), "-t", "#", "-C", "1", "-q", "1"]
    device = ["-u", DEVICES[1], "-P", DEVICE_PASSWORD]
    with Publisher(broker.port, tmp_path / "log") as devices:
        devices.publish(TOPIC, "secret", retain=True)
        devices.settle()
        heard = subprocess.run([*listen, "-W", "1", *device], capture_output=True, check=False)
        assert heard.stdout == b""
        nobody = subprocess.run([*listen, "-W", "60"], capture_output=True, check=False)
        assert b"not authorised" in nobody.stderr


def test_a_header_that_claims_256_mib_ends_the_connection(broker: Broker) -> None:
    name, password = DEVICES[0].encode(), DEVICE_PASSWORD.encode()
    body = b"\x00\x04MQTT\x04\xc2\x00\x3c\x00\x01x"
    body += len(name).to_bytes(2, "big") + name + len(password).to_bytes(2, "big") + password
    with socket.create_connection(("127.0.0.1", broker.port), timeout=60) as link:
        link.sendall(bytes([0x10, len(body)]) + body)
        assert link.recv(4) == b"\x20\x02\x00\x00"
        link.sendall(b"\x32\xff\xff\xff\x7f")
        assert link.recv(1) == b""
