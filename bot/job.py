"""One video order and the states it may pass through.

Everything that decides whether a job may change lives in this file. It knows nothing of Slack, HTTP or SQL.
Times are seconds since the epoch (UTC).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from bot.failure import Spent
from bot.order import Role

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.failure import Failure
    from bot.order import Order, Place


class JobState(StrEnum):
    """Where a job stands. A state exists only because a restart must treat it differently."""

    QUEUED = "queued"  # stored; the files are only where the requester put them
    READY = "ready"  # inputs checked; waiting for its turn
    SUBMITTING = "submitting"  # the paid call may or may not have happened
    RENDERING = "rendering"  # there is a task id
    RENDERED = "rendered"  # there is a result, and it dies in 24 hours
    DELIVERED = "delivered"
    FAILED = "failed"
    CANCELLED = "cancelled"


_GIVE_UP = frozenset({JobState.FAILED, JobState.CANCELLED})

NEXT: Mapping[JobState, frozenset[JobState]] = {
    JobState.QUEUED: _GIVE_UP | {JobState.READY},
    JobState.READY: _GIVE_UP | {JobState.SUBMITTING},
    JobState.SUBMITTING: _GIVE_UP | {JobState.RENDERING, JobState.READY},
    JobState.RENDERING: _GIVE_UP | {JobState.RENDERED, JobState.READY},
    JobState.RENDERED: frozenset({JobState.DELIVERED, JobState.FAILED}),
    JobState.DELIVERED: frozenset(),
    JobState.FAILED: frozenset(),
    JobState.CANCELLED: frozenset(),
}
FINAL = frozenset(state for state, following in NEXT.items() if not following)


class Ask(StrEnum):
    """What a job waits for a person to decide, beside its state. A job that asks holds no place anywhere."""

    UNCLEAR = "unclear"  # the paid call may have happened: send again, or stop?


@dataclass(frozen=True, slots=True)
class Mend:
    """One thing that was done to one file. ``before`` and ``after`` are ready to be shown to a person."""

    change: str  # a key of bot.media.limits.CHANGES
    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """What was found in a file."""

    format: str  # "jpeg", "png", "bmp", "webp", "mp4", "mov", "avi"
    size: int  # bytes
    width: int
    height: int
    seconds: float = 0.0  # 0 for a picture
    fps: float = 0.0
    sound: bool = False
    codec: str = ""  # of a film's pictures: "h264", "hevc", "vp9", "av1" and so on
    hdr: bool = False  # more light than an ordinary screen shows (PQ or HLG)
    variable: bool = False  # the frames do not follow an even beat; ``fps`` is then their average


@dataclass(frozen=True, slots=True, kw_only=True)
class Mending:
    """What a file was when it came, and what was done so that it fits: nothing, mostly."""

    original: Media
    mends: tuple[Mend, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One of a job's two files as the service gets it, and how it came to be so."""

    media: Media
    mending: Mending


class Target(StrEnum):
    """Where a video may go, in the order in which it is tried."""

    THREAD = "thread"
    CHANNEL = "channel"
    DIRECT = "direct"  # the requester's direct messages
    KEPT = "kept"  # nowhere: kept here until somebody asks for it


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A finished video at the service: its address (a secret) and what was billed, in seconds."""

    url: str = field(repr=False)
    dies_at: float
    seconds: float
    size: int = 0  # bytes of the file that is posted, once it is there
    media: Media | None = None  # what that file is; None if nobody could tell
    broken: int = 0  # how many whole copies of it could not be played


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How far the handing over got. ``file`` is saved before the call that makes it visible."""

    target: Target = Target.THREAD
    file: str | None = None
    completing_at: float | None = None  # when the call that makes it visible was last about to be sent
    answered: bool = False  # that call was answered with yes
    permalink: str | None = None
    message: str | None = None  # the video's message, once its share was seen
    removed_by: str | None = None  # who wanted the posted video taken away
    removed_at: float | None = None  # when it was


