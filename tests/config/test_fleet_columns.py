"""A fleet list's further columns: where, when, how long, which limits; every mistake by line and column."""

from __future__ import annotations

import itertools
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import ConfigError
from gateway.fleet import ALL_COLUMNS, Fleet, Retired, check_profiles, read_list, read_profiles, text_of
from gateway.monitor.channels import Device, Setpoint

PLACES: dict[str, str] = {}
TEXTS = read_profiles([], PLACES)
PARSED = check_profiles(TEXTS, PLACES)
GAS = "gas/combustible_point"
HEADER = ",".join(ALL_COLUMNS) + "\n"
TODAY = date(2026, 11, 25)


def read(folder: Path, body: str, name: str = "fleet.csv", encoding: str = "utf-8", **more: Any) -> Fleet:
    path = folder / name
    path.write_bytes(body.encode(encoding))
    return read_list(path, TEXTS, parsed=PARSED, today=TODAY, **more)


def told(folder: Path, body: str, name: str = "fleet.csv", **more: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(folder, body, name, **more)
    return [problem.removeprefix(f"{folder / name}: ") for problem in caught.value.problems]


def row(**given: str) -> str:
    base = {"enterprise": "e", "site": "s", "asset": "A", "device": "GD-1", "profile": GAS}
    return ",".join({**base, **given}.get(name, "") for name in ALL_COLUMNS) + "\n"


def test_every_column_is_taken(tmp_path: Path) -> None:
    body = HEADER + row(
        county="永和县", sector="燃气", latitude="39.1", longitude="116.2", commissioned="2024/3/1",
        expires="2027年3月1日", overrides="lel:HH=40; lel:H=20", upstream="t/C-1",
    )  # fmt: skip
    (device, _) = read(tmp_path, body + row(site="t", device="C-1")).devices
    limits = (Setpoint("lel", "H", 20.0), Setpoint("lel", "HH", 40.0))
    assert device == Device(
        "e", "s", "A", "GD-1", GAS, "永和县", "燃气", 39.1, 116.2, "2024-03-01", "2027-03-01", limits,
        "e/t/C-1",
    )  # fmt: skip


def test_an_upstream_that_cannot_be_is_told_with_its_row(tmp_path: Path) -> None:
    body = HEADER + "".join(
        [
            row(upstream="GD-9"),
            row(device="GD-2", upstream="GD-3"),
            row(device="GD-3", upstream="GD-4"),
            row(device="GD-4", upstream="GD-3"),
            row(device="GD-5", upstream="GD-5"),
            row(device="GD-6", upstream="GD-7"),
            row(device="GD-7", retired="2026-01-01", retired_reason="sold"),
            row(device="GD-8", upstream="e/s/GD-1"),
        ]
    )
    assert told(tmp_path, body) == [
        (
            "line 9, column upstream: 'e/s/GD-1' is no device; write the <device> of the same site, or "
            "<site>/<device>"
        ),
        "line 2, column upstream: e/s/GD-9 is not in the fleet; name a device that is, or leave it empty",
        (
            "line 3, column upstream: leads round in a ring (e/s/GD-3 -> e/s/GD-4 -> e/s/GD-3); "
            "correct one of them"
        ),
        "line 6, column upstream: leads round in a ring (e/s/GD-5 -> e/s/GD-5); correct one of them",
        "line 7, column upstream: e/s/GD-7 has left the fleet; name a device that is, or leave it empty",
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk"])
def test_chinese_headings(tmp_path: Path, encoding: str) -> None:
    body = f"企业,区县,站点,资产,设备,型号\ne,永和县,s,罐区,GD-1,{GAS}\n"
    assert read(tmp_path, body, encoding=encoding).devices == [
        Device("e", "s", "罐区", "GD-1", GAS, "永和县")
    ]


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"expires": "2026-02-30"}, "column expires: '2026-02-30' is not in the calendar; correct it"),
        ({"expires": "soon"}, "column expires: 'soon' is no day; write it as 2026-03-31"),
        ({"commissioned": "1026-01-01"}, "column commissioned: '1026-01-01' cannot be: the year"),
        (
            {"commissioned": "2026-01-02", "expires": "2026-01-01"},
            "column expires: 2026-01-01 is not after commissioned 2026-01-02",
        ),
        ({"latitude": "39.1"}, "column longitude: is empty; give both latitude and longitude, or none"),
        (
            {"latitude": "116.2", "longitude": "39.1"},
            "column latitude: '116.2' is no latitude; are the two swapped?",
        ),
        ({"latitude": "1", "longitude": "nan"}, "column longitude: 'nan' is no longitude"),
        (
            {"overrides": "lel=20"},
            "column overrides: 'lel=20' is no setpoint; write <channel>:<limit>=<number>",
        ),
        ({"overrides": "lel:H=inf"}, "column overrides: 'lel:H=inf' is no setpoint"),
        ({"overrides": "lel:H=20;lel:H=21"}, "column overrides: lel:H stands twice; keep one"),
        ({"overrides": "lel:HH=51"}, "column overrides: lel:HH: 51 loosens a safety limit"),
        ({"county": "x" * 129}, "column county:"),
        ({"retired": "2026-11-26", "retired_reason": "x"}, "column retired: 2026-11-26 lies in the future"),
        ({"retired": "2026-01-01"}, "column retired_reason: is empty or too long"),
        ({"retired_reason": "x"}, "column retired: is empty beside retired_reason"),
        (
            {"commissioned": "2026-02-01", "retired": "2026-01-01", "retired_reason": "x"},
            "column retired: 2026-01-01 is before commissioned",
        ),
    ],
)
def test_what_cannot_be(tmp_path: Path, given: dict[str, str], problem: str) -> None:
    (found,) = told(tmp_path, HEADER + "\n" + row(**given))
    assert found.startswith(f"line 3, {problem}")


