"""Whose alarms and channels somebody may see. Anything that can say ``sees`` will do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt


class Scope(Protocol):
    """What the access rules give: an organisation's part of the city."""

    def sees(self, *, enterprise: str, county: str) -> bool:
        """Whether what belongs to this enterprise, in this county, may be seen. Both are empty for what
        concerns the gateway itself."""
        ...


class WholeCity:
    """Sees everything."""

    def sees(self, *, enterprise: str, county: str) -> bool:
        """Always."""
        del enterprise, county
        return True


def seen(scope: Scope, pairs: Sequence[tuple[str, str]]) -> npt.NDArray[np.bool_]:
    """For each (enterprise, county): whether it is seen. Each pair is asked for once."""
    known: dict[tuple[str, str], bool] = {}
    for pair in pairs:
        if pair not in known:
            known[pair] = scope.sees(enterprise=pair[0], county=pair[1])
    return np.array([known[pair] for pair in pairs], np.bool_)
