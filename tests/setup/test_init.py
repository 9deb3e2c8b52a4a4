"""riskgate init: five answers, a configuration that loads, and all or nothing."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import IO

import pytest

from gateway import init_command, private_files
from gateway.cli import main
from gateway.config import load
from gateway.errors import ConfigError
from gateway.fleet import gather
from gateway.init_command import Answers, address, write

ROOT = Path(__file__).resolve().parents[2]
HOOK = "https://example.org/alarms"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("broker", ("broker", 1883, False)),
        ("10.0.0.5:1884", ("10.0.0.5", 1884, False)),
        ("mqtt://broker/", ("broker", 1883, False)),
        ("mqtts://broker.example", ("broker.example", 8883, True)),
        ("mqtts://broker:9999", ("broker", 9999, True)),
        ("[::1]:1885", ("::1", 1885, False)),
        ("::1", ("::1", 1883, False)),
    ],
)
def test_addresses(text: str, expected: tuple[str, int, bool]) -> None:
    assert address(text) == expected


@pytest.mark.parametrize("text", ["", ":1883", "http://x", "a b", "x:0", "x:99999", "x:y", "u@x", "x/y"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is no address"):
        address(text)


@pytest.mark.parametrize(
    "answers",
    [
        Answers(),
        Answers(broker="mqtts://b.example", influxdb="http://127.0.0.1:8086", webhook=HOOK),
        Answers(username="", password_file="", fleet="fleet.toml"),
        Answers(username='quo"ted\\', fleet="车队.csv"),
    ],
)
def test_what_is_written_loads_and_means_the_answers(tmp_path: Path, answers: Answers) -> None:
    path = tmp_path / "new" / "data" / "riskgate.toml"
    made = write(path, answers, os.urandom)
    assert made[-1] == path
    config = load(path, {})
    assert (config.ingest.host, config.ingest.port, config.ingest.tls) == address(answers.broker)
    assert config.ingest.username == answers.username
    assert config.fleet == path.parent / answers.fleet
    wanted = {"history"} | {k for k in ("influxdb", "webhook") if getattr(answers, k)}
    assert set(config.sinks) == wanted
    assert set(made) == set(path.parent.iterdir())
    for secret in path.parent.glob("*.[ps]*"):
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    text = path.read_text(encoding="utf-8")
    assert text.count("#") > 5
    assert gather(config.fleet, []).devices == []
    for file in path.parent.glob("*.secret"):
        assert file.read_text().strip() not in text


def test_each_answer_is_commented_and_no_default_is_left_to_guess(tmp_path: Path) -> None:
    write(tmp_path / "riskgate.toml", Answers(webhook=HOOK, influxdb="http://i:8086"), os.urandom)
    lines = (tmp_path / "riskgate.toml").read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines):
        if line.startswith("["):
            assert lines[number - 1].startswith("#"), line
    assert set(tomllib.loads("\n".join(lines))) == {"fleet", "ingest", "sinks"}


def test_files_that_are_there_are_used_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "fleet.csv").write_text("mine")
    (tmp_path / "mqtt.password").write_text("mine")
    assert write(tmp_path / "riskgate.toml", Answers(), os.urandom) == [tmp_path / "riskgate.toml"]
    assert (tmp_path / "fleet.csv").read_text() == (tmp_path / "mqtt.password").read_text() == "mine"


def test_an_existing_configuration_stays(tmp_path: Path) -> None:
    path = tmp_path / "riskgate.toml"
    path.write_text("# mine")
    with pytest.raises(ConfigError, match="stays as it is"):
        write(path, Answers(), os.urandom)
    assert [path.read_text(), *tmp_path.iterdir()] == ["# mine", path]


@pytest.mark.parametrize(
    "answers",
    [
        Answers(webhook="ftp://x"),
        Answers(influxdb="http://user:secret@x"),
        Answers(influxdb="http://x", influxdb_token_file="missing"),
    ],
)
def test_answers_that_would_not_load_leave_nothing(tmp_path: Path, answers: Answers) -> None:
    with pytest.raises(ConfigError, match="answers: sinks"):
        write(tmp_path / "riskgate.toml", answers, os.urandom)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("at", range(8))
def test_an_interruption_at_any_file_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    """Ctrl-C before or after each of the four files got its name."""
    create, calls = private_files.create, 0

    def interrupted(path: Path, text: str, mode: int = 0o600) -> None:
        nonlocal calls
        calls += 1
        if calls == at // 2 + 1 and at % 2 == 0:
            raise KeyboardInterrupt
        create(path, text, mode)
        if calls == at // 2 + 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(init_command.private_files, "create", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "riskgate.toml", Answers(webhook=HOOK), os.urandom)
    assert list(tmp_path.iterdir()) == []


def test_somebody_elses_file_made_meanwhile_is_not_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "riskgate.toml"
    real = init_command.load

    def slow(*arguments: object) -> object:
        path.write_text("# theirs")
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(init_command, "load", slow)
    with pytest.raises(FileExistsError):
        write(path, Answers(), os.urandom)
    assert path.read_text() == "# theirs"
    assert list(tmp_path.iterdir()) == [path]


# --- as a command -------------------------------------------------------------------------------------------


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "gateway.cli", "--data", str(folder), "init", *words],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_five_questions(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    answers = ["broker.example:1884", "gw", "pw", "my.csv", "y", "http://127.0.0.1:9999", "n"]
    out, err = start(folder).communicate("\n".join(answers) + "\n", timeout=3000)
    assert "riskgate credentials write" in out
    assert [number for number in "123456" if f"{number}. " in err] == list("12345")
    config = load(folder / "riskgate.toml", {})
    assert (config.ingest.host, config.ingest.port, config.ingest.username) == ("broker.example", 1884, "gw")
    assert config.ingest.password_file == str(folder / "pw")
    assert config.fleet == folder / "my.csv"
    assert set(config.sinks) == {"history", "influxdb"}
    assert (folder / "pw").read_text().strip() not in out + err


def test_every_answer_as_an_option(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--broker", "b:1", "--user", "u", "--password-file", "p", "--fleet", "f.csv"]
    words += ["--influxdb", "", "--webhook", HOOK]
    sys_argv, sys.argv = sys.argv, ["riskgate", "--data", str(tmp_path), "init", *words]
    try:
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 0
        with pytest.raises(SystemExit) as ended:
            main()  # again: refused, before anything is asked
        assert ended.value.code == 78
    finally:
        sys.argv = sys_argv
    assert "stays as it is" in capsys.readouterr().err
    assert set(load(tmp_path / "riskgate.toml", {}).sinks) == {"history", "webhook"}


def read_until(stream: IO[str], text: str) -> str:
    told = ""
    while text not in told:
        letter = stream.read(1)
        assert letter, told
        told += letter
    return told


@pytest.mark.parametrize("question", [1, 3, 5])
def test_ctrl_c_at_a_question_leaves_nothing(tmp_path: Path, question: int) -> None:
    folder = tmp_path / "data"
    process = start(folder)
    assert process.stdin is not None
    assert process.stderr is not None
    process.stdin.write("\n" * {1: 0, 3: 3, 5: 5}[question])
    process.stdin.flush()
    read_until(process.stderr, f"{question}. ")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=300)
    assert process.returncode == 1
    assert not folder.exists()


def test_an_end_of_input_is_no_answer(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    process = start(folder)
    process.communicate("broker\n", timeout=3000)
    assert process.returncode == 1
    assert not folder.exists()
