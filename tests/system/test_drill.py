"""The fire drill at a real broker and receiver: every step timed, marked everywhere, told when it fails."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.ledger import LedgerReader
from gateway.sinks import webhook
from tests.support.entries import alarm_event
from tests.support.gateway import Gateway, webhook_table
from tests.support.mosquitto import Broker
from tests.support.receiver import Receiver, Reply
from tests.support.wait import until

pytestmark = pytest.mark.system
FLEET = [("riskgate-drill", "drill", "canary", "canary", "drill/canary")]
USER = "riskgate-drill/drill/canary"
ALARM = "riskgate-drill/drill/canary/canary:H"


def test_a_drill_runs_the_whole_path_and_a_broken_receiver_is_found(tmp_path: Path) -> None:
    broken = False
    with (
        Broker(users={USER: "drill-secret"}) as broker,
        Receiver(lambda _: Reply(404) if broken else Reply()) as receiver,
        Gateway(tmp_path, broker.port, FLEET) as gateway,
    ):
        (tmp_path / "drill.password").write_text("drill-secret\n")
        drill = f'[fire_drill]\ntimeout_s = 120\nusername = "{USER}"\npassword_file = "drill.password"\n'
        gateway.configure(sinks=drill + webhook_table("room", receiver.port, "priority_max = 1"))
        processes = [gateway.start("process", name) for name in ("core", "delivery")]
        gateway.connected(240)
        gateway.delivering()
        done = gateway.run("drill", "run")
        assert done.returncode == 0, done.stdout + done.stderr + gateway.log()
        [result] = json.loads(gateway.run("drill", "show", "--json").stdout)
        assert {n: s["outcome"] for n, s in result["sinks"].items()} == {"room": "receipt"}
        took = result["latency_s"]
        assert 0 < took["published"] < took["alarm"] <= result["sinks"]["room"]["latency_s"] < took["over"]
        said = [json.loads(r.body) for r in receiver.requests]
        drills = [s for s in said if s["data"].get("enterprise") == "riskgate-drill"]
        assert {s["type"] for s in drills} >= {"riskgate.drill.raised", "riskgate.drill.acknowledged"}
        assert all("drill" in s["data"]["flags"] for s in drills)
        history = [e for _, e in LedgerReader(gateway.data.ledger).history_of(ALARM)]
        assert history[-1].state == "normal"
        assert all("drill" in e.flags for e in history)
        broken = True
        failed = gateway.run("drill", "run")
        assert failed.returncode == 1, failed.stdout
        assert "room: refused" in failed.stdout
        reader = LedgerReader(gateway.data.ledger)
        until(lambda: bool(reader.history_of("gateway:drill_failed")), 30, "the alarm about the drill")
        for process in processes:
            gateway.stop(process)


def test_a_drill_passes_every_filter_of_a_webhook_that_takes_alarms() -> None:
    settings = {
        "url": "https://a.example/",
        "secrets": ["whsec_" + "MDEy" * 8],
        "priority_max": 1,
        "counties": ["x"],
    }
    sink = webhook.Sink.__new__(webhook.Sink)
    sink._settings = webhook.Settings.model_validate(settings)
    assert sink.takes(alarm_event(1, 0, ALARM, enterprise="riskgate-drill", priority=4))
    assert not sink.takes(alarm_event(1, 0, ALARM, priority=4))
