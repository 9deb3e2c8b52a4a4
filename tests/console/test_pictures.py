"""Every page, in both languages, at each width, light and dark: nothing beyond the edge, cut off, left in
English, hard to read, or too small for a finger. With RISKGATE_SHOTS each is written as a picture
(``make pictures``)."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.console.look import looking, visiting
from tests.console.pictures import PICTURES, WIDTHS, Picture, Stages
from tests.support.wait import PATIENCE

pytestmark = pytest.mark.system
FINGER_PX = 40
READABLE = 4.5
SEEN = (Path(__file__).parent / "seen.js").read_text()
DRAWN = "(ms) => scrollTo(0, 0) ?? new Promise((done) => requestAnimationFrame(() => setTimeout(done, ms)))"
SETTLED_MS = 600 if "RISKGATE_SHOTS" in os.environ else 150
"""Until plots and maps have followed another size; a picture shows what a person would wait for."""
SETTLES_S = 2.0
"""How long something wrong may take to go by itself on a machine at rest; it is looked at again meanwhile."""


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stages]:
    made = Stages(tmp_path_factory.mktemp("stages"))
    yield made
    made.close()


def opened(page: Page, picture: Picture, url: str, language: str) -> None:
    """The page, ready to be looked at."""
    joint = "&" if "?" in picture.path else "?"
    path, mark, part = picture.path.partition("#")
    page.goto(f"{url}{path}{joint}lang={language}{mark}{part}")
    page.locator(picture.ready).first.wait_for()
    if picture.step is not None:
        picture.step(page)


def words(page: Page) -> dict[str, str]:
    """The words of a page, by key."""
    found: dict[str, str] = json.loads(page.locator("#texts").text_content() or "{}")
    return found


def judged(page: Page, width: int, english: set[str]) -> list[str]:
    """What is wrong with the page as it stands now."""
    touched = width < WIDTHS[0]
    seen = page.evaluate(SEEN, {"finger": FINGER_PX if touched else 0, "readable": READABLE})
    wrong = [f"{kind}: {one}" for kind in ("cut", "small", "pale") for one in seen[kind]]
    if seen["wide"] > width:
        wrong.append(f"{seen['wide']} px wide")
    wrong += [f"English: {text}" for text in seen["texts"] if text in english]
    return wrong


def settled(page: Page, width: int, english: set[str]) -> list[str]:
    """What is still wrong when a busy machine has had time to draw: a plot follows a new width late there."""
    end = time.monotonic() + SETTLES_S * PATIENCE
    while (wrong := judged(page, width, english)) and time.monotonic() < end:
        page.evaluate(DRAWN, SETTLED_MS)
    return wrong


@pytest.mark.parametrize("picture", PICTURES, ids=lambda one: one.name)
def test_a_page_can_be_read_and_used(picture: Picture, browser: Any, stages: Stages, tmp_path: Path) -> None:
    folder = Path(os.environ.get("RISKGATE_SHOTS", tmp_path))
    stand = stages[picture.stage]
    wrong: dict[str, list[str]] = {}
    said: dict[str, dict[str, str]] = {}
    for language in ("en", "zh"):
        with looking(browser, stand, picture.who) if picture.who else visiting(browser, stand) as page:
            opened(page, picture, stand.url, language)
            said[language] = words(page)
            english = {said["en"][key] for key in said["en"] if said["en"][key] != said[language][key]}
            for width in WIDTHS:
                if picture.fresh:
                    page.goto("about:blank")
                    page.set_viewport_size({"width": width, "height": 850})
                    opened(page, picture, stand.url, language)
                for theme in ("light", "dark"):
                    stand.tick()
                    page.set_viewport_size({"width": width, "height": 850})
                    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
                    page.evaluate(DRAWN, SETTLED_MS)
                    name = f"{picture.name}-{language}-{width}-{theme}"
                    if found := settled(page, width, english):
                        wrong[name] = found
                    if "RISKGATE_SHOTS" in os.environ:
                        page.screenshot(path=folder / f"{name}.png", full_page=not picture.window)
    assert not wrong, json.dumps(wrong, indent=1, ensure_ascii=False)
