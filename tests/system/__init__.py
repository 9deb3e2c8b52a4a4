"""The gateway with real servers."""
