"""``make profile``: where the core spends its time under the load of the row raw20, as a flame graph.

py-spy looks at the core process of a whole running gateway, native frames left out, and writes
build/profile.svg. On Linux it may look at its own child's children only where ptrace is allowed: as root, or
with kernel.yama.ptrace_scope=0.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import psutil

from tests.bench import _feeds
from tests.bench._stand import Stand
from tests.bench.feeder import Feeder
from tests.support.report import ROOT

SVG = ROOT / "build" / "profile.svg"
SECONDS = 15
RATE = 20_000
"""Messages a second at window 20: what is prepared for each second, so that the load outlasts the look."""


def record(svg: Path, seconds: int, window: int, rate: int = RATE) -> float:
    """Write the graph; returns messages a second meanwhile. AssertionError if py-spy could not look."""
    svg.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        feeder = stack.enter_context(Feeder(_feeds.single))
        stand = stack.enter_context(Stand(feeder.port))
        stand.connected()
        feeder.subscribed()
        feeder.prepare(0, rate // 10)
        feeder.send(window)  # everything is compiled and mapped then
        feeder.prepare(1, 2 * rate * seconds)
        feeder.begin(window)
        words = [str(Path(sys.executable).with_name("py-spy")), "record", "--pid", str(core_of(stand))]
        words += [
            "--output",
            str(svg),
            "--duration",
            str(seconds),
            "--rate",
            "200",
            "--threads",
            "--nonblocking",
        ]
        before = stand.counts()["effective"]
        done = subprocess.run(words, check=False, capture_output=True, text=True, timeout=seconds + 60)
        took = stand.counts()["effective"] - before
    if done.returncode:
        raise AssertionError(f"py-spy could not look at the core: {done.stderr.strip()[-500:]}")
    return float(took / seconds)


def core_of(stand: Stand) -> int:
    """Process id of the stand's core."""
    for process in psutil.Process(stand.pid).children(recursive=True):
        if "core" in process.cmdline():
            return process.pid
    raise AssertionError("the supervisor has no core process")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=int, default=SECONDS)
    parser.add_argument("--window", type=int, default=20)
    parser.add_argument("--output", type=Path, default=SVG)
    given = parser.parse_args()
    rate = record(given.output, given.seconds, given.window)
    print(f"{given.output}: {rate:,.0f} messages/s meanwhile, window {given.window}")


if __name__ == "__main__":
    main()
