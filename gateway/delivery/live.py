"""The delivery end of the live channel: frames of the core, read as fast as they come and handed on without
ever waiting for a sink. The format is in gateway/live.py."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path
from typing import Any, Protocol

import msgspec
import structlog

from gateway.clock import Clock
from gateway.delivery.readings_lane import Frame
from gateway.live import LENGTH, readings_of
from gateway.monitor.channels import ChannelTable
from gateway.sinks import HealthBatch

FRAME_MAX = 256 << 20
ACCEPT_S = 0.5
log = structlog.get_logger("delivery")


class Listener(Protocol):
    """Who is told."""

    def connected(self) -> None:
        """A core connected: frames before this may be missing."""
        ...

    def readings(self, frame: Frame) -> None:
        """One position's readings."""
        ...

    def health(self, batch: HealthBatch) -> None:
        """The gateway's figures."""
        ...

    def blind(self, at_ns: int, reason: str) -> None:
        """The gateway cannot see (reason) or sees again ("")."""
        ...


class LiveReceiver:
    """Listens on a Unix socket (mode 0600) for one core at a time; the newest connection counts."""

    def __init__(self, path: Path, listener: Listener, clock: Clock) -> None:
        self._path = path
        self._listener = listener
        self._clock = clock
        self._stopping = threading.Event()
        path.unlink(missing_ok=True)
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        mask = os.umask(0o177)
        try:
            self._server.bind(os.fspath(path))
        finally:
            os.umask(mask)
        self._server.listen(4)
        self._server.settimeout(ACCEPT_S)
        self._link: socket.socket | None = None
        self._thread = threading.Thread(target=self._accept, name="live", daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def close(self) -> None:
        """Stop and remove the socket."""
        self._stopping.set()
        self._server.close()
        self._drop()
        self._thread.join(2.0)
        self._path.unlink(missing_ok=True)

    def _drop(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            try:
                link.shutdown(socket.SHUT_RDWR)
            except OSError:
                log.debug("the core had already hung up")
            link.close()

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                link, _ = self._server.accept()
            except TimeoutError:
                continue
            except OSError:
                return  # closed
            self._drop()
            self._link = link
            threading.Thread(target=self._read, args=(link,), name="live-link", daemon=True).start()

    def _read(self, link: socket.socket) -> None:
        table: ChannelTable | None = None
        self._listener.connected()
        try:
            with link.makefile("rb") as stream:
                while link is self._link:
                    head = stream.read(LENGTH.size)
                    if len(head) < LENGTH.size:
                        return
                    size = LENGTH.unpack(head)[0]
                    if size > FRAME_MAX:
                        log.error("live frame too large, connection dropped", size=size)
                        return
                    body = stream.read(size)
                    if len(body) < size:
                        return
                    table = self._take(msgspec.msgpack.decode(body), table)
        except (OSError, ValueError, msgspec.DecodeError) as error:
            if link is self._link:
                log.warning("live channel broke; readings are derived from the journal", error=str(error))
        finally:
            link.close()

    def _take(self, frame: list[Any], table: ChannelTable | None) -> ChannelTable | None:
        """Hand one frame on; returns the channel table of the frames that follow."""
        kind = frame[0]
        if kind == "table":
            return ChannelTable.load(frame[1])
        if kind == "readings":
            _, version, previous, position, columns = frame
            # Without its table a frame is a gap, seen by the next one's previous position.
            if table is not None and table.version == version:
                now = self._clock.mono_ns()
                self._listener.readings(Frame(previous, position, readings_of(columns), table, now))
        elif kind == "health":
            self._listener.health(HealthBatch(frame[1], frame[2]))
        elif kind == "blind":
            self._listener.blind(frame[1], frame[2])
        else:
            log.warning("unknown live frame: are core and delivery of one version?", kind=str(kind))
        return table
