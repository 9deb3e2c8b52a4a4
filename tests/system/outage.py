"""``make outage MINUTES=``: the time series database and a webhook are away for minutes, and come back.

    python -m tests.system.outage --minutes 5       # writes reports/outage.json

A real ``riskgate run`` between a real mosquitto and a real influxd, about 100 readings a second, alarms
raised and cleared all the time. The database is stopped; the webhook refuses connections and hangs, in turn;
a second webhook stays. Measured: what is missing, twice or out of order after everything came back, and how
much later PUBACKs and the healthy webhook were meanwhile than before. Latencies are compared within one run.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import Counter
from pathlib import Path
from subprocess import Popen

from gateway.alarms.events import AlarmEvent
from gateway.ledger import LedgerReader
from gateway.paths import DataFolder
from gateway.verify import verify
from tests.support.gateway import Gateway, webhook_table
from tests.support.influxd import Influxd
from tests.support.mosquitto import Broker
from tests.support.proxy import Proxy
from tests.support.publisher import Publisher, published
from tests.support.report import write
from tests.support.wait import until
from tests.system._outage_account import Account, Reading
from tests.system._outage_report import Measured, rows
from tests.system._outage_stand import DEVICES, Clocked, Hook, Traffic

SLICES = 4
"""The webhook refuses, hangs, refuses, hangs."""
DRAIN_MAX_S = 300.0


def run(away_s: float, baseline_s: float) -> Measured:
    """Baseline, outage, return; everything drained, stopped and read back."""
    clocked = Clocked()
    with (
        tempfile.TemporaryDirectory(prefix="riskgate-outage-") as name,
        Broker() as broker,
        Proxy(broker.port, clocked.connection) as proxy,
        Influxd() as influx,
        Hook() as hook,
        Hook() as steady,
    ):
        folder = Path(name)
        log = folder / "published.jsonl"
        fleet = [("acme", "plant", "hall", f"GD-{n}", "gas/combustible_point") for n in range(DEVICES)]
        with Gateway(folder, proxy.port, fleet) as gateway, Publisher(broker.port, log) as publisher:
            gateway.configure(sinks=_sinks(influx, hook, steady))
            process = gateway.start("run")
            gateway.connected()
            traffic = Traffic(publisher)
            traffic.start()
            until(lambda: len(steady.receipts) >= DEVICES, 60, "alarms at the webhook")  # it is warm now
            begun = time.time_ns()
            _pass(baseline_s, process, gateway)
            gone = time.time_ns()
            unanswered = _outage(away_s, influx, hook, process, gateway)
            back = time.time_ns()
            before = _alarms(gateway.data)
            measured = Measured(
                Account(Counter(), Counter(), [], {}, Counter()), (begun, gone), (gone, back), clocked.samples
            )
            measured.unanswered = unanswered
            _drain(measured, gateway, influx, hook, before)
            _pass(min(5.0, baseline_s), process, gateway)
            traffic.stop()
            gateway.has_all_of(publisher)
            gateway.drained(120)
            measured.exit_status = gateway.stop(process)
            measured.wrong = hook.wrong + steady.wrong
            measured.account = Account(
                _expected(log),
                _stored(influx),
                _alarms(gateway.data),
                {"hook": hook.receipts, "steady": steady.receipts},
                Counter(row["event"] for row in influx.rows("SELECT event FROM alarm")),
            )
        _verify(measured, gateway.data, log)
    return measured


def _sinks(influx: Influxd, hook: Hook, steady: Hook) -> str:
    table = f'[sinks.influx]\nkind = "influxdb"\nurl = "{influx.url}"\napi = "v1"\n'
    table += f'database = "{influx.database}"\n'
    return table + webhook_table("hook", hook.port) + webhook_table("steady", steady.port)


def _pass(seconds: float, process: Popen[bytes], gateway: Gateway) -> None:
    """Let time pass while the gateway runs."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        assert process.poll() is None, f"riskgate run ended: {gateway.log()}"
        time.sleep(min(0.2, left))


