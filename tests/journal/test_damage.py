"""A flipped byte never changes what a reader is told without being named."""

from __future__ import annotations

import shutil
import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import JournalError
from gateway.journal import Journal, JournalReader
from gateway.journal.segment import segments
from tests.support.entries import packets


@pytest.fixture(scope="module")
def intact(tmp_path_factory):
    folder = tmp_path_factory.mktemp("intact")
    journal = Journal(folder, segment_bytes=9000)
    for i in range(40):
        journal.append([packets(b"%0500d" % i)])
    journal.close()
    return folder


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_flipped_byte_is_named_or_changes_nothing(intact, tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("flipped") / "journal"
    shutil.copytree(intact, folder)
    path = data.draw(st.sampled_from([s.path for s in segments(folder)]))
    body = bytearray(path.read_bytes())
    offset = data.draw(st.integers(0, len(body) - 1))
    body[offset] ^= data.draw(st.integers(1, 255))
    path.chmod(0o600)
    path.write_bytes(body)
    check = JournalReader(folder).check_chain()
    if check.ok:
        assert list(JournalReader(folder).read_raw()) == list(JournalReader(intact).read_raw())
    else:
        assert 1 <= check.bad <= 41
        assert str(check.bad) in check.reason or path.name in check.reason
        assert check.checked == check.bad - 1


@pytest.mark.parametrize(
    ("change", "bad"),
    [
        ("UPDATE entry SET body = zeroblob(5) WHERE position = 3", 3),
        ("UPDATE entry SET digest = zeroblob(32) WHERE position = 2", 2),
        ("UPDATE entry SET body = 'text' WHERE position = 4", 4),
        ("DELETE FROM entry WHERE position = 4", 4),
        ("UPDATE entry SET position = 99 WHERE position = 5", 5),
        ("UPDATE segment SET previous = zeroblob(1)", 1),
    ],
)
def test_a_change_by_sql_is_named_and_the_writer_refuses(tmp_path, change, bad):
    journal = Journal(tmp_path)
    for i in range(6):
        journal.append([packets(b"%d" % i)])
    journal.close()
    connection = sqlite3.connect(segments(tmp_path)[0].path)
    connection.execute(change)
    connection.commit()
    connection.close()
    check = JournalReader(tmp_path).check_chain()
    assert (check.ok, check.bad) == (False, bad)
    with pytest.raises(JournalError, match=rf"damaged at position {bad}\b"):
        Journal(tmp_path)


def test_a_check_can_begin_in_the_middle_and_tells_its_progress(intact):
    reached = []
    check = JournalReader(intact).check_chain(after=10, progress=reached.append)
    assert (check.ok, check.checked, check.head.position) == (True, 30, 40)
    assert reached == sorted(reached)
    assert reached[-1] == 40
    assert not JournalReader(intact).check_chain(after=41).ok


def test_a_body_that_is_no_entry_is_named(tmp_path):
    journal = Journal(tmp_path)
    journal.append([packets(b"x")])
    journal.close()
    connection = sqlite3.connect(segments(tmp_path)[0].path)
    connection.execute("UPDATE entry SET body = ?", (b"\xc1",))
    connection.commit()
    connection.close()
    with pytest.raises(JournalError, match="position 1 is not a journal entry"):
        list(JournalReader(tmp_path).read())
