"""A back-test's +x/-y is what two real cores say that ran the two rule sets on the same recording."""

from __future__ import annotations

import random
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from gateway import cli
from gateway.alarms.events import AlarmEvent, Event
from gateway.backtest import Difference, RuleSet, backtest, in_force, read_rules
from gateway.errors import ConfigError
from gateway.fleet import read_profiles
from gateway.ingest import LinkChange
from gateway.journal import Journal
from gateway.ledger import Ledger, LedgerReader
from gateway.monitor.roster import MonitorConfig
from gateway.paths import DataFolder
from gateway.verify.replaying import events_of
from tests.monitor.world import World
from tests.support.make_data import FLEET, SECOND, Maker

HEAD = 'version = "v2"\nauthor = "li"\nreason = "morning vent"\n'
STRICTER = (
    HEAD
    + """
[[rule]]
device = "acme/plant/GD-1"
channel = "lel"
condition = "HH"
setpoint = 30
[[rule]]
device = "acme/plant/GD-1"
channel = "lel"
condition = "H"
setpoint = 15
"""
)
LOOSER = (
    HEAD
    + """
[[rule]]
profile = "gas/combustible_point"
channel = "lel"
condition = "HH"
setpoint = 70
on_delay_s = 2
"""
)
PROFILES = {k: v for k, v in read_profiles([]).items() if k in {d.profile for d in FLEET}}
FORCE = MonitorConfig(FLEET, PROFILES)


def written(folder: Path, text: str) -> Path:
    path = folder / "rules.toml"
    path.write_text(text)
    return path


def live(
    folder: Path, rules: RuleSet | None = None, seconds: int = 400, profiles: dict[str, str] | None = None
) -> DataFolder:
    """A real core on one recording: three devices, a link loss, a snapshot and a restart's entry between."""
    maker = Maker(folder)
    maker.core.start()
    if rules is not None or profiles is not None:
        devices = FLEET if rules is None else [rules.amended(device) for device in FLEET]
        maker.core.change_config(devices, PROFILES if profiles is None else profiles)
    maker.turn(LinkChange(1, True, False, False, "", maker.clock.mono_ns()))
    chance = random.Random(8)
    level = {"acme/plant/GD-1": 10.0, "acme/plant/GD-2": 10.0}
    for second in range(seconds):
        packets = []
        for device, value in level.items():
            level[device] = min(95.0, max(0.0, value * 0.97 + chance.gauss(0.9, 8.0)))
            packets.append(maker.reading(round(level[device], 1), device))
        packets.append(maker.reading(12.0 + chance.random() * 9, "acme/line/RTU-1", "pressure"))
        if second == 150:
            maker.turn(LinkChange(2, False, False, False, "cable", maker.clock.mono_ns()))
            maker.turn(LinkChange(3, True, True, True, "", maker.clock.mono_ns()))
        if second == 200:
            maker.core.stop()  # a snapshot in the middle
        maker.turn(*packets)
    maker.stores.journal.close()
    maker.stores.ledger.close()
    return DataFolder(folder)


def raised(data: DataFolder, since_ns: int = 0) -> dict[str, int]:
    """Alarm -> how often it was raised, by the ledger."""
    found: dict[str, int] = {}
    for _, event in events_of(LedgerReader(data.ledger)):
        if (
            isinstance(event, AlarmEvent)
            and event.cause in {"raised", "re_raised"}
            and event.at_ns >= since_ns
        ):
            found[event.alarm] = found.get(event.alarm, 0) + 1
    return found


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> DataFolder:
    return live(tmp_path_factory.mktemp("old") / "data")


@pytest.mark.parametrize("text", [STRICTER, LOOSER], ids=["stricter", "looser"])
def test_two_cores_on_the_same_recording_confirm_it(text: str, recording: DataFolder, tmp_path: Path) -> None:
    rules = read_rules(written(tmp_path, text), FORCE)
    told = backtest(recording, rules)
    old, new = raised(recording), raised(live(tmp_path / "new", rules))
    assert old != new
    assert told.added + told.removed > 0
    assert told.added - told.removed == sum(new.values()) - sum(old.values())
    by_name = {one.alarm: one for one in told.alarms}
    for alarm in old.keys() | new.keys():
        if alarm in by_name:
            one = by_name[alarm]
            assert (one.before, one.after) == (old.get(alarm, 0), new.get(alarm, 0))
            assert one.after == one.before + one.added - one.removed
        else:
            assert old.get(alarm) == new.get(alarm), f"{alarm} differs live, the back-test says nothing"
    assert told.devices == 2, "the pipeline is not stepped"


def test_a_period_begins_with_a_snapshot_and_counts_only_its_own_alarms(
    recording: DataFolder, tmp_path: Path
) -> None:
    rules = read_rules(written(tmp_path, STRICTER), FORCE)
    times = [e.at_ns for _, e in events_of(LedgerReader(recording.ledger)) if isinstance(e, AlarmEvent)]
    since = max(times) - 60 * SECOND
    whole, part = backtest(recording, rules), backtest(recording, rules, since)
    new = raised(live(tmp_path / "new", rules), since)
    old = raised(recording, since)
    names = {f"acme/plant/GD-1/lel:{limit}" for limit in ("H", "HH")}
    assert part.entries < whole.entries
    assert part.added - part.removed == sum(new.get(n, 0) - old.get(n, 0) for n in names)


