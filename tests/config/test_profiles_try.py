"""``riskgate profiles try``: the readings, the limits they pass, or why not and what to do."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import pytest

import detectors
from device_profiles import codecs, parse
from gateway.errors import ConfigError
from gateway.fleet import read_profiles
from gateway.profiles_try import ADVICE, Tried, attempt, payload_of
from tests.test_cli import riskgate

GAS = "gas/combustible_point"
ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "mapping.md").read_text(encoding="utf-8")


def tried(payload: str, profile: str = GAS, stream: str | None = "lel", topic: str | None = None) -> Tried:
    return attempt([], profile, payload.encode(), stream, topic)


def test_a_reading_and_the_limits_it_passes() -> None:
    got = tried('{"time_ms": 1764035198123, "value": 61}')
    assert got.title == "gas/combustible_point, stream lel, codec json"
    assert got.refused == []
    assert got.readings == [
        ("channel", "time", "value", "unit", "quality", "would pass"),
        (
            "lel",
            "2025-11-25T01:46:38.123Z",
            "61",
            "%LEL",
            "good",
            "H 25 %LEL, priority 2 after 2 s; HH 50 %LEL, priority 1",
        ),
    ]


@pytest.mark.parametrize(
    ("payload", "cells"),
    [
        ('{"value": 24.9}', ("that of arrival", "24.9", "%LEL", "good", "")),
        ('{"value": 25}', ("that of arrival", "25", "%LEL", "good", "H 25 %LEL, priority 2 after 2 s")),
        ('{"value": null}', ("that of arrival", "", "%LEL", "bad (no reading)", "not judged: bad")),
        (
            '{"value": 60, "quality": "bad"}',
            ("that of arrival", "60", "%LEL", "bad (sensor fault)", "not judged: bad"),
        ),
        ('{"value": -1}', ("that of arrival", "-1", "%LEL", "uncertain (out of range)", "")),
        ('{"value": 1, "time_ms": 0}', ("1970-01-01T00:00:00Z: suspect", "1", "%LEL", "good", "")),
        ('{"value": 1, "time_ms": 1e300}', ("1e+300 ms: suspect", "1", "%LEL", "good", "")),
    ],
)
def test_quality_and_time(payload: str, cells: tuple[str, ...]) -> None:
    assert tried(payload).readings[1][1:] == cells


def test_states() -> None:
    got = tried('{"readings": [{"channel": "valve", "value": 0}]}', "gas/household_set", "batch")
    assert got.readings[1][2] == "0 closed"
    assert "valve_closed" in got.readings[1][5]


@pytest.mark.parametrize("value", [0.0, 9.9, 10.0, 10.1, 19.9, 20.0, 30.0, 49.9, 50.0, 99.0])
def test_limits_are_passed_as_the_detector_finds_them(value: float) -> None:
    profile = parse(GAS, read_profiles([])[GAS])
    limits = detectors.load("limits")
    setpoints = {a.condition: {"setpoint": a.setpoint} for a in profile.alarms if a.channel == "lel"}
    row = np.array([limits.configure({"limits": setpoints, "clear_readings": 1})], limits.PARAMETERS)
    state = np.array([limits.initial()], limits.STATE)
    zero, where, at = np.zeros(1, np.uint8), np.zeros(1, np.int32), np.full(1, 10**18)
    found = detectors.Findings()
    limits.step(
        row,
        state,
        detectors.Readings(where, at, at, np.array([value]), zero, zero, zero, where),
        found,
    )
    names = {limits.FINDINGS[f["condition"]] for f in found.found() if f["active"]}
    cell = tried(f'{{"value": {value}}}').readings[1][5]
    assert {part.split(" ")[0] for part in cell.split("; ") if part} == names


def test_what_is_refused_and_what_to_do() -> None:
    batch = '{"readings": [{"channel": "lel", "value": 1}, {"channel": "x", "value": 1}, {"channel": "lel"}]}'
    got = tried(batch, stream="batch")
    assert len(got.readings) == 2
    assert got.refused == [
        ("row", "reason", "what", "what to do"),
        (1, "unknown_channel", "x", ADVICE["unknown_channel"]),
        (2, "missing_field", "value", ADVICE["missing_field"]),
    ]
    whole = tried("{}")
    assert whole.title == "gas/combustible_point: the whole payload is refused"
    assert [row[:2] for row in whole.refused[1:]] == [("all", "missing_field")]


def test_a_topic_gives_stream_and_device() -> None:
    body = '{"value": 1, "device": "GD-1"}'
    assert tried(body, stream=None, topic="rg/acme/plant/GD-1/lel").refused == []
    assert tried(body, stream=None, topic="rg/acme/plant/GD-2/lel").refused[1][1] == "device_mismatch"
    assert tried(body, stream=None, topic="rg/acme/plant/GD-1/nothing").refused[1][1] == "unknown_stream"
    assert tried(body, stream=None, topic="acme/plant/GD-1/lel").refused[1][1] == "bad_topic"
    with pytest.raises(ConfigError, match="--stream batch: --topic is of lel; give one of the two"):
        tried(body, stream="batch", topic="rg/acme/plant/GD-1/lel")


def test_a_vendors_own_topic_gives_them_too(tmp_path: Path) -> None:
    file = tmp_path / "gas" / "maker.toml"
    file.parent.mkdir()
    text = read_profiles([])["gas/combustible_point"]
    file.write_text(f'{text}\n[[topic]]\npattern = "maker/{{device}}/{{stream}}"\n')
    body = '{"value": 1, "device": "GD-1"}'
    assert tried(body, str(file), None, topic="maker/GD-1/lel").refused == []
    assert tried(body, str(file), None, topic="maker/GD-2/lel").refused[1][1] == "device_mismatch"
    assert tried(body, str(file), None, topic="maker/GD-1/lel/x").refused[1][1] == "bad_topic"


def test_the_stream_must_be_said_unless_the_profile_has_one_of_its_own() -> None:
    assert tried("{}", "gas/vendor_mapped", None).title.startswith("gas/vendor_mapped")
    with pytest.raises(ConfigError, match="--stream: is missing; say to which the payload goes: lel, temp"):
        tried("{}", stream=None)


def test_every_reason_has_advice() -> None:
    assert set(ADVICE) == {*codecs.REASONS, "bad_topic"}
    assert all(text.strip() for text in ADVICE.values())


def test_a_file_is_a_draft_that_needs_no_examples_yet(tmp_path: Path) -> None:
    file = tmp_path / "gas" / "own.toml"
    file.parent.mkdir()
    file.write_text(read_profiles([])[GAS].partition("[[example]]")[0], encoding="utf-8")
    assert tried('{"value": 1}', str(file)).title == "gas/own, stream lel, codec json"
    file.write_text(
        file.read_text(encoding="utf-8").replace("period_s = 5", "period_s = 0"), encoding="utf-8"
    )
    with pytest.raises(ConfigError, match=rf"^{re.escape(str(file))}: profile.period_s: is 0 s; give more"):
        tried("{}", str(file))
    file.write_bytes("名称".encode("gbk"))
    with pytest.raises(ConfigError, match="byte 0 is not UTF-8"):
        tried("{}", str(file))


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("gas/nothing.toml", "gas/nothing.toml: there is no such file"),
        ("gas/combustible", "did you mean gas/combustible_point"),
    ],
)
def test_a_profile_that_is_not_there(name: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        tried("{}", name)


def test_a_payload_is_a_text_a_file_or_standard_input(tmp_path: Path) -> None:
    file = tmp_path / "payload.bin"
    file.write_bytes(b"\xff\x00")
    assert payload_of(str(file), io.BytesIO()) == b"\xff\x00"
    assert payload_of("-", io.BytesIO(b"{}")) == b"{}"
    for text in ("", "{}", "[1]", "4.2", "{" + "x" * 5000, "a\0b"):
        assert payload_of(text, io.BytesIO()) == text.encode()
    with pytest.raises(ConfigError, match=r"payload nope.json: there is no such file"):
        payload_of("nope.json", io.BytesIO())


def test_exit_codes() -> None:
    good = riskgate("profiles", "try", GAS, '{"value": 61}', "--stream", "lel")
    assert (good.returncode, good.stderr) == (0, "")
    assert "HH 50" in good.stdout
    bad = riskgate("profiles", "try", GAS, '{"value": "61"}', "--stream", "lel")
    assert bad.returncode == 1
    assert "wrong_type" in bad.stdout
    assert riskgate("profiles", "try", "gas/nothing", "{}").returncode == 78


def block(kind: str) -> str:
    found = re.search(rf"^```{kind}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def test_the_page_on_mapping_shows_the_shipped_profile_and_what_it_gives() -> None:
    assert block("toml") in read_profiles([])["gas/vendor_mapped"]
    got = attempt([], "gas/vendor_mapped", block("json").encode(), None, "rg/acme/plant/GD-1/up")
    rows = ["| " + " | ".join(row[:5]).replace("|  |", "| |") + " |" for row in got.readings]
    assert "\n".join([rows[0], "|---|---|---|---|---|", *rows[1:]]) in PAGE
    assert got.refused == []


def test_the_page_on_mapping_names_every_key() -> None:
    text = (ROOT / "device_profiles" / "_mapping.py").read_text(encoding="utf-8")
    keys = set(re.findall(r'(?:_path|table\.\w+)\((?:table, )?"([a-z_]+)"', text)) - {"reading"}
    assert len(keys) >= 20
    assert [key for key in sorted(keys) if f"`{key}`" not in PAGE] == []
