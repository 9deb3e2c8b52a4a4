"""Line protocol: what goes in comes out again, judged by a parser written from the specification."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from detectors import SUSPECT
from gateway.sinks import ReadingsBatch
from gateway.sinks._lines import Encoder, clean, head, tail
from tests.support.entries import alarm_event
from tests.support.readings import NOW_NS, batch, readings, rows_strategy, table

Parsed = tuple[str, dict[str, str], dict[str, str | float | int], int]


def parse(line: str) -> Parsed:
    """One line: measurement, tags, fields, timestamp. Raises on anything out of place."""
    key, fields, stamp = cut(line, " ", 2)
    measurement, *tags = cut(key, ",")
    parsed: dict[str, str | float | int] = {}
    for pair in cut(fields, ","):
        name, value = cut(pair, "=", 1)
        parsed[plain(name)] = typed(value)
    pairs = [cut(tag, "=", 1) for tag in tags]
    assert all(len(pair) == 2 and pair[1] for pair in pairs)
    return plain(measurement), {plain(name): plain(value) for name, value in pairs}, parsed, int(stamp)


def lines_of(made: ReadingsBatch, encoder: Encoder | None = None) -> list[str]:
    """The lines of a batch, each by itself."""
    pieces = (encoder or Encoder()).readings(made)
    return pieces[0].decode().split("\n") if pieces else []


def cut(text: str, mark: str, most: int = -1) -> list[str]:
    """Split at unescaped, unquoted marks."""
    parts, start, at, quoted = [], 0, 0, False
    while at < len(text):
        if text[at] == "\\":
            at += 2
            continue
        if text[at] == '"':
            quoted = not quoted
        elif text[at] == mark and not quoted and len(parts) != most:
            parts.append(text[start:at])
            start = at + 1
        at += 1
    return [*parts, text[start:]]


def plain(text: str) -> str:
    for mark in ", =":
        text = text.replace(f"\\{mark}", mark)
    return text


def typed(value: str) -> str | float | int:
    if value.startswith('"'):
        assert value.endswith('"')
        assert len(value) >= 2
        return value[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    return int(value[:-1]) if value.endswith("i") else float(value)


# A quote opens a string only in a field's value; the parser above is simpler, so tags have none here.
texts = st.text(st.characters(exclude_characters='"'), max_size=30)


@given(texts.filter(lambda t: clean(t).strip()), st.dictionaries(st.sampled_from("abc"), texts))
def test_measurement_and_tags_come_out_again(measurement: str, tags: dict[str, str]) -> None:
    parsed = parse(f"{head(measurement, tags)} x=1 5")
    assert parsed[0] == clean(measurement).replace("\\", "＼")
    assert parsed[1] == {k: clean(v).replace("\\", "＼") for k, v in tags.items() if v}


@given(
    st.dictionaries(
        texts.filter(clean),
        st.one_of(st.text(max_size=40), st.floats(), st.integers(-(2**63), 2**63 - 1)),
        min_size=1,
        max_size=5,
    )
)
def test_fields_come_out_again_and_no_number_that_is_not_finite(fields: dict[str, str | float | int]) -> None:
    line = tail(fields)
    expected = {
        clean(k).replace("\\", "＼"): clean(v) if isinstance(v, str) else v
        for k, v in fields.items()
        if v != "" and not (isinstance(v, float) and not math.isfinite(v))
    }
    if not expected:
        assert line == ""
        return
    assert "\n" not in line
    assert parse(f"m {line} 7")[2] == expected


@given(rows_strategy())
def test_every_reading_is_one_line_and_no_value_is_invented(
    rows: list[tuple[int, int, float, int, int, int]],
) -> None:
    made = batch(77, readings(rows))
    parsed = [parse(line) for line in lines_of(made)]
    assert len(parsed) == len(rows)
    for (slot, event_ns, value, quality, _, flags), (measurement, tags, fields, stamp) in zip(
        rows, parsed, strict=True
    ):
        channel = table().channel(slot)
        assert measurement == "reading"
        assert tags == {
            "enterprise": "acme",
            "site": "north",
            "asset": "vessel 1",
            "device": channel.device,
            "channel": channel.channel,
            "family": "gas",
            "unit": "%LEL",
        }
        assert fields["quality"] == quality
        assert fields.get("value") == (value if math.isfinite(value) else None)
        assert ("suspect" in fields) == bool(flags & SUSPECT)
        assert (fields["event_ns"] if flags & SUSPECT else stamp) == event_ns


def test_readings_of_suspect_time_do_not_cover_each_other_and_keep_their_place() -> None:
    rows = [(0, 5, 1.0, 0, 0, SUSPECT), (0, 5, 2.0, 0, 0, SUSPECT), (0, 5, 3.0, 0, 0, SUSPECT)]
    first = lines_of(batch(9, readings(rows)))
    again = lines_of(batch(9, readings(rows)))
    later = lines_of(batch(10, readings(rows)))
    assert first == again
    stamps = [parse(line)[3] for line in [*first, *later]]
    assert len(set(stamps)) == 6
    assert all(0 <= stamp - NOW_NS < 1_080_000_000 for stamp in stamps)


def test_events_of_one_moment_are_points_of_their_own() -> None:
    same = [alarm_event(7, 0, "a:high"), alarm_event(7, 1, "a:high"), alarm_event(8, 0, "a:high")]
    parsed = [parse(Encoder().event(event)) for event in same]
    assert len({stamp for _, _, _, stamp in parsed}) == 3
    assert {fields["event"] for _, _, fields, _ in parsed} == {event.id for event in same}
    assert all(tags["alarm"] == "a:high" for _, tags, _, _ in parsed)


def test_the_channel_table_of_another_version_names_anew() -> None:
    encoder = Encoder()
    rows = readings([(0, NOW_NS, 1.0, 0, 0, 0)])
    old, new = table(asset="old"), table(asset="new")
    new.version = 2
    assert "asset=old" in lines_of(batch(1, rows, old), encoder)[0]
    assert "asset=new" in lines_of(batch(2, rows, new), encoder)[0]
    old.version, old.devices = 3, new.devices
    assert "asset=new" in lines_of(batch(3, rows, old), encoder)[0]


def test_figures_that_are_all_unknown_give_no_line() -> None:
    assert Encoder().health(5, {"a": math.nan}) == []
    assert parse(Encoder().health(5, {"a": math.inf, "b": 2.0})[0]) == ("gateway", {}, {"b": 2.0}, 5)
