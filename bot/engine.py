"""Who calls ``advance``, and when: an asyncio loop over the jobs that have something to do."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Protocol

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable

log = structlog.get_logger(__name__)

# Steps at once. Most of a step is waiting for somebody; what takes a processor has a smaller limit of its own.
AT_ONCE = 16
# After something that is no job's fault (no disk, say), nothing is tried again for this long.
BREATHER_SECONDS = 5.0


class Work(Protocol):
    """What there is to do."""

    async def due(self, now: float) -> tuple[list[str], float | None]:
        """Return the ids that have something to do at this instant, and when after it the next one will have.

        Both in one: what falls due between two looks would be in neither, and never be done.
        """
        ...

    async def advance(self, job_id: str) -> None:
        """Do one step of one job."""
        ...


class Engine:
    """Gives every job that is due its next step, never two at a time to the same job."""

    def __init__(self, work: Work, *, clock: Callable[[], float]) -> None:
        self._work = work
        self._clock = clock
        self._in_hand: dict[str, asyncio.Task[None]] = {}
        self._awake = asyncio.Event()
        self._stopping = False
        self._breather_until = 0.0
        self.alive = False

    def wake(self) -> None:
        """Look again now: something changed."""
        self._awake.set()

    async def run(self) -> None:
        """Work until ``stop``. A fault of the store is waited out; the loop itself never ends by one."""
        self.alive = True
        try:
            while not self._stopping:
                self._awake.clear()
                try:
                    delay = self._delay(await self._start_due())
                except Exception:
                    log.exception("the job loop could not look for work")
                    delay = BREATHER_SECONDS
                await self._sleep(delay)
        finally:
            self.alive = False

    async def turn(self) -> None:
        """Start every due step and wait for all of them."""
        await self._start_due()
        await asyncio.gather(*self._in_hand.values())

    async def stop(self, *, within: float) -> None:
        """Start nothing more, let the steps in hand finish for ``within`` seconds, leave the rest where they are.

        A step that is left is a step that crashed: the row says how to go on.
        """
        self._stopping = True
        self.wake()
        tasks = list(self._in_hand.values())
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=within)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _start_due(self) -> float | None:
        """Start what is due; returns when to look again, if nothing else happens."""
        now = self._clock()
        due, at = await self._work.due(now)
        if now < self._breather_until:
            return min(at or self._breather_until, self._breather_until)
        for job_id in due:
            if len(self._in_hand) >= AT_ONCE:
                break
            if job_id not in self._in_hand and not self._stopping:
                task = asyncio.create_task(self._advance(job_id), name=job_id)
                self._in_hand[job_id] = task
                task.add_done_callback(self._done)
        return at

    async def _advance(self, job_id: str) -> None:
        with structlog.contextvars.bound_contextvars(job=job_id):
            try:
                await self._work.advance(job_id)
            except Exception:
                log.exception("a step could not be stored")
                self._breather_until = self._clock() + BREATHER_SECONDS

    def _done(self, task: asyncio.Task[None]) -> None:
        del self._in_hand[task.get_name()]
        self._awake.set()

    def _delay(self, at: float | None) -> float | None:
        return None if at is None else max(0.0, at - self._clock())

    async def _sleep(self, seconds: float | None) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._awake.wait()
