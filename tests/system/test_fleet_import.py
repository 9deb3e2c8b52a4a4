"""A fleet list by upload to the console of a whole running gateway: looked at, it changes nothing; in force,
the new device's gas is an alarm without a restart, and everything still verifies."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.access import AccessStore, Scope
from gateway.alarms.events import AlarmEvent, CommandEvent, NoteEvent
from gateway.clock import new_secret
from gateway.ledger import LedgerReader
from tests.support.gateway import Gateway, webhook_table
from tests.support.mosquitto import Broker
from tests.support.need import free_port
from tests.support.publisher import Publisher
from tests.support.receiver import Receiver
from tests.support.wait import until

pytestmark = pytest.mark.system

GAS = "gas/combustible_point"
FLEET = [("acme", "plant", "hall", "GD-1", GAS), ("other", "depot", "yard", "GD-9", GAS)]
HEADER = "enterprise,site,asset,device,profile\n"
KEPT = f"acme,plant,pump room,GD-1,{GAS}\n"
NEW = f"acme,plant,hall,GD-2,{GAS}\n"
OTHERS = f"other,depot,yard,GD-9,{GAS}\n"


def program(gateway: Gateway, url: str, who: str, scope: Scope) -> httpx.Client:
    """A program of an engineer, by a token of his."""
    access, now = AccessStore(gateway.data.console, new_secret), time.time_ns()
    access.choose(access.add(who, who.title(), "engineer", scope, now), "three small blue boats", now)
    token = access.issue(who, "engineer", scope, "import", now)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "text/csv"}
    return httpx.Client(base_url=f"{url}/api/v1", headers=headers, trust_env=False)


def sent(client: httpx.Client, rows: str, **query: Any) -> httpx.Response:
    return client.post("/fleet/import", content=HEADER + rows, params=query)


class High:
    """Gas far over every limit, told once a second by some devices, as they do: a single reading that a busy
    machine takes too late is history and raises nothing."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._seq, self._told = 0, 0.0

    def tell(self, *devices: str) -> None:
        if time.monotonic() - self._told < 1.0:
            return
        self._seq, self._told = self._seq + 1, time.monotonic()
        for device in devices:
            reading = {"time_ms": time.time_ns() // 1_000_000, "value": 60, "boot": 1, "seq": self._seq}
            self._publisher.publish(f"rg/acme/plant/{device}/lel", json.dumps(reading))

    def raises(self, gateway: Gateway, alarm: str, *devices: str) -> None:
        """Tell it until the alarm is there."""

        def raised() -> bool:
            self.tell(*devices)
            return alarm in alarms(gateway)

        until(raised, 60, alarm)
        self._publisher.settle(60)


def noted(gateway: Gateway) -> list[NoteEvent]:
    """The configurations that the ledger knows."""
    events = LedgerReader(gateway.data.ledger).events_after(0, 100_000)
    return [e for _, e in events if isinstance(e, NoteEvent) and e.kind == "configuration"]


def alarms(gateway: Gateway) -> set[str]:
    events = LedgerReader(gateway.data.ledger).events_after(0, 100_000)
    return {e.alarm for _, e in events if isinstance(e, AlarmEvent) and e.enterprise == "acme"}


def witnessed(gateway: Gateway) -> list[tuple[str, str]]:
    """(actor, reason) of every change that the ledger was told of."""
    events = LedgerReader(gateway.data.ledger).events_after(0, 100_000)
    return [
        (e.actor, e.reason_en)
        for _, e in events
        if isinstance(e, CommandEvent) and e.action == "access_change" and e.accepted
    ]


def answers(url: str) -> Callable[[], bool]:
    def asked() -> bool:
        try:
            return httpx.get(url + "/login", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    return asked


def test_a_list_is_looked_at_and_then_in_force_at_a_running_gateway(tmp_path: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with (
        Broker() as broker,
        Receiver() as room,
        Gateway(tmp_path, broker.port, FLEET) as gateway,
        Publisher(broker.port, tmp_path / "published.jsonl") as publisher,
    ):
        gateway.configure(sinks=webhook_table("room", room.port))
        run = gateway.start("run")
        gateway.connected(240)
        console = gateway.start("console", "--port", str(port))
        until(answers(url), 120, "the console answers")
        fleet = tmp_path / "fleet.csv"
        before, [first] = fleet.read_bytes(), noted(gateway)
        with (
            program(gateway, url, "eng", Scope()) as engineer,
            program(gateway, url, "beta", Scope(enterprise="other")) as stranger,
        ):
            looked = sent(engineer, KEPT + NEW + OTHERS).json()
            assert (looked["applied"], looked["added"]) == (False, ["acme/plant/GD-2"])
            assert looked["changed"] == ["acme/plant/GD-1"]
            high = High(publisher)
            high.raises(gateway, "acme/plant/GD-1/lel:HH", "GD-2", "GD-1")
            assert fleet.read_bytes() == before, "only looked at"
            assert noted(gateway) == [first]
            assert not any("/GD-2/" in alarm for alarm in alarms(gateway)), "not of the fleet yet"
            assert sent(stranger, KEPT + NEW, apply=True, missing="keep").status_code == 422
            assert fleet.read_bytes() == before, "another enterprise's devices"
            done = sent(engineer, KEPT + NEW + OTHERS, apply=True, fleet=looked["fleet"])
            assert (done.status_code, done.json()["applied"]) == (200, True), done.text
            assert "3 devices" in done.json()["core"]
            listed = {one["device"] for one in engineer.get("/devices").json()["devices"]}
            assert "acme/plant/GD-2" in listed
        assert len(noted(gateway)) == 2
        [(who, said)] = witnessed(gateway)
        assert who == "eng"
        assert "1 added, 1 changed, 0 retired" in said
        assert fleet.with_name("fleet.csv.old").read_bytes() == before
        high.raises(gateway, "acme/plant/GD-2/lel:HH", "GD-2")
        gateway.drained(60)
        assert any(b"acme/plant/GD-2/lel:HH" in request.body for request in room.requests)
        assert run.poll() is None, "no restart"
        assert [gateway.stop(process) for process in (console, run)] == [0, 0], gateway.log()
        verified = gateway.run("verify", "--published", str(tmp_path / "published.jsonl"))
        assert verified.returncode == 0, verified.stdout + verified.stderr
        changes = AccessStore(gateway.data.console, new_secret).changes()
        assert [one.by for one in changes if one.action == "fleet"] == ["eng"]
