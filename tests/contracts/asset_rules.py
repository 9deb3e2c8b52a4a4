"""The rules under which every detector over several channels of an asset is held to its contract."""

from __future__ import annotations

from typing import Any

SECOND = 1_000_000_000

RULES: dict[str, list[dict[str, Any]]] = {
    "mass_balance": [
        {"warmup": 20, "memory": 100, "between_days": 1.0, "sample_ns": SECOND, "hold_ns": 0, "change": 10.0},
        {"warmup": 25, "flow": 6.0, "linepack": 0.001, "between_days": 1.0, "ranges": {"inflow": (0.0, 9.0)}},
    ],
    "voting": [
        {"limit": 6.0, "need": 2, "deadband": 0.5, "after_ns": SECOND, "stale_ns": 60 * SECOND},
        {"limit": 3.0, "below": True, "need": 1, "stale_ns": 30 * SECOND},
    ],
}
"""Kind -> settings in turn. The calm value of the tests is 4."""
