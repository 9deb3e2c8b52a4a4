"""The whole process on real sockets: live channel, isolation of sinks, questions, exercises, stopping."""

from __future__ import annotations

import base64
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from standardwebhooks.webhooks import Webhook

from gateway.alarms.events import Event
from gateway.clock import SystemClock
from gateway.commands import ask
from gateway.delivery.process import SEES_AGAIN, Delivery
from gateway.delivery.receipts import accounts
from gateway.errors import JournalError
from gateway.live import LiveSender
from gateway.paths import DataFolder
from gateway.sinks import ReadingsBatch, history, influxdb, webhook
from gateway.sinks.history import HistoryReader
from tests.support.delivery import Book
from tests.support.entries import alarm_event
from tests.support.readings import NOW_NS, good, table
from tests.support.receiver import Receiver, Reply, Request
from tests.support.wait import LEAST_S, PATIENCE, until

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
TABLE = table()
END_NS = NOW_NS + 10**15
HANGS_S = 60.0
"""How long a request that hangs is waited for: longer than its test, so that none is given up meanwhile."""


def hook(receiver: Receiver, **own: object) -> webhook.Settings:
    given = {"url": receiver.url, "secrets": [SECRET], "allow": ["127.0.0.0/8"], "ports": [receiver.port]}
    return webhook.Settings.model_validate({**given, "timeout_s": HANGS_S, **own})


def influx(receiver: Receiver) -> influxdb.Settings:
    return influxdb.Settings.model_validate(
        {"url": receiver.url, "api": "v1", "database": "plant", "linger_s": 0.05, "timeout_s": HANGS_S}
    )


def nothing(after: int) -> Iterator[ReadingsBatch]:
    yield from ()


class Place:
    """A data folder with a ledger, and deliveries on it."""

    def __init__(self, folder: Path) -> None:
        self.data = DataFolder(folder)
        self.data.create()
        self.book = Book(folder, SystemClock())
        self.running: list[Delivery] = []

    def start(self, outward: bool = True, **sinks: object) -> Delivery:
        delivery = Delivery(self.data, sinks, nothing, outward=outward)
        delivery.start()
        self.running.append(delivery)
        return delivery

    def status(self, sink: str) -> dict[str, object]:
        answer = ask(self.data.delivery_socket, {"op": "status"}, LEAST_S)
        return answer["sinks"][sink]  # type: ignore[no-any-return]

    def sender(self) -> LiveSender:
        return LiveSender(self.data.live_socket, lambda: (TABLE.version, TABLE.export()), retry_every=0)

    def close(self) -> None:
        for delivery in self.running:
            if not delivery.stopping.is_set():
                delivery.stop()
        self.book.close()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    made.close()


def events(first: int, count: int, **fields: object) -> list[Event]:
    return [alarm_event(first + n, 0, f"alarm{n % 5}", **fields) for n in range(count)]


def received(receiver: Receiver) -> list[str]:
    return [request.headers["webhook-id"] for request in receiver.requests]


def test_readings_events_and_figures_reach_every_sink(place: Place) -> None:
    with Receiver() as hooked, Receiver() as database:
        place.start(hook=hook(hooked), influx=influx(database), history=history.Settings(linger_s=0.05))
        place.book.write(events(1, 20))
        sender = place.sender()
        previous = 0
        for position in (3, 4, 9):
            assert sender.send_readings(1, previous, position, good(5, start_ns=NOW_NS + position * 10**9))
            sender.flush()
            previous = position
        assert sender.send(["health", NOW_NS, {"lag": 0.0}])
        until(lambda: len(received(hooked)) == 20, 10, "20 webhooks")
        until(lambda: place.status("influx")["delivered"] == 20 + 15 + 1, 10, "everything in influx")
        until(lambda: place.status("history")["delivered"] == 15, 10, "readings in the history")
        sender.close()
    for request in hooked.requests:
        Webhook(SECRET).verify(request.body, request.headers)
    assert sorted(received(hooked)) == sorted(event.id for event in events(1, 20))
    assert place.status("hook")["pending"] == 0
    stored = list(HistoryReader(place.data.history).readings(None, 0, END_NS))
    assert sum(len(part.rows) for part in stored) == 15


