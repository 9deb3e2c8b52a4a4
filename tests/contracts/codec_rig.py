"""What the tests of every codec share: a plain payload of each, and what decoding gives or refuses."""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any

from device_profiles import codecs
from device_profiles.codecs import Decoded, Refusal

KINDS = [kind for kind in codecs.kinds() if kind.startswith("json")]
"""The codecs whose payload is one JSON object; what holds for one of them holds for all."""

PLAIN: dict[str, dict[str, Any]] = {
    "json": {"time_ms": 1764035198123, "value": 4.2},
    "json_batch": {"readings": [{"channel": "lel", "time_ms": 1764035198123, "value": 4.2}]},
    "json_columns": {"time_ms": [1764035198123], "channels": {"lel": [4.2]}},
}


def kind_of(codec: ModuleType) -> str:
    return codec.__name__.rpartition(".")[2]


def slow(codec: ModuleType, payload: bytes, stream: str) -> Decoded:
    """The slow path alone: whatever the fast path would do must equal it."""
    return codec._slowly(payload, stream) if kind_of(codec) == "json" else codec._slowly(payload)


def outcome(decode: Any, *args: Any) -> Any:
    """What it gives, or the refusal as (reason, detail); anything else raised is a fault of the codec."""
    try:
        return decode(*args)
    except Refusal as refusal:
        told = refusal.reason, refusal.detail
    assert told[0] in codecs.REASONS
    return told


def plain_of(kind: str) -> dict[str, Any]:
    assert kind in PLAIN, f"tests/contracts/codec_rig.py needs a plain payload of the new codec {kind}"
    return json.loads(json.dumps(PLAIN[kind]))
