"""What must hold at the end of a seed, each finding a sentence. No finding is a passed seed.

Independent of how the core got there: the journal is read from the files, replayed through a fresh monitor,
and compared with the ledger, with the broker's own log, and with the oracle.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

import detectors
from gateway.alarms import events as alarm_events
from gateway.alarms.events import NORMAL, AlarmEvent, CommandEvent, Event
from gateway.journal import JournalReader
from gateway.ledger.reader import LedgerReader
from gateway.monitor.entries import ConfigChange, Packets, SystemFact
from gateway.monitor.monitor import Monitor
from gateway.monitor.roster import unpack
from tests.crash.sim.faults import SECOND
from tests.crash.sim.oracle import Oracle, Row, text
from tests.crash.sim.plant import DEADLINE_S, Plant

SHOWN = 3
"""How many examples a finding names."""


@dataclass(slots=True)
class Verdict:
    """Findings and figures of one seed; plain, so that it crosses processes."""

    seed: int
    findings: list[str] = field(default_factory=list)
    digest: str = ""
    """Ledger and journal chain heads: equal runs have equal ones."""
    recorded: str = ""
    """SHA-256 over the ledger's events, in order."""
    replayed: str = ""
    """The same over what the journal gives when it is stepped again."""
    figures: Counter[str] = field(default_factory=Counter)

    def claim(self, holds: bool, sentence: str) -> None:
        """Note a finding if something that must hold does not."""
        if not holds:
            self.findings.append(sentence)


@dataclass(slots=True)
class _Replay:
    monitor: Monitor
    events: list[tuple[int, Event]] = field(default_factory=list)
    effective: Counter[Row] = field(default_factory=Counter)
    journalled: Counter[tuple[bytes, bytes]] = field(default_factory=Counter)
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(reason, SHA-256) of what was refused before the journal."""


def judge(plant: Plant, *, causes: bool = True) -> Verdict:
    """Everything that is promised, checked on what the seed left on disk. Without ``causes`` no alarm is held
    to what the plant did: people may have taken it away, or changed its limit."""
    verdict = Verdict(plant.seed)
    oracle = Oracle(plant.mischief.faulty, _scales(plant))
    replay = _replay(plant, oracle)
    events = [event for _, event in LedgerReader(plant.data.ledger).events_after(0, 1 << 30)]
    _durable(verdict, plant, replay)
    _effect(verdict, replay, oracle)
    _counts(verdict, plant, replay, oracle)
    _ledger(verdict, plant.data.root, replay, events)
    if causes:
        _alarms(verdict, plant, events)
    _commands(verdict, plant, events)
    chain = LedgerReader(plant.data.ledger).chain_digest()
    verdict.digest = f"{_raw_digest(plant)}:{chain.position}:{chain.digest.hex()}"
    verdict.figures += Counter(
        packets=replay.monitor.counts.packets,
        readings=replay.monitor.counts.effective,
        duplicates=replay.monitor.counts.duplicates,
        rejected=sum(replay.monitor.counts.rejected.values()),
        events=len(events),
        restarts=plant.boots - 1,
        stale=plant.broker.stale,
        lost_with_session=len(plant.broker.lost),
        faults=len(plant.faults_done),
        seconds=(plant.true_ns - plant.world.start_ns) // SECOND,
    )
    return verdict


def _raw_digest(plant: Plant) -> str:
    """The journal as stored, but for the folder's name, which errors mention and each run draws anew."""
    digest = hashlib.sha256()
    folder = str(plant.data.root.parent).encode()
    for _, body, _ in JournalReader(plant.data.journal).read_raw(0):
        digest.update(body.replace(folder, b""))
    return digest.hexdigest()


def _scales(plant: Plant) -> dict[str, tuple[float, float]]:
    return {
        f"{sensor.key}/{point.channel}": (point.low, point.span)
        for sensor in plant.world.sensors
        for point in sensor.profile.points
        if point.wire_unit == "mA"
    }


def _replay(plant: Plant, oracle: Oracle) -> _Replay:
    """The whole journal through a fresh monitor, and through the oracle beside it."""
    replay = _Replay(Monitor(1))
    timeless = {s.key for s in plant.world.sensors if s.identity == "timeless"}
    sessions: dict[tuple[str, int], int] = {}
    for position, entry in JournalReader(plant.data.journal).read(0):
        outcome = replay.monitor.step(position, entry)
        replay.events += [(position, event) for event in outcome.events]
        if isinstance(entry, ConfigChange):
            oracle.fleet = {device.key for device in unpack(entry).devices}
        elif isinstance(entry, SystemFact) and entry.kind == "refused":
            replay.refused[(entry.detail["reason"], entry.detail["sha256"])] += 1
        elif isinstance(entry, Packets):
            epoch = sessions.setdefault((entry.stamp.boot, entry.epoch), len(sessions))
            flags = entry.flag_array().tolist()
            for row in range(len(entry)):
                topic, payload = entry.packet(row)
                replay.journalled[(topic, payload)] += 1
                oracle.packet(epoch, topic, payload, flags[row])
        readings = outcome.readings
        for slot, event_ns, value in zip(
            readings.slot.tolist(), readings.event_ns.tolist(), readings.value.tolist(), strict=True
        ):
            key = replay.monitor.channels.channel(slot).key
            time_ms = None if key.rpartition("/")[0] in timeless else round(event_ns / 1e6)
            replay.effective[(key, time_ms, text(value))] += 1
    return replay


