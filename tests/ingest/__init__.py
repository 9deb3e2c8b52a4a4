"""From the broker's packets to the intake."""
