"""``riskgate devices`` without a core: whole or not at all, nobody leaves unsaid, the old list is kept."""

from __future__ import annotations

import fcntl
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from gateway.config import Config, load
from gateway.devices_command import Difference, Left, adopt, import_list, retire
from gateway.devices_look import Which, listing, show
from gateway.errors import ConfigError, RiskgateError
from gateway.fleet import read_list, read_profiles
from gateway.monitor.channels import Device
from gateway.paths import DataFolder

TODAY = date(2026, 11, 25)
HEADER = "enterprise,county,site,asset,device,profile,expires,overrides\n"
ONE = "acme,north,p1,tanks,GD-1,gas/combustible_point,2026-01-01,lel:HH=40\n"
TWO = "acme,south,p2,hall,GD-2,pipeline/rtu,,\n"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    (tmp_path / "riskgate.toml").write_text('fleet = "fleet.csv"\n')
    return load(tmp_path / "riskgate.toml", {})


@pytest.fixture
def give(config: Config, tmp_path: Path) -> Callable[..., Difference]:
    def one(text: str, left: Left | None = None) -> Difference:
        (tmp_path / "new.csv").write_text(HEADER + text)
        return import_list(config, DataFolder(tmp_path / "data"), tmp_path / "new.csv", left or Left(), TODAY)

    return one


def test_the_difference_is_told_and_the_list_before_is_kept(
    config: Config, give: Callable[..., Difference]
) -> None:
    first = give(ONE)
    assert (first.added, first.changed, first.retired) == (["acme/p1/GD-1"], [], [])
    assert first.expired == ["acme/p1/GD-1"]
    before = config.fleet.read_bytes()
    second = give(ONE.replace("HH=40", "HH=45") + TWO)
    assert (second.added, second.changed) == (["acme/p2/GD-2"], ["acme/p1/GD-1"])
    assert "no core runs" in second.core
    assert config.fleet.with_name("fleet.csv.old").read_bytes() == before
    assert give(ONE.replace("HH=40", "HH=45") + TWO).changed == []
    assert config.fleet.with_name("fleet.csv.old").read_bytes() == before, "the same again changes nothing"


def test_one_mistake_among_many_rows_imports_nothing(config: Config, give: Callable[..., Difference]) -> None:
    give(ONE)
    before = config.fleet.read_bytes()
    with pytest.raises(ConfigError) as caught:
        give(ONE + TWO + TWO.replace("GD-2", "GD 3") + TWO)
    assert [p.partition("new.csv: ")[2][:22] for p in caught.value.problems] == [
        "line 4, column device:",
        "line 5, column device:",
    ]
    assert config.fleet.read_bytes() == before
    assert sorted(p.name for p in config.fleet.parent.glob("*fleet*")) == [".fleet.csv.lock", "fleet.csv"]


def test_nobody_leaves_the_fleet_unsaid(config: Config, give: Callable[..., Difference]) -> None:
    give(ONE + TWO)
    with pytest.raises(ConfigError, match="leaves out acme/p2/GD-2, which is in the fleet"):
        give(ONE)
    assert give(ONE, Left(keep=True)).devices == 2
    gone = give(ONE, Left(retire=True))
    assert (gone.retired, gone.devices) == (["acme/p2/GD-2"], 1)
    kept = read_list(config.fleet, read_profiles([])).retired["acme/p2/GD-2"]
    assert (kept.on, kept.reason) == ("2026-11-25", "left out of new.csv")
    give(ONE)
    assert "acme/p2/GD-2" in read_list(config.fleet, read_profiles([])).retired, "history stays"
    assert any("was retired on 2026-11-25: it is back" in w for w in give(ONE + TWO).warnings)


def test_a_broken_fleet_is_replaced_only_if_said(config: Config, give: Callable[..., Difference]) -> None:
    config.fleet.write_text("nonsense")
    with pytest.raises(ConfigError, match="the fleet in force is wrong"):
        give(ONE)
    assert give(ONE, Left(retire=True)).devices == 1


