"""The form of every answer: JSON with an ETag, or a problem (RFC 9457)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

import msgspec
from fastapi import Request
from fastapi.responses import JSONResponse, Response

from gateway.errors import JournalError

PREFIX = "/api/v1"
PROBLEM = "application/problem+json"


class ProblemError(Exception):
    """What is wrong with a question, for a person to read. status: of HTTP."""

    def __init__(self, status: int, detail_en: str, detail_zh: str) -> None:
        super().__init__(detail_en)
        self.status, self.detail_en, self.detail_zh = status, detail_en, detail_zh


def problem(status: int, detail_en: str, detail_zh: str) -> JSONResponse:
    """An RFC 9457 answer; the Chinese sentence stands beside the English one."""
    title = HTTPStatus(status).phrase
    body = {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": detail_en,
        "detail_zh": detail_zh,
    }
    return JSONResponse(body, status, media_type=PROBLEM)


def told(_request: Request, error: Exception) -> JSONResponse:
    """The answer to a ProblemError."""
    assert isinstance(error, ProblemError)
    return problem(error.status, error.detail_en, error.detail_zh)


@contextmanager
def readable() -> Iterator[None]:
    """Records that cannot be read are a 503 with the reason."""
    try:
        yield
    except JournalError as error:
        raise ProblemError(503, f"the records cannot be read: {error}", "记录无法读取") from error


def is_api(request: Request) -> bool:
    """Whether a request is one of a program."""
    return request.url.path.startswith(f"{PREFIX}/")


def tagged(request: Request, body: Any) -> Response:
    """The body as JSON with its ETag; 304 if the asker has it already."""
    text = msgspec.json.encode(body)
    tag = f'"{hashlib.sha256(text).hexdigest()[:32]}"'
    known = {part.strip().removeprefix("W/") for part in request.headers.get("if-none-match", "").split(",")}
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if tag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    return Response(text, media_type="application/json", headers=headers)
