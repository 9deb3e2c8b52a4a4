"""A simulated day of alarm management: what people, rules and faults do to one gateway in a day on a virtual
clock, and the proof afterwards that the ledger is what the journal gives."""
