"""Device profiles: what a make of device measures, in which units, and which alarms it deserves.

A profile is one TOML file ``<family>/<model>.toml``; its id is ``<family>/<model>``. This package parses
text; reading files is the configuration's work. Every profile carries good and bad ``[[example]]``s.
"""

from __future__ import annotations

from device_profiles._check import check, codec_of
from device_profiles._detectors import detector_settings
from device_profiles._model import (
    LIMITS,
    AlarmDefinition,
    DetectorInput,
    DetectorRule,
    DeviceAlarm,
    Example,
    KeepLive,
    Point,
    Profile,
    Stream,
    SuppressWhen,
)
from device_profiles._overrides import is_safety, loosenings, loosens, override, override_problems
from device_profiles._parse import ProfileError, parse

__all__ = [
    "LIMITS",
    "AlarmDefinition",
    "DetectorInput",
    "DetectorRule",
    "DeviceAlarm",
    "Example",
    "KeepLive",
    "Point",
    "Profile",
    "ProfileError",
    "Stream",
    "SuppressWhen",
    "check",
    "codec_of",
    "detector_settings",
    "is_safety",
    "loosenings",
    "loosens",
    "override",
    "override_problems",
    "parse",
]
