"""All that suppresses alarms by design, together: dead upstream devices, maintenance, the plant's states."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gateway.alarms.engine import Engine
from gateway.alarms.events import AlarmEvent
from gateway.monitor.device_alarms import DeviceAlarms
from gateway.monitor.maintenance import Maintenance, Note
from gateway.monitor.naming import Naming
from gateway.monitor.plant_states import PlantStates
from gateway.monitor.roster import Roster
from gateway.monitor.silence import Silence
from gateway.monitor.suppressing import Suppressed
from gateway.monitor.upstreams import Upstreams


class Design:
    """Each part gives causes; an alarm is suppressed as long as one of them holds."""

    def __init__(
        self,
        engine: Engine,
        roster: Roster,
        silence: Silence,
        naming: Naming,
        devices: DeviceAlarms,
        tell: Callable[[AlarmEvent], None],
        wall_ns: Callable[[], int],
        note: Note,
    ) -> None:
        self._naming = naming
        self.suppressed = Suppressed(engine, tell, wall_ns)
        self.upstreams = Upstreams(roster, silence, devices, self.suppressed)
        self.maintenance = Maintenance(engine, roster, naming, self.suppressed, note)
        self.states = PlantStates(roster, silence, self.suppressed)

    def sweep(self, now_ns: int) -> None:
        """Time passed: states go stale, and what lay on a shelf comes back."""
        if self.states.on:
            self.states.sweep(now_ns)
        self.suppressed.sweep()

    def changed(self, now_ns: int) -> None:
        """Another configuration is in force, and the alarms of what left it have ended."""
        self.upstreams.changed(now_ns)
        self._naming.concentrators = self.upstreams.below
        self.suppressed.again()
        self.maintenance.changed()
        self.states.changed(now_ns)

    def export(self) -> dict[str, Any]:
        """Plain values."""
        return {name: part.export() for name, part in self._parts().items()}

    def load(self, stored: dict[str, Any]) -> None:
        """Back to what was exported."""
        self._naming.concentrators = self.upstreams.below
        for name, part in self._parts().items():
            part.load(stored.get(name, {}))

    def _parts(self) -> dict[str, Suppressed | Upstreams | Maintenance | PlantStates]:
        return {
            "suppressed": self.suppressed,
            "upstreams": self.upstreams,
            "maintenance": self.maintenance,
            "states": self.states,
        }
