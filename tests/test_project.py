"""Locks, Makefile and CI hold what they promise: any registry, exact versions, nothing outside the locks."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCKS = ("requirements.lock", "requirements-dev.lock", "requirements-build.lock")


def pins(lock: str) -> dict[str, list[Requirement]]:
    """Every pinned package of a lock; one name may be pinned once per Python version."""
    found: dict[str, list[Requirement]] = {}
    for line in (ROOT / lock).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith((" ", "#")):
            pin = Requirement(line.rstrip(" \\"))
            found.setdefault(canonicalize_name(pin.name), []).append(pin)
    return found


def wanted(lock: str) -> list[Requirement]:
    runtime = PYPROJECT["project"]["dependencies"]
    lines = {
        "requirements.lock": runtime,
        "requirements-dev.lock": runtime + PYPROJECT["dependency-groups"]["dev"],
        "requirements-build.lock": PYPROJECT["build-system"]["requires"],
    }[lock]
    return [Requirement(line) for line in lines]


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_satisfies_the_project(lock: str) -> None:
    pinned = pins(lock)
    for requirement in wanted(lock):
        versions = pinned.get(canonicalize_name(requirement.name), [])
        assert versions, f"{lock}: {requirement.name} is not pinned; run make lock"
        for pin in versions:
            (exact,) = pin.specifier
            assert exact.operator == "=="
            assert requirement.specifier.contains(exact.version, prereleases=True), (
                f"{lock}: {pin} does not satisfy {requirement}; run make lock"
            )


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_registry_and_hashes_everything(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.search(r"^\s*--(?!hash=sha256:[0-9a-f]{64})", text, re.MULTILINE)
    blocks = re.findall(r"^([^\s#].*(?:\n    --hash.*)*)", text, re.MULTILINE)
    assert len(blocks) == sum(len(versions) for versions in pins(lock).values())
    for block in blocks:
        assert "--hash=sha256:" in block, f"{lock}: {block.split()[0]} has no hash"


def test_runtime_and_development_agree() -> None:
    development = pins("requirements-dev.lock")
    for name, versions in pins("requirements.lock").items():
        assert sorted(map(str, development[name])) == sorted(map(str, versions)), (
            f"{name} is tested in another version than it is shipped; run make lock"
        )


def targets() -> set[str]:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))


@pytest.mark.parametrize("target", ["crash", "powercut", "broker-chaos", "sim", "day", "outage"])
def test_a_measuring_target_runs_a_module_that_exists_and_reports(target: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    rule = re.search(rf"^{target}:.*\n\t.*-m (tests[\w.]+)", makefile, re.MULTILINE)
    assert rule, f"make {target} runs no module"
    module = ROOT / (rule[1].replace(".", "/") + ".py")
    assert module.exists(), f"make {target} runs {rule[1]}, which is not there"
    assert f'"{target}"' in module.read_text(encoding="utf-8"), f"{rule[1]} writes no reports/{target}.json"


def test_every_target_is_explained_by_help() -> None:
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    listed = set(re.findall(r"^  make ([a-z-]+) ", shown, re.MULTILINE))
    assert targets() - {"demo"} == listed


def test_ci_runs_all_there_is_and_skips_nothing() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    for command in (
        "make services",
        "make lint",
        "make wheel-check",
        "RISKGATE_NO_SKIP=1 make test",
        "set -eu",
    ):
        assert command in script
    for name in (ROOT / ".ci" / "run", *(ROOT / "tests" / "support").glob("*.sh")):
        checked = subprocess.run(["sh", "-n", name], capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stderr
