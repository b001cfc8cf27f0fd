"""The video's way out: fetched at once, made ready to use, kept until it is delivered, made visible exactly once.

The upload's file id is saved before the call that makes it visible; whatever happens to that call's answer, a look
at the file says whether it was seen before anything is sent again. So a message may, across a crash, be posted a
second time; a video not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Protocol

import structlog

from bot.errors import Refused, RemoteError, SpoolFull, Unclear, Unreachable, UserError
from bot.failure import Failure, FailureCode, Spent
from bot.job import Delivery, Target
from bot.order import Role

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bot.job import Input, Job, Media, Result
    from bot.media.prepare import Finished
    from bot.moves import Moves
    from bot.spool import Spool

log = structlog.get_logger(__name__)

RESULT_NAME = "result.mp4"  # as it is posted
FETCHED_NAME = "fetched.mp4"  # as the service made it
# The vendor's video is 720p class at up to 25 frames a second and 30 s long; ten times what that can weigh.
RESULT_MAX_BYTES = 1_000_000_000
RESULT_USUAL_BYTES = 60_000_000
RESULT_MORE_BYTES = 10_000_000  # what the sound that is laid back may add
REFERENCE_TRIES = 3  # a service out of reach costs the video its sound only after so many
# How often a video that came whole and can't be played is fetched once more.
MORE_COPIES = 5
KEPT_SECONDS = 7 * 86400.0
_SOON = 0.5


class Sharing(Enum):
    """What became of the call that makes a video visible."""

    TAKEN = auto()
    UNWELCOME = auto()  # this place takes no video from us
    NO_SUCH_FILE = auto()  # the upload is gone: it certainly was not shown


class Sight(Enum):
    """What a look at the file shows."""

    SHARED = auto()
    HIDDEN = auto()  # it is there, but nobody sees it in the place it was meant for
    NOT_COMPLETED = auto()  # the call that makes it visible did not happen, or not yet


@dataclass(frozen=True, slots=True)
class Look:
    """A look at an uploaded file, with its permanent link and its message where there is one."""

    sight: Sight
    permalink: str | None = None
    message: str | None = None


class Outlet(Protocol):
    """Where finished videos go."""

    async def upload(self, job: Job, path: Path) -> str:
        """Bring the bytes there, visible to nobody, and return the file's id. Harmless to repeat."""
        ...

    async def share(self, job: Job) -> Sharing:
        """Make the upload visible in the delivery's target. Not to be repeated without a look."""
        ...

    async def look(self, job: Job) -> Look:
        """Return whether the upload is visible in the delivery's target."""
        ...

    async def point(self, job: Job, permalink: str) -> None:
        """Post the file's permanent link instead, where its share never appeared."""
        ...

    async def remove(self, job: Job) -> None:
        """Take the posted video away for good. Safe to repeat. Refused when that is not allowed."""
        ...


class ResultSource(Protocol):
    """Where the service's videos are fetched from."""

    async def fetch(self, result: Result, to: Path, *, at_most: int) -> int:
        """Bring the whole video, or raise: Unreachable to try again, Refused if it is gone. Returns its bytes."""
        ...


class Player(Protocol):
    """Opens finished videos at a safe distance."""

    async def probe_result(self, path: Path) -> Media:
        """Return what the video is, or raise UserError if it can't be played."""
        ...


class Finisher(Protocol):
    """Makes finished videos ready to use, at a safe distance."""

    async def finish(self, result: Path, reference: Path | None, to: Path) -> Finished:
        """Return the video as it is posted, this file or one written at ``to``, with the reference's sound if need be.

        Raises UserError when it is no video.
        """
        ...


class References(Protocol):
    """Where a job's own files are."""

    async def bring(self, job: Job, role: Role) -> Input:
        """Have one of them in the spool as it went to the service, or raise why not."""
        ...

    async def make_room(self, job: Job, path: Path, size: int) -> None:
        """Promise so many bytes to a file of this job, or raise SpoolFull. The promise ends with the spool's."""
        ...


@dataclass(frozen=True, slots=True)
class Patience:
    """How long, in seconds, Slack is given before something is believed."""

    settle: float = 30.0  # an unanswered call may still take effect this much later
    share: float = 30.0  # a share that was answered with yes may take this long to appear


