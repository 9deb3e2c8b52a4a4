"""The InfluxDB sink against a server that misbehaves on purpose; both ways of posting."""

from __future__ import annotations

import time
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest

from gateway.sinks import Delivered, EventsBatch, HealthBatch, Later, Refused, SinkContext
from gateway.sinks.influxdb import Settings, Sink
from tests.support.entries import alarm_event
from tests.support.readings import NOW_NS, batch, good
from tests.support.receiver import Receiver, Reply, Request

Make = Callable[..., Sink]
ALL_OF_IT_S = 100.0
DRIPPING = Reply(headers={"X-Pad": "y" * round(ALL_OF_IT_S / 0.05)}, drip_s=0.05)
"""Every byte comes in time, all of them together far too late."""


@pytest.fixture(params=["v1", "v2"])
def make(request: pytest.FixtureRequest) -> Make:
    def build(receiver: Receiver, **settings: object) -> Sink:
        own = {"database": "plant"} if request.param == "v1" else {"bucket": "plant", "org": "acme"}
        made = Settings.model_validate(
            {
                "url": receiver.url,
                "api": request.param,
                "timeout_s": 30.0,
                "token": "t0ken",
                **own,
                **settings,
            }
        )
        return Sink(made, SinkContext("influx", "/nowhere", lambda: NOW_NS))

    return build


def lines_of(receiver: Receiver) -> list[str]:
    return [line for request in receiver.requests for line in request.text().splitlines()]


def test_lines_arrive_compressed_and_authorised_once_each(make: Make) -> None:
    with Receiver() as receiver:
        sink = make(receiver, batch_lines=10)
        assert sink.deliver(batch(1, good(25))) == Delivered("25 lines")
        sink.close()
    assert [len(r.text().splitlines()) for r in receiver.requests] == [10, 10, 5]
    assert len(set(lines_of(receiver))) == 25
    for request in receiver.requests:
        query = parse_qs(urlsplit(request.path).query)
        assert query["precision"] == ["ns"]
        assert query.get("db", query.get("bucket")) == ["plant"]
        assert request.headers["authorization"] == "Token t0ken"
        assert request.headers["content-encoding"] == "gzip"
    assert receiver.connections == 1


def test_one_poison_line_is_found_and_the_others_are_delivered(make: Make) -> None:
    def script(request: Request) -> Reply:
        bad = any(" value=13.0," in line for line in request.text().splitlines())
        return Reply(400, body=b'{"error":"partial write: field type conflict"}') if bad else Reply()

    with Receiver(script) as receiver:
        answer = make(receiver).deliver(batch(1, good(64)))
    assert isinstance(answer, Delivered)
    assert answer.receipt == "63 lines"
    assert len(answer.refused) == 1
    line, why = answer.refused[0]
    assert " value=13.0," in line
    assert why == '400 {"error":"partial write: field type conflict"}'
    taken = {line for r in receiver.requests if script(r).status == 204 for line in r.text().splitlines()}
    assert len(taken) == 63


def test_many_poison_lines_keep_their_progress_over_later(make: Make) -> None:
    refused, budget = 0, [12]

    def script(request: Request) -> Reply:
        budget[0] -= 1
        if budget[0] < 0:
            budget[0] = 12
            return Reply(503)
        return Reply(422) if "GD-1" in request.text() else Reply()

    with Receiver(script) as receiver:
        sink, made = make(receiver), batch(1, good(32))
        answers = []
        while not answers or isinstance(answers[-1], Later):
            answers.append(sink.deliver(made))
            assert len(answers) < 20
        final = answers[-1]
    assert isinstance(final, Delivered)
    refused = len({line for line, _ in final.refused})
    assert refused == 32
    assert len(answers) > 2


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (500, "500"),
        (503, "503"),
        (401, "token"),
        (403, "permission"),
        (404, "does not exist"),
        (302, "redirect"),
    ],
)
def test_what_may_get_better_is_later(make: Make, status: int, says: str) -> None:
    with Receiver(lambda _: Reply(status, {"Location": "http://127.0.0.1:1/"})) as receiver:
        answer = make(receiver).deliver(batch(1, good(3)))
    assert isinstance(answer, Later)
    assert says in answer.reason
    assert len(receiver.requests) == 1


