"""An alarm that means nothing in some state of the plant is suppressed while that state is known."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device_profiles import ProfileError, parse
from gateway.alarms.events import SUPPRESSED, encode
from gateway.monitor.channels import Device
from gateway.monitor.monitor import Monitor
from tests.monitor.world import World

TEXT = (Path(__file__).parents[1] / "stories/profiles/pump.toml").read_text(encoding="utf-8")
HERE, OTHER = "stories/of", "stories/other"
OF_OTHER = TEXT.replace('state = "run"', f'state = "run"\nof = "{OTHER}"')
PLAIN = TEXT[: TEXT.index("[[suppress_when]]")] + TEXT[TEXT.index("[[example]]") :]
KEY = "acme/plant/P-1"


def pump(name: str = "P-1", profile: str = HERE, asset: str = "hall") -> Device:
    return Device("acme", "plant", asset, name, profile)


def world(devices: list[Device], text: str = TEXT) -> World:
    made = World([], link=False)
    made.configure(devices, {HERE: text, OTHER: PLAIN})
    made.link(up=True)
    return made


def send(made: World, run: float | None, flow: float = 2.0, of: str = KEY) -> None:
    made.wait(5)
    made.send(run, device=of, channel="run")
    made.send(flow, device=KEY, channel="flow")


def state(made: World) -> str:
    alarm = made.monitor.engine.find(f"{KEY}/flow:L")
    return "normal" if alarm is None else alarm.state


def test_the_state_of_another_device_of_the_asset_counts_if_it_is_the_only_one() -> None:
    made = world([pump(), pump("M-1", OTHER)], OF_OTHER)
    send(made, 0, of="acme/plant/M-1")
    assert state(made) == SUPPRESSED
    two = world([pump(), pump("M-1", OTHER), pump("M-2", OTHER)], OF_OTHER)
    send(two, 0, of="acme/plant/M-1")
    assert state(two) == "unacknowledged", "nobody knows which of the two is meant"
    away = world([pump(), pump("M-1", OTHER, "yard")], OF_OTHER)
    send(away, 0, of="acme/plant/M-1")
    assert state(away) == "unacknowledged"


def test_a_retained_state_suppresses_nothing() -> None:
    made = world([pump()])
    made.wait(1)
    made.send(0, device=KEY, channel="run", retained=True)
    made.send(2.0, device=KEY, channel="flow")
    assert state(made) == "unacknowledged"


def test_a_rule_that_is_taken_out_of_the_profile_suppresses_no_longer() -> None:
    made = world([pump()])
    send(made, 0)
    assert state(made) == SUPPRESSED
    made.configure([pump()], {HERE: PLAIN})
    assert state(made) == "unacknowledged"


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ('condition = "L"\nstate', 'condition = "H"\nstate', "condition: flow:H is no [[alarm]] here"),
        ("priority = 2", "priority = 1", "condition: L is a safety alarm"),
        ('state = "run"', 'state = "flow"', "state: there is no discrete point 'flow'"),
        ("is = [0]", "", "is: is missing"),
        (
            "[[suppress_when]]",
            '[[keep_live]]\nchannel = "flow"\nat_least = 1\n[[suppress_when]]',
            "channel: flow has to stay live",
        ),
    ],
)
def test_a_rule_that_cannot_be_is_told(old: str, new: str, found: str) -> None:
    with pytest.raises(ProfileError) as caught:
        parse(HERE, TEXT.replace(old, new))
    assert any(found in problem for problem in caught.value.problems), caught.value.problems


ACTS = st.one_of(
    st.tuples(st.just("send"), st.sampled_from([0, 1, None]), st.sampled_from([2.0, 50.0])),
    st.tuples(st.just("wait"), st.just(0), st.floats(1, 40)),
    st.tuples(st.just("rule"), st.sampled_from([0, 1]), st.just(0.0)),
    st.tuples(st.just("shelve"), st.just(0), st.just(0.0)),
    st.tuples(st.just("restart"), st.just(0), st.just(0.0)),
)


@settings(max_examples=30, deadline=None)
@given(acts=st.lists(ACTS, max_size=12))
def test_suppression_ends_with_the_state_and_live_is_replay(
    acts: list[tuple[str, int | None, float]],
) -> None:
    made = world([pump()])
    for what, choice, number in acts:
        if what == "send":
            send(made, choice, number)
        elif what == "wait":
            made.wait(number)
        elif what == "rule":
            made.configure([pump()], {HERE: TEXT if choice else PLAIN})
        elif what == "shelve":
            made.command("shelve", alarm=f"{KEY}/flow:L", for_s=60, reason="known")
        else:
            made.monitor = Monitor.load(made.monitor.save())
    made.configure([pump()], {HERE: TEXT})
    for _ in range(30):
        send(made, 1, 2.0)
    assert state(made) == "unacknowledged", "the pump runs and nothing flows"
    assert made.monitor.judgement.suppressed.export() == {"causes": {}, "leaving": {}}
    send(made, 0)
    assert state(made) == SUPPRESSED
    made.wait(60)
    assert state(made) == "unacknowledged", "nobody knows any more that it stands still"
    replayed = Monitor(1)
    again = [e for position, entry in made.journal for e in replayed.step(position, entry).events]
    assert [encode(e) for e in again] == [encode(e) for e in made.events]
    assert replayed.save() == made.monitor.save()
