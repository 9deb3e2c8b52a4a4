"""The ledger: every event once, in order, chained by hash, append-only; and which alarms are not normal.

One writer (``Ledger``, the core); any number of readers in other processes (``LedgerReader``).
"""

from gateway.chain import ChainCheck, Head
from gateway.ledger.ledger import Ledger
from gateway.ledger.reader import LedgerReader

__all__ = ["ChainCheck", "Head", "Ledger", "LedgerReader"]
