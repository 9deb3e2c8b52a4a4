"""The recording is sent as it is: every row, -200 included, one constant shift; and what must follow."""

from __future__ import annotations

import asyncio
import io
import json
from importlib.resources import files
from pathlib import Path

import pytest

from device_profiles import quality
from device_profiles.codecs import json_columns
from simulators import air_quality
from simulators._profiles import profile
from simulators._publish import BrokerAddress
from tests.support.air_quality_expected import (
    Transition,
    channel_name,
    expected_alarms,
    expected_counts,
    expected_device_alarms,
)
from tests.support.mosquitto import PUBLISHER, Broker

SHARED = Path(__file__).resolve().parents[3] / "shared/data/air_quality/AirQuality.csv"
PROFILE = Path(str(files("device_profiles").joinpath("gas/air_quality_station.toml")))
HEAD = (
    "Date,Time,CO(GT),PT08.S1(CO),NMHC(GT),C6H6(GT),PT08.S2(NMHC),NOx(GT),PT08.S3(NOx),NO2(GT),PT08.S4(NO2),"
    "PT08.S5(O3),T,RH,AH"
)
HOUR_NS = 3_600_000_000_000
BEGIN_MS = 1_078_941_600_000  # 2004-03-10 18:00


def sheet(tmp_path: Path, co: list[float]) -> Path:
    """A file of hourly rows in which only CO matters."""
    rows = [
        f"2004-03-{10 + (18 + n) // 24},{(18 + n) % 24:02d}:00:00,{value},1,2,3,4,5,6,7,8,9,10,11,0.5"
        for n, value in enumerate(co)
    ]
    file = tmp_path / "AirQuality.csv"
    file.write_text("\n".join([HEAD, *rows, ""]), encoding="utf-8")
    return file


def recording(tmp_path: Path) -> Path:
    """The real file where it is, else a small one of the same form."""
    if SHARED.exists():
        return SHARED
    return sheet(tmp_path, [2.6, -200, 5.0, 11.0, 3.0, 9.9, 10.0, -200, 2.0])


