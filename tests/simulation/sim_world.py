"""The simulated world's ground: time, chance, and the one process in it that may die at any moment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from random import Random
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from sim_bot import Life
    from sim_plan import Plan

T = TypeVar("T")
EPOCH = 1_800_000_000.0


class Died(Exception):
    """The process that was asked is not there, or died before it answered."""


class World:
    """Outlives every life of the bot. Each part of it throws dice of its own, so that one more throw moves no other."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.loop = asyncio.get_running_loop()
        self.life: Life | None = None
        self.born = asyncio.Event()
        self.trace: list[tuple[float, str]] = []
        self.lives: list[list[str]] = []  # the points each life passed
        self.bugs: list[BaseException] = []
        self._tasks: set[asyncio.Task[Any]] = set()

    def dice(self, part: str) -> Random:
        return Random(f"{self.plan.seed} {part}")

    def now(self) -> float:
        return self.loop.time() + EPOCH

    def note(self, what: str) -> None:
        self.trace.append((self.loop.time(), what))

    def start(self, work: Coroutine[Any, Any, object]) -> None:
        """Let something happen that no crash of the bot stops."""
        _ = self.task(work)

    def task(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = self.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._over)
        return task

    def _over(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (bug := task.exception()) is not None:
            self.bugs.append(bug)  # a bug of the world itself must not go unseen

    def later(self, seconds: float, effect: Callable[[], object]) -> None:
        self.loop.call_later(seconds, effect)

    async def ask(self, work: Callable[[Life], Coroutine[Any, Any, T]]) -> T:
        """Let the bot that lives now do something, or raise Died."""
        life = self.life
        if life is None:
            raise Died
        return await life.do(work(life))

    def end(self) -> None:
        for task in self._tasks:
            task.cancel()


class Lateness:
    """How late effects come, within the plan's most."""

    def __init__(self, plan: Plan, dice: Random) -> None:
        self._plan = plan
        self._dice = dice

    def of(self, most: float) -> float:
        return most if self._plan.same_lateness else self._dice.uniform(0.01, most)
