"""/api/v1 through a real server: pages that lose and repeat nothing, tags, problems, nobody else's things."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx
import pytest

from gateway.access import Scope
from tests.access.test_console import FOREIGN, OWN, of_enterprise
from tests.console.stand import Stand, gas_alarm

HOSTILE = ("<script>alert(1)</script>", "=cmd|' /C calc'!A0", "a\nb", "\u202egnp.exe", "../../etc/passwd")


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    with Stand(tmp_path_factory.mktemp("api")) as made:
        made.person("acme", "enterprise", Scope(enterprise="acme"))
        made.person("west", "supervisor", Scope(county="west"))
        made.apply((gas_alarm("GD-1"), True, 60.0), (of_enterprise("GD-9", "other", "west"), True, 70.0))
        for n in range(2, 25):
            made.apply((gas_alarm(f"GD-{n}", "H", 1 + n % 4), True, 30.0))
        yield made


def program(
    stand: Stand, account: str = "li", role: str = "operator", scope: Scope | None = None
) -> httpx.Client:
    token = stand.access.issue(account, role, scope or Scope(), "test", time.time_ns())
    return httpx.Client(
        base_url=f"{stand.url}/api/v1",
        trust_env=False,
        headers={"Authorization": f"Bearer {token}"},
    )


@pytest.fixture
def city(stand: Stand) -> Iterator[httpx.Client]:
    with program(stand) as made:
        yield made


def every(client: httpx.Client, limit: int, **more: str) -> list[str]:
    found, cursor = [], ""
    while True:
        answer = client.get("/alarms", params={"limit": limit, "cursor": cursor, **more})
        assert answer.status_code == 200, answer.text
        body = answer.json()
        found += [row["alarm"] for row in body["alarms"]]
        if body["next"] is None:
            return found
        cursor = body["next"]


@pytest.mark.parametrize("limit", [1, 3, 24, 25, 1000])
def test_pages_hold_every_alarm_once_most_urgent_first(stand: Stand, city: httpx.Client, limit: int) -> None:
    found = every(city, limit)
    whole = city.get("/alarms", params={"limit": 1000}).json()["alarms"]
    assert found == [row["alarm"] for row in whole]
    assert len(set(found)) == len(found) == len(stand.engine)
    assert [row["priority"] for row in whole] == sorted(row["priority"] for row in whole)


def test_an_alarm_that_goes_between_two_pages_hides_no_other(stand: Stand, city: httpx.Client) -> None:
    first = city.get("/alarms", params={"limit": 5}).json()
    extra = gas_alarm("GD-500", "HH", 1)
    stand.apply((extra, True, 60.0))  # newer and more urgent: before the cursor
    rest, cursor = [], first["next"]
    while cursor:
        page = city.get("/alarms", params={"limit": 5, "cursor": cursor}).json()
        rest += [row["alarm"] for row in page["alarms"]]
        cursor = page["next"]
    seen = [row["alarm"] for row in first["alarms"]] + rest
    assert sorted([*seen, extra.id]) == sorted(every(city, 1000))


def test_filters(city: httpx.Client) -> None:
    assert every(city, 7, enterprise="other") == [FOREIGN]
    assert set(every(city, 2, priority="2")) < set(every(city, 1000))
    assert every(city, 10, device="GD-1") == [OWN]


def test_everybody_gets_only_his_own(stand: Stand) -> None:
    with program(stand, "acme", "enterprise", Scope(enterprise="acme")) as acme:
        assert FOREIGN not in every(acme, 4)
        assert OWN in every(acme, 4)
        assert every(acme, 4, enterprise="other") == []
        assert acme.get(f"/alarms/{FOREIGN}").status_code == 404
        assert acme.get(f"/alarms/{FOREIGN}").json() == acme.get("/alarms/acme/none/x/lel:HH").json()
        assert acme.get(f"/alarms/{OWN}").json()["alarm"]["alarm"] == OWN
    with program(stand, "west", "supervisor", Scope(county="west")) as west:
        assert every(west, 2) == [FOREIGN]


def test_one_alarm_tells_its_history(city: httpx.Client) -> None:
    body = city.get(f"/alarms/{OWN}").json()
    assert body["open"] is True
    assert [row["cause"] for row in body["history"]] == ["raised"]
    assert body["alarm"]["response_zh"]
    assert abs(body["alarm"]["at_ms"] / 1000 - time.time()) < 600


def test_an_answer_that_did_not_change_is_not_sent_again(stand: Stand, city: httpx.Client) -> None:
    first = city.get("/alarms")
    again = city.get("/alarms", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    stand.apply((gas_alarm("GD-600", "H", 3), True, 30.0))
    assert city.get("/alarms", headers={"If-None-Match": first.headers["etag"]}).status_code == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [("/alarms?cursor=x", 400), ("/alarms?cursor=-1--1", 400), ("/alarms?limit=0", 422),
     ("/alarms?priority=9", 422), ("/nothing", 404), ("/alarms/", 404),
     ("/kpis?since_ms=5&until_ms=5", 400), ("/coverage?since_ms=0&until_ms=99999999999999", 400),
     ("/kpis?operators=0", 422)],
)  # fmt: skip
def test_what_is_wrong_is_a_problem(city: httpx.Client, path: str, status: int) -> None:
    answer = city.get(path)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == status
    assert body["detail"]
    assert body["detail_zh"]


def test_a_stranger_is_told_so_in_the_same_form(stand: Stand) -> None:
    answer = httpx.get(f"{stand.url}/api/v1/alarms", trust_env=False)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_find_nothing_and_come_back_as_no_markup(city: httpx.Client, name: str) -> None:
    for path, params in (("/alarms", {"device": name}), ("/alarms", {"cursor": name[:20]})):
        answer = city.get(path, params=params)
        assert answer.headers["content-type"] in ("application/json", "application/problem+json")
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert city.get("/alarms/" + httpx.URL("http://x/", params={"a": name}).query.decode()).status_code == 404


def test_figures_of_a_period(city: httpx.Client, stand: Stand) -> None:
    body = city.get("/kpis", params={"operators": 2}).json()
    assert body["operators"] == 2
    assert body["annunciated"] == len(stand.engine)
    assert all({"id", "value", "clause", "source_verified"} <= set(figure) for figure in body["figures"])


def test_the_description_names_every_path_with_an_example(city: httpx.Client) -> None:
    body = city.get("/openapi.json").json()
    assert len(body["paths"]) >= 13
    assert {"/api/v1/alarms/{alarm}", "/api/v1/devices", "/api/v1/readings"} <= set(body["paths"])
    for path, verbs in body["paths"].items():
        for what in verbs.values():
            good = [one for status, one in what["responses"].items() if status.startswith("2")]
            examples = [
                one for one in good if one.get("content", {}).get("application/json", {}).get("example")
            ]
            assert examples or path == "/api/v1/stream", path
