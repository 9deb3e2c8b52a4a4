"""The simulated plant around the core: devices, a broker that remembers, faults, and an oracle that knows.

Nothing here is random but through one seeded ``random.Random``, and no clock is read: a seed is a whole hour
of plant life, and the same seed is the same hour.
"""
