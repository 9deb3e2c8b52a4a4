"""The simulated day in small: every kind of thing happens, ledger and replay have one hash, and the command
that says so finds each forgery and names its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.paths import DataFolder
from tests.day.proof import FORGERIES, found_out, verified
from tests.day.run import Lived, demanded, granted_wrongly, live, rows

pytestmark = pytest.mark.crash
HOURS, DEVICES, SEED = 2.5, 120, 1


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> list[Lived]:
    folder = tmp_path_factory.mktemp("day")
    return [live(SEED, str(folder / name), HOURS, DEVICES) for name in ("a", "b")]


def test_every_kind_happens_and_nobody_gets_what_is_not_theirs(days: list[Lived]) -> None:
    happened = days[0].happened
    assert [kind for kind in demanded() if not happened[kind]] == []
    assert granted_wrongly(happened) == []


def test_ledger_replay_and_the_same_seed_again_have_one_hash(days: list[Lived]) -> None:
    first, second = (lived.verdict for lived in days)
    assert first.findings == []
    assert first.recorded == first.replayed == second.recorded
    assert first.figures["events"] > 500


def test_the_command_holds_it(days: list[Lived]) -> None:
    status, said = verified(DataFolder(Path(days[0].data)))
    assert status == 0, said
    assert f"SHA-256 {days[0].verdict.replayed[:16]}" in said


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forgery_is_named(days: list[Lived], tmp_path: Path, name: str) -> None:
    assert found_out(DataFolder(Path(days[0].data)), tmp_path / "copy", name) == ""


def test_a_day_that_lacks_a_kind_or_has_another_hash_fails(days: list[Lived]) -> None:
    first, second = days
    first.happened["note: flood_began"] = 0
    second.verdict.recorded = "another"
    failed = [
        row.id for row in rows(first, second, 1, ["one ledger line: not named"], 1.0, HOURS) if not row.passed
    ]
    assert failed == ["day.kinds", "day.verify", "day.hash", "day.forgeries"]
