"""The fleet list and the profile files: encodings, and every mistake with its line and its fix."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.errors import ConfigError
from gateway.fleet import check_profiles, gather, read_fleet, read_profiles
from gateway.monitor.channels import Device

HEADER = "enterprise,site,asset,device,profile\n"
KNOWN = ["gas/combustible_point", "pipeline/rtu"]


def write(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "fleet.csv"
    path.write_bytes(text.encode(encoding))
    return path


def problems(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read_fleet(path, KNOWN)
    return [problem.removeprefix(f"{path}: ") for problem in caught.value.problems]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_encodings(tmp_path: Path, encoding: str, newline: str) -> None:
    text = HEADER + "city-gas,east,储罐区,GD-1,gas/combustible_point\n\n city-gas , east ,,,\n"
    text = text.replace(",,,", ",P-2,GD-2,pipeline/rtu").replace("\n", newline)
    warnings: list[str] = []
    path = write(tmp_path, text, encoding)
    assert read_fleet(path, KNOWN, warnings) == [
        Device("city-gas", "east", "储罐区", "GD-1", "gas/combustible_point"),
        Device("city-gas", "east", "P-2", "GD-2", "pipeline/rtu"),
    ]
    assert warnings == (
        [f"{path}: read as GBK (line 2 is not UTF-8); better save it as UTF-8"] if encoding == "gbk" else []
    )


def test_columns_in_any_order_and_further_ones(tmp_path: Path) -> None:
    path = write(tmp_path, "Device,profile,note,asset,site,enterprise\nGD-1,pipeline/rtu,x,A,s,e\n")
    warnings: list[str] = []
    assert read_fleet(path, KNOWN, warnings) == [Device("e", "s", "A", "GD-1", "pipeline/rtu")]
    assert warnings == [f"{path}: line 1: columns not used: note"]


def test_an_empty_fleet_is_a_warning(tmp_path: Path) -> None:
    warnings: list[str] = []
    assert read_fleet(write(tmp_path, HEADER), KNOWN, warnings) == []
    assert "holds no device" in warnings[0]


def test_every_mistake_with_its_line(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        HEADER
        + "e,s,A,GD-1,pipeline/rtu\n"
        + "e,s,B,GD-1,pipeline/rtu\n"
        + "\n"
        + "e,s,B,GD/2,pipeline/rtu\n"
        + 'e,"s 1",,GD-3,pipeline/rtv\n'
        + f"e,s,B,{'x' * 65},gas\n"
        + "e,s2,B,GD-1,pipeline/rtu\n",
    )
    assert problems(path) == [
        "line 3, column device: e/s/GD-1 already stands in line 2; remove one or rename it",
        "line 5, column device: 'GD/2' is no id; use 1 to 64 of A-Z a-z 0-9 . _ : -",
        "line 6, column site: 's 1' is no id; use 1 to 64 of A-Z a-z 0-9 . _ : -",
        "line 6, column asset: '' is empty or too long; give 1 to 128 printable characters",
        "line 6, column profile: 'pipeline/rtv' is not known; did you mean 'pipeline/rtu'?",
        f"line 7, column device: {'x' * 65!r} is no id; use 1 to 64 of A-Z a-z 0-9 . _ : -",
        "line 7, column profile: 'gas' is not known; see 'riskgate profiles list'",
    ]


def test_a_quoted_line_break_keeps_the_line_numbers(tmp_path: Path) -> None:
    path = write(tmp_path, HEADER + 'e,s,"A\nB",GD-1,pipeline/rtu\ne,s,A,GD 2,pipeline/rtu\n')
    assert problems(path) == [
        "line 2, column asset: 'A\\nB' is empty or too long; give 1 to 128 printable characters",
        "line 4, column device: 'GD 2' is no id; use 1 to 64 of A-Z a-z 0-9 . _ : -",
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is empty; begin it with the line enterprise,site,asset,device,profile"),
        ("enterprise,site,device\n", "line 1: no column asset, profile; begin with"),
        ("enterprise;site;asset;device;profile\n", "(is it separated by commas?)"),
        ("enterprise,site,asset,device,profile,site\n", "line 1: column site stands twice; keep one"),
        (HEADER + "e,s,A,GD-1\n", "line 2: has 4 cells, the header has 5; check commas and quotes"),
        (HEADER + 'e,s,"A,GD-1,pipeline/rtu\n', "unexpected end of data; check the quotes there"),
        (HEADER + 'e,s,"A"B,GD-1,pipeline/rtu\n', "check the quotes there"),
    ],
)
def test_broken_lists(tmp_path: Path, text: str, told: str) -> None:
    found = problems(write(tmp_path, text))
    assert len(found) == 1
    assert told in found[0]


def test_neither_utf8_nor_gbk(tmp_path: Path) -> None:
    path = tmp_path / "fleet.csv"
    path.write_bytes(HEADER.encode() + b"e,s,\xff\xff,GD-1,pipeline/rtu\n")
    assert problems(path) == ["line 2: neither UTF-8 nor GBK; save the file as UTF-8"]


def test_no_file(tmp_path: Path) -> None:
    (told,) = problems(tmp_path / "none.csv")
    assert told.startswith(
        "cannot be read: No such file or directory; create it with the columns enterprise,"
    )


def test_a_great_many_mistakes_are_counted(tmp_path: Path) -> None:
    found = problems(write(tmp_path, HEADER + "e,s,A,G D,pipeline/rtu\n" * 500))
    assert len(found) == 201
    assert found[-1] == "and 300 more problems"


def test_profiles_of_further_folders(tmp_path: Path) -> None:
    packaged = read_profiles([])
    (tmp_path / "gas").mkdir()
    (tmp_path / "gas" / "mine.toml").write_text(packaged["gas/combustible_point"], encoding="utf-8-sig")
    (tmp_path / "gas" / "notes.txt").write_text("not a profile")
    places: dict[str, str] = {}
    texts = read_profiles([tmp_path], places)
    assert set(texts) == set(places) == set(packaged) | {"gas/mine"}
    assert places["gas/mine"] == f"{tmp_path}/gas/mine.toml"
    assert places["gas/combustible_point"] == "device_profiles/gas/combustible_point.toml"
    profiles = check_profiles(texts, places)
    assert profiles["gas/mine"].points == profiles["gas/combustible_point"].points


def test_every_problem_of_every_file(tmp_path: Path) -> None:
    (tmp_path / "gas").mkdir()
    (tmp_path / "stray.toml").write_text("")
    (tmp_path / "gas" / "combustible_point.toml").write_text("")
    (tmp_path / "gas" / "gbk.toml").write_bytes("# 说明".encode("gbk"))
    with pytest.raises(ConfigError) as caught:
        read_profiles([tmp_path, tmp_path / "gone"])
    assert caught.value.problems == [
        f"{tmp_path}/stray.toml: lies outside a family; move it to {tmp_path}/<family>/stray.toml",
        (
            f"{tmp_path}/gas/combustible_point.toml: profile gas/combustible_point exists already in "
            "device_profiles/gas/combustible_point.toml; rename this file"
        ),
        f"{tmp_path}/gas/gbk.toml: byte 4 is not UTF-8; save the file as UTF-8",
        f"{tmp_path}/gone: is no folder; create it, or correct 'profiles' in the configuration",
    ]


def test_broken_profiles_and_a_broken_fleet_are_told_together(tmp_path: Path) -> None:
    packaged = read_profiles([])
    own = tmp_path / "own" / "gas"
    own.mkdir(parents=True)
    text = packaged["gas/combustible_point"]
    (own / "one.toml").write_text(text.replace("setpoint = 25", "setpoint = 250"), encoding="utf-8")
    (own / "two.toml").write_text(text.replace("value = 4.2, q", "value = 4.3, q"), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        gather(write(tmp_path, HEADER + "e,s,A,GD 1,gas/one\n"), [tmp_path / "own"])
    told = caught.value.problems
    assert len(told) == 4, told
    assert told[0].startswith(f"{own}/one.toml: alarm[1].setpoint: 250 is outside the range 0..100 %LEL")
    assert told[1].startswith(f"{own}/one.toml: alarm: on 'lel' H 250 is not below HH 50 %LEL")
    assert told[2].startswith(f"{own}/two.toml: example[1]: reading 1: expected lel 4.3 (good)")
    assert told[3].startswith(f"{tmp_path}/fleet.csv: line 2, column device: 'GD 1' is no id")


def test_gathered(tmp_path: Path) -> None:
    found = gather(write(tmp_path, HEADER + "e,s,A,GD-1,gas/combustible_point\n"), [])
    assert [d.key for d in found.devices] == ["e/s/GD-1"]
    assert set(found.texts) == set(found.profiles)
    assert found.warnings == []