def test_a_hanging_sink_delays_nobody_and_hides_nothing(place: Place) -> None:
    with (
        Receiver(lambda _: Reply(hang=True)) as dead,
        Receiver() as alive,
        Receiver(lambda _: Reply(headers={"X-Pad": "y" * 3000}, drip_s=0.2)) as slow,
    ):
        place.start(dead=hook(dead), alive=hook(alive), slow=influx(slow))
        for n in range(20):
            place.book.write(events(n + 1, 1))
            until(lambda n=n: len(received(alive)) == n + 1, 5, "the healthy webhook")  # type: ignore[misc]
        assert place.status("dead")["pending"] == 20
        assert place.status("slow")["pending"] == 20


def test_a_priority_one_passes_a_backlog_whose_senders_all_hang(place: Place) -> None:
    def script(request: Request) -> Reply:
        return Reply(hang=b'"priority":1,' not in request.body)

    with Receiver(script) as receiver:
        place.start(hook=hook(receiver))
        place.book.write(events(1, 900))
        until(lambda: len(receiver.requests) == 4, 5, "all senders are stuck")
        place.book.write([alarm_event(901, 0, "fire", priority=1)])
        until(lambda: "1-901-0" in received(receiver), 3, "the priority 1")
    assert len(receiver.requests) == 5


def test_blind_is_announced_at_once_even_past_a_stuck_line(place: Place) -> None:
    def script(request: object) -> Reply:
        return Reply(hang=True) if b'"riskgate.alarm' in request.body else Reply()  # type: ignore[attr-defined]

    with Receiver(script) as receiver:
        place.start(hook=hook(receiver))
        place.book.write(events(1, 10))
        until(lambda: len(receiver.requests) == 4, 5, "all senders are stuck")
        sender = place.sender()
        assert sender.send(["blind", NOW_NS, "disk full: journal"])
        assert sender.send(["blind", NOW_NS + 1, ""])
        until(lambda: len(receiver.requests) == 6, 5, "two announcements")
        sender.close()
    said = [Webhook(SECRET).verify(r.body, r.headers) for r in receiver.requests[4:]]
    assert [message["data"]["reason_en"] for message in said] == [
        "gateway blind: disk full: journal",
        SEES_AGAIN,
    ]


def test_an_exercise_mutes_what_leaves_the_machine(place: Place) -> None:
    with Receiver() as hooked, Receiver() as database:
        place.start(
            outward=False, hook=hook(hooked), influx=influx(database), history=history.Settings(linger_s=0.05)
        )
        place.book.write(events(1, 5))
        sender = place.sender()
        sender.send_readings(1, 0, 2, good(5))
        sender.flush()
        until(lambda: place.status("history")["delivered"] == 5, 10, "the history still works")
        until(lambda: place.status("hook")["lag"] == 0, 10, "the muted sinks keep up")
        sender.close()
        assert hooked.requests == database.requests == []
        assert place.status("hook")["muted"] is True
        assert place.status("history")["muted"] is False


def test_questions(place: Place) -> None:
    with Receiver(lambda _: Reply(410)) as receiver:
        place.start(hook=hook(receiver, workers=1))
        place.book.write(events(1, 3))
        until(lambda: place.status("hook")["dead"] == 3, 10, "three dead letters")
    answer = ask(place.data.delivery_socket, {"op": "deadletters", "sink": "hook", "limit": 2})
    assert [letter["event"] for letter in answer["deadletters"]] == ["1-3-0", "1-2-0"]
    assert answer["deadletters"][0]["reason"] == "410"
    assert ask(place.data.delivery_socket, {"op": "nothing"})["accepted"] is False


def test_one_delivery_a_folder(place: Place) -> None:
    place.start()
    with pytest.raises(JournalError, match="deliveries"):
        Delivery(place.data, {}, nothing)


def test_stopping_with_dead_sinks_is_quick_and_loses_nothing(place: Place) -> None:
    with Receiver(lambda _: Reply(hang=True)) as dead:
        delivery = place.start(hook=hook(dead), influx=influx(dead))
        place.book.write(events(1, 30))
        until(lambda: len(dead.requests) >= 5, 5, "senders are stuck")
        began = time.monotonic()
        assert delivery.stop() == 0
        assert time.monotonic() - began < 5 * PATIENCE
    with Receiver() as alive:
        settings = hook(dead).model_copy(update={"url": alive.url, "ports": [alive.port]})
        place.start(hook=settings)
        until(lambda: len(received(alive)) == 30, 10, "everything after the restart")
    assert len(set(received(alive))) == 30


