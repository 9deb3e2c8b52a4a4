"""Kinematics that several plants share: a place on the sphere, a change that takes its time, a hull that
rolls."""

from __future__ import annotations

import math

EARTH_M = 6_371_000.0


def approach(value: float, target: float, step: float) -> float:
    """Towards the target, by ``step`` at most."""
    return min(target, value + step) if value < target else max(target, value - step)


def moved(latitude: float, longitude: float, heading: float, metres: float) -> tuple[float, float]:
    """Where one is after so many metres (small ones) on this heading; degrees."""
    north = metres * math.cos(math.radians(heading))
    east = metres * math.sin(math.radians(heading))
    return (
        latitude + math.degrees(north / EARTH_M),
        longitude + math.degrees(east / (EARTH_M * math.cos(math.radians(latitude)))),
    )


def gain(natural_s: float, swell_s: float, damping: float) -> float:
    """Amplitude of a motion over the slope that drives it, at rest: the closed form of the oscillator
    phi'' + 2 z w phi' + w^2 phi = w^2 slope; periods of its own and of the swell."""
    ratio = natural_s / swell_s
    return 1.0 / math.hypot(1.0 - ratio**2, 2.0 * damping * ratio)
