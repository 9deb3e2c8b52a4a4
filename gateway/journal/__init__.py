"""The journal: every entry in order, durable before anybody is told so, chained by hash, never changed.

One writer (``Journal``, the core); any number of readers in other processes (``JournalReader``).
"""

from gateway.chain import GENESIS, ChainCheck, Head
from gateway.journal.compress import Compressor
from gateway.journal.journal import Journal
from gateway.journal.reader import JournalReader

__all__ = ["GENESIS", "ChainCheck", "Compressor", "Head", "Journal", "JournalReader"]
