"""A real delivery process's work beside the console: a webhook, if wanted a roster, calls, fire drills."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import msgspec

from gateway.alarms.events import DRILL_ENTERPRISE
from gateway.delivery.calling import Duty
from gateway.delivery.drill import ALARM
from gateway.delivery.process import Delivery
from gateway.escalation.steps import Step
from gateway.rosters import Roster
from gateway.sinks import ReadingsBatch, webhook
from tests.console.stand import Stand, gas_alarm
from tests.support.receiver import Receiver, Reply, Request, Script
from tests.support.wait import LEAST_S

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
S = 10**9


def nothing(after: int) -> Iterator[ReadingsBatch]:
    """No readings to catch up with."""
    yield from ()


@contextmanager
def delivering(stand: Stand, script: Script, duty: Duty | None = None) -> Iterator[None]:
    """The sink "dispatch" delivers the stand's alarms to a receiver that answers by ``script``."""
    with Receiver(script) as receiver:
        given = {"url": receiver.url, "secrets": [SECRET], "allow": ["127.0.0.0/8"], "ports": [receiver.port]}
        sinks = {"dispatch": webhook.Settings.model_validate(given)}
        delivery = Delivery(stand.data, sinks, nothing, duty=duty)
        delivery.start()
        yield
        delivery.stop()


def roster(folder: Path) -> Roster:
    """Wang is on duty for another hour, then Zhao for two; after that nobody."""
    now = datetime.now(UTC).replace(microsecond=0)

    def shift(person: str, begin: datetime, hours: int) -> str:
        end = begin + timedelta(hours=hours)
        return (
            f"BEGIN:VEVENT\r\nUID:{person}\r\nSUMMARY:{person}\r\nDTSTART:{begin:%Y%m%dT%H%M%SZ}\r\n"
            f"CONTACT:tel:+86-371-555\r\nDTEND:{end:%Y%m%dT%H%M%SZ}\r\nEND:VEVENT\r\n"
        )

    change = now + timedelta(hours=1)
    shifts = shift("Wang", now - timedelta(hours=1), 2) + shift("Zhao", change, 2)
    file = folder / "duty.ics"
    file.write_text(f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//t//t\r\n{shifts}END:VCALENDAR\r\n")
    return Roster("city", str(file), "Asia/Shanghai", 7)


class Plant:
    """What is published for the drill becomes its alarm, as in the core."""

    def __init__(self, stand: Stand) -> None:
        place = {"enterprise": DRILL_ENTERPRISE, "site": "drill", "device": "canary", "channel": "canary"}
        self.alarm = msgspec.structs.replace(gas_alarm("canary", "H", 4), id=ALARM, **place)
        self.stand = stand
        self.high = False
        self.free = threading.Event()
        self.free.set()

    def __call__(self, topic: str, payload: str) -> None:
        assert self.free.wait(LEAST_S)
        high = json.loads(payload)["value"] > 50
        if high != self.high:
            self.high = high
            self.stand.apply((self.alarm, high, 100.0))


class Hook:
    """A receiver that can be told to refuse, and the plant that the drill speaks to."""

    refuses = False

    def __init__(self, plant: Plant) -> None:
        self.plant = plant

    def __call__(self, _request: Request) -> Reply:
        return Reply(410) if self.refuses else Reply()


@contextmanager
def on_duty(stand: Stand, folder: Path) -> Iterator[Hook]:
    """Delivery with two steps of escalation, a roster and fire drills."""
    hook = Hook(Plant(stand))
    steps = [
        Step("duty", "roster:city", 0, "dispatch"),
        Step("chief", "role:supervisor", 3600 * S, "dispatch", follows="duty"),
    ]
    drill = SimpleNamespace(every_hours=0.0, timeout_s=LEAST_S)
    with delivering(stand, hook, Duty(steps, {"city": roster(folder)}, drill, hook.plant)):
        yield hook
