"""The simulation in small: sound seeds pass, twice the same; the same checks find each broken gateway out."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.crash.sim.controls import CONTROLS
from tests.crash.sim.faults import SECOND
from tests.crash.simulation import found_out, run_seed
from tests.support.report import ROOT

pytestmark = pytest.mark.crash


@pytest.mark.parametrize("seed", [4, 10, 101])
def test_a_seed_keeps_every_promise_and_repeats_itself(seed: int) -> None:
    verdict = run_seed(seed, duration_ns=1200 * SECOND, devices=60)
    assert verdict.findings == []
    assert verdict.figures["restarts"] > 0
    assert verdict.figures["acknowledged"] > 500


def test_a_ledger_that_is_full_in_the_middle_of_a_group_is_told_to_be_over() -> None:
    assert run_seed(15, twice=False).findings == []


@pytest.mark.parametrize("name", CONTROLS)
def test_a_broken_gateway_is_found_out(name: str) -> None:
    assert found_out(name)


def test_one_command_replays_a_seed() -> None:
    command = [
        sys.executable,
        "-m",
        "tests.crash.simulation",
        "--seed",
        "2",
        "--seconds",
        "300",
        "--devices",
        "20",
    ]
    told = [subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False) for _ in range(2)]
    assert [run.returncode for run in told] == [0, 0], told[0].stdout
    digests = [line for run in told for line in run.stdout.splitlines() if line.startswith("digest:")]
    assert len(set(digests)) == 1
    assert "planned faults" in told[0].stdout
