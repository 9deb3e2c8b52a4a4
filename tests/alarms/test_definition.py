"""Every system and device alarm has its texts in both languages."""

from __future__ import annotations

import pytest

from gateway.alarms import definition
from gateway.alarms.definition import Place
from gateway.alarms.texts import DEVICE, SYSTEM

PLACE = Place("acme", "plant", "tank-1", "GD-1", "gas")


def chinese(text: str) -> bool:
    return any("\u4e00" <= character <= "\u9fff" for character in text)


@pytest.mark.parametrize("condition", SYSTEM)
def test_system_alarms_speak_both_languages(condition: str) -> None:
    alarm = definition.system(condition)
    assert alarm.id == f"gateway:{condition}"
    assert 1 <= alarm.priority <= 4
    for text in (alarm.title_en, alarm.response_en):
        assert text.isascii()
        assert len(text) > 10
    assert chinese(alarm.title_zh)
    assert chinese(alarm.response_zh)


@pytest.mark.parametrize("condition", DEVICE)
def test_device_alarms_have_defaults_in_both_languages(condition: str) -> None:
    alarm = definition.device(condition, None, PLACE)
    assert alarm.id == f"acme/plant/GD-1/:{condition}"
    assert alarm.category == "device"
    assert chinese(alarm.title_zh)
    assert chinese(alarm.response_zh)
    assert alarm.response_en.isascii()


def test_the_gateways_own_dangers_have_alarms() -> None:
    assert {"possible_gap", "link_down", "disk_full", "behind", "quarantine_full", "old_sqlite"} <= set(
        SYSTEM
    )
