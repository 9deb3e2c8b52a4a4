"""Which alarms are suppressed by design, and why: one is suppressed as long as at least one cause holds.

Guarantee: an alarm that no cause holds any more comes out, to A or B as its condition is then. One that lies
on a shelf or is out of service is left there, and suppressed when it comes back while a cause still holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from gateway.alarms import lifecycle, reasons
from gateway.alarms.engine import Engine
from gateway.alarms.events import QUIET, SUPPRESSED, AlarmEvent
from gateway.alarms.reasons import Reason

Causes = dict[str, dict[str, tuple[str, str]]]
"""Alarm -> cause (such as "upstream:acme/plant/C-1") -> its reason in English and Chinese."""


class Window(msgspec.Struct, frozen=True, array_like=True):
    """A maintenance window. Journalled: fields are only ever appended."""

    name: str
    scope: str
    """ "<enterprise>/<site>" or "<enterprise>/<site>/<device>"."""
    asset: str
    """Of that site alone this asset; "" = all."""
    spans: tuple[tuple[int, int], ...]
    """(begin, end), unix ns: every time zone was applied when the file was read, so replay needs none."""
    reason: str
    work_order: str
    author: str
    safety_by: tuple[str, ...] = ()
    """The two persons who want safety alarms suppressed, too; () = they are not."""

    def concerns(self, enterprise: str, site: str, asset: str, device: str) -> bool:
        """Whether a device, on an asset, lies within the scope."""
        if self.scope == f"{enterprise}/{site}/{device}":
            return True
        return self.scope == f"{enterprise}/{site}" and self.asset in ("", asset)


class Suppressing(msgspec.Struct, frozen=True, array_like=True):
    """What the configuration says of suppression by design. Journalled: fields are only ever appended."""

    together_ns: int = 60_000_000_000
    """Devices behind one upstream device that were last heard within so long of each other, or of it, have
    fallen silent for one cause; so long one of them waits for the others before it alarms by itself."""
    grace_ns: int = 120_000_000_000
    """After the upstream device is back: so long the devices behind it have for their first reading."""
    windows: tuple[Window, ...] = ()
    """Maintenance."""


AS_IS = Suppressing()
"""Where the configuration says nothing of it."""


class Suppressed:
    """The causes of all alarms that are suppressed, or are to be when they come back from elsewhere."""

    def __init__(
        self, engine: Engine, tell: Callable[[AlarmEvent], None], wall_ns: Callable[[], int]
    ) -> None:
        self._engine = engine
        self._tell = tell
        self._wall_ns = wall_ns
        self._causes: Causes = {}
        self._elsewhere: set[str] = set()
        """Those with a cause that are shelved or out of service."""
        self._leaving: dict[str, tuple[str, str]] = {}
        """Those without a cause whose condition is over, while the end of it is held back (flow.py)."""

    def why(self, alarm: str) -> Reason | None:
        """The reason of the oldest cause that holds for the alarm; None for one that has none."""
        causes = self._causes.get(alarm) if self._causes else None
        return Reason(*next(iter(causes.values()))) if causes else None

    def __contains__(self, alarm: str) -> bool:
        return alarm in self._causes

    def has(self, alarm: str, cause: str) -> bool:
        """Whether this cause holds for the alarm."""
        return cause in self._causes.get(alarm, ())

    def of(self, cause: str) -> list[str]:
        """The alarms for which it holds."""
        return [alarm for alarm, causes in self._causes.items() if cause in causes]

    def pairs(self, prefix: str) -> list[tuple[str, str]]:
        """(alarm, cause) of all causes whose name begins so."""
        return [
            (alarm, cause)
            for alarm, causes in self._causes.items()
            for cause in causes
            if cause.startswith(prefix)
        ]

    def begin(self, alarm: str, cause: str, reason: Reason) -> None:
        """A cause holds from now on; another one of the same name is replaced."""
        self._leaving.pop(alarm, None)
        self._causes.setdefault(alarm, {})[cause] = (reason.en, reason.zh)
        self._put(alarm)

    def end(self, alarm: str, cause: str, reason: Reason) -> None:
        """A cause holds no longer; the last one that ends brings the alarm back."""
        causes = self._causes.get(alarm)
        if causes is None or causes.pop(cause, None) is None or causes:
            return
        del self._causes[alarm]
        self._elsewhere.discard(alarm)
        if alarm in self._engine.flow.stored.held:
            self._leaving[alarm] = (reason.en, reason.zh)
        else:
            self._release(alarm, reason)

    def _release(self, alarm: str, reason: Reason) -> None:
        known = self._engine.find(alarm)
        if known is None or known.state != SUPPRESSED:
            return
        if known.process_active:
            stands = reasons.raised(known.definition, known.value, known.limit, known.extra)
            reason = Reason(f"{reason.en}; {stands.en}", f"{reason.zh};{stands.zh}")
        done = self._engine.operate(alarm, lifecycle.UNSUPPRESS, self._wall_ns(), reason, actor="")
        if isinstance(done, AlarmEvent):
            self._tell(done)

    def sweep(self) -> None:
        """Suppress what has come back from a shelf or into service while a cause holds, and let go what could
        not be let go before."""
        for alarm in sorted(self._elsewhere):
            self._put(alarm)
        for alarm in [name for name in self._leaving if name not in self._engine.flow.stored.held]:
            self._release(alarm, Reason(*self._leaving.pop(alarm)))

    def again(self) -> None:
        """The configuration changed, and alarms were retired with it: those that are still defined are
        suppressed anew, what is no longer defined is forgotten."""
        for alarm in list(self._causes):
            if self._engine.find(alarm) is None and self._engine.define(alarm) is None:
                self.forget((alarm,))
            else:
                self._put(alarm)

    def forget(self, alarms: Iterable[str]) -> None:
        """These alarms are no longer defined."""
        for alarm in alarms:
            self._causes.pop(alarm, None)
            self._leaving.pop(alarm, None)
            self._elsewhere.discard(alarm)

    def export(self) -> dict[str, Any]:
        """The whole state, as plain values."""
        return {"causes": self._causes, "leaving": self._leaving}

    def load(self, stored: dict[str, Any]) -> None:
        """Back to what was exported."""
        self._causes = msgspec.convert(stored.get("causes", {}), Causes)
        self._leaving = msgspec.convert(stored.get("leaving", {}), dict[str, tuple[str, str]])
        self._elsewhere = {
            alarm
            for alarm in self._causes
            if (known := self._engine.find(alarm)) and known.state != SUPPRESSED
        }

    def _put(self, alarm: str) -> None:
        known = self._engine.find(alarm)
        if known is not None and known.state in QUIET:
            if known.state == SUPPRESSED:
                self._elsewhere.discard(alarm)
            else:
                self._elsewhere.add(alarm)
            return
        self._elsewhere.discard(alarm)
        reason = Reason(*next(iter(self._causes[alarm].values())))
        done = self._engine.take_away(alarm, lifecycle.SUPPRESS, self._wall_ns(), reason)
        if isinstance(done, AlarmEvent):
            self._tell(done)
