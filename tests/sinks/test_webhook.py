"""The webhook sink on real sockets: what is sent, how it is signed, and receivers that misbehave."""

from __future__ import annotations

import base64
import json
import ssl
import time
from pathlib import Path

import httpx
import msgspec
import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from gateway.alarms.events import CommandEvent, NoteEvent
from gateway.clock import SystemClock
from gateway.sinks import Delivered, EventsBatch, Later, Refused, SinkContext
from gateway.sinks._http import Reply as Answered
from gateway.sinks._http import secrets_of
from gateway.sinks._signature import signed_headers
from gateway.sinks._ssrf import Resolve, resolve
from gateway.sinks.webhook import Settings, Sink, rfc3339
from tests.support.certificates import Authority
from tests.support.entries import alarm_event
from tests.support.receiver import Receiver, Reply

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
OTHER = "whsec_" + base64.b64encode(bytes(range(32, 64))).decode()
EVENT = alarm_event(7, 0, "acme/north/GD-1/lel:high")
ALL_OF_IT_S = 100.0
DRIPPING = Reply(headers={"X-Pad": "y" * round(ALL_OF_IT_S / 0.05)}, drip_s=0.05)
"""Every byte comes in time, all of them together far too late."""


def settings_for(url: str, **settings: object) -> Settings:
    where = httpx.URL(url)
    own = {"url": url, "secrets": [SECRET], "allow": [f"{where.host}:{where.port}"], "timeout_s": 30.0}
    return Settings.model_validate({**own, **settings})


def sink_for(url: str, resolver: Resolve = resolve, **settings: object) -> Sink:
    return Sink(settings_for(url, **settings), SinkContext("hook", "/x", SystemClock().wall_ns), resolver)


def send(sink: Sink, event: object = EVENT) -> Delivered | Later | Refused:
    return sink.deliver(EventsBatch(1, 1, [(1, event)]))  # type: ignore[list-item]


def test_a_cloud_event_that_the_standard_library_of_webhooks_accepts() -> None:
    with Receiver() as receiver:
        assert send(sink_for(f"{receiver.url}/hook?x=1")) == Delivered(f"204 {EVENT.id}")
    request = receiver.requests[0]
    verified = Webhook(SECRET).verify(request.body, request.headers)
    assert verified == json.loads(request.body)
    assert request.path == "/hook?x=1"
    assert request.headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    assert request.headers["webhook-id"] == verified["id"] == EVENT.id
    assert verified["specversion"] == "1.0"
    assert verified["source"] == f"urn:riskgate:{EVENT.id.split('-')[0]}"
    assert verified["type"] == "riskgate.alarm.raised"
    assert verified["subject"] == EVENT.alarm
    assert verified["data"]["alarm"] == EVENT.alarm
    assert verified["data"]["reason_zh"] == EVENT.reason_zh


def test_a_retry_has_the_same_id_and_body_and_both_secrets_during_rotation() -> None:
    replies = iter([Reply(503), Reply(200)])
    with Receiver(lambda _: next(replies)) as receiver:
        sink = sink_for(receiver.url, secrets=[OTHER, SECRET])
        assert isinstance(send(sink), Later)
        assert isinstance(send(sink), Delivered)
    first, second = receiver.requests
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    for secret in (SECRET, OTHER):
        Webhook(secret).verify(second.body, second.headers)


def test_every_changed_byte_and_every_old_message_is_noticed() -> None:
    body = b'{"id":"1-7-0"}'
    now = SystemClock().wall_ns() // 10**9
    headers = signed_headers([bytes(range(32))], "1-7-0", now, body)
    assert Webhook(SECRET).verify(body, headers) == {"id": "1-7-0"}
    for at in range(len(body)):
        changed = body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]
        with pytest.raises(WebhookVerificationError):
            Webhook(SECRET).verify(changed, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(body, {**headers, "webhook-id": "1-7-1"})
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(body, signed_headers([bytes(range(32))], "1-7-0", now - 360, body))


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_2xx_is_delivered(status: int) -> None:
    with Receiver(lambda _: Reply(status)) as receiver:
        assert send(sink_for(receiver.url)) == Delivered(f"{status} {EVENT.id}")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 413, 422])
