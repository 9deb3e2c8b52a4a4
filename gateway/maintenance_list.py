"""The list of maintenance windows, read from its TOML file. Everything wrong is told at once, with file,
window, key and fix. Time zones are applied here, so that the journal holds moments and replay needs no zones.
"""

from __future__ import annotations

import itertools
import re
import tomllib
from collections.abc import Collection, Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from gateway.errors import ConfigError
from gateway.monitor.channels import Device
from gateway.monitor.suppressing import Window

MAX_HOURS = 7 * 24
"""One stretch of a window; what lasts longer is out of service, by work order. The number is ours."""
MAX_DAYS = 366
"""From the first to the last day of a window that comes again every week."""
MAX_WINDOWS = 1000
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_TEXTS = ("reason", "work_order", "author")
MAX_TEXT = 300


class Planned(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One [[window]]."""

    name: str
    """1 to 64 of A-Z a-z 0-9 . _ -"""
    scope: str
    """ "<enterprise>/<site>" or "<enterprise>/<site>/<device>"."""
    reason: str
    work_order: str
    author: str
    asset: str = ""
    """Of the site alone this asset."""
    begin: Any = None
    """Local time; with ``days`` the first day."""
    end: Any = None
    """Local time; with ``days`` the last day."""
    timezone: str = "Asia/Shanghai"
    """Of times that name none."""
    days: list[str] = []
    """mon, tue, ...: every week on these days, from ``at`` to ``until``."""
    at: time | None = None
    until: time | None = None
    """Not after ``at``: on the next day."""
    safety_by: list[str] = []
    """The two persons who want safety alarms (HH, LL, priority 1) suppressed, too."""


class Standing(NamedTuple):
    """A window at some moment: its stretch that is open, else the next one, else the last one."""

    state: Literal["open", "coming", "over"]
    begin_ns: int
    end_ns: int


def standing(window: Window, now_ns: int) -> Standing:
    """How a window stands by the wall clock (ns since 1970); a stretch ends before its end."""
    for begin, end in window.spans:
        if now_ns < end:
            return Standing("open" if begin <= now_ns else "coming", begin, end)
    return Standing("over", *window.spans[-1])


class _Form(msgspec.Struct, forbid_unknown_fields=True):
    window: list[Planned] = []


def read_windows(path: Path, devices: Collection[Device]) -> tuple[Window, ...]:
    """The windows of a file, for this fleet. Raises ConfigError with every problem, "<file>: window <n>
    (<name>): <key>: <what>; <fix>"."""
    try:
        tables = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
        planned = msgspec.convert(tables, _Form).window
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror}; correct 'maintenance'"]) from None
    except (ValueError, RecursionError) as error:  # not TOML, not UTF-8, no window's form
        raise ConfigError([f"{path}: {error}; correct it there"]) from None
    if len(planned) > MAX_WINDOWS:
        raise ConfigError([f"{path}: has {len(planned)} windows, at most {MAX_WINDOWS}; remove those past"])
    sites = {f"{d.enterprise}/{d.site}" for d in devices}
    assets = {(f"{d.enterprise}/{d.site}", d.asset) for d in devices}
    keys = {d.key for d in devices}
    problems: list[str] = []
    windows: list[Window] = []
    for number, one in enumerate(planned, 1):
        place = f"{path}: window {number} ({one.name[:64]})"
        wrong = [*_texts(one), *_scope(one, sites, assets, keys), *_persons(one)]
        spans: tuple[tuple[int, int], ...] = ()
        try:
            spans = _spans(one)
        except ValueError as error:
            wrong.append(str(error))
        if any(one.name == known.name for known in windows):
            wrong.append("name: stands twice; give each window a name of its own")
        problems += [f"{place}: {fault}" for fault in wrong]
        window = Window(
            one.name, one.scope, one.asset, spans, one.reason, one.work_order, one.author,
            tuple(one.safety_by),
        )  # fmt: skip
        problems += [f"{place}: begin: overlaps with {other}; join or part them"
                     for other in _overlapping(window, windows)]  # fmt: skip
        windows.append(window)
    if problems:
        raise ConfigError(problems)
    return tuple(windows)


def _texts(one: Planned) -> Iterator[str]:
    if not _NAME.fullmatch(one.name):
        yield "name: is no name; use 1 to 64 of A-Z a-z 0-9 . _ -"
    for key in _TEXTS:
        text = getattr(one, key)
        if not text.strip() or len(text) > MAX_TEXT or not text.isprintable():
            yield f"{key}: is empty or too long; give 1 to {MAX_TEXT} printable characters"


