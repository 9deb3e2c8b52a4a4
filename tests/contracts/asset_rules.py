"""The rules under which every detector over several channels of an asset is held to its contract."""

from __future__ import annotations

from typing import Any

import numpy as np

from detectors import pca

SECOND = 1_000_000_000
MODEL = pca.trained(
    4.0 + np.random.default_rng(1).normal(0, 1, (90, 3)) * [1.0, 0.5, 0.7], ("p", "q", "r"), weight=0.3
) | {"channels": {"x1": "p", "x2": "q", "x3": "r"}}
"""A model whose normal is the calm value of the tests."""

RULES: dict[str, list[dict[str, Any]]] = {
    "mass_balance": [
        {"warmup": 20, "memory": 100, "between_days": 1.0, "sample_ns": SECOND, "hold_ns": 0, "change": 10.0},
        {"warmup": 25, "flow": 6.0, "linepack": 0.001, "between_days": 1.0, "ranges": {"inflow": (0.0, 9.0)}},
    ],
    "fusion": [{"need": 2, "window_ns": SECOND}, {"need": 1, "window_ns": 2 * SECOND}],
    "pca": [
        {**MODEL, "raise_samples": 1, "clear_samples": 2, "stale_ns": 60 * SECOND},
        {**MODEL, "weight": 0.1, "channels": None},
    ],
    "residual": [
        {"weights": [1.0, 0.5], "offset": -2.0, "sigma": 1.0, "h": 3.0, "channels": ("target", "a", "b")},
        {"warmup": 20, "k": 1.0, "h": 2.0, "sigma_min": 5.0, "channels": ("target", "a", "b")},
    ],
    "voting": [
        {"limit": 6.0, "need": 2, "deadband": 0.5, "after_ns": SECOND, "stale_ns": 60 * SECOND},
        {"limit": 3.0, "below": True, "need": 1, "stale_ns": 30 * SECOND},
    ],
}
"""Kind -> settings in turn. The calm value of the tests is 4."""
