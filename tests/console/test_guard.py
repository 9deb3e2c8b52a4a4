"""Who may ask what: host, origin, token, size; the event stream; the stop; the words."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

import gateway.console.words
from gateway.config_console import Console
from gateway.console import bind, is_loopback, origins
from gateway.console.texts import LANGUAGES, TEXTS, choose
from gateway.errors import ConfigError
from tests.console.stand import Stand, gas_alarm
from tests.support.wait import LEAST_S, PATIENCE, until

ALARM = "acme/tankfarm/GD-1/lel:HH"
AIM = {"alarm": ALARM, "occurrence": 1}


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    with Stand(tmp_path_factory.mktemp("console")) as made:
        made.apply((gas_alarm("GD-1"), True, 60.0))
        yield made


@pytest.fixture
def client(stand: Stand) -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, cookies=stand.cookie()) as made:
        yield made


def headers(stand: Stand, client: httpx.Client, **change: str | None) -> dict[str, str]:
    """Those of the page's own request, some changed; None leaves one out."""
    found: dict[str, str | None] = {
        "Origin": stand.url, "X-CSRF-Token": stand.token(client), "Content-Type": "application/json",
    }  # fmt: skip
    found |= {name.replace("_", "-"): value for name, value in change.items()}
    return {name: value for name, value in found.items() if value is not None}


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"Origin": None}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "https://127.0.0.1"}, 403),
        ({"X_CSRF_Token": None}, 403),
        ({"X_CSRF_Token": "0" * 32}, 403),
        ({"X_CSRF_Token": "\u00e9"}, 403),
        ({"Content_Type": "text/plain"}, 415),
        ({"Content_Type": "application/x-www-form-urlencoded"}, 415),
        ({"Host": "evil.example"}, 421),
        ({"Host": "127.0.0.1"}, 421),
    ],
)
def test_a_foreign_command_is_refused(
    stand: Stand, client: httpx.Client, change: dict[str, str | None], status: int
) -> None:
    asked = len(stand.asked)
    sent = {k: v.encode("latin-1") for k, v in headers(stand, client, **change).items()}
    answer = client.post(f"{stand.url}/alarms/acknowledge", content=json.dumps(AIM), headers=sent)
    assert answer.status_code == status
    assert answer.json()["accepted"] is False
    assert len(stand.asked) == asked, "nothing reached the core"


def test_every_route_checks_the_host_and_carries_the_headers(stand: Stand, client: httpx.Client) -> None:
    for path in ("/", "/alarms", "/alarms/stream", "/static/alarms.js", "/nothing"):
        refused = client.get(stand.url + path, headers={"Host": f"rebound.example:{stand.port}"})
        assert refused.status_code == 421
    for path in ("/", "/alarms", "/static/alarms.js", "/nothing"):
        answer = client.get(stand.url + path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "server" not in answer.headers
    assert client.get(stand.url + "/static/..%2fapp.py").status_code == 404
    assert client.get(stand.url + "/openapi.json").status_code == 404
    assert client.get(stand.url + "/docs").status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {}, {"alarm": ALARM}, {"alarm": ALARM, "occurrence": 0}, {"alarm": ALARM, "occurrence": True},
        {"alarm": ALARM, "occurrence": "1"}, {"alarm": "", "occurrence": 1},
        {**AIM, "comment": "x" * 2001}, {**AIM, "role": "admin"}, [],
    ],
)  # fmt: skip
def test_a_command_that_is_none_is_refused(stand: Stand, client: httpx.Client, body: Any) -> None:
    asked = len(stand.asked)
    answer = client.post(f"{stand.url}/alarms/acknowledge", json=body, headers=headers(stand, client))
    assert answer.status_code == 422
    assert len(stand.asked) == asked


def test_a_large_body_is_refused_before_it_is_read(stand: Stand, client: httpx.Client) -> None:
    answer = client.post(f"{stand.url}/alarms/reset", content=b" " * 20_000, headers=headers(stand, client))
    assert answer.status_code == 413


def test_the_core_is_told_who_asks_and_its_refusal_comes_back(stand: Stand, client: httpx.Client) -> None:
    body = {"alarm": "acme/tankfarm/GD-404/lel:HH", "occurrence": 1, "comment": "bell"}
    answer = client.post(f"{stand.url}/alarms/acknowledge", json=body, headers=headers(stand, client))
    assert answer.status_code == 409
    assert "no occurrence 1" in answer.json()["reason_en"]
    assert answer.json()["reason_zh"]
    asked = stand.asked[-1]
    assert (asked["role"], asked["actor"], asked["source"]) == ("operator", "li", "console 127.0.0.1")
    assert asked["args"] == body


