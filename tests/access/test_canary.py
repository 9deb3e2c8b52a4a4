"""A whole gateway with secrets of its own, driven into its error messages: they are found nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.access.canary import Canary, run

pytestmark = pytest.mark.system


def test_secrets_are_found_nowhere(tmp_path: Path) -> None:
    canary = Canary()
    assert run(tmp_path, canary) > 10
    assert canary.used == set(canary.secrets)
    assert canary.found() == []
