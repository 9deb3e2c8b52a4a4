"""A change of rules from its proposal until it is in force: each step, who may take it, and what it needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from gateway import cli
from gateway.alarms.engine import Engine, EventIds
from gateway.alarms.events import NoteEvent
from gateway.backtest import Difference, backtest
from gateway.backtest.rules import parse_rules
from gateway.errors import ConfigError, CoreUnreachable, RulesRefused
from gateway.kpi import kpis
from gateway.ledger import LedgerReader
from gateway.monitor.roster import MonitorConfig
from gateway.paths import DataFolder
from gateway.rulebook import RECORD, Actor, Changing, Proposal, RuleBook, overlaid
from gateway.rulebook.book import DEAD_NS
from gateway.rulebook.trying import try_it
from gateway.verify.replaying import events_of
from tests.alarms.made import Command
from tests.backtest.test_backtest import FORCE, LOOSER, PROFILES, STRICTER, live, raised
from tests.support.make_data import FLEET

LI, MA, WANG = Actor("li", "session"), Actor("ma", "token", second=True), Actor("wang", "session")
HERE = Actor("root", "cli")


class Desk:
    """Management of change over a recording; the core's answer to a reload as the test gives it."""

    def __init__(self, data: DataFolder) -> None:
        self.data = data
        self.now_ns = 1_764_000_000_000_000_000
        self.answer: dict[str, Any] | None = {"accepted": True}
        self.reloads = 0
        self.there = True
        self.engine = Engine(EventIds(1, 1))
        self.record: list[dict[str, Any]] = []
        self.changing = Changing(data, lambda: self.now_ns, self.reload, self.take)

    def take(self, step: dict[str, Any]) -> dict[str, Any]:
        """What the core does with a step: the real engine judges the command."""
        if not self.there:
            raise CoreUnreachable("nobody answers")
        answer, _ = self.engine.command(Command(RECORD, step, role="engineer"), self.now_ns)
        self.record += [step] if answer.accepted else []
        return {"accepted": answer.accepted}

    def reload(self) -> dict[str, Any]:
        self.reloads += 1
        if self.answer is None:
            raise CoreUnreachable("nobody answers")
        return self.answer

    def tried(self, proposal: Proposal) -> Difference:
        trial = self.changing.book.begin(proposal, "li", 0, self.now_ns)
        return try_it(self.data, proposal.number, trial, 0, lambda: self.now_ns)


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> DataFolder:
    return live(tmp_path_factory.mktemp("moc") / "data")


@pytest.fixture
def desk(recording: DataFolder) -> Desk:
    recording.rules.unlink(missing_ok=True)
    return Desk(recording)


def test_a_stricter_version_comes_into_force_and_stays_readable(desk: Desk) -> None:
    made = desk.changing.propose(STRICTER, LI)
    assert (made.number, made.version, made.author, made.state) == (1, "v2", "li", "proposed")
    assert overlaid(desk.data.rules, FLEET, PROFILES) == FLEET, "a proposal alone changes nothing"
    told = desk.tried(made)
    assert told.added + told.removed > 0
    done, said = desk.changing.approve(made.number, HERE, "seen")
    assert (done.state, done.place, said, desk.reloads) == ("in_force", 1, "in force", 1)
    devices = overlaid(desk.data.rules, FLEET, PROFILES)
    own = {(s.channel, s.condition): s.value for s in devices[0].overrides}
    assert own == {("lel", "H"): 15.0, ("lel", "HH"): 30.0}
    assert devices[1:] == FLEET[1:]
    steps = [(s.what, s.person, s.via, s.comment) for s in desk.changing.book.steps(1)]
    assert steps == [("proposed", "li", "session", "morning vent"), ("approved", "root", "cli", "seen")]
    assert desk.changing.book.proposal(1).text == STRICTER
    with pytest.raises(RulesRefused, match="in force already"):
        desk.changing.approve(1, LI)


def test_without_a_back_test_of_this_very_version_nothing_is_approved(desk: Desk) -> None:
    made = desk.changing.propose(STRICTER, LI)
    with pytest.raises(RulesRefused, match="needs a finished back-test"):
        desk.changing.approve(made.number, MA)
    trial = desk.changing.book.begin(made, "li", 0, desk.now_ns)
    with pytest.raises(RulesRefused, match="newest is running"):
        desk.changing.approve(made.number, MA)
    desk.changing.book.ended(trial, "failed", "the disk", desk.now_ns)
    with pytest.raises(RulesRefused, match="newest is failed"):
        desk.changing.approve(made.number, MA)
    assert desk.reloads == 0


