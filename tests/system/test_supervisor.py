"""``riskgate run`` as an operator of the machine sees it: health, metrics, deaths, reload, stop."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from gateway.alarms.events import NoteEvent
from gateway.ledger import LedgerReader
from tests.support.gateway import Gateway
from tests.support.mosquitto import Broker
from tests.support.publisher import Publisher
from tests.support.wait import LEAST_S, until

pytestmark = pytest.mark.system
FLEET = [("acme", "plant", "hall", f"GD-{n}", "gas/combustible_point") for n in (1, 2)]


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    with Broker() as running:
        yield running


@pytest.fixture
def gateway(broker: Broker, tmp_path: Path) -> Iterator[Gateway]:
    with Gateway(tmp_path, broker.port, FLEET) as made:
        made.configure(ingest=f'client_id = "test-{tmp_path.name[:40]}"')
        yield made


def page(gateway: Gateway, path: str) -> tuple[int, str]:
    """Status and body; (0, "") while nobody answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{gateway.http_port}{path}", timeout=LEAST_S) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


def child(process: subprocess.Popen[bytes], name: str) -> psutil.Process:
    """The supervised process of a name."""
    return next(c for c in psutil.Process(process.pid).children() if c.cmdline()[-1] == name)


def test_bad_input_is_counted_in_metrics_and_listed(gateway: Gateway, broker: Broker, tmp_path: Path) -> None:
    process = gateway.start("run")
    gateway.connected()
    until(lambda: page(gateway, "/health")[0] == 200, 20, "healthy")
    now = time.time() * 1000
    with Publisher(broker.port, tmp_path / "published.jsonl") as publisher:
        wrong = ("{", json.dumps({"time_ms": now, "value": "5"}), "[" * 10_000, "x" * 20_000, "x" * 300_000)
        for payload in wrong:
            publisher.publish("rg/acme/plant/GD-1/lel", payload)
        publisher.publish("rg/acme/plant/NOBODY/lel", json.dumps({"time_ms": now, "value": 5}))
        publisher.publish("rg/acme/plant/GD-1/lel", json.dumps({"time_ms": now, "value": 5}))
        publisher.settle()
    until(lambda: gateway.counts().get("effective") == 1, 10, "the good one")
    until(
        lambda: "riskgate_effective_total 1.0" in page(gateway, "/metrics")[1], 10, "the core in the metrics"
    )
    metrics = page(gateway, "/metrics")[1]
    for reason in ("not_json", "wrong_type", "too_deep", "oversize", "unknown_device"):
        assert f'riskgate_rejected_total{{reason="{reason}"}} 1.0' in metrics, metrics
    assert 'riskgate_refused_total{reason="oversize"} 1.0' in metrics
    listed = gateway.run("rejections").stdout
    assert all(reason in listed for reason in ("not_json", "wrong_type", "too_deep", "unknown_device"))
    assert "300000 bytes" in listed, "refused before the journal, and listed with the head of its bytes"
    assert "acme/plant/NOBODY" in gateway.run("quarantine").stdout
    assert page(gateway, "/other")[0] == 404
    assert gateway.stop(process) == 0
    assert "not_json" in gateway.run("rejections").stdout, "the same without a running core"


def test_a_silent_core_is_told_within_seconds(gateway: Gateway) -> None:
    process = gateway.start("run")
    gateway.connected()
    until(lambda: page(gateway, "/health")[0] == 200, 20, "healthy")
    core = child(process, "core")
    core.suspend()
    until(lambda: page(gateway, "/health")[0] == 503, 12, "503 for a core that does not turn")
    assert "core" in page(gateway, "/health")[1]
    core.resume()
    until(lambda: page(gateway, "/health")[0] == 200, 12, "healthy again")
    assert gateway.stop(process) == 0


def test_processes_that_die_come_back_and_a_second_gateway_is_refused(gateway: Gateway) -> None:
    process = gateway.start("run")
    gateway.connected()
    core, delivery = child(process, "core").pid, child(process, "delivery").pid
    os.kill(core, signal.SIGKILL)
    os.kill(delivery, signal.SIGKILL)

    def back() -> bool:
        status = json.loads(page(gateway, "/health")[1] or "{}")
        return bool(status.get("healthy")) and all(status["restarts"][name] for name in ("core", "delivery"))

    until(back, 40, "both restarted")
    gateway.connected()
    second = subprocess.run(
        gateway.command("process", "core"), capture_output=True, text=True, timeout=300, check=False
    )
    assert second.returncode == 78
    assert "error" in second.stderr
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    until(lambda: not alive(child_pids(gateway)), 15, "no orphan survives its supervisor")


