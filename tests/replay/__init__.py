"""Replay of what earlier versions wrote."""
