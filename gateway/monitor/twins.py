"""Two senders under one device id: noticed by what one device alone cannot do, and named.

With counters (boot, seq). A device goes from one run of its counter to another when it starts anew, and then
never goes on with the former run: what it still sends of it (a backlog) is stamped before the newer run
began. So a packet that goes on with the former run and is stamped after the present one's last gap is a
contradiction. ``RETURNS`` of them, less than ``APART_NS`` between each two, are two senders. A restart, a
crash loop, a step of the clock, a late upload and a repeated packet give none or one.

Without counters. The same channel speaks by turns with two steady clocks: ``TURNS`` times, within
``AGREE_NS``. Readings behind count only where the channel was heard without a gap at that time too, for
there one device has nothing left to send late; a device that is re-based begins anew. Two senders whose
clocks agree and that send no counters cannot be told apart.

The alarm ends ``CALM_NS`` after the last sign. Cost: a few ns a packet.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from detectors import DISORDER, LATE, SUSPECT, compiled
from gateway.monitor.detector import writable
from gateway.monitor.entries import FLAG_RETAINED
from gateway.monitor.recents import NEVER
from gateway.monitor.rooms import grown
from gateway.monitor.roster import Change, Roster
from gateway.monitor.stored import Rows
from gateway.monitor.timing import AGREE_NS, PLAUSIBLE_AHEAD_NS, PLAUSIBLE_SINCE_NS

RETURNS = 5
TURNS = 10
NEAR = 64
"""A counter that is at most this much further goes on; more is another run."""
APART_NS = 3_600_000_000_000
CALM_NS = 6 * 3_600_000_000_000

TWIN = np.dtype(
    [
        ("boot", "<i8"), ("seq", "<i8"), ("first_seq", "<i8"), ("newest_ns", "<i8"), ("from_ns", "<i8"),
        ("skew_ns", "<i8"), ("other_boot", "<i8"), ("other_seq", "<i8"), ("other_skew_ns", "<i8"),
        ("returns", "<i8"), ("sign_ns", "<i8"), ("told", "<i8"),
        ("slot", "<i8"), ("base_ns", "<i8"), ("heard_from_ns", "<i8"), ("heard_ns", "<i8"),
        ("odd_ns", "<i8"), ("odd_event_ns", "<i8"), ("turns", "<i8"), ("turned", "<i8"), ("gap_ns", "<i8"),
    ],
    align=True,
)  # fmt: skip
"""One record a device. boot, seq: the run that speaks; from_ns: when it began or last had a gap; other_*: the
run before. slot: the channel watched without counters; base_ns, odd_ns: its two skews."""


class Twins:
    """Watches of all devices of one partition."""

    def __init__(self, roster: Roster) -> None:
        self._roster = roster
        self.records = np.zeros(0, TWIN)
        self._told: set[int] | None = None  # who has the alarm; None: look
        self.grow()
        self._set_gaps(roster.active_devices())

    def watch(
        self,
        device: npt.NDArray[np.int32],
        slot: npt.NDArray[np.int32],
        packet: npt.NDArray[np.int32],
        counters: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]],
        times: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]],
        untimed: npt.NDArray[np.bool_],
        flags: tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8], npt.NDArray[np.uint8]],
    ) -> list[tuple[int, int]]:
        """Look at rows that were judged; (device, event time) of every device whose alarm begins.

        counters: boot and seq a packet, -1 for none. times: event, arrival by the wall, reception in gateway
        time a row. flags: kept and time a row, the broker's a packet.
        """
        found = np.empty(len(slot), np.int32)
        count = _watch(self.records, device, slot, packet, *counters, *times, untimed, *flags, found)
        begun = [(int(device[row]), int(times[0][row])) for row in found[:count].tolist()]
        if begun:
            self._told = None
        return begun

    def names(self, device: int) -> tuple[str, str]:
        """What tells the two senders apart, in English and Chinese."""
        twin = self.records[device]
        if twin["returns"] >= RETURNS:
            sides = [
                (f"boot {twin[b]} seq {twin[s]}", f"启动号 {twin[b]} 序号 {twin[s]}", _seconds(twin[k]))
                for b, s, k in (("boot", "seq", "skew_ns"), ("other_boot", "other_seq", "other_skew_ns"))
            ]
            sides.sort()
            return (
                " and ".join(f"{en} (clock {skew} s)" for en, _, skew in sides),
                "和".join(f"{zh}(时钟 {skew} 秒)" for _, zh, skew in sides),
            )
        base, odd = _seconds(twin["base_ns"]), _seconds(twin["odd_ns"])
        return f"one clock {base} s, the other {odd} s", f"一个时钟 {base} 秒,另一个 {odd} 秒"

    def due(self, now_ns: int) -> list[int]:
        """Time passed: the devices whose alarm ends, and of which nothing more is to be known."""
        if self._told is None:
            self._told = set(np.flatnonzero(self.records["told"]).tolist())
        return sorted(d for d in self._told if now_ns - int(self.records["sign_ns"][d]) >= CALM_NS)

    @property
    def any(self) -> bool:
        """Whether any device has the alarm."""
        return bool(self.records["told"].any())

    def rebased(self, device: int) -> None:
        """The device's clock is believed anew."""
        self.records["turns"][device] = 0

    def wall_jumped(self, jump_ns: int) -> None:
        """The gateway's own clock was set: every skew with it."""
        for name in ("skew_ns", "other_skew_ns", "base_ns", "odd_ns"):
            self.records[name] += jump_ns

    def changed(self, change: Change) -> None:
        """Another configuration is in force: who is new or gone begins anew."""
        self.grow()
        for number in change.retired:
            again = self._roster.index.get(self._roster.channels.devices[number].key)
            if again is not None:  # it goes on under new slots, and so does its alarm
                self.records[again] = self.records[number]
                self.records["slot"][again] = -1
        self.forget(change.retired)
        self._set_gaps([*change.added, *self._roster.followers(change.reruled)])

    def grow(self) -> None:
        """Room for every device of the roster."""
        fresh = np.zeros(1, TWIN)
        _clear(fresh)
        self.records = grown(self.records, len(self._roster.channels.devices), fresh[0])

    def export(self) -> Rows:
        """The records, for an ``Image``."""
        return Rows(self.records, device=True)

    def load(self, stored: bytes) -> None:
        """Back to exported records."""
        self.records = writable(stored, TWIN)
        self._told = None

    def forget(self, devices: list[int]) -> None:
        """These begin anew."""
        kept = self.records["gap_ns"][devices]
        fresh = np.zeros(len(devices), TWIN)
        _clear(fresh)
        fresh["gap_ns"] = kept
        self.records[devices] = fresh
        self._told = None

    def _set_gaps(self, devices: list[int]) -> None:
        for name, numbers in self._roster.by_profile(devices).items():
            profile = self._roster.profiles[name]
            gap_ns = 3 * max(profile.period_ns, profile.upload_period_ns) // 2
            self.records["gap_ns"][numbers] = gap_ns


