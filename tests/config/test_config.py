"""The configuration: file, environment, command line; every mistake at once; no secret shown."""

from __future__ import annotations

import os
from importlib import resources
from pathlib import Path

import pytest

from gateway.config import Config, load
from gateway.errors import ConfigError
from gateway.simulate_address import addresses, broker_address

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.upper().startswith("RISKGATE_"):
            monkeypatch.delenv(name)


def write(folder: Path, text: str) -> Path:
    path = folder / "riskgate.toml"
    path.write_text(text, encoding="utf-8")
    return path


def problems(path: Path | None, **overrides: object) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(path, overrides)
    return caught.value.problems


def test_defaults() -> None:
    config = load(None, {})
    assert config.partition == 1
    assert config.fleet == Path.cwd() / "fleet.csv"
    assert (config.ingest.host, config.ingest.port, config.ingest.protocol) == ("127.0.0.1", 1883, "3.1.1")
    assert (config.http.port, config.console.port) == (9280, 9281)
    assert list(config.sinks) == ["history"]


def test_the_shipped_example_holds_the_defaults(tmp_path: Path) -> None:
    text = resources.files("gateway").joinpath("data", "riskgate.toml").read_text(encoding="utf-8")
    example, plain = load(write(tmp_path, text), {}), load(write(tmp_path, ""), {})
    assert example == plain
    for section in ("ingest", "journal", "snapshots", "http", "console"):
        for key in type(getattr(plain, section)).model_fields:
            assert f"\n{key} = " in text, key


def test_relative_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "mqtt.password").write_text("x")
    path = write(
        tmp_path,
        'fleet = "lists/fleet.csv"\nprofiles = ["own"]\n'
        '[ingest]\nusername = "u"\npassword_file = "mqtt.password"\n',
    )
    config = load(path, {})
    assert config.fleet == tmp_path / "lists/fleet.csv"
    assert config.profiles == [tmp_path / "own"]
    assert config.ingest.password_file == str(tmp_path / "mqtt.password")
    assert config.ingest.key_file == ""


def test_later_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, '[http]\nhost = "127.0.0.2"\nport = 1\n[ingest]\nport = 1\n')
    monkeypatch.setenv("RISKGATE_HTTP__PORT", "2")
    monkeypatch.setenv("RISKGATE_INGEST__PORT", "2")
    config = load(path, {"http": {"port": 3}})
    assert (config.http.host, config.http.port, config.ingest.port) == ("127.0.0.2", 3, 2)


def test_one_load_leaves_nothing_behind(tmp_path: Path) -> None:
    load(write(tmp_path, "partition = 7"), {})
    assert load(None, {}).partition == 1


def test_every_mistake_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RISKGATE_INGEST__KEEPALIVE_S", "soon")
    monkeypatch.setenv("RISKGATE_INGEEST__HOST", "x")
    path = write(
        tmp_path,
        """
partition = 0
fleat = "a.csv"
clock = "sun"
[ingest]
prot = 1
port = 99999
cert_file = "x.pem"
[sinks.influx]
kind = "influxdb"
url = "http://127.0.0.1:1"
token = "abc"
[sinks.web]
kind = "webhok"
[sinks.pager]
kind = "webhook"
url = "https://pager.example/x"
secret_file = "nope"
timeot_s = 3
[sinks.Bad]
kind = "history"
""",
    )
    told = problems(path)
    assert [t.removeprefix(f"{path}: ") for t in told] == [
        "partition: is wrong; make it greater than or equal to 1",
        "clock: is wrong; make it 'wall' or 'stream'",
        "ingest.port: is wrong; make it less than or equal to 65535",
        (
            "environment: RISKGATE_INGEST__KEEPALIVE_S: is wrong; make it a valid integer, unable to parse "
            "string as an integer"
        ),
        "ingest.prot: is not a key here; did you mean 'port'?",
        "fleat: is not a key here; did you mean 'fleet'?",
        f"ingest.cert_file: {tmp_path}/x.pem cannot be read; create it, or correct the path",
        "ingest.cert_file: belongs together with key_file; give both or none",
        (
            "sinks.influx.token: is a secret; put it into token_file, or into the environment as "
            "RISKGATE_SINKS__INFLUX__TOKEN"
        ),
        'sinks.influx: bucket is missing: api = "v2" writes into a bucket',
        "sinks.web.kind: 'webhok' is no sink; choose from history, influxdb, webhook",
        "sinks.pager.timeot_s: is not a key here; did you mean 'timeout_s'?",
        (
            f"sinks.pager: cannot read the secret file {tmp_path}/nope: No such file or directory; "
            "create it, mode 0600"
        ),
        "sinks.Bad: is no sink name; use small letters, digits, - and _, at most 32",
        next(t for t in told if "RISKGATE_INGEEST__HOST: names no section" in t),
    ]


