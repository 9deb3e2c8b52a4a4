"""The whole gateway as it is run, under load: supervisor, core and delivery, a database that counts.

``python -m gateway.cli run`` with everything on: journal FULL and chain, detectors, alarms, history, delivery
to an HTTP sink in a process of its own. ``account`` says what is wrong with a round: it is void unless sent =
journalled = judged and, after draining, = in the database.
"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil

from gateway.config import Snapshots
from gateway.fleet import read_profiles
from tests.bench._feeds import PROFILE, fleet, profile_text
from tests.bench.commit import DISK
from tests.bench.drain import database, figures
from tests.support.gateway import CACHE, Gateway
from tests.support.wait import until

DRAIN_S = 60.0
START_S = 120.0
"""The first gateway on a machine compiles its loops."""
ODD = ("duplicates", "rejected", "refused", "throttled", "late", "suspect")
"""Counts that must stay nothing."""
BASE = "gas/combustible_point"


class Stand:
    """``with Stand(broker_port) as stand:`` a running gateway that looks for its broker there.

    ``devices`` and ``profiles`` (name -> text) stand for the fleet of _feeds and its profile. Without
    ``delivers`` no sink has anything to do, and ``account`` does not ask for deliveries."""

    def __init__(
        self,
        port: int,
        *,
        sinks: str = "",
        devices: list[tuple[str, str, str, str, str]] | None = None,
        profiles: dict[str, str] | None = None,
        delivers: bool = True,
    ) -> None:
        self._stack = ExitStack()
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="riskgate-", dir=DISK)))
        for name, text in (profiles or {PROFILE: profile_text(read_profiles([])[BASE])}).items():
            file = folder / "profiles" / f"{name}.toml"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        self._database = self._stack.enter_context(database(folder))
        self.gateway = self._stack.enter_context(Gateway(folder, port, devices or fleet()))
        table = f'[sinks.plant]\nkind = "influxdb"\nurl = "http://127.0.0.1:{self._database}"\nbucket = "b"\n'
        self._delivers = delivers
        if not delivers:
            table = '[sinks.history]\nkind = "history"\nenabled = false\n'
        every_s = round(Snapshots().every_s)  # as shipped
        self.gateway.configure(sinks=table + sinks, extra='profiles = ["profiles"]', snapshot_s=every_s)
        CACHE.mkdir(parents=True, exist_ok=True)
        self.gateway.data.compiled.symlink_to(CACHE.resolve())
        self._process = self.gateway.start("run")
        self._sent = 0

    def __enter__(self) -> Stand:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.gateway.stop(self._process)
        finally:
            self._stack.close()

    def connected(self) -> None:
        """Wait until the core has its broker, and delivery answers."""

        def up() -> bool:
            if self._process.poll() is not None or "error: " in self.gateway.log():
                raise AssertionError(f"the gateway does not start: {self.gateway.log()}")
            return bool((self.gateway.status() or {}).get("link_up"))

        until(up, START_S, "a link to the broker")
        until(lambda: self.gateway.delivery() is not None, START_S, f"delivery answers; {self.gateway.log()}")

    @property
    def pid(self) -> int:
        """The supervisor's process id."""
        return self._process.pid

    def counts(self) -> dict[str, Any]:
        """The core's sums."""
        status = self.gateway.status()
        if status is None:
            raise AssertionError(f"the core does not answer: {self.gateway.log()}")
        counts: dict[str, Any] = status["counts"]
        return counts

    def cpu_s(self) -> tuple[float, float]:
        """Seconds of processor time so far: (the core, the whole gateway)."""
        core = whole = 0.0
        supervisor = psutil.Process(self._process.pid)
        for process in [supervisor, *supervisor.children(recursive=True)]:
            times = process.cpu_times()
            whole += times.user + times.system
            core += times.user + times.system if "core" in process.cmdline() else 0.0
        return core, whole

    def account(self, readings: int) -> str:
        """What is wrong with the round of so many readings; "" = nothing. Drains first."""
        self._sent += readings
        until(lambda: self.counts()["effective"] >= self._sent, DRAIN_S, f"{self._sent} readings judged")
        counts = self.counts()
        odd = [f"{name} {counts[name]}" for name in ODD if counts[name]]
        if odd or counts["effective"] != self._sent:
            return f"{counts['effective']} of {self._sent} judged, {', '.join(odd)}"
        if not self._delivers:
            return ""
        try:
            until(lambda: figures(self._database)["lines"] >= readings, DRAIN_S, "all lines in the database")
        except AssertionError as late:
            return f"{late}: {figures(self._database)['lines']} of {readings}"
        kept = Path(figures(self._database)["file"])
        figures(self._database, again=True)
        with kept.open("rb") as lines:
            delivered = len(set(lines))
        kept.unlink()
        return "" if delivered == readings else f"{readings} sent, {delivered} in the database"
