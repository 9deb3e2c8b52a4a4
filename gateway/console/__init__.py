"""The operators' page, in its own process: reads the ledger, asks the core; writes nothing.

Loopback only, until accounts exist: any other address is refused at start.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import signal
import socket
from collections.abc import Iterator
from typing import Protocol

import structlog
import uvicorn

from gateway.clock import Clock, new_id
from gateway.console.app import make_app
from gateway.console.feed import Feed
from gateway.errors import ConfigError
from gateway.log import configure
from gateway.paths import DataFolder

STOP_S = 2
"""Open connections get this long at a stop; streams end at once."""


class ConsoleConfig(Protocol):
    """The ``[console]`` table."""

    @property
    def host(self) -> str: ...  # noqa: D102
    @property
    def port(self) -> int: ...  # noqa: D102


class Config(Protocol):
    """What the console needs of the configuration."""

    @property
    def console(self) -> ConsoleConfig: ...  # noqa: D102


def run(config: Config, data: DataFolder, clock: Clock) -> int:
    """Serve until SIGTERM or SIGINT; 0 after a clean stop. ConfigError when the address cannot be used."""
    configure("console", clock.mono_ns)
    with bind(config.console.host, config.console.port) as listening:
        return asyncio.run(_serve(listening, data, clock))


def bind(host: str, port: int) -> socket.socket:
    """A listening socket on loopback; ConfigError for any other place, or one that is taken."""
    if not is_loopback(host):
        problem = (
            f"[console] host = {host!r} is not loopback: the console has no accounts yet and would let "
            'anyone acknowledge alarms. Use "127.0.0.1" and reach it through an SSH tunnel.'
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


async def _serve(listening: socket.socket, data: DataFolder, clock: Clock) -> int:
    stopping = asyncio.Event()
    feed = Feed(data, clock, stopping)
    host, port = listening.getsockname()[:2]
    app = make_app(feed, data.core_socket, port, new_id())
    server = _Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            timeout_graceful_shutdown=STOP_S,
            ws="none",
        )
    )

    def stop() -> None:
        stopping.set()
        server.should_exit = True

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    structlog.get_logger("console").info("console started", address=f"http://{host}:{port}/")
    following = asyncio.create_task(feed.follow())
    following.add_done_callback(lambda _: stop())
    try:
        await server.serve(sockets=[listening])
    finally:
        stop()
        await following
    return 0


class _Server(uvicorn.Server):
    """Signals are ours: uvicorn would raise them again after its stop, and a clean stop must exit with 0."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield
