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
    names = [row[0] for row in listing(config)[1:]]
    for name in names:
        for title, rows in show(config, name):
            assert title
            assert len({len(row) for row in rows}) == 1, (name, title)
    alarms = dict(show(config, "gas/combustible_point"))["Alarms"]
    assert alarms[1][:3] == ("lel", "H", "25 %LEL")


def test_show_of_an_unknown_profile() -> None:
    with pytest.raises(
        ConfigError, match=r"profile gas/combustible: is not known; did you mean gas/combustible_point"
    ):
        show(load(None, {}), "gas/combustible")
