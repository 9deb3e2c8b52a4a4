"""The operators' page, in its own process: reads the ledger, asks the core; writes accounts and sessions.

Beyond loopback only by TLS: with certificates of its own, or behind a proxy whose address it is told.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import structlog
import uvicorn

from gateway.access import AccessStore
from gateway.clock import Clock, new_id, new_secret
from gateway.config_console import Oidc
from gateway.console.app import make_app
from gateway.console.city import City
from gateway.console.feed import Feed
from gateway.console.identity import Identity
from gateway.console.runs import Runs
from gateway.errors import ConfigError, JournalError
from gateway.fleet_upload import FleetFiles
from gateway.log import configure
from gateway.paths import DataFolder
from gateway.private_files import replace

STOP_S = 2
"""Open connections get this long at a stop; streams end at once."""
AGAIN_S = 5.0
"""While nothing is recorded yet, the city is looked for again after this."""
HOUR_NS = 3600 * 1_000_000_000


class ConsoleConfig(Protocol):
    """The ``[console]`` table."""

    @property
    def host(self) -> str: ...  # noqa: D102
    @property
    def port(self) -> int: ...  # noqa: D102
    @property
    def public_url(self) -> str: ...  # noqa: D102
    @property
    def trusted_proxies(self) -> list[str]: ...  # noqa: D102
    @property
    def cert_file(self) -> str: ...  # noqa: D102
    @property
    def key_file(self) -> str: ...  # noqa: D102
    @property
    def session_idle_hours(self) -> float: ...  # noqa: D102
    @property
    def session_hours(self) -> float: ...  # noqa: D102


class Config(Protocol):
    """What the console needs of the configuration."""

    @property
    def console(self) -> ConsoleConfig: ...  # noqa: D102
    @property
    def oidc(self) -> Oidc: ...  # noqa: D102
    @property
    def fleet(self) -> Path: ...  # noqa: D102
    @property
    def profiles(self) -> list[Path]: ...  # noqa: D102


def run(config: Config, data: DataFolder, clock: Clock, options: Sequence[str] = ()) -> int:
    """Serve until SIGTERM or SIGINT; 0 after a clean stop. ConfigError when the address cannot be used.
    options: those before the command, for riskgate processes that testers start."""
    configure("console", clock.mono_ns)
    with bind(config.console) as listening:
        return asyncio.run(_serve(listening, config, clock, data, Runs(data, clock, options)))


def access_store(config: ConsoleConfig, data: DataFolder) -> AccessStore:
    """console.db with the configuration's session times."""
    return AccessStore(
        data.console,
        new_secret,
        idle_ns=round(config.session_idle_hours * HOUR_NS),
        longest_ns=round(config.session_hours * HOUR_NS),
    )


def bind(config: ConsoleConfig) -> socket.socket:
    """A listening socket; ConfigError for a place beyond loopback without TLS, or one that is taken."""
    host, port = config.host, config.port
    if not is_loopback(host) and not (config.cert_file and config.key_file):
        secure = config.public_url.startswith("https://")
        if not secure:
            problem = (
                f"[console] host = {host!r} is not loopback, and passwords would cross the network in the "
                'clear: set cert_file and key_file, or public_url = "https://..." if a proxy with TLS '
                'stands in front, or use "127.0.0.1" and reach it through an SSH tunnel.'
            )
            raise ConfigError([problem])
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(128)
    except OSError as error:
        listening.close()
        raise ConfigError(
            [f"[console] {host}:{port} cannot be used: {error.strerror}. Set another [console] port."]
        ) from error
    return listening


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach it. A name is not resolved: it could change."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def origins(config: ConsoleConfig, port: int) -> list[str]:
    """What browsers may call this console: public_url, or the names of this machine."""
    if config.public_url:
        return [config.public_url.rstrip("/")]
    scheme, usual = ("https", 443) if config.cert_file else ("http", 80)
    names = ["127.0.0.1", "localhost", "[::1]"]
    if not is_loopback(config.host):
        names.append(f"[{config.host}]" if ":" in config.host else config.host)
    found = [f"{scheme}://{name}:{port}" for name in names]
    return found + ([f"{scheme}://{name}" for name in names] if port == usual else [])


async def _serve(listening: socket.socket, whole: Config, clock: Clock, data: DataFolder, runs: Runs) -> int:
    config = whole.console
    stopping = asyncio.Event()
    feed = Feed(data, clock, stopping)
    port = listening.getsockname()[1]
    names = origins(config, port)
    store = access_store(config, data)
    files = FleetFiles(whole.fleet, whole.profiles)
    city, identity = City(data, clock), Identity(store, clock)
    app = make_app(feed, data.core_socket, names, new_id(), identity, runs, whole.oidc, files, city)
    tls: dict[str, Any] = {}
    if config.cert_file:
        tls = {"ssl_certfile": config.cert_file, "ssl_keyfile": config.key_file}
    server = _Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            timeout_graceful_shutdown=STOP_S,
            ws="none",
            proxy_headers=bool(config.public_url),
            forwarded_allow_ips=_peers(config.trusted_proxies),
            **tls,
        )
    )

    def stop() -> None:
        stopping.set()
        server.should_exit = True

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    log = structlog.get_logger("console")
    log.info("console started", address=f"{names[0]}/")
    if _tell_first(store.first(clock.wall_ns()), names[0], data):
        log.warning(
            "nobody has an account yet: open the link in this file within 24 hours, once, to become the "
            "administrator",
            file=str(data.first_login),
        )
    following = asyncio.create_task(feed.follow())
    following.add_done_callback(lambda _: stop())
    reading = asyncio.create_task(_read_city(city, clock, stopping))
    try:
        await server.serve(sockets=[listening])
    finally:
        stop()
        runs.close()
        await asyncio.wait([reading])
        await following
    return 0


async def _read_city(city: City, clock: Clock, stopping: asyncio.Event) -> None:
    """The first page about a large city would wait seconds for it: read it before anybody asks."""
    log = structlog.get_logger("console")
    while not stopping.is_set():
        began = clock.mono_ns()
        try:
            view = await asyncio.to_thread(city.now)
        except JournalError:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), AGAIN_S)
            continue
        log.info("city read", devices=len(view.devices), took_s=round((clock.mono_ns() - began) / 1e9, 2))
        return


def _peers(proxies: Sequence[str]) -> list[str]:
    """The proxies as peers of a socket: one that takes both families names 10.1.2.3 as ::ffff:10.1.2.3. Given
    also when empty, else uvicorn asks its own environment variable whom to trust."""
    four = [net for net in map(ipaddress.ip_network, proxies) if net.version == 4]
    return [*proxies, *(f"::ffff:{net.network_address}/{96 + net.prefixlen}" for net in four)]


def _tell_first(secret: str | None, address: str, data: DataFolder) -> bool:
    """The link to the first account goes into a private file, and to a terminal if there is one: never into
    a log. Whether there is one."""
    if secret is None:
        data.first_login.unlink(missing_ok=True)
        return False
    link = f"{address}/welcome/{secret}"
    replace(data.first_login, link + "\n")
    if sys.stdout.isatty():
        print(f"first account, once, within 24 hours: {link}", flush=True)
    return True


class _Server(uvicorn.Server):
    """Signals are ours: uvicorn would raise them again after its stop, and a clean stop must exit with 0."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield
