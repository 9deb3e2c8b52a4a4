"""Recordings of MQTT streams: JSON lines, one a message, in the order of arrival; read again, moved in
time.

A line is {"topic", "payload" (text) or "payload_base64", "at_ns" (arrival, wall clock), "qos", "retain"}.
Moving adds one constant to the device times of JSON payloads (time_ms wherever the payload has it) and
SenML (bt, t of absolute size), and gives every device a new boot, so that a gateway does not take the
replay for repetitions. Other payloads stay as they are; so does everything when nothing is to be moved.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

SENML_ABSOLUTE_S = 1 << 28
"""RFC 8428: smaller times are relative to now."""


class Recorded(NamedTuple):
    """One message as it arrived."""

    topic: str
    payload: bytes
    at_ns: int
    qos: int
    retain: bool


def line(message: Recorded) -> str:
    """The message as a line."""
    body: dict[str, Any] = {"topic": message.topic}
    try:
        body["payload"] = message.payload.decode()
    except UnicodeDecodeError:
        body["payload_base64"] = base64.b64encode(message.payload).decode()
    body |= {"at_ns": message.at_ns, "qos": message.qos, "retain": message.retain}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")) + "\n"


def read(lines: Iterable[str]) -> Iterator[Recorded]:
    """The messages of a recording; ValueError names the line that is none."""
    for number, text in enumerate(lines, 1):
        if not text.strip():
            continue
        try:
            body = json.loads(text)
            if "payload" in body:
                payload = body["payload"].encode()
            else:
                payload = base64.b64decode(body["payload_base64"], validate=True)
            yield Recorded(
                str(body["topic"]), payload, int(body["at_ns"]), int(body["qos"]), bool(body["retain"])
            )
        except (KeyError, TypeError, AttributeError, binascii.Error, ValueError) as error:
            raise ValueError(f"line {number}: not a line of a recording: {error!r}") from error


class Mover:
    """Moves the times of payloads by ``shift_ms``; a device's first boot becomes ``boot``."""

    def __init__(self, shift_ms: int, boot: int) -> None:
        self._shift_ms, self._boot = shift_ms, boot
        self._first: dict[str, int] = {}
        self.unmoved = 0
        """Payloads without a time that could be moved: sent as they were."""

    def move(self, topic: str, payload: bytes) -> bytes:
        """The payload to send."""
        try:
            body = json.loads(payload)
        except (ValueError, RecursionError):
            body = None
        if isinstance(body, list):
            changed = _senml(body, self._shift_ms / 1000)
        else:
            changed = isinstance(body, dict) and self._object(topic, body)
        if not changed:
            self.unmoved += 1
            return payload
        return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()

    def _object(self, topic: str, body: dict[str, Any]) -> bool:
        changed = False
        rows = body.get("readings")
        for part in (body, *(rows if isinstance(rows, list) else ())):
            if isinstance(part, dict) and "time_ms" in part:
                times = part["time_ms"]
                changed = True
                many = isinstance(times, list)
                part["time_ms"] = [self._later(one) for one in times] if many else self._later(times)
        boot = body.get("boot")
        if changed and isinstance(boot, int) and not isinstance(boot, bool):
            device = topic.rpartition("/")[0]
            body["boot"] = self._boot + boot - self._first.setdefault(device, boot)
        return changed

    def _later(self, value: Any) -> Any:
        """A number later; what is no number is the device's own mistake and stays one."""
        return value + self._shift_ms if _number(value) else value


def _senml(records: list[Any], shift_s: float) -> bool:
    """Absolute base times are moved, and absolute times of records before any base."""
    base = 0.0
    changed = False
    for record in records:
        if not isinstance(record, dict):
            continue
        if _number(record.get("bt")):
            base = record["bt"]
            if base >= SENML_ABSOLUTE_S:
                record["bt"] = base + shift_s
                changed = True
        if base < SENML_ABSOLUTE_S and _number(record.get("t")) and record["t"] >= SENML_ABSOLUTE_S:
            record["t"] += shift_s
            changed = True
    return changed


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
