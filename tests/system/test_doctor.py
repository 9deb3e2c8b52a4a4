"""riskgate doctor, init and credentials at a real mosquitto: from nothing to "well", and each thing ill."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from gateway.clock import SystemClock
from gateway.config import Ingest
from gateway.doctor.broker import examine_broker, examine_session, locked
from gateway.doctor.finding import Finding
from gateway.journal import Journal
from gateway.paths import DataFolder
from tests.ingest.bench import Bench, payloads
from tests.support.gateway import Gateway
from tests.support.mosquitto import GATEWAY, Broker
from tests.support.need import free_port
from tests.support.publisher import Publisher
from tests.support.wait import LEAST_S, until

pytestmark = pytest.mark.system
ROOT = Path(__file__).resolve().parents[2]
CLOCK = SystemClock()
SHIPPED_ACL = (ROOT / "gateway" / "data" / "acl").read_text(encoding="utf-8")
both = pytest.mark.parametrize("protocol", ["3.1.1", "5"])


@pytest.fixture
def broker() -> Iterator[Broker]:
    with Broker() as running:
        yield running


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy broker answers later than a person at the doctor's would wait."""
    monkeypatch.setattr("gateway.doctor.visit.ANSWER_S", LEAST_S)


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> None:
    """The figures of a broker that says them are waited for."""
    monkeypatch.setattr("gateway.doctor.broker.SAYS_S", LEAST_S)


def ingest(broker: Broker, folder: Path, password: str = GATEWAY[1], **more: Any) -> Ingest:
    file = folder / "password"
    file.write_text(password + "\n")
    return Ingest(port=broker.port, username=GATEWAY[0], password_file=str(file), **more)


def found(settings: Ingest) -> dict[str, Finding]:
    return {f.check: f for f in examine_broker(settings, CLOCK)}


def levels(findings: dict[str, Finding]) -> dict[str, str]:
    return {check: finding.level for check, finding in findings.items()}


# --- the broker -------------------------------------------------------------------------------------------


@both
@pytest.mark.usefixtures("heard")
def test_the_shipped_broker_is_well(broker: Broker, tmp_path: Path, protocol: str) -> None:
    told = found(ingest(broker, tmp_path, protocol=protocol))
    version = told.pop("broker version")
    numbers = tuple(map(int, re.findall(r"\d+", version.found)))
    assert version.level == ("ok" if numbers >= (2, 0, 17) else "warning")
    assert levels(told) == dict.fromkeys(("broker", "broker queue", "strangers", "access list"), "ok")
    assert "Received PUBLISH" not in broker.log()


@both
def test_a_wrong_password_and_nobody_there(broker: Broker, tmp_path: Path, protocol: str) -> None:
    told = found(ingest(broker, tmp_path, "guess", protocol=protocol))
    assert levels(told) == {"broker": "failure"}
    assert "riskgate credentials write" in told["broker"].todo
    broker.stop()
    told = found(ingest(broker, tmp_path, protocol=protocol))
    assert levels(told) == {"broker": "failure"}
    assert "cannot be reached" in told["broker"].found
    missing = ingest(broker, tmp_path).model_copy(update={"password_file": str(tmp_path / "missing")})
    assert levels(found(missing)) == {"broker": "failure"}


