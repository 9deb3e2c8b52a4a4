"""A fleet as the text of a list: what is read from it is the same fleet, every column in its place."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from gateway.fleet._columns import ALL_COLUMNS, Retired
from gateway.monitor.channels import Device


def text_of(path: Path, devices: Iterable[Device], retired: Iterable[Retired]) -> str:
    """The list as CSV, or as TOML if the path ends so."""
    rows = _rows(devices, retired)
    out = io.StringIO(newline="")
    if path.suffix == ".toml":
        for row in rows:
            # a JSON string of printable text is a TOML string
            pairs = (
                f"{k} = {json.dumps(v, ensure_ascii=False)}"
                for k, v in zip(ALL_COLUMNS, row, strict=True)
                if v
            )
            out.write("[[device]]\n" + "\n".join(pairs) + "\n\n")
        return out.getvalue()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(ALL_COLUMNS)
    table.writerows(rows)
    return out.getvalue()


def _rows(devices: Iterable[Device], retired: Iterable[Retired]) -> Iterator[tuple[str, ...]]:
    for device in devices:
        yield (*_row(device), "", "")
    for gone in retired:
        yield (*_row(gone.device), gone.on, gone.reason)


def _row(d: Device) -> tuple[str, ...]:
    own = (
        ";".join(f"{s.channel}:{s.condition}={_number(s.value)}" for s in d.overrides) if d.overrides else ""
    )
    north = "" if d.latitude is None else _number(d.latitude)
    east = "" if d.longitude is None else _number(d.longitude)
    return (
        d.enterprise, d.county, d.sector, d.site, d.asset, d.device, d.profile,
        north, east, d.commissioned, d.expires, own, _upstream(d) if d.upstream else "",
    )  # fmt: skip


def _upstream(d: Device) -> str:
    """As short as it is read again."""
    return d.upstream.removeprefix(f"{d.enterprise}/").removeprefix(f"{d.site}/")


def _number(value: float) -> str:
    """The shortest text that is read as this number."""
    return repr(value).removesuffix(".0")