def _durable(verdict: Verdict, plant: Plant, replay: _Replay) -> None:
    """I1: what was acknowledged to the broker is in the journal."""
    refused = {(topic, payload): reason for topic, payload, reason in plant.mischief.refused}
    acked = Counter((m.topic, m.payload) for m in plant.broker.acked)
    missing = []
    for packet, count in acked.items():
        reason = refused.get(packet)
        if reason is None:
            kept = replay.journalled[packet]
        else:
            kept = replay.refused[(reason, hashlib.sha256(packet[1]).hexdigest())]
        if kept < count:
            missing.append(f"{packet[0].decode()} {packet[1][:80]!r} acknowledged {count}, kept {kept}")
    verdict.claim(
        not missing, f"I1: {len(missing)} acknowledged packets are not in the journal: {missing[:SHOWN]}"
    )
    verdict.claim(plant.broker.idle(), "I1: the broker still holds packets after everything was given time")
    verdict.figures["acknowledged"] = sum(acked.values())


def _effect(verdict: Verdict, replay: _Replay, oracle: Oracle) -> None:
    """I1: each reading takes effect exactly once."""
    twice = replay.effective - oracle.expected.effective
    never = oracle.expected.effective - replay.effective
    verdict.claim(not twice, f"I1: {sum(twice.values())} readings took effect too often: {_some(twice)}")
    verdict.claim(not never, f"I1: {sum(never.values())} readings never took effect: {_some(never)}")


def _counts(verdict: Verdict, plant: Plant, replay: _Replay, oracle: Oracle) -> None:
    """I7: every packet and reading is accounted for, live as in replay as by the oracle."""
    live, again, expected = plant.core.monitor.counts, replay.monitor.counts, oracle.expected
    verdict.claim(live == again, f"I7: live counts differ from replayed ones: {_differ(live, again)}")
    verdict.claim(again.balanced(), f"I7: decoded is not effective + duplicate + rejected: {again}")
    verdict.claim(
        again.packets == expected.packets,
        f"I7: {again.packets} packets counted, {expected.packets} are there",
    )
    verdict.claim(
        again.effective == sum(expected.effective.values()),
        f"I7: effective {again.effective}, the oracle says {sum(expected.effective.values())}",
    )
    verdict.claim(
        again.duplicates == expected.duplicates,
        f"I7: duplicates {again.duplicates}, the oracle says {expected.duplicates}",
    )
    rejected = Counter(again.rejected)
    verdict.claim(
        rejected == expected.rejected,
        f"I7: rejected {rejected - expected.rejected} too many, {expected.rejected - rejected} too few",
    )
    refused = Counter(reason for (reason, _), count in replay.refused.items() for _ in range(count))
    verdict.claim(
        Counter(again.refused) == refused, f"I7: refused {again.refused}, the journal has {refused}"
    )


def _ledger(verdict: Verdict, root: Path, replay: _Replay, events: list[Event]) -> None:
    """I2, I3: the ledger is the replay, byte for byte, and every transition follows from the one before."""
    journal, ledger = JournalReader(root / "journal"), LedgerReader(root / "ledger.db")
    for name, check in (("journal", journal.check_chain()), ("ledger", ledger.check_chain())):
        verdict.claim(not check.reason, f"I2: the {name}'s chain: {check.reason} at {check.bad}")
    ids = Counter(event.id for event in events)
    twice = [name for name, count in ids.items() if count > 1]
    verdict.claim(not twice, f"I2: event ids come twice: {twice[:SHOWN]}")
    stored = [alarm_events.encode(event) for event in events]
    again = [alarm_events.encode(event) for _, event in replay.events]
    verdict.recorded = hashlib.sha256(b"".join(stored)).hexdigest()
    verdict.replayed = hashlib.sha256(b"".join(again)).hexdigest()
    if stored != again:
        at = next(
            (i for i, (a, b) in enumerate(zip(stored, again, strict=False)) if a != b),
            min(len(stored), len(again)),
        )
        pair = [(side[at].decode()[:300] if at < len(side) else "nothing") for side in (stored, again)]
        verdict.findings.append(
            f"I3: replay differs from the ledger at event {at} of {len(stored)}/{len(again)}: {pair}"
        )
    state: dict[str, tuple[str, int]] = {}
    for event in events:
        if isinstance(event, AlarmEvent):
            before, occurrence = state.get(event.alarm, (NORMAL, 0))
            verdict.claim(
                event.before == before,
                f"I2: {event.id} takes {event.alarm} from {event.before!r}, but it was {before!r}",
            )
            verdict.claim(
                event.occurrence in (occurrence, occurrence + 1),
                f"I2: {event.alarm} occurrence {event.occurrence} follows {occurrence} ({event.id})",
            )
            state[event.alarm] = (event.state, event.occurrence)


