"""Management of change: rules are data with a version, an author and a reason, tried before they act.

Guarantee: nothing is in force that was not back-tested as it is; a safety limit becomes looser only when two
distinct people stand behind it; every version and every step of it stays readable.
"""

from __future__ import annotations

from gateway.rulebook.book import Proposal, RuleBook, Step, Trying
from gateway.rulebook.changing import RECORD, Actor, Changing
from gateway.rulebook.overlay import amended, overlaid

__all__ = ["RECORD", "Actor", "Changing", "Proposal", "RuleBook", "Step", "Trying", "amended", "overlaid"]
