"""docs/profiles.md, written from the profiles themselves: ``python -m tests.support.profiles_page`` writes it
again, and a contract test holds it equal, so that it cannot drift."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from device_profiles import Profile, parse
from gateway.fleet import read_profiles

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "profiles.md"

HEAD = """# The shipped profiles

Written from the files in `device_profiles/`; a test holds it equal to them. `riskgate profiles show ID`
prints one whole. *First* is how many of the alarms have priority 1. *Read* is how many of the alarms'
figures stand in a clause that somebody has read; all others say `source_verified = false`: practice, a
second-hand source, or the plant's own design, to be set before the profile is relied upon. *Advises* counts
detectors, which never act.

A period is the expected time between readings; where uploads are rarer, both are given. A device is silent
after the time in the last column. A point with `on_event = true` comes only when something happened (the
waveform of `pipeline/npw_head`): its silence is not judged, another channel gives the sign of life.
"""
COLUMNS = ("id", "device", "名称", "points", "alarms", "first", "read", "advises", "period", "silent after")


def page(profiles: Mapping[str, Profile]) -> str:
    """The whole page, one table a family."""
    lines = [HEAD]
    families = sorted({name.partition("/")[0] for name in profiles})
    for family in families:
        lines += [f"## {family}", "", _row(COLUMNS), _row(["---"] * len(COLUMNS))]
        lines += [_row(_cells(p)) for name, p in sorted(profiles.items()) if name.startswith(f"{family}/")]
        lines.append("")
    alarms = sum(len(p.alarms) for p in profiles.values())
    read = sum(a.source_verified for p in profiles.values() for a in p.alarms)
    lines.append(
        f"{len(profiles)} profiles, {alarms} alarms, {read} with a figure from a clause that was read."
    )
    return "\n".join(lines) + "\n"


def _cells(profile: Profile) -> Iterator[str]:
    yield f"`{profile.id}`"
    yield profile.title_en
    yield profile.title_zh
    yield str(len(profile.points))
    yield str(len(profile.alarms))
    yield str(sum(a.priority == 1 for a in profile.alarms))
    yield str(sum(a.source_verified for a in profile.alarms))
    yield str(len(profile.detectors))
    rare = profile.upload_period_ns > profile.period_ns
    yield _time(profile.period_ns) + (f", uploads {_time(profile.upload_period_ns)}" if rare else "")
    yield _time(profile.silent_after_ns)


def _time(ns: int) -> str:
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)):
        if ns >= size * 2 * 10**9 and ns % (size * 10**9) == 0:
            return f"{ns // (size * 10**9)} {unit}"
    return f"{ns / 1e9:g} s" if ns >= 10**9 else f"{ns / 1e6:g} ms"


def _row(cells: Iterator[str] | list[str] | tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


def shipped() -> dict[str, Profile]:
    """Every packaged profile by id."""
    return {name: parse(name, text) for name, text in read_profiles([]).items()}


if __name__ == "__main__":
    PAGE.write_text(page(shipped()), encoding="utf-8")
