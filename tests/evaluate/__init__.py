"""Tests of the evaluation: its scoring against published figures, its causality, its files."""