def test_another_version_in_force_asks_for_another_back_test(desk: Desk) -> None:
    first = desk.changing.propose(STRICTER, LI)
    second = desk.changing.propose(STRICTER.replace('"v2"', '"v3"').replace("15", "14"), LI)
    for one in (first, second):
        desk.tried(one)
    desk.changing.approve(first.number, MA)
    with pytest.raises(RulesRefused, match="another version came into force"):
        desk.changing.approve(second.number, MA)
    desk.tried(second)
    assert desk.changing.approve(second.number, MA)[0].place == 2
    own = {s.condition: s.value for s in overlaid(desk.data.rules, FLEET, PROFILES)[0].overrides}
    assert own == {"H": 14.0, "HH": 30.0}


def test_a_looser_safety_limit_needs_two_people_and_the_command_line_is_none(desk: Desk) -> None:
    made = desk.changing.propose(LOOSER, LI)
    assert len(made.loosened) >= 2
    desk.tried(made)
    with pytest.raises(RulesRefused, match="another person must approve"):
        desk.changing.approve(made.number, LI)
    with pytest.raises(RulesRefused, match="the command line cannot"):
        desk.changing.approve(made.number, HERE)
    with pytest.raises(RulesRefused, match="may not be the second person"):
        desk.changing.approve(made.number, WANG)
    assert desk.changing.approve(made.number, MA)[1] == "in force"


@pytest.mark.parametrize("answer", [None, {"accepted": False, "reason_en": "not taken yet: ask again"}])
def test_looser_than_a_version_that_the_core_has_not_taken_yet_needs_two_people(
    desk: Desk, answer: dict[str, Any] | None
) -> None:
    first = desk.changing.propose(STRICTER, LI)
    desk.tried(first)
    desk.answer = answer
    assert desk.changing.approve(first.number, MA)[0].state == "in_force"
    between = STRICTER.replace('"v2"', '"v3"').replace("setpoint = 30", "setpoint = 45")
    second = desk.changing.propose(between, HERE)
    assert ["45 loosens a safety limit" in one for one in second.loosened] == [True]
    desk.tried(second)
    with pytest.raises(RulesRefused, match="the command line cannot"):
        desk.changing.approve(second.number, HERE)
    assert desk.changing.approve(second.number, WANG)[0].state == "proposed"
    assert desk.changing.approve(second.number, MA)[0].state == "in_force"


def test_what_the_command_line_proposed_needs_two_approvals(desk: Desk) -> None:
    made = desk.changing.propose(LOOSER, HERE)
    desk.tried(made)
    waiting, said = desk.changing.approve(made.number, WANG)
    assert waiting.state == "proposed"
    assert "another person" in said
    with pytest.raises(RulesRefused, match="you stand behind it already"):
        desk.changing.approve(made.number, WANG)
    assert desk.changing.approve(made.number, MA)[0].state == "in_force"


def test_what_the_core_refuses_is_a_proposal_again(desk: Desk) -> None:
    made = desk.changing.propose(STRICTER, LI)
    desk.tried(made)
    desk.answer = {"accepted": False, "reason_en": "fleet.csv: line 3: no profile 'x'"}
    with pytest.raises(ConfigError, match="line 3"):
        desk.changing.approve(made.number, MA)
    again = desk.changing.book.proposal(made.number)
    assert (again.state, again.place) == ("proposed", None)
    assert desk.changing.book.steps(made.number)[-1].what == "refused"
    desk.answer = None
    assert "with its next start" in desk.changing.approve(made.number, MA)[1]
    assert overlaid(desk.data.rules, FLEET, PROFILES) != FLEET


