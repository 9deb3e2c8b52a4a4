"""The console's pages, one module each: ``ENTRY`` is its place in the navigation, ``add`` its routes.

A new page is a module here, a template that extends ``base.html``, its words in ``console/words`` and, if it
moves, a script in ``static``; it is listed in PAGES, in the order of the navigation.
"""

from __future__ import annotations

from types import ModuleType

from gateway.console.pages import alarms, city_map, coverage, kpis, overview
from gateway.console.show import Entry

PAGES: tuple[ModuleType, ...] = (alarms, overview, city_map, coverage, kpis)


def entries() -> tuple[Entry, ...]:
    """The navigation."""
    return tuple(page.ENTRY for page in PAGES)
