"""A child process that writes a journal and says what became of each append, a line each.

Arguments: folder, count, payload bytes, segment bytes, ballast file or "-". When the disk is full it
says so, removes the ballast and tries again.
"""

from __future__ import annotations

import sys
from pathlib import Path

from gateway.errors import FlushFailed, JournalFull
from gateway.journal import Journal
from tests.support.entries import packets


def main() -> int:
    folder, count, size, segment_bytes, ballast = sys.argv[1:6]
    journal = Journal(Path(folder), segment_bytes=int(segment_bytes))
    print("open", journal.head.position, flush=True)
    left = int(count)
    fulls = 0
    while left and fulls < 100:
        entry = packets(b"%08d" % left + b"x" * int(size))
        try:
            (position,) = journal.append([entry])
        except JournalFull:
            print("full", journal.head.position, flush=True)
            Path(ballast).unlink(missing_ok=True)
            fulls += 1
        except FlushFailed:
            print("failed", journal.head.position, flush=True)
            left -= 1
        else:
            print("ok", position, flush=True)
            left -= 1
    journal.close()
    print("closed", journal.head.position, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
