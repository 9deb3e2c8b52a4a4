"""propose -> back-test -> approve, decline or withdraw -> in force: who may take which step, and when.

Guarantee: an approval is refused unless the newest back-test is of this very text on the versions in force
now. A version that makes a safety limit looser needs two distinct verified people, of whom one may be its
author and one has the right to be the second person; the command line is nobody's second person.
Every step goes to the core as a command that is only recorded (``rule_step``), so that the ledger says who
changed the rules; what the core could not take goes with the next step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import msgspec

from gateway.backtest import in_force
from gateway.backtest.rules import RuleSet, checked, parse_rules
from gateway.errors import ConfigError, CoreUnreachable, RulesRefused
from gateway.monitor.roster import MonitorConfig
from gateway.paths import DataFolder
from gateway.rulebook.book import Proposal, RuleBook, Step, digest_of, over
from gateway.rulebook.overlay import amended

TOLD = "the core"
Reload = Callable[[], dict[str, Any]]
"""Asks the core to read its configuration again; its answer. May raise CoreUnreachable."""
RECORD = "rule_step"
MAX_COMMENT = 2000
Record = Callable[[dict[str, Any]], dict[str, Any]]
"""Gives the core the arguments of a command ``RECORD``; its answer. May raise CoreUnreachable."""


class Actor(msgspec.Struct, frozen=True):
    """Who takes a step: a verified person, or whoever sits at the command line."""

    id: str
    via: Literal["session", "token", "cli"]
    second: bool = False
    """Has the right to be the second person."""

    @property
    def verified(self) -> bool:
        """Whether the console knows who it is."""
        return self.via != "cli"


class Changing:
    """Management of change over one data folder."""

    def __init__(self, data: DataFolder, now_ns: Callable[[], int], reload: Reload, record: Record) -> None:
        self.book = RuleBook(data.rules)
        self._data = data
        self._now_ns = now_ns
        self._reload = reload
        self._record = record

    def propose(
        self,
        text: str,
        actor: Actor,
        may: Callable[[str, str], bool] = lambda _enterprise, _county: True,
        place: str = "rules",
    ) -> Proposal:
        """Check a rules file against what is in force and keep it. ConfigError with every problem, its line
        and ``place``; RulesRefused when it concerns devices of an (enterprise, county) that it may not."""
        config = self._approved()
        rules = parse_rules(text, place)
        checked(rules, config, text, place)
        concerns = sorted({(d.enterprise, d.county) for d in config.devices if rules.concerns(d)})
        if not all(may(*one) for one in concerns):
            raise RulesRefused(
                "these rules concern devices of others: name your own devices, no profile that others follow",
                "规则涉及其他单位的设备:请仅指定本单位设备",
            )
        author = actor.id if actor.verified else f"{actor.id} ({rules.author})"
        made = self.book.add(
            Proposal(
                0, rules.version, text, digest_of(text), author, actor.via, rules.reason, self._now_ns(),
                concerns, rules.loosened(config), "proposed", None,
            )
        )  # fmt: skip
        self._tell()
        return made

    def approve(self, number: int, actor: Actor, comment: str = "") -> tuple[Proposal, str]:
        """Approve a proposal: (as it is now, what that means in English). In force as soon as all who must
        have approved."""
        proposal = self.book.proposal(number)
        if proposal.state != "proposed":
            raise over(proposal)
        self._must_be_tried(proposal)
        config = self._approved()
        rules = parse_rules(proposal.text, f"proposal {number}")
        checked(rules, config, proposal.text, f"proposal {number}")
        step = Step(self._now_ns(), "approved", actor.id, actor.via, comment)
        if not self._enough(proposal, rules, config, actor):
            waiting = self.book.step(number, step)
            self._tell()
            return waiting, "approved; it loosens a safety limit and waits for another person's approval"
        approved = self.book.step(number, step, "in_force")
        self._tell()
        try:
            return self._put_in_force(approved, actor)
        finally:
            self._tell()

    def decline(self, number: int, actor: Actor, comment: str) -> Proposal:
        """It will not come. Why must be said."""
        return self._close(number, actor, "declined", comment)

    def withdraw(self, number: int, actor: Actor, comment: str = "") -> Proposal:
        """Its author takes it back; the command line takes back only what it proposed."""
        proposal = self.book.proposal(number)
        mine = proposal.author == actor.id if actor.verified else proposal.via == "cli"
        if not mine:
            raise RulesRefused(
                f"proposal {number} is of {proposal.author}: only its author withdraws it; decline it",
                f"第 {number} 号提案由 {proposal.author} 提出:仅提案人可撤回,可改为否决",
            )
        return self._close(number, actor, "withdrawn", comment or "withdrawn")

    def _close(
        self, number: int, actor: Actor, what: Literal["declined", "withdrawn"], comment: str
    ) -> Proposal:
        if not comment.strip():
            raise RulesRefused("say why: the reason is kept with the proposal", "请说明原因:原因将随提案保存")
        closed = self.book.step(number, Step(self._now_ns(), what, actor.id, actor.via, comment), what)
        self._tell()
        return closed

    def _approved(self) -> MonitorConfig:
        """What is in force, with every approved version that the core has not taken yet: a change is held to
        that. No check whether they fit: a version that mends it must be possible."""
        config = in_force(self._data)
        devices = config.devices
        for one in self.book.in_force():
            devices = amended(parse_rules(one.text, f"proposal {one.number}"), devices)
        return MonitorConfig(devices, config.profiles, config.suppressing)

    def _tell(self) -> None:
        """The ledger gets every step that it does not have; the core being away, with the next one."""
        for step_id, proposal, step in self.book.unrecorded():
            try:
                answer = self._record(
                    {
                        "proposal": proposal.number, "version": proposal.version, "digest": proposal.digest,
                        "step": step.what, "person": step.person, "via": step.via, "at_ns": step.at_ns,
                        "comment": step.comment[:MAX_COMMENT],
                    }
                )  # fmt: skip
            except CoreUnreachable:
                return
            if answer.get("accepted"):
                self.book.recorded(step_id)

    def _must_be_tried(self, proposal: Proposal) -> None:
        tried = self.book.tried(proposal.number, self._now_ns())
        how = f"run 'riskgate rules backtest {proposal.number}'"
        if tried is None or tried.state != "done" or tried.digest != proposal.digest:
            state = "it has none" if tried is None else f"its newest is {tried.state}"
            raise RulesRefused(
                f"proposal {proposal.number} needs a finished back-test of its own, {state}: {how}",
                f"第 {proposal.number} 号提案须先完成回测",
            )
        if tried.base != self.book.base():
            raise RulesRefused(
                f"another version came into force since the back-test of proposal {proposal.number}: {how}",
                f"回测之后已有其他版本生效:请对第 {proposal.number} 号提案重新回测",
            )

    def _enough(self, proposal: Proposal, rules: RuleSet, config: MonitorConfig, actor: Actor) -> bool:
        """Whether with this approval all have approved who must. RulesRefused for who cannot add anything."""
        if not rules.loosened(config):
            return True
        if not actor.verified:
            raise RulesRefused(
                f"proposal {proposal.number} loosens a safety limit: two people approve that in the console, "
                "the command line cannot",
                f"第 {proposal.number} 号提案放宽了安全限值:须由两人在控制台批准,命令行不可",
            )
        before = {
            s.person for s in self.book.steps(proposal.number) if s.what == "approved" and s.via != "cli"
        }
        before |= {proposal.author} if proposal.via != "cli" else set()
        if actor.id in before:
            raise RulesRefused(
                f"proposal {proposal.number} loosens a safety limit and you stand behind it already: another "
                "person must approve it",
                f"第 {proposal.number} 号提案放宽了安全限值,您已参与:须由另一人批准",
            )
        if before and not actor.second:
            raise RulesRefused(
                "your role may not be the second person for a looser safety limit",
                "您的角色不能作为放宽安全限值的第二人",
            )
        return bool(before)

    def _put_in_force(self, proposal: Proposal, actor: Actor) -> tuple[Proposal, str]:
        try:
            answer = self._reload()
        except CoreUnreachable:
            return proposal, "approved; the core does not run, it comes into force with its next start"
        if not answer.get("accepted"):
            why = str(answer.get("reason_en", ""))
            if "not taken yet" in why:
                return proposal, f"approved; {why}"
            self.book.undo(proposal.number, Step(self._now_ns(), "refused", TOLD, "core", why))
            raise ConfigError([f"approved by {actor.id}, but the core refused it: {why}"])
        return proposal, "in force"
