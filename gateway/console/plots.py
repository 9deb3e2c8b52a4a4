"""Plotly's own JavaScript, served from its package: nothing is asked of another site."""

from __future__ import annotations

import gzip
import re
from functools import cache
from importlib.resources import files

from fastapi import FastAPI, Request
from fastapi.responses import Response

from gateway.console.identity import Looking

ADDRESS = "/plotly.min.js"
KEPT_S = 86_400
STYLE_ID = re.compile(r'getElementById\("([0-9a-f]{32,})"\)')


def add_plotly(app: FastAPI) -> None:
    """The route; the file is read when it is first asked for."""

    @app.get(ADDRESS)
    def plotly(request: Request, person: Looking) -> Response:
        del person
        headers = {"Cache-Control": f"private, max-age={KEPT_S}", "Vary": "Accept-Encoding"}
        packed = "gzip" in request.headers.get("accept-encoding", "")
        if packed:
            headers["Content-Encoding"] = "gzip"
        return Response(_library(packed=packed), media_type="text/javascript; charset=utf-8", headers=headers)


@cache
def style_ids() -> tuple[str, ...]:
    """Ids of styles that the file would write into a page, for maps that no page draws, unless an element of
    that id is there: the page's policy would refuse them and say so at each load."""
    return tuple(sorted(set(STYLE_ID.findall(_library(packed=False).decode()))))


@cache
def _library(*, packed: bool) -> bytes:
    plain = files("plotly").joinpath("package_data", "plotly.min.js").read_bytes()
    return gzip.compress(plain, 6, mtime=0) if packed else plain
