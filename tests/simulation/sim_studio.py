"""A simulated Model Studio: one account, one task at a time per model, and who is billed for what."""

from __future__ import annotations

import asyncio
import itertools
from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sim_world import Died, Lateness

from bot.errors import StoreUnavailable, Unclear, Unreachable
from bot.failure import Failure, FailureCode
from bot.hosting import Hosted
from bot.order import Kind
from bot.task import ListedTask, Task, TaskRequest, TaskStatus

if TYPE_CHECKING:
    from pathlib import Path

    from sim_bot import Life
    from sim_world import World

    from bot.job import Media
    from bot.order import Role

OUR_KEY, FOREIGN_KEY = "key-ours", "key-foreign"
RESULT_HOURS = 24 * 3600.0
_DOWNLOAD = Failure(FailureCode.DOWNLOAD, "InvalidParameter: Unable to download the media resource.")
_MODERATION = Failure(FailureCode.MODERATION, "DataInspectionFailed")


@dataclass(slots=True, eq=False)
class SimTask:
    """A task. ``job`` is what it was really made for; nobody can ask Model Studio that."""

    id: str
    kind: Kind
    key: str
    created_at: float  # by Model Studio's clock
    listed_at: float  # the loop's time from which the list shows it
    job: str = ""
    request: TaskRequest | None = None
    status: TaskStatus = TaskStatus.PENDING
    started_at: float | None = None
    ended_at: float | None = None
    failure: Failure | None = None
    fetched: asyncio.Task[bool] | None = field(default=None, repr=False)
    over: asyncio.Event = field(default_factory=asyncio.Event, repr=False)


