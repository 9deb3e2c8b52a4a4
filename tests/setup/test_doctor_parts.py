"""The doctor on mosquitto.conf, core, fleet, sinks and secrets: each check can say well and ill."""

from __future__ import annotations

import os
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from gateway.clock import SystemClock
from gateway.config import Config, load
from gateway.doctor import examine_without
from gateway.doctor.brokerconf import examine_conf, read_conf
from gateway.doctor.finding import Finding
from gateway.doctor.parts import core_status, examine_core, examine_fleet, examine_secrets, examine_sinks
from gateway.paths import DataFolder
from tests.support.need import free_port

SHIPPED = files("gateway").joinpath("data/mosquitto.conf").read_text(encoding="utf-8")


def judged(folder: Path, text: str, port: int = 1883, payload_max: int = 262_144) -> dict[str, Finding]:
    file = folder / "mosquitto.conf"
    file.write_text(text)
    return {f.check: f for f in examine_conf(file, "127.0.0.1", port, payload_max)}


def levels(found: dict[str, Finding]) -> dict[str, str]:
    return {check: finding.level for check, finding in found.items()}


def without(key: str) -> str:
    text, count = re.subn(rf"(?m)^{key} .*\n", "", SHIPPED)
    assert count == 1, key
    return text


def test_the_shipped_broker_settings_are_well(tmp_path: Path) -> None:
    found = judged(tmp_path, SHIPPED)
    assert set(levels(found).values()) == {"ok"}
    assert len(found) == 5


@pytest.mark.parametrize(
    ("text", "check", "level"),
    [
        (without("persistence"), "broker persistence", "failure"),
        (without("persistence") + "persistence false\n", "broker persistence", "failure"),
        (without("autosave_interval"), "broker persistence", "warning"),
        (without("autosave_interval") + "autosave_interval 0\n", "broker persistence", "warning"),
        (SHIPPED + "persistent_client_expiration 1h\n", "broker persistence", "warning"),
        (without("max_queued_messages"), "broker queue size", "warning"),
        (without("max_inflight_messages"), "broker window", "warning"),
        (without("message_size_limit") + "message_size_limit 1000\n", "broker payload", "failure"),
        (without("allow_anonymous") + "allow_anonymous true\n", "broker access", "failure"),
        (without("acl_file"), "broker access", "failure"),
        (without("password_file"), "broker access", "failure"),
    ],
)
def test_each_broker_setting_can_be_wrong(tmp_path: Path, text: str, check: str, level: str) -> None:
    found = judged(tmp_path, text)
    assert found[check].level == level
    assert found[check].todo
    assert {name for name, finding in found.items() if finding.level != "ok"} == {check}


def test_settings_of_another_broker_are_not_taken_for_ours(tmp_path: Path) -> None:
    found = judged(tmp_path, SHIPPED, port=1884)
    assert levels(found) == {"broker settings": "warning"}
    assert "no listener on port 1884" in found["broker settings"].found
    (missing,) = examine_conf(tmp_path / "missing", "127.0.0.1", 1883, 1)
    (away,) = examine_conf(None, "broker.example", 1883, 1)
    assert {missing.level, away.level} == {"warning"}
    assert "not known" in missing.found
    assert "not known" in away.found


def test_included_files_count(tmp_path: Path) -> None:
    more = tmp_path / "conf.d"
    more.mkdir()
    (more / "riskgate.conf").write_text(SHIPPED)
    (more / "note.txt").write_text("persistence false\n")
    (tmp_path / "main.conf").write_text(f"# usual\npersistence false\ninclude_dir {more}\n")
    found = read_conf(tmp_path / "main.conf")
    assert found["persistence"] == ["false", "true"]
    assert {f.level for f in examine_conf(tmp_path / "main.conf", "127.0.0.1", 1883, 1)} == {"ok"}


# --- core -------------------------------------------------------------------------------------------------


def core(**changed: Any) -> dict[str, Any]:
    well = {"blind": False, "blind_reason": "", "link_problem": "", "devices_unknown": 0}
    return {**well, "behind_s": 0.0, "devices": 3, **changed}


@pytest.mark.parametrize(
    ("status", "level", "said"),
    [
        (None, "ok", "no gateway runs"),
        (core(), "ok", "3 devices"),
        (core(blind=True, blind_reason="the disk is full"), "failure", "the disk is full"),
        (core(link_problem="not connected for 9 s"), "failure", "not connected for 9 s"),
        (core(devices_unknown=2), "warning", "2 devices speak that are not in the fleet"),
    ],
)
def test_the_core(tmp_path: Path, status: dict[str, Any] | None, level: str, said: str) -> None:
    finding = examine_core(DataFolder(tmp_path), status)
    assert finding.level == level
    assert said in finding.found
    assert bool(finding.todo) == (level != "ok")


