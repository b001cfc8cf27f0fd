"""What a person may do with jobs: ask for one, stop one, have it again, decide what only they can decide.

Every one is safe to repeat.
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from enum import Enum, auto
from typing import TYPE_CHECKING

import structlog

from bot.errors import NoSuchJob, SpoolFull, StaleJob
from bot.failure import FailureCode
from bot.job import Ask, Delivery, Job, JobState, Target
from bot.order import Quality

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bot.moves import Moves
    from bot.order import Order, Place
    from bot.store import Store

log = structlog.get_logger(__name__)

# After these the same order may well pass, perhaps once somebody has mended what stood in its way.
PASSING = frozenset(
    {
        FailureCode.FILE_FORBIDDEN,
        FailureCode.FILE_CHANGED,
        FailureCode.KEY,
        FailureCode.ACCESS,
        FailureCode.PAYMENT,
        FailureCode.DOWNLOAD,
        FailureCode.SERVICE,
        FailureCode.SERVICE_TIMEOUT,
        FailureCode.TASK_LOST,
        FailureCode.TASK_CANCELLED,
        FailureCode.RESULT_GONE,
        FailureCode.RESULT_BROKEN,
        FailureCode.UNANSWERED,
        FailureCode.UNCOLLECTED,
        FailureCode.INTERNAL,
    }
)
# No vowels, so that no id spells a word; no digits that look like letters.
_ALPHABET = "bcdfghjkmnpqrstvwxz23456789"


class Denied(Enum):
    """Why a wish was not done."""

    UNKNOWN = auto()  # there is no such job, or none that this person may know of
    NOT_YOURS = auto()
    TOO_LATE = auto()  # the job no longer stands where that wish makes sense


class Intake:
    """People's wishes, written into rows. ``tidy`` clears what an ended job leaves behind.

    ``check_room`` raises SpoolFull while no file could be put anywhere.
    """

    def __init__(
        self,
        *,
        store: Store,
        moves: Moves,
        clock: Callable[[], float],
        wake: Callable[[], None],
        tidy: Callable[[str], Awaitable[None]],
        check_room: Callable[[], None],
    ) -> None:
        self._store = store
        self._moves = moves
        self._clock = clock
        self._wake = wake
        self._tidy = tidy
        self._check_room = check_room

    async def order(self, order: Order, place: Place, *, key: str, parent: str | None = None) -> Job:
        """Store a job and return it once it is on the disk. The same key always returns the same job.

        ``parent`` is the job that this one follows. Raises StoreUnavailable or SpoolFull if nothing can be stored: then
        nothing was.
        """
        try:
            self._check_room()
        except SpoolFull:
            if (known := await self._store.jobs.of_key(key)) is None:
                raise
            return known
        now = self._clock()
        new = Job(id=_new_id(), key=key, order=order, place=place, created_at=now, due_at=now, parent=parent)
        job = await self._store.jobs.add(new)
        if job.id == new.id:
            log.info("job stored", job=job.id, kind=str(order.kind), quality=str(order.quality))
        self._moves.moved(job, job)
        self._wake()
        return job

    async def find(self, job_id: str, *, team: str, user: str) -> Job | Denied:
        """Return a person's own job, or why not. Another team's is as unknown as one that never was."""
        try:
            job = await self._store.jobs.get(job_id)
        except NoSuchJob:
            return Denied.UNKNOWN
        if job.place.team != team:
            return Denied.UNKNOWN
        return job if job.place.user == user else Denied.NOT_YOURS

    async def cancel(self, job: Job, *, by: str) -> Job:
        """Stop the job, or note the wish where only the service can stop it. Returns the job as it then stands."""

        def stopped(job: Job) -> Job | None:
            now = self._clock()
            if job.state in {JobState.QUEUED, JobState.READY} or job.ask is Ask.UNCLEAR:
                return job.cancelled(by, now=now)
            if job.state in {JobState.SUBMITTING, JobState.RENDERING} and job.cancel_by is None:
                due_at = now if job.state is JobState.RENDERING else job.due_at
                return job.stay(due_at=due_at, cancel_by=by)
            return None

        result = await self._wish(job, stopped, by=by)
        return result if isinstance(result, Job) else await self._store.jobs.get(job.id)

    async def send_again(self, job: Job, *, by: str) -> Job | Denied:
        """Send an unclear job again: its requester takes the risk of paying twice."""

        def again(job: Job) -> Job | None:
            return job.again_at_risk(now=self._clock()) if job.ask is Ask.UNCLEAR else None

        # Before anything new is given away, nothing of the old attempt may be fetched any more. Only of that one:
        # another press may have been quicker, and what was given away since is good.
        job = await self._store.jobs.get(job.id)
        if job.ask is Ask.UNCLEAR:
            await self._store.addresses.revoke(job.id, epoch=job.epoch)
        return await self._wish(job, again, by=by)

    async def stop_here(self, job: Job, *, by: str) -> Job | Denied:
        """End an unclear job."""

        def stop(job: Job) -> Job | None:
            return job.cancelled(by, now=self._clock()) if job.ask is Ask.UNCLEAR else None

        return await self._wish(job, stop, by=by)

    async def deliver_again(self, job: Job, *, by: str) -> Job | Denied:
        """Try once more to post a video that had nowhere to go."""

        def again(job: Job) -> Job | None:
            kept = job.state is JobState.RENDERED and job.delivery.target is Target.KEPT
            return job.stay(due_at=self._clock(), delivery=Delivery()) if kept else None

        return await self._wish(job, again, by=by)

    async def retry(self, job: Job, place: Place) -> Job | Denied:
        """Order once more what failed. However often it is asked for, it makes one job."""
        if not may_retry(job):
            return Denied.TOO_LATE
        return await self.order(job.order, place, key=f"retry:{job.id}", parent=job.id)

    async def in_pro(self, job: Job, place: Place) -> Job | Denied:
        """Order a delivered standard video in the better quality. However often it is asked for, it makes one job."""
        if not may_render_in_pro(job):
            return Denied.TOO_LATE
        order = replace(job.order, quality=Quality.PRO)
        return await self.order(order, place, key=f"pro:{job.id}", parent=job.id)

    async def remove(self, job: Job, *, by: str) -> Job | Denied:
        """Note the wish to have a posted video taken away; the row remembers who wished it."""

        def remove(job: Job) -> Job | None:
            if job.state is not JobState.DELIVERED or job.delivery.removed_by is not None:
                return None
            return job.stay(due_at=self._clock(), failures=0, delivery=replace(job.delivery, removed_by=by))

        return await self._wish(job, remove, by=by)

    async def _wish(self, job: Job, change: Callable[[Job], Job | None], *, by: str) -> Job | Denied:
        """Apply a change to the job as it stands at this moment, whoever else is moving it."""
        while True:
            changed = change(job)
            if changed is None:
                return Denied.TOO_LATE
            try:
                saved = await self._store.jobs.save(job, changed, who=by)
            except StaleJob:
                job = await self._store.jobs.get(job.id)
                continue
            self._moves.moved(job, saved)
            if saved.final:
                await self._tidy(saved.id)
            self._wake()
            return saved


def may_retry(job: Job) -> bool:
    """Return whether the same order, once more, can help."""
    return job.failure is not None and job.failure.code in PASSING


def may_render_in_pro(job: Job) -> bool:
    """Return whether there is a better quality than the one that was delivered."""
    return job.state is JobState.DELIVERED and job.order.quality is Quality.STANDARD


def _new_id() -> str:
    # One draw for all ten letters: the system's random numbers are the dearest part of taking an order.
    number = secrets.randbelow(len(_ALPHABET) ** 10)
    letters = []
    for _ in range(10):
        number, letter = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[letter])
    return "J" + "".join(letters)