def test_other_4xx_is_refused_with_what_was_said(status: int) -> None:
    with Receiver(lambda _: Reply(status, body=b"no such\nhook")) as receiver:
        assert send(sink_for(receiver.url)) == Refused(f"{status} no such hook")


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504, 301, 302, 307, 308])
def test_what_may_get_better_is_later_and_redirects_are_not_followed(status: int) -> None:
    with Receiver() as forbidden:
        reply = Reply(status, {"Retry-After": "9", "Location": forbidden.url})
        with Receiver(lambda _: reply) as receiver:
            ports = [receiver.port, forbidden.port]
            answer = send(sink_for(receiver.url, allow=["127.0.0.0/8"], ports=ports))
        assert isinstance(answer, Later)
        assert answer.retry_after_s == (None if status < 400 else 9)
        assert len(receiver.requests) == 1
        assert forbidden.requests == []


@pytest.mark.parametrize("reply", [Reply(hang=True), DRIPPING, Reply(cut=True)])
def test_the_deadline_is_total(reply: Reply) -> None:
    with Receiver(lambda _: reply) as receiver:
        began = time.monotonic()
        answer = send(sink_for(receiver.url, timeout_s=0.4))
        took = time.monotonic() - began
    assert isinstance(answer, Later)
    assert took < ALL_OF_IT_S / 3


def test_a_huge_answer_is_cut_off_and_still_an_answer() -> None:
    with Receiver(lambda _: Reply(200, body=b"x" * 50_000_000)) as receiver:
        sink = sink_for(receiver.url)
        assert isinstance(send(sink), Delivered)
        receiver.script = lambda _: Reply(400, body=b"x" * 50_000_000)
        answer = send(sink)
    assert isinstance(answer, Refused)
    assert len(answer.reason) < 400


def test_endless_headers_are_cut_off() -> None:
    with Receiver(lambda _: Reply(200, {f"X-{n}": "y" * 1000 for n in range(500)})) as receiver:
        assert isinstance(send(sink_for(receiver.url)), Later)


def test_a_resolver_that_changes_its_answer_gets_one_question_a_connection() -> None:
    asked: list[str] = []

    def rebinding(host: str, port: int, timeout_s: float) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) > 1 else ["203.0.113.9"]

    with Receiver() as receiver:
        url = f"http://hook.example.com:{receiver.port}/"
        sink = sink_for(url, rebinding, allow=["203.0.113.0/24"], ports=[receiver.port], timeout_s=1.5)
        first, second = send(sink), send(sink)
    assert isinstance(first, Later)
    assert isinstance(second, Later)
    assert "127.0.0.1" in second.reason
    assert receiver.connections == 0
    assert len(asked) == 2


def test_a_private_address_is_not_connected_to() -> None:
    with Receiver() as receiver:
        answer = send(sink_for(receiver.url, allow=[], ports=[receiver.port]))
    assert isinstance(answer, Later)
    assert "add" in answer.reason
    assert receiver.connections == 0