def _clear(records: npt.NDArray[np.void]) -> None:
    for name in ("boot", "seq", "other_boot", "other_seq", "slot"):
        records[name] = -1
    for name in ("newest_ns", "from_ns", "sign_ns", "heard_ns", "heard_from_ns", "odd_event_ns"):
        records[name] = NEVER


def _seconds(ns: Any) -> str:
    """How far a clock is ahead."""
    return f"{-int(ns) / 1e9:+.1f}"


@compiled
def _watch(
    records: Any, device: Any, slot: Any, packet: Any, boot: Any, seq: Any, event: Any, arrival: Any,
    received: Any, untimed: Any, keep: Any, time: Any, broker: Any, found: Any,
) -> int:  # fmt: skip
    count = 0
    for i in range(len(slot)):
        k = packet[i]
        if i + 1 < len(slot) and packet[i + 1] == k:
            continue
        if keep[i] == 0 or broker[k] & FLAG_RETAINED or untimed[i]:
            continue
        if event[i] < PLAUSIBLE_SINCE_NS or event[i] > arrival[i] + PLAUSIBLE_AHEAD_NS:
            continue
        twin = records[device[i]]
        if boot[k] >= 0:
            sign = _runs(twin, boot[k], seq[k], event[i], arrival[i] - event[i], received[i])
        else:
            sign = _clocks(twin, slot[i], event[i], arrival[i] - event[i], time[i])
        if not sign:
            continue
        twin["sign_ns"] = received[i]
        if twin["told"] == 0 and (twin["returns"] >= RETURNS or twin["turns"] >= TURNS):
            twin["told"] = 1
            found[count] = i
            count += 1
    return count


@compiled
def _runs(twin: Any, boot: int, seq: int, event: int, skew: int, now: int) -> bool:
    """Whether this packet contradicts that one device counts."""
    if boot == twin["boot"] and -NEAR < seq - twin["seq"] <= NEAR:
        if seq > twin["seq"]:
            if seq > twin["seq"] + 1:
                # what is missing may still come late; all of it is older than this
                twin["from_ns"] = max(twin["from_ns"], event)
                twin["first_seq"] = seq
            twin["seq"] = seq
            twin["skew_ns"] = skew
        twin["newest_ns"] = max(twin["newest_ns"], event)
        return False
    follows = boot == twin["other_boot"] and 0 < seq - twin["other_seq"] <= NEAR
    if twin["boot"] >= 0 and event <= twin["from_ns"]:
        if follows:
            twin["other_seq"] = seq
        return False
    resent = boot == twin["boot"] and twin["first_seq"] <= seq <= twin["seq"] and event <= twin["newest_ns"]
    if resent:
        return False
    twin["other_boot"], twin["other_seq"], twin["other_skew_ns"] = twin["boot"], twin["seq"], twin["skew_ns"]
    twin["boot"], twin["seq"], twin["first_seq"], twin["skew_ns"] = boot, seq, seq, skew
    twin["from_ns"] = twin["newest_ns"] = event
    if not follows:
        return False
    twin["returns"] = twin["returns"] + 1 if now - twin["sign_ns"] < APART_NS else 1
    return True


@compiled
def _clocks(twin: Any, slot: int, event: int, skew: int, flags: int) -> bool:
    """Whether the watched channel speaks by turns with two steady clocks."""
    if twin["slot"] < 0:
        twin["slot"] = slot
    if slot != twin["slot"] or flags & (LATE | SUSPECT | DISORDER) == DISORDER:
        return False
    if flags & (LATE | SUSPECT) == 0:
        if event > twin["heard_ns"]:
            if twin["heard_ns"] == NEVER or event - twin["heard_ns"] > twin["gap_ns"]:
                twin["heard_from_ns"] = event
            twin["heard_ns"] = event
        twin["base_ns"] = skew
        twin["turned"] = 1
        return False
    behind = skew > twin["base_ns"]
    if twin["heard_ns"] == NEVER or abs(skew - twin["base_ns"]) <= 2 * AGREE_NS:
        return False
    if behind and event < twin["heard_from_ns"]:
        return False
    steady = abs(skew - twin["odd_ns"]) <= AGREE_NS and event > twin["odd_event_ns"]
    if not steady:
        twin["turns"] = 0
    elif twin["turned"] != 0:
        twin["turns"] += 1
    counted = steady and twin["turned"] != 0
    twin["odd_ns"], twin["odd_event_ns"], twin["turned"] = skew, event, 0
    return bool(counted and twin["turns"] >= TURNS)
