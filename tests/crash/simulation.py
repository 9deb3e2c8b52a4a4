"""``make sim``: the core on a virtual clock with seeded faults, an hour of two hundred devices a seed.

    python -m tests.crash.simulation --seeds 300     # writes reports/sim.json
    python -m tests.crash.simulation --seed 17       # one seed again, byte for byte, with its faults told

A finding is printed with the one command that replays it.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

from tests.crash.sim.controls import CONTROLS
from tests.crash.sim.faults import HOUR_NS, SECOND, Killed
from tests.crash.sim.plant import Plant
from tests.crash.sim.verdict import Verdict, judge
from tests.support.report import ROOT, Row, write

MEMORY = Path("/dev/shm")
"""A flush costs nothing there; what a power cut does is ``make powercut``'s question, not this one's."""


TWICE_EVERY = 10
"""The first seed and every tenth after it is run twice, for equal bytes."""


def profiles() -> dict[str, str]:
    """The shipped profiles' text, by id."""
    folder = ROOT / "device_profiles"
    return {
        f"{file.parent.name}/{file.stem}": file.read_text(encoding="utf-8")
        for file in sorted(folder.glob("*/*.toml"))
    }


def run_seed(
    seed: int, *, duration_ns: int = HOUR_NS, devices: int = 200, twice: bool = True, **broken: Any
) -> Verdict:
    """One seed, judged; with ``twice`` it is run again and both ledgers must have the same digest."""
    verdict = _once(seed, duration_ns, devices, broken)[0]
    if twice:
        again = _once(seed, duration_ns, devices, broken)[0]
        verdict.figures["twice"] = 1
        verdict.claim(
            verdict.digest == again.digest,
            f"the same seed gave another ledger: {verdict.digest} / {again.digest}",
        )
    return verdict


def _once(seed: int, duration_ns: int, devices: int, broken: dict[str, Any]) -> tuple[Verdict, Plant | None]:
    place = MEMORY if os.access(MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="riskgate-sim-", dir=place) as folder:
        plant = Plant(seed, Path(folder), profiles(), duration_ns=duration_ns, devices=devices, **broken)
        try:
            plant.run()
            return judge(plant), plant
        except (Exception, Killed):
            trace = traceback.format_exc(limit=-6)
            return Verdict(seed, [f"the simulation ended early: {trace}"]), plant


def run(seeds: int, first: int, seconds: int, devices: int) -> bool:
    """All seeds on every processor, then the controls; the report is written and printed."""
    began = time.monotonic()
    work: Callable[[int], Verdict] = partial(
        _work, first=first, duration_ns=seconds * SECOND, devices=devices
    )
    sums: Counter[str] = Counter()
    failed: list[Verdict] = []
    with ProcessPoolExecutor(os.cpu_count() or 1) as pool:
        verdicts = pool.map(work, range(first, first + seeds))
        for verdict in track(
            verdicts, "sim", total=seeds, console=Console(stderr=True), disable=not sys.stderr.isatty()
        ):
            sums += verdict.figures
            if verdict.findings:
                failed.append(verdict)
                tell(verdict)
        caught = list(pool.map(found_out, CONTROLS))
    return write("sim", rows(seeds, sums, failed, caught, time.monotonic() - began))


def _work(seed: int, first: int, duration_ns: int, devices: int) -> Verdict:
    twice = (seed - first) % TWICE_EVERY == 0
    return run_seed(seed, duration_ns=duration_ns, devices=devices, twice=twice)


def found_out(name: str) -> bool:
    """Whether a deliberately broken gateway is found out within a few short seeds."""
    breaks, expected = CONTROLS[name]
    for seed in range(1, 9):
        with breaks() as broken:
            verdict = run_seed(seed, duration_ns=1200 * SECOND, devices=40, twice=False, **broken)
        if any(expected in finding for finding in verdict.findings):
            return True
    return False


def rows(
    seeds: int, sums: Counter[str], failed: list[Verdict], caught: list[bool], took_s: float
) -> list[Row]:
    """The report."""

    def zero(name: str, figure: str, mark: str, trials: int = seeds) -> Row:
        bad = sum(any(mark in finding for finding in v.findings) for v in failed)
        return Row.zero(f"sim.{name}", figure, bad, "seeds", trials)

    def some(name: str, figure: str, measured: float, unit: str, note: str) -> Row:
        return Row.judged(f"sim.{name}", figure, measured, unit, "> 0", note=note)

    flow = (
        f"{sums['packets']} packets, {sums['readings']} readings, {sums['duplicates']} duplicates, "
        f"{sums['rejected']} rejected"
    )
    causes = f"and {sums['excursion_due']} devices beyond a limit; no process alarm without a cause"
    faults = (
        f"{sums['faults']} faults, {sums['stale']} stale acknowledgements dropped; excused, because the "
        f"process died before journalling them: {sums['session_losses_untold']} lost sessions, "
        f"{sums['clock_jumps_unseen']} clock settings"
    )
    order = "before that or after, as drawn; the others when nothing more came"
    return [
        zero("failed", "seeds with any finding", ""),
        zero("i1", "seeds that lost an acknowledged packet or let a reading act not exactly once", "I1:"),
        zero("i2", "seeds with a repeated or illegal transition", "I2:"),
        zero("i3", "seeds whose replay differs from the ledger", "I3:"),
        zero("i7", "seeds whose counts do not add up", "I7:"),
        zero("determinism", "seeds run twice that gave two ledgers", "the same seed gave", sums["twice"]),
        Row.judged(
            "sim.controls",
            "broken gateways found out",
            sum(caught),
            "of " + str(len(CONTROLS)),
            f"== {len(CONTROLS)}",
            note="; ".join(CONTROLS),
        ),
        some("hours", "plant time simulated", sums["seconds"] / 3600, "h", flow),
        some("restarts", "restarts in the middle", sums["restarts"], "restarts", faults),
        some("beside", "groups judged while the next was written", sums["beside"], "groups", order),
        some("silenced", "silenced devices that had to have an alarm", sums["silent_due"], "devices", causes),
        some("took", "time on this machine", took_s, "s", ""),
    ]


def tell(verdict: Verdict) -> None:
    """A finding, with the command that shows it again."""
    print(f"seed {verdict.seed}: {len(verdict.findings)} findings. Replay: make sim SEED={verdict.seed}")
    for finding in verdict.findings[:10]:
        print(f"  {finding}")


def replay(seed: int, seconds: int, devices: int) -> bool:
    """One seed with everything told."""
    verdict, plant = _once(seed, seconds * SECOND, devices, {})
    again, _ = _once(seed, seconds * SECOND, devices, {})
    verdict.claim(verdict.digest == again.digest, "the same seed gave another ledger")
    if plant is not None:
        print(f"seed {seed}: planned faults")
        print("\n".join(plant.plan.told()))
        print("process ends:", *plant.exits, sep="\n  ")
    print("figures:", dict(verdict.figures))
    print("digest:", verdict.digest)
    if verdict.findings:
        print(*verdict.findings, sep="\n")
    return not verdict.findings


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=20, help="how many")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--seed", type=int, help="replay this one")
    parser.add_argument("--seconds", type=int, default=3600, help="plant time of a seed")
    parser.add_argument("--devices", type=int, default=200)
    arguments = parser.parse_args()
    if arguments.seed is not None:
        return 0 if replay(arguments.seed, arguments.seconds, arguments.devices) else 1
    return 0 if run(arguments.seeds, arguments.first, arguments.seconds, arguments.devices) else 1


if __name__ == "__main__":
    sys.exit(main())
