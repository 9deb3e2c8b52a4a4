"""[upstream]: when devices that report through one other device are silent for one cause."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from gateway.monitor.suppressing import Suppressing, Window


class Upstream(BaseModel):
    """[upstream]: which device reports through which stands in the fleet list's column of that name."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    together_s: float = Field(default=60.0, ge=0, le=3600)
    """Last heard within so long of each other: one cause. So long one of them waits for the others."""
    grace_s: float = Field(default=120.0, ge=0, le=86_400)
    """How long the devices behind it may take after its return."""


def suppressing(upstream: Upstream, windows: tuple[Window, ...]) -> Suppressing:
    """What the core is told of suppression by design."""
    return Suppressing(
        together_ns=round(upstream.together_s * 1e9),
        grace_ns=round(upstream.grace_s * 1e9),
        windows=windows,
    )
