"""Plays many simulated runs and tells which of them broke a promise.

python tests/simulation/run.py --schedules 100000 --seed 1
python tests/simulation/run.py --replay 4711
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import islice

from every_point import DELICATE, pairs, singles, worlds
from scenario import Outcome, Theatre
from sim_plan import Tally, random_plan

_CHUNK = 100
RANDOM_SHORT = 7 * 10**9  # the first seed of the short form


def tell(what: object) -> None:
    sys.stdout.write(f"{what}\n")


def play_seeds(first: int, count: int) -> Tally:
    tally = Tally()
    gc.disable()  # what a play leaves behind is swept up between the chunks: a tenth of the time
    with Theatre() as theatre:
        for seed in range(first, first + count):
            add(tally, theatre.play(random_plan(seed)))
    gc.collect()
    return tally


def play_points(number: int) -> Tally:
    tally = Tally()
    world = worlds(many=True)[number]
    with Theatre() as theatre:
        for plan in singles(theatre, world):
            add(tally, theatre.play(plan))
        if number % 9 == 0:
            for plan in pairs(theatre, world, delicate=(*DELICATE, "preview", "mend", "finish")):
                add(tally, theatre.play(plan))
    return tally


def add(tally: Tally, outcome: Outcome) -> None:
    tally.runs += 1
    tally.jobs += len(outcome.jobs)
    tally.asked += outcome.asked
    tally.crashes += len(outcome.lives) - 1
    tally.billed += outcome.billed
    tally.videos += outcome.videos
    plan = outcome.plan
    tally.bad += [f"seed {plan.seed}: {bad}" if plan.seed else f"{plan}: {bad}" for bad in outcome.bad]


def merged(tallies: list[Tally]) -> Tally:
    total = Tally()
    for tally in tallies:
        total.runs += tally.runs
        total.jobs += tally.jobs
        total.asked += tally.asked
        total.crashes += tally.crashes
        total.billed += tally.billed
        total.videos += tally.videos
        total.bad += tally.bad
    return total


def replay(seed: int) -> int:
    with Theatre() as theatre:
        outcome = theatre.play(random_plan(seed))
    tell(outcome.plan)
    for at, what in outcome.trace:
        tell(f"{at:10.2f}  {what}")
    for job in outcome.jobs:
        tell(job)
    tell("\n".join(outcome.bad) or "every promise held")
    return len(outcome.bad)


def chunks(seed: int, many: int) -> tuple[list[int], list[int]]:
    """Schedule number n of seed s is the plan of seed s * 10^9 + n, so that two seeds share none."""
    base = seed * 10**9
    firsts = list(range(base, base + many, _CHUNK))
    return firsts, [min(_CHUNK, base + many - first) for first in firsts]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--schedules", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--replay", type=int)
    parser.add_argument("--every-point", action="store_true")
    parser.add_argument("--one-in", type=int, default=1, help="of so many worlds, for every point: the seed says which")
    arguments = parser.parse_args()
    if arguments.replay is not None:
        return min(1, replay(arguments.replay))
    began = time.monotonic()
    with ProcessPoolExecutor(arguments.processes) as pool:
        if arguments.every_point:
            some = range(arguments.seed % arguments.one_in, len(worlds(many=True)), arguments.one_in)
            total = merged(list(pool.map(play_points, some)))
        else:
            total = merged(list(pool.map(play_seeds, *chunks(arguments.seed, arguments.schedules))))
    seconds = time.monotonic() - began
    tell(
        f"{total.runs} schedules, {total.jobs} jobs, {total.crashes} crashes, {total.billed} tasks billed, "
        f"{total.videos} videos, {total.asked} questions; {total.runs / seconds:.0f} a second"
    )
    for bad in islice(total.bad, 50):
        tell(bad)
    tell(f"{len(total.bad)} promises broken" if total.bad else "every promise held")
    return min(1, len(total.bad))


if __name__ == "__main__":
    sys.exit(main())
