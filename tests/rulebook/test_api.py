"""Rules for programs: proposed, tried in the background and approved by those who may."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
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
from tests.backtest.test_backtest import LOOSER, STRICTER, live
from tests.support.gateway import CACHE
from tests.support.wait import until

ORIGIN = "http://127.0.0.1:9281"
Ask = Callable[..., httpx.Response]


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> DataFolder:
    return live(tmp_path_factory.mktemp("api") / "data")


def asker(data: DataFolder, role: str, scope: Scope = Scope()) -> Ask:  # noqa: B008 - it is frozen
    """A program's questions in the name of an account of this role."""
    clock = SystemClock()
    store = AccessStore(data.console, new_secret)
    account = f"{role}{len(store.accounts())}"
    store.add(account, "", role, scope, time.time_ns())
    token = store.issue(account, role, scope, "", time.time_ns())

    async def ask(method: str, path: str, body: dict[str, Any] | None) -> httpx.Response:
        feed = Feed(data, clock, asyncio.Event())
        app: Any = make_app(feed, data.core_socket, [ORIGIN], "t", Identity(store, clock))
        headers = {"Authorization": f"Bearer {token}"}
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers=headers) as client:
            return await client.request(method, f"/api/v1/{path}", json=body)

    return lambda method, path, **body: asyncio.run(ask(method, path, body if method == "POST" else None))


@pytest.mark.system
def test_proposed_tried_in_the_background_and_approved_by_another(
    recording: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(CACHE))  # else it compiles for minutes first
    engineer, supervisor = asker(recording, "engineer"), asker(recording, "supervisor")
    made = engineer("POST", "proposals", text=LOOSER)
    assert made.status_code == 201
    number = made.json()["number"]
    assert made.json()["backtest"] is None
    assert engineer("GET", f"proposals/{number}/backtest").status_code == 404
    refused = supervisor("POST", f"proposals/{number}/approve")
    assert (refused.status_code, "needs a finished back-test" in refused.json()["detail"]) == (409, True)
    began = engineer("POST", f"proposals/{number}/backtest", since_s=366 * 86_400)
    assert (began.status_code, began.json()["state"]) == (202, "running")
    assert engineer("POST", f"proposals/{number}/backtest").status_code == 409
    path = f"proposals/{number}/backtest"
    until(lambda: engineer("GET", path).json()["state"] != "running", 300, "the back-test's end")
    told = engineer("GET", path).json()
    assert (told["state"], told["result"]["version"]) == ("done", "v2")
    own = engineer("POST", f"proposals/{number}/approve")
    assert (own.status_code, "another person" in own.json()["detail"]) == (409, True)
    done = supervisor("POST", f"proposals/{number}/approve", comment="seen")
    assert (done.status_code, done.json()["state"]) == (200, "in_force")
    assert "next start" in done.json()["result"], "no core runs here"
    assert [one["version"] for one in engineer("GET", "rules").json()["rules"]] == ["v2"]
    assert [s["what"] for s in done.json()["steps"]] == ["proposed", "approved"]


def test_roles_organisations_and_mistakes(recording: DataFolder) -> None:
    operator, engineer = asker(recording, "operator"), asker(recording, "engineer")
    acme, other = (asker(recording, "enterprise", Scope(enterprise=name)) for name in ("acme", "other"))
    text = STRICTER.replace('"v2"', '"v7"')
    assert operator("POST", "proposals", text=text).status_code == 403
    foreign = other("POST", "proposals", text=text)
    assert (foreign.status_code, "devices of others" in foreign.json()["detail"]) == (409, True)
    number = acme("POST", "proposals", text=text).json()["number"]
    assert other("GET", f"proposals/{number}").status_code == 404
    assert other("GET", "proposals").json() == {"proposals": []}
    assert acme("GET", "proposals?state=proposed").json()["proposals"][0]["version"] == "v7"
    assert acme("POST", f"proposals/{number}/approve").status_code == 403
    assert acme("POST", f"proposals/{number}/withdraw").json()["state"] == "withdrawn"
    wrong = engineer("POST", "proposals", text=text.replace("GD-1", "GD-8"))
    assert wrong.status_code == 422
    assert "rules: line 5: no device 'acme/plant/GD-8' in force; did you mean" in wrong.json()["detail"]
    assert engineer("GET", "proposals/99").status_code == 404


def test_the_whole_plants_figures_are_for_the_whole_city(recording: DataFolder, tmp_path: Path) -> None:
    from gateway.rulebook import RuleBook
    from gateway.rulebook.trying import try_it

    engineer, acme = asker(recording, "engineer"), asker(recording, "enterprise", Scope(enterprise="acme"))
    number = engineer("POST", "proposals", text=STRICTER.replace('"v2"', '"v8"')).json()["number"]
    book = RuleBook(recording.rules)
    trial = book.begin(book.proposal(number), "li", 0, time.time_ns())
    try_it(recording, number, trial, 0, time.time_ns)
    assert engineer("GET", f"proposals/{number}/backtest").json()["result"]["figures"]["after"]
    mine = acme("GET", f"proposals/{number}/backtest").json()["result"]
    assert mine["figures"] is None
    assert mine["before"] > 0
