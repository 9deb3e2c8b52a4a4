"""Devices that report through another one: when that is dead there is one alarm, which counts them.

Guarantee: the silence of a device behind a dead one is suppressed by design, and comes out in the end: as
normal when it speaks, as an alarm of its own when it is silent still after the grace time. Only that a device
is not heard is ever suppressed here; what its readings told stands as it did.

A device is dead when it is silent itself, or when all that report through it (two or more) were last heard
within ``together_ns`` of each other. One that falls silent waits so long for the others before its own alarm.
Waiting and grace run on the silence time line: they stand still while the gateway itself is deaf.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
import numpy.typing as npt

from gateway.alarms.reasons import Reason
from gateway.monitor.device_alarms import DeviceAlarms
from gateway.monitor.roster import Roster
from gateway.monitor.silence import FOR_EVER, Silence
from gateway.monitor.suppressing import Suppressed

OWN, BELOW = 1, 2
"""Why a device is dead: it is silent itself; all that report through it are."""
DOWN = "upstream_down"
ENOUGH = 2
"""So many have to be silent together: of one alone nobody knows whose fault it is."""


class Quiet(msgspec.Struct, array_like=True):
    """A device that was found silent and belongs to the tree."""

    condition: str
    """silent or never_seen."""
    heard_ns: int
    """When it was heard last, or registered; on the silence time line, as ``due_ns``."""
    value: float | None
    limit: float | None
    due_ns: int = 0
    """When its alarm speaks for itself if it is silent still; 0: it has, or an upstream device is dead."""
    under: str = ""
    """The dead upstream device for whose sake its alarm is suppressed."""


class Upstreams:
    """The tree of the fleet in force, who of it is silent, and who is dead."""

    def __init__(
        self, roster: Roster, silence: Silence, alarms: DeviceAlarms, suppressed: Suppressed
    ) -> None:
        self._roster, self._silence = roster, silence
        self._alarms, self._suppressed = alarms, suppressed
        self._above: dict[str, str] = {}
        self.below: dict[str, list[str]] = {}
        """Key of a device -> keys of those that report through it."""
        self._quiet: dict[str, Quiet] = {}
        self._dead: dict[str, int] = {}
        self._silent_below: dict[str, int] = {}
        self._watched_below: dict[str, int] = {}
        self._next_ns = FOR_EVER
        self._plant()

    @property
    def calm_until_ns(self) -> int:
        """Gateway time before which nothing here comes of time alone."""
        return FOR_EVER if self._next_ns == FOR_EVER else self._next_ns + self._silence.paused_ns

    def found(
        self,
        device: int,
        condition: str,
        *,
        active: bool,
        value: float | None,
        limit: float | None,
        now_ns: int,
    ) -> None:
        """A device fell silent, or speaks again. value: seconds without a reading; now_ns: gateway time."""
        key = self._roster.channels.devices[device].key
        at_ns = self._silence.at(now_ns)
        if key not in self._above and key not in self.below and key not in self._quiet:
            self._alarms.silent(device, condition, active=active, value=value, limit=limit)
        elif active:
            self._fell(key, Quiet(condition, at_ns - round((value or 0.0) * 1e9), value, limit), at_ns)
        else:
            self._spoke(key, condition, value, limit, at_ns)

    def from_the_top(self, findings: npt.NDArray[Any]) -> Iterable[Any]:
        """Findings about devices of one moment: a device before those that report through it."""
        if not self.below or len(findings) < ENOUGH:
            return findings
        devices = self._roster.channels.devices
        return sorted(findings, key=lambda found: len([*self._ways_up(devices[int(found["slot"])].key)]))

    def sweep(self, now_ns: int) -> None:
        """Let time pass: whoever waited long enough alarms by itself."""
        at_ns = self._silence.at(now_ns)
        if at_ns < self._next_ns:
            return
        for key, quiet in list(self._quiet.items()):
            if 0 < quiet.due_ns <= at_ns:
                self._look(self._above.get(key, ""))
            if 0 < quiet.due_ns <= at_ns:
                quiet.due_ns = 0
                if quiet.under:
                    waited = f"{self._roster.suppressing.grace_ns / 1e9:.6g}"
                    self._uncover(key, quiet, f"{quiet.under} is back for {waited} s, this is silent still",
                                  f"{quiet.under} 已恢复 {waited} 秒,本设备仍无读数")  # fmt: skip
                else:
                    quiet.value = round((at_ns - quiet.heard_ns) / 1e9, 3)
                    self._tell(key, quiet)
        self._next_ns = self._earliest()

    def recount(self) -> None:
        """Who is watched for silence may have changed."""
        self._watched_below.clear()

    def forget(self, key: str) -> None:
        """A device may be silent from now on; its alarms have ended."""
        self._drop(key)
        self.recount()

    def changed(self, now_ns: int) -> None:
        """Another fleet is in force, and alarms of what left it have ended."""
        self._plant()
        at_ns = self._silence.at(now_ns)
        for key, quiet in list(self._quiet.items()):
            number = self._roster.index.get(key)
            if number is None:
                self._drop(key)
            elif not self._silence.finds(self._roster.slots_of(number)):  # its channels began anew
                self._spoke(key, quiet.condition, None, None, at_ns)
        for key, why in list(self._dead.items()):
            number = self._roster.index.get(key)
            if number is None or (why & BELOW and len(self.below.get(key, ())) < ENOUGH):
                if number is not None:
                    self._alarms.silent(number, DOWN, active=False, value=None, limit=None)
                self._up(key, OWN | BELOW if number is None else BELOW, at_ns)
        for key, quiet in list(self._quiet.items()):
            if quiet.under and quiet.under not in (key, *self._ways_up(key)):
                self._uncover(key, quiet, "it reports another way now", "上报途径已更改")
            elif quiet.due_ns and not quiet.under and key not in self._above:
                quiet.due_ns = 0
                self._tell(key, quiet)

    def export(self) -> dict[str, Any]:
        """Plain values; the tree follows from the roster."""
        return {"quiet": msgspec.to_builtins(self._quiet), "dead": self._dead}

    def load(self, stored: dict[str, Any]) -> None:
        """Back to what was exported."""
        self._quiet = msgspec.convert(stored.get("quiet", {}), dict[str, Quiet])
        self._dead = dict(stored.get("dead", {}))
        self._count()
        self._next_ns = self._earliest()

    def _earliest(self) -> int:
        return min((quiet.due_ns for quiet in self._quiet.values() if quiet.due_ns), default=FOR_EVER)

    def _plant(self) -> None:
        devices = self._roster.channels.devices
        self._above, self.below = {}, {}
        for number in self._roster.active_devices():
            device = devices[number]
            if device.upstream and device.upstream in self._roster.index:
                self._above[device.key] = device.upstream
                self.below.setdefault(device.upstream, []).append(device.key)
        self._count()

    def _count(self) -> None:
        self._watched_below.clear()
        self._silent_below = {}
        for key in self._quiet:
            self._add(key, 1)

    def _add(self, key: str, more: int) -> None:
        above = self._above.get(key)
        if above is not None:
            self._silent_below[above] = self._silent_below.get(above, 0) + more

    def _ways_up(self, key: str) -> Iterator[str]:
        passed: set[str] = set()
        while (above := self._above.get(key)) is not None and above not in passed:
            passed.add(above)
            yield above
            key = above

    def _ways_down(self, key: str) -> list[str]:
        found = [key]
        seen = {key}
        for each in found:
            fresh = [below for below in self.below.get(each, ()) if below not in seen]
            seen.update(fresh)
            found += fresh
        return found[1:]

    def _dead_above(self, key: str) -> str:
        return next((above for above in self._ways_up(key) if above in self._dead), "")

    def _fell(self, key: str, quiet: Quiet, at_ns: int) -> None:
        self._drop(key)
        self._quiet[key] = quiet
        self._add(key, 1)
        own = key if self._dead.get(key, 0) & BELOW else ""
        dead = own or self._dead_above(key)
        if dead:
            self._cover(key, quiet, dead, told=False)
        elif key in self._above:
            self._wait(quiet, at_ns + self._roster.suppressing.together_ns)
        else:
            self._tell(key, quiet)
        if key in self.below:
            self._down(key, OWN, quiet.heard_ns)
        self._look(self._above.get(key, ""))

    def _spoke(self, key: str, condition: str, value: float | None, limit: float | None, at_ns: int) -> None:
        quiet = self._quiet.get(key)
        if quiet is None or not quiet.due_ns or quiet.under:
            number = self._roster.index[key]
            self._alarms.silent(number, condition, active=False, value=value, limit=limit)
        if quiet is not None and quiet.under:
            self._uncover(key, quiet, "readings arrive again", "读数恢复")
        self._drop(key)
        self._up(key, OWN, at_ns)
        above = self._above.get(key, "")
        if self._dead.get(above, 0) & BELOW:
            self._alarms.silent(self._roster.index[above], DOWN, active=False, value=None, limit=None)
            self._up(above, BELOW, at_ns)

    def _drop(self, key: str) -> None:
        quiet = self._quiet.pop(key, None)
        if quiet is not None:
            self._add(key, -1)
            if quiet.under:
                self._suppressed.forget((_alarm(key, quiet),))

    def _look(self, above: str) -> None:
        """Whether all that report through it are silent, and for one cause."""
        if not above or above in self._dead or self._dead_above(above):
            return
        silent = self._silent_below.get(above, 0)
        if silent < ENOUGH or silent < self._watched(above):
            return
        heard = [self._quiet[key].heard_ns for key in self.below[above] if key in self._quiet]
        if max(heard) - min(heard) <= self._roster.suppressing.together_ns:
            number = self._roster.index[above]
            self._alarms.silent(number, DOWN, active=True, value=None, limit=None, note=self._behind(above))
            self._down(above, BELOW, min(heard))

    def _watched(self, above: str) -> int:
        known = self._watched_below.get(above)
        if known is None:
            roster = self._roster
            slots = (roster.slots_of(roster.index[key]) for key in self.below[above])
            known = self._watched_below[above] = sum(map(self._silence.watches, slots))
        return known

    def _down(self, key: str, why: int, heard_ns: int) -> None:
        self._dead[key] = self._dead.get(key, 0) | why
        for below in self._ways_down(key):
            quiet = self._quiet.get(below)
            if quiet is None:
                continue
            if quiet.due_ns and quiet.under:  # in its grace time
                self._hand_over(below, quiet, key)
            elif quiet.due_ns:
                self._cover(below, quiet, key, told=False)
            elif not quiet.under and quiet.heard_ns >= heard_ns - self._roster.suppressing.together_ns:
                self._cover(below, quiet, key, told=True)

    def _up(self, key: str, why: int, at_ns: int) -> None:
        if not self._dead.get(key, 0) & why:
            return
        left = self._dead[key] & ~why
        if left:
            self._dead[key] = left
        else:
            del self._dead[key]
        for each in (key,) if left else (key, *self._ways_down(key), *self._quiet):
            quiet = self._quiet.get(each)
            if quiet is None or quiet.under != key or quiet.due_ns:
                continue
            dead = self._dead_above(each)
            if dead and dead != key:
                self._hand_over(each, quiet, dead)
            else:
                self._wait(quiet, at_ns + self._roster.suppressing.grace_ns)

    def _wait(self, quiet: Quiet, due_ns: int) -> None:
        quiet.due_ns = due_ns
        self._next_ns = min(self._next_ns, due_ns)

    def _tell(self, key: str, quiet: Quiet) -> None:
        note = self._behind(key) if key in self.below else ("", "")
        self._alarms.silent(
            self._roster.index[key], quiet.condition,
            active=True, value=quiet.value, limit=quiet.limit, note=note,
        )  # fmt: skip

    def _behind(self, key: str) -> tuple[str, str]:
        count = len(self._ways_down(key))
        return (
            f"{count} device{'s report' if count != 1 else ' reports'} through it",
            f"{count} 台设备经由其上报",
        )

    def _cover(self, key: str, quiet: Quiet, dead: str, *, told: bool) -> None:
        quiet.under, quiet.due_ns = dead, 0
        self._suppressed.begin(_alarm(key, quiet), _cause(dead), _why(key, dead))
        if not told:
            self._tell(key, quiet)

    def _hand_over(self, key: str, quiet: Quiet, dead: str) -> None:
        """Suppressed for the sake of another one from now on."""
        before, quiet.under, quiet.due_ns = quiet.under, dead, 0
        if before != dead:
            self._suppressed.begin(_alarm(key, quiet), _cause(dead), _why(key, dead))
            self._suppressed.end(_alarm(key, quiet), _cause(before), _why(key, dead))

    def _uncover(self, key: str, quiet: Quiet, en: str, zh: str) -> None:
        under, quiet.under, quiet.due_ns = quiet.under, "", 0
        reason = Reason(f"no longer suppressed: {en}", f"解除设计抑制:{zh}")
        self._suppressed.end(_alarm(key, quiet), _cause(under), reason)


def _alarm(key: str, quiet: Quiet) -> str:
    return f"{key}/:{quiet.condition}"


def _cause(dead: str) -> str:
    return f"upstream:{dead}"


def _why(key: str, dead: str) -> Reason:
    if key == dead:
        return Reason(
            "suppressed by design: that nothing behind it is heard is told already",
            "按设计抑制:已告知其下设备均无读数",
        )
    return Reason(
        f"suppressed by design: {dead}, through which it reports, is not heard",
        f"按设计抑制:其上级设备 {dead} 无读数",
    )