def test_both_forms_of_the_file_are_the_same_rows(tmp_path: Path) -> None:
    plain = sheet(tmp_path, [2.6, -200]).read_text().splitlines()
    european = [plain[0].replace(",", ";") + ";;"]
    for line in plain[1:]:
        date, time, *cells = line.split(",")
        year, month, day = date.split("-")
        cells = [cell.replace(".", ",") for cell in cells]
        european.append(";".join([f"{day}/{month}/{year}", time.replace(":", "."), *cells, "", ""]))
    european += [";" * 16, ";" * 16]
    rows = air_quality.read(plain)
    assert air_quality.read(european) == rows
    assert rows[0] == (BEGIN_MS, {**rows[0].values, "co": 2.6})
    assert rows[1].values["co"] == -200


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], "line 1: not the UCI"),
        (["Date,Time,CO(GT)"], "no column PT08"),
        ([HEAD], "no rows"),
        ([HEAD, "2004-03-10,18:00:00,2.6,x,2,3,4,5,6,7,8,9,10,11,0.5"], "line 2"),
        ([HEAD, "2004-03-10,18:00:00,2.6"], "line 2"),
    ],
)
def test_another_file_is_refused_with_its_line(lines: list[str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        air_quality.read(lines)


def test_one_constant_shift(tmp_path: Path) -> None:
    rows = air_quality.read(sheet(tmp_path, [1, 2, 3]).read_text().splitlines())
    now_ms = 1_764_000_000_000
    assert rows[0].time_ms + air_quality.shift_ms(rows, now_ms, 1) == now_ms
    for speed in (0, 2, 1e6):
        assert rows[-1].time_ms + air_quality.shift_ms(rows, now_ms, speed) == now_ms
    sent = [m for _, group in air_quality.messages(rows, "a/b/AQ-1", 5000) for m in group]
    decoded = [json_columns.decode(m.payload.encode(), "columns") for m in sent]
    times = [d.rows[0].time_ms for d in decoded]
    assert times == [row.time_ms + 5000 for row in rows]
    assert [d.rows[0].original_time_ms for d in decoded] == [row.time_ms for row in rows]
    assert [d.seq for d in decoded] == [0, 1, 2]
    assert {m.topic for m in sent} == {"rg/a/b/AQ-1/columns"}


def test_every_value_arrives_as_it_stands_in_the_file(tmp_path: Path) -> None:
    file = recording(tmp_path)
    rows = air_quality.read(file.read_text().splitlines())
    counts = {p.channel: {"good": 0, "uncertain": 0, "bad": 0} for p in profile(air_quality.PROFILE).points}
    for row, (_, (message,)) in zip(rows, air_quality.messages(rows, "a/b/AQ-1", 0), strict=True):
        decoded = json_columns.decode(message.payload.encode(), "columns")
        assert {r.channel: r.value for r in decoded.rows} == row.values
        for one in decoded.rows:
            point = profile(air_quality.PROFILE).point(one.channel)
            assert point is not None
            counts[one.channel][quality.NAMES[quality.judge(point, one)[1]]] += 1
    assert counts == expected_counts(file, PROFILE)
    assert counts["co"]["bad"] > 0


def test_the_independent_computation_on_a_file_done_by_hand(tmp_path: Path) -> None:
    # limits of CO: H 4, HH 10, deadband 0.5, no delays; one good reading clears
    file = sheet(tmp_path, [3.9, 4.0, -200, 3.6, 3.5, 3.4, 12.0, 9.5, -200, 9.4, 60.0, 1.0])
    begin = BEGIN_MS * 1_000_000 + 7
    expected = [
        ("H", "raised", 1), ("H", "cleared", 5), ("H", "raised", 6), ("HH", "raised", 6),
        ("HH", "cleared", 9), ("HH", "raised", 10), ("H", "cleared", 11), ("HH", "cleared", 11),
    ]  # fmt: skip
    told = [t for t in expected_alarms(file, PROFILE, 7) if t.channel == "co"]
    assert told == [Transition("co", c, change, begin + n * HOUR_NS) for c, change, n in expected]
    device = [t for t in expected_device_alarms(file, PROFILE, 7) if t.channel == "co"]
    assert [(t.condition, t.change, (t.event_ns - begin) // HOUR_NS) for t in device] == [
        ("sensor_fault", "raised", 2), ("sensor_fault", "cleared", 3), ("sensor_fault", "raised", 8),
        ("sensor_fault", "cleared", 9), ("out_of_range", "raised", 10), ("out_of_range", "cleared", 11),
    ]  # fmt: skip


def test_columns_and_channels_have_the_same_names() -> None:
    assert {name: channel_name(name) for name in air_quality.CHANNELS} == air_quality.CHANNELS
    assert set(air_quality.CHANNELS.values()) == {p.channel for p in profile(air_quality.PROFILE).points}


@pytest.mark.system
def test_as_fast_as_a_real_broker_acknowledges(tmp_path: Path) -> None:
    rows = air_quality.read(sheet(tmp_path, [float(n % 20) for n in range(300)]).read_text().splitlines())
    log, told = io.StringIO(), []
    with Broker() as broker:
        address = BrokerAddress("127.0.0.1", broker.port, *PUBLISHER)
        shift = asyncio.run(
            air_quality.publish(
                rows, address, lambda: 1_764_000_000_000_000_000, speed=0, device="acme/plant/AQ-1", log=log,
                progress=lambda done, total: told.append((done, total)),
            )
        )  # fmt: skip
    assert rows[-1].time_ms + shift == 1_764_000_000_000
    assert told == [(n, 300) for n in range(1, 301)]
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    wanted = [m.payload for _, group in air_quality.messages(rows, "acme/plant/AQ-1", shift) for m in group]
    assert [line["payload"] for line in lines] == wanted
    assert {line["topic"] for line in lines} == {"rg/acme/plant/AQ-1/columns"}
