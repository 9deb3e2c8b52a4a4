"""Arrays with one record a slot or device that grow without being copied each time: room is kept ahead.

Room that is not used costs address space and no memory, for nobody touches it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

AHEAD = 16
"""A sixteenth more than asked for is reserved."""
LEAST = 1024


def grown(records: npt.NDArray[Any], count: int, fresh: Any) -> npt.NDArray[Any]:
    """The records followed by fresh ones, ``count`` in all; never three times in memory.

    What is returned may share its room with ``records``, which are to be used no longer. ``fresh``: one
    record, or a value.
    """
    had = len(records)
    if count <= had:
        return records
    room = records.base
    if not (
        isinstance(room, np.ndarray)
        and room.dtype == records.dtype
        and room.ndim == 1
        and len(room) >= count
        and room.ctypes.data == records.ctypes.data
    ):
        room = np.zeros(count + max(LEAST, count // AHEAD), records.dtype)
        words(room)[:had] = words(records)
    made: npt.NDArray[Any] = room[:count]
    words(made)[had:] = words(one_of(fresh, records.dtype))
    return made


def one_of(fresh: Any, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """An array of one record whose padding is zeros."""
    made = np.zeros(1, dtype)
    made[0] = fresh
    return made


def words(records: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The same memory as rows of plain numbers, int64[n, k] or uint8[n, k]: numpy copies and compares these
    many times faster than records."""
    unit, size = (np.int64, 8) if records.dtype.itemsize % 8 == 0 else (np.uint8, 1)
    return records.view(unit).reshape(len(records), records.dtype.itemsize // size)
