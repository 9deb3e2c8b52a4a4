"""Simulated plants: determinism, physics, and labels that are true."""