def test_declined_and_withdrawn(desk: Desk) -> None:
    one, two = desk.changing.propose(STRICTER, LI), desk.changing.propose(LOOSER.replace('"v2"', '"v3"'), LI)
    with pytest.raises(RulesRefused, match="say why"):
        desk.changing.decline(one.number, MA, " ")
    assert desk.changing.decline(one.number, MA, "too strict").state == "declined"
    for stranger in (MA, HERE):
        with pytest.raises(RulesRefused, match="only its author"):
            desk.changing.withdraw(two.number, stranger)
    assert desk.changing.withdraw(two.number, LI).state == "withdrawn"
    for number in (1, 2):
        with pytest.raises(RulesRefused, match="already"):
            desk.changing.approve(number, MA)
    with pytest.raises(RulesRefused, match="no proposal 9"):
        desk.changing.book.proposal(9)


def test_a_wrong_or_foreign_or_repeated_proposal_is_refused_with_its_place(desk: Desk) -> None:
    with pytest.raises(ConfigError, match=r"^a\.toml: line 5: .*did you mean"):
        desk.changing.propose(STRICTER.replace("GD-1", "GD-8"), LI, place="a.toml")
    with pytest.raises(RulesRefused, match="devices of others"):
        desk.changing.propose(STRICTER, LI, lambda enterprise, _county: enterprise != "acme")
    desk.changing.propose(STRICTER, LI)
    with pytest.raises(RulesRefused, match="is proposal 1 already"):
        desk.changing.propose(STRICTER, LI)


def test_a_version_that_no_longer_fits_is_told_with_device_and_version(desk: Desk) -> None:
    made = desk.changing.propose(STRICTER, LI)
    desk.tried(made)
    desk.changing.approve(made.number, MA)
    text = PROFILES["gas/combustible_point"].replace("high = 100", "high = 20")
    text = text.replace("setpoint = 25\n", "setpoint = 5\n").replace("setpoint = 50\n", "setpoint = 10\n")
    with pytest.raises(ConfigError, match=r"rules in force, proposal 1 \(v2\).*acme/plant/GD-1"):
        overlaid(desk.data.rules, FLEET, {**PROFILES, "gas/combustible_point": text})


def test_one_back_test_at_a_time_and_a_dead_one_is_told(desk: Desk) -> None:
    made = desk.changing.propose(STRICTER, LI)
    desk.changing.book.begin(made, "li", 0, desk.now_ns)
    with pytest.raises(RulesRefused, match="is running"):
        desk.changing.book.begin(made, "li", 0, desk.now_ns)
    found = desk.changing.book.tried(made.number, desk.now_ns + DEAD_NS)
    assert found is not None
    assert (found.state, found.result) == ("failed", "it ended without a result")
    assert desk.changing.book.begin(made, "li", 0, desk.now_ns + DEAD_NS) == 2


def test_figures_before_are_those_of_the_ledger_and_after_those_of_a_core_that_had_the_rules(
    desk: Desk, tmp_path: Path
) -> None:
    told = desk.tried(desk.changing.propose(STRICTER, LI))
    assert told.figures is not None
    before, after = told.figures.before, told.figures.after
    period = (before.since_ms * 1_000_000, before.until_ms * 1_000_000)
    assert before == kpis(desk.data.ledger, *period)
    new = live(tmp_path / "new", desk_rules(desk))
    live_told = kpis(new.ledger, *period)
    assert after.annunciated == live_told.annunciated != before.annunciated
    # those of the stepped plant; what else the other core said of itself is not of the rules
    assert after.by_priority == live_told.by_priority
    assert [one.alarm for one in after.top] == [one.alarm for one in live_told.top]


def test_over_less_than_a_second_no_figures_are_counted(tmp_path: Path) -> None:
    told = backtest(live(tmp_path / "short", seconds=0), parse_rules(STRICTER, "x"), kpi=True)
    assert (told.figures, told.before) == (None, 0)


def desk_rules(desk: Desk) -> Any:
    return parse_rules(desk.changing.book.proposal(1).text, "proposal 1")


