"""Who may speak at the broker: mosquitto's password file and access list, made from the fleet.

One user a device, named by its key, with a random password of its own. The access list binds that user to
``rg/<key>/#`` by one pattern line, so it stays one page long for any fleet; only the gateway's user reads.
Guarantee: a device that has a password keeps it; a revoked one gets none until it is rotated; passwords stand
in the hand-out files alone (mode 0600), never in a log, and every file is replaced whole. Revoking and
rotating need no valid fleet: an emergency does not wait for a comma.

The lines are mosquitto 2's own ``$7$`` form: PBKDF2-HMAC-SHA512, computed here rather than by calling
mosquitto_passwd once a device. Passwords hold 143 random bits, so mosquitto's 101 iterations are enough.
"""

from __future__ import annotations

import base64
import csv
import fcntl
import hashlib
import hmac
import io
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from device_profiles import Profile
from gateway import private_files
from gateway.access_list import access_list, topics_of, user_of
from gateway.errors import ConfigError
from gateway.monitor.channels import Device

ITERATIONS = 101
"""mosquitto 2's own number (PW_DEFAULT_ITERATIONS)."""
SALT_BYTES = 12
"""mosquitto 2.0 takes no other length."""
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"
"""57 letters and digits that nobody mistakes for one another when typing them into a device."""
PASSWORD_LETTERS = 25
GATEWAY_USER = "riskgate"
COLUMNS = ("enterprise", "site", "device", "user", "password", "topic")
CHUNK = 500

Draw = Callable[[int], bytes]
"""Random bytes for secrets, such as os.urandom."""
Progress = Callable[[int], None]


class Made(NamedTuple):
    """A new password. Never print one."""

    key: str
    password: str


class Gateway(NamedTuple):
    """The gateway's own user."""

    name: str
    password: str


@dataclass
class Outcome:
    """What changed; names only, no secret."""

    made: list[str] = field(default_factory=list)
    kept: int = 0
    removed: list[str] = field(default_factory=list)
    """Devices that were retired or left the fleet, and lost their password."""
    gone: list[str] = field(default_factory=list)
    """Devices that left the fleet and still have one."""
    revoked: list[str] = field(default_factory=list)
    """In the fleet, but revoked: no password."""
    others: list[str] = field(default_factory=list)
    """Users that are no device's and not the gateway's: kept."""
    handouts: list[Path] = field(default_factory=list)


