"""The one place that wires parts together: which process runs what, with which files."""

from __future__ import annotations

import sys

from gateway.clock import SystemClock
from gateway.config import Config
from gateway.coreprocess import CoreProcess
from gateway.errors import JournalBusy, JournalFull
from gateway.log import configure
from gateway.paths import DataFolder
from gateway.supervisor import EXIT_TRY_AGAIN, Supervisor


def run(config: Config, data: DataFolder, arguments: list[str]) -> int:
    """Supervise core and delivery until told to stop."""
    clock = SystemClock()
    configure("supervisor", clock.mono_ns)
    data.create()
    return Supervisor(config, data, arguments, clock).run()


def run_process(name: str, config: Config, data: DataFolder) -> int:
    """The body of one supervised process."""
    clock = SystemClock()
    configure(name, clock.mono_ns)
    data.create()
    if name == "core":
        try:
            return CoreProcess(config, data, clock).run()
        except (JournalFull, JournalBusy) as error:
            print(f"error: {error}", file=sys.stderr)
            return EXIT_TRY_AGAIN
    from gateway import delivery  # noqa: PLC0415 - each process loads only its own part

    return delivery.run(config, data, clock)
