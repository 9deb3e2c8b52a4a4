"""Who a slot is: the append-only table from channel slots to devices and points."""

from __future__ import annotations

import zlib
from sys import intern
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec.structs import force_setattr


class Setpoint(msgspec.Struct, frozen=True, array_like=True):
    """A number of one device's alarms that differs from its profile's."""

    channel: str
    condition: str
    """The limit: LL, L, H or HH; or a setting of an alarm, such as "HH.deadband", "HH.on_delay_s"."""
    value: float
    """In the point's unit, or seconds."""


class Device(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One row of the fleet. Journalled: fields are only ever appended, with a default.

    A text that many devices have in common is kept once: 170 bytes a device instead of 440.
    """

    enterprise: str
    site: str
    asset: str
    device: str
    profile: str
    county: str = ""
    sector: str = ""
    latitude: float | None = None
    """Degrees, WGS 84."""
    longitude: float | None = None
    commissioned: str = ""
    """Day as YYYY-MM-DD; "" = not told."""
    expires: str = ""
    """Day from which the sensor is too old to be trusted, as YYYY-MM-DD."""
    overrides: tuple[Setpoint, ...] = ()
    upstream: str = ""
    """Key of the concentrator or gateway that it reports through; "" = none that is known."""

    def __post_init__(self) -> None:
        # written out, for a city's fleet makes 220,000 of these at a start
        force_setattr(self, "enterprise", intern(self.enterprise))
        force_setattr(self, "site", intern(self.site))
        force_setattr(self, "asset", intern(self.asset))
        force_setattr(self, "profile", intern(self.profile))
        if self.county or self.sector:
            force_setattr(self, "county", intern(self.county))
            force_setattr(self, "sector", intern(self.sector))
        if self.upstream:
            force_setattr(self, "upstream", intern(self.upstream))

    @property
    def key(self) -> str:
        """ "<enterprise>/<site>/<device>": unique, and the middle of the device's topic."""
        return f"{self.enterprise}/{self.site}/{self.device}"


class Channel(NamedTuple):
    """Everything a sink or a person needs to name a channel."""

    enterprise: str
    site: str
    asset: str
    device: str
    channel: str
    unit: str
    family: str
    profile: str

    @property
    def key(self) -> str:
        """ "<enterprise>/<site>/<device>/<channel>"."""
        return f"{self.enterprise}/{self.site}/{self.device}/{self.channel}"


class _Stored(msgspec.Struct, array_like=True):
    version: int
    devices: list[Device]
    points: dict[str, list[tuple[str, str]]]
    device_of_slot: bytes
    point_of_slot: bytes


_PIECE = 1000


def packed(devices: list[Device]) -> list[bytes]:
    """The devices as one msgpack array, in pieces made one by one: other threads run in between."""
    parts = [_array(len(devices))]
    for begin in range(0, len(devices), _PIECE):
        some = devices[begin : begin + _PIECE]
        parts.append(msgspec.msgpack.encode(some)[len(_array(len(some))) :])
    return parts


def _array(count: int) -> bytes:
    """The head of a msgpack array."""
    if count < 16:
        return bytes([0x90 | count])
    return b"\xdc" + count.to_bytes(2, "big") if count < 1 << 16 else b"\xdd" + count.to_bytes(4, "big")


class ChannelTable:
    """Slots are given in journal order and never reused; ``version`` counts configuration changes.

    devices[device_of_slot[slot]] owns the slot; points[profile][point_of_slot[slot]] is (channel, unit).
    """

    def __init__(self) -> None:
        self.version = 0
        self.devices: list[Device] = []
        self.points: dict[str, list[tuple[str, str]]] = {}
        self.device_of_slot: npt.NDArray[np.int32] = np.empty(0, np.int32)
        self.point_of_slot: npt.NDArray[np.int32] = np.empty(0, np.int32)
        self._exported: tuple[int, bytes] | None = None

    def __len__(self) -> int:
        return len(self.device_of_slot)

    def channel(self, slot: int) -> Channel:
        """Identity of one slot."""
        device = self.devices[self.device_of_slot[slot]]
        name, unit = self.points[device.profile][self.point_of_slot[slot]]
        return Channel(
            device.enterprise,
            device.site,
            device.asset,
            device.device,
            name,
            unit,
            device.profile.partition("/")[0],
            device.profile,
        )

    def copy(self) -> ChannelTable:
        """A table to change while others go on with this one."""
        twin = ChannelTable()
        twin.version = self.version
        twin.devices = [*self.devices]
        twin.points = {name: [*known] for name, known in self.points.items()}
        twin.device_of_slot, twin.point_of_slot = self.device_of_slot, self.point_of_slot
        return twin

    def export(self) -> bytes:
        """Compressed bytes for another process; made once a version."""
        if self._exported is not None and self._exported[0] == self.version:
            return self._exported[1]
        rest = (self.points, self.device_of_slot.tobytes(), self.point_of_slot.tobytes())
        parts = [_array(5), msgspec.msgpack.encode(self.version), *packed(self.devices)]  # as of _Stored
        body = zlib.compress(b"".join([*parts, *map(msgspec.msgpack.encode, rest)]), 1)
        self._exported = (self.version, body)
        return body

    @classmethod
    def load(cls, body: bytes) -> ChannelTable:
        """The table of exported bytes."""
        stored = msgspec.msgpack.decode(zlib.decompress(body), type=_Stored)
        table = cls()
        table.version = stored.version
        table.devices = stored.devices
        table.points = stored.points
        table.device_of_slot = np.frombuffer(stored.device_of_slot, np.int32)
        table.point_of_slot = np.frombuffer(stored.point_of_slot, np.int32)
        return table
