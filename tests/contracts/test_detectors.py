"""Every detector in the folder keeps the contract of detectors/__init__.py. A new file is tested at once."""

from __future__ import annotations

import doctest
import hashlib
import itertools
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import detectors
from detectors import BAD, DISORDER, GOOD, LATE, RETAINED, SUSPECT, UNCERTAIN, Findings, Readings
from gateway.monitor.bank import PER_READING
from tests.contracts import asset_rules, channel_rules

KINDS = detectors.kinds()
SECOND = 1_000_000_000
FIRST_NS = 1_700_000_000 * SECOND
SLOTS = 6
USED = 3
"""Roles that the made-up readings have, of a detector over several channels."""

SETTINGS: dict[str, list[dict[str, Any]]] = {
    "limits": [
        {
            "limits": {
                "LL": {"setpoint": 1.0, "deadband": 0.5},
                "L": {"setpoint": 2.0, "deadband": 0.5, "on_delay_ns": 2 * SECOND},
                "H": {"setpoint": 8.0, "deadband": 0.5, "off_delay_ns": 3 * SECOND},
                "HH": {"setpoint": 9.0, "deadband": 0.5, "on_delay_ns": SECOND, "off_delay_ns": SECOND},
            },
            "clear_readings": 2,
        },
        {"limits": {"H": {"setpoint": 5.0, "deadband": 0.0}}, "clear_readings": 1},
    ],
    "discrete": [
        {
            "conditions": [
                {"states": [2, 3], "on_delay_ns": 2 * SECOND},
                {"states": [3, 63], "off_delay_ns": 2 * SECOND},
            ],
            "clear_readings": 2,
        },
        {"conditions": [{"states": [1]}], "clear_readings": 1},
    ],
    "out_of_range": [{"clear_readings": 3}, {"clear_readings": 1}],
    "silent": [{"silent_after_ns": 5 * SECOND, "period_ns": 2 * SECOND}],
    "ewma": [
        {"weight": 0.2, "limit": 1.5, "warmup": 4, "raise_readings": 1, "adopt_readings": 9},
        {"limit": 2.0, "warmup": 3, "raise_readings": 1, "clear_readings": 2, "adopt_readings": 3},
    ],
    "cusum": [
        {"target": 4.0, "sigma": 2.0, "k": 0.5, "h": 2.0},
        {"k": 0.3, "h": 1.5, "warmup": 5, "adopt_readings": 6, "low": -20.0, "high": 20.0},
    ],
    "novelty": [
        {"limit": 1.0, "warmup": 5, "memory": 100, "clear_readings": 1},
        {"limit": 0.8, "radius": 0.3, "warmup": 10, "low": -20.0, "high": 20.0, "clear_readings": 2},
    ],
    "ac_density": [
        {"resistivity": 2.0, "diameter": 1.0, "moderate": 6.0, "strong": 9.0, "on_delay_ns": 2 * SECOND},
        {"resistivity": 2.0, "diameter": 1.0, "moderate": 7.0, "strong": 8.0, "off_delay_ns": 0},
    ],
    "bearing_trend": [
        {
            "rise": 3.0,
            "limit": 9.0,
            "warm": 0.0,
            "window_ns": 8 * SECOND,
            "on_delay_ns": SECOND,
            "wear": 1e-3,
            "wear_ns": 60 * SECOND,
            "wear_steps": 2,
        },
        {"rise": 6.0, "limit": 6.0, "window_ns": 20 * SECOND, "on_delay_ns": 0, "inputs": ("bearing",)},
    ],
    "bridge_approach": [
        {"inputs": ("distance",), "window_ns": 4 * SECOND, "gap_ns": 60 * SECOND, "raise_readings": 1},
        {
            "ahead_ns": 60 * SECOND,
            "clear": 3.0,
            "gap_ns": 60 * SECOND,
            "raise_readings": 1,
            "window_ns": SECOND,
        },
    ],
    "burst_bag": [
        {"inputs": ("dp",), "running": 0.0, "warmup_ns": 0, "on_delay_ns": 0, "adopt_ns": 20 * SECOND},
        {"still": 0.0, "warmup_ns": 9 * SECOND, "on_delay_ns": 0, "adopt_ns": 40 * SECOND, "steady": 0.5},
    ],
    "casting_trip": [
        {"flow": 4.5, "casting": 4, "start": 0.0, "settled": 0.0, "water_delay_ns": 0},
        {"flow": 4.5, "inputs": ("length", "water_flow"), "start": 2.0, "water_delay_ns": SECOND},
    ],
    "cp_shift": [
        {
            "block_ns": 8 * SECOND,
            "quiet_from_ns": 0,
            "quiet_to_ns": 80_060 * SECOND,
            "zone_h": 0,
            "quiet_readings": 2,
            "block_readings": 1,
            "either": 4.0,
            "positive": 4.5,
        },
        {
            "block_ns": 4 * SECOND,
            "quiet_from_ns": 0,
            "quiet_to_ns": 80_030 * SECOND,
            "zone_h": 0,
            "quiet_readings": 1,
            "block_readings": 2,
            "either": 4.0,
            "positive": 4.5,
        },
    ],
    "cp_time_share": [
        {"levels": (4.5, 5.0, 6.0, 7.0), "shares": (55.0, 55.0, 50.0, 45.0), "hours_ns": SECOND},
        {"levels": (5.0, 6.0, 7.0, 8.0), "shares": (55.0, 50.0, 45.0, 40.0), "hours_ns": 30 * SECOND},
    ],
    "cpa": [
        {"places": (4.0, 4.0), "distance": 1e5, "inputs": ("latitude", "longitude", "speed", "heading")},
        {"distance": 1e5, "stale_ns": 600 * SECOND, "raise_readings": 1},
    ],
    "duct_settling": [
        {"carry": 3.5, "flush": 3.8, "still": 0.5, "after_ns": 5 * SECOND},
        {"carry": 3.0, "after_ns": SECOND, "still": 0.0, "gap_ns": 3 * SECOND},
    ],
    "fill_balance": [
        {"volume": 1.0, "differs": 3.0, "slack": 1800.0, "gap_ns": 60 * SECOND},
        {"volume": 1e-3, "differs": 2.0, "share": 0.5, "slack": 3600.0, "gap_ns": 30 * SECOND},
    ],
    "filter_loading": [
        {"drop": 2.0, "running": 0.5, "limit": 9.0, "margin": 0.5, "window_ns": 4 * SECOND, "on_delay_ns": 0},
        {"drop": 1.0, "running": 1.0, "limit": 8.0, "margin": 0.1, "warmup_cycles": 1, "on_delay_ns": SECOND},
    ],
    "geofence": [
        {"area": (3.0, 3.0, 3.0, 9.0, 9.0, 9.0, 9.0, 3.0), "raise_readings": 1, "apart_ns": 60 * SECOND},
        {"area": (8.0, 8.0), "radius": 4e5, "inside": 0, "raise_readings": 1, "apart_ns": 60 * SECOND},
    ],
    "ground_speed": [
        {"jump_readings": 1, "raise_readings": 2, "apart_ns": 60 * SECOND},
        {"possible": 1e5, "limit": 5e4, "differs": 1e4, "raise_readings": 1, "apart_ns": 60 * SECOND},
    ],
    "mec_share": [
        {"mec": 12.0, "share": 50.0, "share_high": 75.0, "on_delay_ns": 2 * SECOND},
        {"mec": 10.0, "share": 60.0, "share_high": 80.0, "on_delay_ns": 0, "off_delay_ns": 0},
    ],
    "npw": [
        {"length": 4e4, "mean_readings": 2, "gap_readings": 2, "settle_readings": 6, "gap_ns": 60 * SECOND},
        {"length": 9e4, "mean_readings": 3, "gap_readings": 2, "sigmas": 1.0, "hold_ns": 9 * SECOND},
    ],
    "rectifier_out": [
        {"least": 1.5, "after_ns": 0, "band_ns": 0, "warmup": 3, "width": 1.0},
        {"least": 1.0, "after_ns": SECOND, "band_ns": SECOND, "current_band": (1.0, 8.0)},
    ],
    "route": [
        {"places": (3.0, 3.0, 5.0, 5.0), "corridor": 2e5, "raise_readings": 1, "apart_ns": 60 * SECOND},
        {"places": (0.0, 4.0, 9.0, 4.0, 9.0, 9.0), "corridor": 3e5, "apart_ns": 60 * SECOND},
    ],
    # the calm value of these tests lies within the deadband: constant values are what this detector finds
    "flat": [
        {"after_ns": 5 * SECOND, "tolerance": 9.0, "deadband": 4.0, "raise_readings": 1, "clear_readings": 1},
        {"after_ns": SECOND, "tolerance": 3.0, "deadband": 4.5, "raise_readings": 2, "clear_readings": 2},
    ],
}
"""Rules under which each detector is tried; a new detector adds its own here."""
SETTINGS |= channel_rules.RULES | asset_rules.RULES


