"""Tables of detectors that need the site's own numbers, as an operator writes them."""

from __future__ import annotations

import pytest

from device_profiles import ProfileError, parse

TEXTS = """
consequence_en = "x"
consequence_zh = "某"
response_en = "x"
response_zh = "某"
clause = "none"
source_verified = false
"""


def point(channel: str) -> str:
    titles = 'title_en = "x"\ntitle_zh = "某"'
    return f'[[point]]\nchannel = "{channel}"\n{titles}\nunit = "deg"\nlow = -180\nhigh = 360\n'


PROFILE = (
    '[profile]\ntitle_en = "Ship"\ntitle_zh = "船"\nedition = "test"\nperiod_s = 60\n'
    + "".join(point(name) for name in ("latitude", "longitude", "speed", "heading"))
    + """
[[example]]
stream = "speed"
payload = '{"time_ms": 1, "value": 5}'
readings = [{ channel = "speed", time_ms = 1, value = 5, quality = "good" }]
[[example]]
stream = "speed"
payload = ''
refused = "empty"
"""
)
POSITION = 'inputs = { latitude = "latitude", longitude = "longitude" }\n'
TWO_SHIPS = """scope = "asset"
inputs = { latitude = "latitude", longitude = "longitude", speed = "speed", heading = "heading", \
other_latitude = "latitude#2", other_longitude = "longitude#2", other_speed = "speed#2", \
other_heading = "heading#2" }
"""


@pytest.mark.parametrize(
    "table",
    [
        'kind = "geofence"\n' + POSITION + "area = [-33.9, 18.4]\nradius = 5000\n",
        'kind = "geofence"\n' + POSITION + "area = [-1, -1, 1, -1, 0, 1.5]\ninside = false\n",
        'kind = "route"\n' + POSITION + "places = [-33.9, 18.4, -34.0, 18.5]\ncorridor = 300\n",
        'kind = "cpa"\n' + TWO_SHIPS + "distance = 900\nahead_s = 1200\n",
        'kind = "cp_time_share"\ninputs = { potential = "speed" }\nlevels = [-0.95, -0.9, -0.85, -0.1]\n',
        'kind = "rectifier_out"\ninputs = { current = "speed" }\ncurrent_band = [4.0, 9.0]\n',
    ],
)
def test_a_table_with_the_sites_numbers_is_taken(table: str) -> None:
    rule = parse("moving/ship", PROFILE + "[[detector]]\n" + table + TEXTS).detectors[0]
    assert rule.inputs
    assert rule.settings or rule.kind == "cpa"


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ('kind = "geofence"\n' + POSITION, "area: is missing"),
        ('kind = "geofence"\n' + POSITION + "area = [1, 2, 3]\n", "pairs of latitude"),
        ('kind = "route"\n' + POSITION + "places = [1, 2]\n", "places: give 2 to 24"),
        ('kind = "geofence"\ninputs = { latitude = "latitude" }\narea = [1, 2]\n', "lacks 'longitude'"),
        (
            'kind = "npw"\nscope = "asset"\ninputs = { upstream = "speed", downstream = "speed#2" }\n',
            "length",
        ),
        ('kind = "rectifier_out"\ninputs = { current = "speed" }\ncurrent_band = [9, 4]\n', "two numbers"),
    ],
)
def test_what_is_wrong_with_a_table_is_told(table: str, told: str) -> None:
    with pytest.raises(ProfileError) as caught:
        parse("moving/ship", PROFILE + "[[detector]]\n" + table + TEXTS)
    assert any(told in problem for problem in caught.value.problems), caught.value.problems
