"""Accounts, roles, sessions and tokens: the store by itself, then through the console."""
