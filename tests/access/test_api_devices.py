"""Devices and readings for programs: each once, in pages, nobody else's."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.access import AccessStore, Scope
from gateway.clock import SystemClock, new_secret
from gateway.console.app import make_app
from gateway.console.feed import Feed
from gateway.console.identity import Identity
from gateway.paths import DataFolder
from tests.kpi.book import Book, gas, ns
from tests.kpi.test_suggest import PERIOD, recorded

ORIGIN = "http://127.0.0.1:9281"
Get = Callable[..., httpx.Response]
VALUES = [float(n) for n in range(25)]


def asker(data: DataFolder, scope: Scope) -> Get:
    """GET as a program of that organisation."""
    clock = SystemClock()
    store = AccessStore(data.console, new_secret)
    account = f"a{len(store.accounts())}"
    store.add(account, "", "operator", scope, time.time_ns())
    token = store.issue(account, "operator", scope, "", time.time_ns())

    async def ask(path: str, params: dict[str, Any]) -> httpx.Response:
        feed = Feed(data, clock, asyncio.Event())
        app: Any = make_app(feed, data.core_socket, [ORIGIN], "t", Identity(store, clock))
        headers = {"Authorization": f"Bearer {token}"}
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers=headers) as client:
            return await client.get(f"/api/v1/{path}", params=params)

    return lambda path, **params: asyncio.run(ask(path, params))


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DataFolder]:
    book = Book(tmp_path_factory.mktemp("fleet"))
    book.start(0)
    many = [gas(n) for n in range(1, 8)] + [gas(n, "other", "west") for n in range(8, 11)]
    book.fleet(0, many)
    book.fleet(1, many[1:])  # GD-1 leaves
    book.alarm(2, gas(2), "lel", "HH", "unacknowledged", active=True)
    yield book.data
    book.close()


@pytest.mark.parametrize("limit", [1, 4, 9, 1000])
def test_pages_hold_every_device_once_by_name(fleet: DataFolder, limit: int) -> None:
    get, found, cursor = asker(fleet, Scope()), [], ""
    while cursor is not None:
        body = get("devices", limit=limit, cursor=cursor).json()
        found += [one["device"] for one in body["devices"]]
        cursor = body["next"]
    assert found == sorted(
        [f"acme/plant/GD-{n}" for n in range(2, 8)] + [f"other/plant/GD-{n}" for n in (8, 9, 10)]
    )


def test_filters_and_organisations(fleet: DataFolder) -> None:
    get = asker(fleet, Scope())
    assert len(get("devices", enterprise="other").json()["devices"]) == 3
    assert len(get("devices", county="north", sector="chem", family="gas").json()["devices"]) == 6
    assert get("devices", enterprise="nobody").json() == {"devices": [], "next": None}
    west = asker(fleet, Scope(county="west"))
    assert {one["enterprise"] for one in west("devices").json()["devices"]} == {"other"}
    assert west("devices", enterprise="acme").json()["devices"] == []


def test_one_device_with_its_alarms_also_one_that_left(fleet: DataFolder) -> None:
    get = asker(fleet, Scope(enterprise="acme"))
    told = get("devices/acme/plant/GD-2").json()
    assert (told["profile"], told["channels"]) == ("gas/combustible_point", ["lel", "temperature"])
    assert told["alarms"] == ["acme/plant/GD-2/lel:HH"]
    assert told["values"] is None, "no core runs here"
    assert get("devices/acme/plant/GD-1").status_code == 200
    foreign, never = get("devices/other/plant/GD-8"), get("devices/other/plant/GD-0")
    assert (foreign.status_code, foreign.json()) == (404, never.json())
    assert get("devices/nonsense").status_code == 404


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> DataFolder:
    return recorded(Book(tmp_path_factory.mktemp("history")), VALUES)


CHANNEL = "acme/plant/GD-1/lel"
PERIOD_MS = {"since_ms": ns(0) // 1_000_000, "until_ms": ns(1000) // 1_000_000}


@pytest.mark.parametrize("limit", [1, 7, 25, 10_000])
def test_pages_hold_every_reading_once_oldest_first(history: DataFolder, limit: int) -> None:
    get, found, cursor = asker(history, Scope()), [], ""
    while cursor is not None:
        body = get("readings", channel=CHANNEL, limit=limit, cursor=cursor, **PERIOD_MS).json()
        found += [one["value"] for one in body["readings"]]
        cursor = body["next"]
    assert found == VALUES
    assert body["unit"] == "%LEL"


def test_a_period_is_a_half_open_interval(history: DataFolder) -> None:
    get = asker(history, Scope())
    begin, end = ns(PERIOD * 3) // 1_000_000, ns(PERIOD * 6) // 1_000_000
    body = get("readings", channel=CHANNEL, since_ms=begin, until_ms=end).json()
    assert [one["value"] for one in body["readings"]] == [3.0, 4.0, 5.0]
    assert get("readings", channel=CHANNEL, since_ms=end, until_ms=end).status_code == 400


@pytest.mark.parametrize("cursor", ["x", "1", "-1-2", "9" * 25])
def test_a_wrong_cursor_is_a_problem(history: DataFolder, cursor: str) -> None:
    answer = asker(history, Scope())("readings", channel=CHANNEL, cursor=cursor, **PERIOD_MS)
    assert answer.status_code == 400
    assert "next" in answer.json()["detail"]


def test_readings_of_others_are_as_if_they_were_not(history: DataFolder) -> None:
    get = asker(history, Scope(enterprise="other"))
    foreign = get("readings", channel=CHANNEL, **PERIOD_MS)
    never = get("readings", channel="acme/plant/GD-77/lel", **PERIOD_MS)
    assert (foreign.status_code, foreign.json()) == (404, never.json())


def test_nothing_recorded_yet_is_said(tmp_path: Path) -> None:
    data = DataFolder(tmp_path)
    data.create()
    assert asker(data, Scope())("devices").status_code == 503
