"""Rules tried on what was recorded."""
