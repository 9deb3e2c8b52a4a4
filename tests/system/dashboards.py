"""make dashboards: every query of every committed Grafana dashboard, against a real InfluxDB that simulated
plants of every kind filled through a real broker and the gateway.

Each panel must give at least one series with a value; every measurement, tag and field that a query names
must exist; ids, uids, places and data sources must be sound. Grafana itself is not started.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
import tomllib
from pathlib import Path
from typing import Any

from gateway.commands import ask as ask_core
from gateway.ledger import LedgerReader
from simulators._scenario import shipped
from tests.support.gateway import Gateway
from tests.support.influxd import Influxd
from tests.support.mosquitto import Broker
from tests.support.report import Row, write
from tests.support.wait import until
from tests.system import _dashboard_queries as dashboards
from tests.system._dashboard_queries import Asked

PASSWORD = "dashboards-secret"
BAD = "sensor_fault"
"""A fault that every plant can have, and every family's dashboard shows."""
BEGIN = [0.05, 0.3]
"""When faults begin: shares of the run."""


def scenario() -> str:
    """The shipped city, small: a plant for every fault of a group and one without any, faults early, one
    sensor at fault in each group."""
    groups: list[dict[str, Any]] = tomllib.loads(shipped())["group"]
    lines, total = [], 0
    for group in groups:
        faults = [{"kind": BAD, "count": 1, "at": BEGIN}]
        faults += [{**f, "count": 1, "at": BEGIN} for f in group.get("fault", []) if f["kind"] != BAD]
        share = group.get("per_plant", 1) * (len(faults) + 1)
        total += share
        lines += ["[[group]]", *_lines({**group, "share": share})]
        for fault in faults:
            lines += ["[[group.fault]]", *_lines(fault)]
    return "\n".join([f'title = "every plant"\ndevices = {total}', *lines]) + "\n"


def _lines(table: dict[str, Any]) -> list[str]:
    return [f"{key} = {json.dumps(value)}" for key, value in table.items() if key != "fault"]


def fill(folder: Path, influx: Influxd, seconds: float) -> None:
    """Run the plants into the gateway for so many seconds, acknowledge one alarm, wait for the database."""
    plants, fleet = folder / "plants.toml", folder / "fleet.csv"
    plants.write_text(scenario(), encoding="utf-8")
    common = ["simulate", "city", "--scenario", str(plants), "--for", str(seconds)]
    with Gateway(folder, 1, []) as planner:
        done = planner.run(*common, "--fleet", str(fleet), "--fleet-only")
        assert done.returncode == 0, done.stderr
    rows = [row.split(",") for row in fleet.read_text().splitlines()[1:]]
    users = dict.fromkeys(sorted({row[0] for row in rows}), PASSWORD)
    credentials = folder / "credentials"
    credentials.write_text("".join(f"{name}:{word}\n" for name, word in users.items()))
    with Broker(users=users) as broker, Gateway(folder, broker.port, [tuple(row) for row in rows]) as gateway:
        sink = f'kind = "influxdb"\nurl = "{influx.url}"\napi = "v1"\ndatabase = "{influx.database}"'
        gateway.configure(sinks=f"[sinks.influx]\n{sink}")
        process = gateway.start("run")
        gateway.connected(180.0)
        city = gateway.start(*common, "--credentials", str(credentials))
        until(lambda: bool(LedgerReader(gateway.data.ledger).open_alarms(1)), seconds + 60, "an open alarm")
        (_, alarm), *_ = LedgerReader(gateway.data.ledger).open_alarms(1)
        command = {"op": "command", "action": "acknowledge", "actor": "dashboards", "role": "operator"}
        aim = {"alarm": alarm.alarm, "occurrence": alarm.occurrence}
        assert ask_core(gateway.data.core_socket, {**command, "args": aim})["accepted"]
        _refuse_a_fleet(gateway)
        assert city.wait(seconds + 120) == 0, gateway.log()
        gateway.drained(120.0)
        assert gateway.stop(process) == 0, gateway.log()


def _refuse_a_fleet(gateway: Gateway) -> None:
    """A wrong line in the fleet list, then the right ones again: a system alarm that comes and goes."""
    fleet = gateway.folder / "fleet.csv"
    good = fleet.read_text()
    for text, taken in ((f"{good}wrong,line\n", False), (good, True)):
        fleet.write_text(text)
        assert ask_core(gateway.data.core_socket, {"op": "reload"}, 30.0)["accepted"] is taken


def rows(asked: list[Asked], faults: list[str], unknown: list[str], boards: int) -> list[Row]:
    """The report."""
    empty = [one for one in asked if not one.series]
    for one in empty:
        print("EMPTY", one.board, "|", one.panel, one.ref, "|", one.query)
    for text in (*faults, *unknown):
        print("FAILED", text)
    panels = {(one.board, one.panel) for one in asked}
    least = min(one.series for one in asked)
    return [
        Row.judged("dashboards.boards", "dashboards", boards, "boards", "== 9"),
        Row.judged("dashboards.queries", "queries of all panels, variables and annotations", len(asked),
                   "queries", "> 0", note=f"{len(panels)} panels"),
        Row.judged("dashboards.series", "fewest series that a query gave", least, "series", ">= 1",
                   note=f"{len(empty)} queries gave none"),
        Row.judged("dashboards.names", "measurements, tags or fields that the database does not know",
                   len(unknown), "names", "== 0"),
        Row.judged("dashboards.faults", "ids, uids, places or data sources that are wrong", len(faults),
                   "faults", "== 0"),
    ]  # fmt: skip


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=150.0)
    chosen = parser.parse_args()
    began = time.monotonic()
    asked: list[Asked] = []
    faults: list[str] = []
    unknown: list[str] = []
    with tempfile.TemporaryDirectory(prefix="riskgate-dashboards-") as folder, Influxd() as influx:
        fill(Path(folder), influx, chosen.seconds)
        known = dashboards.names(influx)
        for file in dashboards.FILES:
            board = dashboards.read(file)
            asked += dashboards.ask(influx, file.stem, board)
            faults += [f"{file.name}: {fault}" for fault in dashboards.faults(board)]
        unknown = sorted(
            {f"{one.board} {name}" for one in asked for name in dashboards.unknown(one.query, known)}
        )
    print(f"{time.monotonic() - began:.0f} s")
    return 0 if write("dashboards", rows(asked, faults, unknown, len(dashboards.FILES))) else 1


if __name__ == "__main__":
    sys.exit(main())
