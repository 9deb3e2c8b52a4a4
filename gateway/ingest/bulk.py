"""A socket under paho that lifts whole runs of QoS 1 packets out of the stream before paho takes them apart.

paho keeps everything it is good at: connect, TLS, reconnect, its thread, and every packet that is no QoS 1
PUBLISH, each at its place in the order. paho asks its client for a socket and talks to whatever it gets: that
is the one private name here, ``_create_socket``, where paho's own websocket transport steps in too. If a
later paho does not ask, there is no BulkSocket, and gateway/ingest/mqtt.py works without one.

Acknowledgements are written by the core thread straight to the link that delivered the packets, under the
link's lock; a closed link swallows them.
"""

from __future__ import annotations

import fcntl
import select
import socket
import ssl
import struct
import termios
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import paho.mqtt
from paho.mqtt import client as mqtt
from paho.mqtt.enums import MQTTErrorCode

from gateway.clock import Clock
from gateway.ingest._scan import FOREIGN, FULL, compile_scan, empty_rows, scan
from gateway.ingest.client import GatedClient
from gateway.ingest.intake import Read

CAPACITY = 1 << 18
"""Bytes read and scanned at a time."""
LONGEST = CAPACITY // 2
"""A longer packet goes through paho, which collects it piece by piece."""
ROWS = 1 << 13
"""Packets in one run at most."""
_PUBACK = np.uint32(0x40020000)
"""An acknowledgement but for the packet's id (MQTT 3.1.1 and 5, clause 3.4)."""
FEW, FEW_BYTES = 2000, CAPACITY // 4
"""With fewer packets and bytes at a time the core thread reads for itself (Intake.lend)."""
LOOK_S, STAY_S, STAY_TURNS = 0.001, 0.01, 64
"""How long to wait for more where some just came, and how often before paho has its turn again."""
LINGER_S, VAIN_MOST = 0.005, 1000
"""How long the core thread lets packets gather, for a commit costs as much as a hundred packets; and how many
reads it does without after that brought too little, for instance because the sender waits for us."""
TESTED = (2, 2)
"""The paho (major, at least minor) whose inner ways this was written for."""


Lend = Callable[[Read, int], bool]
"""Offers a function that reads, after so many packets were lifted; False: nobody wants it now."""


class Lifted(NamedTuple):
    """Consecutive packets as they came. cuts: int32[n, 4] into blob, see Packets; mids: uint16[n]; flags:
    uint8[n]; odd: bool[n], the topic has not the shape of the house."""

    blob: bytes
    cuts: npt.NDArray[np.int32]
    mids: npt.NDArray[np.uint16]
    flags: npt.NDArray[np.uint8]
    odd: npt.NDArray[np.bool_]


def fits_paho() -> bool:
    """Whether this paho is one that the bulk socket was tested with."""
    major, minor = (int(part) for part in paho.mqtt.__version__.split(".")[:2])
    return major == TESTED[0] and minor >= TESTED[1]


