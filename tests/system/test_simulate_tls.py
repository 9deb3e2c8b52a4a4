"""Devices are simulated, recorded and sent again over TLS, as users with passwords; a real broker judges."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from simulators._recording import read
from tests.support.certificates import Authority
from tests.support.gateway import Gateway
from tests.support.mosquitto import GATEWAY, Broker
from tests.support.wait import LEAST_S

pytestmark = pytest.mark.system

USER = ("lab", "lab-secret")
DEVICES = [("lab", "bench", "bench", f"gas-room-000{n}", "gas/combustible_point") for n in (1, 2, 3)]
GAS = ("simulate", "gas-room", "--site", "lab/bench", "--period", "0.5", "--for", "3", "--fault", "leak@1")


def trusting(authority: Authority, *more: str) -> str:
    """What [ingest] says of TLS."""
    return "\n".join(["tls = true", f'ca_file = "{authority.ca}"', *more])


def passwords(folder: Path) -> tuple[list[str], list[str]]:
    """Options of the devices' user, and of a reader."""
    (folder / "lab").write_text(USER[1] + "\n")
    (folder / "reader").write_text(GATEWAY[1] + "\n")
    return (
        ["--user", USER[0], "--password-file", str(folder / "lab")],
        ["--user", GATEWAY[0], "--password-file", str(folder / "reader")],
    )


def test_simulated_recorded_and_sent_again_over_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    speaks, reads = passwords(tmp_path)
    with (
        Broker(
            users=dict([USER]), tls=(authority.ca, *authority.issue("broker")), certificates=False
        ) as broker,
        Gateway(tmp_path, broker.port, DEVICES) as gateway,
    ):
        gateway.configure(ingest=trusting(authority))
        process = gateway.start("run")
        gateway.connected(120.0)
        file, summary = tmp_path / "live.jsonl", tmp_path / "summary.json"
        recorder = gateway.start("record", str(file), "--topic", "rg/lab/#", "--messages", "18", *reads)
        broker.wait_subscribed("record-")
        done = gateway.run(*GAS, *speaks, "--summary", str(summary))
        assert done.returncode == 0, done.stderr
        story = json.loads(summary.read_text())
        assert story["messages"] == story["acknowledged"] == 18
        assert recorder.wait(LEAST_S) == 0, gateway.log()
        recorded = list(read(file.read_text(encoding="utf-8").splitlines()))
        assert {one.topic for one in recorded} == {f"rg/lab/bench/{row[3]}/columns" for row in DEVICES}
        done = gateway.run("simulate", "recording", str(file), "--speed", "0", *speaks)
        assert done.returncode == 0, done.stderr
        gateway.taken(2 * 18)
        counts = (gateway.status() or {})["counts"]
        assert counts["effective"] == 2 * 18 * 2, "two channels, once live and once again"
        assert not counts["rejected"]
        assert gateway.stop(process) == 0, gateway.log()


def test_a_broker_that_wants_certificates_gets_the_one_of_the_configuration(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate, key = authority.issue("bench")
    own = (f'cert_file = "{certificate}"', f'key_file = "{key}"', 'protocol = "5"')
    speaks, _ = passwords(tmp_path)
    with (
        Broker(users=dict([USER]), tls=(authority.ca, *authority.issue("broker"))) as broker,
        Gateway(tmp_path, broker.port, DEVICES) as gateway,
    ):
        gateway.configure(ingest=trusting(authority, *own))
        done = gateway.run(*GAS, *speaks)
        assert done.returncode == 0, done.stderr
        assert "acknowledged" in done.stdout
        assert f"u'{USER[0]}'" in broker.log(), "the user is the one of the password"


@pytest.mark.parametrize("what", ["simulate", "record"])
def test_a_broker_of_a_strange_authority_is_refused_at_once(tmp_path: Path, what: str) -> None:
    file = tmp_path / "new.jsonl"
    words = GAS if what == "simulate" else ("record", str(file), "--for", "5")
    authority, stranger = Authority(tmp_path), Authority(tmp_path, "stranger")
    speaks, _ = passwords(tmp_path)
    with (
        Broker(
            users=dict([USER]), tls=(authority.ca, *authority.issue("broker")), certificates=False
        ) as broker,
        Gateway(tmp_path, broker.port, DEVICES) as gateway,
    ):
        gateway.configure(ingest=trusting(stranger))
        done = gateway.run(*words, *speaks)  # which ends by itself: nothing is tried again that cannot change
        assert done.returncode == 78, done.stderr
        assert "certificate verify failed" in done.stderr
        assert "ca_file" in done.stderr
        assert "Traceback" not in done.stderr
        (tmp_path / "no.crt").write_text("nothing")
        gateway.configure(ingest=f'tls = true\nca_file = "{tmp_path / "no.crt"}"')
        done = gateway.run(*words, *speaks)
        assert done.returncode == 78, done.stderr
        assert "no.crt" in done.stderr
    assert not file.exists(), "nothing was recorded: the name stays free"
