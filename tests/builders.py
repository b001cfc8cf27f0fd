"""Jobs, stores and small tools that several tests need. Everything here is the real thing, made short."""

from __future__ import annotations

import itertools
import resource
import sqlite3
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hypothesis import settings

from bot.failure import Failure, FailureCode
from bot.hosting import Hosted
from bot.job import Ask, Delivery, Input, Job, JobState, Media, Mending, Result
from bot.order import Kind, Order, Place, Quality, Role, SourceFile
from bot.queue import Prices

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bot.store import Store

NOW = 1_800_000_000.0
TEAM, ADA, BOB, CHANNEL = "T0TEAM", "U0ADA", "U0BOB", "C0ROOM"
IMAGE = Media(format="png", size=300, width=640, height=640)
VIDEO = Media(format="mp4", size=900, width=640, height=360, seconds=4.0, fps=25.0, sound=True)
SIZES = {Role.IMAGE: IMAGE.size, Role.VIDEO: VIDEO.size}
PRICES = Prices("USD", {(kind, quality): 0.1 for kind in Kind for quality in Quality})
QUICK = settings(max_examples=60, deadline=None)
_numbers = itertools.count(1)


@dataclass
class Clock:
    """A clock that stands still until it is told to go on."""

    now: float = NOW

    def __call__(self) -> float:
        return self.now


def order(**changes: Any) -> Order:
    facts: dict[str, Any] = {
        "kind": Kind.ANIMATE,
        "image": SourceFile("F1", "hero.png", IMAGE.size),
        "video": SourceFile("F2", "dance.mp4", VIDEO.size),
    }
    return Order(**facts | changes)


def place(**changes: Any) -> Place:
    return Place(**{"team": TEAM, "channel": CHANNEL, "user": ADA} | changes)


def queued(**changes: Any) -> Job:
    """A new job with an id of its own."""
    number = next(_numbers)
    facts: dict[str, Any] = {
        "id": f"J{number:06}",
        "key": f"key-{number}",
        "order": order(),
        "place": place(),
        "created_at": NOW,
        "due_at": NOW,
    }
    return Job(**facts | changes)


def as_it_came(media: Media) -> Input:
    """An input that had not to be mended."""
    return Input(media=media, mending=Mending(original=media))


def in_state(state: JobState, **changes: Any) -> Job:
    """A job that reached this state by legal moves alone, then changed."""
    return replace(_moved(queued(), state), **changes)


def unclear(**changes: Any) -> Job:
    """A job whose requester is asked whether to send it again."""
    return replace(in_state(JobState.SUBMITTING).unclear(due_at=NOW + 86400), **changes)


def _moved(job: Job, state: JobState) -> Job:
    match state:
        case JobState.QUEUED:
            return job
        case JobState.READY:
            return job.checked(as_it_came(IMAGE), as_it_came(VIDEO), now=NOW)
        case JobState.SUBMITTING:
            return _moved(job, JobState.READY).submitting(now=NOW)
        case JobState.RENDERING:
            return _moved(job, JobState.SUBMITTING).rendering(f"task-{job.id}", due_at=NOW)
        case JobState.RENDERED:
            result = Result(url=f"https://r.example/{job.id}", dies_at=NOW + 86400, seconds=4.0)
            return _moved(job, JobState.RENDERING).rendered(result, started_at=NOW, ended_at=NOW, now=NOW)
        case JobState.DELIVERED:
            return _moved(job, JobState.RENDERED).delivered(Delivery(permalink="https://s.example/f"), now=NOW)
        case JobState.FAILED:
            return job.failed(Failure(FailureCode.INTERNAL), now=NOW)
        case JobState.CANCELLED:
            return job.cancelled(ADA, now=NOW)


EVERY_KIND_OF_JOB = [*JobState, Ask.UNCLEAR]


def any_job(kind: JobState | Ask, **changes: Any) -> Job:
    """A job in this state, or asking this."""
    return in_state(kind, **changes) if isinstance(kind, JobState) else unclear(**changes)


def hosted(name: str, *, host: str = "https://bot.example", expires_at: float = NOW + 3600) -> dict[Role, Hosted]:
    """Two addresses, one for each role, whose tokens begin with ``name``."""
    tokens = {role: f"{name}-{role}-token-of-decent-length" for role in Role}
    endings = {Role.IMAGE: "png", Role.VIDEO: "mp4"}
    return {
        role: Hosted(token=token, url=f"{host}/media/{token}/{role}.{endings[role]}", expires_at=expires_at)
        for role, token in tokens.items()
    }


def texts_of(value: Any) -> list[dict[str, Any]]:
    """Every text object of these blocks."""
    if isinstance(value, list):
        return [text for inner in value for text in texts_of(inner)]
    if isinstance(value, dict):
        if value.get("type") in {"plain_text", "mrkdwn"}:
            return [value]
        return [text for inner in value.values() for text in texts_of(inner)]
    return []


def rows(path: Path, sql: str) -> list[dict[str, Any]]:
    """Look into the database from outside, as another connection sees it."""
    with closing(sqlite3.connect(path)) as db:
        db.row_factory = sqlite3.Row
        return [dict(row) for row in db.execute(sql)]


async def on_writer(store: Store, sql: str) -> list[Any]:
    """Run a statement on the store's writing connection: some limits and traces belong to a connection."""
    return await store._writer.run(lambda db: list(db.execute(sql).fetchall()))


@contextmanager
def full_disk(path: Path) -> Iterator[None]:
    """Let no file of this process grow beyond what the database's log has now: the system refuses, as when full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = path.with_name(path.name + "-wal").stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
