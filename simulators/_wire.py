"""Devices that misbehave on the wire: applied to a step's messages, after they are encoded.

"malformed": the payload breaks off; "oversize": longer than the profile allows; "wrong_topic": a stream that
no profile has; "wrong_device": a device that is in no fleet; "wrong_unit": a unit that the profile does not
know; "repeated": the same bytes twice. The label of each says which reason of rejection must be counted
("" = none: a repetition is no rejection). Every spoiled topic still has the depth that a gateway subscribes
to: what the broker never sends, nobody can count.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from simulators import Fault, Label
from simulators._faults import active
from simulators._labels import check_severity, label
from simulators._payloads import Message
from simulators._profiles import profile

WIRE: Mapping[str, str] = {
    "malformed": "not_json",
    "oversize": "oversize",
    "wrong_topic": "unknown_stream",
    "wrong_device": "unknown_device",
    "wrong_unit": "wrong_unit",
    "repeated": "",
}
"""Kind -> the reason that must be counted."""
STRANGE, NOWHERE, STRANGER = "furlong", "nowhere", ".stranger"
"""Unit, stream and ending of a device's name that nobody knows."""


class Wire:
    """Spoils messages of the devices of one plant. With severity s, a share s of them, evenly."""

    def __init__(
        self, profile_id: str, devices: Sequence[str], start_ns: int, faults: Sequence[Fault]
    ) -> None:
        for fault in faults:
            check_severity(fault)
            if fault.kind not in WIRE:
                raise ValueError(f"no fault on the wire {fault.kind!r}; known: {', '.join(WIRE)}")
        self._max_bytes = profile(profile_id).max_payload_bytes
        self._start_ns = start_ns
        self._faults = [(devices[f.device], f) for f in faults]
        self._share = [0.0 for _ in faults]
        self.spoiled: dict[str, int] = {}
        """Kind -> messages made bad so far: what a gateway must have counted."""

    def apply(self, messages: Sequence[Message], time_ns: int) -> list[Message]:
        """The messages as they leave."""
        now_s = (time_ns - self._start_ns) / 1e9
        found = list(messages)
        for place, (device, fault) in enumerate(self._faults):
            if active(fault, now_s):
                found = [out for message in found for out in self._one(place, device, fault, message)]
        return found

    def labels(self) -> list[Label]:
        """What must be counted; a repetition may raise nothing."""
        return [
            label(
                fault, device, "", "", self._start_ns, 1.0, quiet=not WIRE[fault.kind],
                reason=WIRE[fault.kind],
            )
            for device, fault in self._faults
        ]  # fmt: skip

    def _one(self, place: int, device: str, fault: Fault, message: Message) -> list[Message]:
        if not message.topic.startswith(f"rg/{device}/"):
            return [message]
        self._share[place] += fault.severity
        if self._share[place] < 1.0 - 1e-9:
            return [message]
        bad = self._spoil(fault.kind, message)
        if bad == [message]:
            return bad
        self._share[place] -= 1.0
        self.spoiled[fault.kind] = self.spoiled.get(fault.kind, 0) + 1
        return bad

    def _spoil(self, kind: str, message: Message) -> list[Message]:
        topic, payload = message
        if kind == "malformed":
            return [Message(topic, payload[:-1])]
        if kind == "oversize":
            return [Message(topic, payload[:-1] + " " * self._max_bytes + payload[-1:])]
        if kind == "wrong_topic":
            return [Message(f"{topic.rpartition('/')[0]}/{NOWHERE}", payload)]
        if kind == "wrong_device":
            device, _, stream = topic.rpartition("/")
            return [Message(f"{device}{STRANGER}/{stream}", payload)]
        if kind == "wrong_unit":
            return [Message(topic, _strange(payload))]
        return [message, message]


def _strange(payload: str) -> str:
    """The same payload with a unit that no profile has; unchanged when it names no unit."""
    body = json.loads(payload)
    if "unit" in body:
        body["unit"] = STRANGE
    elif body.get("units"):
        body["units"][next(iter(body["units"]))] = STRANGE
    else:
        for row in body.get("readings", ()):
            if "unit" in row:
                row["unit"] = STRANGE
                break
        else:
            return payload
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False)
