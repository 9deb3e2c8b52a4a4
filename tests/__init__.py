"""Tests mirror the layout of the shipped code; contracts, stories, replay, crash and system cut across it."""
