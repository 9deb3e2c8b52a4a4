"""An alarm that nobody answers, at a real broker and receiver: whoever is on duty is called once, also over a
restart, and nobody any more after the answer."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from gateway.commands import ask
from tests.support.gateway import Gateway, webhook_table
from tests.support.mosquitto import Broker
from tests.support.publisher import Publisher
from tests.support.receiver import Receiver
from tests.support.wait import until

pytestmark = pytest.mark.system
ALARM = "acme/plant/GD-0/lel:HH"
STEPS = """
[rosters.duty]
file = "duty.ics"

[[escalation]]
name = "duty"
who = "roster:duty"
after_s = 1
sink = "room"

[[escalation]]
name = "head"
who = "role:supervisor"
follows = "duty"
after_s = 8
sink = "room"
"""
SHIFT = """BEGIN:VCALENDAR
BEGIN:VEVENT
UID:1
DTSTART:20200101T000000
DURATION:P1D
RRULE:FREQ=DAILY
SUMMARY:Li Wei
CONTACT:+86 10 1234
END:VEVENT
END:VCALENDAR
"""


def calls(receiver: Receiver) -> dict[str, dict[str, Any]]:
    """Webhook id -> message, of calls alone."""
    found = {}
    for request in list(receiver.requests):
        said = json.loads(request.body)
        if said["type"] == "riskgate.escalation.called":
            assert request.headers["webhook-id"] == said["id"]
            assert found.setdefault(said["id"], said) == said
    return found


def test_whoever_is_on_duty_is_called_until_somebody_answers(tmp_path: Path) -> None:
    fleet = [("acme", "plant", "hall", "GD-0", "gas/combustible_point")]
    with (
        Broker() as broker,
        Receiver() as receiver,
        Gateway(tmp_path, broker.port, fleet) as gateway,
        Publisher(broker.port, tmp_path / "published.jsonl") as publisher,
    ):
        (tmp_path / "duty.ics").write_text(SHIFT.replace("\n", "\r\n"))
        gateway.configure(sinks=webhook_table("room", receiver.port) + STEPS)
        processes = [gateway.start("process", name) for name in ("core", "delivery")]
        gateway.connected(240)
        gateway.delivering()
        for seq, value in enumerate((4.0, 60.0)):
            reading = {"time_ms": time.time_ns() // 1_000_000, "value": value, "boot": 1, "seq": seq}
            publisher.publish("rg/acme/plant/GD-0/lel", json.dumps(reading))
            publisher.settle()
            time.sleep(0.2)  # the device's clock goes on
        until(lambda: bool(calls(receiver)), 30, "the first call")
        said = next(iter(calls(receiver).values()))
        assert said["subject"] == ALARM
        assert said["data"]["on_duty"] == [{"person": "Li Wei", "contact": "+86 10 1234"}]
        assert said["data"]["alarms"][0]["occurrence"] == 1
        shown = gateway.run("escalation", "show")
        assert "Li Wei" in shown.stdout, shown.stderr
        assert "Li Wei" in gateway.run("rosters", "show").stdout
        assert gateway.run("rosters", "check").returncode == 0
        for process in processes:
            gateway.stop(process)
        processes = [gateway.start("process", name) for name in ("core", "delivery")]
        gateway.connected(240)
        until(lambda: len(calls(receiver)) == 2, 60, "the call of the step that follows, over a restart")
        assert list(calls(receiver).values())[1]["data"]["who"] == "role:supervisor"
        command = {
            "op": "command", "action": "acknowledge", "args": {"alarm": ALARM, "occurrence": 1},
            "actor": "li", "role": "operator", "source": "test",
        }  # fmt: skip
        assert ask(gateway.data.core_socket, command)["accepted"]
        for process in processes:
            gateway.stop(process)
    assert {c["data"]["step"] for c in calls(receiver).values()} == {"duty", "head"}
