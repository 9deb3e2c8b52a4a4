"""How a stream of a profile is read: its codec with its settings, its size limit, what channels are called
there. The gateway, the examples and ``profiles try`` all ask here, so that they cannot differ.
"""

from __future__ import annotations

from operator import itemgetter
from types import ModuleType
from typing import Any, NamedTuple

from device_profiles import codecs, quality
from device_profiles._model import Point, Profile, Stream


class Reader(NamedTuple):
    """What takes the payloads of one stream."""

    kind: str
    codec: ModuleType
    settings: Any
    """The codec's third argument; None where it takes two."""
    max_bytes: int
    places: dict[str, int]
    """``Row.channel`` -> place among the profile's points."""

    def decode(self, payload: bytes, stream: str) -> codecs.Decoded:
        """What the payload holds; raises Refusal."""
        if self.settings is None:
            decoded: codecs.Decoded = self.codec.decode(payload, stream)
        else:
            decoded = self.codec.decode(payload, stream, self.settings)
        return decoded


def reader(profile: Profile, stream: str) -> Reader:
    """What reads this stream of the profile; Refusal("unknown_stream") if there is nothing."""
    found = _stream(profile, stream)
    codec = codecs.load(found.codec)
    places = {point.channel: place for place, point in enumerate(profile.points)}
    if found.codec == "binary":  # has no names, only numbers
        places = {f"#{place}": place for place in places.values()}
    return Reader(found.codec, codec, found.settings, min(profile.max_payload_bytes, codec.MAX_BYTES), places)


class Taken(NamedTuple):
    """One reading as it is judged, before any rule of time."""

    number: int
    """Its place in the payload."""
    point: Point
    time_ms: int | float | None
    value: float
    """In the point's unit; NaN for none."""
    grade: int
    reason: int
    """Places in quality.NAMES and detectors.REASONS."""


def take(
    profile: Profile, stream: str, payload: bytes, device: str | None = None
) -> tuple[list[Taken], list[tuple[int, str, str]]]:
    """The readings of a payload, and (number, reason, detail) of what of it is refused.

    ``device`` is the topic's; None compares none. Raises Refusal for a payload that is refused whole.
    """
    known = reader(profile, stream)
    if len(payload) > known.max_bytes:
        raise codecs.Refusal("oversize", f"{len(payload)} bytes, limit {known.max_bytes}")
    decoded = known.decode(payload, stream)
    if None not in (device, decoded.device) and device != decoded.device:
        raise codecs.Refusal("device_mismatch", f"payload says {decoded.device!r}, topic says {device!r}")
    taken: list[Taken] = []
    refused = list(decoded.refused)
    numbers = range(len(decoded.rows)) if decoded.numbers is None else decoded.numbers
    for number, row in zip(numbers, decoded.rows, strict=True):
        place = known.places.get(row.channel)
        if place is None:
            refused.append((number, "unknown_channel", row.channel[:64]))
            continue
        point = profile.points[place]
        try:
            taken.append(Taken(number, point, row.time_ms, *quality.judge(point, row)))
        except codecs.Refusal as refusal:
            refused.append((number, refusal.reason, refusal.detail))
    return taken, sorted(refused, key=itemgetter(0))


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
