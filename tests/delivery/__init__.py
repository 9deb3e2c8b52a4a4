"""What is carried out, in which order, and what happens when nobody takes it."""
