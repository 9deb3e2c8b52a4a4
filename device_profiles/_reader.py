"""How a stream of a profile is read: its codec with its settings, its size limit, what channels are called
there. The gateway, the examples and ``profiles try`` all ask here, so that they cannot differ.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from device_profiles import codecs
from device_profiles._model import Profile, Stream


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
    found = _stream(profile, stream)
    codec = codecs.load(found.codec)
    decode = codec.decode if found.settings is None else partial(codec.decode, settings=found.settings)
    places = {point.channel: place for place, point in enumerate(profile.points)}
    if found.codec == "binary":  # has no names, only numbers
        places = {f"#{place}": place for place in places.values()}
    return Reader(found.codec, decode, min(profile.max_payload_bytes, codec.MAX_BYTES), places)


def codec_of(profile: Profile, stream: str) -> str:
    """Kind of the codec that reads this stream of the profile; Refusal("unknown_stream") if there is none."""
    return _stream(profile, stream).codec


def _stream(profile: Profile, stream: str) -> Stream:
    for known in profile.streams:
        if known.name == stream:
            return known
    if profile.point(stream) is not None:
        return Stream(name=stream, codec="json")
    raise codecs.Refusal("unknown_stream", f"{stream!r} is neither a channel nor a stream of {profile.id}")
