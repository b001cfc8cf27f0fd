"""A job's two files: brought here, made to fit where they don't, and put where the service can fetch them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

import structlog

from bot.errors import Refused, SpoolFull, UserError
from bot.failure import Failure, FailureCode
from bot.job import Input, Mending
from bot.media.limits import LIMITS, MB, MENDABLE, Wish
from bot.order import Role
from bot.queue import in_order

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bot.hosting import FileHost, Hosted
    from bot.job import Job
    from bot.media.prepare import Prepared
    from bot.moves import Moves
    from bot.progress import Progress
    from bot.spool import Spool
    from bot.store import Store

log = structlog.get_logger(__name__)

# As many as there are child processes: room is promised only to files whose turn it is.
MENDED_AT_ONCE = 2
# What else must fit into the spool beside a video as it came: a picture, and both as they are sent.
BESIDE_BYTES = MENDABLE[Role.IMAGE].size + sum(LIMITS[role].size for role in Role)


def largest(role: Role, *, spool: int) -> int:
    """Return how big a file of this role may be that is to pass through a spool of so many bytes."""
    return min(MENDABLE[role].size, spool - BESIDE_BYTES)


class Source(Protocol):
    """Where requesters' files come from."""

    async def fetch(self, job: Job, role: Role, to: Path, *, at_most: int) -> None:
        """Bring one input whole, or raise: Unreachable to try again, Refused or UserError if it can't be had."""
        ...


class Preparer(Protocol):
    """Opens files from outside at a safe distance, and makes them fit."""

    async def prepare(
        self,
        path: Path,
        role: Role,
        to: Path,
        *,
        wish: Wish | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Prepared:
        """Return a file that fits: this one, or one written at ``to``. Raises UserError with every reason against it.

        ``progress`` is told of the frames of a film, from when it is certain that nothing is wrong with it.
        """
        ...


class Inputs:
    """What happens to a job's files before it is submitted."""

    def __init__(
        self,
        *,
        source: Source,
        preparer: Preparer,
        host: FileHost,
        spool: Spool,
        store: Store,
        moves: Moves,
        progress: Progress,
        clock: Callable[[], float],
        most: Callable[[Role], int] = lambda role: MENDABLE[role].size,
    ) -> None:
        self._source = source
        self._preparer = preparer
        self._host = host
        self._spool = spool
        self._store = store
        self._moves = moves
        self._progress = progress
        self._clock = clock
        self._most = most
        self._turns = asyncio.Semaphore(MENDED_AT_ONCE)

    async def check(self, job: Job) -> Job:
        """Bring both files and make them fit: the job is ready, or it failed with every reason at once."""
        try:
            with self._spool.using(job.id):
                image, video = await self._both(job)
        except UserError as error:
            failure = Failure(FailureCode.BAD_FILES, problems=error.problems)
            return await self._moves.keep(job, lambda job: job.failed(failure, now=self._clock()))
        return await self._moves.keep(job, lambda job: job.checked(image, video, now=self._clock()))

    async def host(self, job: Job) -> None:
        """Give the job's present attempt its two addresses, making the files again if the spool lost them."""
        with self._spool.using(job.id):  # until the addresses are stored, nothing else says that the files are needed
            try:
                found = dict(zip(Role, await self._both(job), strict=True))
            except UserError as error:  # brought again, it is not what was checked
                failure = Failure(FailureCode.FILE_CHANGED, problems=error.problems)
                raise Refused("the files fit no more", failure=failure) from error
            puts = await asyncio.gather(*(self._put(job, role, each) for role, each in found.items()))
            sizes = {role: each.media.size for role, each in found.items()}
            await self._store.addresses.add(job, dict(zip(Role, puts, strict=True)), sizes)

    async def _put(self, job: Job, role: Role, found: Input) -> Hosted:
        path = self._spool.path(job.id, role)
        return await self._host.put(path, kind=job.order.kind, role=role, media=found.media)

    async def _both(self, job: Job) -> tuple[Input, Input]:
        """Return the image and the video as they fit; every problem of both is raised at once.

        While a video is being mended there is nothing wrong with it: once the picture is refused, that work is ended.
        """
        image = asyncio.create_task(self.bring(job, Role.IMAGE))

        def told(frames: int, of: int) -> None:
            self._progress.tell(job.id, frames, of)
            if image.done() and not image.cancelled() and isinstance(image.exception(), UserError):
                video.cancel()

        video = asyncio.create_task(self.bring(job, Role.VIDEO, progress=told))
        try:
            image_found, video_found = await asyncio.gather(image, video, return_exceptions=True)
        finally:
            self._progress.clear(job.id)
        _raise_worst(image_found, video_found)
        return image.result(), video.result()

    async def bring(self, job: Job, role: Role, *, progress: Callable[[int, int], None] | None = None) -> Input:
        """Have one of the job's files in the spool as it goes to the service, from its owner's service if need be.

        Raises what fetching and preparing raise, and SpoolFull.
        """
        known = job.input(role)
        if known is not None and self._spool.holds(job.id, role, known.media.size):
            return known
        came = self._spool.path(job.id, f"{role}.came")
        try:
            await self._fetch(job, role, came)
            return await self._prepare(job, role, came, progress)
        finally:
            self._spool.drop(job.id, came.name)

    async def _fetch(self, job: Job, role: Role, to: Path) -> None:
        most = self._most(role)
        await self.make_room(job, to, job.order.file(role).size or most)
        try:
            await self._source.fetch(job, role, to, at_most=most)
        finally:
            self._spool.settle(to)

    async def _prepare(self, job: Job, role: Role, came: Path, progress: Callable[[int, int], None] | None) -> Input:
        wish = Wish(start=job.order.start, length=job.order.length, fit=job.order.fit)
        to = self._spool.path(job.id, role)
        async with self._turns:
            # Another codec may need some times as much; what it makes is never more than the service takes.
            room = min(LIMITS[role].size, 4 * self._spool.size(job.id, came.name) + 10 * MB)
            await self.make_room(job, to, room)
            try:
                prepared = await self._preparer.prepare(came, role, to, wish=wish, progress=progress)
                if prepared.kept:
                    self._spool.rename(job.id, came.name, role)
            finally:
                self._spool.settle(to)
        if prepared.mended:
            log.info("a file was made to fit", role=str(role), changes=[mend.change for mend in prepared.mended])
        return Input(media=prepared.media, mending=Mending(original=prepared.original, mends=prepared.mended))

    async def make_room(self, job: Job, path: Path, size: int) -> None:
        """Promise so many bytes to a file of this job; who waits furthest back in its line makes room if need be.

        Raises SpoolFull if that is not enough. The promise ends with the spool's ``settle``.
        """
        try:
            self._spool.make_room(path, size, evictable=())
        except SpoolFull:
            self._spool.make_room(path, size, evictable=await self._evictable(job))

    async def _evictable(self, job: Job) -> list[str]:
        """Return the jobs that only wait, with nothing given away yet: last in line first."""
        turns = await self._store.jobs.turns(job.order.kind, self._clock())
        waiting = [turn.id for turn in in_order(turns) if not turn.hosted and turn.id != job.id]
        return waiting[::-1]


def _raise_worst(*found: Input | BaseException) -> None:
    """Raise what is nobody's file's fault first; else everything that is wrong with the files."""
    problems = [problem for error in found if isinstance(error, UserError) for problem in error.problems]
    for error in found:
        ended_for_it = isinstance(error, asyncio.CancelledError) and problems
        if isinstance(error, BaseException) and not (isinstance(error, UserError) or ended_for_it):
            raise error
    if problems:
        raise UserError(*problems)
