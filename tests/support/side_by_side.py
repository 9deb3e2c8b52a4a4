"""With two workers, what starts real servers runs one after another on one of them, the rest on the other.

A pytest plug-in, loaded by tests/conftest.py. The tests of servers mostly wait and the others mostly compute;
two gateways at once would only make each other late.
"""

from __future__ import annotations

import pytest

SERVERS = "servers"
_MARKS = ("system", "crash")


# First, for pytest-xdist looks for the mark in the same hook.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what carries one of these marks into one group."""
    for item in items:
        if any(item.get_closest_marker(mark) for mark in _MARKS):
            item.add_marker(pytest.mark.xdist_group(SERVERS))
