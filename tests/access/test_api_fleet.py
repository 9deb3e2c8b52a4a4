"""A fleet list by upload: looked at, then in force as any import; hostile lists; nobody else's devices."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.access import Scope
from gateway.config import load
from gateway.console.api.fleet import MAX_ROWS, MAX_TOML
from gateway.console.guard import MAX_FLEET
from gateway.fleet import gather
from tests.access.test_api import program
from tests.console.stand import Stand
from tests.support.wait import PATIENCE

HEADER = "enterprise,county,site,asset,device,profile\n"
OWN = "acme,east,p1,hall,GD-1,gas/combustible_point\n"
OWN_WEST = "acme,west,p1,hall,GD-W,gas/combustible_point\n"
THEIRS = "other,east,depot,secret-hall,GD-9,gas/combustible_point\n"
NEW = "acme,east,p1,hall,GD-2,gas/combustible_point\n"


class Reading(Stand):
    """Takes a reload as the core does: reads the fleet list and journals what it says."""

    refuses = ""

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        if request["op"] != "reload":
            return super()._answer(request)
        if self.refuses:
            return {"accepted": False, "reason_en": self.refuses, "reason_zh": ""}
        config = load(self.data.root / "riskgate.toml", {})
        devices = gather(config.fleet, config.profiles).devices
        self.fleet(devices)
        return {"accepted": True, "changed": True, "devices": len(devices)}


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Reading]:
    (tmp_path / "riskgate.toml").write_text('fleet = "fleet.csv"\n')
    (tmp_path / "fleet.csv").write_text(HEADER + OWN + THEIRS + OWN_WEST)
    with Reading(tmp_path) as made:
        made.person("eng", "engineer")
        made.person("acme", "engineer", Scope(enterprise="acme"))
        made.person("east", "engineer", Scope(county="east"))
        made.person("acme-east", "engineer", Scope("east", "acme"))
        yield made


def sender(
    stand: Stand, who: str = "eng", scope: Scope | None = None, role: str = "engineer"
) -> httpx.Client:
    made = program(stand, who, role, scope)
    made.headers["Content-Type"] = "text/csv"
    return made


def send(client: httpx.Client, body: str | bytes, **query: Any) -> httpx.Response:
    return client.post("/fleet/import", content=body, params=query)


def faults(answer: httpx.Response) -> list[tuple[int | None, str | None]]:
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return [(one["line"], one["column"]) for one in answer.json()["faults"]]


def test_a_list_is_looked_at_and_then_put_in_force_with_who_did_it(stand: Reading) -> None:
    fleet = stand.data.root / "fleet.csv"
    before = fleet.read_bytes()
    whole = HEADER + OWN.replace("hall", "tanks") + OWN_WEST + NEW
    with sender(stand) as client:
        looked = send(client, whole, missing="retire").json()
        assert looked["applied"] is False
        assert (looked["added"], looked["changed"]) == (["acme/p1/GD-2"], ["acme/p1/GD-1"])
        assert (looked["retired"], looked["devices"]) == (["other/depot/GD-9"], 3)
        assert fleet.read_bytes() == before, "only looked at"
        assert not stand.access.changes()[:1] or stand.access.changes()[0].action != "fleet"
        left_out = send(client, whole)
        assert "leaves out other/depot/GD-9" in left_out.json()["faults"][0]["what"]
        stale = send(client, whole, missing="retire", apply=True, fleet="0" * 64)
        assert (stale.status_code, fleet.read_bytes()) == (409, before)
        done = send(client, whole, missing="retire", apply=True, fleet=looked["fleet"])
        assert (done.status_code, done.json()["applied"]) == (200, True)
        assert "the running core has it: 3 devices" in done.json()["core"]
        assert client.get("/devices").json()["devices"][0]["device"] == "acme/p1/GD-1", (
            "the core's, journalled"
        )
        assert len(client.get("/devices").json()["devices"]) == 3
        again = send(client, whole, missing="retire", apply=True).json()
        assert again["counts"] == {"added": 0, "changed": 0, "retired": 0}
    assert fleet.with_name("fleet.csv.old").read_bytes() == before
    change = stand.access.changes()[1]
    assert (change.by, change.action) == ("eng", "fleet")
    assert change.detail.startswith("1 added, 1 changed, 1 retired; the list is now ")


def test_every_fault_is_told_with_row_and_column(stand: Reading) -> None:
    body = HEADER + OWN + THEIRS + OWN_WEST + (
        "acme,east,p 1,hall,GD-2,gas/combustible\n"
        "acme,east,p1,hall,GD-3\n"
        "acme,east,p1,hall,GD-1,gas/combustible_point\n"
    )  # fmt: skip
    with sender(stand) as client:
        answer = send(client, body, apply=True)
        assert faults(answer) == [(5, "site"), (5, "profile"), (6, None), (7, "device")]
        assert str(stand.data.root) not in answer.text
        client.headers["Content-Type"] = "application/toml"
        table = '[[device]]\nenterprise = "acme"\nsite = "p1"\nasset = "h"\n'
        table += 'device = "x y"\nprofile = "gas/combustible_point"\n'
        assert faults(send(client, table, missing="keep")) == [(1, "device")]
        good = send(client, table.replace("x y", "GD-5"), missing="keep").json()
        assert good["added"] == ["acme/p1/GD-5"]


@pytest.mark.parametrize(
    ("who", "scope", "own"),
    [
        ("acme", Scope(enterprise="acme"), OWN + OWN_WEST),
        ("acme-east", Scope("east", "acme"), OWN),
        ("east", Scope(county="east"), OWN + THEIRS),
    ],
)
def test_whoever_is_of_one_organisation_changes_that_only(
    stand: Reading, who: str, scope: Scope, own: str
) -> None:
    with sender(stand, who, scope) as client:
        foreign = [row for row in (OWN, OWN_WEST, THEIRS) if row not in own]
        for row in foreign:
            refused = send(client, HEADER + own + row, apply=True)
            (fault,) = faults(refused)
            assert fault[1] in ("enterprise", "county", "device")
            assert "secret-hall" not in refused.text
        done = send(client, HEADER + own + NEW, apply=True)
        assert (done.status_code, done.json()["added"]) == (200, ["acme/p1/GD-2"])
        assert done.json()["devices"] == (own + NEW).count("\n"), "only one's own are counted"
        retired = send(client, HEADER + own, apply=True, missing="retire")
        assert retired.json()["retired"] == ["acme/p1/GD-2"]
    kept = (stand.data.root / "fleet.csv").read_text()
    assert all(row.split(",")[4] in kept for row in foreign), "others' devices stay"


def test_another_countys_device_is_not_taken_over_by_its_name(stand: Reading) -> None:
    with sender(stand, "acme-east", Scope("east", "acme")) as client:
        refused = send(client, HEADER + OWN + OWN_WEST.replace("west", "east"), apply=True)
        assert faults(refused) == [(3, "device")]


@pytest.mark.parametrize(
    ("cell", "column"),
    [("=cmd|' /C calc'!A0", "asset"), ("@SUM(1)", "asset"), ("+1", "asset"), ("-1", "asset"),
     ("\u202egnp.exe", "asset"), ("a\x00b", "asset"), ("x" * 200, "asset")],
)  # fmt: skip
def test_hostile_cells_are_refused(stand: Reading, cell: str, column: str) -> None:
    quoted = '"' + cell.replace('"', '""') + '"'
    with sender(stand) as client:
        answer = send(client, HEADER + NEW.replace("hall", quoted), missing="keep", apply=True)
        assert faults(answer) == [(2, column)]
        assert "\u202e" not in answer.text


def test_what_is_too_much_is_refused_early(stand: Reading) -> None:
    with sender(stand) as client:
        rows = HEADER + "a,b,c,d,e,f\n" * (MAX_ROWS + 1)
        assert send(client, rows).status_code == 413, "many rows"
        assert send(client, b"x" * (MAX_FLEET + 1)).status_code == 413, "by its length"
        began = time.monotonic()
        assert send(client, "," * (MAX_FLEET - 1)).status_code == 422, "millions of columns"
        wrong = HEADER + "".join(f"a,b,c,d,e{n},gas/{n}\n" for n in range(MAX_ROWS - 1))
        told = send(client, wrong)
        assert told.json()["faults"][-1]["what"].startswith("and at least")
        assert send(client, HEADER + '"' + "x" * (MAX_FLEET - 100)).status_code == 422, "one endless cell"
        overrides = HEADER.replace("profile", "profile,overrides") + NEW.replace(
            "\n", "," + ";a" * 60_000 + "\n"
        )
        assert faults(send(client, overrides, missing="keep")) == [(2, "overrides")]
        client.headers["Content-Type"] = "application/toml"
        assert send(client, b"x" * (MAX_TOML + 1)).status_code == 413
        assert send(client, "device = [" + "{}," * (MAX_TOML // 3 - 10) + "]").status_code == 422
        assert send(client, "a=" + "[" * 100_000).status_code == 422
        assert time.monotonic() - began < 60 * PATIENCE
        client.headers["Content-Type"] = "application/json"
        assert send(client, "{}").status_code == 415
        client.headers["Content-Type"] = "text/csv"
        lying = client.post("/fleet/import", content=iter([b"x" * 100]), headers={"Content-Type": "text/csv"})
        assert lying.status_code == 413, "without a length"
    assert (stand.data.root / "fleet.csv").read_text() == HEADER + OWN + THEIRS + OWN_WEST


def test_who_may_not_does_not(stand: Reading) -> None:
    stand.person("op")
    with sender(stand, "op", role="operator") as client:
        assert send(client, HEADER + NEW).status_code == 403
    with httpx.Client(base_url=f"{stand.url}/api/v1", trust_env=False) as nobody:
        assert (
            nobody.post("/fleet/import", content=NEW, headers={"Content-Type": "text/csv"}).status_code == 403
        )


def test_a_core_that_refuses_is_told(stand: Reading) -> None:
    stand.refuses = "rules in force, proposal 7: other/depot/GD-9 is not there"
    with sender(stand) as client:
        answer = send(client, HEADER + NEW, missing="keep", apply=True)
        assert (answer.status_code, "proposal 7" in answer.json()["detail"]) == (409, True)
    with sender(stand, "acme", Scope(enterprise="acme")) as client:
        answer = send(client, HEADER + NEW, missing="keep", apply=True)
        assert (answer.status_code, "GD-9" in answer.text) == (409, False)
