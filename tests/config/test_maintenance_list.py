"""The list of maintenance windows: all that is wrong is told, with file, window and key."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.config import load
from gateway.errors import ConfigError
from gateway.maintenance_list import read_windows
from gateway.monitor.channels import Device
from gateway.wanting import wanted

GAS = "gas/combustible_point"
FLEET = [Device("acme", "plant", "hall", "GD-1", GAS), Device("acme", "plant", "yard", "GD-2", GAS)]
GOOD = {
    "name": '"works"',
    "scope": '"acme/plant"',
    "begin": "2026-03-02T08:00:00",
    "end": "2026-03-02T10:00:00",
    "reason": '"valves are changed"',
    "work_order": '"WO-1"',
    "author": '"li"',
}
WEEKLY = {
    "begin": "2026-03-02",
    "end": "2026-03-15",
    "days": '["mon", "wed"]',
    "at": "22:00:00",
    "until": "02:00:00",
}


def text(**changes: str | None) -> str:
    keys = {**GOOD, **changes}
    return "[[window]]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items() if value is not None)


def told(tmp_path: Path, body: str) -> list[str]:
    file = tmp_path / "maintenance.toml"
    file.write_text(body, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_windows(file, FLEET)
    return [problem.removeprefix(f"{file}: ") for problem in caught.value.problems]


def moments(tmp_path: Path, body: str) -> list[tuple[str, str]]:
    file = tmp_path / "maintenance.toml"
    file.write_text(body, encoding="utf-8")
    (window,) = read_windows(file, FLEET)
    return [(moment(begin), moment(end)) for begin, end in window.spans]


def moment(at_ns: int) -> str:
    return f"{datetime.fromtimestamp(at_ns / 1e9, UTC):%m-%d %H:%M}"


def test_local_times_become_moments(tmp_path: Path) -> None:
    assert moments(tmp_path, text()) == [("03-02 00:00", "03-02 02:00")]
    berlin = text(timezone='"Europe/Berlin"', begin="2026-03-29T01:00:00", end="2026-03-29T04:00:00")
    assert moments(tmp_path, berlin) == [("03-29 00:00", "03-29 02:00")], "the night has an hour less"
    assert moments(tmp_path, text(begin="2026-03-02T00:00:00Z")) == [("03-02 00:00", "03-02 02:00")]


def test_a_weekly_window_over_midnight(tmp_path: Path) -> None:
    assert moments(tmp_path, text(**WEEKLY)) == [
        ("03-02 14:00", "03-02 18:00"),
        ("03-04 14:00", "03-04 18:00"),
        ("03-09 14:00", "03-09 18:00"),
        ("03-11 14:00", "03-11 18:00"),
    ]


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"end": "2026-03-02T07:00:00"}, "end: 2026-03-02 07:00:00 is not after begin 2026-03-02 08:00:00"),
        ({"end": None}, "end: is missing: a window must not be open for ever"),
        ({"begin": '"now"'}, "begin: is no time; write 2026-03-01T08:00:00"),
        ({"begin": "2026-03-02"}, "begin: is a day without time"),
        ({"end": "2026-03-12T10:00:00"}, "end: a window lasts 168 hours at most"),
        ({"scope": '"acme/plant/GD-9"'}, "scope: 'acme/plant/GD-9' is neither a site nor a device"),
        ({"asset": '"attic"'}, "asset: acme/plant has no asset 'attic'"),
        ({"scope": '"acme/plant/GD-1"', "asset": '"hall"'}, "asset: belongs to a site"),
        ({"timezone": '"Peking"'}, "timezone: 'Peking' is not known"),
        ({"reason": '" "'}, "reason: is empty or too long"),
        ({"name": '"a b"'}, "name: is no name"),
        ({"safety_by": '["li"]'}, "safety_by: safety alarms are taken away by two persons"),
        ({"safety_by": '["li", "LI "]'}, "safety_by: safety alarms are taken away by two persons"),
        ({**WEEKLY, "days": '["mo"]'}, "days: ['mo'] is no list of days"),
        ({**WEEKLY, "at": None}, "at: is missing"),
        ({**WEEKLY, "end": "2026-03-01"}, "end: 2026-03-01 is before begin 2026-03-02"),
        ({**WEEKLY, "end": "2028-03-01"}, "end: is more than 366 days after begin"),
        ({**WEEKLY, "begin": "2026-03-03", "end": "2026-03-03"}, "days: none of them lies between"),
        ({**WEEKLY, "begin": "2026-03-02T08:00:00"}, "begin: of a weekly window is its first day"),
    ],
)
def test_what_cannot_be_is_told(tmp_path: Path, changes: dict[str, str | None], found: str) -> None:
    problems = told(tmp_path, text(**changes))
    assert any(f"): {found}" in problem for problem in problems), problems


def test_overlaps_and_names_that_stand_twice(tmp_path: Path) -> None:
    later = text(begin="2026-03-02T09:00:00", end="2026-03-02T11:00:00")
    assert told(tmp_path, text() + later) == [
        "window 2 (works): name: stands twice; give each window a name of its own",
        "window 2 (works): begin: overlaps with works; join or part them",
    ]


def test_a_key_that_is_none_of_ours_and_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert "unknown field `finish`" in told(tmp_path, text(finish="1"))[0]
    with pytest.raises(ConfigError, match="cannot be read"):
        read_windows(tmp_path / "none.toml", FLEET)


def test_the_core_is_told_of_the_windows_that_the_configuration_names(tmp_path: Path) -> None:
    rows = "".join(f"acme,plant,{d.asset},{d.device},{GAS}\n" for d in FLEET)
    (tmp_path / "fleet.csv").write_text("enterprise,site,asset,device,profile\n" + rows)
    (tmp_path / "works.toml").write_text(text())
    config = tmp_path / "riskgate.toml"
    config.write_text('maintenance = "works.toml"\n[upstream]\ngrace_s = 7\n')
    asked = wanted(load(config, {})).suppressing
    assert [w.name for w in asked.windows] == ["works"]
    assert (asked.together_ns, asked.grace_ns) == (60_000_000_000, 7_000_000_000)
    (tmp_path / "works.toml").write_text(text(scope='"acme/nowhere"'))
    with pytest.raises(ConfigError, match=r"works.toml: window 1 \(works\): scope"):
        wanted(load(config, {}))
