"""Plays one plan to its end, and judges by what the simulated world saw."""

from __future__ import annotations

import asyncio
import itertools
import logging
import shutil
import sqlite3
import tempfile
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

import structlog
from sim_bot import Life, Surroundings
from sim_people import Person
from sim_plan import DAY
from sim_slack import Slack
from sim_studio import OUR_KEY, SimStudio, Vendor
from sim_world import World
from sqlite_utils import Database
from virtual_loop import NoRest, VirtualLoop

from bot.failure import FailureCode, Spent
from bot.job import Job, JobState
from bot.store.rows import SELECT, from_row
from bot.store.schema import migrate

if TYPE_CHECKING:
    from sim_plan import Plan

# Every question lapses, every task ends and every clock is set right again within this.
PATIENCE = 3 * DAY
KEPT_PATIENCE = 8 * DAY  # and a video that nobody collects is given up


@dataclass(slots=True)
class Outcome:
    """What came of one plan."""

    plan: Plan
    bad: list[str] = field(default_factory=list)
    lives: list[list[str]] = field(default_factory=list)
    trace: list[tuple[float, str]] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)
    asked: int = 0
    collected: int = 0  # times that somebody had to press Deliver again
    billed: int = 0
    videos: int = 0


class Theatre:
    """The database and the folder that all plays of one process share. Each begins on a clean floor."""

    def __init__(self) -> None:
        shared = Path("/dev/shm")
        self.folder = Path(tempfile.mkdtemp(prefix="understudy-sim-", dir=shared if shared.is_dir() else None))
        self.db = _database()
        self._logs = structlog.get_config()

    def __enter__(self) -> Self:
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
        logging.disable(logging.CRITICAL)
        return self

    def __exit__(self, *_: object) -> None:
        logging.disable(logging.NOTSET)
        structlog.configure(**self._logs)
        self.db.close()
        shutil.rmtree(self.folder)

    def play(self, plan: Plan) -> Outcome:
        for table in ("preview", "card", "address", "event", "attempt", "job", "meta"):
            self.db.execute(f"DELETE FROM {table}")
        for path in self.folder.iterdir():
            shutil.rmtree(path)
        if plan.key_known:
            know_key(self.db)
        with closing(VirtualLoop()) as loop:
            try:
                outcome: Outcome = loop.run_until_complete(self._play(plan))
            except NoRest:
                loop.clear()
                outcome = Outcome(plan, bad=["it never came to rest"])
        return outcome

    async def _play(self, plan: Plan) -> Outcome:
        world = World(plan)
        vendor, slack = Vendor(world), Slack(world)
        people = [Person(world, number) for number in range(plan.jobs)]

        def changed(job_id: str) -> None:
            for person in people:
                person.card_changed(job_id)

        around = Surroundings(world, vendor, slack, self.db, self.folder, itertools.count(1), changed)
        for person in people:
            world.start(person.live())
        try:
            await self._lives(around, people)
        finally:
            world.end()
        if world.bugs:
            raise world.bugs[0]
        return self._judged(around, people)

    async def _lives(self, around: Surroundings, people: list[Person]) -> None:
        world, plan, clock_error = around.world, around.world.plan, 0.0
        for number in itertools.count():
            dies_at = plan.crashes[number] if number < len(plan.crashes) else None
            life = Life(around, dies_at=dies_at, clock_error=clock_error)
            world.life = life
            world.born.set()
            life.begin()
            for person in people:
                person.card_changed(person.job_id or "")
            over = asyncio.ensure_future(self._over(around, people))
            dead = asyncio.ensure_future(life.died.wait())
            await asyncio.wait({over, dead}, return_when=asyncio.FIRST_COMPLETED)
            ended = over.done()
            for waiting in (over, dead):
                waiting.cancel()
            world.life = None
            world.born.clear()
            world.lives.append(life.points)
            await life.bury()
            if ended:
                return
            clock_error += plan.jumps[number] if number < len(plan.jumps) else 0.0
            await asyncio.sleep(plan.restarts[number % len(plan.restarts)])

    async def _over(self, around: Surroundings, people: list[Person]) -> None:
        """Wait until everybody is done and nothing that was set going can still happen, or for far too long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(KEPT_PATIENCE if around.world.plan.refuses else PATIENCE):
                await asyncio.gather(*(person.done.wait() for person in people))
                await asyncio.sleep(100.0)  # an effect may come late
                await around.vendor.settled()
                await asyncio.sleep(100.0)

    def _judged(self, around: Surroundings, people: list[Person]) -> Outcome:
        jobs = [from_row(row) for row in self.db.execute(f"{SELECT} ORDER BY created_at")]
        outcome = Outcome(around.world.plan, lives=around.world.lives, trace=around.world.trace, jobs=jobs)
        outcome.asked = sum(person.asked for person in people)
        outcome.collected = sum(person.collected for person in people)
        outcome.billed = len([task for task in around.vendor.billed if task.job])
        outcome.videos = sum(len(file.shares) for file in around.slack.files.values() if not file.picture)
        outcome.bad = [
            *_lost(jobs, people),
            *(bad for job in jobs for bad in _money(job, around.vendor, people)),
            *(bad for job in jobs for bad in _videos(job, around.vendor, around.slack)),
            *(bad for job in jobs for bad in _previews(job, around.slack)),
            *_left(self.db, self.folder, jobs),
        ]
        return outcome


def know_key(db: Database) -> None:
    """Let the bot have learned, long ago, what Model Studio's list calls its key."""
    sql = "INSERT INTO meta (key, value) VALUES (:key, :value)"
    db.execute(sql, {"key": f"api_key_id of {SimStudio.account}", "value": OUR_KEY})


