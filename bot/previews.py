"""One reply in the job's thread that shows what will be sent. Nothing waits for it, and nothing fails with it.

It is made visible as carefully as the video (``bot.delivery``): the uploads' ids are saved before the call, and after a
crash or a lost answer a look at them says whether it was seen. But it is tried only a few times.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import structlog

from bot.delivery import Sharing, Sight
from bot.errors import BotError, NoSuchJob, StoreUnavailable, Unclear
from bot.job import JobState
from bot.media.limits import MB
from bot.order import Role
from bot.pace import PREVIEW_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from bot.delivery import Look, Patience
    from bot.job import Job
    from bot.spool import Spool
    from bot.store import Preview, Store

log = structlog.get_logger(__name__)

TRIES = 5
ROOM_BYTES = 5 * MB
NAMES = {Role.IMAGE: "picture.jpg", Role.VIDEO: "sheet.jpg"}
_SOON = 0.5
_BREATHER_SECONDS = 5.0
_WHILE = frozenset({JobState.READY, JobState.SUBMITTING, JobState.RENDERING})
# Pictures that every client shows are shown as they will be sent.
_SHOWN_AS_THEY_ARE = frozenset({"jpeg", "png"})


class Painter(Protocol):
    """Makes small pictures of files, at a safe distance."""

    async def preview(self, path: Path, to: Path) -> None:
        """Write a small JPEG of a picture."""
        ...

    async def sheet(self, path: Path, to: Path) -> None:
        """Write nine frames of a video with their times as one JPEG."""
        ...


@dataclass(frozen=True, slots=True)
class Shown:
    """One picture of the preview: which of the inputs it shows, and the file."""

    role: Role
    path: Path
    format: str


class Board(Protocol):
    """Where previews are posted."""

    async def upload(self, job: Job, shown: Shown) -> str:
        """Bring the bytes there, visible to nobody, and return the file's id. Harmless to repeat."""
        ...

    def turn(self, job: Job) -> AbstractAsyncContextManager[None]:
        """While this is held nothing else is said where the job's preview goes."""
        ...

    async def show(self, job: Job, files: tuple[str, ...]) -> Sharing:
        """Make the uploads visible in one reply. Not to be repeated without a look."""
        ...

    async def look(self, file: str) -> Look:
        """Return whether an upload is visible."""
        ...


