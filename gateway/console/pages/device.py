"""One device: last values with quality and age, its clock, what is missing, its life, its alarms, trends."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from fastapi import FastAPI, Query, Request
from fastapi.responses import HTMLResponse, Response

from gateway.access import Person
from gateway.alarms.events import AlarmEvent
from gateway.console.answers import readable, tagged
from gateway.console.devices import last_values, open_alarms
from gateway.console.identity import DeniedError, Looking
from gateway.console.pages.alarm import Ms, trend_of
from gateway.console.pages.desk import Desk
from gateway.console.plots import style_ids
from gateway.console.rows import row
from gateway.console.trend import MS, Recorded, limits, recorded
from gateway.console.words.alarms import WORDS as LIST_WORDS
from gateway.console.words.trend import WORDS
from gateway.kpi import Registered, device_of
from gateway.ledger import LedgerReader

HISTORY = 50
DAY_NS = 86_400_000_000_000
CLOCK_READINGS = 1000
"""The newest readings whose way to us tells what the device's clock shows."""

Key = Annotated[str, Query(min_length=1, max_length=200)]
Channel = Annotated[str, Query(min_length=1, max_length=64)]


def add(app: FastAPI, desk: Desk) -> None:
    """The routes."""

    @app.get("/device")
    def page(request: Request, person: Looking, key: Key) -> HTMLResponse:
        _known(desk, key, person)
        return desk.show.page(
            request, person, "device.html", {**LIST_WORDS, **WORDS}, key=key, style_ids=style_ids()
        )

    @app.get("/device/told")
    def told(request: Request, person: Looking, key: Key) -> Response:
        """All that is known of it now."""
        known = _known(desk, key, person)
        with readable():
            return tagged(request, _told(desk, key, known))

    @app.get("/device/records")
    def records(request: Request, person: Looking, key: Key) -> Response:
        """What its readings of the last 24 hours say of it: how many there were of how many, its clock."""
        _known(desk, key, person)
        with readable():
            return tagged(request, _records(desk, key))

    @app.get("/device/trend")
    def trend(
        request: Request, person: Looking, key: Key, channel: Channel, from_ms: Ms, to_ms: Ms
    ) -> Response:
        """The readings of one channel in a stretch, its limits, what was found there."""
        if channel not in _known(desk, key, person).channels:
            raise DeniedError(404, "there is no such channel", "没有该通道")
        return tagged(request, trend_of(desk, key, channel, from_ms, to_ms))


def _known(desk: Desk, key: str, person: Person) -> Registered:
    """A device that is or was in the fleet; another organisation's is answered like one that never was."""
    with readable():
        known = device_of(desk.data.ledger, key, person.scope)
    if known is None:
        raise DeniedError(404, "there is no such device", "没有该设备")
    return known


def _told(desk: Desk, key: str, known: Registered) -> dict[str, Any]:
    found = desk.city.device(key)
    device, profile = found or (None, None)
    values = last_values(desk, key)
    newest = {one["channel"]: one for one in values or ()}
    reader = LedgerReader(desk.data.ledger)
    opened = [row(0, event, event.at_ns) for event in open_alarms(desk, key)]
    history = reader.history_under(f"{key}/", HISTORY)
    return {
        "device": key,
        "in_fleet": found is not None,
        "enterprise": known.enterprise,
        "site": key.split("/")[1],
        "county": known.county,
        "sector": known.sector,
        "asset": device.asset if device else "",
        "location": None
        if device is None or device.latitude is None
        else [device.latitude, device.longitude],
        "profile": known.profile,
        "title_en": profile.title_en if profile else "",
        "title_zh": profile.title_zh if profile else "",
        "edition": profile.edition if profile else "",
        "period_s": profile.period_ns / 1e9 if profile else None,
        "silent_after_s": profile.silent_after_ns / 1e9 if profile else None,
        "commissioned": known.commissioned,
        "expires": device.expires if device else "",
        "core_answers": values is not None,
        "channels": [
            {
                **((limits(profile, device, name) if profile and device else None) or {"channel": name}),
                "last": newest.get(name),
                "alarms": [one["alarm"] for one in opened if one["channel"] == name],
            }
            for name in known.channels
        ],
        "alarms": opened,
        "history": [_event(event) for _, event in reversed(history)],
    }


def _event(event: AlarmEvent) -> dict[str, Any]:
    return {
        "at_ms": event.at_ns // MS,
        "alarm": event.alarm,
        "channel": event.channel,
        "condition": event.condition,
        "priority": event.priority,
        "cause": event.cause,
        "state": event.state,
        "reason_en": event.reason_en,
        "reason_zh": event.reason_zh,
        "actor": event.actor,
    }


def _records(desk: Desk, key: str) -> dict[str, Any]:
    now = desk.clock.wall_ns()
    found = desk.city.device(key)
    if found is None:
        return {"channels": [], "skew_s": None}
    profile = found[1]
    skews, listed = [], []
    for point in profile.points:
        readings = recorded(desk.data, f"{key}/{point.channel}", now - DAY_NS, now)
        count = len(np.unique(readings.at_ns))
        # a device that came within the day is measured from its first reading on
        span = min(DAY_NS, now - int(readings.at_ns.min())) if count else 0
        expected = max(1, span // profile.period_ns)
        missing = None if point.on_event or count < 2 else max(0.0, 100.0 * (1 - count / expected))
        listed.append(
            {
                "channel": point.channel,
                "count": count,
                "bad": int((readings.quality == 2).sum()),
                "missing_percent": None if missing is None else round(missing, 2),
            }
        )
        skews.append(_delays(readings))
    delays = np.concatenate(skews)
    return {
        "channels": listed,
        "skew_s": round(float(np.median(delays)) / 1e9, 3) if len(delays) else None,
    }


def _delays(readings: Recorded) -> Any:
    """How long its newest live readings were on the way by its own clock, ns: mostly what that is off."""
    live = readings.time == 0
    return (readings.received_ns - readings.at_ns)[live][-CLOCK_READINGS:].astype(np.float64)