def test_retry_after_is_passed_on(make: Make) -> None:
    with Receiver(lambda _: Reply(429, {"Retry-After": "17"})) as receiver:
        answer = make(receiver).deliver(batch(1, good(3)))
    assert isinstance(answer, Later)
    assert answer.retry_after_s == 17


def test_too_large_is_cut_smaller_and_remembered(make: Make) -> None:
    def script(request: Request) -> Reply:
        return Reply(413) if len(request.text().splitlines()) > 4 else Reply()

    with Receiver(script) as receiver:
        sink = make(receiver)
        assert sink.deliver(batch(1, good(16))) == Delivered("16 lines")
        receiver.requests.clear()
        assert sink.deliver(batch(2, good(16))) == Delivered("16 lines")
    assert [len(r.text().splitlines()) for r in receiver.requests] == [4, 4, 4, 4]


@pytest.mark.parametrize("reply", [Reply(hang=True), DRIPPING, Reply(cut=True)])
def test_the_deadline_is_total(make: Make, reply: Reply) -> None:
    with Receiver(lambda _: reply) as receiver:
        sink = make(receiver, timeout_s=0.4)
        began = time.monotonic()
        answer = sink.deliver(batch(1, good(3)))
        took = time.monotonic() - began
        receiver.script = lambda _: Reply()
        assert isinstance(sink.deliver(batch(2, good(3))), Delivered)
    assert isinstance(answer, Later)
    assert "no answer" in answer.reason
    assert took < ALL_OF_IT_S / 3


def test_nobody_listens(make: Make) -> None:
    with Receiver() as receiver:
        pass
    answer = make(receiver).deliver(batch(1, good(3)))
    assert isinstance(answer, Later)
    assert "t0ken" not in answer.reason


def test_events_and_figures(make: Make) -> None:
    with Receiver() as receiver:
        sink = make(receiver, measurements={"alarm": "rg_alarm"})
        event = alarm_event(7, 0, "a:high")
        assert sink.deliver(EventsBatch(1, 1, [(1, event)])) == Delivered("1 lines")
        assert sink.deliver(HealthBatch(NOW_NS, {"lag": 1.0})) == Delivered("1 lines")
    first, second = lines_of(receiver)
    assert first.startswith("rg_alarm,alarm=a:high,")
    assert second == f"gateway lag=1.0 {NOW_NS}"


def test_a_refused_line_can_be_tried_again(make: Make) -> None:
    with Receiver(lambda _: Reply(400, body=b"no")) as receiver:
        sink = make(receiver)
        assert sink.resend("m v=1 5") == Refused("400 no")
        receiver.script = lambda _: Reply()
        assert isinstance(sink.resend("m v=1 5"), Delivered)


def test_settings_say_what_is_missing(tmp_path: object) -> None:
    with pytest.raises(ValueError, match="bucket is missing"):
        Settings.model_validate({"url": "http://127.0.0.1:8086"})
    with pytest.raises(ValueError, match="database is missing"):
        Settings.model_validate({"url": "http://127.0.0.1:8086", "api": "v1"})
    with pytest.raises(ValueError, match="url"):
        Settings.model_validate({"url": "http://user:pw@127.0.0.1:8086", "bucket": "b"})
    with pytest.raises(ValueError, match="create it, mode 0600"):
        Settings.model_validate(
            {"url": "http://h:1", "bucket": "b", "token_file": "gone", "folder": str(tmp_path)}
        )


def test_the_token_is_in_no_text(tmp_path: object) -> None:
    made = Settings.model_validate({"url": "http://h:1", "bucket": "b", "token": "canary-4711"})
    assert "canary" not in repr(made)
    assert "canary" not in str(made.model_dump())