def test_one_change_at_a_time(config: Config, give: Callable[..., Difference]) -> None:
    with (config.fleet.parent / ".fleet.csv.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(RiskgateError, match="another command changes it right now"):
            give(ONE)
    assert give(ONE).devices == 1


def test_adopt_and_retire(config: Config, give: Callable[..., Difference], tmp_path: Path) -> None:
    give(ONE)
    data = DataFolder(tmp_path / "data")
    new = Device("acme", "p2", "hall", "GD-9", "gas/combustible_point", "north")
    with pytest.raises(RiskgateError, match="not among the unknown speakers"):
        adopt(config, data, new, [], TODAY)
    assert adopt(config, data, new, ["acme/p2/GD-9"], TODAY).added == ["acme/p2/GD-9"]
    with pytest.raises(RiskgateError, match="is in the fleet already"):
        adopt(config, data, new, None, TODAY)
    with pytest.raises(RiskgateError, match="2026-11-26 lies in the future"):
        retire(config, data, "acme/p2/GD-9", date(2026, 11, 26), "sold", TODAY)
    assert retire(config, data, "acme/p2/GD-9", TODAY, "sold", TODAY).retired == ["acme/p2/GD-9"]
    with pytest.raises(RiskgateError, match="was retired on 2026-11-25"):
        retire(config, data, "acme/p2/GD-9", TODAY, "sold", TODAY)
    with pytest.raises(RiskgateError, match="was retired on 2026-11-25; empty its retired cells"):
        adopt(config, data, new, None, TODAY)
    with pytest.raises(RiskgateError, match="profile 'gas/x' is not known"):
        adopt(config, data, Device("a", "b", "c", "d", "gas/x"), None, TODAY)


def test_two_devices_at_one_vendor_topic_are_told_at_import(
    config: Config, give: Callable[..., Difference], tmp_path: Path
) -> None:
    text = read_profiles([])["gas/vendor_mapped"]
    folder = tmp_path / "own"
    (folder / "gas").mkdir(parents=True)
    (folder / "gas" / "maker.toml").write_text(
        f'{text}\n[[topic]]\npattern = "maker/{{device}}"\nstream = "up"\n'
    )
    own = config.model_copy(update={"profiles": [folder]})
    data = DataFolder(tmp_path / "data")
    file = tmp_path / "new.csv"
    rows = "enterprise,site,asset,device,profile\nacme,p1,a,M-1,gas/maker\n"
    file.write_text(rows + "beta,p2,b,M-1,gas/maker\n")
    told = "line 3, column device: publishes at maker/M-1, as acme/p1/M-1 does; name"
    with pytest.raises(ConfigError, match=told):
        import_list(own, data, file, Left(), TODAY)
    file.write_text(rows)
    import_list(own, data, file, Left(), TODAY)
    heard = ["?/?/M-1", "?/?/M-2"]
    with pytest.raises(ConfigError, match="as acme/p1/M-1 does"):
        adopt(own, data, Device("beta", "p2", "b", "M-1", "gas/maker"), heard, TODAY)
    assert adopt(own, data, Device("beta", "p2", "b", "M-2", "gas/maker"), heard, TODAY).devices == 2


@pytest.mark.parametrize(
    ("which", "names"),
    [
        (Which(), ["GD-1", "GD-2", "GD-3"]),
        (Which(county="south"), ["GD-2"]),
        (Which(profile="gas"), ["GD-1", "GD-3"]),
        (Which(profile="pipeline/rtu", site="p2"), ["GD-2"]),
        (Which(state="expired"), ["GD-1"]),
        (Which(state="retired"), ["GD-3"]),
        (Which(enterprise="other"), []),
    ],
)
def test_the_list_and_its_filters(
    config: Config, give: Callable[..., Difference], tmp_path: Path, which: Which, names: list[str]
) -> None:
    give(ONE + TWO + ONE.replace("GD-1", "GD-3"))
    retire(config, DataFolder(tmp_path / "data"), "acme/p1/GD-3", TODAY, "sold", TODAY)
    rows, total = listing(config, which, TODAY, 100)
    assert [row[0].rpartition("/")[2] for row in rows[1:]] == names
    assert total == len(names)
    assert len(listing(config, which, TODAY, 1)[0]) == min(total, 1) + bool(total)


def test_one_device_with_its_limits_in_force(
    config: Config, give: Callable[..., Difference], tmp_path: Path
) -> None:
    give(ONE + TWO)
    tables = dict(show(config, DataFolder(tmp_path / "data"), "acme/p1/GD-1", TODAY))
    facts = dict(row for row in tables["Device acme/p1/GD-1"])
    assert (facts["state"], facts["expires"], facts["county"]) == ("expired", "2026-01-01", "north")
    assert ("lel", "HH", "40", "50", "%LEL", "1", "0 / 5", 1, "yes") in tables["Limits in force"]
    assert tables["Last values"] == []
    with pytest.raises(RiskgateError, match="did you mean acme/p1/GD-1"):
        show(config, DataFolder(tmp_path / "data"), "acme/p1/GD-l", TODAY)
