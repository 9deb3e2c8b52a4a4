"""Every story in told/ comes true, to the last event; a restart in the middle changes nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.alarms import events
from gateway.alarms.lifecycle import Situation, legal
from gateway.story import alarms, compare, read, tell

STORIES = sorted((Path(__file__).parent / "told").glob("*.toml"))


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_story(path: Path) -> None:
    story = read(path)
    told = tell(story.entries)
    assert compare(story, told) == [], story.title


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_every_event_is_legal_numbered_and_survives_a_restart(path: Path) -> None:
    story = read(path)
    told = tell(story.entries)
    assert len({event.id for event in told}) == len(told)
    stands: dict[str, Situation] = {}
    for event in alarms(told):
        before = stands.get(event.alarm, Situation("normal", False))
        after = Situation(event.state, event.process_active)
        assert event.before == before.state
        assert legal(before, event.cause, after, latch=event.latched)
        stands[event.alarm] = after
    bytes_of = [events.encode(event) for event in told]
    for restart_after in {1, len(story.entries) // 3, len(story.entries) // 2, len(story.entries) - 1}:
        assert [
            events.encode(event) for event in tell(story.entries, restart_after=restart_after)
        ] == bytes_of


def test_there_are_stories() -> None:
    assert len(STORIES) >= 60


def test_the_same_comes_of_it_and_a_snapshot_is_made_where_nothing_is_compiled() -> None:
    """In another process: whether loops are compiled is settled at the first import."""
    path = Path(__file__).parent / "told" / "late_and_retained.toml"
    program = (
        "import sys, pathlib, gateway.story as s; story = s.read(pathlib.Path(sys.argv[1])); "
        "again = s.tell(story.entries, restart_after=len(story.entries) - 1); "
        "assert again == s.tell(story.entries); print(*s.compare(story, again), 'told')"
    )
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, path],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout) == (0, "told\n"), ran.stderr
