"""``[[topic]]`` tables: what a pattern may hold, what it matches, and what each mistake is told."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_profiles import ProfileError, parse
from device_profiles._model import Topic
from device_profiles._topics import covers, expression, filled, has_topics, problems_of, subscription
from gateway.fleet import read_profiles

TEXT = read_profiles([])["gas/vendor_mapped"]
ID = st.from_regex(r"[A-Za-z0-9._:-]{1,12}", fullmatch=True)
LITERAL = st.text(
    st.characters(codec="utf-8", exclude_characters="/+#{}$", exclude_categories=("C", "Z")), max_size=6
)


def problems(table: str) -> list[str]:
    with pytest.raises(ProfileError) as told:
        parse("gas/vendor", f"{TEXT}\n[[topic]]\n{table}\n")
    return [p.removeprefix("gas/vendor: ") for p in told.value.problems]


def test_a_pattern_with_constants() -> None:
    table = 'pattern = "/sys/{device}/event"\nenterprise = "acme"\nstream = "up"'
    found = parse("gas/vendor", f"{TEXT}\n[[topic]]\n{table}\n").topics
    assert found == (Topic(pattern="/sys/{device}/event", enterprise="acme", stream="up"),)


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ('stream = "up"', "topic[1].pattern: is missing"),
        ('pattern = "v/up"\nstream = "up"', "topic[1].pattern: holds no {device}"),
        ('pattern = "v/{device}"', "topic[1].stream: is missing: the pattern holds no {stream}"),
        (
            'pattern = "v/{device}"\nstream = "upp"',
            "topic[1].stream: 'upp' is neither a channel nor a stream",
        ),
        ('pattern = "v/{device}/{stream}"\nstream = "up"', "topic[1].stream: stands in the pattern"),
        ('pattern = "v/{site}/{device}"\nsite = "a"\nstream = "up"', "topic[1].site: stands in the pattern"),
        ('pattern = "v/{device}/{device}"\nstream = "up"', "topic[1].pattern: holds {device} twice"),
        ('pattern = "v/{id}/{device}"\nstream = "up"', "topic[1].pattern: level '{id}': {id} is none of"),
        ('pattern = "v/#/{device}"\nstream = "up"', "topic[1].pattern: level '#' is none; give a text"),
        ('pattern = "v/a+/{device}"\nstream = "up"', "topic[1].pattern: level 'a+' is none; give a text"),
        ('pattern = "v/{site}{device}"\nstream = "up"', "topic[1].pattern: level '{site}{device}' is none"),
        ('pattern = "v w/{device}"\nstream = "up"', "topic[1].pattern: level 'v w' is none; give a text"),
        ('pattern = "$aws/{device}"\nstream = "up"', "topic[1].pattern: begins with $"),
        (
            'pattern = "rg/{enterprise}/{site}/{device}/{stream}"',
            "topic[1].pattern: could be a topic of the house",
        ),
        ('pattern = "{site}/a/b/{device}/{stream}"', "topic[1].pattern: could be a topic of the house"),
        (
            'pattern = "v/{device}/{stream}"\nsit = "a"',
            "topic[1].sit: is not a key of a profile; did you mean",
        ),
    ],
)
def test_each_mistake_is_told_with_its_key(table: str, told: str) -> None:
    found = problems(table)
    assert len(found) == 1
    assert found[0].startswith(told)
    assert ";" in found[0]


def test_a_profile_with_topics_is_known_by_its_text() -> None:
    assert not has_topics(TEXT)
    assert has_topics(f'{TEXT}\n[[ topic ]]\npattern = "v/{{device}}"\nstream = "up"')
    assert not has_topics("topic = [")


@given(
    before=LITERAL,
    after=LITERAL,
    first=st.sampled_from(["v", "", "厂商"]),
    enterprise=ID,
    device=ID,
    stream=ID,
)
def test_what_is_filled_in_is_found_again(
    before: str, after: str, first: str, enterprise: str, device: str, stream: str
) -> None:
    pattern = f"{first}/{{enterprise}}/{before}{{device}}{after}/{{stream}}"
    assert list(problems_of(pattern)) == []
    known = {"enterprise": enterprise, "device": device, "stream": stream}
    topic = filled(Topic(pattern=pattern), known)
    match = expression(pattern).fullmatch(topic.encode())
    assert match is not None
    assert {name: part.decode() for name, part in match.groupdict().items()} == known
    assert covers(subscription(pattern), topic)
    assert topic.encode()[slice(*match.span("device"))] == device.encode()


@given(st.text(max_size=30))
def test_a_pattern_is_sound_or_told(pattern: str) -> None:
    found = list(problems_of(pattern))
    if not found:
        assert "{device}" in pattern
        assert re.search("[#]", subscription(pattern)) is None
        assert expression(pattern).groupindex["device"]


def test_a_wider_filter_covers_a_narrower_one() -> None:
    assert covers("v/+/up", "v/a/up")
    assert covers("v/+/+", "v/+/up")
    assert not covers("v/a/up", "v/+/up")
    assert not covers("v/+", "v/a/up")
