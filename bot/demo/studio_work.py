"""Doing the tasks: so many at once per model, inputs fetched and checked, the practice render made, money taken."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import secrets
import threading
import uuid
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Literal, TypeVar

from bot.demo.render import Unrenderable, render
from bot.demo.studio_media import check_input
from bot.demo.studio_state import MODELS, MODES, Asked, Status, StudioTask, TaskError
from bot.order import Role

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from pathlib import Path

    from bot.demo.studio_fetch import Fetcher
    from bot.demo.studio_state import StudioState
    from bot.demo.studio_trouble import Trouble

T = TypeVar("T")
TaskSeconds = float | Callable[[StudioTask], float]
FetchAt = Literal["create", "start"]
_Inputs = dict[Role, "Path"]


class Workshop:
    """Takes tasks and works them off, first come, first served, each model for itself."""

    def __init__(
        self,
        state: StudioState,
        trouble: Trouble,
        fetcher: Fetcher,
        renderer: Renderer,
        *,
        task_seconds: TaskSeconds,
        tasks_at_once: int,
        fetch_at: FetchAt,
    ) -> None:
        self.task_seconds = task_seconds
        self.tasks_at_once = tasks_at_once
        self.fetch_at = fetch_at
        self._state = state
        self._trouble = trouble
        self._fetcher = fetcher
        self._renderer = renderer
        self._queues: defaultdict[str, deque[StudioTask]] = defaultdict(deque)
        self._busy: Counter[str] = Counter()
        self._early: dict[str, asyncio.Task[_Inputs | TaskError]] = {}
        self._over: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._running: set[asyncio.Task[object]] = set()
        self._bugs: list[Exception] = []
        self._closing = False

    def take(self, asked: Asked, *, key_id: str, request_id: str) -> StudioTask:
        """Accept a task. It is PENDING until its model has a place for it."""
        task = StudioTask(
            id=str(uuid.uuid4()),
            request_id=request_id,
            model=asked.model,
            key_id=key_id,
            created_at=self._state.now(),
            asked=asked,
            fault=self._trouble.draw_task(),
        )
        self._state.tasks[task.id] = task
        if self.fetch_at == "create":
            self._early[task.id] = self._spawn(self._fetch(task))
        self._queues[task.model].append(task)
        asyncio.get_running_loop().call_soon(self._pump, task.model)
        return task

    def cancel(self, task: StudioTask) -> bool:
        """End a task that has not begun. False for any other."""
        if task.status is not Status.PENDING:
            return False
        if task in self._queues[task.model]:
            self._queues[task.model].remove(task)
        if (early := self._early.pop(task.id, None)) is not None:
            early.cancel()
        task.status, task.ended_at = Status.CANCELED, self._state.now()
        return True

    def finish(self, task_id: str) -> None:
        """Let a task's time be over: at once if it is running, else as soon as it runs."""
        self._over[task_id].set()

    async def close(self) -> None:
        """Stop all work where it is. Raises what was wrong with the stand-in itself, if anything was."""
        self._closing = True
        self._renderer.stop()
        running = tuple(self._running)
        for work in running:
            work.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await self._renderer.close()
        if self._bugs:
            raise ExceptionGroup("the stand-in Model Studio is broken", self._bugs)

    def _spawn(self, work: Coroutine[object, object, T]) -> asyncio.Task[T]:
        running = asyncio.get_running_loop().create_task(work)
        self._running.add(running)
        running.add_done_callback(self._reap)
        return running

    def _reap(self, work: asyncio.Task[T]) -> None:
        self._running.discard(work)
        if not work.cancelled() and isinstance(bug := work.exception(), Exception):
            self._bugs.append(bug)

    def _pump(self, model: str) -> None:
        while self._queues[model] and self._busy[model] < self.tasks_at_once and not self._closing:
            self._busy[model] += 1
            task = self._queues[model].popleft()
            task.status, task.started_at = Status.RUNNING, self._state.now()
            _ = self._spawn(self._work(task))  # kept, and its bugs noted, until it is done
            self._state.changed()

    async def _work(self, task: StudioTask) -> None:
        try:
            task.result, task.seconds = await self._perform(task)
            self._end(task, Status.SUCCEEDED)
        except TaskError as error:
            task.error = (error.code, error.message)
            self._end(task, Status.FAILED)
        finally:
            self._busy[task.model] -= 1
            self._pump(task.model)

    def _end(self, task: StudioTask, status: Status) -> None:
        task.status, task.ended_at = status, self._state.now()
        if status is Status.SUCCEEDED and task.asked is not None:
            self._state.bill(task, task.asked.mode)
        self._state.changed()

    async def _perform(self, task: StudioTask) -> tuple[Path, float]:
        """Return the video and its length. What is wrong with an input ends the task before its time is over."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        early = self._early.pop(task.id, None)
        inputs = await (early if early is not None else self._fetch(task))
        if isinstance(inputs, TaskError):
            raise inputs
        made = await self._renderer.make(task, inputs)
        seconds = self.task_seconds(task) if callable(self.task_seconds) else self.task_seconds
        with contextlib.suppress(TimeoutError):
            # An infinite time is one that only finish() ends.
            async with asyncio.timeout_at(began + seconds):
                await self._over[task.id].wait()
        if task.fault.error is not None:
            raise TaskError(*task.fault.error)
        return made

    async def _fetch(self, task: StudioTask) -> _Inputs | TaskError:
        """Return the error instead of raising it: a fetch at creation is looked at much later, or never."""
        try:
            return {role: await self._fetcher.fetch(task, role) for role in Role}
        except TaskError as error:
            return error


class Renderer:
    """Checks inputs and makes practice renders, off the event loop; the same inputs are rendered once."""

    def __init__(self, folder: Path, *, fast: bool) -> None:
        self._folder = folder
        self._fast = fast
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._stop = threading.Event()
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="studio")

    async def make(self, task: StudioTask, inputs: _Inputs) -> tuple[Path, float]:
        """Return the video for a task and its length in seconds. Raises ``TaskError`` for inputs that won't do."""
        key = _key(task, fast=self._fast)
        loop = asyncio.get_running_loop()
        async with self._locks[key]:
            return await loop.run_in_executor(self._threads, self._make, key, task, inputs)

    def _make(self, key: str, task: StudioTask, inputs: _Inputs) -> tuple[Path, float]:
        made = next(self._folder.glob(f"{key}_*.mp4"), None)
        if made is not None:
            return made, float(made.stem.partition("_")[2])
        for role, path in inputs.items():
            check_input(role, path)
        partial = self._folder / f"{secrets.token_hex(8)}.part"
        try:
            seconds = self._render(task, inputs, partial)
            return partial.replace(self._folder / f"{key}_{seconds:.3f}.mp4"), seconds
        except Unrenderable as error:
            raise TaskError("InvalidVideo.FileFormat", "Invalid video file.") from error
        finally:
            partial.unlink(missing_ok=True)

    def _render(self, task: StudioTask, inputs: _Inputs, to: Path) -> float:
        if task.asked is None:
            raise TaskError("InternalError", "this task was not made here")
        return render(
            inputs[Role.IMAGE],
            inputs[Role.VIDEO],
            to,
            kind=MODELS[task.model],
            quality=MODES[task.asked.mode],
            watermark=task.asked.watermark,
            fast=self._fast,
            stop=self._stop.is_set,
        )

    def stop(self) -> None:
        """Let renders that are under way give up."""
        self._stop.set()

    async def close(self) -> None:
        """Wait for the threads' end."""
        await asyncio.to_thread(self._threads.shutdown)


def _key(task: StudioTask, *, fast: bool) -> str:
    """A name for what is rendered, safe in a file name."""
    parts = [fetched.sha256 for fetched in task.fetched.values()]
    asked = task.asked
    parts += [] if asked is None else [asked.model, asked.mode, str(asked.watermark), str(fast)]
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:32]
