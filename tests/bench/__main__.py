"""``make bench``: every row of the table, each in a fresh process, printed and written to reports/bench.json.

    python -m tests.bench [--rows raw20,lines] [--rounds 5]

A row whose peer is missing or whose measuring fails is a failed row with the reason. Exit status 1 if any row
does not reach its ``must``. What else runs on the cores is told first, for it is in every figure.
"""

from __future__ import annotations

import argparse
import math
import time

from tests.bench import _machine
from tests.bench._apart import measured
from tests.support.report import Row, write

ROWS = {
    "broker_rate": ("broker", "x naive", ">= 1.5", ">= 2.2"),
    "broker_cpu": ("broker", "x naive", "<= 0.5", "<= 0.25"),
    "raw20": ("live_raw20", "x naive", ">= 2", ">= 3.3"),
    "raw20k": ("live_raw20k", "x naive", ">= 4", ">= 10"),
    "batch100": ("live_batch100", "readings/s", ">= 800000", ">= 800000"),
    "binary": ("live_binary", "readings/s", ">= 2000000", ">= 5000000"),
    "kernel": ("kernel", "x C", "<= 1.3", "<= 1.1"),
    "kernel_sparse": ("kernel", "x C", "<= 1.5", "<= 1.1"),
    "river": ("river", "x river", ">= 10", ">= 40"),
    "lines": ("lines", "x", ">= 10", ">= 40"),
    "drain": ("drain", "x", ">= 2", ">= 5"),
    "commit_p99": ("commit", "x", "<= 20", "<= 8"),
    "puback_p99": ("live_puback", "ms", "<= 50", "<= 10"),
    "webhook_p99": ("live_webhook", "ms", "<= 150", "<= 40"),
    "memory": ("memory", "MB", "<= 900", "<= 500"),
    "restart": ("restart", "s", "<= 10", "<= 3"),
    "replay": ("replay", "/s", ">= 300000", ">= 1000000"),
    "replay_x": ("replay_x", "x", ">= 300", ">= 1000"),
    "transitions": ("transitions", "/s", ">= 10000", ">= 30000"),
    "flood_p1": ("flood", "ms", "<= 250", "<= 100"),
    "flood_webhook": ("flood", "ms", "<= 1000", "<= 300"),
    "kpi": ("kpi", "ms", "<= 500", "<= 100"),
    "backtest": ("backtest", "s", "<= 60", "<= 15"),
    "api_list": ("people_api_list", "ms", "<= 50", "<= 15"),
    "sse": ("people_sse", "ms", "<= 500", "<= 200"),
    "first_screen": ("people_first_screen", "ms", "<= 1000", "<= 400"),
    "core_effect": ("core_effect", "x", "<= 1.5", "<= 1.1"),
    "growth": ("growth", "x", "<= 2", "<= 1.2"),
}
"""Row id -> what measures it, and unit, must and good for when it cannot be measured."""


def failed(row_id: str, reason: str) -> Row:
    """The row of what was not measured: 0 stands for nothing, and it never passes."""
    _, unit, must, good = ROWS[row_id]
    return Row(row_id, "not measured", 0.0, unit, must, good, False, reason)


def run(chosen: list[str], rounds: int) -> list[Row]:
    """The rows in the table's order."""
    done: dict[str, Row] = {}
    for name in dict.fromkeys(ROWS[row_id][0] for row_id in chosen):
        begin = time.monotonic()
        rows = measured(name, rounds)
        reason = rows if isinstance(rows, str) else "its module gave no such row"
        found = {} if isinstance(rows, str) else {row.id: row for row in rows}
        for row_id in (one for one in chosen if ROWS[one][0] == name):
            row = done[row_id] = _finite(found.get(row_id) or failed(row_id, reason))
            verdict = "pass" if row.passed else "FAIL"
            took = f"{time.monotonic() - begin:.0f} s"
            print(f"{row_id}: {row.measured:,.5g} {row.unit}, must {row.must}: {verdict}; {took}", flush=True)
    return [done[row_id] for row_id in chosen]


def _finite(row: Row) -> Row:
    return row if math.isfinite(row.measured) else failed(row.id, f"measured {row.measured}: {row.note}")


def main(words: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rows", default="", help="some rows, with commas between; default: all")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args(words)
    chosen = [row for row in given.rows.replace(",", " ").split() if row] or list(ROWS)
    unknown = sorted(set(chosen) - set(ROWS))
    if unknown or given.rounds < 1:
        parser.error(f"no such row: {', '.join(unknown)}; rows: {', '.join(ROWS)}; rounds: 1 or more")
    print(_machine.header(), flush=True)
    passed = write("bench", run([row for row in ROWS if row in chosen], given.rounds))
    print(_machine.busiest())
    return 0 if passed else 1


if __name__ == "__main__":
    raise SystemExit(main())
