"""What goes from one process to another arrives as it was."""

from __future__ import annotations

import pickle

import pytest

from device_profiles import ProfileError
from gateway.errors import ConfigError, RulesRefused

PROBLEMS = ["gas/x: alarm.0: hi < lo; swap them", "gas/x: channel: no such one"]


@pytest.mark.parametrize("error", [ConfigError(PROBLEMS), ProfileError(PROBLEMS), RulesRefused("no", "不")])
def test_an_error_survives_the_way_to_another_process(error: Exception) -> None:
    there = pickle.loads(pickle.dumps(error))
    assert (type(there), str(there), vars(there)) == (type(error), str(error), vars(error))
    assert str(there) in ("\n".join(PROBLEMS), "no")