def test_all_mistakes_of_all_rows_if_asked(tmp_path: Path) -> None:
    body = HEADER + "".join(row(device=f"GD-{n}", expires="x", latitude="1") for n in range(500))
    assert len(told(tmp_path, body, told=None)) == 1000
    assert len(told(tmp_path, body)) == 201


def test_a_misspelt_column_is_no_column_of_ones_own(tmp_path: Path) -> None:
    (found,) = told(tmp_path, f"enterprise,site,asset,device,profile,override\ne,s,A,G,{GAS},lel:HH=40\n")
    assert found == "line 1: column 'override' is none of ours; write 'overrides', or give it another name"


def test_utf16_is_named(tmp_path: Path) -> None:
    assert told(tmp_path, "") == ["is empty; begin it with the line enterprise,site,asset,device,profile"]
    (tmp_path / "fleet.csv").write_bytes((HEADER + row()).encode("utf-16"))
    with pytest.raises(ConfigError, match="UTF-16; save the file as CSV UTF-8"):
        read_list(tmp_path / "fleet.csv", TEXTS)


def test_a_retired_device_is_not_expected(tmp_path: Path) -> None:
    fleet = read(tmp_path, HEADER + row(retired="2026-11-25", retired_reason="sold") + row(device="GD-2"))
    assert [device.device for device in fleet.devices] == ["GD-2"]
    assert fleet.retired == {"e/s/GD-1": Retired(Device("e", "s", "A", "GD-1", GAS), "2026-11-25", "sold")}


def test_progress_is_told(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    read(
        tmp_path,
        HEADER + "".join(row(device=f"GD-{n}") for n in range(6000)),
        progress=lambda *n: seen.append(n),
    )
    assert seen == [(0, 6000), (5000, 6000), (6000, 6000)]


TOML = f"""# a comment
[[device]]
enterprise = "e"
site = "s"
asset = "A"
device = "GD-1"
profile = "{GAS}"
latitude = 39.1
longitude = 116
expires = 2027-03-01
overrides = {{ lel = {{ H = 20, HH = 40 }} }}

[[device]]
enterprise = "e"
site = "s"
asset = "A"
device = "GD-2"
profile = "{GAS}"
overrides = {{ "lel:H" = 20.5 }}
"""


def test_toml(tmp_path: Path) -> None:
    one, two = read(tmp_path, TOML, "fleet.toml").devices
    assert (one.latitude, one.longitude, one.expires) == (39.1, 116.0, "2027-03-01")
    assert [s.value for s in one.overrides] == [20.0, 40.0]
    assert two.overrides == (Setpoint("lel", "H", 20.5),)


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        (
            '"GD-2"',
            '"GD-1"',
            "line 13, column device: e/s/GD-1 already stands in line 2; remove one or rename it",
        ),
        ("lel:H", "lel:X", "line 13, column overrides: lel:X: 'lel' has no limit 'X'; choose from H, HH"),
        ("expires", "expiry", "line 2: key expiry is none of ours; did you mean 'expires'?"),
        ("[[device]]\nent", "x = 1\n[[device]]\nent", "x: is no [[device]] table; remove it"),
        ('asset = "A"', "asset = [1]", "line 2: key asset is no single value; write it in quotes"),
    ],
)
def test_mistakes_in_toml(tmp_path: Path, old: str, new: str, found: str) -> None:
    assert told(tmp_path, TOML.replace(old, new), "fleet.toml")[0] == found


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=20)
DEVICES = st.builds(
    Device,
    enterprise=st.just("e"), site=st.sampled_from("st"), asset=TEXT,
    device=st.from_regex(r"[A-Za-z0-9._:-]{1,9}", fullmatch=True),
    profile=st.just(GAS), county=TEXT | st.just(""), sector=TEXT | st.just(""),
    latitude=st.just(-89.5), longitude=st.floats(-180, 180),
    commissioned=st.just("") | st.dates(date(2000, 1, 1), date(2020, 1, 1)).map(str),
    expires=st.just("") | st.dates(date(2020, 1, 2), date(2100, 1, 1)).map(str),
    overrides=st.just(()) | st.floats(10, 24).map(lambda v: (Setpoint("lel", "H", v),)),
)  # fmt: skip


@pytest.mark.parametrize("name", ["fleet.csv", "fleet.toml"])
@given(devices=st.lists(DEVICES, min_size=1, max_size=8, unique_by=lambda d: d.key))
def test_what_is_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, name: str, devices: list[Device]
) -> None:
    path = tmp_path_factory.mktemp("fleet") / name
    *stay, gone = devices
    below = itertools.pairwise(stay)
    stay = [*stay[:1], *(msgspec.structs.replace(d, upstream=above.key) for above, d in below)]
    path.write_text(text_of(path, stay, [Retired(gone, "2026-01-01", "x, y")]), encoding="utf-8")
    fleet = read_list(path, TEXTS, parsed=PARSED)
    assert fleet.devices == stay
    assert fleet.retired == {gone.key: Retired(gone, "2026-01-01", "x, y")}
