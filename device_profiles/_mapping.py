"""The keys of a ``[[stream]]`` with ``codec = "mapping"``: each mistake with its key and fix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, cast

from device_profiles._conversions import SAME, WIRE_UNITS, Linear, between, linear, spelled
from device_profiles._model import Point
from device_profiles._tables import Table
from device_profiles.codecs import _times
from device_profiles.codecs._mapped import Grade, MappedReading, Mapping, key_of
from device_profiles.codecs._paths import Path, path

MAX_READINGS = 256
ARRIVAL = "arrival"
GRADES = ("good", "uncertain", "bad")
_UNREADABLE = Path("?", False, ("?",))
"""Stands in for a path that was noted as wrong."""


def settings(table: Table, points: Sequence[Point]) -> Mapping:
    """The mapping of a stream table; what is wrong is noted there."""
    records = _path(table, "records", records=True)
    name = _path(table, "name_path")
    form, at, zone_min = _time(table)
    value = _path(table, "value")
    if value is not None and name is None:
        table.note("value", "has no meaning without name_path; give each [[stream.reading]] its own value")
    quality = _path(table, "quality")
    qualities = {key: cast("Grade", grade) for key, grade in table.choices("qualities", GRADES).items()}
    if table.has("qualities") and not qualities:
        table.note("qualities", 'is empty; list the codes, such as { 0 = "good", 1 = "bad" }')
    other = cast("Grade", table.choice("quality_else", GRADES)) if table.has("quality_else") else None
    common = _Common(name, value, at, form, quality)
    tables = table.tables("reading", MAX_READINGS)
    if not tables:
        table.note("reading", "is missing; add a [[stream.reading]] for every channel that comes here")
    readings = tuple(_reading(t, {p.channel: p for p in points}, common) for t in tables)
    _once(tables, "channel", [r.channel for r in readings])
    if name is not None:
        _once(tables, "called", [r.called for r in readings])
    graded = any(r.quality is not None for r in readings)
    if table.has("qualities") != graded:
        table.note("qualities", "and quality belong together; give both, or neither")
    if other and not graded:
        table.note("quality_else", "has no meaning without quality; remove it")
    return Mapping(
        records=records,
        name=name,
        ignored=_ignored(table, name, readings),
        form=form,
        zone_min=zone_min,
        device=_path(table, "device"),
        boot=_path(table, "boot"),
        seq=_path(table, "seq"),
        qualities=qualities,
        quality_else=other,
        text_numbers=table.boolean("text_numbers", False),
        readings=readings,
    )


class _Common(NamedTuple):
    """What the stream says for all its readings."""

    name: Path | None
    value: Path | None
    time: Path | None
    form: str
    quality: Path | None


def _time(table: Table) -> tuple[str, Path | None, int | None]:
    """(format, path, minutes east of UTC where a text names no zone)."""
    if not table.has("time"):
        table.note("time", 'is missing; say where the time stands, or "arrival" if the device sends none')
        return "", None, None
    said = table.text("time")
    if said == ARRIVAL:
        for key in ("time_format", "time_zone"):
            if table.has(key):
                table.note(key, 'has no meaning with time = "arrival"; remove it')
        return "", None, None
    at = _path(table, "time")
    form = table.choice("time_format", _times.FORMATS)
    zone_min = None
    if table.has("time_zone"):
        try:
            zone_min = _times.zone_minutes(table.text("time_zone"))
        except ValueError as error:
            table.note("time_zone", str(error))
        if form in {"ms", "s"}:
            table.note(
                "time_zone", f"has no meaning with time_format {form!r}, which counts from 1970; remove it"
            )
    elif form == "compact":
        table.note("time_zone", "is missing, and a compact time names no zone; add it, such as +08:00")
    return form, at or _UNREADABLE, zone_min


def _reading(table: Table, points: dict[str, Point], common: _Common) -> MappedReading:
    channel = table.identifier("channel")
    point = points.get(channel)
    if point is None and channel and "" not in points:
        table.note("channel", f"{channel!r} is no channel; choose from {', '.join(points)}")
    called = channel
    if table.has("called"):
        called = table.text("called")
        if common.name is None:
            table.note(
                "called", "has no meaning without the stream's name_path; remove it, or say where names stand"
            )
    value = _path(table, "value") or common.value
    if value is None and not table.has("value"):
        table.note("value", "is missing; say where the value stands, such as data.list[0].val")
    at = common.time
    if table.has("time"):
        at = _path(table, "time")
        if not common.form:
            table.note(
                "time",
                'has no meaning with time = "arrival" of the stream; remove it, or give the stream one',
            )
    values = table.values("values")
    if table.has("values") and not values:
        table.note("values", "is empty; list what may come, such as { on = 1, off = 0 }")
    scale, unit = _scale(table, point, bool(values))
    unit_path = _path(table, "unit_path")
    if unit_path is not None and not unit:
        table.note("unit_path", "has no meaning where no unit is given; remove it")
    made = MappedReading(
        channel=channel,
        called=called,
        value=value or _UNREADABLE,
        linear=scale,
        values=values or None,
        missing=frozenset(_keys(table, "missing")),
        optional=table.boolean("optional", False),
        unit_path=unit_path,
        unit=unit,
        time=at,
        quality=_path(table, "quality") or common.quality,
    )
    table.close()
    return made


def _scale(table: Table, point: Point | None, mapped: bool) -> tuple[Linear, str]:
    """(from the wire to the point's unit, the unit on the wire)."""
    given = [key for key in ("unit", "factor", "offset") if table.has(key)]
    if mapped or (point is not None and point.kind == "discrete"):
        why = "values give the number itself" if mapped else "the point is discrete"
        for key in given:
            table.note(key, f"has no meaning, for {why}; remove it")
        return SAME, ""
    if "unit" not in given:
        table.note("unit", "is missing; say in which unit the vendor sends it")
        return SAME, ""
    said = table.text("unit")
    unit = spelled(said)
    scaled = "factor" in given or "offset" in given
    if scaled:
        factor = table.number("factor", 1.0)
        if factor == 0:
            table.note("factor", "is 0; give what one unit on the wire is in the point's unit")
        return linear(factor, table.number("offset", 0.0)), unit
    if point is None:
        return SAME, unit
    ours = point.wire_unit or point.unit
    found = between(unit, ours)
    if found is None and said:
        known = "is no unit that is known" if unit not in WIRE_UNITS else f"is not {ours!r} by units alone"
        table.note("unit", f"{said!r} {known}; give factor (and offset) to {ours!r}")
    return found or SAME, unit


def _ignored(table: Table, name: Path | None, readings: tuple[MappedReading, ...]) -> frozenset[str]:
    found = _keys(table, "ignored")
    if found and name is None:
        table.note("ignored", "has no meaning without name_path; remove it")
    for both in sorted(set(found) & {r.called for r in readings}):
        table.note("ignored", f"{both!r} is also the name of a reading; keep one")
    return frozenset(found)


def _keys(table: Table, key: str) -> list[str]:
    found = []
    for number, item in enumerate(table.scalars(key)):
        code = key_of(item)
        if code is None:
            table.note(f"{key}[{number}]", "is beyond the numbers that stand for something; correct it")
        else:
            found.append(code)
    return found


def _once(tables: Sequence[Table], key: str, names: Sequence[str]) -> None:
    first: dict[str, int] = {}
    for number, (table, name) in enumerate(zip(tables, names, strict=True), 1):
        if name and name in first:
            table.note(key, f"{name!r} already stands in reading[{first[name]}]; keep one")
        first.setdefault(name, number)


def _path(table: Table, key: str, *, records: bool = False) -> Path | None:
    if not table.has(key):
        return None
    text = table.text(key)
    try:
        return path(text, records=records) if text else None
    except ValueError as error:
        table.note(key, str(error))
        return _UNREADABLE
