"""The one place where a job visibly moves: saved, logged, shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog

from bot.errors import StaleJob
from bot.job import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

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

    async def bring_forward(self, jobs: Iterable[Job], *, latest: float) -> None:
        """Let nothing wait beyond ``latest`` but people's answers: the wall clock may have been set back since."""
        for job in jobs:
            if job.due_at > latest and job.ask is None and job.delivery.target is not Target.KEPT:
                await self.keep(job, lambda job: job.stay(due_at=latest))

    def moved(self, old: Job, new: Job) -> Job:
        """Log and show a change that is already saved."""
        if new.state is not old.state or new.ask is not old.ask:
            facts = {"failure": f"{new.failure.code} {new.failure.detail}".strip()} if new.failure else {}
            log.info("job moved", old=str(old.state), new=str(new.state), epoch=new.epoch, ask=new.ask, **facts)
        self._changed(new.id)
        return new
