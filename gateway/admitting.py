"""What the network thread is told of the configuration: who may send how much, and where vendors publish."""

from __future__ import annotations

from gateway.ingest.admission import UNKNOWN_LIMIT, Admission
from gateway.ingest.mqtt import Receiver
from gateway.monitor.roster import Roster


class Admitting:
    """Holds the admission; the core thread calls ``of`` after every change of the roster."""

    def __init__(self) -> None:
        self.admission = Admission(self._limit_of)
        self._roster: Roster | None = None
        self._digest = ""
        self._limits: dict[str, int] = {}

    def of(self, roster: Roster, receiver: Receiver | None) -> None:
        """Put a configuration in force at the door; without effect if it is already."""
        if self._digest == roster.digest:
            return
        self._digest = roster.digest
        self.admission.floor = 0  # meanwhile every packet is asked for
        self._limits = {name: profile.max_payload_bytes for name, profile in roster.profiles.items()}
        self._roster = roster
        self.admission.recognise(roster.addresses.key_of)
        self.admission.floor = min([UNKNOWN_LIMIT, *self._limits.values()])
        if receiver is not None:
            receiver.also(roster.addresses.subscriptions())

    def _limit_of(self, key: str) -> int:
        """Called by the network thread while the core's may change the roster: each step is one look-up."""
        number = None if self._roster is None else self._roster.index.get(key)
        if self._roster is None or number is None:
            return UNKNOWN_LIMIT
        return self._limits.get(self._roster.channels.devices[number].profile, UNKNOWN_LIMIT)
