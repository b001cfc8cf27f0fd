"""One life of the bot: the real steps, line, engine and store around simulated services, until it dies."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import sim_slack
from sim_studio import SimStudio, TemporaryStorage
from sim_world import Died

from bot.delivery import Deliverer, Patience
from bot.engine import Engine
from bot.errors import StoreUnavailable
from bot.hosting.local import LocalHost
from bot.inputs import Inputs
from bot.intake import Intake
from bot.moves import Moves
from bot.pace import Pace
from bot.previews import Previews
from bot.progress import Progress
from bot.spool import Spool
from bot.steps import Steps
from bot.store import Store
from bot.store.writer import Operation, transact

if TYPE_CHECKING:
    from sim_slack import Slack
    from sim_studio import Vendor
    from sim_world import World
    from sqlite_utils import Database

    from bot.task import TaskRequest

T = TypeVar("T")
PACE = Pace(poll=30.0, answer_within=2 * 3600.0, look_again=600.0)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a life finds when it begins: the services, the disk, the numbers that were used up."""

    world: World
    vendor: Vendor
    slack: Slack
    db: Database
    folder: Path
    numbers: itertools.count[int]
    changed: Callable[[str], None]


class Life:
    """A process. At every point it may die; then nothing of it ever happens again."""

    def __init__(self, around: Surroundings, *, dies_at: int | None, clock_error: float) -> None:
        self.world = around.world
        self.died = asyncio.Event()
        self.points: list[str] = []
        self._dies_at = dies_at
        self._clock_error = clock_error
        self._tasks: set[asyncio.Task[Any]] = set()
        self.store = Store.around(_Disk(self, around.db), around.db, clock=self.clock)
        self._db = around.db
        self._build(around)

    def _build(self, around: Surroundings) -> None:
        spool = Spool(around.folder, limit=1 << 40, reserve=0)  # it may be a small one in memory
        slack = sim_slack.SimSlack(self, around.slack)
        self.previews = Previews(
            store=self.store,
            spool=spool,
            painter=slack,
            board=sim_slack.Board(slack),
            clock=self.clock,
            patience=Patience(),
        )

        def changed(job_id: str) -> None:
            self.previews.changed(job_id)
            around.changed(job_id)

        moves = Moves(self.store.jobs, changed=changed)
        studio = SimStudio(self, around.vendor)
        local = LocalHost("https://bot.example", clock=self.clock)
        host = local if self.world.plan.revocable else TemporaryStorage(self, around.numbers)
        inputs = Inputs(
            source=sim_slack.Inputs(slack),
            preparer=slack,
            host=host,
            spool=spool,
            store=self.store,
            moves=moves,
            progress=Progress(),
            clock=self.clock,
        )
        deliverer = Deliverer(
            results=slack,
            player=slack,
            finisher=slack,
            references=inputs,
            outlet=slack,
            spool=spool,
            moves=moves,
            clock=self.clock,
            patience=Patience(),
        )
        self.steps = Steps(
            store=self.store,
            studio=studio,
            inputs=inputs,
            deliverer=deliverer,
            host=host,
            spool=spool,
            moves=moves,
            clock=self.clock,
            pace=PACE,
        )
        self.engine = Engine(self.steps, clock=self.clock)
        self.intake = Intake(
            store=self.store,
            moves=moves,
            clock=self.clock,
            wake=self.engine.wake,
            tidy=self.steps.tidy,
            check_room=spool.check,
        )

    def clock(self) -> float:
        return self.world.now() + self._clock_error

    def begin(self) -> None:
        _ = self._start(self._run())
        _ = self._start(self._show())

    async def _show(self) -> None:
        await self.previews.start()
        await self.previews.run()

    async def _run(self) -> None:
        await self.steps.start()
        await self.engine.run()

    def _start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def point(self, name: str) -> None:
        """A moment at which the process may die: then whoever came here never goes on."""
        if not self.died.is_set():
            self.points.append(name)
            if len(self.points) == self._dies_at:
                self.world.note(f"DEATH at {name}")
                self.died.set()
        if self.died.is_set():
            await asyncio.get_running_loop().create_future()

    async def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Let this process do something for somebody outside, who hears nothing (Died) if it dies meanwhile."""
        task, death = self._start(work), asyncio.ensure_future(self.died.wait())
        try:
            await asyncio.wait({task, death}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            death.cancel()
        if self.died.is_set():
            raise Died
        return task.result()

    async def bury(self) -> None:
        """Take away what is left of it. Nothing it still tries reaches the disk or anybody else."""
        self.died.set()
        self.engine._stopping = self.previews._stopping = True  # before Python 3.12 wait_for may swallow a cancellation
        while tasks := [*self._tasks, *self.engine._in_hand.values()]:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=1e-3)

    async def serve(self, url: str) -> bool:
        """Be the web front: whether the whole file went out."""
        token = url.split("/")[4]
        address = await self.store.addresses.find(token)
        if address is None or not await self.store.addresses.begin_fetch(token):
            return False
        await asyncio.sleep(0.3)
        if not self.died.is_set():
            _ = self._start(self.store.addresses.served(token, 0, address.size))
        return True

    def job_of(self, request: TaskRequest) -> str:
        """Whose inputs these are: for the judge, not for the bot."""
        row = self._db.execute("SELECT job_id FROM address WHERE url = :url", {"url": request.image_url}).fetchone()
        return str(row["job_id"])


class _Disk:
    """``bot.store.writer.Writing`` without a thread, and with a process that may die around each commit."""

    def __init__(self, life: Life, db: Database) -> None:
        self._life = life
        self._db = db
        self.in_doubt = False

    async def run(self, work: Callable[[Database], T]) -> T:
        await self._life.point("commit: before")
        full = self._life.world.plan.disk_full
        if full is not None and full[0] <= self._life.world.loop.time() < full[1]:
            self.in_doubt = True
            raise StoreUnavailable("database or disk is full")
        self.in_doubt = False
        operation = Operation(work)
        transact(self._db, [operation])
        await self._life.point("commit: done")
        if operation.error is not None:
            raise operation.error
        result: T = operation.result
        return result

    def close(self) -> None:
        pass