def module_of(kind: str) -> ModuleType:
    return detectors.load(kind)


def rules(kind: str, slots: int = SLOTS) -> np.ndarray:
    module = module_of(kind)
    parameters = np.zeros(slots, module.PARAMETERS)
    for slot in range(slots):
        choices = SETTINGS[kind]
        parameters[slot] = module.configure(choices[slot % len(choices)])
    return parameters


def fresh(kind: str, slots: int = SLOTS) -> np.ndarray:
    module = module_of(kind)
    state = np.zeros(slots, module.STATE)
    state[:] = module.initial()
    return state


def made_up(seed: int, count: int, *, values: tuple[float, ...] = ()) -> Readings:
    """Readings of every kind of trouble: all qualities, reasons and time flags, values on both sides."""
    random = np.random.default_rng(seed)
    slot = random.integers(0, SLOTS, count).astype(np.int32)
    step_ns = random.integers(0, 2 * SECOND, count)
    received = FIRST_NS + np.cumsum(step_ns)
    disorder = random.random(count) < 0.1
    event = received - np.where(disorder, 20 * SECOND, 0)
    ordinary = np.where(random.random(count) < 0.7, random.integers(0, 11, count), random.random(count) * 10)
    value = ordinary.astype(np.float64)
    if values:
        value = np.where(random.random(count) < 0.2, random.choice(np.array(values), count), value)
    quality = random.choice(np.array([GOOD] * 7 + [UNCERTAIN] * 2 + [BAD], np.uint8), count)
    reason = np.where(quality == GOOD, 0, random.integers(0, len(detectors.REASONS), count)).astype(np.uint8)
    time = random.choice(np.array([0] * 17 + [LATE, SUSPECT, RETAINED], np.uint8), count)
    time |= np.where(disorder, DISORDER, 0).astype(np.uint8)
    return Readings(slot, event, received, value, quality, reason, time, np.arange(count, dtype=np.int32))