def test_tls_checks_the_name_and_keeps_it_in_sni_and_host(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate, key = authority.issue("localhost")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    names: list[str] = []
    tls.sni_callback = lambda _, name, __: names.append(name)
    with Receiver(tls=tls) as receiver:
        for host, ca in (("localhost", authority.ca), ("other.example", authority.ca), ("localhost", None)):
            url = f"https://{host}:{receiver.port}/"
            sink = sink_for(url, lambda *_: ["127.0.0.1"], ca_file=str(ca or ""))
            answer = send(sink)
            assert isinstance(answer, Delivered) == (host == "localhost" and ca is not None)
    assert names == ["localhost", "other.example", "localhost"]
    assert [r.headers["host"] for r in receiver.requests] == [f"localhost:{receiver.port}"]


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with Receiver() as proxy, Receiver() as receiver:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert isinstance(send(sink_for(receiver.url)), Delivered)
    assert proxy.connections == 0


@pytest.mark.parametrize(
    ("settings", "takes"),
    [
        ({}, True),
        ({"priority_max": 1}, False),
        ({"priority_max": 2}, True),
        ({"categories": ["device", "system"]}, False),
        ({"categories": ["process"]}, True),
        ({"enterprises": ["other"]}, False),
        ({"families": ["gas"]}, False),
        ({"counties": ["north"]}, False),
        ({"sectors": ["gas"]}, False),
        ({"conditions": ["low"]}, False),
        ({"conditions": ["high"]}, True),
        ({"events": ["note"]}, False),
    ],
)
def test_filters(settings: dict[str, object], takes: bool) -> None:
    assert sink_for("http://127.0.0.1:9/", **settings).takes(EVENT) is takes


def test_a_county_hears_of_its_own_and_of_the_gateway() -> None:
    north = sink_for("http://127.0.0.1:9/", counties=["north"], sectors=["gas", "lpg"])
    placed = msgspec.structs.replace(EVENT, county="north", sector="gas")
    assert north.takes(placed)
    assert not north.takes(msgspec.structs.replace(placed, sector="dust"))
    system = msgspec.structs.replace(EVENT, category="system", enterprise="")
    assert north.takes(system)


def test_only_alarms_by_default() -> None:
    command = CommandEvent(
        id="1-1-0", command="c", action="reset", accepted=True, reason_en="", reason_zh="", actor="a",
        role="r", organisation="o", source="s", at_ns=1,
    )  # fmt: skip
    note = NoteEvent(id="1-2-0", kind="started", at_ns=1, reason_en="", reason_zh="")
    plain = sink_for("http://127.0.0.1:9/")
    every = sink_for("http://127.0.0.1:9/", events=["alarm", "command", "note"])
    assert [plain.takes(command), plain.takes(note)] == [False, False]
    assert [every.takes(command), every.takes(note)] == [True, True]


def test_an_announcement_is_signed_too() -> None:
    with Receiver() as receiver:
        answer = sink_for(receiver.url).announce(1_764_000_000_000_000_000, "gateway blind: disk full")
    assert isinstance(answer, Delivered)
    request = receiver.requests[0]
    verified = Webhook(SECRET).verify(request.body, request.headers)
    assert verified["type"] == "riskgate.gateway.blind"
    assert verified["data"]["reason_en"] == "gateway blind: disk full"


def test_settings_say_what_is_wrong(tmp_path: Path) -> None:
    cases: list[tuple[dict[str, object], str]] = [
        ({"secrets": []}, "needs secret_file"),
        ({"secrets": ["whsec_" + base64.b64encode(b"short").decode()]}, "24 to 64 bytes"),
        ({"secrets": ["secret"]}, "starts with whsec_"),
        ({"secrets": ["whsec_###"]}, "base64"),
        ({"url": "ftp://host/"}, "https://host/path"),
        ({"url": "https://user:pw@host/"}, "must not carry a user"),
        ({"allow": ["everything"]}, "neither host:port nor a network"),
        ({"secret_file": "gone", "folder": str(tmp_path)}, "create it, mode 0600"),
    ]
    for change, says in cases:
        with pytest.raises(ValueError, match=says) as raised:
            Settings.model_validate({"url": "https://hook.example.com/", "secrets": [SECRET], **change})
        assert "whsec_c2" not in str(raised.value)


def test_secrets_from_a_file_are_in_no_text(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(f"# rotated in May\n{SECRET}\n\n{OTHER}\n")
    made = settings_for(
        "https://hook.example.com/", secrets=[], allow=[], secret_file="keys", folder=str(tmp_path)
    )
    assert [secret.get_secret_value() for secret in made.secrets] == [SECRET, OTHER]
    assert SECRET not in repr(made) + str(made.model_dump())


def test_time_is_written_as_rfc3339() -> None:
    assert rfc3339(1_764_035_198_123_456_789) == "2025-11-25T01:46:38.123456789Z"


def test_a_server_that_repeats_the_request_is_quoted_without_its_secrets() -> None:
    url = "https://chat.example/bot/T0KEN-0123456789/send?key=v%65ry-secret-key&to=me"
    hidden = secrets_of(url, "Bearer abcdefgh12345678")
    body = b"no /bot/T0KEN-0123456789/send?key=v%65ry-secret-key: very-secret-key, abcdefgh12345678, me"
    said = Answered(401, httpx.Headers(), body).excerpt(hidden)
    assert said == "no /bot/[redacted]/send?key=[redacted]: [redacted], [redacted], me"
