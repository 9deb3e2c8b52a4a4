"""The fleet in force with what is watched and what is open, kept once for all pages that look at it.

Guarantee: every open alarm is in it, also one of a device that the fleet does not have; open alarms are those
of the ledger's newest event, coverage is at most some seconds older (``AGAIN_NS``, longer for a large city).
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from device_profiles import Profile, parse
from gateway.access import Scope
from gateway.alarms.events import QUIET
from gateway.clock import Clock
from gateway.console.rows import NEEDS_ANSWER
from gateway.errors import JournalError
from gateway.journal import JournalReader
from gateway.kpi import STATES, Standing, standing
from gateway.kpi.scope import seen
from gateway.ledger import LedgerReader
from gateway.monitor.channels import Device
from gateway.monitor.entries import ConfigChange
from gateway.monitor.roster import unpack
from gateway.paths import DataFolder

AGAIN_NS = 4_000_000_000
"""Coverage is asked for again after this, and not before ten times what it took."""
MAX_OPEN = 1_000_000
PLACE = np.dtype([("county", "<i4"), ("enterprise", "<i4"), ("site", "<i4")])
PRIORITIES = (1, 2, 3, 4)

Ints = npt.NDArray[np.int64]


class Path(NamedTuple):
    """Where in the city: None = not chosen. "" is a name too: of what has none."""

    county: str | None = None
    enterprise: str | None = None
    site: str | None = None

    @property
    def below(self) -> str:
        """What the parts of this place are."""
        for name in ("county", "enterprise", "site"):
            if getattr(self, name) is None:
                return name
        return "device"


@dataclass(slots=True)
class View:
    """One row a device; the columns belong together and do not change."""

    at_ms: int
    blind: bool
    devices: list[Device]
    states: Ints
    """[devices, STATES]: its channels; all zero for one that is not expected."""
    open: Ints = field(default_factory=lambda: np.zeros((0, 5), np.int64))
    """[devices, priority]: alarms that are announced; column 0 is of no priority."""
    unanswered: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    quiet: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    """Shelved, suppressed or out of service."""
    gateway: Ints = field(default_factory=lambda: np.zeros(5, np.int64))
    """The gateway's own open alarms, by priority."""
    where: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 2)))
    """[devices, (longitude, latitude)] in degrees, WGS 84; not a number where the fleet does not say."""
    words: list[str] = field(default_factory=list)
    places: npt.NDArray[np.void] = field(default_factory=lambda: np.zeros(0, PLACE))

    def inside(self, scope: Scope, path: Path) -> npt.NDArray[np.bool_]:
        """Which devices are both in the scope and in a place."""
        mask = seen(scope, self.words, self.places)
        for name in ("county", "enterprise", "site"):
            wanted = getattr(path, name)
            if wanted is not None:
                code = self.words.index(wanted) if wanted in self.words else -1
                mask &= self.places[name] == code
        return mask

    def sums(self, mask: npt.NDArray[np.bool_]) -> dict[str, Any]:
        """What all of some devices together are."""
        return self.told(
            int(mask.sum()),
            self.states[mask].sum(axis=0),
            self.open[mask].sum(axis=0),
            int(self.unanswered[mask].sum()),
            int(self.quiet[mask].sum()),
        )

    @staticmethod
    def told(devices: int, states: Ints, alarms: Ints, unanswered: int, quiet: int) -> dict[str, Any]:
        """One line of a page. grade: the highest priority that is open, 0 for none."""
        expected, live = int(states.sum()), int(states[STATES.index("live")])
        counts = alarms.tolist()
        return {
            "devices": devices,
            "expected": expected,
            "live": live,
            "coverage": round(100 * live / expected, 2) if expected else None,
            "states": {name: n for name, n in zip(STATES, states.tolist(), strict=True) if n},
            "open": counts[1:],
            "unanswered": unanswered,
            "quiet": quiet,
            "grade": next((priority for priority in PRIORITIES if counts[priority]), 0),
        }


def worst_first(line: dict[str, Any]) -> tuple[Any, ...]:
    """Sort key: the grade, then how many of it wait or are open, then how little is watched, then the
    name."""
    covered = 100.0 if line["coverage"] is None else line["coverage"]
    return (line["grade"] or 9, *(-n for n in line["open"]), -line["unanswered"], covered, line["name"])


