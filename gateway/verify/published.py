"""The outside witness: what the broker acknowledged to a publisher, which kept a list of its own."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from gateway.errors import RiskgateError
from gateway.journal import JournalReader
from gateway.monitor.entries import Packets, SystemFact
from gateway.paths import DataFolder
from gateway.verify.report import Report

SHOWN_CHARACTERS = 100

Wanted = dict[bytes, str]
"""Digest of topic and payload -> both, for a person."""


def read_published(published: Path) -> Wanted:
    """The packets of a publisher's list, JSON lines with "topic" and "payload". A last line without its end
    is left out: the publisher was stopped within it. RiskgateError when there is nothing to compare with."""
    wanted: Wanted = {}
    try:
        with published.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if not line.endswith(b"\n"):
                    break
                key, shown = _packet(line, f"{published}: line {number}")
                wanted[key] = shown
    except OSError as error:
        raise RiskgateError(
            f"{published}: cannot be read: {error.strerror}; give --published the file that the publisher "
            "wrote"
        ) from error
    if not wanted:
        raise RiskgateError(
            f"{published}: holds no acknowledged packet, so nothing can be compared with it; give "
            "--published the file that the publisher wrote"
        )
    return wanted


def check_published(report: Report, data: DataFolder, name: str, wanted: Wanted) -> None:
    """I1: every packet of the list is in the journal."""
    total = len(wanted)
    left = dict(wanted)
    for _, entry in JournalReader(data.journal).read():
        if isinstance(entry, Packets):
            for row in range(len(entry)):
                left.pop(_key(*entry.packet(row)), None)
        elif isinstance(entry, SystemFact) and entry.kind == "refused":
            head = entry.detail.get("head", b"")
            if len(head) == entry.detail.get("size"):
                left.pop(_key(entry.subject.encode(), head), None)
    first = next(iter(left.values()), "")
    report.add(
        "I1",
        f"packets acknowledged to the publisher ({name}) in the journal",
        not left,
        f"{total} acknowledged, {len(left)} missing" + (f", first: {first}" if first else ""),
    )


def _packet(line: bytes, where: str) -> tuple[bytes, str]:
    try:
        packet: dict[str, Any] = json.loads(line)
        topic, payload = packet["topic"], packet["payload"]
        return _key(topic.encode(), payload.encode()), f"{topic} {payload[:SHOWN_CHARACTERS]}"
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise RiskgateError(
            f'{where} is no published packet; each line must be a JSON object with the texts "topic" and '
            '"payload", as the simulators write it'
        ) from error


def _key(topic: bytes, payload: bytes) -> bytes:
    return hashlib.blake2b(topic + b"\0" + payload, digest_size=16).digest()
