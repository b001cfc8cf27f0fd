"""What a video service is asked, and what it answers about a task. Times are seconds since the epoch (UTC)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.job import Failure, Kind, Quality


class TaskStatus(StrEnum):
    """A task's life at the service. ``UNKNOWN``: too old, never there, or not yet visible."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRequest:
    """One paid call: two addresses (secrets) the service can fetch, and how to render them."""

    kind: Kind
    quality: Quality
    watermark: bool
    check_person: bool
    image_url: str = field(repr=False)
    video_url: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One look at a task. ``url``, a secret, and ``seconds`` (billed) come with success, ``failure`` with failure."""

    id: str
    status: TaskStatus
    submitted_at: float | None = None
    started_at: float | None = None
    ended_at: float | None = None
    url: str | None = field(default=None, repr=False)
    seconds: float = 0.0
    failure: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedTask:
    """A row of the account's task list: no input and no result, but whose key made it and when."""

    id: str
    status: TaskStatus
    kind: Kind | None
    api_key_id: str | None
    request_id: str | None
    created_at: float
    started_at: float | None = None
    ended_at: float | None = None
