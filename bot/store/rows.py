"""Between a job and its row."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from pydantic import TypeAdapter

from bot.failure import Failure
from bot.job import Ask, Delivery, Job, JobState, Media, Mending, Result
from bot.order import Order, Place

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Columns whose value is a small document. Everything SQL has to look at stands in a column of its own.
_DOCUMENTS: Final[Mapping[str, TypeAdapter[Any]]] = {
    "order": TypeAdapter(Order),
    "place": TypeAdapter(Place),
    "image": TypeAdapter(Media),
    "video": TypeAdapter(Media),
    "image_mending": TypeAdapter(Mending),
    "video_mending": TypeAdapter(Mending),
    "result": TypeAdapter(Result),
    "delivery": TypeAdapter(Delivery),
    "failure": TypeAdapter(Failure),
}
_PLAIN: Final = (
    "id",
    "key",
    "created_at",
    "due_at",
    "revision",
    "failures",
    "parent",
    "cancel_by",
    "doubts",
    "epoch",
    "submitting_at",
    "task_id",
    "task_started_at",
    "task_ended_at",
    "cancelled_by",
)
_RENAMED: Final = {"order": "wanted"}  # ORDER is a word of SQL's own
_DERIVED: Final = ("state", "too_late", "ask", "kind", "quality", "seconds", "team", "requester", "removing")
COLUMNS: Final = (*_PLAIN, *_DERIVED, *(_RENAMED.get(name, name) for name in _DOCUMENTS))
SELECT: Final = f"SELECT {', '.join(COLUMNS)} FROM job"  # noqa: S608 -- our own column names; for ``from_row``


def to_row(job: Job) -> dict[str, Any]:
    """Return every column of the job's row, in the order of ``COLUMNS``."""
    row: dict[str, Any] = {name: getattr(job, name) for name in _PLAIN}
    row |= {
        "state": str(job.state),
        "too_late": int(job.too_late),
        "ask": job.ask and str(job.ask),
        "kind": str(job.order.kind),
        "quality": str(job.order.quality),
        "seconds": job.video.seconds if job.video else 0.0,
        "team": job.place.team,
        "requester": job.place.user,
        "removing": int(job.removing),
    }
    for name, adapter in _DOCUMENTS.items():
        value = getattr(job, name)
        row[_RENAMED.get(name, name)] = None if value is None else adapter.dump_json(value).decode()
    return row


@lru_cache(maxsize=4096)
def _read(name: str, text: str) -> Any:
    """Return a document. They never change, and a job is read far more often than one of its documents is written."""
    return _DOCUMENTS[name].validate_json(text)


def from_row(values: Iterable[Any]) -> Job:
    """Return the job that has these values in its columns, which come in the order of ``COLUMNS``."""
    return _job(tuple(values))


@lru_cache(maxsize=1024)
def _job(values: tuple[Any, ...]) -> Job:
    """Return the job of these columns. It is frozen, and looked at several times before it changes."""
    row = dict(zip(COLUMNS, values, strict=True))
    documents: dict[str, Any] = {}
    for name in _DOCUMENTS:
        text = row[_RENAMED.get(name, name)]
        documents[name] = None if text is None else _read(name, text)
    return Job(
        **{name: row[name] for name in _PLAIN},
        **documents,
        state=JobState(row["state"]),
        too_late=bool(row["too_late"]),
        ask=Ask(row["ask"]) if row["ask"] else None,
    )
