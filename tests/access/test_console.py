"""Every route asks who it is; nobody sees or touches another organisation's; sessions and tokens through a
real server."""

from __future__ import annotations

import asyncio
import json
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute

from gateway.access import ROLES, AccessStore, Right, Scope
from gateway.alarms.definition import Definition
from gateway.clock import SystemClock, new_secret
from gateway.console.app import make_routes
from gateway.console.feed import Feed
from gateway.console.identity import Identity, declared
from gateway.paths import DataFolder
from tests.access.authz import KINDS, matrix
from tests.console.stand import PASSWORD, Stand, gas_alarm
from tests.support.wait import until

OWN = "acme/tankfarm/GD-1/lel:HH"
FOREIGN = "other/depot/GD-9/lel:HH"


def of_enterprise(device: str, enterprise: str, county: str) -> Definition:
    """A gas alarm of another organisation."""
    import msgspec

    made = gas_alarm(device)
    return msgspec.structs.replace(
        made, id=f"{enterprise}/depot/{device}/lel:HH", enterprise=enterprise, site="depot", county=county
    )


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    with Stand(tmp_path_factory.mktemp("access")) as made:
        made.person("city")
        made.person("acme", "enterprise", Scope(enterprise="acme"))
        made.person("west", "supervisor", Scope(county="west"))
        made.person("looker", "regulator")
        made.apply((gas_alarm("GD-1"), True, 60.0), (of_enterprise("GD-9", "other", "west"), True, 70.0))
        yield made


def client(stand: Stand, account: str = "") -> httpx.Client:
    cookies = stand.cookie(account) if account else None
    return httpx.Client(base_url=stand.url, trust_env=False, cookies=cookies)


def order(stand: Stand, who: httpx.Client, path: str, body: Any) -> httpx.Response:
    headers = {"Origin": stand.url, "X-CSRF-Token": stand.token(who), "Content-Type": "application/json"}
    return who.post(path, content=json.dumps(body), headers=headers)


def test_every_route_declares_who_may() -> None:
    async def routes() -> list[APIRoute]:
        data, clock = DataFolder(Path("/nowhere")), SystemClock()
        feed = Feed(data, clock, asyncio.Event())
        identity = Identity(AccessStore(Path(":memory:"), new_secret), clock)
        app = make_routes(feed, Path("/nowhere"), "t", identity, secure=False)
        return [route for route in app.routes if isinstance(route, APIRoute)]

    found = asyncio.run(routes())
    Path(":memory:").unlink(missing_ok=True)
    assert len(found) >= 10
    for route in found:
        said = [d.call for d in route.dependant.dependencies if d.call is not None and declared(d.call)]
        assert len(said) == 1, f"{route.methods} {route.path} declares {len(said)} times who may"


def test_the_matrix_of_routes_roles_and_organisations_has_no_leak() -> None:
    rows = matrix()
    assert {row.role.partition(".")[0] for row in rows} == {"stranger", *ROLES}
    wrong = [row for row in rows if row.status not in row.allowed]
    assert not wrong, wrong
    assert not [row for row in rows if row.leaks or row.strays]
    assert frozenset().union(*(row.done for row in rows)) >= KINDS, "each command is carried out for somebody"


