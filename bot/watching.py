"""A task at the service, looked at until it ends."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, assert_never

from bot.errors import Refused, RemoteError
from bot.estimate import learn, next_look
from bot.failure import Failure, FailureCode, Spent
from bot.job import Result
from bot.pace import DAY, backoff
from bot.task import Task, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.hosting import FileHost
    from bot.job import Job
    from bot.moves import Moves
    from bot.pace import Pace
    from bot.settling import Settler
    from bot.store import Store
    from bot.task import Studio

log = logging.getLogger(__name__)

# How often a task that failed for want of an input is sent again. Failed tasks cost nothing.
MORE_ATTEMPTS = 3


class Watcher:
    """Learns what became of a task. Looking costs nothing and can be repeated at will."""

    def __init__(
        self,
        *,
        store: Store,
        studio: Studio,
        host: FileHost,
        settler: Settler,
        moves: Moves,
        clock: Callable[[], float],
        pace: Pace,
    ) -> None:
        self._store = store
        self._studio = studio
        self._host = host
        self._settler = settler
        self._moves = moves
        self._clock = clock
        self._pace = pace

    async def look(self, job: Job) -> None:
        """Ask how the task stands, or to have it cancelled if somebody wished so, and store what was learned."""
        if job.task_id is None:
            raise ValueError("a rendering job has a task id")
        if job.cancel_by and not job.too_late and await self._cancel(job, job.task_id, job.cancel_by):
            return
        try:
            task = self._settler.by_our_clock(await self._studio.look_up(job.task_id))
        except Refused as error:
            # A failed look says nothing about the task: it goes on, and is paid for, whatever our key may do now.
            log.warning("the task cannot be looked up: %s", error)
            task = Task(id=job.task_id, status=TaskStatus.UNKNOWN)
        await self._learn(job, task)

    async def _next_look(self, job: Job, task: Task) -> float:
        quality = job.order.quality
        return next_look(
            learn(await self._store.jobs.history(job.order.kind, quality), quality),
            job.video.seconds if job.video else 0.0,
            self._clock(),
            poll=self._pace.poll,
            running=task.status is TaskStatus.RUNNING,
            started_at=task.started_at,
            submitted=await self._store.jobs.submitted(),
        )

    async def _learn(self, job: Job, task: Task) -> None:
        match task.status:
            case TaskStatus.PENDING | TaskStatus.RUNNING:
                due_at, started = await self._next_look(job, task), task.started_at
                await self._moves.keep(job, lambda job: job.stay(due_at=due_at, task_started_at=started, failures=0))
            case TaskStatus.UNKNOWN:
                await self._unknown(job)
            case TaskStatus.SUCCEEDED:
                await self._rendered(job, task)
            case TaskStatus.FAILED:
                await self._task_failed(job, task.failure or Failure(FailureCode.SERVICE))
            case TaskStatus.CANCELLED:
                await self._task_cancelled(job)
            case unreachable:
                assert_never(unreachable)

    async def _unknown(self, job: Job) -> None:
        """Not visible yet, or too old to be known: only a whole day tells them apart."""
        now = self._clock()
        if now - (job.submitting_at or now) > DAY:
            await self._fail(job, Failure(FailureCode.TASK_LOST, spent=Spent.MAYBE))
        else:
            await self._moves.keep(
                job, lambda job: job.put_off(due_at=now + max(self._pace.poll, backoff(job.failures)))
            )

    async def _rendered(self, job: Job, task: Task) -> None:
        if task.url is None:
            raise ValueError("a task that succeeded has an address")
        now = self._clock()
        result = Result(url=task.url, dies_at=(task.ended_at or now) + DAY, seconds=task.seconds)
        await self._moves.keep(
            job, lambda job: job.rendered(result, started_at=task.started_at, ended_at=task.ended_at, now=now)
        )
        # What the service may fetch from us ends here: the video exists.
        await self._store.addresses.revoke(job.id)
        await self._settler.learn_key(job)

    async def _task_failed(self, job: Job, failure: Failure) -> None:
        """Final, unless an input did not wholly arrive from us: that costs nothing and is sent again."""
        more = failure.code is FailureCode.DOWNLOAD and self._host.revocable
        if more and await self._store.attempts.taken(job.id) <= MORE_ATTEMPTS:
            addresses = await self._store.addresses.of_epoch(job.id, job.epoch)
            if not all(address.whole_at for address in addresses):
                await self._store.addresses.revoke(job.id)
                log.warning("an input was not wholly fetched: %s", failure.detail)
                await self._moves.keep(job, lambda job: job.next_epoch(now=self._clock()).or_cancelled(self._clock()))
                return
        await self._fail(job, failure)

    async def _task_cancelled(self, job: Job) -> None:
        if job.cancel_by is not None:
            by = job.cancel_by
            await self._moves.keep(job, lambda job: job.cancelled(by, now=self._clock()), who=by)
        else:
            await self._fail(job, Failure(FailureCode.TASK_CANCELLED))

    async def _cancel(self, job: Job, task_id: str, by: str) -> bool:
        """Ask the service; returns whether it heard. Only its answer makes the job cancelled."""
        try:
            cancelled = await self._studio.cancel(task_id)
        except RemoteError as error:
            # It says nothing about the task, which may end meanwhile: then its video dies within a day.
            log.warning("the wish to cancel was not heard: %s", error)
            return False
        if cancelled:
            await self._moves.keep(job, lambda job: job.cancelled(by, now=self._clock()), who=by)
        else:
            await self._moves.keep(job, lambda job: job.stay(due_at=self._clock(), too_late=True), who=by)
        return True

    async def _fail(self, job: Job, failure: Failure) -> None:
        await self._moves.keep(job, lambda job: job.failed(failure, now=self._clock()))
