"""What a video service is asked, and what it answers about a task. Times are seconds since the epoch (UTC)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from bot.failure import Failure
    from bot.order import Kind, Quality


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


class TaskList(Protocol):
    """The service's list of the account's tasks."""

    @property
    def account(self) -> str:
        """What tells one API key from another, and does not give it away."""
        ...

    @property
    def clock_offset(self) -> float | None:
        """The service's clock minus ours, in seconds, once it has answered anything."""
        ...

    async def list_tasks(self, kind: Kind, *, since: float, until: float) -> list[ListedTask]:
        """Return every task of this model made between two instants of the service's clock, a day apart at most."""
        ...


class Studio(TaskList, Protocol):
    """The video service."""

    async def create(self, request: TaskRequest) -> str:
        """Make the paid call, once, and return the task's id. Unclear means it may have been made."""
        ...

    async def look_up(self, task_id: str) -> Task:
        """Return how the task stands."""
        ...

    async def cancel(self, task_id: str) -> bool:
        """Return whether the task was stopped before it began."""
        ...
