"""Examples are run as the gateway will read it, also where channels have numbers, not names."""

from __future__ import annotations

import msgspec

from device_profiles import Example, Profile, check, parse
from device_profiles.codecs import binary
from gateway.fleet import read_profiles

GAS = "gas/combustible_point"


def profile(*examples: Example) -> Profile:
    return msgspec.structs.replace(parse(GAS, read_profiles([])[GAS]), examples=examples)


def test_a_binary_example_names_channels_as_the_profile_does() -> None:
    at = 0x0102030405  # all bytes ASCII, as an example's text must be
    payload = binary.encode([(at, 2.0, 0, 0), (at, 8.0, 1, 0)], boot=0, seq=0).decode("ascii")
    channels = [point.channel for point in profile().points]
    good = Example(
        stream="binary",
        payload=payload,
        readings=((channels[0], at, 2.0, "good"), (channels[1], at, 8.0, "good")),
    )
    assert check(profile(good)) == []


def test_a_binary_channel_beyond_the_points_is_refused_as_in_the_gateway() -> None:
    payload = binary.encode([(0, 2.0, 99, 0)], boot=0, seq=0).decode("ascii")
    assert check(profile(Example(stream="binary", payload=payload, refused="unknown_channel"))) == []
    named = Example(stream="senml", payload='[{"n":"#0","v":1}]', refused="unknown_channel")
    assert check(profile(named)) == []