class City:
    """Thread-safe; questions block. JournalError when nothing is recorded or it cannot be read."""

    def __init__(self, data: DataFolder, clock: Clock) -> None:
        self._data, self._clock = data, clock
        self._lock = threading.Lock()
        self._standing: Standing | None = None
        self._asked_ns = self._took_ns = 0
        self._digest = ""
        self._fleet: list[Device] = []
        self._profiles: dict[str, str] = {}
        self._view: View | None = None
        self._seq = -1

    def now(self) -> View:
        """The city as it is."""
        with self._lock:
            reader = LedgerReader(self._data.ledger)
            began, seq = self._clock.mono_ns(), reader.last_seq()
            old = began - self._asked_ns > max(AGAIN_NS, 10 * self._took_ns)
            if self._standing is None or self._standing.configuration is None or old:
                self._standing = standing(self._data.ledger, self._clock.wall_ns())
                self._know(self._standing)
                self._asked_ns = self._clock.mono_ns()
                self._took_ns = self._asked_ns - began
            elif seq == self._seq and self._view is not None:
                return self._view
            self._view = _view(self._standing, self._fleet, reader)
            self._seq = seq
            return self._view

    def device(self, key: str) -> tuple[Device, Profile] | None:
        """A device of the fleet in force, by its key, and its profile; None for one that is not in it."""
        self.now()
        enterprise, _, rest = key.partition("/")
        site, _, name = rest.partition("/")
        with self._lock:
            for device in self._fleet:
                if (device.device, device.site, device.enterprise) == (name, site, enterprise):
                    return device, parse(device.profile, self._profiles[device.profile])
        return None

    def _know(self, found: Standing) -> None:
        note = found.configuration
        if note is None or note.digest == self._digest:
            return
        entry = JournalReader(self._data.journal).entry(note.position)
        if not isinstance(entry, ConfigChange):
            raise JournalError(f"position {note.position} of the journal is no configuration")
        config = unpack(entry)
        self._fleet, self._profiles, self._digest = config.devices, config.profiles, note.digest


def _view(found: Standing, fleet: list[Device], reader: LedgerReader) -> View:
    devices = list(fleet)
    index = {device.key: place for place, device in enumerate(devices)}
    rows = reader.open_by_device()
    strangers = {(e, s, d) for e, s, d, *_ in rows if d and f"{e}/{s}/{d}" not in index}
    if strangers:
        for stranger in _of_alarms(reader, strangers):
            index[stranger.key] = len(devices)
            devices.append(stranger)
    states = np.zeros((len(devices), len(STATES)), np.int64)
    places = [index[key] for key in found.devices if key in index]
    known = [n for n, key in enumerate(found.devices) if key in index]
    states[places] = found.counts[known]
    view = View(found.at_ms, found.blind, devices, states)
    view.open = np.zeros((len(devices), 5), np.int64)
    view.unanswered = np.zeros(len(devices), np.int64)
    view.quiet = np.zeros(len(devices), np.int64)
    for enterprise, site, device, priority, state, count in rows:
        graded = min(4, max(1, priority))
        if not device:
            view.gateway[graded] += 0 if state in QUIET else count
            continue
        place = index[f"{enterprise}/{site}/{device}"]
        if state in QUIET:
            view.quiet[place] += count
            continue
        view.open[place, graded] += count
        view.unanswered[place] += count if state in NEEDS_ANSWER else 0
    nowhere = float("nan")
    view.where = np.array(
        [
            (nowhere, nowhere) if d.latitude is None or d.longitude is None else (d.longitude, d.latitude)
            for d in devices
        ]
    ).reshape(len(devices), 2)
    words: dict[str, int] = {}
    view.places = np.array(
        [
            tuple(words.setdefault(word, len(words)) for word in (d.county, d.enterprise, d.site))
            for d in devices
        ],
        PLACE,
    )
    view.words = list(words)
    return view


def _of_alarms(reader: LedgerReader, wanted: set[tuple[str, str, str]]) -> list[Device]:
    """Devices that only their open alarms tell of."""
    found: dict[tuple[str, str, str], Device] = {}
    for _, event in reader.open_alarms(MAX_OPEN):
        name = (event.enterprise, event.site, event.device)
        if name in wanted and name not in found:
            found[name] = Device(
                event.enterprise, event.site, event.asset, event.device, "", event.county, event.sector,
                event.latitude, event.longitude,
            )  # fmt: skip
    return list(found.values())
