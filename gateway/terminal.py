"""What people read on a terminal: problems, tables and lines, always as plain text.

Guarantee: no text is taken for markup, and no control character reaches the terminal. Text of devices and
of files comes here; ``[http]`` stays ``[http]`` and an escape sequence is shown, not obeyed.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

SPACES = "\u00a0\u3000"
"""Not printable to Python, but harmless and common in Chinese text."""
WHOLE = 40
"""Characters of a first column, mostly ids to copy, that is never broken."""
ADVICE = {
    errno.ENOENT: "check the path, or choose another",
    errno.ENOTDIR: "a part of this path is a file where a folder is needed; choose another path",
    errno.EEXIST: "a file stands where a folder is needed; choose another path",
    errno.EISDIR: "a folder stands where a file is needed; choose another path",
    errno.EACCES: "give this user the rights, or choose another path",
    errno.EPERM: "give this user the rights, or choose another path",
    errno.EROFS: "it lies on a read-only file system; choose another path",
    errno.ENOSPC: "the disk is full; free space and try again",
    errno.EADDRINUSE: "another program listens there; end it or set another port",
    errno.EMFILE: "too many files are open; raise this user's limit (ulimit -n)",
}


def plain(value: object) -> str:
    """Text as it is, control and direction characters as escapes; None is empty."""
    text = "" if value is None else str(value)
    return "".join(c if c.isprintable() or c in SPACES else c.encode("unicode_escape").decode() for c in text)


def say(to: Console, text: object) -> None:
    """One line, never wrapped or cut."""
    to.print(Text(plain(text)), soft_wrap=True)


def tell(to: Console, problems: Iterable[str]) -> None:
    """Problems, each beginning with "error:"; a problem's own line breaks stay."""
    for problem in problems:
        body = "\n".join(map(plain, problem.split("\n")))
        to.print(Text.assemble(("error:", "bold red"), " ", body), soft_wrap=True)


def tabulate(to: Console, title: str, rows: Sequence[Sequence[Any]]) -> None:
    """A table of rows, the first of them the heading; "<title>: none" for no rows at all."""
    if not rows:
        say(to, f"{title}: none")
        return
    table = Table(title=Text(plain(title)), title_justify="left")
    cells = [[plain(cell) for cell in row] for row in rows]
    for place, name in enumerate(cells[0]):
        whole = place == 0 and all(len(row[0]) <= WHOLE for row in cells)
        table.add_column(Text(name), overflow="fold", no_wrap=whole)
    for row in cells[1:]:
        table.add_row(*map(Text, row))
    to.print(table)


def of_system(error: OSError) -> str:
    """What the operating system refused, as "<path>: <what>; <what to do>"."""
    what = error.strerror or str(error) or type(error).__name__
    place = f"{error.filename}: " if error.filename is not None else ""
    return f"{place}{what}; {ADVICE.get(error.errno or 0, 'check that path and this machine')}"
