"""``riskgate verify`` notices: another partition's ids, a sink that was forgotten, an event that was never
enrolled, receipts out of order, counts that are wrong, a publisher's list that is none."""

from __future__ import annotations

import base64
import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import gateway.verify
from gateway import cli
from gateway.alarms.events import AlarmEvent
from gateway.clock import VirtualClock
from gateway.delivery.follow import LedgerFile
from gateway.delivery.ledger_lane import LedgerLane
from gateway.delivery.message_lane import MessageLane
from gateway.delivery.store import DeliveryStore
from gateway.errors import RiskgateError
from gateway.inspection import derived
from gateway.ledger import LedgerReader
from gateway.monitor.counts import Counts
from gateway.paths import DataFolder
from gateway.sinks import Delivered, Later, Refused, SinkContext, history, influxdb, webhook
from gateway.snapshots import SnapshotStore
from gateway.verify import Report, replay, verify
from gateway.verify.deliveries import check_deliveries
from gateway.verify.replaying import events_of
from tests.support.delivery import SaidMessages, SaidSink, Says, backoff, drive
from tests.support.make_data import make

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()


def hook(**own: object) -> webhook.Settings:
    return webhook.Settings.model_validate({"url": "https://example.org/", "secrets": [SECRET], **own})


def influx() -> influxdb.Settings:
    return influxdb.Settings.model_validate({"url": "http://127.0.0.1:1", "api": "v1", "database": "plant"})


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "data"
    make(folder, partition=2)
    return folder


@pytest.fixture
def data(made: Path, tmp_path: Path) -> DataFolder:
    shutil.copytree(made, tmp_path / "data")
    return DataFolder(tmp_path / "data")


class Sending:
    """Delivery by hand: the webhook's own filters, answers as told."""

    def __init__(self, data: DataFolder) -> None:
        self.clock = VirtualClock()
        self.store = DeliveryStore(data.delivery, self.clock.wall_ns)
        self.ledger = LedgerFile(data.ledger, self.clock, 0.5)

    def by_webhook(self, settings: webhook.Settings, says: Says | None = None, forgets: int = 0) -> None:
        asked = webhook.Sink(settings, SinkContext("hook", "", self.clock.wall_ns))
        lost = [event for seq, event in self.ledger.events_after(forgets - 1, 1) if seq == forgets]
        sink = SaidMessages(says)
        sink.takes = lambda event: asked.takes(event) and event not in lost  # type: ignore[method-assign]
        sink.filters, sink.since = asked.filters, asked.since
        lane = MessageLane("hook", sink, self.store, self.ledger, self.clock, backoff())
        drive([lane, *lane.workers], self.clock, 5)

    def in_order(self, says: Says | None = None) -> None:
        lane = LedgerLane("out", SaidSink(says), self.store, self.ledger, self.clock, backoff())
        drive([lane], self.clock, 5)


@pytest.fixture
def sending(data: DataFolder) -> Iterator[Sending]:
    it = Sending(data)
    yield it
    it.store.close()


def failed(report: Report) -> list[str]:
    return [f"{compared}: {figures}" for _, compared, held, figures in report.checks if not held]


def figures(report: Report, compared: str) -> str:
    return next(f for _, what, _, f in report.checks if what == compared)


def alarm_seqs(data: DataFolder) -> list[int]:
    return [seq for seq, event in events_of(LedgerReader(data.ledger)) if isinstance(event, AlarmEvent)]


def change(data: DataFolder, *statements: str) -> None:
    with closing(sqlite3.connect(data.delivery)) as db, db:
        for statement in statements:
            assert db.execute(statement).rowcount > 0, statement


def test_ids_of_partition_2_are_told_again(data: DataFolder) -> None:
    first = LedgerReader(data.ledger).events_after(0, 1)[0][1]
    assert first.id.startswith("2-")
    report = verify(data)
    assert report.ok, report.rows()
    snapshot = SnapshotStore(data.snapshots).newest()
    assert snapshot is not None
    assert replay(data, since=snapshot.position).ok
    assert derived(data).partition == 2


def test_partition_2_without_a_snapshot(data: DataFolder) -> None:
    for file in data.snapshots.iterdir():
        file.unlink()
    assert derived(data).partition == 2


def test_nothing_to_check_is_said(data: DataFolder) -> None:
    for sinks in (None, {}, {"history": history.Settings()}):
        report = verify(data, sinks=sinks)
        assert report.ok
        assert [row[2] for row in report.rows() if row[0] == "I4"] == ["-"]
        assert figures(report, "events for sinks").startswith("nothing to check")