class Credentials:
    """The files of one folder; every change holds the folder's lock."""

    def __init__(self, folder: Path, draw: Draw) -> None:
        self.folder = folder
        self.passwords = folder / "passwd"
        self.acl = folder / "acl"
        self.handouts = folder / "handout"
        self.gateway_password = folder / "gateway.password"
        self._revoked = folder / "revoked"
        self._draw = draw

    def write(
        self,
        devices: Sequence[Device],
        gateway: Gateway,
        remove_gone: bool = False,
        retired: Collection[str] = (),
        profiles: Mapping[str, Profile] = {},
        progress: Progress = lambda _: None,
    ) -> Outcome:
        """Password file, access list and hand-out files for these devices. The keys in ``retired`` lose their
        password. ``remove_gone``: so do devices that are in no list any more; asked for, because half a fleet
        file must not silence a plant. ``profiles`` say where vendors' devices publish.
        ConfigError, with nothing changed, if a name would let one user speak for another."""
        keys = [device.key for device in devices]
        elsewhere = (
            {device.key: topics_of(device, profiles, "<any>") for device in devices}
            if any(profile.topics for profile in profiles.values())
            else {}
        )
        _refuse_confusions(keys, gateway.name)
        with self._alone():
            lines, revoked = self._lines(), self.revoked()
            known = {user_of(key): key for key in keys}
            done = Outcome(revoked=sorted(key for user, key in known.items() if user in revoked))
            gone = sorted(user for user in lines if user.count("/") == 2 and user not in known)
            left = set(map(user_of, retired))
            done.removed = [user for user in gone if remove_gone or user in left]
            done.gone = [user for user in gone if not remove_gone and user not in left]
            done.others = sorted(u for u in lines if u.count("/") != 2 and u != gateway.name)
            for user in done.removed:
                del lines[user]
            missing = [key for user, key in known.items() if user not in lines and user not in revoked]
            done.made, done.kept = missing, len(known) - len(missing) - len(done.revoked)
            made = [Made(key, self.password()) for key in missing]
            done.handouts = self._hand_out(made, done.removed, elsewhere)
            lines |= self._hash(((user_of(m.key), m.password) for m in made), progress)
            if not verify(lines.get(gateway.name, ""), gateway.password):
                lines |= self._hash([(gateway.name, gateway.password)], lambda _: None)
            private_files.replace(self.acl, access_list(devices, gateway.name, profiles), 0o644)
            self._save(lines)
        return done

    def rotate(self, key: str) -> Path:
        """A new password for a device, revoked or not; the hand-out file that holds it."""
        user = user_of(key)
        if user.count("/") != 2:
            raise ConfigError([f"{key}: is no device; give <enterprise>/<site>/<device>"])
        with self._alone():
            lines, revoked = self._lines(), self.revoked()
            self._must_know(user, {*lines, *revoked})
            made = Made(key, self.password())
            (handout,) = self._hand_out([made], [])
            self._save(lines | self._hash([(user, made.password)], lambda _: None))
            self._set_revoked(revoked - {user})
        return handout

    def revoke(self, key: str) -> None:
        """Take a user's password away, and keep it away whatever the fleet says. In force at the broker after
        its reload."""
        user = user_of(key)
        with self._alone():
            lines, revoked = self._lines(), self.revoked()
            self._must_know(user, {*lines, *revoked})
            self._set_revoked(revoked | {user})  # first: a crash in between must not give it back
            lines.pop(user, None)
            self._save(lines)
            self._hand_out([], [user])

    def state(self, keys: Iterable[str], gateway: str) -> list[tuple[str, str]]:
        """(user, "has a password" | "has none" | "revoked" | "not in the fleet" | "the gateway"), sorted."""
        lines, revoked = self._lines(), self.revoked()
        users = {user_of(key) for key in keys}
        found = dict.fromkeys(lines, "not in the fleet")
        found |= {user: "has a password" if user in lines else "has none" for user in users}
        found |= dict.fromkeys(revoked, "revoked")
        if gateway in lines:
            found[gateway] = "the gateway"
        return sorted(found.items())

    def password(self) -> str:
        """A fresh password of PASSWORD_LETTERS letters, every letter equally likely."""
        letters: list[str] = []
        limit = 256 - 256 % len(LETTERS)
        while len(letters) < PASSWORD_LETTERS:
            letters += [
                LETTERS[byte % len(LETTERS)] for byte in self._draw(2 * PASSWORD_LETTERS) if byte < limit
            ]
        return "".join(letters[:PASSWORD_LETTERS])

    def revoked(self) -> set[str]:
        """Users that get no password."""
        return set(self._revoked.read_text(encoding="utf-8").split()) if self._revoked.exists() else set()

    def _set_revoked(self, users: set[str]) -> None:
        if users or self._revoked.exists():
            private_files.replace(self._revoked, "".join(f"{user}\n" for user in sorted(users)))

    def _lines(self) -> dict[str, str]:
        """User -> what stands after its name in the password file."""
        if not self.passwords.exists():
            return {}
        text = self.passwords.read_text(encoding="utf-8")
        rows = [line.partition(":") for line in text.splitlines() if line and not line.startswith("#")]
        return {user: rest for user, _, rest in rows}

    def _save(self, lines: Mapping[str, str]) -> None:
        private_files.replace(
            self.passwords, "".join(f"{user}:{rest}\n" for user, rest in sorted(lines.items()))
        )

    def _hash(self, pairs: Iterable[tuple[str, str]], progress: Progress) -> dict[str, str]:
        everyone = [(user, password, self._draw(SALT_BYTES)) for user, password in pairs]
        found: dict[str, str] = {}

        def chunk(at: int) -> list[tuple[str, str]]:
            return [(user, hashed(password, salt)) for user, password, salt in everyone[at : at + CHUNK]]

        with ThreadPoolExecutor(os.cpu_count()) as pool:  # PBKDF2 runs without the interpreter's lock
            for part in pool.map(chunk, range(0, len(everyone), CHUNK)):
                found.update(part)
                progress(len(part))
        return found

    def _hand_out(
        self, made: Sequence[Made], gone: Iterable[str], elsewhere: Mapping[str, list[str]] = {}
    ) -> list[Path]:
        """Bring the hand-out files up to date before the hashes are: after a crash in between a device gets
        another password, never one that nobody was told."""
        changes: dict[str, dict[str, tuple[str, ...] | None]] = {}
        for user in gone:
            changes.setdefault(user.partition("/")[0], {})[user] = None
        for key, password in made:
            enterprise, site, device = key.split("/")
            topic = " or ".join(elsewhere.get(key, [])) or f"rg/{key}/<stream>"
            row = (enterprise, site, device, user_of(key), password, topic)
            changes.setdefault(enterprise, {})[user_of(key)] = row
        written = []
        for enterprise, changed in sorted(changes.items()):
            path = self.handouts / f"{enterprise.replace('~', ':')}.csv"
            if not path.exists() and not any(changed.values()):
                continue
            rows = {row[3]: row for row in _read(path)} | changed
            body = io.StringIO()
            table = csv.writer(body, lineterminator="\r\n")  # RFC 4180 2
            table.writerow(COLUMNS)
            table.writerows(row for _, row in sorted(rows.items()) if row is not None)
            private_files.replace(path, body.getvalue())
            if any(changed.values()):
                written.append(path)
        return written

    def _must_know(self, user: str, known: set[str]) -> None:
        if user not in known:
            fix = "see 'riskgate credentials list', and give the whole key <enterprise>/<site>/<device>"
            raise ConfigError([f"{user}: has no line in {self.passwords}; {fix}"])

    @contextmanager
    def _alone(self) -> Iterator[None]:
        for folder in (self.folder, self.handouts):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def gateway_user(username: str, password_file: str, credentials: Credentials) -> Gateway:
    """The gateway's user as [ingest] names it; without one, "riskgate" with a password made once and kept in
    the folder's gateway.password. ConfigError if the password file is empty or not readable."""
    file = Path(password_file) if username and password_file else credentials.gateway_password
    if file == credentials.gateway_password and not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        private_files.create(file, credentials.password() + "\n")
    try:
        password = file.read_text(encoding="utf-8").partition("\n")[0].rstrip("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"{file}: cannot be read: {error}; its first line is the password"]) from error
    if not password:
        raise ConfigError([f"{file}: is empty; its first line is the gateway's password"])
    return Gateway(username or GATEWAY_USER, password)


def hashed(password: str, salt: bytes) -> str:
    """``$7$<iterations>$<salt>$<hash>``, mosquitto 2's form of PBKDF2-HMAC-SHA512 (RFC 8018 5.2)."""
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ITERATIONS)
    return f"$7${ITERATIONS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def verify(line: str, password: str) -> bool:
    """Whether a ``$7$`` line is of this password; False for any other form."""
    parts = line.split("$")
    if len(parts) != 5 or parts[1] != "7" or not parts[2].isdigit():
        return False
    salt, digest = base64.b64decode(parts[3]), base64.b64decode(parts[4])
    return hmac.compare_digest(hashlib.pbkdf2_hmac("sha512", password.encode(), salt, int(parts[2])), digest)


def _read(path: Path) -> list[tuple[str, ...]]:
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [tuple(row) for row in csv.reader(file)][1:]


def _refuse_confusions(keys: Sequence[str], gateway: str) -> None:
    """The pattern gives user X all of rg/X/#, so the gateway's name must not be the beginning of a key."""
    problems = []
    if ":" in gateway or not gateway.isprintable() or not gateway.strip():
        problems.append(
            f"[ingest] username {gateway!r}: cannot stand in mosquitto's password file; choose another"
        )
    if any(key == gateway or key.startswith(f"{gateway}/") for key in keys):
        problems.append(
            f"[ingest] username {gateway!r}: is also the beginning of devices' keys, so the gateway's "
            "password could speak for them; choose another user name"
        )
    if problems:
        raise ConfigError(problems)
