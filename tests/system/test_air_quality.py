"""A year of field readings through real mosquitto, InfluxDB 1 and VictoriaMetrics, against an independent
computation from the file: every good reading, every missing one, every alarm."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from gateway.alarms.events import AlarmEvent
from gateway.ledger import LedgerReader
from gateway.verify import verify
from tests.support import air_quality_expected as expected
from tests.support.gateway import Gateway
from tests.support.influxd import Influxd
from tests.support.mosquitto import DEVICE_PASSWORD, Broker
from tests.support.victoria import Victoria

ROOT = Path(__file__).resolve().parents[2]
FILE = (
    Path(os.environ.get("RISKGATE_DATA", ROOT.parent / "shared" / "data")) / "air_quality" / "AirQuality.csv"
)
PROFILE = ROOT / "device_profiles" / "gas" / "air_quality_station.toml"
DEVICE = "demo/field/AQ-1"

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(
        not FILE.exists(),
        reason=f"{FILE.name} (UCI Air Quality, CC BY 4.0) is not here: set RISKGATE_DATA to the data folder",
    ),
]


class Run:
    """What the one run left behind."""

    def __init__(self, gateway: Gateway, influx: Influxd, victoria: Victoria, folder: Path) -> None:
        self.gateway = gateway
        self.influx = influx
        self.victoria = victoria
        self.published = folder / "published.jsonl"
        self.counts = (gateway.status() or {})["counts"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    folder = tmp_path_factory.mktemp("air")
    (folder / "device-password").write_text(DEVICE_PASSWORD + "\n")
    with ExitStack() as stack:
        influx, victoria = stack.enter_context(Influxd()), stack.enter_context(Victoria())
        broker = stack.enter_context(Broker(users={DEVICE: DEVICE_PASSWORD}))
        fleet = [("demo", "field", "station", "AQ-1", "gas/air_quality_station")]
        gateway = stack.enter_context(Gateway(folder, broker.port, fleet))
        (folder / "token").write_text("any\n")
        gateway.configure(
            extra='clock = "stream"\nexercise_sinks = true',
            sinks=f"""
[sinks.influx]
kind = "influxdb"
api = "v1"
url = "{influx.url}"
database = "{influx.database}"
[sinks.victoria]
kind = "influxdb"
api = "v2"
url = "{victoria.url}"
org = "acme"
bucket = "riskgate"
token_file = "token"
""",
        )
        process = gateway.start("run")
        gateway.connected()
        done = gateway.run(
            *("simulate", "air-quality", str(FILE), "--speed", "0", "--device", DEVICE),
            *("--password-file", str(folder / "device-password")),
            *("--published", str(folder / "published.jsonl")),
        )
        assert done.returncode == 0, done.stderr + done.stdout
        gateway.taken(len((folder / "published.jsonl").read_text().splitlines()))
        gateway.drained()
        result = Run(gateway, influx, victoria, folder)
        assert gateway.stop(process) == 0, gateway.log()
        yield result


def test_every_reading_is_counted_good_or_missing(run: Run) -> None:
    counts = expected.expected_counts(FILE, PROFILE)
    bad = sum(c["bad"] for c in counts.values())
    total = sum(sum(c.values()) for c in counts.values())
    assert bad > 10_000, "the recording has thousands of -200"
    assert (run.counts["effective"], run.counts["bad"]) == (total, bad)
    assert run.counts["late"] == run.counts["suspect"] == run.counts["duplicates"] == 0
    assert run.counts["rejected"] == run.counts["refused"] == {}


def test_influxdb_holds_every_good_reading_exactly_once(run: Run) -> None:
    wanted = {c: n["good"] for c, n in expected.expected_counts(FILE, PROFILE).items() if n["good"]}
    rows = run.influx.rows("SELECT count(value) FROM reading WHERE quality = 0 GROUP BY channel")
    assert {r["channel"]: r["count"] for r in rows} == wanted
    bad = {c: n["bad"] for c, n in expected.expected_counts(FILE, PROFILE).items() if n["bad"]}
    rows = run.influx.rows("SELECT count(quality) FROM reading WHERE quality = 2 GROUP BY channel")
    assert {r["channel"]: r["count"] for r in rows} == bad


def test_influxdb_holds_the_files_values_at_the_shifted_times(run: Run) -> None:
    shift = shift_of(run)
    rows = run.influx.rows("SELECT value FROM reading WHERE channel = 'no2' AND quality = 0")
    stored = {(row["time"], row["value"]) for row in rows}
    points = {
        (at * 1_000_000 + shift, row["no2"]) for at, row in expected.readings(FILE) if row["no2"] != -200
    }
    assert stored == points


def test_victoriametrics_holds_every_good_reading_at_least_once(run: Run) -> None:
    wanted = {c: n["good"] for c, n in expected.expected_counts(FILE, PROFILE).items() if n["good"]}
    found: Counter[str] = Counter()
    for series in run.victoria.export('{__name__="reading_value"}'):
        found[series["metric"]["channel"]] += len(set(series["timestamps"]))
    missing = {c: n - found[c] for c, n in wanted.items() if found[c] < n}
    assert missing == {}


def test_alarms_equal_the_independent_computation(run: Run) -> None:
    shift = shift_of(run)
    wanted = expected.expected_alarms(FILE, PROFILE, shift) + expected.expected_device_alarms(
        FILE, PROFILE, shift
    )
    told = [
        (e.channel, e.condition, "raised" if e.cause == "re_raised" else e.cause, e.event_ns)
        for e in alarm_events(run)
        if e.channel and e.condition not in {"silent", "never_seen"}
    ]
    assert len(wanted) > 100
    assert sorted(told) == sorted(tuple(w) for w in wanted)


def test_the_run_is_an_exercise_and_verifies(run: Run) -> None:
    assert all("exercise" in e.flags for e in alarm_events(run))
    report = verify(run.gateway.data, run.published)
    assert report.ok, report.rows()


def alarm_events(run: Run) -> list[AlarmEvent]:
    ledger, seq, found = LedgerReader(run.gateway.data.ledger), 0, []
    while page := ledger.events_after(seq):
        seq = page[-1][0]
        found += [event for _, event in page if isinstance(event, AlarmEvent)]
    return found


def shift_of(run: Run) -> int:
    """The one constant by which the recording was moved: its last row is the newest point."""
    newest = run.influx.rows("SELECT last(quality) FROM reading")[0]["time"]
    return int(newest) - max(at for at, _ in expected.readings(FILE)) * 1_000_000
