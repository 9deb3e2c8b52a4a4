"""What the C library holds free is given back to the machine."""

from __future__ import annotations

import ctypes

_LIBC = ctypes.CDLL(None)


def give_back() -> None:
    """After a start or a reload: what a fleet's files took while they were read stays with the process
    otherwise (some 30 MB for 220,000 devices). Does nothing where the C library is not glibc."""
    trim = getattr(_LIBC, "malloc_trim", None)
    if trim is not None:
        trim(0)
