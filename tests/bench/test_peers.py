"""The feeder keeps its window and its account; the peers that it feeds take every packet."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from tests.bench import _feeds, nodered
from tests.bench.feeder import Acks, Feeder
from tests.ingest.wire import packet
from tests.support.need import need
from tests.support.report import ROOT

CONNECT = packet(0x10, b"\x00\x04MQTT\x04\x02\x00\x3c\x00\x01n")
SUBSCRIBE = packet(0x82, b"\x00\x07\x00\x01#\x01")


def fifty(_turn: int, count: int) -> list[bytes]:
    """Packets of 52 bytes."""
    return [packet(0x32, b"\x00\x01t" + (n + 1).to_bytes(2, "big") + b"x" * 45) for n in range(count)]


def wide(_turn: int, count: int) -> list[bytes]:
    """Packets of 16 kB: more than the sockets between hold."""
    return [packet(0x32, b"\x00\x01t" + (n + 1).to_bytes(2, "big") + b"x" * 16_000) for n in range(count)]


def subscriber(port: int) -> socket.socket:
    link = socket.create_connection(("127.0.0.1", port), timeout=60)
    link.sendall(CONNECT)
    assert link.recv(4) == b"\x20\x02\x01\x00"
    link.sendall(SUBSCRIBE)
    assert link.recv(5) == b"\x90\x03\x00\x07\x01"
    return link


def test_no_more_than_the_window_is_under_way() -> None:
    with Feeder(fifty) as feeder, subscriber(feeder.port) as link:
        feeder.subscribed()
        feeder.prepare(0, 30)
        feeder.begin(window=20)
        got = b""
        while len(got) < 20 * 52:
            got += link.recv(1 << 16)
        link.settimeout(0.2)
        with pytest.raises(TimeoutError):
            link.recv(1)
        link.settimeout(60)
        for first in (1, 11, 21):
            link.sendall(b"".join(b"\x40\x02" + mid.to_bytes(2, "big") for mid in range(first, first + 10)))
        while len(got) < 30 * 52:
            got += link.recv(1 << 16)
        fed = feeder.end()
    assert fed.count == 30
    assert fed.rate > 0


def test_a_paced_round_times_every_packet() -> None:
    with Feeder(fifty) as feeder, subscriber(feeder.port) as link:
        feeder.subscribed()
        feeder.prepare(0, 20)
        feeder._here.send(("pace", 1000))
        got = b""
        while len(got) < 20 * 52:
            got += link.recv(1 << 16)
        link.sendall(b"".join(b"\x40\x02" + mid.to_bytes(2, "big") for mid in range(1, 21)))
        fed = feeder.end()
    assert len(fed.sent_ns) == len(fed.acked_ns) == 20
    assert all(sent <= acked for sent, acked in zip(fed.sent_ns, fed.acked_ns, strict=True))
    assert fed.sent_ns[-1] - fed.sent_ns[0] > 10_000_000


def test_the_naive_peer_takes_all_and_compares() -> None:
    with Feeder(_feeds.alarming) as feeder:
        words = [sys.executable, "-m", "tests.bench.naive", str(feeder.port)]
        with subprocess.Popen(words, stdout=subprocess.PIPE, cwd=ROOT) as peer:
            try:
                feeder.subscribed()
                feeder.prepare(0, 1000)
                assert feeder.send(20).count == 1000
                assert peer.stdout is not None
                assert [peer.stdout.readline() for _ in range(2)] == [b"subscribed\n", b"1\n"]
            finally:
                peer.kill()


def test_the_flow_of_node_red_has_a_place_for_each_node() -> None:
    nodes = nodered.flow(1883)
    placed = [node for node in nodes if "z" in node]
    assert [node["type"] for node in placed[:3]] == ["mqtt in", "json", "function"]
    assert all("x" in node for node in placed)
    assert json.loads(json.dumps(nodes)) == nodes


def test_a_node_red_that_cannot_be_had_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(nodered.Missing, match="node is not installed"):
        nodered.program(tmp_path)


def _why_missing() -> str:
    try:
        nodered.program()
    except nodered.Missing as missing:
        return str(missing)
    return ""


@pytest.mark.system
def test_node_red_takes_all_and_compares(tmp_path: Path) -> None:
    need("node")
    need("npm")
    if reason := _why_missing():  # no way to a registry of packages from here: its rows fail with this
        assert "npm install" in reason
        return
    with Feeder(_feeds.alarming) as feeder, nodered.running(tmp_path / "nr", feeder.port) as peer:
        feeder.subscribed()
        feeder.prepare(0, 1000)
        assert feeder.send(20).count == 1000
        assert peer.count() == (1000, 1)


def test_a_ping_among_acknowledgements_is_answered_and_counts_as_none() -> None:
    told = [b"\x40\x02\xc0\x00" + b"\xc0\x00" * (n % 7 == 0) for n in range(200)]
    stream, cuts = b"".join(told), Random(1)
    here, there = socket.socketpair()
    acks = Acks(here)
    while stream:
        size = 1 + cuts.randrange(40)
        there.send(stream[:size])
        stream = stream[size:]
        acks.read()
    assert acks.count == 200
    assert acks.pongs() == b"\xd0\x00" * 29, "for whoever writes: never within a packet"
    assert acks.pongs() == b""
    there.send(b"\x30\x00\x00\x00")
    with pytest.raises(AssertionError, match="neither PUBACK nor PINGREQ: 30"):
        acks.read()
    here.close()
    there.close()


def test_the_answer_to_a_ping_stands_between_packets() -> None:
    whole = wide(0, 500)
    with Feeder(wide) as feeder, subscriber(feeder.port) as link:
        feeder.subscribed()
        feeder.prepare(0, len(whole))
        feeder.begin(len(whole))
        link.sendall(b"\xc0\x00")
        stream, size = bytearray(), sum(map(len, whole)) + 2
        while len(stream) < size:
            stream += link.recv(1 << 20)
        assert stream in (b"".join(whole) + b"\xd0\x00", b"\xd0\x00" + b"".join(whole))
        link.sendall(b"".join(b"\x40\x02" + (n + 1).to_bytes(2, "big") for n in range(len(whole))))
        assert feeder.end().count == len(whole)
