"""From a task's end to the moment the bot sees it: the real line and the real next look on a virtual day.

Model Studio is simulated: one task at a time and model, the rest waits there; durations are lognormal around a time
that depends on the length. Fixed polling every 15 s goes through the same day. See ``--help``.
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import math
import random
import statistics
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.measure import Row, quantile, table
from bot.estimate import DOCUMENTED, Estimate, Sample, learn, next_look
from bot.job import JobState
from bot.order import Kind, Quality
from bot.pace import Pace
from bot.queue import Turn, may_submit, movable

if TYPE_CHECKING:
    from collections.abc import Callable

DAY = 86400.0
PACE = Pace()
PEOPLE = 12
HOST_SECONDS, CREATE_SECONDS, LOOK_SECONDS = 2.0, 0.6, 0.1  # the last: from the question to the answer
# How long tasks really take here: not what the documentation says.
TRUTH = {Quality.STANDARD: (20.0, 11.0), Quality.PRO: (25.0, 19.0)}
SPREAD = 0.2
PRIMED = 30  # tasks of each kind and quality that were seen on the days before


@dataclass(slots=True)
class Task:
    """A task at the simulated service."""

    started_at: float
    ended_at: float


@dataclass(slots=True)
class Found:
    """What the day gave."""

    delays: list[float] = field(default_factory=list)
    looks: list[float] = field(default_factory=list)
    idle: float = 0.0
    waited: float = 0.0  # how long anybody waited, summed over the models

    def busiest(self, within: float) -> int:
        """Return the most looks in any bin of so many seconds."""
        return max(Counter(int(at / within) for at in self.looks).values())


class Day:
    """One day of one deployment. ``look`` decides when a task is asked about next."""

    def __init__(self, seed: int, *, remembers: bool, fixed: bool = False, speed: Callable[[float], float]) -> None:
        self._random = random.Random(seed)
        self._remembers = remembers
        self._fixed = fixed
        self._speed = speed
        self._numbers = itertools.count()
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        self._turns: dict[Kind, dict[str, Turn]] = {kind: {} for kind in Kind}
        self._tasks: dict[str, Task] = {}
        self._free_at = dict.fromkeys(Kind, 0.0)
        self._last = 0.0
        self._history: dict[tuple[Kind, Quality], list[Sample]] = defaultdict(list)
        self._estimates: dict[tuple[Kind, Quality], Estimate] = {}
        self.found = Found()

    def run(self) -> Found:
        """Live through the day."""
        for kind, quality in itertools.product(Kind, Quality):
            self._estimates[kind, quality] = DOCUMENTED[quality]
            for _ in range(PRIMED if self._remembers else 0):
                seconds = self._length()
                self._remember(kind, quality, Sample(seconds, self._duration(quality, seconds, 0.0)))
        for kind in Kind:
            self._at(self._random.expovariate(1 / 60), partial(self._arrive, kind))
        while self._events and self._events[0][0] < DAY:
            now, _, act = heapq.heappop(self._events)
            self._account(now)
            act(now)
        return self.found

    def _at(self, when: float, act: Callable[[float], None]) -> None:
        heapq.heappush(self._events, (when, next(self._numbers), act))

    def _account(self, now: float) -> None:
        for kind, turns in self._turns.items():
            if any(turn.waits for turn in turns.values()):
                self.found.waited += now - self._last
                self.found.idle += max(0.0, now - max(self._last, self._free_at[kind]))
        self._last = now

    def _length(self) -> float:
        return min(30.0, 2.0 + self._random.expovariate(1 / 7))

    def _duration(self, quality: Quality, seconds: float, now: float) -> float:
        start, rate = TRUTH[quality]
        return (start + rate * seconds) * math.exp(self._random.gauss(0.0, SPREAD)) * self._speed(now)

    def _remember(self, kind: Kind, quality: Quality, sample: Sample) -> None:
        if self._remembers:
            self._history[kind, quality].insert(0, sample)
            self._estimates[kind, quality] = learn(self._history[kind, quality], quality)

    def _arrive(self, kind: Kind, now: float) -> None:
        turn = Turn(
            id=f"J{next(self._numbers)}",
            requester=f"U{self._random.randrange(PEOPLE)}",
            created_at=now,
            state=JobState.READY,
            due_at=now,
            seconds=self._length(),
            quality=self._random.choices([*Quality], [3, 1])[0],
        )
        self._turns[kind][turn.id] = turn
        line = sum(turn.waits for turn in self._turns[kind].values())
        # As many as the service can do, and fewer while the line is long: people look at it first.
        self._at(now + self._random.expovariate(1 / (60 + 10 * line)), partial(self._arrive, kind))
        self._move(kind, now)

    def _move(self, kind: Kind, now: float) -> None:
        turns = self._turns[kind]
        for job_id in movable([*turns.values()], PACE.places, now):
            if not turns[job_id].hosted:
                turns[job_id] = replace(turns[job_id], hosted=True)
                self._at(now + HOST_SECONDS, partial(self._move, kind))
            elif may_submit([*turns.values()], job_id, PACE.places):
                turns[job_id] = replace(turns[job_id], state=JobState.SUBMITTING, submitted_at=now)
                self._at(now + CREATE_SECONDS, partial(self._created, kind, job_id))

    def _created(self, kind: Kind, job_id: str, now: float) -> None:
        turn = self._turns[kind][job_id]
        started = max(now, self._free_at[kind])
        self._free_at[kind] = started + self._duration(turn.quality, turn.seconds, now)
        self._tasks[job_id] = Task(started, self._free_at[kind])
        self._turns[kind][job_id] = replace(turn, state=JobState.RENDERING)
        self._at(now + PACE.poll, partial(self._look, kind, job_id))
        self._move(kind, now)

    def _look(self, kind: Kind, job_id: str, asked: float) -> None:
        self.found.looks.append(asked)
        now, task = asked + LOOK_SECONDS, self._tasks[job_id]
        if task.ended_at > asked:
            running = task.started_at <= asked
            self._at(
                self._next(kind, self._turns[kind][job_id], task, now, running=running),
                partial(self._look, kind, job_id),
            )
        else:
            self._at(now, partial(self._seen, kind, job_id))

    def _next(self, kind: Kind, turn: Turn, task: Task, now: float, *, running: bool) -> float:
        if self._fixed:
            return now + PACE.poll
        return next_look(
            self._estimates[kind, turn.quality],
            turn.seconds,
            now,
            poll=PACE.poll,
            running=running,
            started_at=task.started_at if running else None,
            submitted=len(self._tasks),
        )

    def _seen(self, kind: Kind, job_id: str, now: float) -> None:
        task, turn = self._tasks.pop(job_id), self._turns[kind].pop(job_id)
        self.found.delays.append(now - task.ended_at)
        self._remember(kind, turn.quality, Sample(turn.seconds, task.ended_at - task.started_at))
        self._move(kind, now)


def steady(_: float) -> float:
    """The service is as fast as yesterday."""
    return 1.0


def faster(now: float) -> float:
    """From noon on the service takes half as long."""
    return 1.0 if now < DAY / 2 else 0.5


def rows(seed: int) -> list[Row]:
    """Live through the days and return the table's rows."""
    known = Day(seed, remembers=True, speed=steady).run()
    unknown = Day(seed, remembers=False, speed=steady).run()
    fixed = Day(seed, remembers=True, fixed=True, speed=steady).run()
    sudden = Day(seed, remembers=True, speed=faster).run()

    def below(name: str, value: float, target: float, other: float | None = None, unit: str = "s") -> Row:
        floor = "" if other is None else f"{other:.2f} {unit}"
        measured = f"{value:.2f} {unit}"
        return Row(name=name, measured=measured, floor=floor, ratio=value / target, target=1.0, most=True, slack=1.0)

    def mean(found: Found) -> float:
        return statistics.mean(found.delays)

    return [
        below("end to seen, mean, of 0.6 s", mean(known), 0.6, mean(fixed)),
        below("    p95, of 1 s", quantile(known.delays, 0.95), 1.0, quantile(fixed.delays, 0.95)),
        below("    looks a second, of 2", len(known.looks) / DAY, 2.0, len(fixed.looks) / DAY, ""),
        Row(name="    busiest minute, looks a second", measured=f"{known.busiest(60) / 60:.2f}"),
        below("    most looks in one second, of 20", known.busiest(1), 20.0, fixed.busiest(1), ""),
        below("    idle while anybody waits, of 0.5 %", known.idle / known.waited * 100, 0.5, None, "%"),
        below("without a history, mean, of 2 s", mean(unknown), 2.0),
        below("    looks a second, of 2", len(unknown.looks) / DAY, 2.0, None, ""),
        Row(name="twice as fast from noon on, mean", measured=f"{mean(sudden):.2f} s"),
        Row(name="    p95", measured=f"{quantile(sudden.delays, 0.95):.2f} s"),
        Row(name="tasks seen", measured=str(len(known.delays))),
    ]


def main() -> int:
    """Print the table; 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=7, help="of the day (7)")
    print("floor: fixed polling every 15 s")
    return 0 if table(rows(parser.parse_args().seed)) else 1


if __name__ == "__main__":
    sys.exit(main())
