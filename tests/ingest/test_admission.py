"""Admission against an oracle written another way, on anything a broker could hand over."""

from __future__ import annotations

import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.ingest.admission import ABSOLUTE_LIMIT, MAX_CACHED, UNKNOWN_LIMIT, Admission

ALLOWED = set((string.ascii_letters + string.digits + "._:-").encode())
admission = Admission(lambda _: UNKNOWN_LIMIT)


def oracle(topic: bytes) -> bool:
    parts = topic.split(b"/")
    return (
        len(parts) == 5
        and parts[0] == b"rg"
        and all(1 <= len(p) <= 64 and set(p) <= ALLOWED for p in parts[1:])
    )


ids = st.text(st.sampled_from(string.ascii_letters + string.digits + "._:-"), min_size=1, max_size=64)
odd = st.text(max_size=70) | st.sampled_from(
    ["", "+", "#", "$SYS", "a b", "a\n", "é", "e\u0301", "\u2028", "x" * 65]
)
topics = st.lists(ids | odd, min_size=1, max_size=7).map(
    lambda parts: "/".join(["rg", *parts]).encode("utf-8", "replace")
)


@given(topics | st.binary(max_size=80))
@example(b"rg/a/b/c/d\n")
@example(b"rg/a/b/c/d/")
@example(b"rg/a/b/c/" + b"x" * 64)
@example(b"rg/a/b/c/" + b"x" * 65)
@example(b"RG/a/b/c/d")
@example(b"rg/a/b/\xc3\xa9/d")
@example(b"rg//b/c/d")
def test_the_topic_has_one_shape(topic: bytes) -> None:
    assert admission.refuse(topic, b"") == ("" if oracle(topic) else "bad_topic")


@given(ids, ids, ids, ids)
def test_every_well_formed_topic_is_admitted(a: str, b: str, c: str, d: str) -> None:
    topic = f"rg/{a}/{b}/{c}/{d}".encode()
    assert admission.refuse(topic, b"x" * UNKNOWN_LIMIT) == ""
    assert admission.refuse(topic, b"x" * (UNKNOWN_LIMIT + 1)) == "oversize"


@pytest.mark.parametrize(
    "topic", [b"$SYS/broker/version", b"rg/$SYS/a/b/c", b"rg/a/b/c", b"rg/a/+/c/d", b"rg/a/b/#", b""]
)
def test_topics_outside_the_house(topic: bytes) -> None:
    assert admission.refuse(topic, b"{}") == "bad_topic"


def test_the_limit_is_the_profiles_with_an_absolute_cap() -> None:
    limits = {"acme/plant/GD-1": 100, "acme/plant/BURST": 10 * ABSOLUTE_LIMIT}
    by_profile = Admission(lambda device: limits.get(device, UNKNOWN_LIMIT))
    assert by_profile.refuse(b"rg/acme/plant/GD-1/lel", b"x" * 100) == ""
    assert by_profile.refuse(b"rg/acme/plant/GD-1/lel", b"x" * 101) == "oversize"
    assert by_profile.refuse(b"rg/acme/plant/BURST/wave", b"x" * ABSOLUTE_LIMIT) == ""
    assert by_profile.refuse(b"rg/acme/plant/BURST/wave", b"x" * (ABSOLUTE_LIMIT + 1)) == "oversize"


def test_another_configuration_counts_from_the_next_packet() -> None:
    limits = {"a/b/c": 10}
    changing = Admission(lambda device: limits[device])
    assert changing.refuse(b"rg/a/b/c/d", b"x" * 11) == "oversize"
    limits["a/b/c"] = 11
    assert changing.refuse(b"rg/a/b/c/d", b"x" * 11) == ""
    changing.limit_of = lambda _: 10
    assert changing.refuse(b"rg/a/b/c/d", b"x" * 11) == "oversize"


def test_invented_topics_do_not_fill_the_memory() -> None:
    remembering = Admission(lambda _: UNKNOWN_LIMIT)
    for number in range(MAX_CACHED + 10):
        assert remembering.refuse(b"rg/a/b/%d/d" % number, b"") == ""
        assert remembering.refuse(b"rg/a/b/%d/$" % number, b"") == "bad_topic"
    assert len(remembering._known[1]) == 10
