"""The command line as a person meets it: help, sentences instead of tracebacks, and text that stays text."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from rich.console import Console

from gateway import __version__, terminal
from gateway.chain import Head
from gateway.cli import app
from gateway.ledger import Ledger
from gateway.paths import DataFolder
from tests.support.entries import alarm_event

TRICKY = ["[http]", "[[example]]", "[/x]", "[bold]b[/bold]", "\x1b[31mred", "储罐区\u3000一"]
LOOKING = [
    ["verify"],
    ["replay"],
    ["alarms"],
    ["rejections"],
    ["quarantine"],
    ["export", "readings"],
    ["export", "alarms"],
    ["deadletters", "list"],
    ["deadletters", "resend", "webhook"],
    ["status"],
]


def riskgate(*words: object, columns: int = 80) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    return subprocess.run(
        [sys.executable, "-m", "gateway.cli", *map(str, words)],
        env={**environment, "COLUMNS": str(columns)},
        cwd=Path(__file__).resolve().parent.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def commands(command: Any, before: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield before, command
    for name, inner in getattr(command, "commands", {}).items():
        yield from commands(inner, (*before, name))


EVERY = list(commands(typer.main.get_command(app)))


@pytest.mark.parametrize(("words", "command"), EVERY, ids=[" ".join(w) or "riskgate" for w, _ in EVERY])
def test_every_command_has_help_of_one_clear_line(
    words: tuple[str, ...], command: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        app([*words, "--help"])
    assert ended.value.code == 0
    assert "Usage" in capsys.readouterr().out
    if words:
        assert command.help.endswith((".", ").")), command.help
        assert "\n" not in command.help
        assert len(command.help) <= 100


def test_help_is_grouped(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        app(["--help"])
    shown = capsys.readouterr().out
    assert all(group in shown for group in ("Operate", "Look", "Prove and export", "Devices"))
    assert "process" not in shown


def test_version() -> None:
    ran = riskgate("version")
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, f"riskgate {__version__}\n", "")


@pytest.mark.parametrize("words", LOOKING, ids=" ".join)
def test_a_mistyped_folder_is_no_idle_gateway(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    for folder in (tmp_path / "mistyped", tmp_path):
        with pytest.raises(SystemExit) as ended:
            app(["--data", str(folder), *words])
        assert ended.value.code == 78
        told = capsys.readouterr()
        assert told.err == f"error: no gateway has run in {folder}: is --data right?\n"
        assert told.out == ""
    assert list(tmp_path.iterdir()) == []
    assert "NUMBA_CACHE_DIR" not in os.environ


@pytest.mark.parametrize("command", ["run", "console", "demo"])
def test_a_folder_that_cannot_be_is_a_sentence(command: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ran = riskgate("--data", tmp_path / "file", command)
    assert (ran.returncode, ran.stdout) == (78, "")
    assert ran.stderr == (
        f"error: {tmp_path}/file: File exists; a file stands where a folder is needed; choose another path\n"
    )
    ran = riskgate("--data", tmp_path / "file/under", command)
    assert ran.returncode == 78
    assert ran.stderr.startswith(f"error: {tmp_path}/file/under: Not a directory; a part of this path is")
    assert "Traceback" not in ran.stderr


def test_a_file_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    ran = riskgate("simulate", "air-quality", tmp_path / "none.csv")
    assert ran.returncode == 78
    assert (
        ran.stderr
        == f"error: {tmp_path}/none.csv: No such file or directory; check the path, or choose another\n"
    )


def test_export_has_its_heading_without_rows_too(tmp_path: Path) -> None:
    data = DataFolder(tmp_path)
    data.create()
    Ledger(data.ledger).close()
    ran = riskgate("--data", tmp_path, "export", "readings")
    assert (ran.returncode, ran.stdout) == (
        0,
        "time,enterprise,site,device,channel,value,unit,quality,reason,flags\n",
    )
    ran = riskgate("--data", tmp_path, "export", "alarms")
    assert ran.returncode == 0
    assert ran.stdout.startswith("seq,time,id,alarm,occurrence,")
    assert ran.stdout.count("\n") == 1


def test_text_of_devices_stays_text_in_alarms(tmp_path: Path) -> None:
    data = DataFolder(tmp_path)
    data.create()
    ledger = Ledger(data.ledger)
    reason = "valve [/x] of [http] [[example]] \x1b[31mred"
    ledger.record([(1, [alarm_event(1, 0, "e/s/GD-1/lel:H", reason_en=reason)])], Head(1, b"h" * 32))
    ledger.close()
    ran = riskgate("--data", tmp_path, "alarms", columns=300)
    assert ran.returncode == 0, ran.stderr
    assert "valve [/x] of [http] [[example]] \\x1b[31mred" in ran.stdout


def test_problems_of_files_stay_text(tmp_path: Path) -> None:
    own = tmp_path / "own" / "gas"
    own.mkdir(parents=True)
    (own / "[x].toml").write_text("[[example]\n[http\n")
    config = tmp_path / "riskgate.toml"
    config.write_text('profiles = ["own"]\n')
    ran = riskgate("--config", config, "profiles", "check")
    assert ran.returncode == 1
    assert f"error: {own}/[x].toml: not TOML" in ran.stderr
    config.write_text('[console]\nhost = "0.0.0.0[/x]"\n')
    ran = riskgate("--data", tmp_path / "data", "--config", config, "console")
    assert ran.returncode == 78
    assert ran.stderr.startswith("error: [console] host = '0.0.0.0[/x]' is not loopback")


def test_profiles_fit_80_columns_with_whole_ids() -> None:
    shown = riskgate("profiles", "list").stdout
    assert " cathodic_protection/interference_logger " in shown
    assert " gas/combustible_point " in shown
    assert " cathodic_protection/interference_logger " in riskgate("profiles", "check").stdout


def console() -> Console:
    return Console(file=io.StringIO(), width=200, color_system=None)


def written(to: Console) -> str:
    assert isinstance(to.file, io.StringIO)
    return to.file.getvalue()


@pytest.mark.parametrize("text", TRICKY)
def test_nothing_is_markup_or_control(text: str) -> None:
    shown = text.replace("\x1b", "\\x1b")
    for to in (said := console(), told := console(), table := console()):
        assert written(to) == ""
    terminal.say(said, text)
    terminal.tell(told, [f"first {text}\nsecond"])
    terminal.tabulate(table, text, [(text, "n"), (text, 1), (None, text)])
    assert written(said) == f"{shown}\n"
    assert written(told) == f"error: first {shown}\nsecond\n"
    assert written(table).count(shown) == 4


def test_a_long_problem_is_one_line() -> None:
    to = Console(file=io.StringIO(), width=40)
    terminal.tell(to, ["x " * 100])
    assert written(to).count("\n") == 1


def test_an_error_of_the_system_says_where_and_what_to_do() -> None:
    assert terminal.of_system(PermissionError(13, "Permission denied", "a/b")) == (
        "a/b: Permission denied; give this user the rights, or choose another path"
    )
    assert terminal.of_system(OSError("odd")) == "odd; check that path and this machine"
