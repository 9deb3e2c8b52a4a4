"""What tests of the pages share: a browser for each module, a console of a small city, a page of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.console.look import browsing, city, looking
from tests.console.stand import Stand


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium. It ends with the module: tests with an event loop of their own follow in the same process."""
    with browsing() as made:
        yield made


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    """The console of a small city; li is an operator, sup a supervisor."""
    with Stand(tmp_path / "data") as made:
        made.fleet(city())
        made.person("sup", "supervisor")
        yield made


@pytest.fixture
def page(browser: Any, stand: Stand) -> Iterator[Page]:
    """A page of li's at the console of the module."""
    with looking(browser, stand) as made:
        yield made
