"""The columns of a fleet list and what each may hold. Equal texts are judged once: lists have a million rows.

What is wrong is told as "column <name>: <what>; <what to do>".
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Collection, Mapping
from datetime import date
from typing import Any, NamedTuple

from device_profiles import Profile, override_problems
from gateway.monitor.channels import Device, Setpoint

COLUMNS = ("enterprise", "site", "asset", "device", "profile")
"""These a list must have."""
ALL_COLUMNS = (
    "enterprise",
    "county",
    "sector",
    "site",
    "asset",
    "device",
    "profile",
    "latitude",
    "longitude",
    "commissioned",
    "expires",
    "overrides",
    "upstream",
    "retired",
    "retired_reason",
)
CHINESE = {
    "企业": "enterprise",
    "区县": "county",
    "行业": "sector",
    "站点": "site",
    "资产": "asset",
    "设备": "device",
    "型号": "profile",
    "纬度": "latitude",
    "经度": "longitude",
    "投用日期": "commissioned",
    "到期日期": "expires",
    "设定值": "overrides",
    "上级设备": "upstream",
    "停用日期": "retired",
    "停用原因": "retired_reason",
}
ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
DAY = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?")
MAX_TEXT = 128
MAX_REASON = 300
MAX_OVERRIDES = 8000
FIRST_YEAR, LAST_YEAR = 1950, 2150
MEMORY = 50_000
"""Texts of one column that are remembered."""


class Retired(NamedTuple):
    """A device that left, since when and why."""

    device: Device
    on: str
    """YYYY-MM-DD."""
    reason: str


class Checks:
    """Judges rows. today: what cannot lie in the future must not lie after it; None asks for none of that."""

    def __init__(self, profiles: Collection[str], parsed: Mapping[str, Profile], today: date | None) -> None:
        self._profiles = profiles
        self._parsed = parsed
        self._today = "" if today is None else today.isoformat()
        self._known: dict[str, dict[str, tuple[Any, str]]] = {name: {} for name in ALL_COLUMNS}
        self._setpoints: dict[tuple[str, str], tuple[tuple[Setpoint, ...], list[str]]] = {}

    def row(self, values: list[str]) -> tuple[Device, Retired | None, list[str]]:
        """(the device, its end if it has one, what is wrong); values: texts in the order of ALL_COLUMNS."""
        faults: list[str] = []
        enterprise = self._of("enterprise", values[0], _identifier, faults)
        county = self._of("county", values[1], _words, faults) if values[1] else ""
        sector = self._of("sector", values[2], _words, faults) if values[2] else ""
        site = self._of("site", values[3], _identifier, faults)
        asset = self._of("asset", values[4], _words, faults)
        if not ID.fullmatch(values[5]):
            faults.append(f"column device: {_identifier(values[5])[1]}")
        profile = self._of("profile", values[6], self._profile, faults)
        latitude, longitude = (
            self._place(values[7], values[8], faults) if values[7] or values[8] else (None, None)
        )
        commissioned = self._of("commissioned", values[9], _day, faults) if values[9] else ""
        expires = self._of("expires", values[10], _day, faults) if values[10] else ""
        setpoints = self._own(profile, values[11], faults) if values[11] else ()
        upstream = _upstream(enterprise, site, values[12], faults) if values[12] else ""
        device = Device(
            enterprise, site, asset, values[5], profile, county, sector,
            latitude, longitude, commissioned, expires, setpoints, upstream,
        )  # fmt: skip
        if expires and commissioned and expires <= commissioned:
            faults.append(
                f"column expires: {expires} is not after commissioned {commissioned}; correct one of them"
            )
        retired = self._end(device, values[13], values[14], faults) if values[13] or values[14] else None
        return device, retired, faults

    def _of(self, column: str, text: str, judge: Callable[[str], tuple[Any, str]], faults: list[str]) -> Any:
        known = self._known[column]
        found = known.get(text)
        if found is None:
            found = judge(text)
            if len(known) < MEMORY:
                known[text] = found
        value, fault = found
        if fault:
            faults.append(f"column {column}: {fault}")
        return value

    def _profile(self, text: str) -> tuple[str, str]:
        if text in self._profiles:
            return text, ""
        near = difflib.get_close_matches(text, self._profiles, 1)
        hint = f"did you mean {near[0]!r}?" if near else "see 'riskgate profiles list'"
        return text, f"{text[:80]!r} is not known; {hint}"

    def _place(self, latitude: str, longitude: str, faults: list[str]) -> tuple[float | None, float | None]:
        north, east = _number(latitude), _number(longitude)
        if not latitude or not longitude:
            missing = "longitude" if latitude else "latitude"
            faults.append(f"column {missing}: is empty; give both latitude and longitude, or none")
        elif north is None or not -90 <= north <= 90:
            swapped = north is not None and east is not None and abs(east) <= 90 and abs(north) <= 180
            fix = "are the two swapped?" if swapped else "give degrees from -90 to 90"
            faults.append(f"column latitude: {latitude[:40]!r} is no latitude; {fix}")
        elif east is None or not -180 <= east <= 180:
            faults.append(
                f"column longitude: {longitude[:40]!r} is no longitude; give degrees from -180 to 180"
            )
        return north, east

    def _own(self, profile: str, text: str, faults: list[str]) -> tuple[Setpoint, ...]:
        key = (profile, text)
        if len(text) > MAX_OVERRIDES:
            faults.append(f"column overrides: has {len(text)} characters; {MAX_OVERRIDES} are taken")
            return ()
        if key not in self._setpoints:
            setpoints, wrong = _setpoints(text)
            if not wrong and profile in self._parsed:
                named = {(s.channel, s.condition): s.value for s in setpoints}
                wrong = override_problems(self._parsed[profile], named)
            self._setpoints[key] = setpoints, wrong
        setpoints, wrong = self._setpoints[key]
        faults += [f"column overrides: {fault}" for fault in wrong]
        return setpoints

    def _end(self, device: Device, text: str, reason: str, faults: list[str]) -> Retired:
        on = self._of("retired", text, _day, faults) if text else ""
        if not text:
            faults.append(
                "column retired: is empty beside retired_reason; give the day, or remove the reason"
            )
        elif not reason or len(reason) > MAX_REASON or not reason.isprintable():
            faults.append(f"column retired_reason: is empty or too long; give 1 to {MAX_REASON} characters")
        elif on and device.commissioned and on < device.commissioned:
            faults.append(
                f"column retired: {on} is before commissioned {device.commissioned}; correct one of them"
            )
        elif self._today and on > self._today:
            faults.append(f"column retired: {on} lies in the future; retire the device on its last day")
        return Retired(device, on, reason)


def _identifier(text: str) -> tuple[str, str]:
    if ID.fullmatch(text):
        return text, ""
    return text, f"{text[:80]!r} is no id; use 1 to 64 of A-Z a-z 0-9 . _ : -"


def _upstream(enterprise: str, site: str, text: str, faults: list[str]) -> str:
    """The key of "<device>" of the same site, or of "<site>/<device>" of the same enterprise."""
    parts = text.split("/")
    if len(parts) > 2 or not all(map(ID.fullmatch, parts)):
        faults.append(
            f"column upstream: {text[:160]!r} is no device; "
            "write the <device> of the same site, or <site>/<device>"
        )
    return "/".join((enterprise, *([site] if len(parts) == 1 else []), *parts))


def _words(text: str) -> tuple[str, str]:
    if text and len(text) <= MAX_TEXT and text.isprintable():
        return text, ""
    return text, f"{text[:80]!r} is empty or too long; give 1 to {MAX_TEXT} printable characters"


def _day(text: str) -> tuple[str, str]:
    found = DAY.fullmatch(text)
    if not found:
        return "", f"{text[:40]!r} is no day; write it as 2026-03-31"
    year, month, day = map(int, found.groups())
    if not FIRST_YEAR <= year <= LAST_YEAR:
        return "", f"{text!r} cannot be: the year is not in {FIRST_YEAR} to {LAST_YEAR}; correct it"
    try:
        return date(year, month, day).isoformat(), ""
    except ValueError:
        return "", f"{text!r} is not in the calendar; correct it"


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _setpoints(text: str) -> tuple[tuple[Setpoint, ...], list[str]]:
    """The setpoints of "lel:H=20; lel:HH=40", in the order of their names."""
    found: dict[tuple[str, str], Setpoint] = {}
    wrong = []
    for part in filter(None, (part.strip() for part in re.split("[;；]", text))):
        name, _, number = part.partition("=")
        channel, _, condition = name.strip().rpartition(":")
        value = _number(number)
        if not channel or not condition or value is None:
            wrong.append(
                f"{part[:80]!r} is no setpoint; write <channel>:<limit>=<number>, such as lel:H=20 "
                "or lel:H.on_delay_s=5"
            )
        elif (channel, condition) in found:
            wrong.append(f"{channel}:{condition} stands twice; keep one")
        else:
            found[channel, condition] = Setpoint(channel, condition, value)
    return tuple(found[key] for key in sorted(found)), wrong
