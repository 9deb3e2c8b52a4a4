"""Shared by every test: the rule that CI skips nothing, what may run side by side, how long a wait may be."""

from __future__ import annotations

pytest_plugins = ["tests.support.no_skip", "tests.support.side_by_side", "tests.support.patience"]
