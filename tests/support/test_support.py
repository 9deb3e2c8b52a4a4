"""The measuring report and the no-skip rule do what CI relies on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.need import Ports, free_port
from tests.support.report import ROOT, Row, meets, rule_of_three, write


def test_report_is_written_with_every_field_and_printed(tmp_path: Path, capsys) -> None:
    rows = [
        Row.judged("crash.lost", "packets lost", 0, "packets", "== 0", note=rule_of_three(200)),
        Row.judged("crash.reopen", "time to reopen", 70.5, "ms", "<= 50", "<= 20"),
    ]
    assert write("crash", rows, tmp_path) is False
    stored = json.loads((tmp_path / "crash.json").read_text())
    assert stored[0] == {
        "id": "crash.lost",
        "figure": "packets lost",
        "measured": 0,
        "unit": "packets",
        "must": "== 0",
        "good": "== 0",
        "pass": True,
        "note": "0 of 200: below 3/200 = 0.015 at 95 %",
    }
    assert (stored[1]["pass"], stored[1]["good"]) == (False, "<= 20")
    printed = capsys.readouterr().out
    assert "PASS" in printed
    assert "FAIL" in printed


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [Row("a", "f", 1, "", "", "", True), Row("a", "f", 1, "", "", "", True)],
        [Row("a", "f", float("nan"), "", "", "", True)],
        [Row("a", "f", True, "", "", "", True)],
    ],
)
def test_a_report_that_measured_nothing_is_refused(rows: list[Row], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"measured|twice"):
        write("x", rows, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_bounds_are_judged_as_written() -> None:
    assert meets(50, "<= 50")
    assert not meets(50.1, "<= 50")
    assert meets(0.5, "> 0")
    assert not meets(float("nan"), ">= 0")
    with pytest.raises(ValueError, match="write the bound"):
        meets(1, "about 5")


def test_zero_of_n_never_reads_as_never() -> None:
    assert rule_of_three(300) == "0 of 300: below 3/300 = 0.01 at 95 %"
    assert rule_of_three(300, 2) == "2 of 300"
    assert rule_of_three(0) == "no trial was run"


def test_zero_of_nothing_is_no_pass() -> None:
    assert Row.zero("a.lost", "lost", 0, "packets", 300).passed
    assert not Row.zero("a.lost", "lost", 1, "packets", 300).passed
    assert not Row.zero("a.lost", "lost", 0, "packets", 0).passed


SKIPPING = """
import pytest
def test_skips(): pytest.skip("no mosquitto here")
@pytest.mark.skip(reason="marked")
def test_marked(): raise AssertionError
@pytest.mark.xfail(strict=True)
def test_known(): assert False
def test_passes(): assert True
"""


def run_pytest(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    (folder / "pytest.ini").write_text("[pytest]\n")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "tests.support.no_skip",
        "-c",
        str(folder / "pytest.ini"),
    ]
    plain = {key: value for key, value in os.environ.items() if key != "RISKGATE_NO_SKIP"}
    return subprocess.run(
        [*command, "-p", "no:cacheprovider", str(folder)],
        cwd=ROOT,
        env=plain | environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_a_skip_is_a_failure_only_in_ci(tmp_path: Path) -> None:
    (tmp_path / "test_a.py").write_text(SKIPPING)
    (tmp_path / "test_b.py").write_text("import pytest\npytest.importorskip('no_such_module_here')\n")
    here = run_pytest(tmp_path)
    assert here.returncode == 0, here.stdout
    assert "1 passed, 3 skipped, 1 xfailed" in here.stdout
    (tmp_path / "test_b.py").unlink()
    ci = run_pytest(tmp_path, RISKGATE_NO_SKIP="1")
    assert ci.returncode == 1
    assert "1 failed, 1 passed, 1 xfailed, 1 error" in ci.stdout
    assert "RISKGATE_NO_SKIP=1 and this was skipped: Skipped: no mosquitto here" in ci.stdout


def test_a_skipped_module_is_a_failure_in_ci(tmp_path: Path) -> None:
    (tmp_path / "test_b.py").write_text("import pytest\npytest.importorskip('no_such_module_here')\n")
    ci = run_pytest(tmp_path, RISKGATE_NO_SKIP="1")
    assert ci.returncode != 0
    assert "no_such_module_here" in ci.stdout


def test_collecting_nothing_fails(tmp_path: Path) -> None:
    assert run_pytest(tmp_path).returncode == 5


TAKES = """
import sys
from tests.support.need import free_port
print(*(free_port() for _ in range(300)), flush=True)
sys.stdin.read()
"""


def test_a_port_is_given_once_whoever_asks() -> None:
    words = [sys.executable, "-c", TAKES]
    others = [
        subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    taken = [free_port() for _ in range(300)]
    for other in others:
        assert other.stdout is not None
        taken += [int(port) for port in other.stdout.readline().split()]
    assert len(set(taken)) == len(taken) == 900
    assert max(taken) < Ports._systems(), "nothing else is given it by the system"
    for other in others:
        other.communicate()
