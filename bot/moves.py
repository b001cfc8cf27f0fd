"""The one place where a job visibly moves: saved, logged, shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog

from bot.errors import StaleJob

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bot.job import Job
    from bot.store import Jobs

log = structlog.get_logger(__name__)


class Moves:
    """Saves jobs and says so to whoever shows them."""

    def __init__(self, jobs: Jobs, *, changed: Callable[[str], None]) -> None:
        self._jobs = jobs
        self._changed = changed

    async def keep(
        self, job: Job, change: Callable[[Job], Job], *, who: str = "", note: Mapping[str, Any] | None = None
    ) -> Job:
        """Save ``change(job)``; what was learned from a service is not lost to somebody's button.

        If the row was changed meanwhile but stands in the same state and attempt, the change is made to that row.
        If it moved on, StaleJob is raised and nothing is saved.
        """
        while True:
            try:
                return self.moved(job, await self._jobs.save(job, change(job), who=who, note=note))
            except StaleJob:
                current = await self._jobs.get(job.id)
                if (current.state, current.epoch) != (job.state, job.epoch):
                    raise
                job = current

    def moved(self, old: Job, new: Job) -> Job:
        """Log and show a change that is already saved."""
        if new.state is not old.state or new.ask is not old.ask:
            facts = {"failure": f"{new.failure.code} {new.failure.detail}".strip()} if new.failure else {}
            log.info("job moved", old=str(old.state), new=str(new.state), epoch=new.epoch, ask=new.ask, **facts)
        self._changed(new.id)
        return new