class BulkSocket:
    """What paho takes for its socket. ``lift`` is called with each run and must not raise; ``room`` says how
    many packets may be lifted now; ``lend`` may let another thread read for a while (``Intake.lend``), and
    the network thread waits in it.

    ``recv``, ``pending`` and the rest belong to the network thread; ``acknowledge`` may be called from any.
    """

    def __init__(
        self,
        raw: Any,
        five: bool,
        lift: Callable[[Lifted], None],
        room: Callable[[], int],
        lend: Lend,
    ) -> None:
        self.raw = raw
        self._five = five
        self._lift = lift
        self._room = room
        self._lend = lend
        self._tls = hasattr(raw, "pending")
        self._array = np.zeros(CAPACITY, np.uint8)
        self._view = memoryview(self._array.data)
        self._rows = empty_rows(ROWS)
        self._start = self._stop = 0
        self._more = False  # something whole may still be in the buffer
        self._through = 0  # bytes of a foreign packet that paho has still to take
        self._ended: OSError | None = None
        self._end_of_file = False
        self._lock = threading.Lock()  # one TLS object must not be read and written at once
        self._out = bytearray()
        self._read_wants_write = False
        self._closed = False
        self._lifted, self._few, self._vain, self._eager = 0, True, 0, 0
        self._can_wait = raw.fileno() >= 0 and not self._tls  # TLS may hold what the kernel no longer has

    # --- what paho calls -----------------------------------------------------------------------------

    def recv(self, size: int) -> bytes:
        """Bytes of a foreign packet. BlockingIOError when there is none; what could be lifted was lifted."""
        if not self._through:
            self._pump()
            self._stay()
        elif self._start == self._stop:
            self._more = False
            self._fill()
        if self._through and self._start < self._stop:
            stop = min(self._start + min(size, self._through), self._stop)
            data = bytes(self._view[self._start : stop])
            self._through -= len(data)
            self._start = stop
            self._more = not self._through and stop < self._stop
            return data
        if not self._more:
            if self._ended is not None:
                raise self._ended
            if self._end_of_file:
                return b""
        raise BlockingIOError

    def pending(self) -> int:
        """More than 0 when a read can give something although the kernel has nothing; 0 for half a packet."""
        if self._more or (self._through and self._start < self._stop) or self._at_end():
            return 1
        return int(self.raw.pending()) if self._tls and not self._closed else 0

    def send(self, data: bytes | bytearray) -> int:
        """Take all of it, or BlockingIOError while earlier bytes wait: its end is always a packet's end."""
        with self._lock:
            self._write()
            if self._out:
                raise BlockingIOError
            # Kept also when nothing could be written: TLS wants the very same bytes when tried again.
            self._out += data
            self._write()
        return len(data)

    def fileno(self) -> int:
        """For select; -1 when closed."""
        return int(self.raw.fileno())

    def setblocking(self, flag: bool) -> None:
        """As of the socket below."""
        self.raw.setblocking(flag)

    def close(self) -> None:
        """Close; acknowledgements are without effect from here on."""
        with self._lock:
            self._closed = True
            self._out.clear()
            self.raw.close()

    # --- ours ----------------------------------------------------------------------------------------

    @property
    def unsent(self) -> bool:
        """Whether the network thread should wait for the socket to become writable."""
        return bool(self._out) or self._read_wants_write

    def acknowledge(self, mids: npt.NDArray[np.uint16]) -> bool:
        """PUBACK each (MQTT 3.1.1 and 5, clause 3.4) in one write; False: the link is closed, none sent."""
        packets = (mids + _PUBACK).astype(">u4").tobytes()
        with self._lock:
            if self._closed:
                return False
            self._out += packets
            self._flush()
        return True

    def flush(self) -> None:
        """Write what waits. An error is kept for paho's next read."""
        with self._lock:
            self._flush()

    def _flush(self) -> None:
        self._more |= self._read_wants_write  # now that it may write, the read is to be tried again
        self._read_wants_write = False
        if self._closed:
            return
        try:
            self._write()
        except OSError as error:
            self._ended = self._ended or error

    def _at_end(self) -> bool:
        return self._ended is not None or self._end_of_file

    def _write(self) -> None:
        while self._out:
            try:
                sent = self.raw.send(self._out)
            except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
                return
            del self._out[:sent]

    def _stay(self) -> None:
        """While packets keep coming, go on: a turn of paho's loop costs several times what few packets do.

        While they are few at a time, whoever takes them reads them himself, for paho's thread would only hand
        over, and each hand-over costs more than the packets. Not with anything for paho to do, nothing to be
        taken now, or the other end gone.
        """
        for _ in range(STAY_TURNS):
            if not self._can_wait or not self._lifted or self._for_paho():
                return
            if self._few and self._lend(self._more_came, self._lifted):
                return
            self._more_came(STAY_S)

    def _more_came(self, most_s: float) -> bool:
        """Wait shortly, lift what came; whether to be called again. Less than ``LOOK_S`` is a look: it lifts
        nothing that may gather, and if it finds nothing, that says nothing about what comes next."""
        self._lifted = 0
        ready = self._ready(min(most_s, STAY_S)) and not (most_s < LOOK_S and self._gathers())
        if ready:
            self._linger()
            self._pump()
        going = self._lifted > 0 or (not ready and most_s < STAY_S)
        return going and self._few and not self._for_paho()

    def _ready(self, most_s: float) -> bool:
        """Whether the kernel has something for us. A socket that was closed is at its end."""
        try:
            return bool(select.select([self.raw], [], [], most_s)[0])
        except (OSError, ValueError) as error:
            self._ended = self._ended or OSError(str(error))
            return False

    def _linger(self) -> None:
        """Let more gather, as long as that brings half as much again."""
        if self._eager:
            self._eager -= 1
            return
        before = self._waiting()
        if before >= FEW_BYTES:
            return
        select.select([], [], [], LINGER_S)
        fruitful = 2 * self._waiting() >= 3 * before
        self._vain = 0 if fruitful else min(2 * self._vain + 1, VAIN_MOST)
        self._eager = self._vain

    def _gathers(self) -> bool:
        return not self._eager and self._waiting() < FEW_BYTES

    def _waiting(self) -> int:
        """Bytes that the kernel has for us."""
        return int(struct.unpack("i", fcntl.ioctl(self.raw.fileno(), termios.FIONREAD, bytes(4)))[0])

    def _for_paho(self) -> bool:
        return bool(self._through or self._more or self._at_end() or self.unsent) or self._room() <= 0

    def _pump(self) -> None:
        """Read once, and lift what is whole up to the first foreign packet."""
        self._fill()
        count, after, why, length = scan(
            self._array, self._start, self._stop, self._five, min(self._room(), ROWS), LONGEST, *self._rows
        )
        self._more = why == FULL
        self._through = length if why == FOREIGN else 0
        start, self._start = self._start, after
        self._lifted, self._few = count, count < FEW and after - start < FEW_BYTES
        if count:
            blob = bytes(self._view[start:after])
            cuts, mids, flags, odd = self._rows
            rows = slice(count)  # the arrays are used again for the next run
            self._lift(
                Lifted(blob, cuts[rows].copy(), mids[rows].copy(), flags[rows].copy(), odd[rows].copy())
            )

    def _fill(self) -> None:
        """Read what is there, as far as it fits. TLS: all of its records, else every record were a run."""
        if self._start == self._stop:
            self._start = self._stop = 0
        elif self._stop > CAPACITY - LONGEST:
            rest = self._stop - self._start
            self._array[:rest] = self._array[self._start : self._stop]
            self._start, self._stop = 0, rest
        while self._stop < CAPACITY and not self._at_end():
            space = CAPACITY - self._stop
            try:
                with self._lock:
                    got = self.raw.recv_into(self._view[self._stop :])
            except (BlockingIOError, ssl.SSLWantReadError):
                return
            except ssl.SSLWantWriteError:
                self._read_wants_write = True
                return
            except OSError as error:
                self._ended = error
                return
            self._stop += got
            self._end_of_file = got == 0
            if got < space and not self._tls:
                return


