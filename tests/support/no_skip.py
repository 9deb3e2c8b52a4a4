"""With RISKGATE_NO_SKIP=1 a skipped test is a failed test: CI has every server, so nothing may be left out.

A pytest plug-in, loaded by tests/conftest.py. Expected failures (xfail) are left as they are.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any

import pytest

SWITCH = "RISKGATE_NO_SKIP"


def _turn(report: Any) -> None:
    if not report.skipped or hasattr(report, "wasxfail") or os.environ.get(SWITCH) != "1":
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    report.outcome = "failed"
    report.longrepr = f"{SWITCH}=1 and this was skipped: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, Any, Any]:
    """Skips by mark, fixture or call."""
    report = yield
    _turn(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, Any, Any]:
    """Skips of whole modules: importorskip, allow_module_level."""
    report = yield
    _turn(report)
    return report
