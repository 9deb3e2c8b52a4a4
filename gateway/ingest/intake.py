"""The bounded hand-over from the network thread to the core thread: arrival order, nothing dropped.

Who may lose what, and why nothing is lost: ``put`` always takes what it is given, so a packet that was read
from the socket is here or in the core. The bound is kept one step earlier: the network thread asks
``wait_for_room`` *before* it reads the next packet. A packet that was not read lies unacknowledged in the
kernel's buffer or at the broker, and comes again with the DUP flag if the connection or this process ends. So
the bound is exceeded by at most one packet, and a full intake stops the reading, not the keep-alive
(gateway/ingest/client.py).
"""

from __future__ import annotations

import threading
from collections import deque

from gateway.ingest import Item, LinkChange, Packet


def item_bytes(item: Item) -> int:
    """What an item counts against the byte bound: its topic and payload (or the kept head of one)."""
    if isinstance(item, Packet):
        return len(item.topic) + len(item.payload)
    return 0 if isinstance(item, LinkChange) else len(item.topic) + len(item.head)


class Intake:
    """A queue of items bounded by count and bytes. One thread puts, one takes, any may ``wake``."""

    def __init__(self, max_packets: int, max_bytes: int) -> None:
        self._max_packets = max_packets
        self._max_bytes = max_bytes
        self._items: deque[Item] = deque()
        self._bytes = 0
        self._woken = False
        lock = threading.Lock()
        self._arrived = threading.Condition(lock)
        self._left = threading.Condition(lock)

    @property
    def depth(self) -> int:
        """Items waiting."""
        return len(self._items)

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
            self._bytes += size
            self._arrived.notify()
            return self._has_room()

    def wait_for_room(self, timeout_s: float) -> bool:
        """Whether another packet may be read, waiting up to ``timeout_s`` for the core to take some away."""
        with self._left:
            return self._has_room() or self._left.wait_for(self._has_room, timeout_s)

    def next_group(self, max_packets: int, max_bytes: int, timeout_s: float) -> list[Item]:
        """What has arrived, oldest first, at most ``max_packets`` items and ``max_bytes`` (one item always).

        Waits up to ``timeout_s`` for the first item and never for more: what arrives during a commit is the
        next group. [] at the timeout or when woken.
        """
        with self._arrived:
            if not self._items and not self._woken:
                self._arrived.wait_for(self._something, timeout_s)
            self._woken = False
            group: list[Item] = []
            taken = 0
            items = self._items
            while items and len(group) < max_packets:
                size = item_bytes(items[0])
                if group and taken + size > max_bytes:
                    break
                taken += size
                group.append(items.popleft())
            self._bytes -= taken
            if group:
                self._left.notify_all()
            return group

    def wake(self) -> None:
        """Let ``next_group`` return now: a command waits, or the core is to stop."""
        with self._arrived:
            self._woken = True
            self._arrived.notify()

    def _has_room(self) -> bool:
        return len(self._items) < self._max_packets and self._bytes < self._max_bytes

    def _something(self) -> bool:
        return bool(self._items) or self._woken