class BulkClient(GatedClient):
    """A gated client whose link is a BulkSocket. ``lift`` is called as paho's callbacks are: (client,
    userdata, Lifted)."""

    def __init__(
        self,
        gate: Callable[[float], bool],
        clock: Clock,
        lift: Callable[[mqtt.Client, Any, Lifted], None],
        room: Callable[[], int],
        lend: Lend,
        **settings: Any,
    ) -> None:
        compile_scan()
        super().__init__(gate, clock, **settings)
        self._five = settings.get("protocol") == mqtt.MQTTv5
        self._lift = lift
        self._room = room
        self._lend = lend

    def want_write(self) -> bool:
        """Also while acknowledgements wait that the broker did not take."""
        link: Any = self.socket()
        return super().want_write() or (isinstance(link, BulkSocket) and link.unsent)

    def loop_write(self) -> MQTTErrorCode:
        """Acknowledgements first, then what paho has."""
        link: Any = self.socket()
        if isinstance(link, BulkSocket):
            link.flush()
        return super().loop_write()

    def _create_socket(self) -> Any:
        raw: socket.socket = super()._create_socket()  # type: ignore[assignment]  # or its TLS twin

        def lift(lifted: Lifted) -> None:
            self._lift(self, None, lifted)

        return BulkSocket(raw, self._five, lift, self._room, self._lend)