def spread(kind: str, readings: Readings) -> Readings:
    """The same rows with slots as groups, for a detector over several channels: first roles take turns."""
    roles = detectors.roles(module_of(kind))
    if not roles:
        return readings
    role = (readings.packet // SLOTS) % min(roles, USED)
    return readings.at((readings.slot * roles + role).astype(np.int32))


def run(kind: str, readings: Readings, cuts: list[int] | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Findings (rows counted over all batches) and the state after judging in the given pieces."""
    module, parameters, state = module_of(kind), rules(kind), fresh(kind)
    parts: list[np.ndarray] = []
    edges = [0, *sorted(cuts or []), len(readings)]
    readings = spread(kind, readings)
    for begin, end in itertools.pairwise(edges):
        found = Findings()
        module.step(parameters, state, readings.take(slice(begin, end)), found)
        part = found.found().copy()
        part["row"] += begin
        parts.append(part)
        # a snapshot between any two batches changes nothing
        state = np.frombuffer(state.tobytes(), module.STATE).copy()
    return np.concatenate(parts), state


def same(left: np.ndarray, right: np.ndarray) -> bool:
    return left.dtype == right.dtype and left.tobytes() == right.tobytes()


@pytest.mark.parametrize("kind", KINDS)
def test_module_offers_the_contract(kind: str) -> None:
    module = module_of(kind)
    assert kind in SETTINGS, f"add rules for {kind} to SETTINGS in this file"
    assert all(isinstance(name, str) for name in module.FINDINGS)
    assert set(module.EVENT_TIMES) <= set(module.STATE.names)
    assert set(getattr(module, "REQUIRED", ())) <= set(getattr(module, "INPUTS", ()))
    for layout in (module.PARAMETERS, module.STATE, detectors.FINDING):
        assert sum(layout[name].itemsize for name in layout.names) == layout.itemsize, (
            "padding has no set bytes"
        )
    assert all(module.STATE[name].base == np.int64 for name in module.EVENT_TIMES)
    initial = np.array([module.initial()], module.STATE)
    assert all((initial[name] == detectors.NO_TIME).all() for name in module.EVENT_TIMES)
    for word in ("What.", "When to use.", "When\nnot.|When not.", "Cost.", "Reference."):
        assert any(form in (module.__doc__ or "") for form in word.split("|")), (
            f"{kind}: docstring lacks {word}"
        )


@pytest.mark.parametrize("kind", detectors.advising())
def test_what_advises_says_it_in_both_languages_and_names_its_settings(kind: str) -> None:
    module = module_of(kind)
    assert tuple(module.ADVICE) == module.FINDINGS
    texts = [text for _, *both in module.ADVICE.values() for text in both]
    for formats in (getattr(module, "EXPLAIN", {}), getattr(module, "ENDED", {})):
        assert set(formats) <= set(module.FINDINGS)
        texts += [text for pair in formats.values() for text in pair]
    told = dict.fromkeys(
        ("title", "value", "limit", "value_number", "limit_number", "extra", "unit", "held"), "1"
    )
    assert "{" not in "".join(text.format(**told) for text in texts)
    assert all(text.strip() for text in texts)
    assert {category for category, _, _ in module.ADVICE.values()} <= {"process", "device"}
    assert all(setting.low < setting.high for setting in module.SETTINGS.values())
    of_the_point = {"low", "high", "span", "clear_readings", "period_ns", "inputs", "ranges"}
    assert not of_the_point & set(module.SETTINGS), "the profile's own numbers would take its place"


def test_a_condition_has_one_detector() -> None:
    named = [name for kind in KINDS for name in module_of(kind).FINDINGS]
    assert len(named) == len(set(named)), sorted(named)


@pytest.mark.parametrize("kind", KINDS)
def test_example_in_the_docstring_runs(kind: str) -> None:
    result = doctest.testmod(module_of(kind))
    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.parametrize("kind", KINDS)
def test_the_rule_of_a_channel_without_one_finds_nothing(kind: str) -> None:
    module, state = module_of(kind), fresh(kind)
    parameters = np.zeros(SLOTS, module.PARAMETERS)
    parameters[:] = module.configure({})
    found = Findings()
    module.step(parameters, state, spread(kind, made_up(1, 500, values=(np.nan, np.inf))), found)
    assert found.count == 0
    if not hasattr(module, "INPUTS") and not hasattr(module, "sweep"):  # such channels share one record
        assert same(state, fresh(kind))


@pytest.mark.parametrize("kind", PER_READING)
def test_channels_that_share_rules_find_what_those_with_their_own_find(kind: str) -> None:
    module, own = module_of(kind), rules(kind)
    readings = made_up(7, 600)
    choices = np.arange(SLOTS, dtype=np.int32) % len(SETTINGS[kind])
    shared = own[: len(SETTINGS[kind])]
    apart, together = Findings(), Findings()
    left, right = fresh(kind), fresh(kind)
    module.step(own, left, readings, apart)
    module.step(shared, right, readings.at(readings.slot, choices[readings.slot]), together)
    assert not same(left, fresh(kind)), "something was judged"
    assert same(apart.found(), together.found())
    assert same(left, right)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), cuts=st.lists(st.integers(0, 300), max_size=8))
def test_any_split_equals_the_whole(kind: str, seed: int, cuts: list[int]) -> None:
    readings = made_up(seed, 300, values=(np.nan, np.inf, -np.inf, -0.0, 1e300))
    whole, state = run(kind, readings)
    parts, state_of_parts = run(kind, readings, cuts)
    assert same(whole, parts)
    assert same(state, state_of_parts)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), order=st.permutations(range(SLOTS)))
def test_permuted_slots_give_the_same_findings(kind: str, seed: int, order: list[int]) -> None:
    module, parameters = module_of(kind), rules(kind)
    readings = made_up(seed, 300)
    place = np.array(order, np.int32)
    moved_rules = np.empty_like(parameters)
    moved_rules[place] = parameters
    moved = readings.at(place[readings.slot])
    plain, permuted = Findings(), Findings()
    state, moved_state = fresh(kind), fresh(kind)
    module.step(parameters, state, spread(kind, readings), plain)
    module.step(moved_rules, moved_state, spread(kind, moved), permuted)
    expected = plain.found().copy()
    expected["slot"] = place[expected["slot"]]
    assert same(expected, permuted.found())
    assert same(state, moved_state[place])


@pytest.mark.parametrize("kind", KINDS)
def test_garbage_does_not_poison_the_state(kind: str) -> None:
    """After any rubbish, the same good readings give the same final conditions as without it."""
    module, parameters = module_of(kind), rules(kind)
    rubbish = made_up(5, 400, values=(np.nan, np.inf, -np.inf, 1e308, -1e308, 5e-324))
    rubbish.quality[:] = np.where(np.isfinite(rubbish.value), rubbish.quality, BAD)
    count = SLOTS * 40 * max(1, min(detectors.roles(module), USED))
    after_ns = int(rubbish.received_ns[-1]) + np.arange(count, dtype=np.int64) * SECOND + SECOND
    zero = np.zeros(count, np.uint8)
    calm = Readings(
        (np.arange(count) % SLOTS).astype(np.int32),
        after_ns,
        after_ns,
        np.full(count, 4.0),
        zero,
        zero,
        zero,
        np.arange(count, dtype=np.int32),
    )
    state, found = fresh(kind), Findings()
    module.step(parameters, state, spread(kind, rubbish), found)
    module.step(parameters, state, spread(kind, calm), found)
    standing: dict[tuple[int, int], int] = {}
    for record in found.found():
        key = (int(record["slot"]), int(record["condition"]))
        assert standing.get(key, 0) != record["active"], "only changes are findings"
        standing[key] = int(record["active"])
    assert not any(standing.values()), "calm good readings end every condition"


def course(first: int, count: int, begin_ns: int) -> Readings:
    """Good readings about 4, one a second and slot, that now and then leave it for a while."""
    random = np.random.default_rng(first)
    at = begin_ns + np.repeat(np.arange(count, dtype=np.int64), SLOTS) * SECOND
    value = 4.0 + 0.5 * random.standard_normal(count * SLOTS)
    value[(at - begin_ns) // SECOND % 400 > 350] += 5.0
    zero, rows = np.zeros(len(at), np.uint8), np.arange(len(at), dtype=np.int32)
    return Readings((rows % SLOTS).astype(np.int32), at, at, value, zero, zero, zero, rows)


@pytest.mark.parametrize("kind", KINDS)
def test_after_garbage_a_detector_finds_what_a_fresh_one_finds(kind: str) -> None:
    """Not numbers, infinite, absurd, going back in time, with a gap of a day: forgotten after the memory's
    length, whatever quality and time the readings claimed to have."""
    module, parameters = module_of(kind), rules(kind)
    rubbish = made_up(11, 600)
    absurd = np.array([np.nan, np.inf, -np.inf, 1e300, -1e300, 1e308])
    rubbish.value[:] = absurd[np.arange(600) % 6]
    rubbish.event_ns[::5] -= 86_400 * SECOND
    begin_ns = int(rubbish.received_ns[-1]) + 86_400 * SECOND
    plain, spoilt = fresh(kind), fresh(kind)
    module.step(parameters, spoilt, spread(kind, rubbish), Findings())
    memory, after = course(1, 800, begin_ns), course(2, 800, begin_ns + 800 * SECOND)
    for state in (plain, spoilt):
        module.step(parameters, state, spread(kind, memory), Findings())
    expected, found = Findings(), Findings()
    module.step(parameters, plain, spread(kind, after), expected)
    module.step(parameters, spoilt, spread(kind, after), found)
    assert same(expected.found(), found.found())


@pytest.mark.parametrize("kind", KINDS)
def test_late_and_retained_readings_change_nothing(kind: str) -> None:
    readings = made_up(9, 400, values=(np.nan,))
    readings.time[:] = np.where(np.arange(400) % 2 == 0, LATE, RETAINED)
    found, state = run(kind, readings)
    assert len(found) == 0
    assert same(state, fresh(kind))


@pytest.mark.parametrize("kind", KINDS)
def test_more_findings_than_there_is_room_for_are_all_kept(kind: str) -> None:
    module, parameters = module_of(kind), rules(kind)
    readings = spread(kind, made_up(3, 4000))
    roomy, tight = Findings(), Findings()
    roomy.reserve(100_000)
    module.step(parameters, fresh(kind), readings, roomy)
    module.step(parameters, fresh(kind), readings, tight)
    assert same(roomy.found(), tight.found())


def digest() -> str:
    """One hash over the findings and states of every detector and many seeds."""
    total = hashlib.sha256()
    for kind in KINDS:
        for seed in range(6):
            found, state = run(kind, made_up(seed, 250, values=(np.nan, np.inf, -0.0)), [17, 18, 100])
            total.update(found.tobytes())
            total.update(state.tobytes())
    return total.hexdigest()


def test_same_bytes_in_another_process_compiled_or_not() -> None:
    here = digest()
    root = Path(__file__).parents[2]
    program = (
        "import runpy, detectors, sys; m = runpy.run_path(sys.argv[1]); "
        "print(detectors.is_compiled(), m['digest']())"
    )
    for disabled, compiled in (("0", "True"), ("1", "False")):
        environment = {**os.environ, "NUMBA_DISABLE_JIT": disabled, "PYTHONPATH": os.fspath(root)}
        answer = subprocess.run(
            [sys.executable, "-c", program, __file__],
            env=environment,
            cwd=root,
            capture_output=True,
            text=True,
            timeout=300,
            check=True,
        )
        assert answer.stdout.split() == [compiled, here], answer.stderr


def test_an_unknown_kind_names_the_known_ones() -> None:
    with pytest.raises(KeyError, match="limits"):
        detectors.load("no_such_detector")
