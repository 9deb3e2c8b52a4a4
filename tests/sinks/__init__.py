"""What leaves the gateway."""
