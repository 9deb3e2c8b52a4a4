"""Where everything lies in the data folder, and who alone writes it."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

MAX_SOCKET_PATH = 100
"""A Unix socket's path holds about 107 bytes on Linux."""


class DataFolder:
    """One partition's files. Core writes journal, ledger, snapshots; delivery writes delivery.db and
    history; the console writes console.db; console and command line write rules.db."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.journal = self.root / "journal"
        self.ledger = self.root / "ledger.db"
        self.snapshots = self.root / "snapshots"
        self.delivery = self.root / "delivery.db"
        self.history = self.root / "history"
        self.console = self.root / "console.db"
        self.rules = self.root / "rules.db"
        self.first_login = self.root / "first-login"
        """The one-time link to the first account, until it was used."""
        self.compiled = self.root / "compiled"
        self.log = self.root / "log"

    @property
    def core_socket(self) -> Path:
        """Commands and live-state questions to the core."""
        return self._socket("core.sock")

    @property
    def delivery_socket(self) -> Path:
        """Status questions to delivery."""
        return self._socket("delivery.sock")

    @property
    def live_socket(self) -> Path:
        """The bounded channel of live readings from core to delivery."""
        return self._socket("live.sock")

    def create(self) -> None:
        """Make the folders, private to this user."""
        for folder in (self.root, self.journal, self.snapshots, self.history, self.compiled, self.log):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def _socket(self, name: str) -> Path:
        path = self.root / name
        if len(os.fsencode(path)) <= MAX_SOCKET_PATH:
            return path
        digest = hashlib.sha256(os.fsencode(self.root)).hexdigest()[:16]
        folder = Path(tempfile.gettempdir()) / f"riskgate-{os.getuid()}-{digest}"
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.stat().st_uid != os.getuid():
            raise PermissionError(f"{folder} belongs to another user: remove it or use a shorter --data path")
        return folder / name
