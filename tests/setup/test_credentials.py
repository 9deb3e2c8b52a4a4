"""mosquitto's password file and access list from a fleet: what is kept, what is private, what is refused."""

from __future__ import annotations

import csv
import hashlib
import os
import stat
import subprocess
from pathlib import Path

import msgspec
import pytest

from device_profiles import parse
from gateway import private_files
from gateway.credentials import (
    COLUMNS,
    LETTERS,
    PASSWORD_LETTERS,
    Credentials,
    Gateway,
    access_list,
    gateway_user,
    hashed,
    user_of,
    verify,
)
from gateway.errors import ConfigError
from gateway.fleet import read_profiles
from gateway.monitor.channels import Device
from tests.support.need import need

GATEWAY = Gateway("riskgate", "the-gateway's")


def device(key: str) -> Device:
    enterprise, site, name = key.split("/")
    return Device(enterprise, site, "tank", name, "gas/combustible_point")


def fleet(*keys: str) -> list[Device]:
    return [device(key) for key in keys]


@pytest.fixture
def made(tmp_path: Path) -> Credentials:
    return Credentials(tmp_path / "credentials", os.urandom)


def lines(made: Credentials) -> dict[str, str]:
    return dict(line.split(":", 1) for line in made.passwords.read_text().splitlines())


def handed_out(made: Credentials, enterprise: str) -> dict[str, str]:
    with (made.handouts / f"{enterprise}.csv").open(newline="") as file:
        return {row["user"]: row["password"] for row in csv.DictReader(file)}


def test_each_device_gets_a_password_that_fits_its_line(made: Credentials) -> None:
    outcome = made.write(fleet("acme/p/A", "acme/p/B", "other/p/A"), GATEWAY)
    assert (len(outcome.made), outcome.kept) == (3, 0)
    told = handed_out(made, "acme") | handed_out(made, "other")
    found = lines(made)
    assert set(found) == {"riskgate", "acme/p/A", "acme/p/B", "other/p/A"}
    assert all(verify(found[user], password) for user, password in told.items())
    assert len(set(told.values())) == 3
    assert all(len(p) == PASSWORD_LETTERS and set(p) <= set(LETTERS) for p in told.values())
    assert verify(found["riskgate"], GATEWAY.password)
    assert not verify(found["acme/p/A"], told["acme/p/B"])
    assert set(handed_out(made, "other")) == {"other/p/A"}  # an enterprise is told of its own only


def test_the_line_is_what_mosquitto_writes_itself(tmp_path: Path) -> None:
    file = tmp_path / "passwd"
    subprocess.run([need("mosquitto_passwd"), "-b", "-c", str(file), "user", "secret"], check=True)
    line = file.read_text().strip().partition(":")[2]
    assert verify(line, "secret")
    assert not verify(line, "secret2")
    assert not verify("$6$salt$hash", "secret")
    assert not verify("", "secret")


def test_a_known_password_hash() -> None:
    """The form against the standard's own function, with nothing of ours in between."""
    line = hashed("pencil", bytes(range(12)))
    assert line.startswith("$7$101$AAECAwQFBgcICQoL$")
    expected = hashlib.pbkdf2_hmac("sha512", b"pencil", bytes(range(12)), 101, 64)
    assert len(expected) == 64
    assert verify(line, "pencil")


def test_who_has_a_password_keeps_it(made: Credentials) -> None:
    made.write(fleet("acme/p/A"), GATEWAY)
    before = lines(made), handed_out(made, "acme")
    outcome = made.write(fleet("acme/p/A", "acme/p/B"), GATEWAY)
    assert (outcome.made, outcome.kept) == (["acme/p/B"], 1)
    after = lines(made), handed_out(made, "acme")
    assert after[0]["acme/p/A"] == before[0]["acme/p/A"]
    assert after[1]["acme/p/A"] == before[1]["acme/p/A"]
    made.handouts.joinpath("acme.csv").unlink()  # handed out and deleted, as told
    assert made.write(fleet("acme/p/A", "acme/p/B"), GATEWAY).made == []
    assert lines(made) == after[0]


def test_rotating_changes_one(made: Credentials) -> None:
    made.write(fleet("acme/p/A", "acme/p/B"), GATEWAY)
    old, old_told = lines(made), handed_out(made, "acme")
    assert made.rotate("acme/p/A") == made.handouts / "acme.csv"
    new, told = lines(made), handed_out(made, "acme")
    assert {user for user in new if new[user] != old[user]} == {"acme/p/A"}
    assert told["acme/p/B"] == old_told["acme/p/B"]
    assert verify(new["acme/p/A"], told["acme/p/A"])
    assert not verify(new["acme/p/A"], old_told["acme/p/A"])


