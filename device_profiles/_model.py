"""The shape of a parsed profile. Times are in ns, values in the point's unit."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

LIMITS = ("LL", "L", "H", "HH")


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """One channel of a device."""

    channel: str
    title_en: str
    title_zh: str
    unit: str
    """Unit of the engineering value."""
    kind: Literal["analog", "discrete"] = "analog"
    low: float = 0.0
    """Engineering value at the low end of the range; outside low..high is uncertain, limits still judged."""
    high: float = 100.0
    wire_unit: str = ""
    """Unit on the wire when it differs: "mA" means a 4-20 mA loop, judged by NAMUR NE 43 and scaled."""
    missing: tuple[float, ...] = ()
    """Values by which this device says "no reading"."""
    on_event: bool = False
    """Comes only when something happened (a waveform at a trigger): its silence says nothing and is not
    judged. Another channel of the device gives the sign of life."""
    states: dict[str, str] = {}
    """Discrete: state number (as text) -> English name; any other number is bad quality."""
    states_zh: dict[str, str] = {}

    @property
    def span(self) -> float:
        """High minus low."""
        return self.high - self.low


class AlarmDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """One alarm, rationalised: why it exists and what the operator does."""

    channel: str
    condition: str
    """LL, L, H, HH or, on a discrete point, a name of its own such as "gas"."""
    setpoint: float = 0.0
    """Limit in the point's unit."""
    in_states: tuple[int, ...] = ()
    """Discrete: the states that are abnormal."""
    deadband: float = 0.0
    on_delay_ns: int = 0
    off_delay_ns: int = 0
    priority: int = 3
    """1 (highest, red) to 4 (blue)."""
    latch: bool = False
    consequence_en: str
    consequence_zh: str
    response_en: str
    response_zh: str
    clause: str
    source_verified: bool


class DetectorInput(msgspec.Struct, frozen=True, kw_only=True):
    """One channel that a detector over several channels reads (see ``_inputs.py``)."""

    role: str
    text: str
    """As the profile names it."""
    profile: str = ""
    """"" = the profile that holds the table."""
    channel: str = ""
    number: int = 1
    """Counts the asset's devices that match, by device id, from 1."""
    condition: str = ""
    """For a detector that reads findings: which."""


class DetectorRule(msgspec.Struct, frozen=True, kw_only=True):
    """An anomaly detector on one or several channels: its numbers, and what its findings ask for."""

    channel: str
    """"" where ``inputs`` name the channels."""
    kind: str
    """A detector's file name, such as ewma."""
    settings: dict[str, Any]
    """What the table gives; times in ns, values in the point's unit."""
    priority: int = 4
    """Findings advise: 4 unless the profile says otherwise."""
    consequence_en: str
    consequence_zh: str
    response_en: str
    response_zh: str
    clause: str
    source_verified: bool
    inputs: tuple[DetectorInput, ...] = ()
    """In the order of the detector's INPUTS."""
    scope: Literal["device", "asset"] = "device"
    """Whose channels the inputs are."""


class DeviceAlarm(msgspec.Struct, frozen=True, kw_only=True):
    """Priority and texts of one alarm about the device itself: "silent", "never_seen", "sensor_fault",
    "out_of_range", "clock_changed", "clock_drift", "flooding", "duplicate_identity",
    "expired"."""

    condition: str
    priority: int
    response_en: str
    response_zh: str


class Stream(msgspec.Struct, frozen=True, kw_only=True):
    """Last level of the topic and the codec of what comes there. Every channel is also a stream of its
    own with codec "json"."""

    name: str
    codec: str
    settings: Any = None
    """What the codec's own ``settings`` read from the table; None for a codec that has none."""


class Topic(msgspec.Struct, frozen=True, kw_only=True):
    """Where devices publish beside the topic of the house (see ``_topics.py``)."""

    pattern: str
    enterprise: str = ""
    """What the pattern does not hold, the same for every device; "" = follows from the fleet list."""
    site: str = ""
    stream: str = ""


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """A payload and what it must give: readings, or a refusal reason."""

    stream: str
    payload: str
    readings: tuple[tuple[str, int, float | None, str], ...] = ()
    """(channel, time ms, value or None, quality) in order."""
    refused: str = ""


class KeepLive(msgspec.Struct, frozen=True):
    """How many channels of this name stay live among the profile's devices of one asset or site."""

    channel: str
    at_least: int
    within: str
    """asset or site."""


class SuppressWhen(msgspec.Struct, frozen=True):
    """An alarm that is suppressed by design while its plant is in some state."""

    channel: str
    condition: str
    state: str
    """A discrete channel: of the device itself, or of the one named by ``of``."""
    states: tuple[int, ...]
    """In these it is suppressed."""
    after_ns: int = 0
    """So long it goes on when the state has become another one."""
    of: str = ""
    """Profile of the one device on the same asset whose channel it is; "" = the device itself."""


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """A whole profile."""

    id: str
    title_en: str
    title_zh: str
    edition: str
    """The standard and its edition that the defaults follow."""
    period_ns: int
    """Expected time between readings."""
    upload_period_ns: int
    """Expected time between uploads; the period when every reading is sent at once."""
    max_per_period: int = 20
    """Live readings a period that a channel may send for long: beyond them only its limits are judged."""
    silent_after_ns: int
    """Default 2 x the longer of period and upload period."""
    late_after_ns: int
    """Default upload period + 2 x period."""
    max_future_ns: int
    clear_readings: int
    """Fresh, good, increasing readings needed to clear: default 3, 1 for periods over 60 s."""
    rebase_readings: int
    """Readings that must agree (within 2 s) on a new clock skew: default 5."""
    max_payload_bytes: int
    points: tuple[Point, ...]
    alarms: tuple[AlarmDefinition, ...]
    device_alarms: tuple[DeviceAlarm, ...]
    detectors: tuple[DetectorRule, ...] = ()
    keep_live: tuple[KeepLive, ...] = ()
    suppress_when: tuple[SuppressWhen, ...] = ()
    streams: tuple[Stream, ...]
    topics: tuple[Topic, ...] = ()
    examples: tuple[Example, ...]

    def point(self, channel: str) -> Point | None:
        """The point of a channel, or None."""
        return next((p for p in self.points if p.channel == channel), None)
