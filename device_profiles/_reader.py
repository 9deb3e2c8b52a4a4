"""How a stream of a profile is read: its codec with its settings, its size limit, what channels are called
there. The gateway, the examples and ``profiles try`` all ask here, so that they cannot differ.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from device_profiles import codecs
from device_profiles._model import Profile


class Reader(NamedTuple):
    """What takes the payloads of one stream."""

    kind: str
    decode: Callable[[bytes, str], codecs.Decoded]
    """(payload, stream) -> what it holds; raises Refusal."""
    max_bytes: int
    places: dict[str, int]
    """``Row.channel`` -> place among the profile's points."""


def reader(profile: Profile, stream: str) -> Reader:
    """What reads this stream of the profile; Refusal("unknown_stream") if there is nothing."""
    kind = codec_of(profile, stream)
    codec = codecs.load(kind)
    places = {point.channel: place for place, point in enumerate(profile.points)}
    if kind == "binary":  # has no names, only numbers
        places = {f"#{place}": place for place in places.values()}
    return Reader(kind, codec.decode, min(profile.max_payload_bytes, codec.MAX_BYTES), places)


def codec_of(profile: Profile, stream: str) -> str:
    """Kind of the codec that reads this stream of the profile; Refusal("unknown_stream") if there is none."""
    for known in profile.streams:
        if known.name == stream:
            return known.codec
    if profile.point(stream) is not None:
        return "json"
    raise codecs.Refusal("unknown_stream", f"{stream!r} is neither a channel nor a stream of {profile.id}")
