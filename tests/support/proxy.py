"""A TCP proxy in threads, to do to a connection what networks do: cut, reset, stall (half-open), drip."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Protocol

CHUNK = 65536


class Witness(Protocol):
    """Sees one connection's bytes, just before they pass."""

    def sent(self, data: bytes) -> object:
        """From the client."""
        ...

    def received(self, data: bytes) -> object:
        """From the server."""
        ...


class _Pipe:
    """One accepted connection and its twin to the server."""

    def __init__(
        self, proxy: Proxy, near: socket.socket, far: socket.socket, witness: Witness | None
    ) -> None:
        self.proxy = proxy
        self.witness = witness
        self._turn = threading.Lock()
        self._closed = False
        self.near = near
        self.far = far
        for side in (near, far):  # or small packets wait for the delayed ACK of those before
            side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def start(self) -> None:
        """Carry, in both directions."""
        for source, sink in ((self.near, self.far), (self.far, self.near)):
            threading.Thread(target=self._carry, args=(source, sink), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(CHUNK):
                self.proxy.flowing.wait()
                if self.witness is not None:
                    see = self.witness.sent if source is self.near else self.witness.received
                    see(data)
                step, pause_s = self.proxy.drip
                for start in range(0, len(data), step):
                    sink.sendall(data[start : start + step])
                    if pause_s:
                        time.sleep(pause_s)
        except OSError:
            pass  # the other side or the test closed it: so does the finally
        finally:
            self.close()

    def close(self, *, reset: bool = False) -> None:
        with self._turn:
            if self._closed:
                return  # by a reset: an end in order would come before it
            self._closed = True
        for side in (self.near, self.far):
            with contextlib.suppress(OSError):
                if reset:  # linger 0: close sends RST instead of FIN
                    side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                # wakes the thread that waits in recv: until it returns, nothing is closed
                side.shutdown(socket.SHUT_RD if reset else socket.SHUT_RDWR)
            side.close()


class Proxy:
    """Listens on ``port`` and carries to ``target_port``; both on the loopback. A context.

    watch: makes a witness for each connection.
    """

    def __init__(self, target_port: int, watch: Callable[[], Witness] | None = None) -> None:
        self.target_port = target_port
        self._watch = watch
        self.drip: tuple[int, float] = (CHUNK, 0.0)
        """Bytes at a time, and seconds between."""
        self.flowing = threading.Event()
        self.flowing.set()
        self.accepted = 0
        self._refusing = False
        self._pipes: list[_Pipe] = []
        self._turn = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Proxy:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def cut(self) -> None:
        """End every connection in an orderly way (FIN). New ones are accepted."""
        self._end()

    def reset(self) -> None:
        """End every connection rudely (RST), wherever in a packet it is."""
        self._end(reset=True)

    def stall(self) -> None:
        """Half-open: everything stays connected and nothing passes, old connections and new."""
        self.flowing.clear()

    def flow(self) -> None:
        """The end of ``stall`` and ``refuse``."""
        self._refusing = False
        self.flowing.set()

    def refuse(self) -> None:
        """A partition: end every connection, and every new one at once."""
        self._refusing = True
        self._end()

    def close(self) -> None:
        """Stop listening and end every connection."""
        with contextlib.suppress(OSError):  # shutdown wakes accept(); some systems say "not connected"
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.flowing.set()
        self._end()

    def _end(self, *, reset: bool = False) -> None:
        with self._turn:
            pipes, self._pipes = self._pipes, []
        for pipe in pipes:
            pipe.close(reset=reset)

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return  # closed
            self.accepted += 1
            try:
                if self._refusing:
                    near.close()
                    continue
                far = socket.create_connection(("127.0.0.1", self.target_port), timeout=60)
                far.settimeout(None)
            except OSError:
                near.close()  # the server is down: so is the way to it
                continue
            pipe = _Pipe(self, near, far, self._watch() if self._watch else None)
            with self._turn:  # known before anything passes: no harm misses it
                self._pipes.append(pipe)
                refused = self._refusing
            if refused:
                pipe.close()
            else:
                pipe.start()