@pytest.mark.parametrize("settings", [hook(), influx()], ids=["webhook", "influxdb"])
def test_a_configured_sink_that_delivery_does_not_know(data: DataFolder, settings: Any) -> None:
    report = verify(data, sinks={"lost": settings})
    assert [line.split(" this sink")[0] for line in failed(report)] == [
        "events for sink lost: delivery.db does not know"
    ]


def test_a_sink_muted_in_an_exercise_may_be_unknown(data: DataFolder) -> None:
    report = Report()
    check_deliveries(report, data, LedgerReader(data.ledger), {"hook": hook()}, exercise=True)
    assert report.ok
    assert "muted in an exercise" in figures(report, "events for sink hook")


def test_all_delivered_holds(data: DataFolder, sending: Sending) -> None:
    sending.by_webhook(hook())
    sending.in_order()
    report = verify(data, sinks={"hook": hook(), "out": influx()})
    assert report.ok, report.rows()
    takes = len(alarm_seqs(data))
    assert f"{takes} with receipt" in figures(report, "events for sink hook")
    assert f"it takes {takes}" in figures(report, "events for sink hook")
    compared = "first receipts of sink hook in the ledger's order, alarm by alarm"
    assert figures(report, compared).startswith(f"{takes} first receipts")


def test_a_sink_that_was_down_from_the_first_day_is_known(data: DataFolder, sending: Sending) -> None:
    sending.in_order(lambda _: Later("down"))
    report = verify(data, sinks={"out": influx()})
    assert report.ok, report.rows()
    assert "not looked at yet" in figures(report, "events for sink out")


def test_an_event_that_was_never_enrolled(data: DataFolder, sending: Sending) -> None:
    forgotten = alarm_seqs(data)[1]
    sending.by_webhook(hook(), forgets=forgotten)
    assert verify(data).ok, "nobody to ask"
    assert [line.split(";")[0] for line in failed(verify(data, sinks={"hook": hook()}))] == [
        f"events for sink hook: never enrolled: event {forgotten} and 0 more"
    ]


def test_a_batch_that_was_skipped_by_a_sink_without_filters(data: DataFolder, sending: Sending) -> None:
    sending.store.begin("out", "events", 0, "")
    sending.store.advance("out", "events", 3, 9, "ok")
    assert [line.split(";")[0] for line in failed(verify(data, sinks={"out": influx()}))] == [
        "events for sink out: never enrolled: event 1 and 1 more"
    ]


def test_refused_batches_and_those_sent_again_are_accounted_for(data: DataFolder, sending: Sending) -> None:
    sending.in_order(lambda _: Refused("400"))
    assert verify(data, sinks={"out": influx()}).ok
    sending.store.requeue("out", None, sending.store.cursor("out", "events"), "c", messages=False)
    sending.in_order()
    assert sending.store.queued("out") == []
    report = verify(data, sinks={"out": influx()})
    assert report.ok, report.rows()
    assert ", 0 dead letters" in figures(report, "events for sink out")


def test_a_sink_that_began_late_is_asked_about_later_events_only(data: DataFolder, sending: Sending) -> None:
    sending.by_webhook(hook(since="now"))
    report = verify(data, sinks={"hook": hook(since="now")})
    assert report.ok, report.rows()
    last = LedgerReader(data.ledger).last_seq()
    assert f"from {last + 1} on, it takes 0" in figures(report, "events for sink hook")


def test_filters_may_change(data: DataFolder, sending: Sending) -> None:
    narrow = hook(priority_max=1)
    sending.by_webhook(narrow)
    assert verify(data, sinks={"hook": narrow}).ok
    report = verify(data, sinks={"hook": hook()})
    assert report.ok, "delivery has not begun again: it works by the old filters"
    assert "filters were changed" in figures(report, "events for sink hook")
    sending.by_webhook(hook())
    report = verify(data, sinks={"hook": hook()})
    assert report.ok, "what was passed over by the old filters is not missing"
    assert "filters were changed" not in figures(report, "events for sink hook")


def test_receipts_out_of_order(data: DataFolder, sending: Sending) -> None:
    sending.by_webhook(hook())
    alarms = [
        (seq, event.alarm)
        for seq, event in events_of(LedgerReader(data.ledger))
        if isinstance(event, AlarmEvent) and event.alarm == "acme/plant/GD-1/lel:HH"
    ]
    (early, alarm), (late, _) = alarms[:2]
    store = sending.store
    rows = [json.loads(body) for _, body, _ in store.records()]
    store.close()
    data.delivery.unlink()
    swapped = {early: late, late: early}
    again = DeliveryStore(data.delivery, sending.clock.wall_ns)
    events = {row["first"]: row["event"] for row in rows if row["kind"] == "receipt"}
    with again._begin() as db:
        for row in rows:
            kind, sink = row.pop("kind"), row.pop("sink")
            row.pop("at_ns")
            if kind == "receipt":
                seq = swapped.get(row["first"], row["first"])
                row |= {"first": seq, "last": seq, "event": events[seq]}
            again._record(db, kind, sink, **row)
        again._move(db, "hook", "events", LedgerReader(data.ledger).last_seq())
    again.close()
    (line,) = failed(verify(data, sinks={"hook": hook()}))
    assert line.startswith("first receipts of sink hook in the ledger's order")
    assert line.endswith(f"event {early} of {alarm} has its first receipt after event {late}'s")


