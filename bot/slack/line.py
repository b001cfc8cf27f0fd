"""What a card shows beside its job: places in line and estimates, worked out once for all the cards that show them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.estimate import learn
from bot.job import JobState
from bot.order import Kind, Quality
from bot.progress import Progress
from bot.queue import standings
from bot.slack.messages import View

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bot.estimate import Estimates
    from bot.job import Job
    from bot.queue import Prices, Standing
    from bot.store import Store


@dataclass(frozen=True, slots=True)
class Line:
    """One model's line at one moment."""

    at: float
    estimates: Estimates
    standings: Mapping[str, Standing]


class Lines:
    """The lines of all models, each at most ``fresh`` seconds old."""

    def __init__(
        self,
        store: Store,
        *,
        prices: Prices,
        tasks_at_once: int,
        clock: Callable[[], float],
        fresh: float,
        progress: Progress | None = None,
        lacking: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        self._store = store
        self._prices = prices
        self._tasks_at_once = tasks_at_once
        self._clock = clock
        self._fresh = fresh
        self._progress = progress or Progress()
        self._lacking = lacking
        self._lines: dict[Kind, Line] = {}

    def changed(self) -> None:
        """Somebody came, went or moved: what was worked out is no longer true."""
        self._lines.clear()

    async def view(self, job: Job, *, exact: bool = False) -> View:
        """Return what a card shows beside the job at this moment."""
        now = self._clock()
        if job.state in {JobState.READY, JobState.RENDERING}:
            line = await self.of(job.order.kind)
            estimate = line.estimates[job.order.quality]
            return View(
                now=now, prices=self._prices, standing=line.standings.get(job.id), estimate=estimate, exact=exact
            )
        mended, lacking = self._progress.of(job.id), tuple(self._lacking())
        return View(now=now, prices=self._prices, mended=mended, lacking=lacking)

    async def of(self, kind: Kind) -> Line:
        """Return one model's line."""
        now, line = self._clock(), self._lines.get(kind)
        if line is None or not line.at <= now < line.at + self._fresh:
            estimates = await self.estimates(kind)
            turns = await self._store.jobs.turns(kind, now)
            line = self._lines[kind] = Line(now, estimates, standings(turns, self._tasks_at_once, now, estimates))
        return line

    async def estimates(self, kind: Kind) -> Estimates:
        """Return what this deployment's own history says of one model; the documented rates until there is any."""
        samples = {quality: await self._store.jobs.history(kind, quality) for quality in Quality}
        return {quality: learn(samples[quality], quality) for quality in Quality}