def child_pids(gateway: Gateway) -> list[int]:
    """Processes that work on this gateway's folder."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        words: list[Any] = process.info["cmdline"] or []
        if "process" in words and str(gateway.data.root) in words:
            found.append(process.pid)
    return found


def alive(pids: list[int]) -> bool:
    return any(psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie" for pid in pids)


def test_a_changed_fleet_counts_after_sighup_and_a_wrong_one_does_not(gateway: Gateway) -> None:
    process = gateway.start("run")
    gateway.connected()
    fleet = gateway.folder / "fleet.csv"
    good = fleet.read_text()
    fleet.write_text(good + "acme,plant,hall,GD-3,gas/no_such_profile\n")
    process.send_signal(signal.SIGHUP)
    until(lambda: "no_such_profile" in gateway.whole_log(), 15, "the refusal in the log")
    until(lambda: "gateway:config_refused" in open_alarms(gateway), 15, "an alarm for the refusal")
    os.kill(child(process, "core").pid, signal.SIGKILL)
    gateway.connected()
    assert (gateway.status() or {}).get("devices") == 2, "it goes on with what was in force"
    fleet.write_text(good + "acme,plant,hall,GD-3,gas/combustible_point\n")
    process.send_signal(signal.SIGHUP)
    until(lambda: (gateway.status() or {}).get("devices") == 3, 15, "the third device")
    until(lambda: not open_alarms(gateway)["gateway:config_refused"], 15, "the condition is over")
    assert gateway.stop(process) == 0
    events = [e for _, e in LedgerReader(gateway.data.ledger).events_after(0, 1000)]
    assert [e.kind for e in events if isinstance(e, NoteEvent)].count("configuration") == 2


def open_alarms(gateway: Gateway) -> dict[str, bool]:
    """Open alarms, and whether their condition still holds."""
    return {e.alarm: e.process_active for _, e in LedgerReader(gateway.data.ledger).open_alarms(1000)}


def test_a_file_locked_by_a_stranger_holds_the_core_up_only_as_long_as_the_lock(gateway: Gateway) -> None:
    process = gateway.start("run")
    gateway.connected()
    until(lambda: page(gateway, "/health")[0] == 200, 20, "healthy")
    stranger = sqlite3.connect(gateway.data.ledger, isolation_level=None)
    stranger.execute("BEGIN IMMEDIATE")
    os.kill(child(process, "core").pid, signal.SIGKILL)
    until(lambda: page(gateway, "/health")[0] == 503, 30, "unhealthy while it cannot start")
    until(lambda: gateway.whole_log().count("process died") >= 2, 60, "it tried again")
    stranger.execute("ROLLBACK")
    stranger.close()
    until(lambda: page(gateway, "/health")[0] == 200, 60, "healthy without anybody's help")
    assert gateway.stop(process) == 0


def test_a_dead_delivery_is_an_alarm_and_never_ends_the_core(gateway: Gateway) -> None:
    process = gateway.start("run")
    gateway.connected()
    until(lambda: page(gateway, "/health")[0] == 200, 20, "healthy")
    until(lambda: gateway.delivery() is not None, 20, "delivery")
    delivery = child(process, "delivery")
    delivery.suspend()
    until(lambda: open_alarms(gateway).get("gateway:delivery_down"), 40, "an alarm")
    delivery.resume()
    until(lambda: not open_alarms(gateway)["gateway:delivery_down"], 30, "its end")
    assert gateway.stop(process) == 0


def test_a_wrong_configuration_refuses_to_start_and_tells_every_error(gateway: Gateway) -> None:
    gateway.configure(ingest='keepalive_s = -1\nprotocl = "5"', extra='clock = "sundial"')
    result = gateway.run("run")
    assert result.returncode == 78
    for told in ("keepalive_s", "protocl", "clock", "riskgate.toml"):
        assert told in result.stderr, result.stderr
