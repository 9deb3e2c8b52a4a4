"""What a verification found, one line a check; a check that had nothing to look at says so."""

from __future__ import annotations

from dataclasses import dataclass, field

Row = tuple[str, str, str, str]

NOTHING = "nothing to check"


@dataclass(slots=True)
class Report:
    """Findings of a verification."""

    checks: list[tuple[str, str, bool, str]] = field(default_factory=list)
    """(invariant, what was compared, held, figures or the first difference)."""

    @property
    def ok(self) -> bool:
        """Whether every check held."""
        return all(held for _, _, held, _ in self.checks)

    def add(self, invariant: str, compared: str, held: bool, figures: str) -> None:
        """One more check."""
        self.checks.append((invariant, compared, held, figures))

    def nothing(self, invariant: str, compared: str, why: str) -> None:
        """A check without anything to look at: neither held nor failed, and marked so in ``rows``."""
        self.add(invariant, compared, True, f"{NOTHING}: {why}")

    def rows(self) -> list[Row]:
        """A table, heading first."""
        return [
            ("invariant", "compared", "held", "figures"),
            *((i, c, _mark(held, f), f) for i, c, held, f in self.checks),
        ]


def _mark(held: bool, figures: str) -> str:
    if not held:
        return "NO"
    return "-" if figures.startswith(NOTHING) else "yes"
