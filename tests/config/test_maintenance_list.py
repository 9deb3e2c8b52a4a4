"""The list of maintenance windows: all that is wrong is told, with file, window and key."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.cli import app
from gateway.config import Config, load
from gateway.doctor.parts import examine_fleet, examine_maintenance
from gateway.errors import ConfigError
from gateway.maintenance_list import Standing, read_windows, standing
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


def ns(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000_000


def test_how_a_window_stands(tmp_path: Path) -> None:
    file = tmp_path / "maintenance.toml"
    file.write_text(text(**WEEKLY))
    [window] = read_windows(file, FLEET)
    first, second = window.spans[:2]
    assert standing(window, first[0] - 1) == Standing("coming", *first)
    assert standing(window, first[0]) == Standing("open", *first)
    assert standing(window, first[1]) == Standing("coming", *second)
    assert standing(window, window.spans[-1][1]) == Standing("over", *window.spans[-1])


def configured(tmp_path: Path, body: str) -> Path:
    """A configuration with FLEET and this list."""
    rows = "".join(f"acme,plant,{d.asset},{d.device},{GAS}\n" for d in FLEET)
    (tmp_path / "fleet.csv").write_text("enterprise,site,asset,device,profile\n" + rows)
    (tmp_path / "works.toml").write_text(body)
    config = tmp_path / "riskgate.toml"
    config.write_text('fleet = "fleet.csv"\nmaintenance = "works.toml"\n')
    return config


def examined(config: Config, now: str) -> list[tuple[str, str]]:
    found, _ = examine_fleet(config)
    return [(f.level, f.found) for f in examine_maintenance(config, found, ns(now))]


def test_the_doctor_looks_at_the_list(tmp_path: Path) -> None:
    config = load(configured(tmp_path, text()), {})
    [(level, said)] = examined(config, "2026-03-02T01:00:00")  # 09:00 in Shanghai
    assert (level, said.endswith("works.toml: 1 open, 0 coming, 0 over")) == ("ok", True)
    (tmp_path / "works.toml").write_text(text(end=None) + text(name='"b"', scope='"acme/nowhere"'))
    bad = examined(config, "2026-03-02T01:00:00")
    assert [level for level, _ in bad] == ["failure", "failure"]
    assert "window 1 (works): end: is missing" in bad[0][1]
    assert "window 2 (b): scope" in bad[1][1]
    (tmp_path / "fleet.csv").write_text("enterprise\n")
    assert [level for level, _ in examined(config, "2026-03-02T01:00:00")] == ["warning"]


def test_the_command_lists_what_is_open_and_what_comes(tmp_path: Path) -> None:
    now = datetime.now(UTC)

    def planned(name: str, begin_h: int, **more: str) -> str:
        begin, end = now + timedelta(hours=begin_h), now + timedelta(hours=begin_h + 2)
        times = {"begin": f"{begin:%Y-%m-%dT%H:%M:%S}Z", "end": f"{end:%Y-%m-%dT%H:%M:%S}Z"}
        return text(name=f'"{name}"', **times, **more)

    body = planned("past", -9) + planned("next", 5) + planned("now", -1, safety_by='["li", "wang"]')
    config = configured(tmp_path, body)

    def listed(*words: str) -> list[tuple[str, str]]:
        ran = CliRunner().invoke(app, ["--config", str(config), "maintenance", "list", "--json", *words])
        assert ran.exit_code == 0, ran.output
        return [(one["window"], one["state"]) for one in json.loads(ran.output)]

    assert listed() == [("now", "open"), ("next", "coming")]
    assert listed("--over") == [("now", "open"), ("past", "over"), ("next", "coming")]
    shown = CliRunner().invoke(app, ["--config", str(config), "maintenance", "list"])
    assert shown.exit_code == 0
    (tmp_path / "works.toml").write_text(planned("now", -1, scope='"acme/nowhere"'))
    refused = CliRunner().invoke(app, ["--config", str(config), "maintenance", "list"])
    assert refused.exit_code != 0
