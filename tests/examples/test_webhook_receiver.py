"""The documented webhook receiver, run as a process, takes what the real sink sends and nothing else."""

from __future__ import annotations

import base64
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from gateway.clock import SystemClock
from gateway.sinks import Delivered, EventsBatch, Refused, SinkContext
from gateway.sinks._signature import signed_headers
from gateway.sinks.webhook import Settings, Sink
from tests.support.entries import alarm_event

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "webhook_receiver.py"
KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()
OTHER = "whsec_" + base64.b64encode(bytes(range(32, 64))).decode()
EVENT = alarm_event(7, 0, "acme/north/GD-1/lel:high")


class Running:
    """A started receiver."""

    def __init__(self, folder: Path) -> None:
        (folder / "secret").write_text(SECRET + "\n", encoding="ascii")
        self.store = folder / "received.db"
        options = ["--secret-file", str(folder / "secret"), "--store", str(self.store), "--port", "0"]
        self.process = subprocess.Popen(
            [sys.executable, "-I", str(EXAMPLE), *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout is not None
        self.url = f"http://127.0.0.1:{int(self.process.stdout.readline())}"

    def stop(self) -> list[str]:
        """End it; what it acted on."""
        self.process.terminate()
        return self.process.communicate(timeout=60)[0].splitlines()

    def kept(self) -> list[str]:
        """Ids in its store."""
        db = sqlite3.connect(self.store)
        try:
            return [row[0] for row in db.execute("SELECT id FROM messages ORDER BY id")]
        finally:
            db.close()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    started = Running(tmp_path)
    yield started
    started.process.kill()
    started.process.communicate(timeout=60)


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One for all that is refused: it must stand all of it."""
    started = Running(tmp_path_factory.mktemp("standing"))
    yield started
    started.process.kill()
    started.process.communicate(timeout=60)


def sink(url: str, secret: str) -> Sink:
    where = httpx.URL(url)
    own = {"url": url, "secrets": [secret], "allow": [f"{where.host}:{where.port}"], "timeout_s": 60.0}
    return Sink(Settings.model_validate(own), SinkContext("hook", "/x", SystemClock().wall_ns))


def now_s() -> int:
    return SystemClock().wall_ns() // 10**9


def test_a_delivery_is_kept_and_acted_on_once_however_often_it_comes(running: Running) -> None:
    batch = EventsBatch(1, 1, [(1, EVENT)])
    sender = sink(running.url, SECRET)
    assert [sender.deliver(batch) for _ in range(3)] == [Delivered(f"204 {EVENT.id}")] * 3
    sender.close()
    acted = running.stop()
    assert running.kept() == [EVENT.id]
    assert len(acted) == 1
    assert EVENT.alarm in acted[0]


def test_a_message_signed_with_a_strangers_key_becomes_a_dead_letter(running: Running) -> None:
    verdict = sink(running.url, OTHER).deliver(EventsBatch(1, 1, [(1, EVENT)]))
    assert isinstance(verdict, Refused)
    assert "401" in verdict.reason
    assert running.kept() == []


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"body": b'{"id":"1-7-1"}'}, 401),
        ({"webhook-id": "1-7-1"}, 401),
        ({"webhook-signature": ""}, 401),
        ({"webhook-signature": "v1,\u00e9"}, 401),
        ({"webhook-timestamp": "-5"}, 401),
        ({"age": 360}, 425),
        ({"age": -360}, 425),
        ({"signed": b"not json"}, 400),
        ({"signed": b"[1]"}, 400),
        ({"signed": b"\xff"}, 400),
        ({"signed": b" " * 65_537}, 413),
    ],
    ids=str,
)
def test_what_is_not_ours_old_or_malformed_is_refused(
    standing: Running, change: dict[str, object], status: int
) -> None:
    wanted = dict(change)
    body = bytes(wanted.pop("signed", b'{"id":"1-7-0"}'))  # type: ignore[call-overload]
    headers = signed_headers([KEY], "1-7-0", now_s() - int(str(wanted.pop("age", 0))), body)
    body = bytes(wanted.pop("body", body))  # type: ignore[call-overload]
    raw = [(name.encode(), str(value).encode()) for name, value in {**headers, **wanted}.items()]
    assert httpx.post(standing.url, content=body, headers=raw).status_code == status
    assert "1-7-0" not in standing.kept()
    good = b'{"id":"1-8-0"}'
    fine = httpx.post(standing.url, content=good, headers=signed_headers([KEY], "1-8-0", now_s(), good))
    assert fine.status_code == 204
    assert standing.kept() == ["1-8-0"]


def test_another_body_under_an_id_that_is_kept_is_refused(running: Running) -> None:
    answers = [
        httpx.post(running.url, content=body, headers=signed_headers([KEY], "1-7-0", now_s(), body))
        for body in (b'{"id":1}', b'{"id":2}', b'{"id":1}')
    ]
    assert [answer.status_code for answer in answers] == [204, 422, 204]
    assert running.kept() == ["1-7-0"]
