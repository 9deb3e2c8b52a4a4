"""Each sink kind says whether its other side is there and takes our credentials, without sending anything."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from gateway import sinks
from gateway.sinks import Delivered, Later, Refused, SinkContext, history, influxdb, webhook
from tests.sinks.test_webhook import settings_for
from tests.support.certificates import Authority
from tests.support.influxd import Influxd
from tests.support.need import free_port
from tests.support.receiver import Receiver
from tests.support.victoria import Victoria


def context(folder: Path = Path("/nowhere")) -> SinkContext:
    return SinkContext("probed", str(folder), lambda: 0)


@pytest.mark.parametrize("kind", sinks.kinds())
def test_every_kind_has_a_probe(kind: str) -> None:
    assert callable(sinks.load(kind).probe)


def test_a_webhook_that_answers_gets_no_message() -> None:
    with Receiver() as receiver:
        answer = webhook.probe(settings_for(receiver.url), context())
        assert receiver.requests == []
    assert answer == Delivered(f"{receiver.url} answers; its address is allowed")


def test_a_webhook_that_is_away_or_not_allowed() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    assert isinstance(webhook.probe(settings_for(url), context()), Later)
    blocked = webhook.probe(settings_for(url, allow=[], ports=[int(url.rpartition(":")[2])]), context())
    assert isinstance(blocked, Refused)
    assert "not a public address" in blocked.reason
    inside = webhook.probe(settings_for("https://10.1.2.3", allow=[]), context(), lambda *_: ["10.1.2.3"])
    assert isinstance(inside, Refused)


def test_a_webhook_whose_certificate_nobody_knows(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*authority.issue("localhost"))
    with Receiver(tls=tls) as receiver:
        unknown = webhook.probe(settings_for(receiver.url), context())
        known = webhook.probe(settings_for(receiver.url, ca_file=str(authority.ca)), context())
    assert isinstance(unknown, Refused)
    assert "ca_file" in unknown.reason
    assert isinstance(known, Delivered)


@pytest.mark.system
def test_influxdb_1_with_and_without_its_database() -> None:
    with Influxd() as influx:
        right = influxdb.Settings(url=influx.url, api="v1", database=influx.database)
        wrong = influxdb.Settings(url=influx.url, api="v1", database="mistyped")
        assert influxdb.probe(right, context()) == Delivered(f"{influx.url} takes our lines")
        refused = influxdb.probe(wrong, context())
        assert isinstance(refused, Refused)
        assert "does not exist" in refused.reason
        assert influx.query("SHOW SERIES") == []
    assert isinstance(influxdb.probe(right, context()), Later)


@pytest.mark.system
def test_a_server_of_the_second_api() -> None:
    with Victoria() as victoria:
        settings = influxdb.Settings(url=victoria.url, bucket="riskgate")
        assert influxdb.probe(settings, context()) == Delivered(f"{victoria.url} takes our lines")
        assert victoria.export('{__name__!=""}') == []
    assert isinstance(influxdb.probe(settings, context()), Later)


def test_the_historys_folder(tmp_path: Path) -> None:
    settings = history.Settings()
    assert isinstance(history.probe(settings, context(tmp_path)), Delivered)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    refused = history.probe(settings, context(tmp_path / "file"))
    assert isinstance(refused, Refused)
    assert str(tmp_path / "file") in refused.reason