def _database() -> Database:
    connection = sqlite3.connect(":memory:")
    connection.row_factory = sqlite3.Row
    db = Database(connection)
    db.execute("PRAGMA foreign_keys = ON")
    migrate(db)
    return db


def _lost(jobs: list[Job], people: list[Person]) -> list[str]:
    ids = [job.id for job in jobs]
    known = [job for person in people for job in person.jobs]
    bad = [f"{job} was acknowledged and is lost" for job in known if job not in ids]
    bad += [f"the video of {job.id} was to be taken away and is not" for job in jobs if job.removing]
    bad += [f"{job.id} never ended: {job.state} {job.ask}" for job in jobs if not job.final]
    if len(ids) > len(set(known)):
        bad.append("one press made two jobs")
    return bad


def _money(job: Job, vendor: Vendor, people: list[Person]) -> list[str]:
    paid = sum(task.job == job.id for task in vendor.billed)
    allowed = 1 + sum(person.sent_again[job.id] for person in people)
    bad = [f"{job.id} was paid {paid} times, {allowed} allowed"] if paid > allowed else []
    if paid > {Spent.NOTHING: 0, Spent.MAYBE: 1, Spent.YES: 1}[job.spent] + job.doubts:
        bad.append(f"{job.id} was paid {paid} times but says {job.spent} and {job.doubts} doubts")
    if job.spent is Spent.YES and not paid:
        bad.append(f"{job.id} says that it was paid, and was not")
    return bad


def _videos(job: Job, vendor: Vendor, slack: Slack) -> list[str]:
    shown = [file for file in slack.files.values() for place in file.shares if place == job.id and not file.picture]
    linked = [found for place, file in slack.links if place == job.id and not (found := slack.files[file]).removed]
    bad = [f"{job.id} shows {len(shown)} videos"] if len(shown) > 1 else []
    bad += [
        f"{job.id} shows {file.text}, which is not its own"
        for file in shown + linked
        if file.text not in vendor.tasks or vendor.tasks[file.text].job != job.id
    ]
    gone = job.delivery.removed_at is not None
    if (job.state is JobState.DELIVERED and not gone) != bool(shown or linked):
        bad.append(f"{job.id} is {job.state}, with {len(shown)} videos and {len(linked)} links")
    return bad


def _previews(job: Job, slack: Slack) -> list[str]:
    shown = [file.text for file in slack.files.values() for place in file.shares if place == job.id and file.picture]
    return [] if sorted(shown) in ([], ["image", "sheet.jpg"]) else [f"{job.id} shows the pictures {shown}"]


def _left(db: Database, folder: Path, jobs: list[Job]) -> list[str]:
    bad = [f"media of {path.name} are left" for path in folder.iterdir()]
    good = db.execute("SELECT count(*) AS n FROM address WHERE revoked_at IS NULL").fetchone()["n"]
    if good:
        bad.append(f"{good} addresses are still good")
    bad += [f"{job.id} met a bug" for job in jobs if job.failure and job.failure.code is FailureCode.INTERNAL]
    open_calls = db.execute("SELECT count(*) AS n FROM attempt WHERE fate = 'open'").fetchone()["n"]
    return bad + ([f"{open_calls} paid calls are still open"] if open_calls else [])
