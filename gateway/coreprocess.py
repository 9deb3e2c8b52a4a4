"""The core process: wires receiver, intake, journal, monitor, ledger and live channel, and runs the loop."""

from __future__ import annotations

import os
import queue
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NoReturn

import structlog

from gateway.admitting import Admitting
from gateway.alarms.events import UNACKNOWLEDGED, CommandEvent
from gateway.beside import BesideThread
from gateway.clock import Clock, new_boot_id, new_id, new_seed
from gateway.commands import CommandServer
from gateway.conditions import Conditions
from gateway.config import ALIVE_BEFORE, Config
from gateway.core import Core, Stores, Wanted
from gateway.crashpoint import reached
from gateway.errors import ConfigError, FlushFailed
from gateway.grouping import Ask
from gateway.ingest import Mids
from gateway.ingest.intake import Intake
from gateway.ingest.mqtt import Receiver
from gateway.journal import Compressor, Journal
from gateway.ledger import Ledger
from gateway.live import LIVE_NS, LiveSender
from gateway.monitor.roster import Prepared
from gateway.monitor.warm import compile_loops
from gateway.paths import DataFolder
from gateway.reloading import Read, Reloads
from gateway.resident import give_back, settle
from gateway.snapshots import SnapshotStore
from gateway.wanting import want, wanted

IDLE_S = 0.25  # the core looks up at least this often: Tick entries, timers, commands
GAP_S = 0.0003  # so long a group of packets waits for the next, to be judged while that is written
FULL_DISK_RETRY_S = 0.5
LOOK_NS = 500_000_000
HEALTH_NS = 10_000_000_000
HEALTH = ("position", "alarms_open", "alarms_unacknowledged", "intake_packets", "behind_s", "live_dropped")
AHEAD_BYTES = 1 << 20  # less in a piece: commits wait 0.4 ms for it; more: 3 ms
EXIT_FLUSH_FAILED = 74


