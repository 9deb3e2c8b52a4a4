"""The alarms about whole devices that no detector finds: silence, clocks, rates, names and ages."""

from __future__ import annotations

from typing import Protocol

from gateway.alarms.definition import Definition
from gateway.monitor.naming import Naming


class Put(Protocol):
    """Lets a condition begin or end: ``Judgement.put``."""

    def __call__(
        self,
        known: Definition,
        *,
        active: bool,
        event_ns: int,
        value: float | None,
        limit: float | None,
        flags: tuple[str, ...],
        note: str = "",
        note_zh: str = "",
    ) -> None:
        """The note joins the reason."""
        ...


class DeviceAlarms:
    """Each is told of a device by its number."""

    def __init__(self, naming: Naming, put: Put) -> None:
        self._naming = naming
        self._put = put

    def clock_changed(self, device: int, event_ns: int, skew_change_ns: int) -> None:
        """A device's clock is believed anew: it has happened and is over, so it waits to be seen."""
        known = self._naming.of_device(device, "clock_changed")
        for active in (True, False):
            self._put(
                known, active=active, event_ns=event_ns, value=skew_change_ns / -1e9, limit=None, flags=()
            )

    def drifting(self, device: int, *, active: bool, gain_s: float) -> None:
        """A device's clock runs fast or slow, or no longer. gain_s: seconds that it gains a day."""
        known = self._naming.of_device(device, "clock_drift")
        self._put(
            known, active=active, event_ns=0, value=round(gain_s, 1), limit=None, flags=(),
            note=f"gains {gain_s:.1f} s a day" if gain_s > 0 else f"loses {-gain_s:.1f} s a day",
            note_zh=f"每天快 {gain_s:.1f} 秒" if gain_s > 0 else f"每天慢 {-gain_s:.1f} 秒",
        )  # fmt: skip

    def flooding(
        self,
        device: int,
        *,
        active: bool,
        event_ns: int = 0,
        value: float | None = None,
        limit: float | None = None,
    ) -> None:
        """A device sends beyond its rate, or no longer. value: readings beyond it until now; limit: what it
        may send, readings a second and channel."""
        known = self._naming.of_device(device, "flooding")
        self._put(known, active=active, event_ns=event_ns, value=value, limit=limit, flags=())

    def doubled(
        self, device: int, *, active: bool, event_ns: int = 0, names: tuple[str, str] = ("", "")
    ) -> None:
        """Two senders use one device's id, or no longer. names: what tells them apart (en, zh)."""
        known = self._naming.of_device(device, "duplicate_identity")
        self._put(
            known, active=active, event_ns=event_ns, value=None, limit=None, flags=(),
            note=names[0], note_zh=names[1],
        )  # fmt: skip

    def expired(self, device: int, *, active: bool, names: tuple[str, str]) -> None:
        """A device's sensor is past its life, or was replaced. names: since when (en, zh)."""
        self._put(
            self._naming.of_device(device, "expired"), active=active, event_ns=0, value=None, limit=None,
            flags=(), note=names[0], note_zh=names[1],
        )  # fmt: skip

    def silent(
        self,
        device: int,
        condition: str,
        *,
        active: bool,
        value: float | None,
        limit: float | None,
        note: tuple[str, str] = ("", ""),
    ) -> None:
        """A device fell silent (or was never seen, or nothing behind it is heard), or speaks again. value:
        seconds without a reading; limit: its time-out in seconds; note: what else is to be said (en, zh)."""
        self._put(
            self._naming.of_device(device, condition), active=active, event_ns=0, value=value, limit=limit,
            flags=(), note=note[0], note_zh=note[1],
        )  # fmt: skip
