"""A proposal's back-test: begun, followed and kept in rules.db, wherever it runs.

Guarantee: a back-test that ends leaves its result or the reason why there is none.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from gateway.backtest import Difference, backtest
from gateway.backtest.rules import parse_rules
from gateway.errors import RiskgateError
from gateway.paths import DataFolder
from gateway.rulebook.book import RuleBook

TOUCH_NS = 1_000_000_000
"""How far it is, is written so often at most."""
Told = Callable[[int, int], None]


def try_it(
    data: DataFolder,
    number: int,
    trial: int,
    since_ns: int,
    now_ns: Callable[[], int],
    told: Told = lambda _done, _total: None,
) -> Difference:
    """Back-test a proposal, with figures; ``trial`` was begun in the book. Errors as of ``backtest``."""
    book = RuleBook(data.rules)
    touched_ns = now_ns()

    def went_on(done: int, total: int) -> None:
        nonlocal touched_ns
        told(done, total)
        if now_ns() - touched_ns >= TOUCH_NS:
            touched_ns = now_ns()
            book.went_on(trial, done, total, touched_ns)

    try:
        proposal = book.proposal(number)
        rules = parse_rules(proposal.text, f"proposal {number}")
        found = backtest(data, rules, since_ns, None, went_on, kpi=True)
    except BaseException as error:
        why = str(error) if isinstance(error, RiskgateError) else f"{type(error).__name__}: {error}"
        book.ended(trial, "failed", why[:2000], now_ns())
        raise
    book.ended(trial, "done", msgspec.json.encode(found).decode(), now_ns())
    return found


def start(data: DataFolder, number: int, trial: int, log: Path) -> subprocess.Popen[bytes]:
    """Let a process of its own do it, at the lowest priority; what it says goes into ``log``."""
    words = ["--data", str(data.root), "rules", "backtest", str(number), "--begun", str(trial)]
    with log.open("ab") as file:
        return subprocess.Popen(  # noqa: S603 - our own program
            ["nice", "-n", "10", sys.executable, "-m", "gateway.cli", *words],  # noqa: S607
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
        )
