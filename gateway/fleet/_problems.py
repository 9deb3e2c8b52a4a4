"""What is wrong with a list: the first problems in full, the rest counted, so that no list fills memory.

When only some are to be told, a list that is wrong all over is not read to its end.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from gateway.errors import ConfigError

ENOUGH = 2000
"""Problems counted beyond those told, before the rest of the list is left unread."""


class Problems:
    """told: how many are kept one by one; None: all."""

    def __init__(self, path: Path, told: int | None) -> None:
        self._path = path
        self._told = told
        self._kept: list[str] = []
        self._more = 0

    def add(self, found: Iterable[str]) -> None:
        """Some more; ConfigError when there are enough."""
        for one in found:
            if self._told is None or len(self._kept) < self._told:
                self._kept.append(one)
            else:
                self._more += 1
        if self._more >= ENOUGH:
            raise ConfigError([*self._kept, f"{self._path}: and at least {self._more} more problems"])

    def tell(self) -> None:
        """ConfigError if there are any."""
        if self._kept:
            more = [f"{self._path}: and {self._more} more problems"] if self._more else []
            raise ConfigError(self._kept + more)
