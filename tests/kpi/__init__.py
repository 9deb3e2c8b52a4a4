"""Looking back over a period."""