class IllegalTransition(Exception):
    """The code asked for a change that ``NEXT`` does not allow: a bug."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A snapshot of one row. Changing it makes a new snapshot."""

    id: str
    key: str  # what the request is recognised by when it arrives a second time
    order: Order
    place: Place
    created_at: float
    due_at: float  # nothing happens to the job before this
    state: JobState = JobState.QUEUED
    revision: int = 0
    failures: int = 0  # in a row, in this state
    ask: Ask | None = None
    parent: str | None = None  # the job that this one retries
    cancel_by: str | None = None  # who asked for an end that is not reached yet
    too_late: bool = False  # that wish came when the service had started already
    image: Media | None = None  # as the service gets it
    video: Media | None = None
    image_mending: Mending | None = None  # None until it was looked at
    video_mending: Mending | None = None
    doubts: int = 0  # earlier attempts that were sent again although they may have been paid for
    epoch: int = 0  # which attempt's addresses are, or were, given away
    submitting_at: float | None = None
    task_id: str | None = None
    task_started_at: float | None = None
    task_ended_at: float | None = None
    result: Result | None = None
    delivery: Delivery = Delivery()
    failure: Failure | None = None
    cancelled_by: str | None = None

    @property
    def final(self) -> bool:
        """True when nothing can happen to the job any more."""
        return self.state in FINAL

    @property
    def removing(self) -> bool:
        """True from the wish to have the posted video taken away until it is gone."""
        return self.delivery.removed_by is not None and self.delivery.removed_at is None

    @property
    def settling(self) -> bool:
        """True once the paid call's answer is known to be lost."""
        return self.state is JobState.SUBMITTING and self.submitting_at is not None and self.due_at > self.submitting_at

    @property
    def spent(self) -> Spent:
        """What is known about money at this moment, earlier attempts (``doubts``) aside."""
        if self.failure is not None:
            return self.failure.spent
        if self.state in {JobState.RENDERED, JobState.DELIVERED}:
            return Spent.YES
        if self.submitting_at is not None and self.task_id is None:
            return Spent.MAYBE
        return Spent.NOTHING

    def input(self, role: Role) -> Input | None:
        """Return one of the two files as it was found to fit, or None while it was not looked at."""
        image = role is Role.IMAGE
        media, mending = (self.image, self.image_mending) if image else (self.video, self.video_mending)
        return None if media is None else Input(media=media, mending=mending or Mending(original=media))

    def checked(self, image: Input, video: Input, *, now: float) -> Job:
        """Both inputs were opened and fit, or were made to."""
        found = {"image": image.media, "video": video.media}
        done = {"image_mending": image.mending, "video_mending": video.mending}
        return self._to(JobState.READY, due_at=now, **found, **done)

    def submitting(self, *, now: float) -> Job:
        """Say, before it happens, that the paid call may happen from now on."""
        # Failures go on being counted: a service that refuses for now, again and again, is asked ever more seldom.
        return self._to(JobState.SUBMITTING, due_at=now, submitting_at=now, failures=self.failures)

    def refused_for_now(self, *, due_at: float) -> Job:
        """Back in line: the service certainly took nothing. The attempt's addresses stay good."""
        return self._to(JobState.READY, due_at=due_at, submitting_at=None, failures=self.failures + 1)

    def next_epoch(self, *, now: float) -> Job:
        """Start another attempt. The addresses of the last one must have been revoked before."""
        forgotten: dict[str, Any] = {"task_id": None, "submitting_at": None, "task_started_at": None}
        return self._to(
            JobState.READY,
            due_at=now,
            epoch=self.epoch + 1,
            failures=self.failures + 1,
            ask=None,
            **forgotten,
        )

    def again_at_risk(self, *, now: float) -> Job:
        """Send again what may have been paid for already: only its requester may decide so."""
        return replace(self.next_epoch(now=now), doubts=self.doubts + 1, cancel_by=None)

    def unclear(self, *, due_at: float) -> Job:
        """The paid call may have happened and nothing more can be learned: ask. The question lapses at ``due_at``."""
        return self.stay(due_at=due_at, ask=Ask.UNCLEAR)

    def rendering(self, task_id: str, *, due_at: float) -> Job:
        """The service took the task."""
        return self._to(JobState.RENDERING, due_at=due_at, task_id=task_id, ask=None)

    def rendered(self, result: Result, *, started_at: float | None, ended_at: float | None, now: float) -> Job:
        """The video exists, and is paid for."""
        times = {"task_started_at": started_at, "task_ended_at": ended_at}
        return self._to(JobState.RENDERED, due_at=now, result=result, **times)

    def delivered(self, delivery: Delivery, *, now: float) -> Job:
        """The video was seen where it belongs."""
        return self._to(JobState.DELIVERED, due_at=now, delivery=delivery)

    def failed(self, failure: Failure, *, now: float) -> Job:
        """End badly, and say whether money was spent."""
        return self._to(JobState.FAILED, due_at=now, failure=failure, ask=None)

    def or_cancelled(self, now: float) -> Job:
        """This job, back in line; or ended instead, if somebody meanwhile wished so."""
        return self if self.cancel_by is None else self.cancelled(self.cancel_by, now=now)

    def cancelled(self, by: str, *, now: float) -> Job:
        """End because ``by`` wished so."""
        return self._to(JobState.CANCELLED, due_at=now, cancelled_by=by, ask=None)

    def stay(self, *, due_at: float, **learned: Any) -> Job:
        """Remain in this state, perhaps wiser, and take another turn at ``due_at``."""
        return replace(self, due_at=due_at, **learned)

    def put_off(self, *, due_at: float) -> Job:
        """Remain in this state after a step that got nowhere."""
        return replace(self, due_at=due_at, failures=self.failures + 1)

    def _to(self, state: JobState, **learned: Any) -> Job:
        if state not in NEXT[self.state]:
            raise IllegalTransition(f"{self.id}: {self.state} to {state}")
        return replace(self, **{"failures": 0, **learned, "state": state})