def _scope(
    one: Planned, sites: Collection[str], assets: Collection[tuple[str, str]], keys: Collection[str]
) -> Iterator[str]:
    if one.scope not in sites and one.scope not in keys:
        yield (
            f"scope: {one.scope[:200]!r} is neither a site nor a device of the fleet; write "
            "<enterprise>/<site> or <enterprise>/<site>/<device>"
        )
    elif one.asset and one.scope in keys:
        yield "asset: belongs to a site, not to a device; remove it"
    elif one.asset and (one.scope, one.asset) not in assets:
        yield f"asset: {one.scope} has no asset {one.asset[:128]!r}; see 'riskgate devices list'"


def _persons(one: Planned) -> Iterator[str]:
    names = {name.strip().casefold() for name in one.safety_by}
    if one.safety_by and (len(one.safety_by) != 2 or len(names) != 2 or "" in names):
        yield "safety_by: safety alarms are taken away by two persons; name two, or leave it out"
    elif any(len(name) > MAX_TEXT or not name.isprintable() for name in one.safety_by):
        yield "safety_by: is no name; write two names"


def _spans(one: Planned) -> tuple[tuple[int, int], ...]:
    """The stretches; ValueError "<key>: <what>; <fix>"."""
    try:
        zone = ZoneInfo(one.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"timezone: {one.timezone[:64]!r} is not known; write it as Asia/Shanghai") from None
    begin, end = one.begin, one.end
    for key, value in (("begin", begin), ("end", end)):
        if value is None:
            raise ValueError(f"{key}: is missing: a window must not be open for ever; add it")
        if not isinstance(value, date):
            raise ValueError(f"{key}: is no time; write 2026-03-01T08:00:00, without quotes")  # noqa: TRY004 - told with the others
    if one.days or one.at is not None or one.until is not None:
        return _weekly(one, zone)
    if not (isinstance(begin, datetime) and isinstance(end, datetime)):
        what = "is a day without time; write 2026-03-01T08:00:00, or give days, at, until"
        raise ValueError(f"begin: {what}")  # noqa: TRY004 - told with the others
    return (_span(begin, end, zone),)


def _weekly(one: Planned, zone: ZoneInfo) -> tuple[tuple[int, int], ...]:
    wrong = [day for day in one.days if day not in DAYS]
    if wrong or not one.days or len(set(one.days)) != len(one.days):
        raise ValueError(f"days: {one.days} is no list of days; choose from {', '.join(DAYS)}, each once")
    if one.at is None or one.until is None or one.at.tzinfo or one.until.tzinfo:
        raise ValueError(
            "at: is missing, or until is, or names a zone; write at = 08:00:00, until = 10:00:00"
        )
    first, last = one.begin, one.end
    if isinstance(first, datetime) or isinstance(last, datetime) or first is None or last is None:
        raise ValueError("begin: of a weekly window is its first day, end its last; write 2026-03-01")
    if last < first:
        raise ValueError(f"end: {last} is before begin {first}; correct one of them")
    if (last - first).days > MAX_DAYS:
        raise ValueError(f"end: is more than {MAX_DAYS} days after begin; end it earlier, and renew it then")
    over = timedelta(days=int(one.until <= one.at))
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    found = tuple(
        _span(datetime.combine(day, one.at), datetime.combine(day + over, one.until), zone)
        for day in days
        if DAYS[day.weekday()] in one.days
    )
    if not found:
        raise ValueError("days: none of them lies between begin and end; correct one of them")
    if any(later[0] < sooner[1] for sooner, later in itertools.pairwise(found)):
        raise ValueError("until: reaches into the next stretch; end it sooner")
    return found


def _span(begin: datetime, end: datetime, zone: ZoneInfo) -> tuple[int, int]:
    first, last = (at if at.tzinfo else at.replace(tzinfo=zone) for at in (begin, end))
    if last <= first:
        raise ValueError(f"end: {end} is not after begin {begin}; correct one of them")
    if last - first > timedelta(hours=MAX_HOURS):
        raise ValueError(
            f"end: a window lasts {MAX_HOURS} hours at most; what takes longer is taken out of service"
        )
    return int(first.timestamp()) * 1_000_000_000, int(last.timestamp()) * 1_000_000_000


def _overlapping(window: Window, others: list[Window]) -> list[str]:
    return [
        other.name
        for other in others
        if (other.scope, other.asset) == (window.scope, window.asset)
        and any(a[0] < b[1] and b[0] < a[1] for a in window.spans for b in other.spans)
    ]
