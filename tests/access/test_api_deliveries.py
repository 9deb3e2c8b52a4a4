"""Deliveries for programs: real delivery, a receiver that refuses, letters by organisation."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from gateway.access import Scope
from gateway.delivery.process import Delivery
from gateway.ledger import LedgerReader
from gateway.sinks import ReadingsBatch, webhook
from tests.access.test_api import program
from tests.access.test_console import FOREIGN, OWN, of_enterprise
from tests.console.stand import Stand, gas_alarm
from tests.support.receiver import Receiver, Reply, Request
from tests.support.wait import until

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()


class Refusing:
    """A receiver that refuses until it is told not to."""

    def __init__(self) -> None:
        self.refuses = True
        self.taken: list[str] = []

    def __call__(self, request: Request) -> Reply:
        if self.refuses:
            return Reply(410, body=b"<b>gone</b>")
        self.taken.append(request.headers["webhook-id"])
        return Reply()


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    with Stand(tmp_path / "data") as made:
        made.person("sup", "supervisor")
        made.person("acme", "supervisor", Scope(enterprise="acme"))
        yield made


@pytest.fixture
def refusing(stand: Stand) -> Iterator[Refusing]:
    script = Refusing()

    def nothing(after: int) -> Iterator[ReadingsBatch]:
        yield from ()

    with Receiver(script) as receiver:
        given = {"url": receiver.url, "secrets": [SECRET], "allow": ["127.0.0.0/8"], "ports": [receiver.port]}
        delivery = Delivery(stand.data, {"dispatch": webhook.Settings.model_validate(given)}, nothing)
        delivery.start()
        yield script
        delivery.stop()


def letters(client: httpx.Client, limit: int = 100) -> list[str]:
    found, cursor = [], ""
    while True:
        answer = client.get("/deadletters", params={"limit": limit, "cursor": cursor})
        assert answer.status_code == 200, answer.text
        assert len(answer.json()["letters"]) <= limit
        found += [letter["alarm"] for letter in answer.json()["letters"]]
        if answer.json()["next"] is None:
            return found
        cursor = answer.json()["next"]


def test_dead_letters_are_listed_by_organisation_and_sent_again_once(
    stand: Stand, refusing: Refusing
) -> None:
    stand.apply((gas_alarm("GD-1"), True, 60.0), (of_enterprise("GD-9", "other", "west"), True, 70.0))
    stand.apply((gas_alarm("GD-2"), True, 60.0), (gas_alarm("GD-3"), True, 60.0))
    with (
        program(stand, "sup", "supervisor") as city,
        program(stand, "acme", "supervisor", Scope(enterprise="acme")) as acme,
        program(stand) as operator,
    ):
        until(lambda: len(letters(city)) == 4, 20, "four letters are dead")
        assert letters(city, 1) == letters(city)
        assert FOREIGN in letters(city)
        for limit in (1, 2, 3, 100):
            own = letters(acme, limit)
            assert (len(own), OWN in own, FOREIGN in own) == (3, True, False)
        assert city.get("/deliveries").json()["sinks"]["dispatch"]["dead"] == 4
        assert operator.get("/deadletters").status_code == 403
        assert acme.get("/deliveries").status_code == 404
        assert city.get("/deadletters", params={"cursor": "x"}).status_code == 422
        event = city.get("/deadletters").json()["letters"][0]["event"]
        body, key = {"sink": "dispatch", "events": [event]}, {"Idempotency-Key": "again-1"}
        assert acme.post("/deadletters/resend", json=body).status_code == 404
        for wrong in ({"sink": "dispatch"}, {**body, "all": True}, {**body, "more": 1}):
            refused = city.post("/deadletters/resend", json=wrong)
            assert refused.status_code == 422
            assert refused.headers["content-type"] == "application/problem+json"
        refusing.refuses = False
        first = city.post("/deadletters/resend", json=body, headers=key)
        assert (first.status_code, first.json()["accepted"]) == (200, True)
        until(lambda: refusing.taken == [event], 20, "it arrived")
        again = city.post("/deadletters/resend", json=body, headers=key)
        assert (again.json()["event"], again.headers["idempotency-replayed"]) == (
            first.json()["event"],
            "true",
        )
        other = city.post("/deadletters/resend", json={"sink": "dispatch", "all": True}, headers=key)
        assert other.status_code == 422, "the same key for another request"
        assert city.post("/deadletters/resend", json={"sink": "dispatch", "all": True}).json()["accepted"]
        until(lambda: len(refusing.taken) == 4, 20, "all arrived, none twice")
        assert len(set(refusing.taken)) == 4
    asked = LedgerReader(stand.data.ledger).commands("deadletter_resend")
    assert [(event.actor, event.accepted) for _, event in asked] == [("sup", True)] * 2


def test_without_delivery_it_is_said_so(stand: Stand) -> None:
    with program(stand, "sup", "supervisor") as city:
        for path in ("/deliveries", "/deadletters"):
            answer = city.get(path)
            assert answer.status_code == 503
            assert "riskgate run" in answer.json()["detail"]
