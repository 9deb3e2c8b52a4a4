"""What one person asked for and a second one has to confirm. Each ends: done, declined or expired."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

WAIT_NS = 15 * 60_000_000_000
"""A request that nobody answers is over after 15 minutes; the number is ours."""
MAX_PENDING = 1000
"""Requests that may wait at once."""


class Request(msgspec.Struct, frozen=True, array_like=True):
    """One thing asked for. Fields are only ever appended, with a default: snapshots keep them."""

    id: str
    """The id of the event that answered the asking command."""
    action: str
    args: dict[str, Any]
    alarms: dict[str, int]
    """Alarm id -> its occurrence when it was asked: a newer one is another situation."""
    actor: str
    role: str
    organisation: str
    source: str
    asked_ns: int
    """By the gateway's wall clock; so is until_ns."""
    until_ns: int
    due_ns: int
    """Its end by gateway time, which alone decides."""


class Requests:
    """Those that wait, in the order in which they were asked; so they also end in that order."""

    def __init__(self, pending: Iterable[Request] = ()) -> None:
        self._pending = {request.id: request for request in pending}

    def __len__(self) -> int:
        return len(self._pending)

    def pending(self) -> list[Request]:
        """All of them, a list of its own."""
        return list(self._pending.values())

    def export(self) -> list[dict[str, Any]]:
        """The same as plain values, for whoever asks the core; safe beside a stepping thread."""
        return [msgspec.structs.asdict(request) for request in self.pending()]

    def add(self, request: Request) -> None:
        """It waits from now on."""
        self._pending[request.id] = request

    def find(self, name: str, now_ns: int) -> Request | None:
        """The one that waits under this id at this gateway time."""
        request = self._pending.get(name)
        return request if request is not None and now_ns < request.due_ns else None

    def about(self, action: str, alarm: str, now_ns: int) -> Request | None:
        """The one that asks for the same already."""
        for request in self._pending.values():
            if request.action == action and alarm in request.alarms and now_ns < request.due_ns:
                return request
        return None

    def end(self, request: Request) -> None:
        """Done or declined."""
        self._pending.pop(request.id, None)

    def over(self, now_ns: int) -> list[Request]:
        """Those whose time is over; each is told once."""
        ended = [request for request in self._pending.values() if request.due_ns <= now_ns]
        for request in ended:
            del self._pending[request.id]
        return ended
