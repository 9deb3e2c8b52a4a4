"""Behind a proxy: who the client is says the proxy that the configuration names, and nobody else."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from pydantic import ValidationError

from gateway.access import Refused
from gateway.config_console import Console
from tests.console.stand import Stand, gas_alarm

OUTSIDE = "https://gas.example"
AIM = {"alarm": "acme/tankfarm/GD-1/lel:HH", "occurrence": 1}


@contextmanager
def behind(folder: Path, trusted: list[str], host: str = "127.0.0.1") -> Iterator[Stand]:
    """A console whose proxy stands on this machine, as its peer."""
    settings = {"CONSOLE__PUBLIC_URL": OUTSIDE, "CONSOLE__TRUSTED_PROXIES": json.dumps(trusted)}
    settings |= {"CONSOLE__HOST": host}
    with Stand(folder, settings=settings) as made:
        made.apply((gas_alarm("GD-1"), True, 60.0))
        yield made


@contextmanager
def forwarded(stand: Stand, who: str, cookies: dict[str, str] | None = None) -> Iterator[httpx.Client]:
    """What the proxy sends on for a client."""
    headers = {"Host": "gas.example", "Origin": OUTSIDE, "X-Forwarded-For": who, "X-Forwarded-Proto": "https"}
    with httpx.Client(base_url=stand.url, headers=headers, cookies=cookies, trust_env=False) as client:
        page = client.get("/" if cookies else "/login").text
        client.headers["X-CSRF-Token"] = page.partition('csrf-token" content="')[2].partition('"')[0]
        yield client


def attacked(stand: Stand, address: str) -> None:
    """Wrong passwords from an address, each after it had waited: now it has to wait for minutes."""
    for ago in range(12, 0, -1):
        with pytest.raises(Refused):
            stand.access.login("li", "not this one", address, time.time_ns() - ago * 1_000 * 10**9)
    with pytest.raises(Refused):
        stand.access.login("li", "not this one", address, time.time_ns())


def guess(stand: Stand, who: str) -> int:
    """The status of one more wrong password."""
    with forwarded(stand, who) as client:
        return client.post("/login", json={"account": "li", "password": "not this one"}).status_code


def source(stand: Stand, who: str) -> str:
    """What the ledger would keep of who acknowledged, and from where."""
    with forwarded(stand, who, stand.cookie()) as client:
        client.post("/alarms/acknowledge", json=AIM)
    said: str = stand.asked[-1]["source"]
    return said


def test_a_stranger_behind_the_named_proxy_makes_only_himself_wait(tmp_path: Path) -> None:
    with behind(tmp_path, ["127.0.0.1"]) as stand:
        attacked(stand, "203.0.113.7")
        assert guess(stand, "203.0.113.7") == 429
        assert guess(stand, "203.0.113.8") == 401
        assert guess(stand, "203.0.113.8, 203.0.113.7") == 429, "what he writes there himself counts not"
        assert source(stand, "203.0.113.7") == "console 203.0.113.7"
        assert source(stand, "2001:DB8::1") == "console 2001:db8::1"
        assert source(stand, "::ffff:203.0.113.7") == "console 203.0.113.7"
        assert source(stand, "<script>") == "console ?"


def test_proxies_in_a_row_are_passed_over_and_both_families_are_listened_to(tmp_path: Path) -> None:
    with behind(tmp_path, ["127.0.0.0/8", "10.1.2.0/29"], host="::") as stand:
        assert source(stand, "198.51.100.1, 203.0.113.7, 10.1.2.3") == "console 203.0.113.7"


@pytest.mark.parametrize("trusted", [[], ["10.1.2.3"]])
def test_nobody_else_is_believed(tmp_path: Path, trusted: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")  # the web server's own setting decides nothing
    with behind(tmp_path, trusted) as stand:
        attacked(stand, "127.0.0.1")
        assert source(stand, "203.0.113.7") == "console 127.0.0.1"
        assert guess(stand, "203.0.113.7") == 429


def test_without_a_proxy_the_header_is_not_read(tmp_path: Path) -> None:
    with Stand(tmp_path) as stand:
        stand.apply((gas_alarm("GD-1"), True, 60.0))
        with httpx.Client(base_url=stand.url, cookies=stand.cookie(), trust_env=False) as client:
            headers = {"Origin": stand.url, "X-CSRF-Token": stand.token(client)}
            client.post("/alarms/acknowledge", json=AIM, headers=headers | {"X-Forwarded-For": "203.0.113.7"})
        assert stand.asked[-1]["source"] == "console 127.0.0.1"


@pytest.mark.parametrize("wrong", ["*", "proxy.example", "10.1.2.3/29", "0.0.0.0/0", "::/0", ""])
def test_a_proxy_is_an_address_and_never_everybody(wrong: str) -> None:
    with pytest.raises(ValidationError, match="trusted_proxies"):
        Console(trusted_proxies=[wrong])
