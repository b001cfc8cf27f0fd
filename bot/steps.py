"""What each state does next. A step never sleeps and never retries: waiting is data in the row."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, assert_never

from bot.errors import (
    BACKOFF_MOST,
    Refused,
    RemoteError,
    SpoolFull,
    StaleJob,
    StoreUnavailable,
    Unclear,
    Unreachable,
    backoff,
)
from bot.estimate import learn, next_look
from bot.job import Ask, Failure, FailureCode, Job, JobState, Kind, Result, Role, Spent
from bot.queue import movable, next_move_at
from bot.settling import Settler, TaskList
from bot.task import Task, TaskRequest, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bot.delivery import Deliverer
    from bot.hosting import FileHost
    from bot.inputs import Inputs
    from bot.moves import Moves
    from bot.settling import Finding
    from bot.spool import Spool
    from bot.store import Store

log = logging.getLogger(__name__)

DAY = 86400.0
# How often a task that failed for want of an input is sent again. Failed tasks cost nothing.
MORE_ATTEMPTS = 3
# No single step takes longer, or something in it hangs: 1 GB at half a megabyte a second.
STEP_SECONDS = 2000.0


class Studio(TaskList, Protocol):
    """The video service."""

    async def create(self, request: TaskRequest) -> str:
        """Make the paid call, once, and return the task's id. Unclear means it may have been made."""
        ...

    async def look_up(self, task_id: str) -> Task:
        """Return how the task stands."""
        ...

    async def cancel(self, task_id: str) -> bool:
        """Return whether the task was stopped before it began."""
        ...


@dataclass(frozen=True, slots=True)
class Pace:
    """How often, how many and how long; in seconds. ``poll``: the longest time between two looks at a task."""

    poll: float = 15.0
    tasks_at_once: int = 1
    answer_within: float = DAY
    late: float = 120.0  # a paid call may still take effect so long after it was sent, or never
    settle: float = 600.0  # how long the service's list is asked before the requester is
    look_again: float = 300.0  # how often it is asked while the requester thinks

    @property
    def places(self) -> int:
        """How many tasks of one model are kept at the service: what it works on, and one so that it never idles."""
        return self.tasks_at_once + 1


