"""The versions in force over what fleet list and profiles say.

Guarantee: a later version wins over an earlier one. Rules that no longer fit the fleet or its profiles are
refused as a whole, with version and device, so that the core goes on with what was in force.
"""

from __future__ import annotations

from pathlib import Path

from gateway.backtest.rules import RuleSet, parse_rules, together
from gateway.errors import ConfigError
from gateway.monitor.channels import Device
from gateway.monitor.roster import MonitorConfig
from gateway.rulebook.book import RuleBook


def overlaid(path: Path, devices: list[Device], profiles: dict[str, str]) -> list[Device]:
    """The devices with every version in force of this rules.db; the same ones where there is none.
    ConfigError when a version does not fit them any more."""
    if not path.exists():
        return devices
    problems: list[str] = []
    for proposal in RuleBook(path).in_force():
        place = f"rules in force, proposal {proposal.number} ({proposal.version})"
        rules = parse_rules(proposal.text, place)
        wrong = together(rules, MonitorConfig(devices, profiles))
        problems += [
            f"{place}: {one}; propose a version that fits, or undo the fleet's change" for one in wrong
        ]
        devices = amended(rules, devices)
    if problems:
        raise ConfigError(problems)
    return devices


def amended(rules: RuleSet, devices: list[Device]) -> list[Device]:
    """The devices with these rules over their own settings."""
    return [rules.amended(device) for device in devices]
