"""A refused row is told by its place in the payload, whoever refused it: the codec or the profile."""

from __future__ import annotations

import json
from typing import Any

import pytest

from device_profiles.codecs import binary
from gateway.monitor.decode import Decoder
from gateway.monitor.quarantine import Quarantine
from tests.monitor.test_plain import DEVICES, GAS, ROSTER, entry

GOOD = {"channel": "lel", "value": 1.0}
ALIEN = {"channel": "nothing", "value": 1.0}
WRONG = {"channel": "lel", "value": True}
OTHER_UNIT = {"channel": "lel", "value": 1.0, "unit": "ppm"}


def refused(stream: str, payload: bytes) -> tuple[list[tuple[int, str]], int]:
    """(row, reason) of each refused row, and how many readings there are."""
    decoder = Decoder(ROSTER, Quarantine())
    got = decoder.decode(1, entry(f"rg/{DEVICES[GAS].key}/{stream}", payload))
    assert got.rows == len(got.raw.value) + len(got.rejected)
    return [(r.row, r.reason) for r in got.rejected], len(got.raw.value)


def test_a_batch() -> None:
    rows = [WRONG, GOOD, ALIEN, 7, OTHER_UNIT, GOOD]
    assert refused("batch", json.dumps({"readings": rows}).encode()) == (
        [(0, "wrong_type"), (2, "unknown_channel"), (3, "wrong_type"), (4, "wrong_unit")],
        2,
    )


def test_columns() -> None:
    payload = {"channels": {"lel": [True, 1.0], "nothing": [1.0, 2.0]}}
    assert refused("columns", json.dumps(payload).encode()) == (
        [(0, "wrong_type"), (1, "unknown_channel"), (3, "unknown_channel")],
        1,
    )


def test_a_binary_batch() -> None:
    payload = bytearray(binary.encode([(1, 1.0, 0, 0), (1, 1.0, 99, 0), (1, 1.0, 0, 0), (1, 1.0, 98, 0)]))
    payload[binary.HEADER_BYTES + 18] = 7
    assert refused("binary", bytes(payload)) == (
        [(0, "wrong_type"), (1, "unknown_channel"), (3, "unknown_channel")],
        1,
    )


@pytest.mark.parametrize("first", [{"bn": "urn:dev:GD-1:"}, 7])
def test_senml(first: Any) -> None:
    pack = [first, {"n": "lel", "v": 1}, {"n": "nothing", "v": 1}, {"n": "lel", "v": 1, "u": "ppm"}]
    told, readings = refused("senml", json.dumps(pack).encode())
    assert [place for place in told if place[0]] == [(2, "unknown_channel"), (3, "wrong_unit")]
    assert (0, "wrong_type") in told or isinstance(first, dict)
    assert readings == 1


def test_a_codec_that_failed_once_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    decoder = Decoder(ROSTER, Quarantine())
    packets = entry(f"rg/{DEVICES[GAS].key}/columns", b'{"channels": {"lel": [1.0]}}')
    with monkeypatch.context() as patched:
        patched.setattr("device_profiles.codecs.json_columns.decode", fail)
        assert [r.reason for r in decoder.decode(1, packets).rejected] == ["plugin_error"]
    got = decoder.decode(2, packets)
    assert got.rejected == []
    assert got.raw.value.tolist() == [1.0]
