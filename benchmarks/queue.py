"""A long line: the next turn chosen and every place in it worked out anew, as the engine and the cards do.

The limit is processor time, and absolute: a line this long must not be felt anywhere. See ``--help``.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measure import Row, quantile, table
from bot.estimate import DOCUMENTED, Sample, learn
from bot.job import Input, Job, JobState, Media, Mending
from bot.order import Kind, Order, Place, Quality, SourceFile
from bot.queue import Turn, movable, next_move_at, standings
from bot.slack.messages import waiting_words
from bot.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable

TARGET_MS = 10.0
NOW = 1_800_000_000.0
PLACES = 2


def line(jobs: int, people: int) -> list[Job]:
    """Return that many jobs that wait, of that many people, and two that are at the service."""
    image = Media(format="png", size=1000, width=640, height=640)
    made = []
    for number in range(jobs + PLACES):
        quality = Quality.PRO if number % 3 == 0 else Quality.STANDARD
        order = Order(kind=Kind.ANIMATE, quality=quality, image=SourceFile("F1"), video=SourceFile("F2"))
        place = Place(team="T1", channel="C1", user=f"U{number * 7919 % people:04}")
        video = Media(format="mp4", size=1000, width=640, height=640, seconds=2.0 + number % 28, fps=25.0)
        job = Job(id=f"J{number:06}", key=str(number), order=order, place=place, created_at=NOW + number, due_at=NOW)
        inputs = [Input(media=media, mending=Mending(original=media)) for media in (image, video)]
        job = job.checked(*inputs, now=NOW)
        if number < PLACES:
            job = job.submitting(now=NOW).rendering(f"T{number}", due_at=NOW)
        made.append(job)
    return made


def work(turns: list[Turn], now: float) -> None:
    """Choose who moves next, and work out every place with the words in which a card shows it."""
    movable(turns, PLACES, now)
    next_move_at(turns, PLACES, now)
    places = standings(turns, 1, now, DOCUMENTED)
    if not all(waiting_words(standing) for standing in places.values()):
        raise RuntimeError("a card has no words")
    if len(places) != sum(turn.waits for turn in turns):
        raise RuntimeError("somebody has no place")


def _times(rounds: int, act: Callable[[], object]) -> list[float]:
    took = []
    for _ in range(rounds):
        began = time.process_time()
        act()
        took.append((time.process_time() - began) * 1000)
    return took


async def measured(jobs: int, people: int, rounds: int, folder: Path) -> list[Row]:
    """Return the table's rows."""
    store = Store(folder / "jobs.db", clock=lambda: NOW)
    await asyncio.gather(*(store.jobs.add(job) for job in line(jobs, people)))
    turns = await store.jobs.turns(Kind.ANIMATE, NOW)
    samples = [
        Sample(2.0 + index % 28, (20.0 + 11.0 * (2 + index % 28)) * (0.8 + index % 5 / 10)) for index in range(100)
    ]
    pure = _times(rounds, lambda: work(turns, NOW))
    reading = []
    for _ in range(rounds):
        began = time.process_time()
        await store.jobs.turns(Kind.ANIMATE, NOW)
        reading.append((time.process_time() - began) * 1000)
    learning = _times(rounds, lambda: learn(samples, Quality.STANDARD))
    waiting = [replace(turn, state=JobState.READY) for turn in turns]
    ten = _times(rounds, lambda: work(waiting[: jobs // 10], NOW))
    store.close()
    middle = statistics.median(pure)
    return [
        Row(
            name=f"{jobs} jobs of {people} people, ms of processor time, of {TARGET_MS:g}",
            measured=f"{middle:.2f} ms",
            floor=f"{TARGET_MS:g} ms",
            ratio=middle / TARGET_MS,
            target=1.0,
            most=True,
        ),
        Row(name="    p95", measured=f"{quantile(pure, 0.95):.2f} ms"),
        Row(
            name="    a tenth of the line as floor",
            measured=f"{middle:.2f} ms",
            floor=f"{statistics.median(ten):.2f} ms",
            ratio=middle / statistics.median(ten),
            target=20.0,  # ten times and a bit: no square in it
            most=True,
        ),
        Row(name="the line read from the database", measured=f"{statistics.median(reading):.2f} ms"),
        Row(name="an estimate learned from 100 tasks", measured=f"{statistics.median(learning):.2f} ms"),
    ]


def main() -> int:
    """Print the table; 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="20 rounds instead of 200")
    parser.add_argument("--jobs", type=int, default=1000, help="that wait (1000)")
    parser.add_argument("--people", type=int, default=50, help="who wait (50)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(measured(given.jobs, given.people, 20 if given.quick else 200, Path(folder)))
    return 0 if table(found) else 1


if __name__ == "__main__":
    sys.exit(main())