def test_the_second_core_connection_counts_and_garbage_is_survived(place: Place) -> None:
    delivery = place.start(history=history.Settings(linger_s=0.05))
    first, second = place.sender(), place.sender()
    assert first.send_readings(1, 0, 1, good(1))
    first.flush()
    assert second.send_readings(1, 0, 1, good(1))
    second.flush()
    until(lambda: place.status("history")["delivered"] >= 1, 5, "a frame of the second connection")
    assert second._link is not None
    second._link.setblocking(True)
    second._link.sendall(b"\x00\x00\x00\x03abc")
    third = place.sender()
    assert third.send_readings(1, 1, 2, good(1, start_ns=NOW_NS + 5))
    third.flush()
    until(lambda: place.status("history")["lanes"]["readings"]["cursor"] == 2, 5, "a frame of the third")  # type: ignore[index]
    assert not delivery.stopping.is_set()
    for sender in (first, second, third):
        sender.close()


@pytest.mark.parametrize("where", ["sink-before-send:5", "sink-after-send:5", "after-cursor:5"])
def test_killed_at_any_point_everything_arrives_after_the_restart(place: Place, where: str) -> None:
    place.book.write(events(1, 12))
    with Receiver() as receiver:
        killed_and_run_again(place, receiver, where, 12)
    assert len(whole_bodies(receiver)) == 12


@pytest.mark.parametrize("where", ["after-ahead:1", "sink-after-send:1", "after-cursor:1"])
def test_killed_with_a_priority_one_ahead_of_the_line_it_comes_first_and_is_lost_by_no_kill(
    place: Place, where: str
) -> None:
    place.book.write([*events(1, 700), alarm_event(701, 0, "fire", priority=1), *events(702, 9)])
    with Receiver() as receiver:
        killed_and_run_again(place, receiver, where, 710)
    assert len(whole_bodies(receiver)) == 710
    assert received(receiver).index("1-701-0") < 50, (
        "hundreds were before it; a few other senders may be quicker"
    )
    (account,) = accounts(place.data.delivery)
    assert account.receipts == account.taken == set(range(1, 711))
    assert len(account.order) == 710


def killed_and_run_again(place: Place, receiver: Receiver, where: str, count: int) -> None:
    """Delivery dies at ``where``; the next one delivers all ``count`` events and ends when told."""
    config = place.data.root / "riskgate.toml"
    (place.data.root / "keys").write_text(SECRET)
    (place.data.root / "fleet.csv").write_text("enterprise,site,asset,device,profile\n")
    config.write_text(
        f'[sinks.hook]\nkind = "webhook"\nurl = "{receiver.url}/"\nsecret_file = "keys"\n'
        f'allow = ["127.0.0.0/8"]\nports = [{receiver.port}]\n'
    )
    command = [sys.executable, "-m", "gateway.cli", "--data", str(place.data.root)]
    command += ["--config", str(config), "process", "delivery"]
    crash = {**os.environ, "RISKGATE_CRASH_AT": where}
    killed = subprocess.run(command, env=crash, stderr=subprocess.PIPE, timeout=300, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    again = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        until(lambda: len(set(received(receiver))) == count, 30, "every event after the restart")
        until(lambda: place.status("hook")["pending"] == 0, 10, "every receipt")
        began = time.monotonic()
        again.send_signal(signal.SIGTERM)
        assert again.wait(LEAST_S) == 0
        assert time.monotonic() - began < 5 * PATIENCE
    finally:
        again.kill()
        again.wait()


def whole_bodies(receiver: Receiver) -> dict[str, bytes]:
    """Message -> body, the same each time it came. The kill may have cut a request short: that one was never
    answered, and came again whole."""
    whole = [r for r in receiver.requests if len(r.body) == int(r.headers["content-length"])]
    bodies = {request.headers["webhook-id"]: request.body for request in whole}
    assert all(bodies[r.headers["webhook-id"]] == r.body for r in whole)
    return bodies
