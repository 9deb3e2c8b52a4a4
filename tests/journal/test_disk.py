"""What the journal does when the disk is full or fails, or when the process dies: with real system calls."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.journal import Journal, JournalReader
from gateway.journal.segment import segments
from tests.support.need import need

ROOT = Path(__file__).parents[2]
LIVE = f"{1:016}.db-wal"


def child(*arguments: object, prefix: tuple[str, ...] = (), **environment: str) -> subprocess.Popen[str]:
    command = [*prefix, sys.executable, "-m", "tests.journal._writer", *map(str, arguments)]
    return subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True
    )


def lines(process: subprocess.Popen[str]) -> list[tuple[str, int]]:
    out, _ = process.communicate(timeout=3000)
    return [(word, int(number)) for word, number in (line.split() for line in out.splitlines())]


def inject(folder: Path, name: str, fault: str) -> tuple[str, ...]:
    strace = need("strace")
    call = fault.partition(":")[0]
    out = str(folder.parent / "trace")
    return (strace, "-f", "-o", out, "-P", str(folder / name), "-e", f"trace={call}", "-e", f"inject={fault}")


def test_no_space_means_nothing_written_and_the_same_append_succeeds_later(tmp_path):
    folder = tmp_path / "journal"
    prefix = inject(folder, LIVE, "pwrite64:error=ENOSPC:when=6..9")
    said = lines(child(folder, 10, 5000, 1 << 20, "-", prefix=prefix))
    full = [number for word, number in said if word == "full"]
    assert full
    assert len(set(full)) == 1, "the head does not move while the disk is full"
    assert [n for word, n in said if word == "ok"] == list(range(1, 11))
    check = JournalReader(folder).check_chain()
    assert (check.ok, check.checked) == (True, 10)


@pytest.mark.parametrize("fault", ["fdatasync:error=EIO:when=5", "pwrite64:error=EIO:when=7"])
def test_a_failed_flush_or_write_ends_the_journal_until_it_is_opened_anew(tmp_path, fault):
    folder = tmp_path / "journal"
    said = lines(child(folder, 10, 100, 1 << 20, "-", prefix=inject(folder, LIVE, fault)))
    words = [word for word, _ in said]
    first = words.index("failed")
    assert set(words[first:-1]) == {"failed"}, "SQLite would carry on; the journal must not"
    kept = said[first - 1][1]
    assert 0 < kept < 10
    journal = Journal(folder)
    assert journal.head.position >= kept
    assert journal.append([journal_entry(folder)]) == [journal.head.position]
    journal.close()
    assert JournalReader(folder).check_chain().ok


def journal_entry(folder: Path):  # the first entry again: any entry will do
    return JournalReader(folder).entry(1)


@pytest.mark.parametrize("segment_bytes", [1 << 20, 100_000])
def test_a_really_full_disk_recovers_when_space_is_freed(tmp_path, segment_bytes):
    """A 1 MiB tmpfs in a mount namespace of its own; the ballast is what the operator removes."""
    unshare = need("unshare")
    if subprocess.run([unshare, "-rm", "true"], check=False).returncode:
        pytest.skip("user and mount namespaces are not permitted here")
    disk = tmp_path / "disk"
    disk.mkdir()
    script = (
        'mount -t tmpfs -o size=1m none "$1" && head -c 700000 /dev/zero >"$1/ballast" && '
        '"$2" -m tests.journal._writer "$1/journal" 60 5000 "$3" "$1/ballast"; cp -r "$1/journal" "$1.copy"'
    )
    done = subprocess.run(
        [unshare, "-rm", "sh", "-c", script, "sh", str(disk), sys.executable, str(segment_bytes)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=3000,
        check=False,
    )
    said = [line.split() for line in done.stdout.splitlines()]
    assert ["full"] in [words[:1] for words in said], done.stderr
    assert [int(n) for word, n in said if word == "ok"] == list(range(1, 61))
    check = JournalReader(Path(f"{disk}.copy")).check_chain()
    assert (check.ok, check.checked) == (True, 60)


@pytest.mark.parametrize("place", ["before-segment-roll", "after-segment-roll"])
@pytest.mark.parametrize("time", [1, 3])
def test_a_death_around_the_roll_loses_nothing(tmp_path, place, time):
    folder = tmp_path / "journal"
    process = child(folder, 20, 300, 1000, "-", RISKGATE_CRASH_AT=f"{place}:{time}")
    said = lines(process)
    assert process.returncode == -signal.SIGKILL
    journal = Journal(folder, segment_bytes=1000)
    assert journal.head.position == said[-1][1]
    assert journal.append([journal_entry(folder)]) == [said[-1][1] + 1]
    journal.close()
    check = JournalReader(folder).check_chain()
    assert (check.ok, check.checked) == (True, said[-1][1] + 1)


def test_leftovers_of_a_segment_that_never_got_its_name_are_removed(tmp_path):
    (tmp_path / f"{1:016}.new").write_bytes(b"half")
    (tmp_path / f"{1:016}.new-journal").write_bytes(b"half")
    journal = Journal(tmp_path)
    assert not list(tmp_path.glob("*.new*"))
    journal.close()


def test_kills_at_any_moment_lose_nothing_that_append_returned(tmp_path):
    folder = tmp_path / "journal"
    known = 0
    for turn in range(4):
        process = child(folder, 1_000_000, 200 * turn, 20_000, "-")
        assert process.stdout is not None
        for _ in range(30 + 17 * turn):
            word, number = process.stdout.readline().split()
            assert word in ("open", "ok")
            assert int(number) >= known
            known = int(number)
        process.kill()
        process.communicate()
    check = JournalReader(folder).check_chain()
    assert check.ok
    assert check.checked >= known
    Journal(folder).close()


def test_a_second_process_is_refused_while_the_first_writes(tmp_path):
    folder = tmp_path / "journal"
    journal = Journal(folder)
    assert child(folder, 1, 1, 1000, "-").wait(timeout=300) == 1
    journal.close()
    assert lines(child(folder, 1, 1, 1000, "-"))[-1] == ("closed", 1)
    assert len(segments(folder)) == 1