def test_strangers_get_the_login_and_nothing_else(stand: Stand) -> None:
    with client(stand) as nobody:
        answer = nobody.get("/", headers={"Accept": "text/html"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=/")
        for path in ("/alarms", "/alarms/stream"):
            assert nobody.get(path).status_code == 401
        page = nobody.get("/login")
        assert "GD-1" not in page.text
        token = page.text.partition('csrf-token" content="')[2].partition('"')[0]
        headers = {"Origin": stand.url, "X-CSRF-Token": token}
        aim = {"alarm": OWN, "occurrence": 1}
        assert nobody.post("/alarms/acknowledge", json=aim, headers=headers).status_code == 401


def test_a_login_sets_a_cookie_that_scripts_and_other_sites_do_not_get(stand: Stand) -> None:
    with client(stand) as nobody:
        token = nobody.get("/login").text.partition('csrf-token" content="')[2].partition('"')[0]
        headers = {"Origin": stand.url, "X-CSRF-Token": token}
        wrong = nobody.post("/login", json={"account": "city", "password": "no"}, headers=headers)
        unknown = nobody.post("/login", json={"account": "nobody", "password": "no"}, headers=headers)
        assert (wrong.status_code, wrong.json()) == (401, unknown.json())
        assert "set-cookie" not in wrong.headers
        right = nobody.post("/login", json={"account": "city", "password": PASSWORD}, headers=headers)
        kept = right.headers["set-cookie"].lower()
        assert "httponly" in kept
        assert "samesite=lax" in kept
        assert nobody.get("/alarms").status_code == 200
        before = nobody.cookies["riskgate_session"]
        again = {"Origin": stand.url, "X-CSRF-Token": stand.token(nobody)}
        assert nobody.post("/login", json={"account": "city", "password": PASSWORD}, headers=again).is_success
        assert nobody.cookies["riskgate_session"] != before
        assert stand.access.session(before, time.time_ns()) is None, "the old session is over"


def test_the_login_goes_back_to_pages_of_ours_only(stand: Stand) -> None:
    with client(stand) as nobody:
        for back in ("//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)"):
            assert 'data-back="/"' in nobody.get("/login", params={"next": back}).text
        assert 'data-back="/?lang=zh"' in nobody.get("/login", params={"next": "/?lang=zh"}).text


def alarms(who: httpx.Client) -> set[str]:
    answer = who.get("/alarms").json()
    assert answer["total"] == len(answer["rows"])
    return {row["alarm"] for row in answer["rows"]}


def test_everybody_sees_only_his_own(stand: Stand) -> None:
    for account, sees in {"city": {OWN, FOREIGN}, "acme": {OWN}, "west": {FOREIGN}}.items():
        with client(stand, account) as who:
            assert alarms(who) == sees, account


def test_the_stream_gives_everybody_only_his_own(stand: Stand) -> None:
    with client(stand, "acme") as who, who.stream("GET", "/alarms/stream", params={"after": 0}) as stream:
        told = []
        for line in stream.iter_lines():
            if line.startswith("data: "):
                told.append(json.loads(line[6:]))
            if any("alarm" in one for one in told) and any("now_ms" in one for one in told):
                break
        assert {one["alarm"] for one in told if "alarm" in one} == {OWN}
        assert not any("devices" in one or "effective" in one for one in told)


@pytest.mark.parametrize("path", ["/alarms/acknowledge", "/alarms/reset"])
def test_anothers_alarm_is_answered_like_one_that_is_not_there(stand: Stand, path: str) -> None:
    with client(stand, "acme") as who:
        asked = len(stand.asked)
        foreign = order(stand, who, path, {"alarm": FOREIGN, "occurrence": 1})
        nothing = order(stand, who, path, {"alarm": "acme/nowhere/X/lel:HH", "occurrence": 1})
        assert foreign.status_code == nothing.status_code == 404
        assert foreign.json() == nothing.json()
        assert len(stand.asked) == asked, "the core was not asked"


def test_the_ledger_keeps_who_acted(stand: Stand) -> None:
    with client(stand, "acme") as who:
        done = order(stand, who, "/alarms/acknowledge", {"alarm": OWN, "occurrence": 1, "comment": "going"})
        assert done.status_code == 200, done.text
    asked = stand.asked[-1]
    assert (asked["actor"], asked["role"], asked["organisation"]) == ("acme", "enterprise", "acme")


def test_who_may_only_look_may_not_act(stand: Stand) -> None:
    with client(stand, "looker") as who:
        answer = order(stand, who, "/alarms/acknowledge", {"alarm": OWN, "occurrence": 1})
        assert answer.status_code == 403
        assert "regulator" in answer.json()["reason_en"]


def test_a_session_does_not_act_with_anothers_token_of_the_page(stand: Stand) -> None:
    with client(stand, "city") as one, client(stand, "looker") as two:
        headers = {"Origin": stand.url, "X-CSRF-Token": stand.token(two)}
        refused = one.post("/alarms/reset", json={"alarm": OWN, "occurrence": 1}, headers=headers)
        assert refused.status_code == 403


def test_a_program_uses_its_token_and_neither_origin_nor_cookie(stand: Stand) -> None:
    token = stand.access.issue("city", "operator", Scope(enterprise="acme"), "script", time.time_ns())
    with client(stand) as program:
        program.headers["Authorization"] = f"Bearer {token}"
        assert alarms(program) == {OWN}
        answer = program.post("/alarms/acknowledge", json={"alarm": FOREIGN, "occurrence": 1})
        assert answer.status_code == 404
        program.headers["Authorization"] = f"Bearer {token[:-1]}x"
        assert program.get("/alarms").status_code == 401
        program.headers["Authorization"] = f"Bearer {token}"
        stand.access.revoke(token.split(".")[1], time.time_ns())
        assert program.get("/alarms").status_code == 401


def test_a_wrong_token_does_not_fall_back_to_the_cookie(stand: Stand) -> None:
    with client(stand, "city") as who:
        assert who.get("/alarms", headers={"Authorization": "Bearer rgt.none.at-all"}).status_code == 401


def test_an_account_that_is_switched_off_is_out_at_once(stand: Stand) -> None:
    stand.person("leaver")
    with client(stand, "leaver") as who:
        assert who.get("/alarms").status_code == 200
        stand.access.enable("leaver", time.time_ns(), enabled=False)
        assert who.get("/alarms").status_code == 401


def test_the_first_start_prints_a_link_and_no_password(tmp_path: Path) -> None:
    with Stand(tmp_path / "data", people=False) as stand:
        file = stand.data.first_login
        until(lambda: file.exists() and "first-login" in stand.log(), 10, "the link is told")
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        key = file.read_text().strip().rpartition("/")[2]
        assert key not in stand.log(), "no secret in a log"
        with client(stand) as nobody:
            token = nobody.get("/login").text.partition('csrf-token" content="')[2].partition('"')[0]
            headers = {"Origin": stand.url, "X-CSRF-Token": token}
            chosen = nobody.post("/welcome", json={"key": key, "password": PASSWORD}, headers=headers)
            assert chosen.status_code == 200, chosen.text
            assert nobody.get("/alarms").status_code == 200
            assert nobody.post("/welcome", json={"key": key, "password": PASSWORD}, headers=headers).is_error
        (admin,) = stand.access.accounts()
        assert (admin.id, admin.role) == ("admin", "admin")


def test_rights_are_named_once() -> None:
    assert len(Right) == len({right.value for right in Right})