def test_rules_that_change_nothing_give_no_difference(recording: DataFolder, tmp_path: Path) -> None:
    same = HEAD + '[[rule]]\ndevice="acme/plant/GD-2"\nchannel="lel"\ncondition="HH"\nsetpoint=50\n'
    told = backtest(recording, read_rules(written(tmp_path, same), FORCE))
    assert (told.added, told.removed, told.moved, told.alarms) == (0, 0, 0, [])
    assert told.before == told.after > 0


def test_with_the_stream_clock_every_device_moves_time(tmp_path: Path) -> None:
    world = World(FLEET, clock="stream")
    for _ in range(30):
        world.every(1, 25.0, 55.0, 20.0, 3.0, 2.0, 1.0)
        world.send(12.0, device="acme/line/RTU-1", channel="pressure")
    data = DataFolder(tmp_path / "data")
    data.create()
    journal, ledger = Journal(data.journal), Ledger(data.ledger)
    journal.append([entry for _, entry in world.journal])
    journal.close()
    ledger.close()
    told = backtest(data, read_rules(written(tmp_path, LOOSER), FORCE))
    raised_live = [
        e for e in world.events if isinstance(e, AlarmEvent) and e.cause in {"raised", "re_raised"}
    ]
    assert told.devices == len(FLEET)
    assert told.before == len(raised_live)
    assert told.removed > 0


def test_what_is_recorded_stays_as_it_is(recording: DataFolder, tmp_path: Path) -> None:
    def files() -> dict[str, bytes]:
        wanted = [*recording.journal.glob("*.db"), recording.ledger, *recording.snapshots.iterdir()]
        return {str(path): path.read_bytes() for path in wanted}

    before = files()
    backtest(recording, read_rules(written(tmp_path, STRICTER), FORCE))
    assert files() == before


def test_a_looser_safety_limit_is_told(recording: DataFolder, tmp_path: Path) -> None:
    told = backtest(recording, read_rules(written(tmp_path, LOOSER), in_force(recording)))
    assert len(told.loosened) >= 2
    assert all("loosens a safety limit" in one for one in told.loosened)
    stricter = read_rules(written(tmp_path, STRICTER), FORCE)
    assert stricter.loosened(FORCE) == []


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (
            'device="acme/plant/GD-8"\nchannel="lel"\ncondition="H"\nsetpoint=9',
            "did you mean 'acme/plant/GD-",
        ),
        ('device="acme/plant/GD-1"\nchannel="lal"\ncondition="H"\nsetpoint=9', "no channel 'lal'"),
        ('device="acme/plant/GD-1"\nchannel="lel"\ncondition="L"\nsetpoint=9', "no limit 'L'"),
        ('device="acme/plant/GD-1"\nchannel="lel"\ncondition="H"\nsetpoint=60', "HH"),
        ('device="acme/plant/GD-1"\nchannel="lel"\ncondition="H"', "changes nothing"),
        ('channel="lel"\ncondition="H"\nsetpoint=9', "both or none"),
        ('profile="gas/none"\nchannel="lel"\ncondition="H"\nsetpoint=9', "no device follows"),
    ],
)
def test_a_wrong_rule_is_found_with_its_place(rule: str, said: str, tmp_path: Path) -> None:
    path = written(tmp_path, f"{HEAD}\n[[rule]]\n{rule}\n")
    with pytest.raises(ConfigError) as caught:
        read_rules(path, FORCE)
    assert f"{path}: line 5: " in str(caught.value)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "text", ["", "x = 1", HEAD, HEAD + "[[rule]]\nlimit = 3", HEAD.replace("li", "") + "[[rule"]
)
def test_a_file_that_is_none_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"rules\.toml: "):
        read_rules(written(tmp_path, text), FORCE)


def test_the_command_line_tells_the_difference(recording: DataFolder, tmp_path: Path) -> None:
    path = written(tmp_path, LOOSER)
    base = ["--data", str(recording.root)]
    ran = CliRunner().invoke(cli.app, [*base, "replay", "--what-if", str(path)])
    assert ran.exit_code == 0
    told = backtest(recording, read_rules(path, FORCE))
    assert f"+{told.added} / -{told.removed} alarms" in ran.stdout
    ran = CliRunner().invoke(cli.app, [*base, "backtest", "--rules", str(path), "--since", "9000d", "--json"])
    assert msgspec.json.decode(ran.stdout, type=Difference).removed == told.removed
    assert CliRunner().invoke(cli.app, [*base, "rules", "check", str(path)]).exit_code == 0


def test_an_example_is_an_alarm_of_one_side_only(recording: DataFolder, tmp_path: Path) -> None:
    told = backtest(recording, read_rules(written(tmp_path, LOOSER), FORCE))
    seen: list[Event] = [e for _, e in events_of(LedgerReader(recording.ledger))]
    there = {(e.alarm, e.at_ns // 1_000_000) for e in seen if isinstance(e, AlarmEvent)}
    gone = [one for one in told.examples if not one.added]
    assert gone
    assert all((one.alarm, one.at_ms) in there for one in gone)
