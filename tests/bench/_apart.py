"""Each module of the bench is measured in a fresh process, so that rows do not disturb each other."""

from __future__ import annotations

import importlib
import multiprocessing
import signal
import sys
from multiprocessing.connection import Connection

from tests.support.report import Row

DEADLINE_S = 420.0
"""Of one module; it is stopped then, and its rows fail."""
LONGER_S = {"backtest": 1200.0}
"""Of those that write a week of readings first."""
END_S = 30.0
"""For ending what it started."""


def measurer(name: str, rounds: int) -> list[Row]:
    """Rows of a module of tests.bench, or of one function of its modules ``live`` and ``people``:
    "live_raw20"."""
    module_name, _, function = name.partition("_")
    if module_name in ("live", "people"):
        rows: list[Row] = getattr(importlib.import_module(f"tests.bench.{module_name}"), function)(rounds)
        return rows
    module = importlib.import_module(f"tests.bench.{name}")
    rows = module.measure(rounds)
    return rows  # noqa: RET504 - says what Any is


def _child(report: Connection, name: str, rounds: int) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # so that what it started ends too
    try:
        report.send(measurer(name, rounds))
    except BaseException as error:
        report.send(f"{type(error).__name__}: {' '.join(str(error).split())[:300]}")


def measured(name: str, rounds: int, deadline_s: float | None = None) -> list[Row] | str:
    """A module's rows, measured in a new process; or why there are none."""
    deadline_s = LONGER_S.get(name, DEADLINE_S) if deadline_s is None else deadline_s
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_child, args=(there, name, rounds))
    process.start()
    there.close()
    try:
        if here.poll(deadline_s):
            rows: list[Row] | str = here.recv()
            process.join(END_S)
            return rows
        return f"not done within {deadline_s:g} s"
    except EOFError:
        return "its process died"
    finally:
        process.terminate()
        process.join(END_S)
        process.kill()
        process.join()