class Previews:
    """Shows each job's files once, while it waits or is rendered. One preview at a time."""

    def __init__(
        self,
        *,
        store: Store,
        spool: Spool,
        painter: Painter,
        board: Board,
        clock: Callable[[], float],
        patience: Patience,
        after: float = PREVIEW_SECONDS,
    ) -> None:
        self._store = store
        self._spool = spool
        self._painter = painter
        self._board = board
        self._clock = clock
        self._patience = patience
        self._after = after
        self._began = clock()
        self._due: dict[str, float] = {}
        self._awake = asyncio.Event()
        self._stopping = False
        self.busy = False

    def changed(self, job_id: str) -> None:
        """Look whether this job's files are to be shown, soon."""
        if job_id not in self._due:
            self._due[job_id] = self._clock() + self._after
            self._awake.set()

    def wake(self) -> None:
        """Look again now: the clock went on."""
        self._awake.set()

    def next_due(self) -> float | None:
        """Return when there will be something to do."""
        return min(self._due.values(), default=None)

    async def start(self) -> None:
        """Note what a dead process left unshown."""
        for job_id in await self._store.previews.open():
            self.changed(job_id)

    async def run(self) -> None:
        """Show what is due, until cancelled or ``stop``."""
        while not self._stopping:
            self._awake.clear()
            now = self._clock()
            for job_id in [job_id for job_id, at in self._due.items() if at <= now]:
                if not self._stopping:
                    await self._take(job_id)
            at = self.next_due()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(None if at is None else max(0.0, at - self._clock())):
                    await self._awake.wait()

    def stop(self) -> None:
        """Begin nothing more. What is in hand may be cut off anywhere."""
        self._stopping = True
        self._awake.set()

    async def _take(self, job_id: str) -> None:
        del self._due[job_id]
        self.busy = True
        try:
            with structlog.contextvars.bound_contextvars(job=job_id):
                wait = await self._step_safely(job_id)
        finally:
            self.busy = False
        if wait is not None:
            self._due[job_id] = min(self._due.get(job_id, float("inf")), self._clock() + wait)

    async def _step_safely(self, job_id: str) -> float | None:
        try:
            return await self.step(job_id)
        except NoSuchJob:
            return None
        except StoreUnavailable:
            return _BREATHER_SECONDS
        except (BotError, OSError, RuntimeError, TimeoutError) as error:
            log.warning("the preview waits", reason=f"{type(error).__name__}: {error}")
        except Exception:
            log.exception("bug: the preview could not be made")
        return await self._failed(job_id)

    async def _failed(self, job_id: str) -> float | None:
        """Come back later, or give up: it is only a courtesy."""
        try:
            await self._store.previews.failed(job_id)
            tries = (await self._store.previews.get(job_id)).tries
            if tries >= TRIES:
                await self._end(job_id, "given up")
                return None
        except StoreUnavailable:
            return _BREATHER_SECONDS
        return 2.0**tries

    async def step(self, job_id: str) -> float | None:
        """Do the next thing for this job's preview. Returns in how many seconds there is more to do, if there is."""
        preview = await self._store.previews.get(job_id)
        if preview.ended:
            return None
        await self._store.sure()
        job = await self._store.jobs.get(job_id)
        if preview.completing_at is not None:
            return await self._look(job, preview)
        if job.state not in _WHILE:
            return None  # not yet, or not any more
        found = {role: job.input(role) for role in Role}
        if not all(each and self._spool.holds(job_id, role, each.media.size) for role, each in found.items()):
            return None  # they are brought again before the job moves on
        return await self._share(job, await self._uploads(job))

    async def _uploads(self, job: Job) -> tuple[str, ...]:
        try:
            with self._spool.using(job.id):
                shown = [await self._painted(job, role) for role in Role]
                return tuple([await self._board.upload(job, each) for each in shown])
        finally:
            for role in Role:
                self._spool.drop(job.id, NAMES[role])
            await self._tidy(job.id)

    async def _painted(self, job: Job, role: Role) -> Shown:
        found = job.input(role)
        path = self._spool.find(job.id, role)
        if found is not None and found.media.format in _SHOWN_AS_THEY_ARE:
            return Shown(role, path, found.media.format)
        to = self._spool.find(job.id, NAMES[role])
        self._spool.make_room(to, ROOM_BYTES, evictable=[])
        try:
            await (self._painter.preview if role is Role.IMAGE else self._painter.sheet)(path, to)
        finally:
            self._spool.settle(to)
        return Shown(role, to, "jpeg")

    async def _tidy(self, job_id: str) -> None:
        """A job that ended meanwhile was cleared away before the last of this was written."""
        if (await self._store.jobs.get(job_id)).final:
            self._spool.clear(job_id)

    async def _share(self, job: Job, files: tuple[str, ...]) -> float | None:
        """Show the uploads, unless the job went on while they were made: nothing follows what ends a thread."""
        async with self._board.turn(job):
            if (await self._store.jobs.get(job.id)).state in _WHILE:
                return await self._complete(job, files)
        await self._end(job.id, "too late")
        return None

    async def _complete(self, job: Job, files: tuple[str, ...]) -> float | None:
        """Say that the call may happen from now on, then make it."""
        await self._store.previews.completing(job.id, files, at=self._clock())
        try:
            sharing = await self._board.show(job, files)
        except Unclear:
            return _SOON
        if sharing is Sharing.NO_SUCH_FILE:
            await self._store.previews.failed(job.id, over=True)
            return _SOON
        await self._end(job.id, "shown" if sharing is Sharing.TAKEN else "not welcome")
        return None

    async def _look(self, job: Job, preview: Preview) -> float | None:
        """Whether it was seen; sent again only when it certainly was not, and is still worth it."""
        look, now = await self._board.look(preview.files[0]), self._clock()
        sent = preview.completing_at
        waited = now - (sent if sent is not None and self._began <= sent <= now else self._began)
        if look.sight is Sight.NOT_COMPLETED and waited >= self._patience.settle:
            if preview.tries < TRIES:
                await self._store.previews.failed(job.id)
                return await self._share(job, preview.files)
            await self._end(job.id, "given up")
        elif look.sight is Sight.NOT_COMPLETED:
            return min(4.0, max(_SOON, waited))
        else:  # completed: if its share never appears, that is Slack's to say, and nothing to be repeated
            await self._end(job.id, "shown")
        return None

    async def _end(self, job_id: str, how: str) -> None:
        await self._store.previews.end(job_id)
        log.info("the preview is over", how=how)