class CoreProcess:
    """Everything the core process holds. ``run`` returns the exit status."""

    def __init__(self, config: Config, data: DataFolder, clock: Clock) -> None:
        self._log = structlog.get_logger("core")
        self._config = config
        self._data = data
        self._clock = clock
        first, self._bad_files = want(config, data.rules, alive_before=ALIVE_BEFORE in os.environ)
        self._asks: queue.SimpleQueue[Ask] = queue.SimpleQueue()
        self._stopping = threading.Event()
        ingest = config.ingest
        self._intake = Intake(ingest.max_queued_packets, ingest.max_queued_bytes)
        self._admitting = Admitting()
        self._reloads = Reloads(lambda: wanted(config, data.rules), self._prepare, self._intake.wake)
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="snapshots")
        self._compressor = self._make_compressor()
        self._live = LiveSender(data.live_socket, self._table)
        self._receiver: Receiver | None = None
        self._core = self._make_core(first)
        self._last_health_ns = 0
        self._next_look_ns = 0
        self._link_problem = ""
        self._conditions = Conditions(data, clock)

    def run(self) -> int:
        """Until told to stop; 0 after a clean stop."""
        try:
            return self._run()
        finally:
            self._core.abandon()

    def _run(self) -> int:
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        signal.signal(signal.SIGHUP, self._reloads.ask)
        replayed = self._core.start()
        roster = self._core.monitor.roster
        if not roster.digest:
            raise ConfigError([f"no configuration was ever in force; the files are wrong: {self._bad_files}"])
        compile_loops([roster.channels.devices[n] for n in roster.active_devices()], roster.texts)
        settle()
        self._log.info("core started", replayed=replayed, devices=len(roster.index))
        for why in self._core.passed_over:
            self._log.warning("snapshot passed over", why=why)
        for warning in [*self._stores.journal.warnings, *self._core.warnings]:
            self._log.warning("odd, but no error", warning=warning)
        self._receiver = Receiver(
            self._config.ingest,
            self._intake,
            self._admitting.admission,
            self._clock,
            had_session=self._core.monitor.had_session,
            last_epoch=self._core.monitor.last_epoch,
        )
        self._admitting.of(roster, self._receiver)
        server = CommandServer(self._data.core_socket, self.answer)
        server.start()
        self._receiver.start()
        if self._compressor is not None:
            self._compressor.start()
        alarms = self._core.monitor.engine.open_alarms()
        self._conditions.start(a.definition.id[len("gateway:") :] for a in alarms if a.process_active)
        if self._bad_files:
            self._core.note("config_refused", active=True, detail={"problems": self._bad_files})
        try:
            self._loop()
        except FlushFailed as failed:
            self._exit(failed)
        self._receiver.stop_reading()
        self._drain()
        self._receiver.stop()
        server.close()
        self._reloads.close()
        self._core.stop()
        self._writer.shutdown()
        if self._compressor is not None:
            self._compressor.close()
        self._live.close()
        self._stores.journal.close()
        self._stores.ledger.close()
        self._log.info("core stopped")
        return 0

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """One question on the command socket."""
        operation = request.get("op")
        if operation == "command":
            return self._command(request)
        if operation == "status":
            return self.status()
        if operation == "reload":
            return self._reloads.request(float(request.get("deadline_s", 120.0)))
        monitor = self._core.monitor
        if operation == "rejections":
            newest = list(monitor.inlet.rejections.recent)[-int(request.get("limit", 100)) :]
            return {
                "rejections": [r._asdict() for r in reversed(newest)],
                "counts": monitor.counts.turned_away(),
            }
        if operation == "quarantine":
            return monitor.inlet.quarantine.export()
        if operation == "requests":
            return {"requests": monitor.engine.requests.export()}
        if operation == "values":
            return {"values": monitor.values_of(str(request.get("device", "")))}
        return {"accepted": False, "reason_en": f"unknown operation {operation!r}", "reason_zh": "未知操作"}

    def status(self) -> dict[str, Any]:
        """What /health and /metrics show; read without stopping the core."""
        core, monitor = self._core, self._core.monitor
        counts = monitor.counts
        oldest = self._intake.oldest_received_ns
        now = self._clock.mono_ns()
        states = [a.state for a in list(monitor.engine.open_alarms())]
        link = self._receiver.status() if self._receiver is not None else {"connected": False}
        return {
            "position": self._stores.journal.head.position,
            "turn_age_s": (now - core.last_turn_ns) / 1e9,
            "wall_ns": self._clock.wall_ns(),
            "gateway_ns": monitor.line.now_ns,
            "version": monitor.version,
            "exercise": monitor.exercise,
            "blind": bool(core.blind),
            "blind_reason": core.blind,
            "counts": {name: getattr(counts, name) for name in counts.__struct_fields__},
            "alarms_open": len(states),
            "floods": monitor.engine.flow.floods(),
            "alarms_unacknowledged": states.count(UNACKNOWLEDGED),
            "intake_packets": self._intake.depth,
            "behind_s": 0.0 if oldest is None else (now - oldest) / 1e9,
            "devices": len(monitor.roster.index),
            "devices_unknown": len(monitor.inlet.quarantine.devices),
            "link_up": bool(link["connected"]),
            "link": link,
            "link_problem": self._link_problem,
            "live_dropped": self._live.dropped,
            "ledger_seq": self._stores.ledger.last_seq,
        }

    def _make_core(self, first: Wanted) -> Core:
        data, config = self._data, self._config
        ledger = Ledger(data.ledger)
        journal = Journal(
            data.journal,
            segment_bytes=config.journal.segment_mib << 20,
            segment_age_ns=round(config.journal.segment_hours * 3600e9),
            witness=ledger.witness(),
            run=self._work,
            ahead_bytes=min(AHEAD_BYTES, config.journal.segment_mib << 17),
        )
        self._stores = Stores(journal, ledger, SnapshotStore(data.snapshots))
        return Core(
            self._stores,
            first,
            self._clock,
            new_boot_id(),
            new_seed(),
            self._acknowledge,
            self._live,
            config.partition,
            save=self._work,
            beside=BesideThread("judging"),
        )

    def _make_compressor(self) -> Compressor | None:
        if not self._config.journal.compress:
            return None
        return Compressor(
            self._data.journal, lambda why: self._log.warning("journal segment not compressed", why=why)
        )

    def _work(self, work: Callable[[], None]) -> None:
        """Slow disk work (snapshots, closing a full segment) beside the hot path, one piece at a time."""
        self._writer.submit(work).add_done_callback(self._worked)

    def _worked(self, future: Future[None]) -> None:
        error = future.exception()
        if self._compressor is not None:
            self._compressor.wake()  # the work may have been the closing of a segment
        if isinstance(error, FlushFailed):
            self._exit(error)
        if error is not None:
            self._log.error("snapshot not written; the journal's tail grows until one is", error=str(error))

    def _exit(self, failed: FlushFailed) -> NoReturn:
        # the pages may be gone from the cache: only a fresh read of the disk can be trusted
        self._log.critical("the disk did not confirm a flush: exiting", error=str(failed))
        os._exit(EXIT_FLUSH_FAILED)

    def _acknowledge(self, epoch: int, mids: Mids) -> None:
        if self._receiver is not None:
            self._receiver.acknowledge(epoch, mids)

    def _table(self) -> tuple[int, bytes]:
        channels = self._core.monitor.channels
        return channels.version, channels.export()

    def _loop(self) -> None:
        ingest = self._config.ingest
        while not self._stopping.is_set():
            if self._core.blind:
                self._clock.sleep(FULL_DISK_RETRY_S)
                items = []
            else:
                if self._core.waiting and not self._intake.soon(GAP_S):
                    self._core.settle()
                idle_s = LIVE_NS / 1e9 if self._live.waiting else IDLE_S
                items = self._intake.next_group(ingest.max_group_packets, ingest.max_group_bytes, idle_s)
            if items:
                reached("received")
            self._core.turn(items, self._waiting_asks())
            for read in self._reloads.turn():
                read.answer(self._take(read))
            self._look_around()

    def _look_around(self) -> None:
        """Twice a second at most: the receiver's watchdog, health figures, conditions of the gateway."""
        now = self._clock.mono_ns()
        if now < self._next_look_ns or self._receiver is None:
            return
        self._next_look_ns = now + LOOK_NS
        self._admitting.of(self._core.monitor.roster, self._receiver)
        self._link_problem = self._receiver.healthy(now)
        status = self.status()
        self._tell_health(status, now)
        if not self._core.blind:
            for subject, active, detail in self._conditions.changes(status):
                self._core.note(subject, active=active, detail=detail)

    def _drain(self) -> None:
        """What was received before the stop is journalled, not acknowledged twice: nothing to lose."""
        ingest = self._config.ingest
        while items := self._intake.next_group(ingest.max_group_packets, ingest.max_group_bytes, 0.0):
            self._core.turn(items, self._waiting_asks())
        self._core.settle()

    def _waiting_asks(self) -> list[Ask]:
        return [self._asks.get() for _ in range(self._asks.qsize())]

    def _command(self, request: dict[str, Any]) -> dict[str, Any]:
        deadline_s = float(request.get("deadline_s", 5.0))
        answered: queue.SimpleQueue[CommandEvent] = queue.SimpleQueue()
        fields = {
            "id": str(request.get("id") or new_id()),
            "action": str(request["action"]),
            "args": dict(request.get("args", {})),
            "actor": str(request["actor"]),
            "role": str(request["role"]),
            "organisation": str(request.get("organisation", "")),
            "deadline_ns": self._clock.wall_ns() + round(deadline_s * 1e9),
            "source": str(request.get("source", "")),
        }
        self._asks.put(Ask(fields, answered.put))
        self._intake.wake()
        try:
            event = answered.get(timeout=deadline_s)
        except queue.Empty:
            return {
                "accepted": False,
                "reason_en": "not confirmed in time: look at the alarm before you repeat it; "
                "a command that was not journalled by now is refused",
                "reason_zh": "未在时限内确认: 重复操作前请查看该报警; 此刻尚未记录的命令将被拒绝",
            }
        return {
            "accepted": event.accepted,
            "reason_en": event.reason_en,
            "reason_zh": event.reason_zh,
            "event": event.id,
        }

    def _tell_health(self, status: dict[str, Any], now: int) -> None:
        if now - self._last_health_ns < HEALTH_NS:
            return
        self._last_health_ns = now
        figures = {name: float(status[name]) for name in HEALTH}
        figures |= {f"count_{k}": float(v) for k, v in status["counts"].items() if isinstance(v, int)}
        figures["rejected"] = float(sum(status["counts"]["rejected"].values()))
        figures["link_up"] = float(status["link_up"])
        self._live.send(["health", self._clock.wall_ns(), figures])

    def _prepare(self, wanted: Wanted) -> Prepared:
        return self._core.monitor.roster.prepare(wanted.devices, wanted.profiles, wanted.suppressing)

    def _take(self, read: Read) -> dict[str, Any]:
        prepared, read.prepared = read.prepared, None  # nobody else is to hold it
        if prepared is None:
            problems = "\n".join(read.problems)
            self._log.error("new configuration refused, the old one stays in force", problems=problems)
            self._core.note("config_refused", active=True, detail={"problems": problems})
            return {"accepted": False, "reason_en": problems, "reason_zh": problems}
        changed = self._core.put(prepared)
        self._admitting.of(self._core.monitor.roster, self._receiver)
        self._work(give_back)
        self._core.note("config_refused", active=False)
        self._log.info("configuration reloaded", changed=changed)
        return {"accepted": True, "changed": changed, "devices": len(prepared.roster.index)}

    def _stop(self, *_signal: object) -> None:
        self._stopping.set()
        self._intake.wake()
