"""Errors that a person reads: what is wrong, where, and what to do."""

from __future__ import annotations


class RiskgateError(Exception):
    """Base of every error this project raises on purpose."""


class ConfigError(RiskgateError):
    """The configuration, a profile or the fleet is wrong; carries every problem found, not only the first."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__(problems)  # what it is made of again in another process

    def __str__(self) -> str:
        return "\n".join(self.problems)


class RulesRefused(RiskgateError):
    """A step of a change of rules is not taken, and why: English and Chinese."""

    def __init__(self, reason_en: str, reason_zh: str) -> None:
        self.reason_en, self.reason_zh = reason_en, reason_zh
        super().__init__(reason_en, reason_zh)

    def __str__(self) -> str:
        return self.reason_en


class JournalError(RiskgateError):
    """The journal cannot promise durability or is damaged."""


class JournalFull(JournalError):
    """The disk is full: nothing was written; stop acknowledging, free space, try again."""


class JournalBusy(JournalError):
    """Another program holds a lock on the file: nothing was written; try again."""


class FlushFailed(JournalError):
    """The disk did not confirm a flush. Its pages may be gone: the process must exit and re-read the disk."""


class JournalTruncated(JournalError):
    """The journal ends before a position that a second file witnessed as durable."""


class SnapshotLeft(RiskgateError):
    """A snapshot was not written: the core ended before it had handed it over."""


class BehaviourDiffers(RiskgateError):
    """Replaying the journal gave other events than the ledger holds."""


class CoreUnreachable(RiskgateError):
    """No core answers on the command socket."""