def test_nobody_answers_in_an_empty_folder(tmp_path: Path) -> None:
    assert core_status(DataFolder(tmp_path / "none")) is None
    assert core_status(DataFolder(tmp_path)) is None
    assert list(tmp_path.iterdir()) == []


# --- fleet, sinks, secrets --------------------------------------------------------------------------------


def config(folder: Path, text: str = "", fleet: str = "acme,p,tank,A,gas/combustible_point\n") -> Config:
    (folder / "riskgate.toml").write_text(text)
    (folder / "fleet.csv").write_text("enterprise,site,asset,device,profile\n" + fleet)
    return load(folder / "riskgate.toml", {})


def test_a_fleet_that_is_well_and_one_that_is_not(tmp_path: Path) -> None:
    gathered, (well,) = examine_fleet(config(tmp_path))
    assert (well.level, len(gathered.devices)) == ("ok", 1)
    assert "1 devices" in well.found
    _, found = examine_fleet(config(tmp_path, fleet=""))
    assert [f.level for f in found] == ["ok", "warning"]
    _, found = examine_fleet(config(tmp_path, fleet="acme,p,tank,A,gas/mistyped\n" * 9))
    assert {f.level for f in found} == {"failure"}
    assert "line 2" in found[0].found
    assert re.fullmatch(r"\d+ more problems", found[-1].found)


def test_sinks_that_are_there_and_not(tmp_path: Path) -> None:
    port = free_port()
    text = f"""
[sinks.away]
kind = "influxdb"
url = "http://127.0.0.1:{port}"
bucket = "b"
[sinks.inside]
kind = "webhook"
url = "https://127.0.0.1:443/x"
secret_file = "secret"
"""
    (tmp_path / "secret").write_text("whsec_" + "A" * 40 + "\n")
    found = {f.check: f for f in examine_sinks(config(tmp_path, text), DataFolder(tmp_path), SystemClock())}
    assert levels(found) == {"sink away": "failure", "sink history": "ok", "sink inside": "failure"}
    assert "not a public address" in found["sink inside"].found


def test_who_may_read_secrets(tmp_path: Path) -> None:
    text = """
[ingest]
username = "riskgate"
password_file = "mqtt"
[sinks.hook]
kind = "webhook"
url = "https://example.org"
secret_file = "hook"
"""
    (tmp_path / "mqtt").write_text("x")
    (tmp_path / "hook").write_text("whsec_" + "A" * 40 + "\n")
    loaded, data = config(tmp_path, text), DataFolder(tmp_path / "data")
    data.create()
    handout = data.root / "credentials" / "handout" / "acme.csv"
    handout.parent.mkdir(parents=True)
    handout.touch(mode=0o600)

    def told(mode: int) -> dict[str, str]:
        for path in (tmp_path / "mqtt", tmp_path / "hook"):
            path.chmod(mode)
        data.root.chmod(0o755 if mode & 0o004 else 0o700)
        return {Path(f.found.partition(":")[0]).name: f.level for f in examine_secrets(loaded, data)}

    assert told(0o600) == {"mqtt": "ok", "hook": "ok", "data": "ok", "acme.csv": "warning"}
    assert told(0o640) == {"mqtt": "warning", "hook": "warning", "data": "ok", "acme.csv": "warning"}
    assert told(0o644) == {"mqtt": "failure", "hook": "failure", "data": "failure", "acme.csv": "warning"}


def test_another_users_secret(tmp_path: Path) -> None:
    (tmp_path / "mqtt").write_text("x")
    (tmp_path / "mqtt").chmod(0o600)
    loaded = config(tmp_path, '[ingest]\nusername = "x"\npassword_file = "mqtt"\n')
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    os.chown(tmp_path / "mqtt", 12345, 12345)
    found = {f.found.partition(":")[0]: f for f in examine_secrets(loaded, DataFolder(tmp_path / "none"))}
    assert found[str(tmp_path / "mqtt")].level == "warning"


def test_without_a_valid_configuration_the_machine_is_looked_at(tmp_path: Path) -> None:
    found = examine_without(["a: wrong", "b: wrong"], DataFolder(tmp_path), SystemClock(), tmp_path)
    assert [f.level for f in found[:2]] == ["failure", "failure"]
    assert {f.check for f in found} >= {"configuration", "clock", "disk flush"}
