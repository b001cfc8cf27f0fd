"""What each state does next. A step never sleeps and never retries: waiting is data in the row."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, assert_never

from bot.errors import Refused, RemoteError, SpoolFull, StaleJob, StoreUnavailable
from bot.failure import Failure, FailureCode, Spent
from bot.job import Job, JobState
from bot.pace import BACKOFF_MOST, WEEK, backoff
from bot.queue import movable, next_move_at
from bot.settling import Settler
from bot.submitting import Submitter
from bot.watching import Watcher

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.delivery import Deliverer
    from bot.hosting import FileHost
    from bot.inputs import Inputs
    from bot.moves import Moves
    from bot.pace import Pace
    from bot.spool import Spool
    from bot.store import Store
    from bot.task import Studio

log = logging.getLogger(__name__)

# No single step takes longer, or something in it hangs: 1 GB at half a megabyte a second, and the longest mend after
# those of all the others that are checked at the same time, two by two.
STEP_SECONDS = 6000.0
# So many jobs' files are brought and mended at once. The engine has twice as many hands: the rest is for results.
CHECKS_AT_ONCE = 8
# How long what an ended job gave away stays in the table after the table could not be written.
_AGAIN_SECONDS = 60.0


class Steps:
    """Moves jobs, one step at a time. Everything it knows is in the row; it can be dropped and made anew anywhere."""

    def __init__(
        self,
        *,
        store: Store,
        studio: Studio,
        inputs: Inputs,
        deliverer: Deliverer,
        host: FileHost,
        spool: Spool,
        moves: Moves,
        clock: Callable[[], float],
        pace: Pace,
    ) -> None:
        self._store = store
        self._inputs = inputs
        self._deliverer = deliverer
        self._spool = spool
        self._moves = moves
        self._clock = clock
        self._pace = pace
        self._revoke_at: float | None = None  # when to take back what ended jobs gave away, if it could not be stored
        settler = Settler(store=store, studio=studio, host=host, clock=clock, late=pace.late)
        self._submitter = Submitter(
            store=store, studio=studio, inputs=inputs, settler=settler, moves=moves, clock=clock, pace=pace
        )
        self._watcher = Watcher(
            store=store, studio=studio, host=host, settler=settler, moves=moves, clock=clock, pace=pace
        )

    async def due(self, now: float) -> tuple[list[str], float | None]:
        """Return the jobs that have something to do at this instant, and when after it, if nothing else happens."""
        jobs = await self._store.jobs.due(now, checks=CHECKS_AT_ONCE)
        times = [await self._store.jobs.next_due(now), await self._revoke_late(now)]
        for turns in await self._store.jobs.lines(now):
            jobs += movable(turns, self._pace.places, now)
            times.append(next_move_at(turns, self._pace.places, now))
        return jobs, min((at for at in times if at is not None), default=None)

    async def advance(self, job_id: str) -> None:
        """Do the one step the job's state asks for. Whatever goes wrong in it stays with this job.

        Raises StoreUnavailable when nothing can be stored: then nothing was decided either.
        """
        await self._store.sure()
        job = await self._store.jobs.get(job_id)
        try:
            async with asyncio.timeout(STEP_SECONDS):
                await self._step(job)
        except StaleJob:
            log.debug("the job moved on without this step")
        except (RemoteError, SpoolFull, TimeoutError, OSError) as error:
            await self._put_off(job_id, error)
        except StoreUnavailable:
            raise
        except Exception:
            reference = f"{job_id}-{job.revision}"
            log.exception("bug %s", reference)
            await self._give_up(job_id, reference)
        await self.tidy(job_id)

    async def start(self) -> None:
        """Clear what a dead process left behind: media and addresses of jobs that ended."""
        jobs = await self._store.jobs.unfinished()
        alive = {job.id for job in jobs}
        self._spool.sweep(alive)
        jobs += await self._store.jobs.removing()
        now = self._revoke_at = self._clock()
        try:
            await self._moves.bring_forward(jobs, latest=now + BACKOFF_MOST)
        except StoreUnavailable as error:
            log.warning("what a dead process left stays as it is: %s", error)
        await self._revoke_late(now)

    async def _revoke_late(self, now: float) -> float | None:
        """Take back what could not be when its job ended; returns when to try again. Meanwhile it serves nothing."""
        if self._revoke_at is None or now < self._revoke_at:
            return self._revoke_at
        try:
            await self._store.addresses.revoke_ended()
        except StoreUnavailable as error:
            log.warning("what ended jobs gave away stays in the table: %s", error)
            self._revoke_at = now + _AGAIN_SECONDS
        else:
            self._revoke_at = None
        return self._revoke_at

    async def _step(self, job: Job) -> None:
        match job.state:
            case JobState.QUEUED:
                await self._inputs.check(job)
            case JobState.READY:
                await self._submitter.take_turn(job)
            case JobState.SUBMITTING:
                await self._submitter.settle(job)
            case JobState.RENDERING:
                await self._watcher.look(job)
            case JobState.RENDERED:
                await self._deliverer.step(job)
            case JobState.DELIVERED | JobState.FAILED | JobState.CANCELLED:
                if job.removing:
                    await self._deliverer.remove(job)
            case unreachable:
                assert_never(unreachable)

    async def _fail(self, job: Job, failure: Failure) -> None:
        await self._moves.keep(job, lambda job: job.failed(failure, now=self._clock()))

    async def _put_off(self, job_id: str, error: Exception) -> None:
        """Somebody else's trouble: the job keeps its state and takes another turn later.

        Only a job that nothing was spent on ends because a service said no, or kept its files back for a week.
        """
        job = await self._store.jobs.get(job_id)
        if job.state is JobState.QUEUED and self._clock() - job.created_at > WEEK:
            await self._fail(job, Failure(FailureCode.FILE_GONE, f"not to be had for a week: {error}"))
        elif isinstance(error, Refused) and job.state in {JobState.QUEUED, JobState.READY}:
            await self._fail(job, error.failure)
        elif not job.final or job.removing:
            log.warning("put off: %s: %s", type(error).__name__, error)
            due_at = self._clock() + backoff(job.failures, error)
            await self._moves.keep(job, lambda job: job.put_off(due_at=due_at))

    async def _give_up(self, job_id: str, reference: str) -> None:
        job = await self._store.jobs.get(job_id)
        if not job.final:
            await self._fail(
                job, Failure(FailureCode.INTERNAL, reference, spent=_SPENT_BY_NOW.get(job.state, Spent.NOTHING))
            )
        elif job.removing:  # its end stands; only what was to follow is tried again, seldom
            await self._moves.keep(job, lambda job: job.put_off(due_at=self._clock() + BACKOFF_MOST))

    async def tidy(self, job_id: str) -> None:
        """Nothing of an ended job stays: no media, no good address. Safe to repeat."""
        job = await self._store.jobs.get(job_id)
        if job.final:
            self._spool.clear(job_id)
            try:
                await self._store.addresses.revoke(job_id)
            except StoreUnavailable:
                self._revoke_at = self._clock()
                raise


_SPENT_BY_NOW = {
    JobState.SUBMITTING: Spent.MAYBE,
    JobState.RENDERING: Spent.MAYBE,
    JobState.RENDERED: Spent.YES,
}
