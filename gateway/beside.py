"""Two things at once: a thread that judges one group while its owner waits for the disk to take the next.

Guarantee: between ``begin`` and ``end`` the work has the thread, and whatever it touches, for itself; before
and after, nothing runs here. So the owner needs no lock as long as he stays away from it meanwhile.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Protocol

from gateway.telling import Unwritten

Work = Callable[[], Unwritten | None]


class Beside(Protocol):
    """Does one piece of work at a time."""

    begun: bool
    """Whether there is something to ``end``."""

    def begin(self, work: Work) -> None:
        """Let it be done from now on."""
        ...

    def end(self) -> Unwritten | None:
        """What the work gave, when it is done; raises what it raised."""
        ...


class BesideThread:
    """One thread, which waits between two pieces of work. It ends with the process, or with ``close``."""

    def __init__(self, name: str) -> None:
        self.begun = False
        self._work: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[Unwritten | None] = queue.SimpleQueue()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def begin(self, work: Work) -> None:
        """As ``Beside.begin``."""
        self.begun = True
        self._work.put(work)

    def end(self) -> Unwritten | None:
        """As ``Beside.end``."""
        done = self._done.get()
        self.begun = False
        error, self._error = self._error, None
        if error is not None:
            raise error
        return done

    def close(self) -> None:
        """End the thread; nothing may be under way."""
        self._work.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            done = None
            try:
                done = work()
            except BaseException as error:  # noqa: BLE001 - it is the owner's
                self._error = error
            self._done.put(done)
