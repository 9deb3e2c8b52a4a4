"""Maintenance windows: the alarms of a scope are suppressed by design from a planned begin to a planned end.

Guarantee: no safety alarm (HH, LL, priority 1) is suppressed by a window that two persons have not put their
names to; what a profile keeps live (``[[keep_live]]``) stays live; and every alarm comes back at the end. An
alarm that stands, or begins, within the window is suppressed at once. Those of the process that are normal
follow some devices a sweep (the coverage ledger shows them), so that a large site does not hold up the core.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from gateway.alarms import keeping
from gateway.alarms.definition import Definition
from gateway.alarms.engine import Engine
from gateway.alarms.reasons import Reason
from gateway.alarms.shelving import is_safety
from gateway.monitor.naming import Naming
from gateway.monitor.roster import Roster
from gateway.monitor.silence import FOR_EVER
from gateway.monitor.suppressing import Suppressed, Window
from gateway.monitor.timeline import TimeLine

DEVICES_A_SWEEP = 25
ALARMS_A_SWEEP = 500
Note = Callable[[str, str, str, dict[str, Any]], None]


class Maintenance:
    """The windows that are open now, and how far each has come."""

    def __init__(
        self, engine: Engine, roster: Roster, naming: Naming, suppressed: Suppressed, note: Note
    ) -> None:
        self._engine, self._roster, self._naming = engine, roster, naming
        self._suppressed, self._note = suppressed, note
        self._open: dict[str, int] = {}
        """Cause -> how many devices of the fleet were looked at; the rest is to do."""
        self._ending: dict[str, tuple[str, str]] = {}
        """Cause of a window that is over -> the reason, until the last of its alarms is back."""
        self._windows: dict[str, tuple[Window, int]] = {}
        """Cause -> the open window and its end; follows from the roster."""
        self._next_ns = 0
        """Time of day at which the next one begins or ends; 0: look."""
        self._looked_ns = 0

    @property
    def on(self) -> bool:
        """Whether a window is open."""
        return bool(self._open)

    def calm_until_ns(self, line: TimeLine) -> int:
        """Gateway time before which nothing here comes of time alone."""
        if not (self._roster.suppressing.windows or self._open or self._ending):
            return FOR_EVER
        if self._ending or any(done < len(self._roster.active) for done in self._open.values()):
            return 0
        return FOR_EVER if self._next_ns >= FOR_EVER else line.now_ns + self._next_ns - _time(line)

    def changed(self) -> None:
        """Another configuration is in force: look at all of it anew."""
        self._next_ns = 0
        self._windows.clear()
        self._open = dict.fromkeys(self._open, 0)

    def sweep(self, line: TimeLine) -> None:
        """Open and close windows, and go on with what is to do."""
        at_ns = _time(line)
        if self._roster.suppressing.windows or self._open:
            if at_ns >= self._next_ns or at_ns < self._looked_ns:  # the clock may have been set back
                self._look(at_ns)
            for cause, done in self._open.items():
                self._open[cause] = self._go_on(cause, done)
        for cause in list(self._ending):
            self._release(cause)

    def before(self, known: Definition) -> None:
        """An alarm is about to begin."""
        for cause, (window, end_ns) in self._windows.items():
            if not window.concerns(known.enterprise, known.site, known.asset, known.device):
                continue
            if self._may(window, known):
                self._suppressed.begin(known.id, cause, _why(window, end_ns))
            else:  # it was no safety alarm until now
                self._suppressed.end(
                    known.id, cause, Reason("a safety alarm is not suppressed", "安全报警不予抑制")
                )

    def export(self) -> dict[str, Any]:
        """Plain values."""
        return {"open": self._open, "ending": self._ending}

    def load(self, stored: dict[str, Any]) -> None:
        """Back to what was exported."""
        self._open = dict(stored.get("open", {}))
        self._ending = {cause: (en, zh) for cause, (en, zh) in stored.get("ending", {}).items()}
        self._next_ns = 0
        self._windows = {
            cause: (window, end_ns) for cause, window, _, end_ns in self._spans() if cause in self._open
        }

    def _spans(self) -> Iterator[tuple[str, Window, int, int]]:
        for window in self._roster.suppressing.windows:
            head = f"maintenance:{window.name}:{_mark(window)}"
            for begin_ns, end_ns in window.spans:
                yield f"{head}:{begin_ns}", window, begin_ns, end_ns

    def _look(self, at_ns: int) -> None:
        now: dict[str, tuple[Window, int]] = {}
        self._next_ns, self._looked_ns = FOR_EVER, at_ns
        for cause, window, begin_ns, end_ns in self._spans():
            if begin_ns <= at_ns < end_ns:
                now[cause] = window, end_ns
            for change in (begin_ns, end_ns):
                if change > at_ns:
                    self._next_ns = min(self._next_ns, change)
        for cause in [cause for cause in self._open if cause not in now]:
            del self._open[cause]
            self._end(cause)
        self._windows = now
        for cause, (window, end_ns) in now.items():
            if cause not in self._open:
                self._open[cause] = 0
                self._begin(cause, window, end_ns)

    def _begin(self, cause: str, window: Window, end_ns: int) -> None:
        self._ending.pop(cause, None)
        reason = _why(window, end_ns)
        detail = {
            "window": window.name, "scope": window.scope, "asset": window.asset,
            "end_ms": end_ns // 1_000_000, "work_order": window.work_order, "author": window.author,
            "safety_by": list(window.safety_by),
        }  # fmt: skip
        self._note("maintenance_began", *_said(window, reason, "began", "开始"), detail)
        for alarm in list(self._engine.open_alarms()):
            known = alarm.definition
            if window.concerns(known.enterprise, known.site, known.asset, known.device):
                self._suppress(cause, window, known, reason)

    def _end(self, cause: str) -> None:
        name = cause.split(":")[1]
        reason = Reason(
            f"no longer suppressed: maintenance {name} is over", f"解除设计抑制:检修 {name} 已结束"
        )
        self._ending[cause] = reason
        self._note("maintenance_ended", f"maintenance {name} ended", f"检修 {name} 结束", {"window": name})

    def _go_on(self, cause: str, done: int) -> int:
        devices, active = self._roster.channels.devices, self._roster.active
        window, end_ns = self._windows[cause]
        reason, count = _why(window, end_ns), 0
        if not done:
            self._outside(cause, window)
        while done < len(active) and count < DEVICES_A_SWEEP:
            row = devices[done]
            if active[done] and window.concerns(row.enterprise, row.site, row.asset, row.device):
                count += 1
                for name in self._naming.ids_of_device(row.key):
                    known = self._engine.define(name)
                    if known is not None and known.category == "process":
                        self._suppress(cause, window, known, reason)
            done += 1
        return done

    def _outside(self, cause: str, window: Window) -> None:
        """Let go what the fleet in force no longer has in this scope."""
        for alarm in self._suppressed.of(cause):
            known = self._engine.define(alarm)
            if known and not window.concerns(known.enterprise, known.site, known.asset, known.device):
                self._suppressed.end(
                    alarm, cause, Reason("no longer suppressed: not in the scope", "解除设计抑制:不在范围内")
                )

    def _suppress(self, cause: str, window: Window, known: Definition, reason: Reason) -> None:
        if not self._suppressed.has(known.id, cause) and self._may(window, known):
            self._suppressed.begin(known.id, cause, reason)

    def _may(self, window: Window, known: Definition) -> bool:
        if is_safety(known.condition, known.priority) and not window.safety_by:
            return False
        return known.id in self._suppressed or keeping.would_blind(self._engine, known.id) is None

    def _release(self, cause: str) -> None:
        """The alarms that stand first, then the others."""
        alarms = self._suppressed.of(cause)
        stands = {a for a in alarms if (known := self._engine.find(a)) and known.process_active}
        order = [a for a in alarms if a in stands] + [a for a in alarms if a not in stands]
        for alarm in order[:ALARMS_A_SWEEP]:
            self._suppressed.end(alarm, cause, Reason(*self._ending[cause]))
        if len(order) <= ALARMS_A_SWEEP:
            del self._ending[cause]


def _time(line: TimeLine) -> int:
    """The time of day that windows are planned in: the wall clock, or in an exercise that of the readings."""
    return line.now_ns if line.stream else line.wall_ns


def _mark(window: Window) -> str:
    """Another window under the same name is another cause; the same one with other times is not."""
    return f"{zlib.crc32(msgspec.msgpack.encode(msgspec.structs.replace(window, spans=()))):08x}"


def _why(window: Window, end_ns: int) -> Reason:
    end = f"{datetime.fromtimestamp(end_ns / 1e9, UTC):%Y-%m-%d %H:%M} UTC"
    two_en = f", safety alarms too by {' and '.join(window.safety_by)}" if window.safety_by else ""
    two_zh = f",安全报警经 {'、'.join(window.safety_by)} 同意" if window.safety_by else ""
    return Reason(
        f"suppressed by design: maintenance {window.name} until {end}, work order {window.work_order}, "
        f"by {window.author}{two_en}: {window.reason}",
        f"按设计抑制:检修 {window.name},至 {end},工单 {window.work_order},"
        f"由 {window.author} 安排{two_zh}:{window.reason}",
    )


def _said(window: Window, reason: Reason, en: str, zh: str) -> tuple[str, str]:
    place = f"{window.scope}{f' ({window.asset})' if window.asset else ''}"
    return (
        f"maintenance {window.name} of {place} {en}: {reason.en}",
        f"{place} 检修 {window.name} {zh}:{reason.zh}",
    )