def events(response: httpx.Response, count: int) -> list[tuple[str, str, Any]]:
    """(id, name, data) of the next events that are no status."""
    found: list[tuple[str, str, Any]] = []
    fields: dict[str, str] = {}
    for line in response.iter_lines():
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
            continue
        if fields.get("event") not in {None, "status"}:
            found.append((fields.get("id", ""), fields["event"], json.loads(fields["data"])))
        fields = {}
        if len(found) == count:
            break
    return found


def test_a_page_that_was_away_gets_what_it_missed(stand: Stand, client: httpx.Client) -> None:
    before = client.get(stand.url + "/alarms").json()["seq"]
    stand.apply((gas_alarm("GD-50"), True, 60.0), (gas_alarm("GD-51"), True, 61.0))
    stand.apply((gas_alarm("GD-50"), False, 1.0))
    for way in ({"params": {"after": before}}, {"headers": {"Last-Event-ID": str(before)}}):
        with client.stream("GET", stand.url + "/alarms/stream", **way) as response:  # type: ignore[arg-type]
            assert response.headers["content-type"].startswith("text/event-stream")
            got = events(response, 3)
        assert [(int(i), d["device"], d["state"]) for i, _, d in got] == [
            (before + 1, "GD-50", "unacknowledged"),
            (before + 2, "GD-51", "unacknowledged"),
            (before + 3, "GD-50", "returned_unacknowledged"),
        ]
    with client.stream("GET", stand.url + "/alarms/stream", params={"after": 10**9}) as response:
        assert events(response, 1)[0][1] == "reload"


def test_the_table_comes_part_by_part_and_leaves_nothing_out(stand: Stand, client: httpx.Client) -> None:
    stand.apply(*[(gas_alarm(f"GT-{n}", priority=1 + n % 4), True, 60.0) for n in range(30)])
    post = headers(stand, client)
    aims = [{"alarm": f"acme/tankfarm/GT-{n}/lel:HH", "occurrence": 1} for n in range(7)]
    said = client.post(f"{stand.url}/alarms/acknowledge_many", json={"alarms": aims}, headers=post)
    assert said.json()["accepted"] is True, said.text
    shelf = {"alarm": "acme/tankfarm/GT-9/lel:HH", "occurrence": 1, "reason": "x", "for_s": 600}
    said = client.post(f"{stand.url}/alarms/shelve", json=shelf, headers=post)
    assert "second person" in said.json()["reason_en"], "HH is safety"
    whole = client.get(stand.url + "/alarms").json()
    parts: list[dict[str, Any]] = []
    after = ""
    while True:
        part = client.get(stand.url + "/alarms", params={"limit": 4, "after": after}).json()
        parts += part["rows"]
        if part["next"] is None:
            break
        after = ",".join(str(one) for one in part["next"])
    assert [one["seq"] for one in parts] == [one["seq"] for one in whole["rows"]]
    assert len(parts) == whole["total"]
    order = [(not one["unanswered"], one["priority"], -one["seq"]) for one in parts]
    assert order == sorted(order)
    for wrong in ("1", "1,2", "1,2,x", "1,2,-3", "1,2,3,4", "1,2,\u0661"):
        assert client.get(stand.url + "/alarms", params={"after": wrong}).status_code == 400


def test_a_comment_needs_no_acknowledgement_and_several_are_answered_at_once(
    stand: Stand, client: httpx.Client
) -> None:
    stand.apply((gas_alarm("GC-1"), True, 60.0), (gas_alarm("GC-2"), True, 60.0))
    post = headers(stand, client)
    remark = {"alarm": "acme/tankfarm/GC-1/lel:HH", "occurrence": 1, "comment": "=cmd|' /C calc'!A0"}
    assert client.post(f"{stand.url}/alarms/comment", json=remark, headers=post).json()["accepted"] is True
    assert (stand.asked[-1]["action"], stand.asked[-1]["args"]) == ("comment", remark)
    aims = [{"alarm": f"acme/tankfarm/GC-{n}/lel:HH", "occurrence": n} for n in (1, 2)]
    said = client.post(f"{stand.url}/alarms/acknowledge_many", json={"alarms": aims}, headers=post).json()
    assert said["accepted"] is True
    assert "1 of 2 acknowledged" in said["reason_en"]
    for wrong in ([], [{"alarm": "x"}], aims * 101):
        body = {"alarms": wrong}
        assert client.post(f"{stand.url}/alarms/acknowledge_many", json=body, headers=post).status_code in (
            413,
            422,
        )


