"""What libraries give to an example or to an answer by themselves is no shorter than our own waits.

A pytest plug-in, loaded by tests/conftest.py. An example of Hypothesis that once took longer than 0.2 s shows
no fault, nor does a page that took longer than the 5 s that httpx gives it.
"""

from __future__ import annotations

from httpx._config import DEFAULT_TIMEOUT_CONFIG
from hypothesis import HealthCheck, settings

from tests.support.wait import LEAST_S

# What stands here holds for tests that ask for no other number of examples too.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

for part in (
    "connect",
    "read",
    "write",
    "pool",
):  # one object, which every client that is told nothing copies
    setattr(DEFAULT_TIMEOUT_CONFIG, part, LEAST_S)
