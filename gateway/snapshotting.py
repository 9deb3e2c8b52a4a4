"""From the monitor's thread to a snapshot's file without a copy of the whole: piece by piece, turn by turn.

Guarantee: about ``ROOM`` bytes wait for the writer at most, however slow the disk is; the monitor's thread
waits for it only in ``finish``. A write that fails leaves the monitor as it is and the older snapshots in
place.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator

from gateway.chain import Head
from gateway.errors import SnapshotLeft
from gateway.monitor.monitor import BEHAVIOUR, Monitor
from gateway.monitor.stored import Image, Piece
from gateway.snapshots import SnapshotStore

ROOM = 8 << 20
TURN = 8 << 20
"""Bytes taken over in one turn at most: about two milliseconds. The longer a snapshot takes, the more records
change before their turn and are kept twice."""

Save = Callable[[Callable[[], None]], None]


class Handing:
    """Pieces on their way from one thread to another."""

    def __init__(self, size: int) -> None:
        self.size = size
        """Bytes of all pieces."""
        self._changed = threading.Condition()
        self._pieces: deque[Piece] = deque()
        self._bytes = 0
        self._ended = self._left = self._gone = False

    def __iter__(self) -> Iterator[Piece]:
        """For the writer: every piece, waiting for it. SnapshotLeft when no more will come."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._pieces or self._ended or self._left)
                if self._left:
                    raise SnapshotLeft("the core ended while it handed over a snapshot")
                if not self._pieces:
                    return
                piece = self._pieces.popleft()
                self._bytes -= len(piece)
                self._changed.notify_all()
            yield piece

    def put(self, piece: Piece) -> None:
        """One more piece."""
        with self._changed:
            self._pieces.append(piece)
            self._bytes += len(piece)
            self._changed.notify_all()

    def end(self, *, whole: bool) -> None:
        """That was all; or not, and there will be no more."""
        with self._changed:
            self._ended, self._left = whole, not whole
            self._changed.notify_all()

    def leave(self) -> None:
        """For the writer: it takes no more."""
        with self._changed:
            self._gone = True
            self._pieces.clear()
            self._changed.notify_all()

    @property
    def room(self) -> bool:
        """Whether another piece may come now."""
        return self._bytes < ROOM and not self._gone

    @property
    def gone(self) -> bool:
        """Whether the writer takes no more."""
        return self._gone

    def wait(self) -> None:
        """Until there is room, or the writer takes no more."""
        with self._changed:
            self._changed.wait_for(lambda: self._bytes < ROOM or self._gone)


class Snapshotting:
    """The snapshots of one core, one at a time.

    ``save`` runs the writing on another thread; without it, it is done at once.
    """

    def __init__(
        self, store: SnapshotStore, kept: int, every_ns: int, now_ns: int, save: Save | None = None
    ) -> None:
        self._store = store
        self._kept = kept
        self._every_ns = every_ns
        self._last_ns = now_ns
        self._save = save
        self.position = 0
        """Of the newest."""
        self._image: Image | None = None
        self._handing = Handing(0)

    def due(self, now_ns: int) -> bool:
        """Whether it is time for the next, and the last was handed over."""
        return self._image is None and now_ns - self._last_ns >= self._every_ns

    def begin(self, head: Head, monitor: Monitor, now_ns: int) -> None:
        """Take what the monitor is now, to be written as of ``head``; nothing if there is such a one."""
        self._last_ns = now_ns
        if head.position == self.position:
            return
        self.position = head.position
        if self._save is None:
            self._store.save(head, BEHAVIOUR, monitor.capture())
            self._store.keep(self._kept)
            return
        self._image = monitor.image()
        handing = self._handing = Handing(self._image.size)

        def write() -> None:
            try:
                self._store.save(head, BEHAVIOUR, handing)
                self._store.keep(self._kept)
            finally:
                handing.leave()

        self._save(write)

    def turn(self) -> None:
        """Hand over what there is room for."""
        taken = 0
        while self._image is not None and taken < TURN and self._handing.room:
            taken += self._one(self._image)
        if self._handing.gone:
            self._drop()

    def finish(self) -> None:
        """Hand over the rest, waiting for the writer."""
        while self._image is not None:
            self._handing.wait()
            self.turn()

    def leave(self) -> None:
        """The core ends by a failure: who waits for the rest of a snapshot is told."""
        if self._image is not None:
            self._handing.end(whole=False)
            self._drop()

    def _one(self, image: Image) -> int:
        piece = image.next()
        if piece is None:
            self._handing.end(whole=True)
            self._image = None
            return 0
        self._handing.put(piece)
        return len(piece)

    def _drop(self) -> None:
        if self._image is not None:
            self._image.close()
            self._image = None
