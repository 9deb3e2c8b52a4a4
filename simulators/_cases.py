"""Every case of every plant for a scorecard: its own faults and the shared ones, at three levels each.

Guarantee: a case that is "quiet" is ordinary life, which may raise nothing; of all others, those of level 2
and 3 must be detected (the formula stands in _labels.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from simulators import Fault, kinds, load
from simulators._faults import QUIET, SHARED
from simulators._labels import LEVELS, must, severity_of


class Case(NamedTuple):
    """One fault of one plant at one level."""

    plant: str
    profile: str
    fault: str
    level: int
    """1 slight, 2 clear, 3 full."""
    shared: bool
    """A fault that every plant has, not one of its physics."""
    quiet: bool
    """Ordinary life: an alarm is a false one."""

    @property
    def family(self) -> str:
        """Of the device profile."""
        return self.profile.partition("/")[0]

    @property
    def must(self) -> bool:
        """Whether it must be detected."""
        return not self.quiet and must(severity_of(self.level))

    def at(self, at_s: float, for_s: float = 1e9, device: int = 0, channel: str = "") -> Fault:
        """The fault to give to the plant, ``at_s`` seconds after its start."""
        return Fault(self.fault, at_s, for_s, device, channel, severity_of(self.level))


def plants() -> list[str]:
    """Every source of devices that is physics, not a recording."""
    return [kind for kind in kinds() if hasattr(load(kind), "Plant")]


def cases(kind: str, *, shared: bool = True) -> Iterator[Case]:
    """The cases of one plant, fault by fault, level by level."""
    module = load(kind)
    own = [(fault, False, all(e.quiet for e in shown)) for fault, shown in module.FAULTS.items()]
    common = [(fault, True, fault in QUIET) for fault in SHARED] if shared else []
    for fault, is_shared, quiet in (*own, *common):
        for level in range(1, len(LEVELS) + 1):
            yield Case(kind, module.PROFILE, fault, level, is_shared, quiet)
