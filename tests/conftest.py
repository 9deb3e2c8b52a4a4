"""Shared by every test: the rule that CI skips nothing, and what may run side by side."""

from __future__ import annotations

pytest_plugins = ["tests.support.no_skip", "tests.support.side_by_side"]
