"""A stand-in for Model Studio: a real HTTP server on the loopback interface, with state, strict about what it is sent.

It does what the API reference says of ``wan2.2-animate-move`` and ``wan2.2-animate-mix``, down to fetching the inputs
and taking (practice) money, and misbehaves where ``trouble`` says so. What it renders is a practice render.
"""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Self, TypeVar

from aiohttp import web

from bot.demo.studio_api import Api
from bot.demo.studio_fetch import Fetcher
from bot.demo.studio_results import Results
from bot.demo.studio_state import MODELS, Status, StudioState, StudioTask
from bot.demo.studio_storage import TemporaryStorage
from bot.demo.studio_trouble import Trouble
from bot.demo.studio_work import FetchAt, Renderer, TaskSeconds, Workshop

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from types import TracebackType

    from bot.demo.studio_state import Bill, Call, Create

T = TypeVar("T")
KEY_ID = "1000001"


class StudioStandIn:
    """One account at a practice Model Studio. ``folder`` keeps its files, ``renders`` (shareable) its videos.

    ``task_seconds`` is how long a task runs at least, ``fast`` makes videos that are real but tiny. ``clock`` and
    ``advance`` are its calendar: lifetimes, time stamps and the list follow them, running tasks do not.
    """

    def __init__(
        self,
        *,
        api_key: str,
        folder: Path,
        task_seconds: TaskSeconds = 3.0,
        tasks_at_once: int = 1,
        region: str = "singapore",
        fetch_at: FetchAt = "start",
        fetch_timeout: float = 60.0,
        fast: bool = False,
        renders: Path | None = None,
        clock: Callable[[], float] = time.time,
        port: int = 0,
    ) -> None:
        self.state = StudioState(region=region, clock=clock)
        self.state.keys[api_key] = KEY_ID
        self.trouble = Trouble()
        self._folders = {name: folder / name for name in ("inputs", "uploads", "renders")}
        self._folders |= {} if renders is None else {"renders": renders}
        self.storage = TemporaryStorage(self.state, self._folders["uploads"])
        self._fetcher = Fetcher(self.state, self.trouble, self.storage, self._folders["inputs"], fetch_timeout)
        self.works = Workshop(
            self.state,
            self.trouble,
            self._fetcher,
            Renderer(self._folders["renders"], fast=fast),
            task_seconds=task_seconds,
            tasks_at_once=tasks_at_once,
            fetch_at=fetch_at,
        )
        self._api = Api(self.state, self.trouble, self.works, self.storage, Results(self.state))
        self._port = port
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Open for business; ``base_url`` is known from here on."""
        for folder in self._folders.values():
            folder.mkdir(parents=True, exist_ok=True)
        await self._fetcher.start()
        self._runner = web.AppRunner(self._api.app(), access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Close, whatever is under way. The files stay. Raises ``ExceptionGroup`` if the stand-in itself had a bug."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        await self._api.close()
        try:
            await self.works.close()
        finally:
            await self._fetcher.stop()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def base_url(self) -> str:
        """What ``DASHSCOPE_HTTP_BASE_URL`` is to be."""
        return f"http://127.0.0.1:{self._port}/api/v1"

    @property
    def tasks(self) -> Mapping[str, StudioTask]:
        """Every task by its id, in the order of creation."""
        return self.state.tasks

    @property
    def billed(self) -> list[Bill]:
        """Every charge, in order."""
        return self.state.billed

    @property
    def creates(self) -> list[Create]:
        """Every create call that was acted on, accepted or refused, in order."""
        return self.state.creates

    @property
    def calls(self) -> list[Call]:
        """Every call that came in, in order, whatever became of it."""
        return self.state.calls

    @property
    def requests(self) -> Counter[str]:
        """How many calls of each ``Operation`` came in; ``fetch`` is how many inputs were asked for by us."""
        return self.state.requests

    async def wait_for(self, predicate: Callable[[], T | None], within: float = 5.0) -> T:
        """Return the predicate's first true value, sought after each change; TimeoutError after ``within`` seconds."""
        return await self.state.wait_for(predicate, within)

    def advance(self, seconds: float) -> None:
        """Move the calendar on."""
        self.state.skew += seconds
        self.state.changed()

    def finish(self, task_id: str) -> None:
        """Let a task's time be over, however long ``task_seconds`` is."""
        self.works.finish(task_id)

    def add_key(self, api_key: str, key_id: str) -> None:
        """Let the account have another key."""
        self.state.keys[api_key] = key_id

    def add_task(
        self,
        *,
        model: str = next(iter(MODELS)),
        key_id: str = "2000002",
        status: Status = Status.RUNNING,
        created_at: float | None = None,
    ) -> StudioTask:
        """Let the account have a task that another program made. It stays as it is."""
        at = self.state.now() if created_at is None else created_at
        started = None if status is Status.PENDING else at
        ended = at if status not in {Status.PENDING, Status.RUNNING} else None
        task = StudioTask(
            id=str(uuid.uuid4()),
            request_id=str(uuid.uuid4()),
            model=model,
            key_id=key_id,
            created_at=at,
            status=status,
            started_at=started,
            ended_at=ended,
        )
        self.state.tasks[task.id] = task
        self.state.changed()
        return task