def test_settings_that_only_make_sense_together(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    path = write(
        tmp_path, 'profiles = ["gone"]\n[ingest]\nca_file = "a"\nkey_file = "a"\npassword_file = "a"\n'
    )
    assert [t.removeprefix(f"{path}: ") for t in problems(path)] == [
        "ingest.ca_file: has no effect without TLS; set tls = true or remove it",
        "ingest.key_file: has no effect without TLS; set tls = true or remove it",
        "ingest.cert_file: belongs together with key_file; give both or none",
        "ingest.username: is missing beside password_file; add it",
        f"profiles: {tmp_path}/gone is no folder; create it, or correct the path",
    ]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"partition = ", "not TOML: "),
        (b"partition = 1\npartition = 2", "not TOML: "),
        ("# 说明".encode("gbk"), "is not UTF-8; save the file as UTF-8"),
        (b"sinks = 5", "sinks: is wrong; make it a valid dictionary"),
        (b"[sinks]\nweb = 5", "sinks.web: is no table; write [sinks.web]"),
        (b"ingest = 'x'", "ingest: is wrong; make it a valid dictionary"),
        (b"[sinks.a]", "sinks.a.kind: None is no sink"),
        (b"[sinks.a]\nkind = 'history'\nfolder = '/x'", "sinks.a.folder: is set by the gateway; remove it"),
        (b"[sinks.a]\nkind = 'history'\nenabled = 'no'", "sinks.a.enabled: is no switch"),
        (b"[ingest]\ntopic = '#'", "ingest.topic: "),
    ],
)
def test_broken_files(tmp_path: Path, body: bytes, told: str) -> None:
    path = tmp_path / "riskgate.toml"
    path.write_bytes(body)
    found = problems(path)
    assert len(found) == 1, found
    assert found[0].startswith(f"{path}: ")
    assert told in found[0]


def test_a_missing_file() -> None:
    assert problems(Path("/nowhere/riskgate.toml")) == [
        "/nowhere/riskgate.toml: cannot be read: No such file or directory; check --config"
    ]


def test_a_byte_order_mark_is_fine(tmp_path: Path) -> None:
    path = tmp_path / "riskgate.toml"
    path.write_bytes(b"\xef\xbb\xbfpartition = 4\n")
    assert load(path, {}).partition == 4


def test_lists_in_the_environment_are_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RISKGATE_PROFILES", "a,b")
    (told,) = problems(None)
    assert told.startswith("environment: error parsing value for field")
    assert told.endswith("write lists and tables there as JSON")


def test_a_wrong_override_is_told_as_such() -> None:
    assert problems(None, http={"port": -1}) == [
        "command line: http.port: is wrong; make it greater than or equal to 0"
    ]


def test_secrets_come_from_the_environment_and_are_never_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RISKGATE_SINKS__PAGER__SECRETS", f'["{SECRET}"]')
    monkeypatch.setenv("RISKGATE_SINKS__DB__TOKEN", "token-of-db")
    path = write(
        tmp_path,
        '[sinks.pager]\nkind = "webhook"\nurl = "https://pager.example/x"\n'
        '[sinks.db]\nkind = "influxdb"\nurl = "http://127.0.0.1:1"\nbucket = "b"\n',
    )
    config = load(path, {})
    assert config.sinks["pager"].secrets[0].get_secret_value() == SECRET
    assert config.sinks["db"].token.get_secret_value() == "token-of-db"
    for shown in (repr(config), str(config), config.model_dump_json()):
        assert SECRET not in shown
        assert "token-of-db" not in shown


def test_secrets_are_not_in_the_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RISKGATE_SINKS__PAGER__SECRETS", '["whsec_tooshort"]')
    path = write(tmp_path, '[sinks.pager]\nkind = "webhook"\nurl = "ftp://x"\npriority_max = 77\n')
    told = "\n".join(problems(path))
    assert "sinks.pager.url" in told
    assert "tooshort" not in told


def test_a_sink_can_be_switched_off(tmp_path: Path) -> None:
    path = write(tmp_path, '[sinks.history]\nkind = "history"\nenabled = false\n')
    assert load(path, {}).sinks == {}


def test_another_name_for_the_history(tmp_path: Path) -> None:
    path = write(tmp_path, '[sinks.local]\nkind = "history"\nretention_days = 5\n')
    config = load(path, {})
    assert list(config.sinks) == ["local"]
    assert config.sinks["local"].retention_days == 5


def test_every_key_is_described() -> None:
    text = resources.files("gateway").joinpath("data", "riskgate.toml").read_text(encoding="utf-8")
    for key in Config.model_fields:
        assert any(
            f"\n{form}" in text
            for form in (f"{key} = ", f"# {key} = ", f"[{key}", f"# [[{key}]]", f"# [{key}.")
        ), key


def test_simulated_devices_have_an_account_of_their_own_or_speak_as_the_gateway(tmp_path: Path) -> None:
    for name in ("gateway", "simulated", "named"):
        (tmp_path / name).write_text(f"{name}-secret\nnot this\n")
    ingest = '[ingest]\nusername = "gw"\npassword_file = "gateway"\n'
    file = tmp_path / "riskgate.toml"
    file.write_text(ingest)
    as_gateway = broker_address(load(file, {}), "acme", None, None)
    assert (as_gateway.username, as_gateway.password) == ("gw", "gateway-secret")
    file.write_text(ingest + '[simulate]\nusername = "sim"\npassword_file = "simulated"\n')
    config = load(file, {})
    for made in (
        broker_address(config, "acme", None, None),
        addresses(config, None, None, None, "a/b")("acme"),
    ):
        assert (made.username, made.password) == ("sim", "simulated-secret")
    own = broker_address(config, "acme", None, tmp_path / "named")
    assert (own.username, own.password) == ("acme", "named-secret")
    reads = broker_address(config, "recorder", None, None, "record")
    assert (reads.username, reads.password) == ("gw", "gateway-secret"), (
        "only the gateway may read everything"
    )
    file.write_text('[simulate]\nusername = "sim"\n[fire_drill]\npassword_file = "no such"\n')
    with pytest.raises(ConfigError) as error:
        load(file, {})
    told = "\n".join(error.value.problems)
    assert f"{file}: simulate.username: needs password_file" in told
    assert f"{file}: fire_drill.password_file: {tmp_path}/no such cannot be read" in told