def test_streams_end_with_the_console_and_it_exits_clean(tmp_path: Path) -> None:
    with Stand(tmp_path / "data") as stand:
        ended: list[float] = []

        def follow() -> None:
            with httpx.Client(trust_env=False, cookies=stand.cookie()) as mine:
                with mine.stream("GET", stand.url + "/alarms/stream") as response:
                    opened.append(True)
                    for _ in response.iter_bytes():
                        continue
                ended.append(time.monotonic())

        opened: list[bool] = []
        threads = [threading.Thread(target=follow, daemon=True) for _ in range(20)]
        for thread in threads:
            thread.start()
        until(lambda: len(opened) == 20, 10, "20 streams are open")
        begin = time.monotonic()
        assert stand.stop_console() == 0, stand.log()
        assert time.monotonic() - begin < 5 * PATIENCE
        for thread in threads:
            thread.join(LEAST_S)
        assert len(ended) == 20


def place(**changed: Any) -> Console:
    return Console(**{"port": 0, **changed})


def test_beyond_loopback_the_console_listens_by_tls_only() -> None:
    for host in ("0.0.0.0", "::", "192.0.2.1", "gateway.example", ""):
        assert not is_loopback(host)
    with pytest.raises(ConfigError, match="in the clear"):
        bind(place(host="0.0.0.0"))
    with bind(place(host="0.0.0.0", public_url="https://gas.example/")) as proxied:
        assert isinstance(proxied, socket.socket)
    assert origins(place(host="0.0.0.0", public_url="https://gas.example/"), 9281) == ["https://gas.example"]
    with bind(place()) as taken, pytest.raises(ConfigError, match=r"Set another \[console\] port"):
        bind(place(port=taken.getsockname()[1]))


def test_a_configuration_names_a_proxy_by_https_only() -> None:
    for wrong in ("http://gas.example", "https://gas.example/under", "gas.example"):
        with pytest.raises(ValidationError):
            place(public_url=wrong)


def names_in(sentence: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", sentence))


def own_words() -> Iterator[tuple[str, str, tuple[str, str]]]:
    """(module, key, words) of everything in gateway/console/words."""
    for _, name, _ in pkgutil.iter_modules(gateway.console.words.__path__):
        module = importlib.import_module(f"gateway.console.words.{name}")
        for words in (held for held in vars(module).values() if isinstance(held, dict)):
            for key, said in words.items():
                if isinstance(key, str) and isinstance(said, tuple):
                    yield name, key, said


def test_every_page_says_all_of_its_own_in_both_languages() -> None:
    assert {name for name, _, _ in own_words()} >= {"alarms", "trend", "overview", "lookback"}
    for name, key, (english, chinese) in own_words():
        assert english.strip(), (name, key)
        assert chinese.strip(), (name, key)
        assert names_in(english) == names_in(chinese), (name, key)
        assert key not in TEXTS["en"], f"{name}: {key} would replace a word that all pages share"


def test_both_languages_say_everything() -> None:
    assert set(TEXTS) == set(LANGUAGES)
    assert set(TEXTS["en"]) == set(TEXTS["zh"])
    for key, english in TEXTS["en"].items():
        assert english.strip()
        assert names_in(english) == names_in(TEXTS["zh"][key]), key


@pytest.mark.parametrize(
    ("wanted", "accepts", "chosen"),
    [
        ("zh", "en", "zh"), ("", "zh-CN,zh;q=0.9,en;q=0.8", "zh"), ("", "en-GB,zh;q=0.5", "en"),
        ("fr", "fr", "en"),        ("", "", "en"), ("<script>", "zh;q=x", "en"), ("", "de, zh;q=0.3", "zh"),
    ],
)  # fmt: skip
def test_the_language_is_asked_for_or_the_browsers(wanted: str, accepts: str, chosen: str) -> None:
    assert choose(wanted, accepts) == chosen