def test_a_broker_that_says_nothing(broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.doctor.visit.ANSWER_S", 0.5)
    broker.freeze()
    told = found(ingest(broker, tmp_path))
    broker.thaw()
    assert levels(told) == {"broker": "failure"}
    assert "no answer" in told["broker"].found


def test_a_broker_that_lets_anybody_in(tmp_path: Path) -> None:
    with Broker({"allow_anonymous": "true"}) as broker:
        told = found(ingest(broker, tmp_path))
        assert told["strangers"].level == "failure"
        assert told["access list"].level == "ok"
        nameless = found(Ingest(port=broker.port))
        assert nameless["strangers"].level == "failure"


def test_a_broker_without_an_access_list(tmp_path: Path) -> None:
    with Broker({"acl_file": None}) as broker:
        told = found(ingest(broker, tmp_path))
        assert told["access list"].level == "failure"
        assert told["strangers"].level == "ok"


def test_a_broker_that_hides_its_figures(
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.doctor.broker.SAYS_S", 0.3)
    broker.stop()
    broker.acl.write_text(SHIPPED_ACL.replace("topic read $SYS/#\n", ""))
    broker.start()
    told = found(ingest(broker, tmp_path))
    assert told["broker version"].level == "warning"
    assert "not known" in told["broker version"].found
    assert "broker queue" not in told


@pytest.mark.usefixtures("heard")
def test_dropped_messages_are_told(tmp_path: Path) -> None:
    """A client that is away, a queue of two: the broker drops, and says how many every sys_interval."""
    with Broker({"max_queued_messages": "2", "sys_interval": "1", "max_inflight_messages": "1"}) as broker:
        settings = ingest(broker, tmp_path)
        away = client(settings, "away", clean=False)
        away.subscribe("rg/#", 1)
        away.disconnect()
        away.loop_stop()
        devices = client(
            settings.model_copy(update={"username": "acme"}), "acme", password="publisher-secret"
        )
        for number in range(10):
            devices.publish("rg/acme/p/A/lel", str(number), qos=1).wait_for_publish(LEAST_S)
        until(lambda: found(settings)["broker queue"].level == "warning", 15, "drops are told")
        devices.disconnect()
        devices.loop_stop()
        assert re.match(r"[1-9]\d* messages dropped", found(settings)["broker queue"].found)


def client(
    settings: Ingest, client_id: str, *, password: str = GATEWAY[1], clean: bool = True
) -> mqtt.Client:
    made = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=clean)
    made.username_pw_set(settings.username, password)
    up = threading.Event()
    made.on_connect = lambda *_: up.set()
    made.connect(settings.host, settings.port)
    made.loop_start()
    assert up.wait(LEAST_S)
    return made


# --- the session ------------------------------------------------------------------------------------------


def session(settings: Ingest, data: DataFolder, core: dict[str, Any] | None = None) -> Finding:
    (told,) = examine_session(settings, data, CLOCK, core)
    return told


def ran_here(folder: Path) -> DataFolder:
    """A data folder in which a gateway ran, and none runs."""
    data = DataFolder(folder / "data")
    data.create()
    Journal(data.journal).close()
    return data


def test_before_the_first_run_there_is_no_session_to_keep(broker: Broker, tmp_path: Path) -> None:
    told = session(ingest(broker, tmp_path), DataFolder(tmp_path / "data"))
    assert told.level == "ok"
    assert "riskgate-1" not in broker.log()


@both
def test_a_kept_session_is_seen_and_loses_nothing(broker: Broker, tmp_path: Path, protocol: str) -> None:
    data, settings = ran_here(tmp_path), ingest(broker, tmp_path, protocol=protocol)
    with Bench(broker.port, tmp_path, protocol=protocol) as bench:
        bench.receiver.stop()
        broker.wait_gone("riskgate-1")
    with Publisher(broker.port, tmp_path / "log") as devices:
        for number in range(5):
            devices.publish("rg/acme/plant/GD-1/lel", str(number))
        devices.settle()
    for _ in range(3):
        told = session(settings, data)
        assert (told.level, told.todo) == ("ok", "")
        assert "keeps the session" in told.found
    with Bench(broker.port, tmp_path, protocol=protocol, had_session=True) as bench:
        assert bench.links[0].session_present
        assert payloads(bench.expect(5)) == list("01234")


@both
def test_a_lost_session_is_a_failure_and_none_is_made(broker: Broker, tmp_path: Path, protocol: str) -> None:
    """Were one left behind, the gateway would take it for its own at the next start and raise no alarm."""
    data, settings = ran_here(tmp_path), ingest(broker, tmp_path, protocol=protocol)
    for _ in range(2):
        told = session(settings, data)
        assert told.level == "failure"
        assert "is lost" in told.found


def test_a_broker_that_is_away_says_nothing_of_the_session(broker: Broker, tmp_path: Path) -> None:
    data, settings = ran_here(tmp_path), ingest(broker, tmp_path)
    broker.stop()
    told = session(settings, data)
    assert told.level == "warning"
    assert "not looked at" in told.found


def test_a_core_that_does_not_answer_keeps_its_session(broker: Broker, tmp_path: Path) -> None:
    data = DataFolder(tmp_path / "data")
    data.create()
    assert not locked(data.journal / "writer.lock")
    journal = Journal(data.journal)
    try:
        assert locked(data.journal / "writer.lock")
        told = session(ingest(broker, tmp_path), data)
    finally:
        journal.close()
    assert told.level == "warning"
    assert not locked(data.journal / "writer.lock")
    assert "riskgate-1" not in broker.log()


# --- all of it --------------------------------------------------------------------------------------------


def riskgate(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "COLUMNS": "300"}
    return subprocess.run(
        [sys.executable, "-m", "gateway.cli", "--data", str(folder), *words],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=900,
    )  # fmt: skip


def doctor(folder: Path, broker: Broker) -> tuple[int, dict[str, str]]:
    ran = riskgate(folder, "doctor", "--json", "--broker-conf", str(broker.config))
    return ran.returncode, {f["check"]: f["level"] for f in json.loads(ran.stdout)}


def test_from_nothing_to_well_by_what_the_commands_say(tmp_path: Path) -> None:
    """init, a fleet, credentials, the broker's copies; then doctor finds no failure."""
    folder, port = tmp_path / "data", free_port()
    assert riskgate(folder, "init", "--yes", "--broker", f"127.0.0.1:{port}").returncode == 0
    with (folder / "fleet.csv").open("a") as fleet:
        fleet.write("acme,plant,tank,A,gas/combustible_point\n")
    wrote = riskgate(folder, "credentials", "write")
    assert wrote.returncode == 0, wrote.stderr
    secret = (folder / "mqtt.password").read_text().strip()
    assert secret not in wrote.stdout + wrote.stderr
    code, told = doctor(folder, Broker({"listener": f"{port} 127.0.0.1"}))
    assert (code, told["broker"]) == (1, "failure")  # it is not started
    made = folder / "credentials"
    with Broker({"password_file": str(made / "passwd"), "acl_file": str(made / "acl")}) as broker:
        text = (folder / "riskgate.toml").read_text()
        (folder / "riskgate.toml").write_text(text.replace(f"port = {port}", f"port = {broker.port}"))
        code, told = doctor(folder, broker)
        assert "failure" not in told.values(), told
        assert code == 0
        for check in ("broker", "strangers", "access list", "broker persistence", "broker access", "session"):
            assert told[check] == "ok", check
        table = riskgate(folder, "doctor", "--broker-conf", str(broker.config))
        assert table.returncode == 0
        assert "disk flush" in table.stdout
        assert secret not in table.stdout


def test_a_running_gateway_is_asked_not_disturbed(broker: Broker, tmp_path: Path) -> None:
    """Then its session is lost, which stays said until it is acknowledged; then its broker goes away."""
    with Gateway(tmp_path, broker.port, [("acme", "plant", "t", "A", "gas/combustible_point")]) as gateway:

        def told() -> tuple[int, dict[str, Any]]:
            ran = gateway.run("doctor", "--json", "--broker-conf", str(broker.config))
            return ran.returncode, {f["check"]: f for f in json.loads(ran.stdout)}

        def link() -> dict[str, Any]:
            status: dict[str, Any] = (gateway.status() or {"link": {}})["link"]
            return status

        gateway.start("run")
        gateway.connected(120)  # its loops may have to be compiled first
        _, well = told()
        assert well["core"]["level"] == well["session"]["level"] == "ok"
        assert "connected as riskgate-1" in well["session"]["found"]
        assert link()["reconnects"] == link()["received"] == 0
        broker.lose_session()
        until(lambda: link().get("reconnects") and link()["connected"], 15, "connected again")
        until(lambda: "possible_gap" in gateway.run("alarms").stdout, 10, "the alarm")
        _, lost = told()
        assert lost["session"]["level"] == "warning"
        assert "lost the session" in lost["session"]["found"]
        broker.stop()
        until(lambda: (gateway.status() or {}).get("link_problem"), 10, "the core says that the link is down")
        code, away = told()
        assert code == 1
        assert away["core"]["level"] == away["session"]["level"] == away["broker"]["level"] == "failure"


def test_a_wrong_configuration_is_a_finding(tmp_path: Path) -> None:
    (tmp_path / "riskgate.toml").write_text("[ingest]\nport = 0\nhsot = 'x'\n")
    ran = riskgate(tmp_path, "doctor", "--json")
    told = [f for f in json.loads(ran.stdout) if f["check"] == "configuration"]
    assert ran.returncode == 1
    assert [f["level"] for f in told] == ["failure", "failure"]
    assert "disk flush" in ran.stdout
