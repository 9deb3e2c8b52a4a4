"""Other profiles, and this version's behaviour, tried on a recording: differences, and nothing touched."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from gateway import cli
from gateway.alarms.events import AlarmEvent
from gateway.backtest import in_force
from gateway.backtest.what_if import read_other_profiles, with_profiles, with_this_behaviour
from gateway.chain import GENESIS
from gateway.errors import ConfigError
from gateway.ledger import Ledger, LedgerReader
from gateway.monitor.channels import Setpoint
from gateway.monitor.roster import MonitorConfig
from gateway.paths import DataFolder
from gateway.verify.replaying import events_of
from tests.backtest.test_backtest import FORCE, PROFILES, live, raised
from tests.support.make_data import FLEET

GAS = "gas/combustible_point"


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> DataFolder:
    return live(tmp_path_factory.mktemp("old") / "data")


def written(folder: Path, text: str, name: str = GAS) -> Path:
    path = folder / f"{name}.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def looser() -> str:
    return (
        PROFILES[GAS]
        .replace("setpoint = 50\n", "setpoint = 65\n")
        .replace("setpoint = 25\n", "setpoint = 35\n")
    )


def test_another_profile_is_what_a_core_gives_that_had_it(recording: DataFolder, tmp_path: Path) -> None:
    told = with_profiles(recording, read_other_profiles(written(tmp_path, looser()), in_force(recording)))
    old, new = raised(recording), raised(live(tmp_path / "new", profiles={**PROFILES, GAS: looser()}))
    assert told.removed > 0
    assert told.added - told.removed == sum(new.values()) - sum(old.values())
    assert (told.changed, told.devices) == (2, 2), "the pipeline is not stepped"


def test_a_folder_of_profiles_by_the_command_line_touches_nothing(
    recording: DataFolder, tmp_path: Path
) -> None:
    def files() -> dict[str, bytes]:
        return {str(p): p.read_bytes() for p in [*recording.journal.glob("*.db"), recording.ledger]}

    file = written(tmp_path, looser())
    before = files()
    outputs = [
        CliRunner().invoke(cli.app, ["--data", str(recording.root), "replay", "--what-if", str(what)])
        for what in (file, tmp_path)
    ]
    assert [ran.exit_code for ran in outputs] == [0, 0]
    assert outputs[0].stdout == outputs[1].stdout
    assert "profiles gas/combustible_point" in outputs[0].stdout
    assert files() == before


def test_this_behaviour_beside_the_ledgers(recording: DataFolder, tmp_path: Path) -> None:
    told = with_this_behaviour(recording)
    assert (told.added, told.removed, told.moved) == (0, 0, 0)
    assert told.before == told.after == sum(raised(recording).values())
    # a ledger of a version that knew no HH: what this one adds is told
    older = DataFolder(tmp_path)
    older.create()
    for path in recording.journal.glob("*.db*"):
        (older.journal / path.name).write_bytes(path.read_bytes())
    ledger, reader = Ledger(older.ledger), LedgerReader(recording.ledger)
    kept = [e for _, e in events_of(reader) if not (isinstance(e, AlarmEvent) and e.condition == "HH")]
    for position, events in groupby(kept, lambda event: int(event.id.split("-")[1])):
        ledger.record([(position, list(events))], GENESIS)
    ledger.close()
    again = with_this_behaviour(older)
    hh = sum(count for name, count in raised(recording).items() if name.endswith(":HH"))
    assert (again.added, again.removed) == (hh, 0)
    ran = CliRunner().invoke(cli.app, ["--data", str(older.root), "replay", "--what-if", "behaviour"])
    assert f"+{hh} / -0 alarms" in ran.stdout


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1", "is not a key of a profile"),
        ("[profile", "TOML"),
        (PROFILES[GAS], "no device in force follows a profile that differs"),
    ],
)
def test_profiles_that_are_none_are_refused_with_their_file(text: str, said: str, tmp_path: Path) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ConfigError, match=said) as caught:
        read_other_profiles(path, FORCE)
    assert str(path) in str(caught.value)
    with pytest.raises(ConfigError, match="give a file or a folder"):
        read_other_profiles(tmp_path / "gas", FORCE)


def test_a_profile_that_a_devices_own_settings_do_not_fit_is_refused(tmp_path: Path) -> None:
    own = msgspec.structs.replace(FLEET[0], overrides=(Setpoint("lel", "H", 40.0),))
    text = PROFILES[GAS].replace("setpoint = 50\n", "setpoint = 30\n")
    with pytest.raises(ConfigError, match="acme/plant/GD-1"):
        read_other_profiles(written(tmp_path, text), MonitorConfig([own], PROFILES))
