"""The bounded hand-over from the network thread to the core thread: arrival order, nothing dropped.

Who may lose what, and why nothing is lost: ``put`` always takes what it is given, so a packet that was read
from the socket is here or in the core. The bound is kept one step earlier: the network thread asks
``wait_for_room`` *before* it reads the next packet. A packet that was not read lies unacknowledged in the
kernel's buffer or at the broker, and comes again with the DUP flag if the connection or this process ends. So
the bound is exceeded by at most one packet (in bytes: by what one read gives), and a full intake stops the
reading, not the keep-alive (gateway/ingest/client.py).
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

import numpy as np

from gateway.ingest import Item, LinkChange, Packet, Run

Read = Callable[[float], bool]
"""Waits so many seconds at most (it may be less), puts what came, and says whether to be called again."""


def item_packets(item: Item) -> int:
    """What an item counts against the packet bound."""
    return len(item) if isinstance(item, Run) else 1


def item_bytes(item: Item) -> int:
    """What an item counts against the byte bound: its topic and payload (or the kept head of one).
    A run counts whole, with its packets' headers."""
    if isinstance(item, Run):
        return len(item.blob)
    if isinstance(item, Packet):
        return len(item.topic) + len(item.payload)
    return 0 if isinstance(item, LinkChange) else len(item.topic) + len(item.head)


class Intake:
    """A queue of items bounded by count and bytes. One thread puts, one takes, any may ``wake``."""

    def __init__(self, max_packets: int, max_bytes: int) -> None:
        self._max_packets = max_packets
        self._max_bytes = max_bytes
        self._items: deque[Item] = deque()
        self._packets = 0
        self._bytes = 0
        self._woken = False
        self._lent: Read | None = None
        self._reading = False
        lock = threading.RLock()  # for a signal's handler wakes the thread that it interrupts
        self._arrived = threading.Condition(lock)
        self._left = threading.Condition(lock)
        self._returned = threading.Condition(lock)

    @property
    def depth(self) -> int:
        """Packets (and link changes) waiting."""
        return self._packets

    @property
    def room(self) -> int:
        """How many packets may be put before it is full."""
        return max(0, self._max_packets - self._packets) if self._bytes < self._max_bytes else 0

    @property
    def bytes(self) -> int:
        """Bytes of topic and payload waiting."""
        return self._bytes

    @property
    def oldest_received_ns(self) -> int | None:
        """When the oldest waiting item arrived (monotonic, ns); None when nothing waits."""
        with self._arrived:
            if not self._items:
                return None
            first = self._items[0]
            return first.mono_ns if isinstance(first, LinkChange) else first.received_ns

    def put(self, item: Item) -> bool:
        """Take an item, always; True while there is room for another. Never blocks, never refuses."""
        size = item_bytes(item)
        with self._arrived:
            self._items.append(item)
            self._packets += item_packets(item)
            self._bytes += size
            self._arrived.notify()
            return self._has_room()

    def wait_for_room(self, timeout_s: float) -> bool:
        """Whether another packet may be read, waiting up to ``timeout_s`` for the core to take some away."""
        with self._left:
            return self._has_room() or self._left.wait_for(self._has_room, timeout_s)

    def lend(self, read: Read, fresh: int, hold_s: float) -> bool:
        """Let the thread that takes do the reading for up to ``hold_s``, or until ``read`` says no more.

        False, at once, when more waits than the ``fresh`` packets that were put last: the taker is behind,
        and what nobody reads cannot be seen to wait.

        ``read`` is called only when there is nothing to take, so what arrives while the taker works waits
        outside; it does not run any more, and will not, when this returns.
        """
        with self._arrived:
            if self._packets > fresh:
                return False
            self._lent = read
            self._arrived.notify()
            self._returned.wait_for(lambda: self._lent is None, hold_s)
            self._lent = None
            while self._reading:
                self._returned.wait()
            return True

    def next_group(self, max_packets: int, max_bytes: int, timeout_s: float) -> list[Item]:
        """What has arrived, oldest first, at most ``max_packets`` items and ``max_bytes`` (one item always).

        A run counts as its packets, and is parted where the bound falls into it.
        Waits up to ``timeout_s`` for the first item and never for more: what arrives during a commit is the
        next group. [] at the timeout, when woken, or when a lent ``read`` found nothing.
        """
        if (read := self._something_to_read(timeout_s)) is not None:
            self._read(read, timeout_s)
        with self._arrived:
            self._woken = False
            group: list[Item] = []
            count = taken = 0
            items = self._items
            while items and count < max_packets:
                item = self._next(max_packets - count, max_bytes - taken, always=not group)
                if item is None:
                    break
                count += item_packets(item)
                taken += item_bytes(item)
                group.append(item)
            self._packets -= count
            self._bytes -= taken
            if group:
                self._left.notify_all()
            return group

    def soon(self, timeout_s: float) -> bool:
        """Whether ``next_group`` has something to return at once, waiting about ``timeout_s`` for it:
        at most that for somebody's loan, and that again for what its ``read`` finds."""
        if (read := self._something_to_read(timeout_s)) is not None:
            self._read(read, timeout_s)
        with self._arrived:
            return self._something()

    def wake(self) -> None:
        """Let ``next_group`` return now: a command waits, or the core is to stop."""
        with self._arrived:
            self._woken = True
            self._arrived.notify()

    def _something_to_read(self, timeout_s: float) -> Read | None:
        """Wait for something to take; a lent ``read`` when there is nothing, to be given to ``_read``."""
        with self._arrived:
            if not self._something() and self._lent is None:
                self._arrived.wait_for(lambda: self._something() or self._lent is not None, timeout_s)
            if self._something() or timeout_s <= 0:
                return None
            self._reading = self._lent is not None
            return self._lent

    def _read(self, read: Read, timeout_s: float) -> None:
        go_on = False
        try:
            go_on = read(timeout_s)
        finally:
            with self._arrived:
                self._reading = False
                if not go_on or self._lent is None:  # else the lender needs not wake up for it
                    self._lent = None
                    self._returned.notify()

    def _next(self, packets: int, size: int, *, always: bool) -> Item | None:
        """The oldest item or as much of it as fits; None when nothing of it does."""
        item = self._items[0]
        fits = item_bytes(item) <= size
        if not isinstance(item, Run) or (fits and len(item) <= packets):
            return self._items.popleft() if fits or always else None
        rows = min(packets, int(np.searchsorted(item.cuts[:, 3], size, side="right")))
        rows = max(rows, int(always))
        if rows == 0:
            return None
        if rows == len(item):
            return self._items.popleft()
        self._items[0] = item.part(rows, len(item))
        return item.part(0, rows)

    def _has_room(self) -> bool:
        return self._packets < self._max_packets and self._bytes < self._max_bytes

    def _something(self) -> bool:
        return bool(self._items) or self._woken
