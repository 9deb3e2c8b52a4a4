"""A real InfluxDB and a webhook go away during a stream and come back: nothing is lost, nothing is twice."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.clock import SystemClock
from gateway.delivery.process import Delivery
from gateway.live import LiveSender
from gateway.paths import DataFolder
from gateway.sinks import ReadingsBatch, influxdb, webhook
from tests.support.delivery import Book
from tests.support.entries import alarm_event
from tests.support.influxd import Influxd
from tests.support.readings import NOW_NS, good, table
from tests.support.receiver import Receiver, Reply
from tests.support.wait import until

pytestmark = pytest.mark.system
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
TABLE = table()


def nothing(after: int) -> Iterator[ReadingsBatch]:
    yield from ()


def test_both_are_away_for_a_while(tmp_path: Path) -> None:
    data = DataFolder(tmp_path)
    data.create()
    book = Book(tmp_path, SystemClock())
    away = False
    with Influxd() as influx, Receiver(lambda _: Reply(503) if away else Reply()) as receiver:
        sinks = {
            "influx": influxdb.Settings.model_validate(
                {"url": influx.url, "api": "v1", "database": influx.database, "linger_s": 0.05}
            ),
            "hook": webhook.Settings.model_validate(
                {"url": receiver.url, "secrets": [SECRET], "allow": ["127.0.0.0/8"], "ports": [receiver.port]}
            ),
        }
        delivery = Delivery(data, sinks, nothing)
        delivery.start()
        sender = LiveSender(data.live_socket, lambda: (1, TABLE.export()), retry_every=0)

        def stream(first: int, count: int) -> None:
            for n in range(first, first + count):
                assert sender.send_readings(1, n - 1, n, good(20, start_ns=NOW_NS + n * 10**9))
                sender.flush()
                book.write([alarm_event(n, 0, f"alarm{n % 3}", at_ns=NOW_NS + n)])

        stream(1, 20)
        until(lambda: len(influx.query("SELECT * FROM reading")) > 0, 10, "the first readings")
        influx.stop()
        away = True
        stream(21, 60)
        status = delivery.answer({"op": "status"})["sinks"]
        until(lambda: delivery.answer({"op": "status"})["sinks"]["influx"]["error"], 10, "an error is told")
        assert status["hook"]["dead"] == status["influx"]["dead"] == 0
        influx.start()
        away = False
        stream(81, 10)
        until(
            lambda: all(
                s["lag"] == 0 and s["pending"] == 0
                for s in delivery.answer({"op": "status"})["sinks"].values()
            ),
            60,
            "everything delivered",
        )
        sender.close()
        assert delivery.stop() == 0
        rows = influx.rows("SELECT value FROM reading")
        assert [row["time"] for row in rows] == [
            NOW_NS + n * 10**9 + k * 10**6 for n in range(1, 91) for k in range(20)
        ]
        assert len(influx.rows("SELECT event FROM alarm")) == 90
        taken = [r.headers["webhook-id"] for r in receiver.requests]
        assert set(taken) == {f"1-{n}-0" for n in range(1, 91)}
    book.close()