def test_revoked_stays_revoked_until_rotated(made: Credentials) -> None:
    made.write(fleet("acme/p/A", "acme/p/B"), GATEWAY)
    made.revoke("acme/p/A")
    assert "acme/p/A" not in lines(made)
    assert set(handed_out(made, "acme")) == {"acme/p/B"}
    outcome = made.write(fleet("acme/p/A", "acme/p/B"), GATEWAY)
    assert (outcome.made, outcome.kept, outcome.revoked) == ([], 1, ["acme/p/A"])
    assert "acme/p/A" not in lines(made)
    made.rotate("acme/p/A")
    assert verify(lines(made)["acme/p/A"], handed_out(made, "acme")["acme/p/A"])
    assert made.revoked() == set()


@pytest.mark.parametrize("key", ["acme/p/C", "acme", "", "acme/p/A/x"])
def test_a_mistyped_device_is_refused(made: Credentials, key: str) -> None:
    made.write(fleet("acme/p/A"), GATEWAY)
    before = lines(made)
    for change in (made.rotate, made.revoke):
        with pytest.raises(ConfigError):
            change(key)
    assert lines(made) == before
    assert made.revoked() == set()


def test_half_a_fleet_file_silences_nobody_unasked(made: Credentials) -> None:
    made.write(fleet("acme/p/A", "acme/p/B"), GATEWAY)
    outcome = made.write(fleet("acme/p/A"), GATEWAY)
    assert (outcome.gone, outcome.removed) == (["acme/p/B"], [])
    assert "acme/p/B" in lines(made)
    outcome = made.write(fleet("acme/p/A"), GATEWAY, remove_gone=True)
    assert (outcome.gone, outcome.removed) == ([], ["acme/p/B"])
    assert set(lines(made)) == {"acme/p/A", "riskgate"}
    assert set(handed_out(made, "acme")) == {"acme/p/A"}


def test_a_retired_device_loses_its_password_at_once(made: Credentials) -> None:
    made.write(fleet("acme/p/A", "acme/p/B", "acme/p/C:1"), GATEWAY)
    outcome = made.write(fleet("acme/p/A"), GATEWAY, retired=["acme/p/C:1", "acme/p/never"])
    assert (outcome.removed, outcome.gone) == (["acme/p/C~1"], ["acme/p/B"])
    assert set(lines(made)) == {"acme/p/A", "acme/p/B", "riskgate"}


def test_other_users_are_kept_and_told(made: Credentials) -> None:
    made.write(fleet("acme/p/A"), GATEWAY)
    private_files.replace(made.passwords, made.passwords.read_text() + f"acme/p:{hashed('x', b'0' * 12)}\n")
    assert made.write(fleet("acme/p/A"), GATEWAY, remove_gone=True).others == ["acme/p"]
    made.revoke("acme/p")
    assert made.write(fleet("acme/p/A"), GATEWAY).others == []


def test_a_colon_in_an_id_needs_lines_of_its_own(made: Credentials) -> None:
    made.write(fleet("acme/p/A:1", "acme/p/B"), GATEWAY)
    assert user_of("acme/p/A:1") == "acme/p/A~1"
    assert verify(lines(made)["acme/p/A~1"], handed_out(made, "acme")["acme/p/A~1"])
    text = made.acl.read_text()
    assert "user acme/p/A~1\ntopic write rg/acme/p/A:1/#\n" in text
    assert "acme/p/B" not in text


def test_a_vendors_device_may_publish_where_its_profile_says_and_nowhere_else(made: Credentials) -> None:
    text = read_profiles([])["gas/vendor_mapped"]
    text += '[[topic]]\npattern = "v/{enterprise}/dev-{device}/+/{stream}"\n[[topic]]\n'
    text += 'pattern = "w/{device}"\nsite = "q"\nstream = "up"\n'
    profiles = {"gas/v": parse("gas/v", text)}
    devices = [msgspec.structs.replace(d, profile="gas/v") for d in fleet("acme/p/A:1", "acme/q/B")]
    made.write([*devices, device("acme/p/C")], GATEWAY, profiles=profiles)
    written = made.acl.read_text()
    assert "user riskgate\ntopic read rg/#\ntopic read v/+/+/+/+\ntopic read w/+\n" in written
    assert "user acme/p/A~1\ntopic write rg/acme/p/A:1/#\ntopic write v/acme/dev-A:1/+/+\n\n" in written
    assert written.endswith("user acme/q/B\ntopic write v/acme/dev-B/+/+\ntopic write w/B\n")
    assert "acme/p/C" not in written
    with (made.handouts / "acme.csv").open(newline="") as file:
        told = {row["device"]: row["topic"] for row in csv.DictReader(file)}
    assert told["B"] == "v/acme/dev-B/<any>/<any> or w/B"
    assert told["C"] == "rg/acme/p/C/<stream>"


