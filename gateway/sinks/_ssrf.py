"""Where a webhook may connect to: nothing that is not on the public internet, unless the operator allows it.

A name is resolved once for a connection, every address it has is checked, and the connection goes to a
checked address, so a resolver that answers differently a moment later changes nothing. ``is_private`` and
``is_global`` of the standard library are not enough: they pass 100.64/10, multicast and 64:ff9b::7f00:1
(NAT64 of 127.0.0.1), so embedded addresses are unwrapped or refused.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Callable, Sequence

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolve = Callable[[str, int, float], list[str]]
"""(host, port, timeout_s) -> textual addresses; OSError when there are none or it takes too long."""

TRANSLATED = tuple(
    ipaddress.ip_network(text)
    for text in (
        "64:ff9b::/96",  # NAT64, RFC 6052
        "64:ff9b:1::/48",  # local NAT64, RFC 8215
        "2002::/16",  # 6to4, RFC 3056
        "2001::/32",  # Teredo, RFC 4380
        "::/96",  # IPv4-compatible, RFC 4291 2.5.5.1
        "100.64.0.0/10",  # shared address space, RFC 6598
        "192.88.99.0/24",  # 6to4 relay, RFC 7526
    )
)


class BlockedError(Exception):
    """The connection is not allowed; the message says which address and what to do."""


def resolve(host: str, port: int, timeout_s: float) -> list[str]:
    """The system resolver with a time limit (getaddrinfo has none of its own)."""
    found: list[str] = []
    failed: list[OSError] = []

    def ask() -> None:
        try:
            rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found.extend(dict.fromkeys(str(row[4][0]) for row in rows))
        except (OSError, UnicodeError) as error:
            failed.append(error if isinstance(error, OSError) else OSError(f"{host!r} is not a host name"))

    thread = threading.Thread(target=ask, name="resolve", daemon=True)
    thread.start()
    thread.join(timeout_s)
    if failed:
        raise failed[0]
    if not found:
        raise TimeoutError(f"no address for {host} within {timeout_s:.1f} s")
    return list(found)


def plain(text: str) -> Address:
    """The address without its scope, IPv4-mapped ones unwrapped."""
    address = ipaddress.ip_address(text.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped if mapped is not None else address


def is_public(address: Address) -> bool:
    """Whether an address is an ordinary host on the public internet."""
    if any(address in network for network in TRANSLATED if network.version == address.version):
        return False
    return address.is_global and not (
        address.is_multicast or address.is_reserved or address.is_unspecified or address.is_loopback
        or address.is_link_local or address.is_private or getattr(address, "is_site_local", False)
    )  # fmt: skip


def is_host(address: Address) -> bool:
    """Whether an address is one host that an intranet name may have: never link-local (cloud metadata),
    multicast, unspecified, reserved, nor an IPv6 form that hides an IPv4 address."""
    if address.version == 6 and any(address in network for network in TRANSLATED if network.version == 6):
        return address == ipaddress.IPv6Address("::1")
    return not (
        address.is_multicast or address.is_unspecified or address.is_link_local
        or (address.is_reserved and not address.is_loopback)
    )  # fmt: skip


class Guard:
    """The rules of one endpoint.

    allow: "host:port" (that name and port; link-local and multicast stay refused), or a network such as
    "10.20.0.0/16" or one address. ports: the ports for everything not allowed as host:port.
    """

    def __init__(self, allow: Sequence[str], ports: Sequence[int], resolver: Resolve = resolve) -> None:
        self.names: set[tuple[str, int]] = set()
        self.networks: list[Network] = []
        self.ports = frozenset(ports)
        self._resolve = resolver
        for item in allow:
            self._add(item)

    def _add(self, item: str) -> None:
        try:
            self.networks.append(ipaddress.ip_network(item, strict=False))
            return
        except ValueError:
            host, _, port = item.rpartition(":")
        if not host or not port.isdigit() or not 0 < int(port) < 65536:
            raise ValueError(f"allow: {item!r} is neither host:port nor a network such as 10.20.0.0/16")
        self.names.add((host.strip("[]").lower().rstrip("."), int(port)))

    def named(self, host: str, port: int) -> bool:
        """Whether this host and port are allowed by name."""
        return (host.strip("[]").lower().rstrip("."), port) in self.names

    def addresses(self, host: str, port: int, secure: bool, timeout_s: float) -> list[str]:
        """The addresses to connect to, resolved now, all checked; BlockedError or OSError."""
        named = self.named(host, port)
        if not named and port not in self.ports:
            raise BlockedError(f'port {port} is not allowed: add it to ports, or "{host}:{port}" to allow')
        found = self._resolve(host, port, timeout_s)
        if not found:
            raise OSError(f"{host} has no address")
        for text in found:
            self._check(host, port, plain(text), named, secure)
        return found

    def _check(self, host: str, port: int, address: Address, named: bool, secure: bool) -> None:
        listed = any(address in network for network in self.networks if network.version == address.version)
        if not (listed or (named and is_host(address)) or is_public(address)):
            raise BlockedError(
                f"{host} is at {address}, which is not a public address: if it is yours, add"
                f' "{host}:{port}" or its network to allow'
            )
        if not secure and not (named or listed):
            raise BlockedError(f'http to {host} is not allowed: use https, or add "{host}:{port}" to allow')
