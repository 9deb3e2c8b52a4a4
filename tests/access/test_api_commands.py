"""Commands of programs: carried out once for a key, refused with the reason, never for another's alarm."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import httpx
import pytest

from gateway.access import Scope
from tests.access.test_api import program
from tests.access.test_console import FOREIGN, OWN, of_enterprise
from tests.console.stand import Stand, gas_alarm


@pytest.fixture
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    with Stand(tmp_path_factory.mktemp("commands")) as made:
        made.person("acme", "enterprise", Scope(enterprise="acme"))
        made.person("looker", "regulator")
        made.person("wang", "supervisor")
        made.apply((gas_alarm("GD-1"), True, 60.0), (of_enterprise("GD-9", "other", "west"), True, 70.0))
        yield made


def asked(stand: Stand) -> int:
    return sum(one["op"] == "command" for one in stand.asked)


def test_a_key_acts_once_and_its_repetition_gets_the_recorded_answer(stand: Stand) -> None:
    key = {"Idempotency-Key": "6f1c"}
    with program(stand) as li:
        first = li.post(f"/alarms/{OWN}/acknowledge", json={"occurrence": 1}, headers=key)
        assert (first.status_code, first.json()["accepted"]) == (200, True)
        again = li.post(f"/alarms/{OWN}/acknowledge", json={"occurrence": 1}, headers=key)
        assert (again.status_code, again.headers["idempotency-replayed"]) == (200, "true")
        assert again.json() | {"event": ""} == first.json() | {"event": ""}
        assert asked(stand) == 1
        other = li.post(f"/alarms/{OWN}/acknowledge", json={"occurrence": 2}, headers=key)
        assert (other.status_code, asked(stand)) == (422, 1)
        unkeyed = li.post(f"/alarms/{OWN}/acknowledge", json={"occurrence": 1})
        assert (unkeyed.status_code, unkeyed.json()["accepted"]) == (409, False)
        assert asked(stand) == 2
    assert stand.asked[0]["source"].startswith("API ")
    assert stand.asked[0]["actor"] == "li"


def test_a_refusal_is_remembered_too(stand: Stand) -> None:
    key = {"Idempotency-Key": "second"}
    with program(stand) as li:
        for _ in range(3):
            late = li.post(f"/alarms/{OWN}/acknowledge", json={"occurrence": 7}, headers=key)
            assert (late.status_code, late.json()["accepted"]) == (409, False)
    assert asked(stand) == 1


def test_a_key_belongs_to_its_account(stand: Stand) -> None:
    key = {"Idempotency-Key": "shared"}
    with program(stand) as li, program(stand, "acme", "enterprise", Scope(enterprise="acme")) as acme:
        assert li.post(f"/alarms/{OWN}/comment", json={"comment": "seen"}, headers=key).status_code == 200
        assert acme.post(f"/alarms/{OWN}/comment", json={"comment": "mine"}, headers=key).status_code == 200
    assert asked(stand) == 2


def test_many_at_once_with_one_key_act_once(stand: Stand) -> None:
    found: list[int] = []
    with program(stand) as li:

        def post() -> None:
            answer = httpx.post(
                f"{li.base_url}alarms/{OWN}/comment",
                json={"comment": "once"},
                headers={**li.headers, "Idempotency-Key": "race"},
                trust_env=False,
            )
            found.append(answer.status_code)

        threads = [threading.Thread(target=post) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert asked(stand) == 1
    assert set(found) <= {200, 409}
    assert 200 in found


def test_every_command_of_an_operator(stand: Stand) -> None:
    quiet = "acme/tankfarm/GD-2/lel:H"
    stand.apply((gas_alarm("GD-2", "H", 3), True, 30.0))
    with program(stand) as li:
        shelf = {"reason": "calibration", "for_s": 600}
        assert li.post(f"/alarms/{quiet}/shelve", json=shelf).json()["accepted"]
        assert li.get(f"/alarms/{quiet}").json()["alarm"]["state"] == "shelved"
        assert li.post(f"/alarms/{quiet}/unshelve", json={}).json()["accepted"]
        order = {"work_order": "WO-7", "reason": "cell exchanged"}
        assert li.post(f"/alarms/{quiet}/out_of_service", json=order).json()["accepted"]
        assert li.post(f"/alarms/{quiet}/return_to_service", json={}).json()["accepted"]
        assert li.post(f"/alarms/{quiet}/explode", json={}).status_code == 422
        assert not li.post(f"/alarms/{quiet}/reset", json={}).json()["accepted"], "the condition stands"


def test_no_command_for_an_older_occurrence(stand: Stand) -> None:
    known = gas_alarm("GD-2", "H", 3)
    stand.apply((known, True, 30.0), (known, False, 3.0), (known, True, 31.0))
    order = {"work_order": "WO-7", "reason": "cell exchanged"}
    said = {
        "acknowledge": {}, "reset": {}, "comment": {"comment": "dust"}, "out_of_service": order,
        "shelve": {"reason": "dust", "for_s": 600}, "unshelve": {}, "return_to_service": {},
    }  # fmt: skip
    with program(stand) as li:
        newest = li.get(f"/alarms/{known.id}").json()["alarm"]["occurrence"]
        for action, body in said.items():
            answer = li.post(f"/alarms/{known.id}/{action}", json={**body, "occurrence": newest - 1})
            assert answer.status_code == 409, (action, answer.text)
            assert "look again" in answer.json()["reason_en"]
        shelf = {**said["shelve"], "occurrence": newest}
        assert li.post(f"/alarms/{known.id}/shelve", json=shelf).json()["accepted"]
        assert li.post(f"/alarms/{known.id}/unshelve", json={"occurrence": "1"}).status_code == 422


def test_nobody_acts_on_anothers_alarm_or_without_the_right(stand: Stand) -> None:
    body = {"occurrence": 1}
    with program(stand, "acme", "enterprise", Scope(enterprise="acme")) as acme:
        foreign = acme.post(f"/alarms/{FOREIGN}/acknowledge", json=body)
        nowhere = acme.post("/alarms/other/depot/GD-8/lel:HH/acknowledge", json=body)
        assert (foreign.status_code, foreign.json()) == (404, nowhere.json())
        assert acme.post(f"/alarms/{OWN}/shelve", json={"reason": "x", "for_s": 60}).status_code == 403
    with program(stand, "looker", "regulator") as looker:
        assert looker.post(f"/alarms/{OWN}/acknowledge", json=body).status_code == 403
    assert asked(stand) == 0


@pytest.mark.parametrize(
    ("body", "key"),
    [({}, ""), ({"occurrence": "1"}, ""), ({"occurrence": 1, "more": 1}, ""), ({"occurrence": 1}, "x" * 101)],
)
def test_malformed_requests_reach_nothing(stand: Stand, body: dict[str, object], key: str) -> None:
    with program(stand) as li:
        headers = {"Idempotency-Key": key} if key else {}
        assert li.post(f"/alarms/{OWN}/acknowledge", json=body, headers=headers).status_code == 422
    assert asked(stand) == 0


def test_a_program_follows_what_happens_and_resumes(stand: Stand) -> None:
    seen: list[str] = []
    with program(stand) as li:
        with li.stream("GET", "/stream", params={"after": 0}) as stream:
            for line in stream.iter_lines():
                seen.append(line)
                if len([one for one in seen if one.startswith("id: ")]) == 2:
                    break
        last = next(line for line in reversed(seen) if line.startswith("id: ")).removeprefix("id: ")
        stand.apply((gas_alarm("GD-3"), True, 61.0))
        with li.stream("GET", "/stream", headers={"Last-Event-ID": last}) as stream:
            (first,) = [next(line for line in stream.iter_lines() if line.startswith("id: "))]
    assert int(first.removeprefix("id: ")) == int(last) + 1


def test_a_second_person_finds_the_request_and_confirms_it(stand: Stand) -> None:
    shelf = {"reason": "span gas", "for_s": 600}
    with (
        program(stand) as li,
        program(stand, "wang", "supervisor") as wang,
        program(stand, "acme", "enterprise", Scope(enterprise="acme")) as acme,
    ):
        before = len(li.get("/requests").json()["requests"])
        said = li.post(f"/alarms/{OWN}/shelve", json=shelf).json()
        other = li.post(f"/alarms/{FOREIGN}/shelve", json=shelf).json()
        assert said["accepted"], said
        name = said["event"]
        listed = {one["request"]: one for one in wang.get("/requests").json()["requests"]}
        assert len(listed) == before + 2
        assert (listed[name]["by"], listed[name]["alarms"], listed[name]["yours"]) == ("li", [OWN], False)
        assert {one["request"] for one in acme.get("/requests").json()["requests"]} == {name}
        assert li.post(f"/requests/{name}/confirm", json={}).status_code == 403
        assert acme.post(f"/requests/{other['event']}/decline", json={}).status_code == 403
        assert wang.post("/requests/1-0-0/confirm", json={}).status_code == 404
        assert wang.post(f"/requests/{name}/confirm", json={"x": 1}).status_code == 422
        done = wang.post(f"/requests/{name}/confirm", json={})
        assert (done.status_code, done.json()["accepted"]) == (200, True), done.text
        assert "confirmed by wang" in done.json()["reason_en"]
        assert li.get(f"/alarms/{OWN}").json()["alarm"]["state"] == "shelved"
        back = li.post(f"/requests/{other['event']}/decline", json={"reason": "mistaken"})
        assert "withdrawn by li: mistaken" in back.json()["reason_en"]


def test_a_device_that_nobody_knows_is_not_taken_away(stand: Stand) -> None:
    with program(stand) as li:
        order = {"work_order": "WO-7", "reason": "exchange"}
        assert li.post("/devices/acme/tankfarm/GD-77/out_of_service", json=order).status_code == 404
        assert li.post("/devices/acme/tankfarm/GD-77/return_to_service", json={}).status_code == 404
    assert asked(stand) == 0
