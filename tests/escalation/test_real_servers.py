"""Calls at a real webhook receiver, verified as a receiver would; a drill's reading at a real broker."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from standardwebhooks import Webhook

from gateway.clock import SystemClock
from gateway.commands import ask
from gateway.delivery.calling import Duty
from gateway.delivery.drill import TOPIC, publisher
from gateway.delivery.process import Delivery
from gateway.errors import RiskgateError
from gateway.escalation.steps import Step
from gateway.paths import DataFolder
from gateway.sinks import webhook
from tests.support.delivery import Book
from tests.support.entries import alarm_event
from tests.support.mosquitto import PUBLISHER, Broker
from tests.support.receiver import Receiver
from tests.support.wait import until

SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="


def waits(delivery: Delivery) -> bool:
    return bool(delivery.answer({"op": "status"})["escalation"]["waiting"] == 1)


def test_a_call_arrives_signed_under_one_id_though_the_filters_of_the_sink_let_no_alarm_through(
    tmp_path: Path,
) -> None:
    data, clock = DataFolder(tmp_path), SystemClock()
    data.create()
    book = Book(tmp_path, clock)
    duty = Duty([Step("first", "role:supervisor", 0, "hook")])
    with Receiver() as receiver:
        settings = {
            "url": receiver.url, "secrets": [SECRET], "allow": ["127.0.0.0/8"], "ports": [receiver.port],
            "conditions": ["nothing"],
        }  # fmt: skip
        for _ in range(2):  # the second run finds the call made
            sinks = {"hook": webhook.Settings.model_validate(settings)}
            delivery = Delivery(data, sinks, lambda _: iter(()), duty=duty)
            delivery.start()
            if not receiver.requests:
                book.write([alarm_event(1, 0, "gas", priority=1, occurrence=4, at_ns=clock.wall_ns())])
            until(lambda: bool(receiver.requests), 20, "the call")
            until(partial(waits, delivery), 20, "what waits")
            [kept] = ask(data.delivery_socket, {"op": "calls", "alarm": "gas"})["calls"]
            delivery.stop()
        [request] = receiver.requests
    said = Webhook(SECRET).verify(request.body, request.headers)
    assert said["type"] == "riskgate.escalation.called"
    assert (said["id"], said["subject"]) == ("1-1-0-call-first", "gas")
    assert said["data"]["alarms"][0]["occurrence"] == 4
    assert kept["body"] == said["data"]
    book.close()


@pytest.mark.system
def test_a_drills_reading_is_taken_by_the_broker_or_its_refusal_is_told(tmp_path: Path) -> None:
    with Broker() as broker:
        ingest = SimpleNamespace(client_id="gw", host="127.0.0.1", port=broker.port, tls=False, ca_file="")
        (tmp_path / "right").write_text(PUBLISHER[1] + "\n")
        (tmp_path / "wrong").write_text("wrong\n")

        def say(password: str) -> None:
            drill = SimpleNamespace(username=PUBLISHER[0], password_file=str(tmp_path / password))
            publisher(ingest, drill)(TOPIC, json.dumps({"value": 100}))

        say("right")
        with pytest.raises((RiskgateError, RuntimeError)):
            say("wrong")
