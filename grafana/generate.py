"""Writes grafana/dashboards/*.json: ``python -m grafana.generate`` after a change of profiles or panels.

tests/system/test_grafana.py compares the committed files with what this writes; ``make dashboards`` runs
every query of every panel against a real InfluxDB that simulated plants filled.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from grafana.boards import boards

FOLDER = Path(__file__).parent / "dashboards"


def text(made: dict[str, Any]) -> str:
    """A file's content."""
    return json.dumps(made, indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    """Write every dashboard, and remove what is none any more."""
    made = boards()
    for stale in set(FOLDER.glob("*.json")) - {FOLDER / f"{name}.json" for name in made}:
        stale.unlink()
    for name, one in made.items():
        (FOLDER / f"{name}.json").write_text(text(one), encoding="utf-8")


if __name__ == "__main__":
    main()
