"""Finding out what became of a paid call whose answer is lost, without ever paying twice.

What we serve we can take away, and nothing is billed that was not fetched. So first the attempt's addresses are
revoked; if not both had been asked for by then, no task of it can ever be billed. If both had, or if nothing can be
revoked, only the service's list of tasks can tell, and a row of it counts only if it can be nobody else's.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bot.attempt import Attempt, Fate
from bot.errors import Refused, RemoteError
from bot.order import Role
from bot.task import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from bot.hosting import FileHost
    from bot.job import Job
    from bot.order import Kind
    from bot.store import Store
    from bot.task import ListedTask, Task, TaskList

log = logging.getLogger(__name__)

# How far the service's clock, told in whole seconds by an answer of any speed, may differ from what we take it for.
SLACK_SECONDS = 20.0
_LIST_SPAN = 86400.0
_DEAD = frozenset({TaskStatus.FAILED, TaskStatus.CANCELLED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What is known of a lost call: its task, or that none can be billed, or neither yet."""

    age: float  # seconds since the call
    task_id: str | None = None
    harmless: bool = False  # whatever came of it costs nothing
    heard: bool = True  # the service answered when it was asked for its list
    asked_at: float | None = None  # when the requester was asked


class Settler:
    """Asks the access log and the service's list."""

    def __init__(
        self, *, store: Store, studio: TaskList, host: FileHost, clock: Callable[[], float], late: float
    ) -> None:
        self._store = store
        self._studio = studio
        self._host = host
        self._clock = clock
        self._late = late  # how long after it was sent a call may still take effect

    @property
    def account(self) -> str:
        """Which API key calls are made with."""
        return self._studio.account

    def service_time(self) -> float:
        """Return what the service's clock shows now, as far as that is known."""
        return self._clock() + (self._studio.clock_offset or 0.0)

    def by_our_clock(self, task: Task) -> Task:
        """Return the same look at a task, its times told by our clock."""
        offset = self._studio.clock_offset or 0.0
        began = None if task.started_at is None else task.started_at - offset
        ended = None if task.ended_at is None else task.ended_at - offset
        return replace(task, started_at=began, ended_at=ended)

    async def set_clock(self, kind: Kind) -> None:
        """See to it that the service's clock is known before a call that may have to be found by its time."""
        if self._studio.clock_offset is None:
            now = self._clock()
            try:
                await self._studio.list_tasks(kind, since=now - 60.0, until=now)
            except RemoteError as error:
                log.info("the service's clock is not known: %s", error)

    async def learn_key(self, job: Job) -> None:
        """Learn, once, what the service's list calls our API key, from a task that is certainly ours."""
        if job.submitting_at is None or await self._store.attempts.key_id(self.account) is not None:
            return
        since = job.submitting_at + self.service_time() - self._clock() - SLACK_SECONDS
        try:
            rows = await self._studio.list_tasks(job.order.kind, since=since, until=since + self._late)
        except RemoteError as error:
            log.info("our key is not known in the service's list: %s", error)
        else:
            await self._store.attempts.learn(rows)

    async def look(self, job: Job) -> Finding:
        """Return what can be told of the job's lost call now. Takes its addresses back; safe to repeat."""
        attempt = await self._store.attempts.open(job.id)
        if await self._disarmed(job):
            return Finding(age=0.0, harmless=True)
        try:
            rows = await self._listed(attempt)
        except Refused as error:
            log.warning("the service does not show its list: %s", error)
            rows = []
        except RemoteError as error:
            log.warning("the service's list could not be read: %s", error)
            return self._open(attempt, heard=False)
        await self._store.attempts.learn(rows)
        # In this order: a call that is answered meanwhile is seen as open by the first, or its task by the second.
        others = await self._store.attempts.beside(attempt, self._late + 2 * SLACK_SECONDS)
        known = await self._store.attempts.known(row.id for row in rows)
        key_id = await self._store.attempts.key_id(attempt.account)
        own = [row for row in rows if row.api_key_id == key_id is not None and row.id not in known]
        return self._judged(attempt, self._only_ours(own, attempt, others), others)

    async def _disarmed(self, job: Job) -> bool:
        """Take the addresses back and return whether a task of them can't ever have both files."""
        addresses = await self._store.addresses.of_epoch(job.id, job.epoch)
        if not self._host.revocable or any(address.url.startswith("oss://") for address in addresses):
            return False
        await self._store.addresses.revoke(job.id)
        addresses = await self._store.addresses.of_epoch(job.id, job.epoch)
        return {address.role for address in addresses if address.first_fetch_at is not None} != set(Role)

    async def _listed(self, attempt: Attempt) -> list[ListedTask]:
        since = attempt.began_at - SLACK_SECONDS
        until = attempt.began_at + self._late + SLACK_SECONDS
        if await self._store.attempts.key_id(attempt.account) is None:
            # A later task of ours may stand there, and show what our key is called.
            until = min(max(until, self.service_time()), since + _LIST_SPAN)
        return await self._studio.list_tasks(attempt.kind, since=since, until=until)

    def _only_ours(self, rows: Iterable[ListedTask], attempt: Attempt, others: Sequence[Attempt]) -> list[ListedTask]:
        """Leave out what may be the task of another call that is still waited for, or was given up in doubt."""
        closed = [other for other in others if other.fate is not Fate.VOID]
        return [
            row for row in rows if self._may_be(row, attempt) and not any(self._may_be(row, other) for other in closed)
        ]

    def _may_be(self, row: ListedTask, attempt: Attempt) -> bool:
        return -SLACK_SECONDS <= row.created_at - attempt.began_at <= self._late + SLACK_SECONDS

    def _judged(self, attempt: Attempt, rows: list[ListedTask], others: Sequence[Attempt]) -> Finding:
        """A row is adopted only if it can be no orphan of a disarmed call: those never succeed, but they may be there.

        When more rows are dead than there were such calls, ours is among the dead.
        """
        orphans = sum(other.fate is Fate.VOID for other in others)
        candidates = [row for row in rows if not orphans or row.status is TaskStatus.SUCCEEDED]
        if len(candidates) == 1:
            return self._open(attempt, task_id=candidates[0].id)
        harmless = len(rows) > orphans > 0 and all(row.status in _DEAD for row in rows)
        return self._open(attempt, harmless=harmless)

    def _open(
        self, attempt: Attempt, *, task_id: str | None = None, harmless: bool = False, heard: bool = True
    ) -> Finding:
        age = self.service_time() - attempt.began_at
        return Finding(age=age, task_id=task_id, harmless=harmless, heard=heard, asked_at=attempt.asked_at)
