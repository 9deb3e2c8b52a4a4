"""Zeros written ahead in the live segment's write-ahead log, so that a commit need not make the file longer.

A flush that must also make a longer file durable costs about twice one that overwrites bytes that are there
(ext4: 250 us against 140 a commit of 3 kB); the slowest of a hundred commits falls from ten times the
disk's median flush to one and a half (tests/bench/commit.py). SQLite has no setting for this, but a log may
be longer than what is valid in it: whoever reads it stops at the first frame without the log's salts and
checksum, which is how a log that is used again looks too (https://sqlite.org/fileformat2.html, section
4.3). Zeros have neither.

Never over a frame: the zeros are written with O_APPEND, so always behind whatever the file holds at that
moment. Either SQLite makes the file longer first, and they land behind its frames, or they do, and SQLite
overwrites them. SQLite takes no lock on this file, so closing it here releases none.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

FRAME = 4096 + 24
"""A page in the log, with its header."""
_PIECE = bytes(64 << 10)
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


class Ahead:
    """Keeps between a quarter of ``chunk`` and a chunk and a half of zeros behind the last frame.

    ``run`` does slow work beside the writer. A full disk is no failure here: SQLite makes the file longer
    itself, and says so if it can't.
    """

    def __init__(self, log: Path, chunk: int, run: Callable[[Callable[[], None]], None]) -> None:
        self._log = log
        self._chunk = chunk
        self._run = run
        self._left = 0
        self._filling = False

    def spent(self, size: int) -> None:
        """A commit of ``size`` bytes was made: see that there is room for the next ones."""
        if size > self._chunk // 4:  # so large that a longer file costs it little
            self._left = 0
            return
        # what it takes of the log is not told; this is the most (pages of one small row, a split, the root)
        self._left -= 2 * size + 4 * FRAME
        if self._left <= self._chunk // 4 and not self._filling:
            self._filling = True
            self._run(self._fill)

    def _fill(self) -> None:
        """OSError when the disk did not take a write or a flush."""
        try:
            log = os.open(self._log, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
        except FileNotFoundError:  # the segment was closed meanwhile
            return
        try:
            self._left = self._chunk // 2
            if self._used(log, self._left):
                for _ in range(self._chunk // len(_PIECE)):
                    os.write(log, _PIECE)
                os.fdatasync(log)
                self._left = self._chunk
        except OSError as error:
            if error.errno not in _NO_SPACE:
                raise
            self._left = self._chunk  # asked again after as many bytes
        finally:
            os.close(log)
            self._filling = False

    @staticmethod
    def _used(log: int, last: int) -> bool:
        """Whether a frame begins within the file's last bytes; every frame's header holds the log's salts."""
        size = os.fstat(log).st_size
        return size < last + FRAME or any(os.pread(log, 2 * FRAME, size - last))
