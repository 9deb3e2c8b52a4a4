"""Reads fleet and profiles again while the core goes on: with a hundred thousand devices that takes seconds.

Guarantee: every request is answered by a reading that began after it, so the files are those of then; the
core's own thread only takes what was read and made ready, journal entry and roster.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from gateway.core import Wanted
from gateway.errors import ConfigError
from gateway.monitor.roster import Prepared
from gateway.monitor.warm import compile_loops

Answer = dict[str, Any]
LATE: Answer = {
    "accepted": False,
    "reason_en": "not taken yet: the core is still reading or busy; see its log for the end",
    "reason_zh": "尚未生效: 核心仍在读取或繁忙; 结果见日志",
}


@dataclass(slots=True)
class Read:
    """What one reading gave: a configuration made ready, or the problems."""

    prepared: Prepared | None
    problems: list[str]
    _waiting: list[queue.SimpleQueue[Answer]] = field(default_factory=list)

    def answer(self, answer: Answer) -> None:
        """Tell all who asked."""
        for waiting in self._waiting:
            waiting.put(answer)


class Reloads:
    """One reading at a time, in a thread of its own."""

    def __init__(
        self,
        read: Callable[[], Wanted],
        prepare: Callable[[Wanted], Prepared],
        wake: Callable[[], None],
    ) -> None:
        self._read = read
        self._prepare = prepare
        self._wake = wake
        self._asked = threading.Event()
        self._waiting: queue.SimpleQueue[queue.SimpleQueue[Answer]] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[Read] = queue.SimpleQueue()
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="reload")

    def ask(self, *_signal: object) -> None:
        """Read as soon as possible; also for a signal."""
        self._asked.set()
        self._wake()

    def request(self, deadline_s: float) -> Answer:
        """Read, and wait for what the core says to it."""
        mine: queue.SimpleQueue[Answer] = queue.SimpleQueue()
        self._waiting.put(mine)
        self.ask()
        try:
            return mine.get(timeout=deadline_s)
        except queue.Empty:
            return LATE

    def turn(self) -> list[Read]:
        """For the core's loop: begins what was asked, returns what has been read."""
        if self._asked.is_set():
            self._asked.clear()
            waiting = []
            while not self._waiting.empty():
                waiting.append(self._waiting.get())
            self._reader.submit(self._work, waiting)
        done = []
        while not self._done.empty():
            done.append(self._done.get())
        return done

    def close(self) -> None:
        """Begin no other reading."""
        self._reader.shutdown(wait=False, cancel_futures=True)

    def _work(self, waiting: list[queue.SimpleQueue[Answer]]) -> None:
        try:
            wanted = self._read()
            compile_loops(wanted.devices, wanted.profiles)  # not in the core's thread, while readings wait
            prepared = self._prepare(wanted)  # the same
        except Exception as error:  # noqa: BLE001 - a wrong new configuration must not end the running one
            problems = (
                error.problems if isinstance(error, ConfigError) else [f"{type(error).__name__}: {error}"]
            )
            self._done.put(Read(None, problems, waiting))
        else:
            self._done.put(Read(prepared, [], waiting))
        self._wake()
