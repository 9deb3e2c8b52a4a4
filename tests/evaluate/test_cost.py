"""What detection costs is measured on real detectors: time of a plant's profile, memory of a small city."""

from __future__ import annotations

import pytest

from gateway.clock import SystemClock
from gateway.evaluate import cost


def test_time_is_of_every_channel_that_has_spoken() -> None:
    world, given = cost.batches("gas_room", 3)
    assert len(given) == 3
    assert len(given[0]) == len(world.monitor.channels) == cost.DEVICES * 2
    assert 0.0 < cost.ns_a_reading("gas_room", SystemClock()) < 20_000.0


def test_a_device_that_uploads_once_a_day_is_judged_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost, "DEVICES", 20)
    assert cost.pace_s("interference_logger") == 6 * 3600.0
    assert cost.pace_s("gas_room") == 5.0
    _, given = cost.batches("interference_logger", 9)
    assert [len(batch) for batch in given] == [20 * 14] * len(given)
    assert len(given) >= 2


def test_memory_is_of_a_city_of_the_size_wanted() -> None:
    channels, gigabytes = cost.city_memory(3000)
    assert 3000 <= channels < 3100
    assert 0.05 < gigabytes < 4.0
