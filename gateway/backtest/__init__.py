"""New rules tried on what was recorded: the alarms that would have been, beside those that were.

Guarantee: reads only. Both sides are the monitor of live, stepped through the same journal entries.
"""

from __future__ import annotations

from gateway.backtest.difference import Difference, Example, PerAlarm, compare
from gateway.backtest.figures import Figures
from gateway.backtest.rules import Rule, RuleSet, in_force, read_rules
from gateway.backtest.stepping import backtest

__all__ = [
    "Difference",
    "Example",
    "Figures",
    "PerAlarm",
    "Rule",
    "RuleSet",
    "backtest",
    "compare",
    "in_force",
    "read_rules",
]