class Vendor:
    """Everything that is at Model Studio."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.plan = world.plan
        self.tasks: dict[str, SimTask] = {}
        self.billed: list[SimTask] = []
        self.creates = 0
        self.dice = world.dice("studio")
        self.cancels = world.dice("cancels")  # drawn apart, so that older seeds play as they did
        self.lateness = Lateness(self.plan, self.dice)
        self._lines: defaultdict[Kind, deque[SimTask]] = defaultdict(deque)
        self._busy: set[Kind] = set()
        self._numbers = itertools.count(1)
        if self.plan.stranger_every:
            world.start(self._stranger())

    def now(self) -> float:
        return self.world.now() + self.plan.skew

    async def settled(self) -> None:
        """Wait until every task of ours has ended."""
        for task in list(self.tasks.values()):
            if task.key == OUR_KEY:
                await task.over.wait()

    def fate(self) -> str:
        """What becomes of the next paid call."""
        self.creates += 1
        if self.creates <= len(self.plan.lost_creates):
            return self.plan.lost_creates[self.creates - 1]
        if self.dice.random() < self.plan.trouble:
            return self.dice.choice(("lost", "silence", "fetched only", "refused", "unreachable"))
        return "fine"

    def take(self, kind: Kind, *, key: str, job: str = "", request: TaskRequest | None = None) -> SimTask:
        lag = self.lateness.of(self.plan.lag)
        task = SimTask(
            id=f"task-{next(self._numbers)}",
            kind=kind,
            key=key,
            created_at=self.now(),
            listed_at=self.world.loop.time() + lag,
            job=job,
            request=request,
        )
        self.tasks[task.id] = task
        self.world.note(f"{task.id} made for {job or 'a stranger'}")
        if self.plan.fetch_at == "create":
            task.fetched = self.world.task(self.fetch(task.request))
        self._lines[kind].append(task)
        self._pump(kind)
        return task

    def cancel(self, task: SimTask) -> bool:
        if task.status is not TaskStatus.PENDING:
            return False
        self._lines[task.kind].remove(task)
        self._end(task, TaskStatus.CANCELLED)
        return True

    async def fetch(self, request: TaskRequest | None) -> bool:
        """Fetch both inputs, one after the other; whether all of both came."""
        if request is None:
            return True
        return await self._fetch_one(request.image_url) and await self._fetch_one(request.video_url)

    async def _fetch_one(self, url: str) -> bool:
        if url.startswith("oss://"):
            return True
        for _ in range(self.plan.fetch_tries):
            await asyncio.sleep(self.dice.uniform(0.05, 0.5))
            try:
                if await self.world.ask(lambda life: life.serve(url)):
                    return True
            except (Died, StoreUnavailable):
                await asyncio.sleep(1.0)
        return False

    def _pump(self, kind: Kind) -> None:
        if kind not in self._busy and self._lines[kind]:
            self._busy.add(kind)
            self.world.start(self._work(self._lines[kind].popleft()))

    async def _work(self, task: SimTask) -> None:
        task.status, task.started_at = TaskStatus.RUNNING, self.now()
        if await (task.fetched or self.fetch(task.request)):
            await asyncio.sleep(self.dice.uniform(0.5, 1.5) * self.plan.render)
            if self.dice.random() < self.plan.moderated:
                task.failure = _MODERATION
        else:
            task.failure = _DOWNLOAD
        self._end(task, TaskStatus.FAILED if task.failure else TaskStatus.SUCCEEDED)
        self._busy.discard(task.kind)
        self._pump(task.kind)

    def _end(self, task: SimTask, status: TaskStatus) -> None:
        task.status, task.ended_at = status, self.now()
        task.over.set()
        self.world.note(f"{task.id} {status} {task.failure.code if task.failure else ''}")
        if status is TaskStatus.SUCCEEDED:
            self.billed.append(task)

    async def _stranger(self) -> None:
        """Another program of the same account, for a while."""
        dice = self.world.dice("stranger")
        while self.world.loop.time() < 1500:
            await asyncio.sleep(dice.expovariate(1 / self.plan.stranger_every))
            self.take(dice.choice(list(Kind)[: self.plan.kinds]), key=FOREIGN_KEY)


class SimStudio:
    """One life's connection to Model Studio (``bot.steps.Studio``)."""

    account = "account"

    def __init__(self, life: Life, vendor: Vendor) -> None:
        self._life = life
        self._vendor = vendor
        self._dice = vendor.dice
        self.clock_offset: float | None = None

    async def create(self, request: TaskRequest) -> str:
        await self._life.point("create: before")
        vendor, fate = self._vendor, self._vendor.fate()
        job = self._life.job_of(request)
        late = vendor.lateness.of(vendor.plan.late)
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._life.world.note(f"create for {job}: {fate}")

        def effect() -> None:
            task = vendor.take(request.kind, key=OUR_KEY, job=job, request=request)
            if not answer.done():
                answer.set_result(task.id)

        if fate in {"fine", "lost"}:
            vendor.world.later(late, effect)
        elif fate == "fetched only":  # inspected, and then not taken after all
            vendor.world.start(vendor.fetch(request))
        await self._life.point("create: in flight")
        await self._answered()
        return await self._answer(fate, answer)

    async def _answer(self, fate: str, answer: asyncio.Future[str]) -> str:
        match fate:
            case "fine":
                task_id = await answer
                await self._life.point("create: answered")
                return task_id
            case "refused":
                raise Unreachable("create: 429", retry_after=self._dice.choice((None, 1.0, 30.0)))
            case "unreachable":
                raise Unreachable("create: ConnectError")
            case "fetched only":
                await asyncio.sleep(self._dice.choice((5.0, 30.0)))
                raise Unclear("create: 500")
            case _:
                await asyncio.sleep(self._dice.choice((0.0, 0.3, 30.0)))
                raise Unclear("create: ReadError")

    async def look_up(self, task_id: str) -> Task:
        await self._read("query")
        task = self._vendor.tasks.get(task_id)
        if task is None or (task.ended_at and self._vendor.now() - task.ended_at > RESULT_HOURS):
            return Task(id=task_id, status=TaskStatus.UNKNOWN)
        hidden = task.status is TaskStatus.RUNNING and not self._vendor.plan.shows_running
        return Task(
            id=task_id,
            status=TaskStatus.PENDING if hidden else task.status,
            started_at=None if hidden else task.started_at,
            ended_at=task.ended_at,
            url=f"https://results/{task_id}" if task.status is TaskStatus.SUCCEEDED else None,
            seconds=4.0 if task.status is TaskStatus.SUCCEEDED else 0.0,
            failure=task.failure,
        )

    async def cancel(self, task_id: str) -> bool:
        await self._life.point("cancel: before")
        troubled = self._vendor.cancels.random() < self._vendor.plan.trouble
        fate = self._vendor.cancels.choice(("lost", "silence", "unreachable")) if troubled else "fine"
        task = self._vendor.tasks.get(task_id)
        stopped = fate in {"fine", "lost"} and task is not None and self._vendor.cancel(task)
        self._life.world.note(f"cancel of {task_id}: {fate}")
        await self._answered()
        if fate == "unreachable":
            raise Unreachable("cancel: 503")
        if fate != "fine":
            raise Unclear("cancel: ReadError")
        await self._life.point("cancel: answered")
        return stopped

    async def list_tasks(self, kind: Kind, *, since: float, until: float) -> list[ListedTask]:
        if not 0 <= until - since <= 86400:
            raise ValueError("a list spans at most 24 hours")
        await self._read("list")
        now = self._life.world.loop.time()
        return [
            ListedTask(
                id=task.id,
                status=task.status,
                kind=task.kind,
                api_key_id=task.key,
                request_id=None,
                created_at=task.created_at,
                started_at=task.started_at,
                ended_at=task.ended_at,
            )
            for task in self._vendor.tasks.values()
            if task.kind is kind and task.listed_at <= now and since - 1 <= task.created_at <= until + 1
        ]

    async def _read(self, name: str) -> None:
        await self._life.point(f"{name}: before")
        await self._answered()
        if self._dice.random() < self._vendor.plan.trouble:
            raise self._dice.choice((Unreachable(f"{name}: 503"), Unclear(f"{name}: ReadError")))
        await self._life.point(f"{name}: answered")

    async def _answered(self) -> None:
        await asyncio.sleep(0.05)
        self.clock_offset = round(self._vendor.now()) - self._life.clock()  # a Date header has whole seconds


class TemporaryStorage:
    """One life's connection to Model Studio's own storage (``bot.hosting.FileHost``)."""

    revocable = False

    def __init__(self, life: Life, numbers: itertools.count[int]) -> None:
        self._life = life
        self._numbers = numbers

    async def put(self, path: Path, *, kind: Kind, role: Role, media: Media) -> Hosted:
        del path, kind, media
        await self._life.point("put: before")
        number = next(self._numbers)
        await asyncio.sleep(0.2)
        await self._life.point("put: answered")
        url = f"oss://folder-{number}/{role}"
        return Hosted(token=f"stored-{number}", url=url, expires_at=self._life.clock() + 48 * 3600)
