"""The live channel: never blocks the core, says what was missed, and tells a blind gateway's news to whoever
comes back."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from detectors import COLUMNS, Readings
from gateway.live import LENGTH, LIVE_NS, LiveSender, readings_of


class Listener:
    """Delivery's end."""

    def __init__(self, path: Path) -> None:
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._server.bind(os.fspath(path))
        self._server.listen()
        self._server.settimeout(60)
        self._path = path

    def accept(self) -> socket.socket:
        link, _ = self._server.accept()
        link.settimeout(60)
        return link

    def close(self) -> None:
        self._server.close()
        self._path.unlink()


def frame_of(link: socket.socket) -> list[Any]:
    """The next frame."""
    with link.makefile("rb", buffering=0) as stream:
        head = stream.read(LENGTH.size)
        assert head is not None
        body = b""
        while len(body) < LENGTH.unpack(head)[0]:
            body += stream.read(LENGTH.unpack(head)[0] - len(body)) or b""
    frame: list[Any] = msgspec.msgpack.decode(body)
    return frame


def some_readings() -> Readings:
    return Readings(
        np.array([3], np.int32),
        np.array([5], np.int64),
        np.array([6], np.int64),
        np.array([7.5]),
        np.zeros(1, np.uint8),
        np.zeros(1, np.uint8),
        np.zeros(1, np.uint8),
        np.zeros(1, np.int32),
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "live.sock"


def sender(path: Path) -> LiveSender:
    return LiveSender(path, lambda: (1, b"table"), retry_every=0)


def test_without_delivery_frames_are_dropped_and_counted(path: Path) -> None:
    live = sender(path)
    assert not live.send_readings(1, 0, 4, some_readings())
    assert live.dropped == 1


def test_the_table_goes_before_the_first_readings_and_after_a_change(path: Path) -> None:
    listener, live = Listener(path), sender(path)
    assert live.send_readings(1, 0, 4, some_readings())
    assert live.send_readings(1, 4, 5, some_readings())
    assert live.send_readings(2, 5, 6, some_readings())
    live.flush()
    link = listener.accept()
    frames = [frame_of(link) for _ in range(5)]
    assert [f[0] for f in frames] == ["table", "readings", "readings", "table", "readings"]
    assert frames[1][1:4] == [1, 0, 4]
    assert readings_of(frames[1][4]).value.tolist() == [7.5]
    live.close()


def test_readings_of_groups_that_follow_each_other_go_out_together_and_at_once_when_idle(path: Path) -> None:
    listener, live = Listener(path), sender(path)
    for number in range(3):
        live.send_readings(1, number, number + 1, some_readings())
        live.turn(LIVE_NS + number * (LIVE_NS // 2), idle=False)
        assert live.waiting == (number == 1)
    link = listener.accept()
    assert frame_of(link)[0] == "table"
    assert [frame_of(link)[3] for _ in range(3)] == [1, 2, 3]
    live.send_readings(1, 3, 4, some_readings())
    live.turn(2 * LIVE_NS + 1, idle=False)
    assert live.waiting
    live.turn(2 * LIVE_NS + 2, idle=True)
    assert not live.waiting
    assert frame_of(link)[3] == 4
    live.close()


def test_a_standing_announcement_reaches_everybody_who_comes_back_until_another(path: Path) -> None:
    live = sender(path)
    blind = ["blind", 9, "disk full"]
    live.announce(blind, standing=True)
    for _ in range(2):
        listener = Listener(path)
        live.flush()
        link = listener.accept()
        assert frame_of(link) == blind
        link.close()
        listener.close()
        live.flush()
        live.send(["health", 1, {}])  # finds the link dead
        live.send(["health", 1, {}])
    listener = Listener(path)
    live.flush()
    link = listener.accept()
    live.announce(["blind", 10, ""], standing=False)
    assert [frame_of(link)[1] for _ in range(2)] == [9, 10]
    live.close()


def test_whoever_reads_late_gets_whole_frames_in_order_and_the_rest_counts_as_dropped(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.live.MAX_BUFFERED", 3 << 20)
    exported: list[int] = []
    live = LiveSender(path, lambda: (1, b"table" if not exported.append(1) else b""), retry_every=0)
    listener = Listener(path)
    many = Readings(*(np.resize(getattr(some_readings(), name), 5000) for name in COLUMNS))
    taken = [n for n in range(1, 101) if live.send_readings(1, n - 1, n, many)]
    assert live.dropped == 100 - len(taken) > 0
    assert exported == [1]
    link = listener.accept()
    live.send_readings(1, taken[-1], 101, many)
    got: list[int] = []
    with link.makefile("rb") as stream:
        while not got or got[-1] != taken[-1]:
            live.flush()
            frame = msgspec.msgpack.decode(stream.read(LENGTH.unpack(stream.read(LENGTH.size))[0]))
            if frame[0] == "readings":
                assert readings_of(frame[4]).value.tolist() == [7.5] * 5000
                got.append(frame[3])
    assert got == taken
    link.close()
    live.close()
