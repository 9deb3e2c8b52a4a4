"""A hash chain: each row's digest covers its number, its body and the digest before it.

One changed, missing, added or reordered row breaks the chain at that row. Used by journal and ledger.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple


class Head(NamedTuple):
    """The end of a chain: the last row's number (0 before the first) and its digest, 32 bytes."""

    position: int
    digest: bytes


GENESIS = Head(0, bytes(32))
"""The head of an empty chain."""


def link(previous: bytes, position: int, body: bytes) -> bytes:
    """SHA-256(previous digest || position as 8 bytes big-endian || body)."""
    digest = hashlib.sha256(previous + position.to_bytes(8, "big"))
    digest.update(body)
    return digest.digest()


class ChainCheck(NamedTuple):
    """What a check found: how many rows held, the last that did, and the first that did not (0: none)."""

    checked: int
    head: Head
    bad: int = 0
    reason: str = ""

    @property
    def ok(self) -> bool:
        """Whether every row held."""
        return not self.reason


class ChainWalk:
    """Follows a chain row by row from a known head, and stops at the first row that does not fit."""

    def __init__(self, head: Head) -> None:
        self.head = head
        self.checked = 0
        self.bad = 0
        self.reason = ""

    def step(self, position: int, body: bytes, digest: bytes) -> bool:
        """Whether this row continues the chain; if not, ``bad`` and ``reason`` say which and why."""
        expected = self.head.position + 1
        if position != expected:
            return self.stop(
                expected, f"row {expected} is missing: row {position} follows {self.head.position}"
            )
        # a damaged cell may hold another kind of value
        if not isinstance(body, bytes) or link(self.head.digest, position, body) != digest:
            return self.stop(position, f"row {position} does not match its digest")
        self.head = Head(position, digest)
        self.checked += 1
        return True

    def stop(self, position: int, reason: str) -> bool:
        """Record what is wrong with a row; always False."""
        self.bad, self.reason = position, reason
        return False

    def result(self) -> ChainCheck:
        """What was found so far."""
        return ChainCheck(self.checked, self.head, self.bad, self.reason)
