"""The console's pages, one module each: ``add`` its routes, ``ENTRY`` its place in the navigation if any.

A new page is a module here, a template that extends ``base.html``, its words in ``console/words`` and, if it
moves, a script in ``static``; it is listed in PAGES, in the order of the navigation.
"""

from __future__ import annotations

from types import ModuleType

from gateway.console.pages import (
    accounts,
    alarm,
    alarms,
    city_map,
    coverage,
    deliveries,
    device,
    duty,
    kpis,
    overview,
    rulebook,
    runs,
    system,
)
from gateway.console.show import Entry

PAGES: tuple[ModuleType, ...] = (
    alarms,
    overview,
    city_map,
    coverage,
    kpis,
    rulebook,
    deliveries,
    system,
    duty,
    runs,
    accounts,
    alarm,
    device,
)


def entries() -> tuple[Entry, ...]:
    """The navigation."""
    return tuple(page.ENTRY for page in PAGES if hasattr(page, "ENTRY"))
