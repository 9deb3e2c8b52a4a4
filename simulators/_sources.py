"""Sources of messages in one line of time: plants with their faults and payload forms, each with its
own period.

Guarantees: the same plans, seed and start give the same messages; groups come in order of time, and a
source is stepped only when its group is asked for, so a city of any size is made as it is sent.
"""

from __future__ import annotations

import asyncio
import heapq
import re
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar, get_args

from simulators import Fault, Label, load
from simulators._labels import severity_of
from simulators._payloads import Counters, Form, Message, encode
from simulators._profiles import profile
from simulators._wire import WIRE, Wire

Sent = TypeVar("Sent")
NowNs = Callable[[], int]
Group = tuple[int, list[Message]]
NAP_S = 0.25
"""The longest sleep, so that a stop is seen soon."""
_FAULT = re.compile(r"([a-z_]+)@(\d+(?:\.\d+)?)((?:,[a-z]+=[^,]+)*)")


@dataclass(frozen=True, slots=True)
class Plan:
    """One plant that is to be: everything but its start and its seed."""

    kind: str
    devices: tuple[str, ...]
    faults: tuple[Fault, ...] = ()
    """Of the plant, of its devices and of the wire."""
    form: Form = "json_columns"
    period_s: float = 0.0
    """0 = the profile's."""
    scale: float = 1.0
    phase: float = 0.0
    """Share of the period by which it begins later."""

    @property
    def profile_id(self) -> str:
        """The profile of its devices."""
        return str(load(self.kind).PROFILE)


class Source:
    """A plan under way. ValueError for a fault, a form or a number of devices that the plant cannot have."""

    def __init__(self, plan: Plan, start_ns: int, seed: int, counters: Counters) -> None:
        if plan.form not in get_args(Form):
            raise ValueError(f"no form {plan.form!r}; known: {', '.join(get_args(Form))}")
        module = load(plan.kind)
        own_s = module.Plant.STEP_S or profile(plan.profile_id).period_ns / 1e9
        self.period_ns = round((plan.period_s or own_s) * 1e9)
        self.next_ns = start_ns + round(plan.phase * self.period_ns)
        wire = [f for f in plan.faults if f.kind in WIRE]
        for fault in plan.faults:
            if not 0 <= fault.device < len(plan.devices):
                raise ValueError(f"fault {fault.kind!r}: no device {fault.device} of {len(plan.devices)}")
        self._plant = module.Plant(
            plan.devices, self.next_ns, seed, [f for f in plan.faults if f.kind not in WIRE],
            period_s=self.period_ns / 1e9, scale=plan.scale,
        )  # fmt: skip
        self._wire = Wire(plan.profile_id, plan.devices, self.next_ns, wire) if wire else None
        self._form, self._units, self._counters = plan.form, module.UNITS, counters

    def step(self) -> Group:
        """The next group; then the source stands one period further."""
        time_ns = self.next_ns
        self.next_ns += self.period_ns
        messages = encode(self._plant.step(time_ns), self._form, self._counters, self._units)
        return time_ns, self._wire.apply(messages, time_ns) if self._wire else messages

    def labels(self) -> list[Label]:
        """The truth about its faults."""
        found: list[Label] = self._plant.labels()
        return found + (self._wire.labels() if self._wire else [])

    def spoiled(self) -> dict[str, int]:
        """Messages made bad on the wire so far, by kind of fault."""
        return dict(self._wire.spoiled) if self._wire else {}


def groups(
    sources: Sequence[Source], end_ns: int | None, stopped: Callable[[], bool] = lambda: False
) -> Iterator[Group]:
    """Every source's groups in order of time, those from ``end_ns`` on left out."""
    line = [(source.next_ns, place) for place, source in enumerate(sources)]
    heapq.heapify(line)
    while line and not stopped():
        time_ns, place = line[0]
        if end_ns is not None and time_ns >= end_ns:
            return
        yield sources[place].step()
        heapq.heapreplace(line, (sources[place].next_ns, place))


def parse_fault(text: str) -> Fault:
    """``KIND@T[,for=S][,severity=X|,level=N][,device=N][,channel=C]``: seconds from the start; the
    device's place."""
    found = _FAULT.fullmatch(text)
    if not found:
        raise ValueError(f"fault {text!r}: write KIND@T[,for=S][,severity=X|,level=N][,device=N][,channel=C]")
    values = dict(part.split("=", 1) for part in found[3].split(",") if part)
    unknown = sorted(set(values) - {"for", "severity", "level", "device", "channel"})
    if unknown:
        raise ValueError(
            f"fault {text!r}: {', '.join(unknown)} is not known; for, severity, level, device, channel are"
        )
    if {"severity", "level"} <= set(values):
        raise ValueError(f"fault {text!r}: give severity or level, not both")
    try:
        if "level" in values:
            values["severity"] = str(severity_of(int(values["level"])))
        return Fault(
            found[1], float(found[2]), float(values.get("for", 1e9)), int(values.get("device", 0)),
            values.get("channel", ""), float(values.get("severity", 1.0)),
        )  # fmt: skip
    except ValueError as error:
        raise ValueError(f"fault {text!r}: {error}") from None


class Pace:
    """Hands groups out when their time comes and knows how far behind that is."""

    def __init__(self, now_ns: NowNs, start_ns: int, speed: float, stopped: Callable[[], bool]) -> None:
        """``speed`` times faster than the groups' own time from ``start_ns`` on; 0 = without waiting."""
        self._now_ns, self._start_ns, self._speed, self._stopped = now_ns, start_ns, speed, stopped
        self.behind_s = self.worst_s = 0.0
        self.reached_s = 0.0
        """Seconds of the groups' own time handed out."""
        self.sent = 0

    async def follow(self, source: Iterable[tuple[int, list[Sent]]]) -> AsyncIterator[Sent]:
        """The messages of groups."""
        for time_ns, messages in source:
            self.reached_s = max(self.reached_s, (time_ns - self._start_ns) / 1e9)
            if self._speed > 0:
                due_ns = self._start_ns + round((time_ns - self._start_ns) / self._speed)
                while (left_s := (due_ns - self._now_ns()) / 1e9) > 0:
                    if self._stopped():
                        return
                    await asyncio.sleep(min(left_s, NAP_S))
                self.behind_s = max(0.0, -left_s)
                self.worst_s = max(self.worst_s, self.behind_s)
            for message in messages:
                yield message
                self.sent += 1