def _outage(away_s: float, influx: Influxd, hook: Hook, process: Popen[bytes], gateway: Gateway) -> int:
    """Both away; returns how many requests hung. The slices start on time, however long stopping takes, but
    one in which requests hang is not over before one does."""
    begun, unanswered = time.monotonic(), 0
    influx.stop()
    for number in range(SLICES):
        if number % 2:
            hook.hang()
        else:
            hook.refuse()
        _pass(begun + away_s * (number + 1) / SLICES - time.monotonic(), process, gateway)
        if number % 2:  # in a short outage the next try may be due later than the slice is long
            until(lambda: hook.hung() > 0, 30, f"a request that hangs; {gateway.delivery()}")
            unanswered += hook.hung()
    return unanswered


def _drain(
    measured: Measured, gateway: Gateway, influx: Influxd, hook: Hook, before: list[AlarmEvent]
) -> None:
    """Both back; how long until they have all that was there at that moment."""
    core = gateway.status()
    delivery = gateway.delivery()
    assert core is not None
    assert delivery is not None
    waiting = {event.id for event in before} - hook.receipts.keys()
    readings = delivery["sinks"]["influx"]["lanes"]["readings"]
    measured.backlog_events = len(waiting)
    measured.backlog_positions = core["position"] - readings["cursor"]
    begun = time.monotonic()
    hook.back()
    influx.start()

    def drained() -> bool:
        time.sleep(0.1)
        told = gateway.delivery()
        if told is None:
            return False
        lanes = told["sinks"]["influx"]["lanes"]
        there = lanes["readings"]["cursor"] >= core["position"]
        there &= lanes["events"]["cursor"] >= core["ledger_seq"]
        measured.catch_ups = lanes["readings"]["catch_ups"]
        if there and not measured.influx_s:
            measured.influx_s = time.monotonic() - begun
        if waiting <= hook.receipts.keys() and not measured.hook_s:
            measured.hook_s = time.monotonic() - begun
        return bool(measured.influx_s and measured.hook_s)

    until(drained, DRAIN_MAX_S, f"drained sinks: {gateway.delivery()}")


def _expected(log: Path) -> Counter[Reading]:
    found: Counter[Reading] = Counter()
    for topic, payload in published(log):
        device, channel = topic.split("/")[3:]
        reading = json.loads(payload)
        found[(device, channel, reading["time_ms"] * 1_000_000, reading["value"], 0)] += 1
    return found


def _stored(influx: Influxd) -> Counter[Reading]:
    rows = influx.rows("SELECT value, quality FROM reading GROUP BY device, channel")
    return Counter((r["device"], r["channel"], r["time"], r["value"], r["quality"]) for r in rows)


def _alarms(data: DataFolder) -> list[AlarmEvent]:
    """What a webhook with the default filters takes, in order."""
    ledger, seq = LedgerReader(data.ledger), 0
    events: list[AlarmEvent] = []
    while page := ledger.events_after(seq):
        seq = page[-1][0]
        events += [e for _, e in page if isinstance(e, AlarmEvent) and e.priority <= 4]
    return events


def _verify(measured: Measured, data: DataFolder, log: Path) -> None:
    report = verify(data, log)
    measured.checks = len(report.checks)
    measured.failed = [f"{i} {what}: {figures}" for i, what, held, figures in report.checks if not held]
    if measured.exit_status:
        measured.failed.append(f"a clean stop ended with {measured.exit_status}")
    forged = log.with_name("forged.jsonl")
    line = {"topic": "rg/acme/plant/GD-0/lel", "payload": '{"never": "sent"}', "ack_ns": 0}
    forged.write_text(log.read_text() + json.dumps(line) + "\n")
    measured.forged_found = not verify(data, forged).ok


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=5.0)
    chosen = parser.parse_args()
    away_s = chosen.minutes * 60
    return 0 if write("outage", rows(run(away_s, max(20.0, away_s / 10)))) else 1


if __name__ == "__main__":
    raise SystemExit(main())
