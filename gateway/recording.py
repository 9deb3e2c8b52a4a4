"""``riskgate record`` and ``riskgate simulate recording``: a live stream into a file, and out of it again.

Guarantees: what arrived is in the file in its order, as whole lines; what arrives while the recorder is being
stopped may be missing. A file that exists is not written over. A replay keeps order and spacing of arrivals.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import IO, NamedTuple

import aiomqtt
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from gateway.clock import SystemClock
from gateway.errors import RiskgateError
from simulators._payloads import Raw
from simulators._publish import BrokerAddress, Publisher
from simulators._recording import Mover, Recorded, line, read
from simulators._sources import Pace

TELL_EVERY_S = 0.5
WINDOW = 500


class Counted(NamedTuple):
    """What was recorded or replayed."""

    messages: int
    bytes: int
    topics: int
    devices: int
    seconds: float
    unmoved: int = 0
    """Replayed with their times as recorded, because they have none that could be moved."""
    worst_behind_s: float = 0.0

    def rows(self) -> list[tuple[str, str]]:
        """For a person."""
        rows = [
            ("what", "how much"),
            ("messages", f"{self.messages:,}"),
            ("bytes of payload", f"{self.bytes:,}"),
            ("topics", f"{self.topics:,}"),
            ("devices", f"{self.devices:,}"),
            ("seconds from first to last", f"{self.seconds:.1f}"),
        ]
        if self.unmoved:
            rows.append(
                ("times not moved", f"{self.unmoved:,} messages are no JSON with a time; sent as recorded")
            )
        return rows


class _Count:
    def __init__(self) -> None:
        self.messages = self.bytes = 0
        self.topics: set[str] = set()
        self.first_ns = self.last_ns = 0

    def add(self, topic: str, payload: int, at_ns: int) -> None:
        self.first_ns = self.first_ns or at_ns
        self.last_ns = at_ns
        self.messages += 1
        self.bytes += payload
        self.topics.add(topic)

    def counted(self) -> Counted:
        devices = {topic.rpartition("/")[0] for topic in self.topics}
        seconds = (self.last_ns - self.first_ns) / 1e9
        return Counted(self.messages, self.bytes, len(self.topics), len(devices), seconds)


def record(
    address: BrokerAddress,
    file: Path,
    out: Console,
    *,
    topic: str = "rg/#",
    for_s: float | None = None,
    messages: int | None = None,
) -> Counted:
    """Record until SIGINT or SIGTERM, or for so many seconds, or so many messages."""
    try:
        with file.open("x", encoding="utf-8") as lines:
            return asyncio.run(_record(address, lines, out, topic, for_s, messages))
    except FileExistsError:
        raise RiskgateError(f"{file} exists: a recording is not written over; choose another name") from None
    except aiomqtt.MqttError as error:
        if not file.stat().st_size:
            file.unlink()  # nothing was recorded: the name is free for the next try
        raise RiskgateError(address.why(error)) from error


async def _record(
    address: BrokerAddress, lines: IO[str], out: Console, topic: str, for_s: float | None, most: int | None
) -> Counted:
    count, clock = _Count(), SystemClock()
    async with address.client() as client:
        await client.subscribe(topic, qos=1)

        async def take() -> None:
            async for message in client.messages:
                payload = message.payload if isinstance(message.payload, bytes) else b""
                at_ns = clock.wall_ns()
                name = str(message.topic)
                lines.write(line(Recorded(name, payload, at_ns, message.qos, bool(message.retain))))
                count.add(name, len(payload), at_ns)
                if most is not None and count.messages >= most:
                    return

        taking = asyncio.ensure_future(take())
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, taking.cancel)
        telling = asyncio.ensure_future(_tell(out, count))
        with contextlib.suppress(asyncio.CancelledError, TimeoutError):
            await asyncio.wait_for(taking, for_s)
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)
    return count.counted()


async def _tell(out: Console, count: _Count) -> None:
    with Progress(TextColumn("{task.description}"), console=out, disable=not out.is_terminal) as progress:
        bar = progress.add_task("recording")
        while True:
            told = f"recording: {count.messages:,} messages of {len(count.topics):,} topics"
            progress.update(bar, description=told)
            await asyncio.sleep(TELL_EVERY_S)


def replay(
    address: BrokerAddress, file: Path, out: Console, *, speed: float = 1.0, as_recorded: bool = False
) -> Counted:
    """Publish a recording; ``speed`` times faster than it arrived, 0 = as fast as the broker takes it.

    Retained messages are sent as ordinary ones: their time has passed.
    """
    if speed < 0:
        raise RiskgateError("speed must be 0 or more")
    clock = SystemClock()
    try:
        with file.open(encoding="utf-8") as lines:
            first = next(read(lines), None)
            if first is None:
                raise RiskgateError(f"{file}: holds no message")
            start_ns = clock.wall_ns()
            lines.seek(0)
            shift_ms = 0 if as_recorded else (start_ns - first.at_ns) // 1_000_000
            mover = None if as_recorded else Mover(shift_ms, start_ns // 1_000_000_000)
            return asyncio.run(
                _replay(address, read(lines), out, speed, mover, start_ns - first.at_ns, start_ns)
            )
    except (ValueError, ConnectionError) as error:
        raise RiskgateError(f"{file}: {error}" if isinstance(error, ValueError) else str(error)) from error


async def _replay(
    address: BrokerAddress,
    source: Iterator[Recorded],
    out: Console,
    speed: float,
    mover: Mover | None,
    later_ns: int,
    start_ns: int,
) -> Counted:
    clock, count = SystemClock(), _Count()
    stop = asyncio.Event()

    def groups() -> Iterator[tuple[int, list[Raw]]]:
        for one in source:
            if stop.is_set():
                return
            payload = mover.move(one.topic, one.payload) if mover else one.payload
            count.add(one.topic, len(payload), one.at_ns)
            yield one.at_ns + later_ns, [Raw(one.topic, payload)]

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    pace = Pace(clock.wall_ns, start_ns, speed, stop.is_set)
    publisher = Publisher(address, clock.wall_ns, window=WINDOW)
    columns = (TextColumn("replaying"), BarColumn(), TextColumn("{task.fields[told]}"))
    with Progress(*columns, console=out, disable=not out.is_terminal) as progress:
        bar = progress.add_task("replaying", total=None, told="")

        async def told() -> AsyncIterator[Raw]:
            async for message in pace.follow(groups()):
                if publisher.acknowledged % WINDOW == 0:
                    progress.update(
                        bar, told=f"{publisher.acknowledged:,} acknowledged, {pace.behind_s:.1f} s behind"
                    )
                yield message

        await publisher.publish(told())
    return count.counted()._replace(unmoved=mover.unmoved if mover else 0, worst_behind_s=pace.worst_s)
