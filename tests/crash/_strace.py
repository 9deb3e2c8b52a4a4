"""What a traced process did to its files and sockets, in order, from the output of strace.

A write counts from the moment it began, a flush from the moment it ended, and it covers only what was
written before it began; a send counts from the moment it began. So every doubt is held against the process.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LONGEST = 8 << 20
CALLS = (
    "openat,pwrite64,pwritev,write,writev,sendto,sendmsg,recvfrom,ftruncate,fdatasync,fsync,"
    "rename,renameat,renameat2,unlink,unlinkat"
)


@dataclass(frozen=True, slots=True)
class Write:
    path: str
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Truncate:
    path: str
    size: int


@dataclass(frozen=True, slots=True)
class Sync:
    path: str
    began: int
    """The flush covers events with a smaller order."""


@dataclass(frozen=True, slots=True)
class Rename:
    path: str
    new: str


@dataclass(frozen=True, slots=True)
class Unlink:
    path: str


@dataclass(frozen=True, slots=True)
class Sent:
    socket: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Received:
    socket: str
    data: bytes


Happening = Write | Truncate | Sync | Rename | Unlink | Sent | Received
Event = tuple[int, Happening]
"""Order (a line number of the trace) and what happened."""


def traced(command: Sequence[str], trace: Path, **options: Any) -> subprocess.Popen[bytes]:
    """Start a command under strace; its process is the child of the one returned."""
    strace = shutil.which("strace")
    assert strace is not None, "strace is not installed"
    prefix = [strace, "-f", "--seccomp-bpf", "-yy", "-xx", "-s", str(LONGEST), "-e", f"trace={CALLS}"]
    return subprocess.Popen([*prefix, "-o", str(trace), *command], **options)


def child_of(process: subprocess.Popen[bytes]) -> int:
    """The traced process's id."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    return int(children.split()[0])


_WHOLE = re.compile(r"(\d+) +(\w+)\((.*)\) += (-?\d+)(.*)", re.DOTALL)
_BEGIN = re.compile(r"(\d+) +(\w+)\((.*) <unfinished \.\.\.>", re.DOTALL)
_END = re.compile(r"(\d+) +<\.\.\. (\w+) resumed>(.*)\) += (-?\d+)(.*)", re.DOTALL)
_TARGET = re.compile(r"(\d+)<(?:((?:\\x[0-9a-f]{2})+)|([A-Z0-9-]+:\[[^\]]*\]))[^>]*>+(\(deleted\))?")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?')


@dataclass(frozen=True, slots=True)
class _Call:
    began: int
    ended: int
    name: str
    arguments: str
    result: int
    result_text: str


@dataclass(slots=True)
class _Files:
    """Where the next write without an offset goes."""

    positions: dict[int, int] = field(default_factory=dict)
    appending: set[int] = field(default_factory=set)
    """Descriptors whose every write goes to the end."""
    sizes: dict[str, int] = field(default_factory=dict)

    def place(self, descriptor: int, path: str, size: int) -> int:
        end = self.sizes.get(path, 0)
        at = end if descriptor in self.appending else self.positions.get(descriptor, 0)
        self.positions[descriptor] = at + size
        return at


def events(trace: Path) -> list[Event]:
    """Everything that matters, in order."""
    found: list[Event] = []
    files = _Files()
    for call in sorted(_calls(trace), key=lambda c: c.ended):
        if call.result >= 0:
            for event in _event(call, files):
                found.append(event)
                if isinstance(event[1], Write):
                    path, end = event[1].path, event[1].offset + len(event[1].data)
                    files.sizes[path] = max(files.sizes.get(path, 0), end)
                elif isinstance(event[1], Truncate):
                    files.sizes[event[1].path] = event[1].size
    return sorted(found, key=lambda event: event[0])


def _calls(trace: Path) -> Iterator[_Call]:
    open_calls: dict[str, tuple[int, str]] = {}
    with trace.open(encoding="ascii", errors="replace") as lines:
        for number, line in enumerate(lines):
            if match := _WHOLE.match(line):
                _, name, arguments, result, text = match.groups()
                yield _Call(number, number, name, arguments, int(result), text)
            elif match := _BEGIN.match(line):
                open_calls[match[1]] = (number, match[3])
            elif match := _END.match(line):
                thread, name, rest, result, text = match.groups()
                began, arguments = open_calls.pop(thread)
                yield _Call(began, number, name, arguments + rest, int(result), text)


def _event(call: _Call, files: _Files) -> Iterator[Event]:
    name = call.name
    if name.startswith(("rename", "unlink")):
        paths = _texts(call.arguments)
        if name.startswith("rename"):
            yield call.ended, Rename(paths[0].decode(), paths[1].decode())
        else:
            yield call.ended, Unlink(paths[0].decode())
        return
    if name == "openat":
        target = _target(f"{call.result}{call.result_text}")
        if target is not None:
            yield from _opened(call, target[1], files)
        return
    target = _target(call.arguments)
    if target is None:
        return
    descriptor, path, deleted = target
    if name in ("sendto", "sendmsg", "write", "writev") and path.startswith("TCP"):
        yield call.began, Sent(path, b"".join(_texts(call.arguments))[: call.result])
    elif name == "recvfrom":
        yield call.ended, Received(path, b"".join(_texts(call.arguments))[: call.result])
    elif deleted or not path.startswith("/"):
        return
    elif name in ("fsync", "fdatasync"):
        yield call.ended, Sync(path, call.began)
    elif name == "ftruncate":
        yield call.began, Truncate(path, int(call.arguments.rsplit(",", 1)[1]))
    elif name in ("pwrite64", "pwritev"):
        offset = int(call.arguments.rsplit(",", 1)[1])
        yield call.began, Write(path, offset, b"".join(_texts(call.arguments))[: call.result])
    elif name in ("write", "writev"):
        offset = files.place(descriptor, path, call.result)
        yield call.began, Write(path, offset, b"".join(_texts(call.arguments))[: call.result])


def _opened(call: _Call, path: str, files: _Files) -> Iterator[Event]:
    files.positions[call.result] = 0
    (files.appending.add if "O_APPEND" in call.arguments else files.appending.discard)(call.result)
    if "O_CREAT" in call.arguments:
        yield call.ended, Write(path, 0, b"")  # the name is there, as directory entries count as durable
    if "O_TRUNC" in call.arguments:
        yield call.ended, Truncate(path, 0)


def _target(text: str) -> tuple[int, str, bool] | None:
    """Descriptor, path or socket, and whether the file had lost its name."""
    match = _TARGET.match(text)
    if match is None:
        return None
    path = bytes.fromhex(match[2].replace("\\x", "")).decode() if match[2] else match[3]
    return int(match[1]), path, match[4] is not None


def _texts(arguments: str) -> list[bytes]:
    found = []
    for match in _TEXT.finditer(arguments):
        assert not match[2], f"a call moved more than {LONGEST} bytes at once: raise LONGEST"
        found.append(bytes.fromhex(match[1].replace("\\x", "")))
    return found