def test_the_command_line_goes_the_whole_way(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "new.toml"
    path.write_text(STRICTER)

    def run(*words: str) -> tuple[int, str]:
        ran = CliRunner().invoke(cli.app, ["--data", str(desk.data.root), "rules", *words])
        return ran.exit_code, ran.stdout + str(ran.exception or "")

    assert "proposal 1: v2" in run("propose", str(path))[1]
    assert "needs a finished back-test" in run("approve", "1")[1]
    assert "no back-test yet" in run("show", "1")[1]
    code, said = run("backtest", "1", "--since", "9000d")
    assert (code, "Alarm figures" in said) == (0, True)
    assert "with its next start" in run("approve", "1", "--comment", "ok")[1]
    assert "in force" in run("list")[1]
    path.write_text(STRICTER.replace('"v2"', '"v3"').replace("15", "14"))
    assert run("propose", str(path))[0] == 0
    assert "\n+setpoint = 14\n" in run("show", "2", "--against", "1")[1]
    assert "\nsetpoint = 14\n" in run("show", "2")[1]
    assert run("decline", "2", "--reason", "no")[0] == 0
    assert "in force already" in run("withdraw", "1")[1]


def test_in_force_is_journalled_and_untouched_rules_keep_their_state(tmp_path: Path) -> None:
    """The proof of the whole: +x/-y of the back-test is what a core gives that the approved version reached
    through rules.db, on the same recording; and alarms of other devices go on."""
    old = live(tmp_path / "old")
    desk = Desk(old)
    made = desk.changing.propose(STRICTER, LI)
    told = desk.tried(made)
    desk.changing.approve(made.number, MA)
    devices = overlaid(old.rules, FLEET, PROFILES)
    assert devices == [desk_rules(desk).amended(device) for device in FLEET]
    new = live(tmp_path / "new", desk_rules(desk))
    before, after = raised(old), raised(new)
    assert told.added + told.removed > 0
    assert told.added - told.removed == sum(after.values()) - sum(before.values())
    others = {name for name in before if not name.startswith("acme/plant/GD-1/")}
    assert others
    assert {name: before[name] for name in others} == {name: after[name] for name in others}
    notes = [e for _, e in events_of(LedgerReader(new.ledger)) if isinstance(e, NoteEvent)]
    assert sum(note.kind == "configuration" for note in notes) == 2
    assert MonitorConfig(FLEET, PROFILES) == FORCE
    assert msgspec.json.decode(RuleBook(old.rules).tried(1, desk.now_ns).result, type=Difference) == told  # type: ignore[union-attr]


def told(desk: Desk) -> list[tuple[int, str, str, str]]:
    return [(s["proposal"], s["step"], s["person"], s["via"]) for s in desk.record]


def test_every_step_is_given_to_the_ledger_with_who_took_it(desk: Desk) -> None:
    made = desk.changing.propose(LOOSER, LI)
    desk.tried(made)
    desk.changing.approve(made.number, MA, "agreed")
    steps = [(1, "proposed", "li", "session"), (1, "approved", "ma", "token")]
    assert told(desk) == steps
    assert {s["digest"] for s in desk.record} == {made.digest}
    assert desk.record[1]["comment"] == "agreed"
    other = desk.changing.propose(STRICTER.replace("v2", "v3"), WANG)
    desk.changing.decline(other.number, LI, "not now")
    assert told(desk) == [*steps, (2, "proposed", "wang", "session"), (2, "declined", "li", "session")]


def test_what_the_core_could_not_take_it_gets_with_the_next_step_and_once(desk: Desk) -> None:
    desk.there = False
    made = desk.changing.propose(STRICTER, LI)
    assert desk.record == []
    desk.there = True
    desk.changing.withdraw(made.number, LI)
    steps = [(1, "proposed", "li", "session"), (1, "withdrawn", "li", "session")]
    assert told(desk) == steps
    desk.changing.propose(LOOSER.replace("v2", "v3"), WANG)
    assert told(desk) == [*steps, (2, "proposed", "wang", "session")]


def test_what_the_core_refused_is_recorded_as_refused(desk: Desk) -> None:
    made = desk.changing.propose(STRICTER, LI)
    desk.tried(made)
    desk.answer = {"accepted": False, "reason_en": "disk full"}
    with pytest.raises(ConfigError, match="disk full"):
        desk.changing.approve(made.number, LI)
    assert [step for _, step, _, _ in told(desk)] == ["proposed", "approved", "refused"]


@pytest.mark.parametrize("wrong", [{"at_ns": True}, {"proposal": 0}, {"version": 3}, {"comment": "x" * 2001}])
def test_a_step_that_is_none_is_refused_with_its_form(desk: Desk, wrong: dict[str, Any]) -> None:
    desk.changing.propose(STRICTER, LI)
    answer, _ = desk.engine.command(Command(RECORD, {**desk.record[0], **wrong}, role="engineer"), 1)
    assert not answer.accepted
    assert '"proposal"' in answer.reason_en
