"""The public data sets or nothing: a folder of them, or the test is skipped with the reason."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(os.environ.get("RISKGATE_DATA", ROOT.parent / "shared" / "data"))


def data_set(name: str) -> Path:
    """The folder of one data set; a test without it is skipped."""
    if not (FOLDER / name).is_dir():
        pytest.skip(f"the data set {name} is not here: set RISKGATE_DATA to the data folder")
    return FOLDER / name
