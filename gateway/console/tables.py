"""Tables that leave the console as files: CSV that a spreadsheet opens without running anything."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from fastapi.responses import Response

from gateway.console.identity import DeniedError
from gateway.errors import JournalError
from gateway.export import safe_cell

BOM = "\ufeff"
"""Without it Excel takes Chinese for another encoding."""


def csv_file(name: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Response:
    """A file to keep, called ``<name>.csv``; ``name`` is ours, never a person's."""
    to = io.StringIO()
    to.write(BOM)
    writer = csv.writer(to, lineterminator="\r\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([safe_cell(cell) for cell in row])
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return Response(to.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


@contextmanager
def recorded() -> Iterator[None]:
    """What is asked within is answered with 503 and the reason while nothing can be read."""
    try:
        yield
    except JournalError as error:
        raise DeniedError(503, f"nothing is recorded here yet: {error}", "尚无记录,或记录无法读取") from error


def utc(ms: int) -> str:
    """A time for a file."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