def test_a_dead_letter_sent_again_is_not_out_of_order(data: DataFolder, sending: Sending) -> None:
    first = alarm_seqs(data)[0]
    refused = iter([True])

    def says(batch: Any) -> Delivered | Refused:
        return Refused("410") if batch.first == first and next(refused, False) else Delivered("ok")

    sending.by_webhook(hook(), says)
    assert verify(data, sinks={"hook": hook()}).ok
    cursor = sending.store.cursor("hook", "events")
    assert sending.store.requeue("hook", None, cursor, "c", messages=True)
    sending.by_webhook(hook(), says)
    report = verify(data, sinks={"hook": hook()})
    assert report.ok, report.rows()
    assert ", 0 dead letters" in figures(report, "events for sink hook")


def test_an_enrolled_message_that_vanished(data: DataFolder, sending: Sending) -> None:
    sending.by_webhook(hook(), lambda _: Later("down"))
    assert verify(data, sinks={"hook": hook()}).ok
    change(data, f"DELETE FROM message WHERE seq = {alarm_seqs(data)[0]}")
    assert "missing: event" in failed(verify(data))[0]


APART = "packets and refusals in the journal, counted apart from the monitor"


def _off_by_one(counts: Counts) -> None:
    counts.packets += 1


def _other_reason(counts: Counts) -> None:
    counts.refused = {"oversize": sum(counts.refused.values())}


@pytest.mark.parametrize("breaks", [_off_by_one, _other_reason])
def test_a_wrong_count_is_noticed(
    data: DataFolder, monkeypatch: pytest.MonkeyPatch, breaks: Callable[[Counts], None]
) -> None:
    def broken(folder: DataFolder) -> Any:
        replayed = replay(folder)
        breaks(replayed.monitor.counts)
        return replayed

    assert failed(verify(data)) == []
    monkeypatch.setattr(gateway.verify, "replay", broken)
    assert [line.split(":")[0] for line in failed(verify(data))] == [APART]


def published(folder: Path, text: str) -> Path:
    path = folder / "published.jsonl"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "holds no acknowledged packet"),
        ('{"topic": "rg/a/b/c/d", "payl', "holds no acknowledged packet"),
        ("garbage\n", "line 1 is no published packet"),
        ('{"topic": "t", "payload": "p"}\n[1]\n', "line 2 is no published packet"),
        ('{"topic": "t", "payload": null}\n', "line 1 is no published packet"),
        ("[" * 100_000 + "\n", "line 1 is no published packet"),
    ],
    ids=["empty", "half a line", "garbage", "a list", "no text", "deep"],
)
def test_a_list_that_is_none(data: DataFolder, tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(RiskgateError, match=says):
        verify(data, published(tmp_path, text))


def test_a_list_that_is_not_there(data: DataFolder, tmp_path: Path) -> None:
    with pytest.raises(RiskgateError, match="cannot be read: No such file"):
        verify(data, tmp_path / "nowhere.jsonl")


def test_a_packet_that_never_came(data: DataFolder, tmp_path: Path) -> None:
    there = json.dumps({"topic": "rg/acme/plant/GD-9/lel", "payload": "{}"})
    assert verify(data, published(tmp_path, there + "\n")).ok
    lost = json.dumps({"topic": "rg/acme/plant/GD-9/lel", "payload": "lost"})
    assert "2 acknowledged, 1 missing" in failed(verify(data, published(tmp_path, f"{there}\n{lost}\n")))[0]


def test_the_command_knows_the_configured_sinks(data: DataFolder) -> None:
    (data.root / "keys").write_text(SECRET)
    (data.root / "riskgate.toml").write_text(
        '[sinks.hook]\nkind = "webhook"\nurl = "https://example.org/"\nsecret_file = "keys"\n'
    )
    done = CliRunner().invoke(cli.app, ["--data", str(data.root), "verify"])
    assert done.exit_code == 1, done.output
    assert "does not know" in " ".join(done.output.split())
