"""A copy of the code in which mutmut writes its mutants, and what it found there.

Guarantee: nothing outside the workspace is changed; a mutant that was not run is never counted as killed.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import NamedTuple

from tests.mutants.explained import Change, of_diff
from tests.support.report import ROOT

TOOL = ROOT / "build" / "mutmut"
"""Where `make mutants` installs the tool."""
WORK = ROOT / "build" / "mutants"
PACKAGES = ("gateway", "detectors", "device_profiles", "simulators")
TESTS = (
    "tests/alarms",
    "tests/stories/test_stories.py",
    *(
        f"tests/monitor/test_{name}.py"
        for name in (
            "judgement",
            "groups",
            "late",
            "maintenance",
            "upstreams",
            "plant_states",
            "monitor",
            "clock_drift",
            "suppressed",
            "fusion",
        )
    ),
)
SLOW = (
    "tests/alarms/test_any_order.py",
    "tests/stories/test_stories.py::test_every_event_is_legal_numbered_and_survives_a_restart",
    "tests/stories/test_stories.py::test_the_same_comes_of_it_and_a_snapshot_is_made_where_nothing_is_compiled",
    "tests/alarms/test_engine.py::TestLife",
    "tests/alarms/test_shelving.py::TestShelves",
    "tests/alarms/test_commands.py::test_no_arguments_whatever_raise",
    "tests/alarms/test_flow.py::test_a_flood_is_what_counting_every_second_finds",
    "tests/monitor/test_late.py::test_any_split_of_a_backlog_tells_the_same",
    "tests/monitor/test_maintenance.py::test_every_window_ends_and_live_is_replay",
    "tests/monitor/test_monitor.py::test_a_million_unknown_ids_are_bounded",
    "tests/monitor/test_monitor.py::test_a_snapshot_anywhere_continues_like_the_original",
    "tests/monitor/test_monitor.py::test_silence_is_not_counted_while_the_link_is_down",
    "tests/monitor/test_plant_states.py::test_suppression_ends_with_the_state_and_live_is_replay",
    "tests/monitor/test_upstreams.py::test_suppression_ends_and_live_is_replay",
    "tests/monitor/test_upstreams.py::test_whoever_is_silent_alarms_or_is_suppressed_under_one_that_does",
)
"""Seconds each, for they draw many examples or tell every story five times: a mutant that only they would
find counts as surviving."""
SENTENCES = (
    r"[\u4e00-\u9fff]",
    r"^\s*f?\"[^\"]* [^\"]* [^\"]*\"[,)]*$",
    r"^\s*f?'[^']* [^']* [^']*'[,)]*$",
)
"""Lines of what people read: whether a sentence is right, no test can say."""
KILLED = {
    1: "killed",
    3: "killed",
    36: "timeout",
    24: "timeout",
    -24: "timeout",
    152: "timeout",
    255: "timeout",
}
NO_TEST = (5, 33)
SURVIVED = 0
NOT_RUN = "not run"


class Result(NamedTuple):
    """What became of one mutant."""

    module: str
    name: str
    how: str
    """killed, timeout, survived, no test; "not run" when the time was over before."""

    @property
    def found(self) -> bool:
        """Whether a test failed."""
        return self.how in ("killed", "timeout")


def prepare(modules: list[str]) -> None:
    """A fresh workspace whose configuration mutates these modules, e.g. "gateway/alarms/lifecycle.py"."""
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    ignore = shutil.ignore_patterns("__pycache__", "*.pyc")
    for folder in (*PACKAGES, "tests"):
        shutil.copytree(ROOT / folder, WORK / folder, ignore=ignore)
    deselected = [word for name in SLOW for word in ("--deselect", name)]
    settings = {
        "source_paths": list(PACKAGES),
        "only_mutate": modules,
        "also_copy": [],
        "do_not_mutate_patterns": list(SENTENCES),
        "pytest_add_cli_args_test_selection": list(TESTS),
        # uncompiled, the detectors' 64-bit hashes wrap with a warning
        "pytest_add_cli_args": ["-p", "no:cacheprovider", "-W", "ignore::RuntimeWarning", *deselected],
        "track_dependencies": False,
        "use_git_change_detection": False,
        "timeout_constant": 5.0,
    }
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in settings.items()]
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (WORK / "pyproject.toml").write_text(
        text + "\n[tool.mutmut]\n" + "\n".join(lines) + "\n", encoding="utf-8"
    )


def environment() -> dict[str, str]:
    """Without the project itself on the path: only the mutated copy may be imported."""
    return {**os.environ, "PYTHONPATH": str(TOOL), "NUMBA_DISABLE_JIT": "1", "PYTHONWARNINGS": "ignore"}


def names_of(module: str) -> list[str]:
    """The name of every mutant of a module, as mutmut calls them."""
    program = (
        "import sys; from mutmut.mutation.file_mutation import mutate_file_contents as m; "
        "print(*m(sys.argv[1], open(sys.argv[1], encoding='utf-8').read()).mutant_names, sep='\\n')"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program, module],
        cwd=WORK,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    dotted = module.removesuffix(".py").replace("/", ".")
    return [f"{dotted}.{name}" for name in ran.stdout.split()]


def run(names: list[str], limit_s: float, tell: Callable[[str], None]) -> bool:
    """Run mutmut over these mutants; False if the time was over before all were run."""
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", "2", *names]
    process = subprocess.Popen(
        command,
        cwd=WORK,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    over = threading.Event()

    def end() -> None:
        over.set()
        os.killpg(process.pid, 15)

    timer = threading.Timer(limit_s, end)
    timer.start()
    assert process.stdout is not None
    said: list[str] = []
    for line in process.stdout:
        said.append(line)
        if re.match(r"\S* *\d+/\d+", line):
            tell(line.strip())
    status = process.wait()
    timer.cancel()
    if status and not over.is_set():
        raise RuntimeError(f"mutmut ended with {status}:\n{''.join(said[-60:])}")
    return not over.is_set()


def results(module: str, names: list[str]) -> list[Result]:
    """What became of these mutants of a module."""
    meta = WORK / "mutants" / (module + ".meta")
    codes = json.loads(meta.read_text(encoding="utf-8"))["exit_code_by_key"] if meta.exists() else {}
    return [Result(module, name, _how(codes.get(name))) for name in names]


def _how(code: int | None) -> str:
    if code is None:
        return NOT_RUN
    if code in NO_TEST:
        return "no test"
    return KILLED.get(code, "survived" if code == SURVIVED else f"exit {code}")


def changes(found: list[Result]) -> list[Change]:
    """What each of these mutants of functions changes."""
    program = (
        "import json, sys; from mutmut.mutation.diff_apply import get_diff_for_mutant as diff; "
        "print(json.dumps([diff(name, path=path) for path, name in json.load(sys.stdin)]))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program],
        cwd=WORK,
        env=environment(),
        input=json.dumps([(result.module, result.name) for result in found]),
        capture_output=True,
        text=True,
        check=True,
    )
    return [of_diff(r.module, r.name, diff) for r, diff in zip(found, json.loads(ran.stdout), strict=True)]
