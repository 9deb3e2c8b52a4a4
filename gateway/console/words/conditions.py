"""Names of the conditions that are no limits: of devices, of the gateway, of what detectors advise."""

from __future__ import annotations

from gateway.alarms import texts
from gateway.alarms.advice import advice_texts
from gateway.console.show import Words

_CHINESE = (
    {name: said[1] for name, said in texts.DEVICE.items()}
    | {name: one.title_zh.partition(":")[0] for name, one in texts.SYSTEM.items()}
    | {name: one.title[1] for name, one in advice_texts().items()}
)
CONDITIONS: Words = {f"condition_{name}": (name.replace("_", " "), said) for name, said in _CHINESE.items()}
"""In English the name itself; what it means stands in the alarm's reason."""
