"""Turns a template and its words into a page, in the language of whoever asks.

A language once chosen with ``?lang=`` is kept in a cookie, so that it holds on every page.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Any, NamedTuple

import jinja2
from fastapi import Request
from fastapi.responses import HTMLResponse

from gateway.access import Person, Right
from gateway.console.identity import asker
from gateway.console.texts import LANGUAGES, TEXTS, choose

LANGUAGE_COOKIE = "riskgate_lang"
YEAR_S = 365 * 86_400

Words = Mapping[str, tuple[str, str]]
"""Key -> (English, Chinese): what one page says beyond the words that all share."""


class Entry(NamedTuple):
    """One page in the navigation. name: key of its title in the shared words; right: who sees it there;
    city: only those who see the whole city."""

    path: str
    name: str
    right: Right = Right.LOOK
    city: bool = False

    def shown(self, person: Person) -> bool:
        """Whether it stands in this person's navigation."""
        return person.may(self.right) and (person.scope.whole_city or not self.city)


class Show:
    """Pages of ``templates/``; every one but the login extends ``base.html``."""

    def __init__(self, entries: tuple[Entry, ...] = ()) -> None:
        folder = files("gateway.console")
        self._entries = entries
        self._templates = jinja2.Environment(
            loader=jinja2.FunctionLoader(
                lambda name: folder.joinpath("templates", name).read_text(encoding="utf-8")
            ),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
        )

    def page(
        self, request: Request, person: Person, template: str, words: Words | None = None, **values: Any
    ) -> HTMLResponse:
        """A page for a person who is logged in. ``words`` join the shared ones as ``texts``."""
        language = language_of(request)
        may = sorted(right.value for right in Right if person.may(right))
        entries = [entry for entry in self._entries if entry.shown(person)]
        return self._answer(
            request,
            self._text(
                template,
                language,
                words,
                token=asker(request).csrf,
                person=person,
                may=may,
                entries=entries,
                here=request.url.path,
                **values,
            ),
        )

    def stranger(self, request: Request, template: str, **values: Any) -> HTMLResponse:
        """A page for anybody."""
        return self._answer(request, self._text(template, language_of(request), None, **values))

    def _text(self, template: str, language: str, words: Words | None, **values: Any) -> str:
        own = {key: said[language == "zh"] for key, said in (words or {}).items()}
        shown = {"language": language, "languages": LANGUAGES, "texts": TEXTS[language] | own}
        return self._templates.get_template(template).render(**shown, **values)

    @staticmethod
    def _answer(request: Request, text: str) -> HTMLResponse:
        answer = HTMLResponse(text)
        wanted = request.query_params.get("lang", "")
        if wanted in LANGUAGES:
            answer.set_cookie(LANGUAGE_COOKIE, wanted, max_age=YEAR_S, path="/", samesite="lax")
        return answer


def language_of(request: Request) -> str:
    """The language asked for now, else the one asked for before, else the browser's."""
    wanted = request.query_params.get("lang", "") or request.cookies.get(LANGUAGE_COOKIE, "")
    return choose(wanted, request.headers.get("accept-language", ""))
