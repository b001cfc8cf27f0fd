"""A job's two files: brought here, opened for real, and put where the service can fetch them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from bot.errors import UserError
from bot.job import Failure, FailureCode, Role
from bot.queue import in_order

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bot.hosting import FileHost, Hosted
    from bot.job import Job, Media
    from bot.moves import Moves
    from bot.spool import Spool
    from bot.store import Store


class Source(Protocol):
    """Where requesters' files come from."""

    async def fetch(self, job: Job, role: Role, to: Path, *, at_most: int) -> None:
        """Bring one input whole, or raise: Unreachable to try again, Refused or UserError if it can't be had."""
        ...


class Prober(Protocol):
    """Opens files from outside at a safe distance."""

    async def probe(self, path: Path, role: Role) -> Media:
        """Return what the file is, or raise UserError with everything that is wrong with it."""
        ...


class Inputs:
    """What happens to a job's files before it is submitted."""

    def __init__(
        self,
        *,
        source: Source,
        prober: Prober,
        host: FileHost,
        spool: Spool,
        store: Store,
        moves: Moves,
        clock: Callable[[], float],
        most: Callable[[Role], int],
    ) -> None:
        self._source = source
        self._prober = prober
        self._host = host
        self._spool = spool
        self._store = store
        self._moves = moves
        self._clock = clock
        self._most = most

    async def check(self, job: Job) -> Job:
        """Bring and open both files: the job is ready, or it failed with every reason at once."""
        try:
            image, video = await self._both(job)
        except UserError as error:
            failure = Failure(FailureCode.BAD_FILES, problems=error.problems)
            return await self._moves.keep(job, lambda job: job.failed(failure, now=self._clock()))
        return await self._moves.keep(job, lambda job: job.checked(image, video, now=self._clock()))

    async def host(self, job: Job) -> None:
        """Give the job's present attempt its two addresses, bringing the files again if the spool lost them."""
        with self._spool.using(job.id):  # until the addresses are stored, nothing else says that the files are needed
            found = dict(zip(Role, await self._both(job), strict=True))
            puts = await asyncio.gather(*(self._put(job, role, media) for role, media in found.items()))
            sizes = {role: media.size for role, media in found.items()}
            await self._store.addresses.add(job, dict(zip(Role, puts, strict=True)), sizes)

    async def _put(self, job: Job, role: Role, media: Media) -> Hosted:
        return await self._host.put(self._spool.path(job.id, role), kind=job.order.kind, role=role, media=media)

    async def _both(self, job: Job) -> list[Media]:
        """Return what the image and the video are; every problem of both is raised at once."""
        found = await asyncio.gather(*(self._bring(job, role) for role in Role), return_exceptions=True)
        for error in found:
            if isinstance(error, BaseException) and not isinstance(error, UserError):
                raise error
        problems = [problem for error in found if isinstance(error, UserError) for problem in error.problems]
        if problems:
            raise UserError(*problems)
        return [media for media in found if not isinstance(media, BaseException)]

    async def _bring(self, job: Job, role: Role) -> Media:
        known = job.image if role is Role.IMAGE else job.video
        if known is not None and self._spool.holds(job.id, role, known.size):
            return known
        path = self._spool.path(job.id, role)
        size = job.order.file(role).size or self._most(role)
        self._spool.make_room(path, size, evictable=await self.evictable(job))
        try:
            await self._source.fetch(job, role, path, at_most=self._most(role))
        finally:
            self._spool.settle(path)
        return await self._prober.probe(path, role)

    async def evictable(self, job: Job) -> list[str]:
        """Return the jobs that only wait, with nothing given away yet: last in line first."""
        turns = await self._store.jobs.turns(job.order.kind, self._clock())
        waiting = [turn.id for turn in in_order(turns) if not turn.hosted and turn.id != job.id]
        return waiting[::-1]
