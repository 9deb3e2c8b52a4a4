"""What ``riskgate profiles`` prints."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import load
from gateway.errors import ConfigError
from gateway.fleet import read_profiles
from gateway.profiles_command import check, listing, show


def test_check_of_the_packaged_profiles() -> None:
    rows, problems = check(load(None, {}))
    assert problems == []
    assert rows[0][0] == "profile"
    assert [row[0] for row in rows[1:]] == sorted(read_profiles([]))
    assert all(row[-1] == "ok" and row[3] >= 1 and row[4] >= 1 for row in rows[1:])


def test_check_goes_on_after_a_broken_profile(tmp_path: Path) -> None:
    text = read_profiles([])["pipeline/rtu"]
    (tmp_path / "pipeline").mkdir()
    (tmp_path / "pipeline" / "a.toml").write_text("x", encoding="utf-8")
    (tmp_path / "pipeline" / "b.toml").write_text(text.replace('"wrong_unit"', '"empty"'), encoding="utf-8")
    rows, problems = check(load(None, {"profiles": [str(tmp_path)]}))
    results = {row[0]: row[-1] for row in rows[1:]}
    assert (results["pipeline/a"], results["pipeline/b"], results["pipeline/rtu"]) == (
        "1 problem",
        "1 problem",
        "ok",
    )
    assert problems[0].startswith(f"{tmp_path}/pipeline/a.toml: not TOML")
    assert problems[1] == (
        f"{tmp_path}/pipeline/b.toml: example[4]: expected refused by empty, got refused by wrong_unit; "
        "correct the payload, its readings or refused"
    )


def test_listing_and_show() -> None:
    config = load(None, {})
    families = listing(config)
    assert [family for family, _ in families] == sorted(
        {name.partition("/")[0] for name in read_profiles([])}
    )
    assert all(rows[0] == ("profile", "title / 名称", "points", "alarms") for _, rows in families)
    listed = {row[0]: row[1:] for _, rows in families for row in rows[1:]}
    assert listed["gas/combustible_point"] == (
        "Fixed combustible gas detector, point type / 点型可燃气体探测器（固定式）",
        2,
        2,
    )
    names = [row[0] for _, rows in families for row in rows[1:]]
    assert names == sorted(read_profiles([]))
    for name in names:
        for title, rows in show(config, name):
            assert title
            assert len({len(row) for row in rows}) == 1, (name, title)
    alarms = dict(show(config, "gas/combustible_point"))["Alarms"]
    assert alarms[1][:3] == ("lel", "H", "25 %LEL")


def test_show_tells_of_streams_and_examples() -> None:
    shown = dict(show(load(None, {}), "gas/vendor_mapped"))
    assert ("up", "mapping") in shown["Streams"]
    assert shown["Stream up: mapping"][2] == ("temperature", "TEMP", "val", "$.time", "0.1 ℃", "x 0.1 + -40")
    gives = [row[2] for row in shown["Examples"][1:]]
    assert gives[:3] == ["4 readings", "3 readings", "1 reading, refused by wrong_unit"]


def test_show_of_an_unknown_profile() -> None:
    with pytest.raises(
        ConfigError, match=r"profile gas/combustible: is not known; did you mean gas/combustible_point"
    ):
        show(load(None, {}), "gas/combustible")
