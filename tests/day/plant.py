"""A day of the simulated plant: more of everything, people at the desk, and rules that change."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from device_profiles import AlarmDefinition, ProfileError
from gateway.alarms.events import QUIET
from gateway.core import Core
from gateway.errors import ConfigError, RiskgateError, RulesRefused
from gateway.monitor.channels import Device
from gateway.rulebook import RECORD, Actor, Changing, Proposal, overlaid
from gateway.rulebook.trying import try_it
from tests.crash.sim.faults import CORE_POINTS, RARE, SECOND, Killed, Plan
from tests.crash.sim.plant import DEADLINE_S, START_NS, Plant
from tests.crash.sim.world import Fate, Sensor
from tests.day.people import Desk, wish

HOUR_S = 3600
LI, MA = Actor("li", "session"), Actor("ma", "token", second=True)
FLOOD_DEVICES = 30
EXCURSIONS_PER_HOUR = 4
PROFILES = 16
"""Of the shipped ones, drawn by the seed: every change of rules reads them all several times."""
WISH_SHARE = 0.15
"""Of the turns, those at which somebody wants something."""
TRIED_NS = 1800 * SECOND
"""The time before now over which rules are tried."""
JUMPS_S = (90, -30, -3600, 365 * 86400)
PER_HOUR: dict[str, float] = {
    "link_loss": 0.7,
    "session_loss": 0.15,
    "disk_full": 0.15,
    "full_at_nth": 0.1,
    "ledger_full": 0.1,
    "flush_fails": 0.1,
    "kill": 0.3,
    "stop": 0.15,
    "no_snapshots": 0.05,
    "damaged_snapshot": 0.1,
    "config": 0.4,
    "wrong_config": 0.1,
    "wall_jump": 0.2,
    "rules": 0.35,
    "flood": 0.3,
}
"""How often each comes; at least once in a day, however short."""


class Told(Core):
    """Remembers how much of the journal it had to step at its start."""

    stepped = 0

    def start(self) -> int:
        """As always."""
        self.stepped = super().start()
        return self.stepped


class Day(Plant):
    """``happened`` counts by kind what cannot be read from the ledger afterwards."""

    paces_s = (180, 240, 300)
    steps_ms = (900, 1700, 2600, 4100, 6100, 6100)
    has_floods = True

    def __init__(self, seed: int, folder: Path, texts: dict[str, str], *, hours: float, devices: int) -> None:
        duration_ns = round(hours * HOUR_S) * SECOND
        draw = random.Random(f"day {seed}")
        texts = {name: texts[name] for name in draw.sample(sorted(texts), PROFILES)}
        super().__init__(seed, folder, texts, duration_ns=duration_ns, devices=devices, core=Told)
        self.happened: Counter[str] = Counter()
        self.tell_hour: Callable[[int], None] = lambda _: None
        self._people = random.Random(draw.getrandbits(64))
        self.plan = _plan(random.Random(draw.getrandbits(64)), duration_ns)
        self._hours_told = 0
        self._wished: set[str] = set()
        self._spoils: Callable[[Path], None] | None = None
        self._excursions(random.Random(draw.getrandbits(64)), round(hours * EXCURSIONS_PER_HOUR))

    # --- what the plant does ------------------------------------------------------------------------

    def _excursions(self, draw: random.Random, count: int) -> None:
        able = self._able()
        for _ in range(count):
            sensor = draw.choice(able)
            long_ns = sensor.longest_delay_ns() + draw.randrange(2, 14) * sensor.period_ns
            begin_ns = START_NS + draw.randrange(self.plan.duration_ns)
            sensor.fates.append(Fate("excursion", begin_ns, begin_ns + long_ns))

    def _able(self) -> list[Sensor]:
        """Devices that can go beyond a limit and stay in the fleet."""
        return [s for s in self.world.sensors if s.profile.alarms and not s.joins_later]

    def _flood(self) -> None:
        for sensor in self.draw.sample(self._able(), min(FLOOD_DEVICES, len(self._able()))):
            self._beyond(sensor)

    def _beyond(self, sensor: Sensor) -> None:
        long_ns = sensor.longest_delay_ns() + 5 * sensor.period_ns
        sensor.fates.append(Fate("excursion", self.true_ns, self.true_ns + long_ns))

    def _beyond_in_quiet(self) -> None:
        """Where an alarm is shelved or out of service, its condition may begin all the same."""
        quiet = {
            f"{a.definition.enterprise}/{a.definition.site}/{a.definition.device}"
            for a in self.core.monitor.engine.open_alarms()
            if a.state in QUIET and not a.process_active
        }
        for sensor in [s for s in self._able() if s.key in quiet]:
            self._beyond(sensor)

    def _notice(self, fate: Fate) -> None:
        """Nothing: people take alarms away here, so no alarm is held to its cause."""

    # --- what happens to the gateway ----------------------------------------------------------------

    def _happen(self, what: str, amount: Any) -> None:
        self.happened[f"fault: {what}"] += 1
        self._beyond_in_quiet()
        if what == "flood":
            self._flood()
        elif what == "rules":
            self._change_rules(amount)
        elif what == "wrong_config":
            self._wrong_files()
        elif what in ("no_snapshots", "damaged_snapshot"):
            self._spoils = _no_snapshots if what == "no_snapshots" else _damage_newest
            self._die(Killed(what))
        else:
            super()._happen(what, amount)

    def _round(self) -> None:
        super()._round()
        hour = (self.true_ns - START_NS) // (HOUR_S * SECOND)
        if hour > self._hours_told:
            self._hours_told = hour
            self.tell_hour(hour)

    def _start(self) -> None:
        if self._spoils is not None and self.data.snapshots.is_dir():
            self._spoils(self.data.snapshots)
        self._spoils = None
        starts = self.boots
        super()._start()
        core = self.core
        if starts and self.boots == starts + 1 and isinstance(core, Told) and self._failed_starts == 0:
            whole = core.stepped >= self.core_position() - 2
            self.happened[f"restart: {'the whole journal' if whole else 'from a snapshot'}"] += 1
            self.happened["restart: a damaged snapshot passed over"] += bool(core.passed_over)

    def _wrong_files(self) -> None:
        """As the core process does when a reload finds a profile that cannot be read."""
        name = min(self.texts)
        try:
            try:
                self.core.monitor.roster.prepare(self.in_force(), self.texts | {name: "no profile"})
            except ProfileError as wrong:
                self.core.note("config_refused", active=True, detail={"problems": str(wrong)})
                self.core.note("config_refused", active=False)
        except (Killed, RiskgateError) as end:
            self._die(end)

    # --- people -------------------------------------------------------------------------------------

    def _operator(self) -> None:
        if self._people.random() > WISH_SHARE:
            return
        name, given = wish(Desk(self.core.monitor, self._people), self._wished)
        if given is None:
            return
        fields = given._asdict()
        late_s = -1 if fields.pop("late") else DEADLINE_S
        number = len(self.commands)
        self._wished.add(name)
        deadline_ns = self.clock.wall_ns() + late_s * SECOND
        self._ask({"id": f"{name}:{number}", "deadline_ns": deadline_ns, **fields})

    # --- rules --------------------------------------------------------------------------------------

    def in_force(self) -> list[Device]:
        """The fleet with the approved rules over it, as the core process reads it."""
        return overlaid(self.data.rules, super().in_force(), self.texts)

    def _reload(self) -> dict[str, Any]:
        self.core.change_config(self.in_force(), self.texts)
        return {"accepted": True}

    def _record(self, step: dict[str, Any]) -> dict[str, Any]:
        """A step of a proposal for the ledger, as the console gives it to the core."""
        deadline_ns = self.clock.wall_ns() + DEADLINE_S * SECOND
        source = "console 10.0.0.7"
        who = {"actor": step["person"], "role": "supervisor", "organisation": "", "source": source}
        name = f"rule_step:{len(self.commands)}"
        self._ask({"id": name, "action": RECORD, "args": step, "deadline_ns": deadline_ns, **who})
        asks, self._asks = self._asks, []
        self.core.turn([], asks)
        answers = self.commands[-1].answers
        return {"accepted": bool(answers) and answers[-1][1].accepted}

    def _change_rules(self, number: int) -> None:
        if self.core.blind:
            return
        changing = Changing(self.data, self.clock.wall_ns, self._reload, self._record)
        looser = number % 2 == 1
        try:
            made = self._propose(changing, f"day-{number}", looser)
            self._refused(
                lambda: changing.approve(made.number, MA), "rules: approval without a back-test refused"
            )
            trial = changing.book.begin(made, "li", self.clock.wall_ns() - TRIED_NS, self.clock.wall_ns())
            try_it(self.data, made.number, trial, self.clock.wall_ns() - TRIED_NS, self.clock.wall_ns)
            self.happened["rules: back-tested"] += 1
            if looser:
                self._refused(
                    lambda: changing.approve(made.number, LI), "rules: loosened by one person refused"
                )
            changing.approve(made.number, MA if looser else LI)
            self.happened[f"rules: in force, {'looser by two people' if looser else 'stricter'}"] += 1
            other = self._propose(changing, f"day-{number}-b", looser=False)
            if looser:
                changing.withdraw(other.number, LI)
            else:
                changing.decline(other.number, MA, "too strict")
            self.happened[f"rules: {'withdrawn' if looser else 'declined'}"] += 1
        except Killed as end:
            self._die(end)
        except (ConfigError, RulesRefused) as refused:
            self.happened["rules: refused otherwise"] += 1
            self.exits.append(f"rules: {refused}")
        except RiskgateError as end:
            self._die(end)

    def _propose(self, changing: Changing, version: str, looser: bool) -> Proposal:
        sensor, alarm = self._limit()
        further = alarm.deadband * (0.5 if alarm.condition in ("H", "HH") else -0.5)
        setpoint = round(alarm.setpoint + (further if looser else -further), 6)
        text = (
            f'version = "{version}"\nauthor = "li"\nreason = "what the plant showed"\n[[rule]]\n'
            f'device = "{sensor.key}"\nchannel = "{alarm.channel}"\ncondition = "{alarm.condition}"\n'
            f"setpoint = {setpoint}\n"
        )
        made = changing.propose(text, LI)
        self.happened["rules: proposed"] += 1
        return made

    def _limit(self) -> tuple[Sensor, AlarmDefinition]:
        """Any safety limit, for its loosening takes two people; one that stands now, if there is one."""
        found = [
            (s, a)
            for s in self._able()
            for a in s.profile.alarms
            if a.condition in ("HH", "LL") and a.deadband > 0
        ]
        find = self.core.monitor.engine.find
        stand = [(s, a) for s, a in found if find(f"{s.key}/{a.channel}:{a.condition}")]
        return self.draw.choice(stand or found)

    def _refused(self, step: Callable[[], object], kind: str) -> None:
        try:
            step()
        except RulesRefused:
            self.happened[kind] += 1
        else:
            raise AssertionError(f"{kind}: it was not")


def _plan(draw: random.Random, duration_ns: int) -> Plan:
    plan = Plan(duration_ns=duration_ns)
    hours = duration_ns / (HOUR_S * SECOND)
    for what, per_hour in PER_HOUR.items():
        count = max(2 if what in ("rules", "flood", "config") else 1, round(per_hour * hours))
        for number in range(count):
            at_ns = round(duration_ns * (0.04 + 0.84 * (number + draw.random()) / count))
            plan.add(at_ns, what, _amount(draw, what, number))
            if what == "wall_jump":
                plan.add(at_ns + 300 * SECOND, what, -JUMPS_S[number % len(JUMPS_S)] * SECOND)
    plan.events.sort(key=lambda event: event[0])
    return plan


def _amount(draw: random.Random, what: str, number: int) -> Any:
    match what:
        case "link_loss" | "session_loss":
            return draw.randrange(2, 900) * SECOND
        case "disk_full":
            return draw.choice((40, 90, 300)) * SECOND
        case "full_at_nth" | "ledger_full" | "flush_fails":
            return draw.randint(1, 20)
        case "kill":
            point = CORE_POINTS[(number + draw.randrange(2)) % len(CORE_POINTS)]
            return point, 1 if point.endswith(RARE) else draw.randint(1, 6)
        case "stop":
            return 10 * SECOND
        case "wall_jump":
            return JUMPS_S[number % len(JUMPS_S)] * SECOND
        case _:
            return number


def _no_snapshots(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


def _damage_newest(folder: Path) -> None:
    found = sorted(folder.glob("*.snapshot"))
    if found:
        body = bytearray(found[-1].read_bytes())
        body[len(body) // 2] ^= 1
        found[-1].write_bytes(body)