def _alarms(verdict: Verdict, plant: Plant, events: list[Event]) -> None:
    """Every true cause has its alarm, and no device has an alarm without a cause."""
    raised: dict[str, list[tuple[int, AlarmEvent]]] = {}
    gaps = 0
    for event in events:
        if isinstance(event, AlarmEvent) and event.cause in ("raised", "re_raised"):
            key = f"{event.enterprise}/{event.site}/{event.device}"
            raised.setdefault(key, []).append((int(event.id.split("-")[1]), event))
            gaps += event.condition == "possible_gap"
    for sensor in plant.world.sensors:
        own = raised.get(sensor.key, [])
        # What a detector advises is of a plant's course; here readings are made up but for their limits.
        advised = {name for rule in sensor.profile.detectors for name in detectors.load(rule.kind).FINDINGS}
        process = [(at, e) for at, e in own if e.category == "process" and e.condition not in advised]
        silent = [(at, e) for at, e in own if e.condition == "silent"]
        allowed: list[tuple[int, int]] = []
        for fate in sensor.fates:
            span = (fate.first_position, fate.last_position + 200)
            watched_ns = plant.watched_ns.get(id(fate), 0)
            if fate.kind == "silent":
                due_ns = sensor.profile.silent_after_ns + 2 * sensor.period_ns + 10 * SECOND
                found = [at for at, _ in silent if span[0] <= at <= span[1]]
            else:
                allowed.append(span)
                due_ns = sensor.longest_delay_ns() + 6 * sensor.period_ns
                found = [at for at, _ in process if span[0] <= at <= span[1]]
            if watched_ns >= due_ns:
                verdict.figures[f"{fate.kind}_due"] += 1
                verdict.claim(
                    bool(found),
                    f"{sensor.key} ({sensor.profile.id}, {sensor.form}, {sensor.identity}): {fate.kind} seen "
                    f"for {watched_ns / 1e9:.0f} s (due after {due_ns / 1e9:.0f}) without an alarm in {span}",
                )
        false = [e.id for at, e in process if not any(a <= at <= b for a, b in allowed)]
        verdict.claim(
            not false,
            f"{sensor.key} ({sensor.profile.id}, {sensor.trouble}): process alarms without a cause: "
            f"{false[:SHOWN]}",
        )
        if sensor.healthy and not sensor.joins_later and not sensor.fates and not plant.unseen_jumps:
            verdict.claim(
                not silent,
                f"{sensor.key} spoke all the time but was called silent: {[e.id for _, e in silent][:SHOWN]}",
            )
    losses = plant.faults_done.count("session_loss") - plant.untold_losses
    verdict.figures["session_losses_untold"] = plant.untold_losses
    verdict.figures["beside"] = plant.beside.times
    verdict.figures["clock_jumps_unseen"] = plant.unseen_jumps
    verdict.claim(gaps >= min(1, losses), f"{losses} lost sessions, but no possible-gap alarm")


def _commands(verdict: Verdict, plant: Plant, events: list[Event]) -> None:
    """Each answered command is in the ledger once with that answer; none acts after its deadline."""
    recorded = Counter(e.command for e in events if isinstance(e, CommandEvent))
    answers = {e.command: e for e in events if isinstance(e, CommandEvent)}
    accepted = 0
    for command in plant.commands:
        name = command.fields["id"]
        verdict.claim(recorded[name] <= 1, f"command {name} is recorded {recorded[name]} times")
        for at_ns, event in command.answers:
            if not event.id:  # refused before the journal: there is no event, and it must not have acted
                verdict.claim(
                    not event.accepted and name not in answers, f"command {name} was refused, but is recorded"
                )
                continue
            verdict.claim(answers.get(name) == event, f"command {name} was answered otherwise than recorded")
            late_ns = at_ns - command.asked_mono_ns
            verdict.claim(
                not event.accepted or late_ns <= DEADLINE_S * SECOND,
                f"command {name} acted after {late_ns / 1e9:.1f} s, its deadline was {DEADLINE_S} s",
            )
        accepted += name in answers and answers[name].accepted
    verdict.figures["commands"] = len(plant.commands)
    verdict.figures["commands_accepted"] = accepted


def _some(rows: Counter[Row]) -> list[str]:
    return [
        f"{key} {time_ms} {value} x{count}" for (key, time_ms, value), count in list(rows.items())[:SHOWN]
    ]


def _differ(one: msgspec.Struct, other: msgspec.Struct) -> list[str]:
    names = one.__struct_fields__
    return [
        f"{n} {getattr(one, n)} / {getattr(other, n)}" for n in names if getattr(one, n) != getattr(other, n)
    ]
