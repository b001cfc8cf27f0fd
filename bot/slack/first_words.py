"""The first words after a command, in a mention or a direct message: help, jobs, status, cancel."""

from __future__ import annotations

import difflib
import math
from typing import TYPE_CHECKING

from bot.errors import StoreUnavailable
from bot.intake import Denied
from bot.job import FINAL, Job
from bot.order import Kind
from bot.queue import in_order
from bot.slack import answers, words

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bot.intake import Intake
    from bot.slack.card import Cards
    from bot.slack.messages import View
    from bot.slack.wording import Handle
    from bot.store import Store

PAGE = 10  # jobs
_FIRST = ("help", "jobs", "status", "cancel")
_ALIKE = 0.6
_VERY_ALIKE = 0.75  # where people also write sentences


class FirstWords:
    """Answers them, in private; whatever is none of them is the form's."""

    def __init__(self, *, intake: Intake, store: Store, cards: Cards, clock: Callable[[], float]) -> None:
        self._intake = intake
        self._store = store
        self._cards = cards
        self._clock = clock

    async def answer(self, said: Sequence[str], *, team: str, user: str, handle: Handle) -> str | None:
        """Return the answer, or None if these words are not for us to answer but for the form."""
        first, rest = (_bare(said[0]).lower(), [_bare(word) for word in said[1:]]) if said else ("", [])
        match first:
            case "help":
                return answers.help_text(self._cards.prices, await self._cards.estimates(Kind.ANIMATE), handle)
            case "jobs":
                return await self._jobs(rest, team, user, handle)
            case "status" if not rest:
                return await self._queue(user, handle)
            case "status":
                return await self._status(rest[0], team, user, handle)
            case "cancel":
                return await self._cancel(rest, team, user, handle)
            case _:
                pass
        if len(said) <= 2 and words.parse(first).unknown and (guess := nearest(first, _FIRST, alike=_VERY_ALIKE)):
            return f"{answers.unknown_text([first], guess)} {answers.NOTHING_STARTED}"
        return None

    async def _jobs(self, rest: list[str], team: str, user: str, handle: Handle) -> str:
        page = int(rest[0]) if rest and rest[0].isdecimal() and len(rest[0]) <= 6 else 1
        page = max(1, page)
        pages = max(1, math.ceil(await self._store.jobs.count(team, user) / PAGE))
        jobs = await self._store.jobs.of_requester(team, user, limit=PAGE, skip=PAGE * (page - 1))
        return answers.jobs_text([await self._shown(job) for job in jobs], handle, page=page, pages=pages)

    async def _shown(self, job: Job) -> tuple[Job, View, str]:
        return job, await self._cards.view(job, exact=True), await self._cards.link(job)

    async def _queue(self, user: str, handle: Handle) -> str:
        lines = []
        for kind in Kind:
            turns = await self._store.jobs.turns(kind, self._clock())
            waiting = in_order(turns)
            mine = next((place for place, turn in enumerate(waiting, start=1) if turn.requester == user), None)
            lines.append((kind, len(waiting), sum(turn.holds_place for turn in turns), mine))
        return answers.queue_text(lines, handle)

    async def _status(self, job_id: str, team: str, user: str, handle: Handle) -> str:
        job = await self._intake.find(job_id, team=team, user=user)
        # A stranger's job is as unknown as one that never was.
        return answers.unknown_job(handle) if isinstance(job, Denied) else answers.status_text(*await self._shown(job))

    async def _cancel(self, rest: list[str], team: str, user: str, handle: Handle) -> str:
        if not rest:
            return answers.which_job(handle)
        job = await self._intake.find(rest[0], team=team, user=user)
        if isinstance(job, Denied):
            return answers.unknown_job(handle)
        try:
            stopped = job if job.state in FINAL else await self._intake.cancel(job, by=user)
        except StoreUnavailable:
            return answers.NOT_STORED
        return answers.cancelled_text(stopped, self._cards.prices)


def unknown(asked: words.Asked) -> str | None:
    """Return the answer to a command with words that mean nothing here, or None if there are none."""
    if not asked.unknown:
        return None
    said = [answers.wrong_length(asked.beyond)] if asked.beyond else []
    if strange := [word for word in asked.unknown if word not in asked.beyond]:
        said.append(answers.unknown_text(strange, nearest(strange[0], answers.KNOWN, alike=_ALIKE)))
    return " ".join([*said, answers.NOTHING_STARTED])


def nearest(word: str, known: Sequence[str], *, alike: float) -> str | None:
    """Return the known word that this one is most likely meant to be."""
    if not word.isalpha():  # a mention or a link is nobody's slip of the pen
        return None
    return next(iter(difflib.get_close_matches(word[:40].lower(), known, n=1, cutoff=alike)), None)


def _bare(word: str) -> str:
    return word.strip("`*_~.,;:!?“”\"'()[]")
