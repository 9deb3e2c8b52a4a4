"""k of n channels of a group stay live; a wrong ``[[keep_live]]`` is found at load."""

from __future__ import annotations

import pytest

from device_profiles import ProfileError, parse
from gateway.alarms.events import OUT_OF_SERVICE
from gateway.alarms.keeping import Kept, Member
from tests.alarms.made import Command
from tests.alarms.test_shelving import NS, engine, high
from tests.stories.test_stories import STORIES

TEXT = (STORIES[0].parent.parent / "profiles" / "kept.toml").read_text(encoding="utf-8")
TABLE = "[[keep_live]]\nchannel = "
H, HH = high("H").id, high("HH").id


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (f'{TABLE}"lel"', f'{TABLE}"co"', "keep_live[1].channel: there is no point"),
        ("at_least = 2", "at_least = 0", "keep_live[1].at_least"),
        ('within = "asset"', 'within = "city"', "keep_live[1].within"),
        ('within = "asset"', f'within = "asset"\n{TABLE}"lel"\nat_least = 1', "stands twice"),
        ("at_least = 2", "", "keep_live[1].at_least: is missing"),
    ],
)  # fmt: skip
def test_a_wrong_table_is_found_with_its_place(old: str, new: str, words: str) -> None:
    assert parse("gas/kept", TEXT).keep_live[0].at_least == 2
    with pytest.raises(ProfileError) as wrong:
        parse("gas/kept", TEXT.replace(old, new, 1))
    assert words in str(wrong.value)


def test_the_last_live_one_stays_and_a_second_alarm_of_a_channel_that_is_gone_may_go() -> None:
    made = engine()
    group = Kept(1, (Member("acme/plant/GD-1/lel", (H, HH), ()), Member("other", ("other:H",), ())))
    made.group = lambda alarm: group if alarm in (H, HH) else None
    order = {"alarm": H, "reason": "broken", "work_order": "WO-1"}
    assert made.command(Command("out_of_service", order), NS)[0].accepted
    waits, _ = made.command(Command("out_of_service", {**order, "alarm": HH}), NS)
    confirmed = Command("confirm", {"request": waits.id}, actor="wang", role="supervisor")
    _, [told] = made.command(confirmed, NS)
    assert told.state == OUT_OF_SERVICE
    alone = engine()
    alone.group = lambda _: Kept(1, group.members[:1])
    answer, _ = alone.command(Command("out_of_service", order), NS)
    assert not answer.accepted
    assert "1 of the 1 channels of this group must stay live" in answer.reason_en
