"""The monitor: one journal entry in, what follows from it out. Pure: no clock, no I/O, no randomness.

``Monitor.step(position, entry) -> Outcome`` is total: whatever the bytes, it returns.
"""
