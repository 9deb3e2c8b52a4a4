"""Looking back: how the alarms of a period were, which channels were watched, and what would calm the worst.

Guarantee: reads only what the gateway recorded. The one file it keeps (``lookback/`` in the data folder) is
derived, is checked against the ledger's hash chain before it is used, and may be deleted at any time.
"""

from __future__ import annotations

from gateway.kpi.coverage import ChannelState, Coverage, Share, coverage
from gateway.kpi.figures import Counted, Kpis, kpis
from gateway.kpi.held import STATES
from gateway.kpi.rebuild import derive_again
from gateway.kpi.registered import Registered, device_of, registered
from gateway.kpi.scope import Scope, WholeCity
from gateway.kpi.standing import Standing, standing
from gateway.kpi.suggest import Effect, Suggestion, suggestions
from gateway.kpi.summary import Summary
from gateway.kpi.targets import Figure

__all__ = [
    "STATES",
    "ChannelState",
    "Counted",
    "Coverage",
    "Effect",
    "Figure",
    "Kpis",
    "Registered",
    "Scope",
    "Share",
    "Standing",
    "Suggestion",
    "Summary",
    "WholeCity",
    "coverage",
    "derive_again",
    "device_of",
    "kpis",
    "registered",
    "standing",
    "suggestions",
]
