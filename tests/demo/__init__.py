"""The demonstration, end to end."""
