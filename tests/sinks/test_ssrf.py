"""Where a webhook may go: a table of hosts that must not be reached, by literal and by name."""

from __future__ import annotations

import pytest

from gateway.sinks._ssrf import BlockedError, Guard, is_public, plain, resolve

PRIVATE = [
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f.1",
    "0x7f000001",
    "0177.0.0.1",
    "017700000001",
    "0",
    "0.0.0.0",
    "10.0.0.1",
    "10.255.255.255",
    "172.16.0.1",
    "172.31.255.254",
    "192.168.0.1",
    "169.254.169.254",
    "169.254.0.1",
    "100.64.0.1",
    "100.127.255.254",
    "192.0.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.7",
    "192.88.99.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "localhost",
    "::1",
    "::",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:7f00:1",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::7f00:1",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "2001::7f00:1",
    "2001:0:53aa:64c:0:0:80ff:fffe",
    "2001:db8::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "100::1",
]
PUBLIC = ["8.8.8.8", "1.1.1.1", "93.184.215.14", "100.63.255.255", "100.128.0.1", "2606:4700:4700::1111"]


def test_the_table_is_long_enough() -> None:
    assert len(set(PRIVATE)) >= 40


@pytest.mark.parametrize("host", PRIVATE)
def test_not_reached(host: str) -> None:
    with pytest.raises((BlockedError, OSError)) as raised:
        Guard([], [443]).addresses(host, 443, secure=True, timeout_s=5.0)
    if isinstance(raised.value, OSError):
        pytest.fail(f"{host} was only refused by the resolver: {raised.value}")


@pytest.mark.parametrize("host", PUBLIC)
def test_reached(host: str) -> None:
    assert Guard([], [443]).addresses(host, 443, secure=True, timeout_s=5.0) == [host]


@pytest.mark.parametrize("bad", ["10.0.0.1", "::1", "64:ff9b::a9fe:a9fe"])
def test_one_bad_address_of_many_blocks_the_host(bad: str) -> None:
    guard = Guard([], [443], lambda *_: ["8.8.8.8", bad, "1.1.1.1"])
    with pytest.raises(BlockedError, match="not a public address"):
        guard.addresses("hooks.example.com", 443, secure=True, timeout_s=1.0)


def test_a_port_must_be_listed() -> None:
    with pytest.raises(BlockedError, match="port 22 is not allowed"):
        Guard([], [443]).addresses("8.8.8.8", 22, secure=True, timeout_s=1.0)


def test_http_only_where_allowed() -> None:
    with pytest.raises(BlockedError, match="use https"):
        Guard([], [80]).addresses("8.8.8.8", 80, secure=False, timeout_s=1.0)
    for allow in (["hook.plant:80"], ["10.1.0.0/16"]):
        guard = Guard(allow, [80], lambda *_: ["10.1.2.3"])
        assert guard.addresses("hook.plant", 80, secure=False, timeout_s=1.0) == ["10.1.2.3"]


def test_an_allowed_network_is_not_all_networks() -> None:
    guard = Guard(["10.1.0.0/16"], [443], lambda *_: ["10.2.0.1"])
    with pytest.raises(BlockedError):
        guard.addresses("hook.plant", 443, secure=True, timeout_s=1.0)


def test_an_allowed_name_is_this_name_and_port_only() -> None:
    guard = Guard(["hook.plant:8443"], [443], lambda *_: ["10.2.0.1"])
    assert guard.addresses("HOOK.plant.", 8443, secure=True, timeout_s=1.0) == ["10.2.0.1"]
    for host, port in (("hook.plant", 443), ("other.plant", 443), ("other.plant", 8443)):
        with pytest.raises(BlockedError):
            guard.addresses(host, port, secure=True, timeout_s=1.0)


@pytest.mark.parametrize(
    "address",
    ["169.254.169.254", "fe80::1", "0.0.0.0", "224.0.0.1", "64:ff9b::a9fe:a9fe", "::ffff:169.254.169.254"],
)
def test_an_allowed_name_never_leads_to_cloud_metadata(address: str) -> None:
    guard = Guard(["hook.plant:443"], [443], lambda *_: [address])
    with pytest.raises(BlockedError):
        guard.addresses("hook.plant", 443, secure=True, timeout_s=1.0)


@pytest.mark.parametrize("item", ["", "nothing", "host:", "host:0", "host:70000", ":80", "10.0.0.0/33"])
def test_allow_entries_are_checked(item: str) -> None:
    with pytest.raises(ValueError, match="neither host:port nor a network"):
        Guard([item], [443])


def test_every_address_of_another_form_is_unwrapped() -> None:
    assert str(plain("::ffff:10.0.0.1")) == "10.0.0.1"
    assert str(plain("fe80::1%eth0")) == "fe80::1"
    assert is_public(plain("::ffff:8.8.8.8"))


def test_the_resolver_has_a_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    released = threading.Event()
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: released.wait(5) and [])
    with pytest.raises(TimeoutError, match="no address"):
        resolve("slow.example.com", 443, 0.05)
    released.set()