@pytest.mark.parametrize("name", ["acme", "acme/p", "acme/p/A", "a:b", " ", "a\nb"])
def test_a_gateway_name_that_could_speak_for_devices_is_refused(made: Credentials, name: str) -> None:
    with pytest.raises(ConfigError, match="choose another"):
        made.write(fleet("acme/p/A"), Gateway(name, "x"))
    assert not made.passwords.exists()
    assert made.write(fleet("acme/p/A"), Gateway("acm", "x")).made == ["acme/p/A"]


def test_everything_with_a_secret_is_private(made: Credentials) -> None:
    mask = os.umask(0)
    try:
        gateway_user("", "", made)
        made.write(fleet("acme/p/A"), GATEWAY)
        made.revoke("acme/p/A")
        made.rotate("acme/p/A")
    finally:
        os.umask(mask)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in made.folder.rglob("*")}
    assert modes.pop("acl") == 0o644
    assert modes.pop("handout") == 0o700
    assert set(modes) == {"passwd", "acme.csv", "gateway.password", "lock", "revoked"}
    assert set(modes.values()) == {0o600}


def test_the_gateways_own_password(made: Credentials, tmp_path: Path) -> None:
    first = gateway_user("", "", made)
    assert gateway_user("", "", made) == first
    assert first.name == "riskgate"
    file = tmp_path / "given"
    with pytest.raises(ConfigError, match="cannot be read"):
        gateway_user("gw", str(file), made)
    file.write_text("\n")
    with pytest.raises(ConfigError, match="is empty"):
        gateway_user("gw", str(file), made)
    file.write_text("given\n")
    assert gateway_user("gw", str(file), made) == Gateway("gw", "given")
    made.write(fleet("acme/p/A"), Gateway("gw", "given"))
    made.write(fleet("acme/p/A"), Gateway("gw", "changed"))
    assert verify(lines(made)["gw"], "changed")


def test_states_name_everybody(made: Credentials) -> None:
    made.write(fleet("acme/p/A", "acme/p/B", "acme/p/C"), GATEWAY)
    made.revoke("acme/p/B")
    assert made.state(["acme/p/A", "acme/p/B", "acme/p/D"], "riskgate") == [
        ("acme/p/A", "has a password"),
        ("acme/p/B", "revoked"),
        ("acme/p/C", "not in the fleet"),
        ("acme/p/D", "has none"),
        ("riskgate", "the gateway"),
    ]


def test_a_write_that_breaks_off_loses_no_password(
    made: Credentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk fills up between the hand-out file and the hashes."""
    made.write(fleet("acme/p/A"), GATEWAY)
    before = lines(made)

    def full(path: Path, *_: object) -> None:
        raise OSError(28, "No space left on device", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(made, "_save", full)
        with pytest.raises(OSError, match="No space"):
            made.write(fleet("acme/p/A", "acme/p/B"), GATEWAY)
    assert lines(made) == before
    assert made.write(fleet("acme/p/A", "acme/p/B"), GATEWAY).made == ["acme/p/B"]
    assert verify(lines(made)["acme/p/B"], handed_out(made, "acme")["acme/p/B"])


def test_the_hand_out_has_what_a_device_needs(made: Credentials) -> None:
    made.write(fleet("acme/p/A"), GATEWAY)
    text = (made.handouts / "acme.csv").read_text(encoding="utf-8")
    assert text.splitlines()[0] == ",".join(COLUMNS)
    assert ",rg/acme/p/A/<stream>" in text


def test_a_new_file_never_replaces_one(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    private_files.create(path, "first")
    with pytest.raises(FileExistsError):
        private_files.create(path, "second")
    assert path.read_text() == "first"
    assert list(tmp_path.iterdir()) == [path]


def test_a_group_given_to_the_broker_stays(tmp_path: Path) -> None:
    path = tmp_path / "passwd"
    private_files.replace(path, "1")
    path.chmod(0o644)
    private_files.replace(path, "2")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640  # the broker's group may read, others never
    assert path.read_text() == "2"


def test_the_shipped_access_list_says_the_same(tmp_path: Path) -> None:
    def rules(text: str) -> list[str]:
        return [line for line in text.splitlines() if line and not line.startswith("#")]

    shipped = Path(private_files.__file__).parent / "data" / "acl"
    assert rules(access_list([], "riskgate")) == rules(shipped.read_text(encoding="utf-8"))
