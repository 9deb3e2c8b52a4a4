"""Tests of management of change."""
