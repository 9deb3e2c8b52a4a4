"""Shared by every test: the rule that CI skips nothing."""

from __future__ import annotations

pytest_plugins = ["tests.support.no_skip"]
