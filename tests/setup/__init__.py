"""What sets a gateway up: credentials, init, doctor."""
