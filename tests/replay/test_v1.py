"""Every later version reads a journal, ledger and snapshot of format 1, and tells the same events from them:
behaviour 2 differs from 1 only for a device that floods, and none does there."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gateway.alarms.events import AlarmEvent
from gateway.journal import JournalReader
from gateway.ledger import LedgerReader
from gateway.paths import DataFolder
from gateway.snapshots import SnapshotStore
from gateway.verify import replay, verify

V1 = Path(__file__).resolve().parents[1] / "data" / "v1"


@pytest.fixture
def data(tmp_path: Path) -> DataFolder:
    shutil.copytree(V1, tmp_path / "v1")
    return DataFolder(tmp_path / "v1")


def test_every_kind_of_entry_is_read(data: DataFolder) -> None:
    kinds = {type(entry).__name__ for _, entry in JournalReader(data.journal).read()}
    assert kinds == {"Started", "ConfigChange", "Link", "Packets", "Tick", "OperatorCommand", "SystemFact"}
    assert JournalReader(data.journal).check_chain().ok
    assert LedgerReader(data.ledger).check_chain().ok


def test_the_same_behaviour_tells_the_same_events(data: DataFolder) -> None:
    report = verify(data)
    assert report.ok, report.rows()
    events = [event for _, event in LedgerReader(data.ledger).events_after(0, 1000)]
    causes = {event.cause for event in events if isinstance(event, AlarmEvent)}
    assert {"raised", "acknowledged", "cleared", "retired"} <= causes


def test_a_snapshot_of_then_goes_on_now(data: DataFolder) -> None:
    snapshot = SnapshotStore(data.snapshots).newest()
    assert snapshot is not None
    result = replay(data, since=snapshot.position)
    assert result.ok
    assert 0 < result.entries < snapshot.position + result.entries