class Deliverer:
    """What happens to a rendered job."""

    def __init__(
        self,
        *,
        results: ResultSource,
        player: Player,
        finisher: Finisher,
        references: References,
        outlet: Outlet,
        spool: Spool,
        moves: Moves,
        clock: Callable[[], float],
        patience: Patience,
    ) -> None:
        self._results = results
        self._player = player
        self._finisher = finisher
        self._references = references
        self._outlet = outlet
        self._spool = spool
        self._moves = moves
        self._clock = clock
        self._patience = patience
        self._began = clock()

    async def step(self, job: Job) -> Job:
        """Do the next thing on the way of the video to its requester."""
        if job.result is None:
            raise ValueError("a rendered job has a result")
        if job.delivery.target is Target.KEPT:
            return await self._fail(job, FailureCode.UNCOLLECTED)
        if job.delivery.completing_at is not None:
            return await self._look(job)
        if job.delivery.file is not None:
            return await self._share(job, job.delivery)
        if not job.result.size or not self._spool.holds(job.id, RESULT_NAME, job.result.size):
            return await self._fetch(job, job.result)
        return await self._upload(job)

    async def remove(self, job: Job) -> Job:
        """Take a delivered video away, as its requester wished, and note when it was gone; or that it can't be."""
        now, facts = self._clock(), {"removed": True}
        removed: dict[str, Any] = {"removed_at": now}
        try:
            await self._outlet.remove(job)
        except Refused as error:
            log.warning("the video stays", reason=str(error))
            removed, facts = {"removed_by": None}, {"removed": False}
        return await self._moves.keep(
            job,
            lambda job: job.stay(due_at=now, failures=0, delivery=replace(job.delivery, **removed)),
            note=facts,
        )

    async def _fetch(self, job: Job, result: Result) -> Job:
        path = self._spool.path(job.id, FETCHED_NAME)
        # How much will come is known only when it comes. What waits here makes room: it can be had again.
        await self._references.make_room(job, path, RESULT_USUAL_BYTES)
        try:
            size = await self._results.fetch(result, path, at_most=RESULT_MAX_BYTES)
        except Refused:
            return await self._fail(job, FailureCode.RESULT_GONE)
        except Unreachable:
            if self._clock() < result.dies_at:
                raise
            return await self._fail(job, FailureCode.RESULT_GONE)
        finally:
            self._spool.settle(path)
        try:
            media = await self._ready(job, path, size)
        except UserError as error:
            log.warning("the result cannot be played", problems=str(error))
            return await self._broken(job, result)
        finished = replace(result, size=self._spool.size(job.id, RESULT_NAME), media=media)
        return await self._moves.keep(job, lambda job: job.stay(due_at=self._clock(), result=finished, failures=0))

    async def _ready(self, job: Job, fetched: Path, size: int) -> Media | None:
        """Have the video that is posted in its place: made ready to use, or as the service made it if that fails.

        Raises UserError when it is no video at all.
        """
        to = self._spool.path(job.id, RESULT_NAME)
        try:
            reference = await self._reference(job, fetched)
            await self._references.make_room(job, to, size + RESULT_MORE_BYTES)
            finished = await self._finisher.finish(fetched, reference, to)
        except InterruptedError:  # the machine is going down: the next start finishes it
            raise
        except (UserError, SpoolFull, OSError, RuntimeError) as error:
            log.warning("the result is posted as it came", reason=f"{type(error).__name__}: {error}")
            media = await self._looked_at(fetched)
            self._spool.rename(job.id, FETCHED_NAME, RESULT_NAME)
            return media
        finally:
            self._spool.settle(to)
        if finished.path == fetched:
            self._spool.rename(job.id, FETCHED_NAME, RESULT_NAME)
        self._spool.drop(job.id, FETCHED_NAME)
        return finished.media

    async def _looked_at(self, path: Path) -> Media | None:
        """Return what the video is, None if nothing here can open files. Raises UserError when it is no video."""
        try:
            return await self._player.probe_result(path)
        except RuntimeError:
            log.exception("the result could not be looked at")
            return None

    async def _reference(self, job: Job, fetched: Path) -> Path | None:
        """Return the file whose sound the video should have: brought again, if it is needed and the spool lost it."""
        if job.video is None or not job.video.sound:
            return None
        if not self._spool.holds(job.id, Role.VIDEO, job.video.size):
            if (await self._player.probe_result(fetched)).sound:
                return None
            try:
                await self._references.bring(job, Role.VIDEO)
            except (RemoteError, UserError, SpoolFull, OSError, RuntimeError) as error:
                if isinstance(error, Unreachable) and job.failures < REFERENCE_TRIES:
                    raise
                log.warning("the reference can't be had again for its sound", reason=str(error))
                return None
        return self._spool.find(job.id, Role.VIDEO)

    async def _broken(self, job: Job, result: Result) -> Job:
        """Whole, says its length, and still no video: the service may yet be writing it, so give it a few tries.

        Only such copies are counted. A service that was away before, however often, has not shown a broken one.
        """
        if result.broken >= MORE_COPIES:
            return await self._fail(job, FailureCode.RESULT_BROKEN)
        seen = replace(result, broken=result.broken + 1)
        due_at = self._clock() + 2.0**result.broken
        return await self._moves.keep(job, lambda job: job.stay(due_at=due_at, result=seen, failures=0))

    async def _upload(self, job: Job) -> Job:
        try:
            file = await self._outlet.upload(job, self._spool.path(job.id, RESULT_NAME))
        except Refused as error:
            log.warning("no upload is taken", reason=str(error))
            return await self._next_target(job, Target.KEPT)
        return await self._share(job, replace(job.delivery, file=file))

    async def _share(self, job: Job, delivery: Delivery) -> Job:
        """Say that the call may happen from now on, then make it. Its answer is only a hint: the look decides."""
        now = self._clock()
        delivery = replace(delivery, completing_at=now, answered=False)
        job = await self._moves.keep(job, lambda job: job.stay(due_at=now, delivery=delivery, failures=0))
        try:
            sharing = await self._outlet.share(job)
        except Unclear:
            return await self._again(job, self._clock() + _SOON)
        match sharing:
            case Sharing.UNWELCOME:
                return await self._next_target(job, _AFTER[delivery.target])
            case Sharing.NO_SUCH_FILE:
                return await self._start_over(job)
            case Sharing.TAKEN:
                answered = replace(delivery, answered=True)
                due_at = self._clock() + _SOON
                return await self._moves.keep(job, lambda job: job.stay(due_at=due_at, delivery=answered))

    async def _look(self, job: Job) -> Job:
        delivery, now = job.delivery, self._clock()
        look = await self._outlet.look(job)
        waited = now - self._sent_at(delivery, now)
        if look.sight is Sight.SHARED:
            seen = replace(delivery, permalink=look.permalink, message=look.message)
            return await self._moves.keep(job, lambda job: job.delivered(seen, now=self._clock()))
        if look.sight is Sight.NOT_COMPLETED and not delivery.answered:
            if waited >= self._patience.settle:
                return await self._share(job, delivery)
        elif waited >= self._patience.share:
            return await self._point(job, look)
        return await self._again(job, now + min(4.0, max(_SOON, waited)))

    def _sent_at(self, delivery: Delivery, now: float) -> float:
        """When the call was sent; by a process that died, when this one began: its clock may have been another."""
        sent = delivery.completing_at
        return sent if sent is not None and self._began <= sent <= now else self._began

    async def _point(self, job: Job, look: Look) -> Job:
        """The share was promised and never came (known of Slack): the link brings the same video."""
        if look.permalink is None:
            return await self._start_over(job)
        await self._outlet.point(job, look.permalink)
        pointed = replace(job.delivery, permalink=look.permalink)
        return await self._moves.keep(
            job, lambda job: job.delivered(pointed, now=self._clock()), note={"pointed": True}
        )

    async def _start_over(self, job: Job) -> Job:
        fresh = Delivery(target=job.delivery.target)
        return await self._moves.keep(job, lambda job: job.stay(due_at=self._clock(), delivery=fresh))

    async def _again(self, job: Job, due_at: float) -> Job:
        return await self._moves.keep(job, lambda job: job.stay(due_at=due_at))

    async def _next_target(self, job: Job, target: Target) -> Job:
        log.warning("the video is not taken there", target=str(job.delivery.target), next=str(target))
        kept = self._clock() + (KEPT_SECONDS if target is Target.KEPT else 0.0)
        delivery = Delivery(target=target, file=None if target is Target.KEPT else job.delivery.file)
        return await self._moves.keep(
            job, lambda job: job.stay(due_at=kept, delivery=delivery, failures=0), note={"target": str(target)}
        )

    async def _fail(self, job: Job, code: FailureCode) -> Job:
        failure = Failure(code, spent=Spent.YES)
        return await self._moves.keep(job, lambda job: job.failed(failure, now=self._clock()))


_AFTER = {Target.THREAD: Target.CHANNEL, Target.CHANNEL: Target.DIRECT, Target.DIRECT: Target.KEPT}