@dataclass(frozen=True, slots=True)
class _Told:
    """What a paid call was answered, as a change of the job that made it."""

    job: Job
    change: Callable[[Job], Job]
    note: Mapping[str, str] | None = None


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
        self._studio = studio
        self._inputs = inputs
        self._deliverer = deliverer
        self._host = host
        self._spool = spool
        self._moves = moves
        self._clock = clock
        self._pace = pace
        self._settler = Settler(store=store, studio=studio, host=host, clock=clock, late=pace.late)
        self._untold: dict[str, _Told] = {}

    async def due(self) -> list[str]:
        """Return the jobs that have something to do now."""
        now = self._clock()
        jobs = await self._store.jobs.due(now)
        for kind in Kind:
            jobs += movable(await self._store.jobs.turns(kind, now), self._pace.places, now)
        return jobs

    async def next_due(self) -> float | None:
        """Return when, if nothing else happens, a job will have something to do."""
        now = self._clock()
        times = [await self._store.jobs.next_due(now)]
        times += [next_move_at(await self._store.jobs.turns(kind, now), self._pace.places, now) for kind in Kind]
        return min((at for at in times if at is not None), default=None)

    async def advance(self, job_id: str) -> None:
        """Do the one step the job's state asks for. Whatever goes wrong in it stays with this job.

        Raises StoreUnavailable when nothing can be stored: then nothing was decided either.
        """
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
        try:
            await self._moves.bring_forward(jobs, latest=self._clock() + BACKOFF_MOST)
            await self._store.addresses.revoke_ended()
        except StoreUnavailable as error:  # the addresses serve nothing anyway, now that their jobs have ended
            log.warning("what a dead process left stays as it is: %s", error)

    async def _step(self, job: Job) -> None:
        match job.state:
            case JobState.QUEUED:
                await self._inputs.check(job)
            case JobState.READY:
                await self._take_turn(job)
            case JobState.SUBMITTING:
                await self._settle(job)
            case JobState.RENDERING:
                await self._look_up(job)
            case JobState.RENDERED:
                await self._deliverer.step(job)
            case JobState.DELIVERED | JobState.FAILED | JobState.CANCELLED:
                pass
            case unreachable:
                assert_never(unreachable)

    async def _take_turn(self, job: Job) -> None:
        """Put the files where the service can fetch them; when that is done and its turn has come, submit."""
        addresses = await self._store.addresses.current(job)
        if len(addresses) < len(Role):
            await self._inputs.host(job)
            return
        request = TaskRequest(
            kind=job.order.kind,
            quality=job.order.quality,
            watermark=job.order.watermark,
            check_person=job.order.check_person,
            image_url=addresses[Role.IMAGE].url,
            video_url=addresses[Role.VIDEO].url,
        )
        await self._settler.set_clock(job.order.kind)
        now, began_at = self._clock(), self._settler.service_time()
        submitting = job.submitting(now=now).stay(due_at=now, failures=job.failures)
        claimed = await self._store.jobs.claim(
            job, submitting, places=self._pace.places, account=self._settler.account, began_at=began_at
        )
        if claimed is not None:
            await self._submit(claimed, request)

    async def _submit(self, claimed: Job, request: TaskRequest) -> None:
        """Make the paid call. Nothing may stand between the claim that was just saved and the call."""
        try:
            task_id = await self._studio.create(request)
        except Unreachable as error:
            due_at = self._clock() + backoff(claimed.failures, error)
            log.warning("not submitted: %s", error)
            await self._tell(_Told(claimed, lambda job: self._or_cancelled(job.refused_for_now(due_at=due_at))))
        except Refused as error:
            failure = error.failure
            await self._tell(_Told(claimed, lambda job: job.failed(failure, now=self._clock())))
        except Unclear as error:
            log.warning("it is unclear whether the task was taken: %s", error)
            await self._moves.keep(claimed, lambda job: job.stay(due_at=self._clock()))
        else:
            due_at = self._clock() + self._pace.poll
            await self._tell(_Told(claimed, lambda job: job.rendering(task_id, due_at=due_at), {"task": task_id}))

    async def _tell(self, told: _Told) -> None:
        """Store what the paid call was answered. If nothing can be stored it is kept in mind, and stored later."""
        self._untold.pop(told.job.id, None)
        try:
            await self._moves.keep(told.job, told.change, note=told.note)
        except StoreUnavailable:
            self._untold[told.job.id] = told
            raise

    async def _settle(self, job: Job) -> None:
        """The paid call may have happened: find out, and send nothing again on a guess."""
        if told := self._untold.get(job.id):
            await self._tell(told)
            return
        finding = await self._settler.look(job)
        if finding.task_id is not None:
            task_id, now = finding.task_id, self._clock()
            note = {"task": task_id, "found": True}
            await self._moves.keep(job, lambda job: job.rendering(task_id, due_at=now), note=note)
        elif finding.harmless:
            due_at = self._clock() + backoff(job.failures)
            await self._moves.keep(job, lambda job: self._or_cancelled(job.next_epoch(now=due_at)))
        elif job.ask is Ask.UNCLEAR:
            await self._go_on_asking(job, finding)
        else:
            await self._wait_or_ask(job, finding)

    async def _wait_or_ask(self, job: Job, finding: Finding) -> None:
        """The list may lag, and a service that is away may come back: ask nobody before that."""
        now = self._clock()
        if finding.age < (self._pace.settle if finding.heard else self._pace.answer_within):
            pause = min(self._pace.poll, max(1.0, finding.age / 4)) if finding.heard else backoff(job.failures)
            failures = job.failures if finding.heard else job.failures + 1
            await self._moves.keep(job, lambda job: job.stay(due_at=now + pause, failures=failures))
        else:
            due_at = now + min(self._pace.look_again, self._pace.answer_within)
            await self._moves.keep(
                job, lambda job: job.cancelled(job.cancel_by, now=now) if job.cancel_by else job.unclear(due_at=due_at)
            )

    async def _go_on_asking(self, job: Job, finding: Finding) -> None:
        """The task may still turn up. If it does not and nobody decides, the job ends."""
        now = self._clock()
        lapses = (finding.asked_at or now) + self._pace.answer_within
        if now >= lapses:
            await self._fail(job, Failure(FailureCode.UNANSWERED, spent=Spent.MAYBE))
        else:
            due_at = min(lapses, now + self._pace.look_again)
            await self._moves.keep(job, lambda job: job.stay(due_at=due_at))

    async def _look_up(self, job: Job) -> None:
        if job.task_id is None:
            raise ValueError("a rendering job has a task id")
        if job.cancel_by and not job.too_late:
            await self._cancel(job, job.task_id, job.cancel_by)
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
                await self._moves.keep(job, lambda job: self._or_cancelled(job.next_epoch(now=self._clock())))
                return
        await self._fail(job, failure)

    async def _task_cancelled(self, job: Job) -> None:
        if job.cancel_by is not None:
            by = job.cancel_by
            await self._moves.keep(job, lambda job: job.cancelled(by, now=self._clock()), who=by)
        else:
            await self._fail(job, Failure(FailureCode.TASK_CANCELLED))

    def _or_cancelled(self, back: Job) -> Job:
        """A job that would go back in line ends instead, if somebody meanwhile wished so."""
        return back if back.cancel_by is None else back.cancelled(back.cancel_by, now=self._clock())

    async def _cancel(self, job: Job, task_id: str, by: str) -> None:
        """Ask the service. Only its answer makes the job cancelled; a task that has begun can't be stopped."""
        if await self._studio.cancel(task_id):
            await self._moves.keep(job, lambda job: job.cancelled(by, now=self._clock()), who=by)
        else:
            await self._moves.keep(job, lambda job: job.stay(due_at=self._clock(), too_late=True), who=by)

    async def _fail(self, job: Job, failure: Failure) -> None:
        await self._moves.keep(job, lambda job: job.failed(failure, now=self._clock()))

    async def _put_off(self, job_id: str, error: Exception) -> None:
        """Somebody else's trouble: the job keeps its state and takes another turn later.

        Only a job that nothing was spent on ends because a service said no.
        """
        job = await self._store.jobs.get(job_id)
        if isinstance(error, Refused) and job.state in {JobState.QUEUED, JobState.READY}:
            await self._fail(job, error.failure)
        elif not job.final:
            log.warning("put off: %s: %s", type(error).__name__, error)
            due_at = self._clock() + backoff(job.failures, error)
            await self._moves.keep(job, lambda job: job.put_off(due_at=due_at))

    async def _give_up(self, job_id: str, reference: str) -> None:
        job = await self._store.jobs.get(job_id)
        if not job.final:
            await self._fail(
                job, Failure(FailureCode.INTERNAL, reference, spent=_SPENT_BY_NOW.get(job.state, Spent.NOTHING))
            )

    async def tidy(self, job_id: str) -> None:
        """Nothing of an ended job stays: no media, no good address. Safe to repeat."""
        job = await self._store.jobs.get(job_id)
        if job.final:
            self._spool.clear(job_id)
            await self._store.addresses.revoke(job_id)


_SPENT_BY_NOW = {
    JobState.SUBMITTING: Spent.MAYBE,
    JobState.RENDERING: Spent.MAYBE,
    JobState.RENDERED: Spent.YES,
}
