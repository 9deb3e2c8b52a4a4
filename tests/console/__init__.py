"""The operators' page: a real server, a real ledger, a real browser."""
