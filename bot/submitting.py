"""A job's turn: the one paid call, and what to do when nobody knows what became of it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.errors import Refused, StoreUnavailable, Unclear, Unreachable
from bot.failure import Failure, FailureCode, Spent
from bot.job import Ask
from bot.order import Role
from bot.pace import backoff
from bot.task import TaskRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bot.inputs import Inputs
    from bot.job import Job
    from bot.moves import Moves
    from bot.pace import Pace
    from bot.settling import Finding, Settler
    from bot.store import Store
    from bot.task import Studio

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Told:
    """What a paid call was answered, as a change of the job that made it."""

    job: Job
    change: Callable[[Job], Job]
    note: Mapping[str, str] | None = None


class Submitter:
    """Makes each attempt's paid call at most once, and never again on a guess."""

    def __init__(
        self,
        *,
        store: Store,
        studio: Studio,
        inputs: Inputs,
        settler: Settler,
        moves: Moves,
        clock: Callable[[], float],
        pace: Pace,
    ) -> None:
        self._store = store
        self._studio = studio
        self._inputs = inputs
        self._settler = settler
        self._moves = moves
        self._clock = clock
        self._pace = pace
        self._untold: dict[str, _Told] = {}

    async def take_turn(self, job: Job) -> None:
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
            await self._tell(_Told(claimed, lambda job: job.refused_for_now(due_at=due_at).or_cancelled(self._clock())))
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

    async def settle(self, job: Job) -> None:
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
            await self._moves.keep(job, lambda job: job.next_epoch(now=due_at).or_cancelled(self._clock()))
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
            failure = Failure(FailureCode.UNANSWERED, spent=Spent.MAYBE)
            await self._moves.keep(job, lambda job: job.failed(failure, now=now))
        else:
            due_at = min(lapses, now + self._pace.look_again)
            await self._moves.keep(job, lambda job: job.stay(due_at=due_at))
