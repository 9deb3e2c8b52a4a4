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


def seen(scope: Scope, words: Sequence[str], rows: npt.NDArray[np.void]) -> npt.NDArray[np.bool_]:
    """For each row whether it is seen; its columns "enterprise" and "county" are places in ``words``. Each
    pair is asked for once."""
    size = max(1, len(words))
    codes = rows["enterprise"].astype(np.int64) * size + rows["county"]
    pairs, which = np.unique(codes, return_inverse=True)
    told = [scope.sees(enterprise=words[code // size], county=words[code % size]) for code in pairs.tolist()]
    return np.array(told, np.bool_)[which]
