"""What is asked for in a word instead of a form: help, one's jobs, where one stands, an end. Answered in private."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from bot.intake import Denied
from bot.job import FINAL, Kind, Quality
from bot.slack import answers, words

if TYPE_CHECKING:
    from bot.intake import Intake
    from bot.job import Job
    from bot.slack.card import Cards
    from bot.slack.client import SlackClient
    from bot.store import Store

JOBS_LISTED = 10
FIRST = ("help", "jobs", "status", "cancel")
KNOWN = (*FIRST, *Quality, *Kind)


class FirstWords:
    """Answers commands that open no form."""

    def __init__(self, *, client: SlackClient, intake: Intake, store: Store, cards: Cards) -> None:
        self._client = client
        self._intake = intake
        self._store = store
        self._cards = cards

    async def answer(self, text: list[str], team: str, user: str) -> str | None:
        """Return the answer, or None if the words are not for us to answer but for the form."""
        first, rest = (text[0].lower(), text[1:]) if text else ("", [])
        match first:
            case "help":
                return answers.help_text(self._cards.prices)
            case "jobs":
                return await self._jobs(rest, team, user)
            case "status" if not rest:
                return answers.queue_text({kind: await self._cards.line(kind) for kind in Kind})
            case "status":
                job = await self._own(rest[0], team, user)
                return answers.UNKNOWN_JOB if job is None else answers.status_text(job, await self._cards.view(job))
            case "cancel":
                return await self._cancel(rest, team, user)
            case _:
                return None

    def unknown(self, text: str) -> str | None:
        """Return what to say of words that neither we nor the form understand, or None if there are none."""
        unknown = words.parse(text).unknown
        if not unknown:
            return None
        nearest = get_close_matches(unknown[0], KNOWN, n=1, cutoff=0.6)
        return answers.unknown_word(unknown[0], nearest[0] if nearest else None)

    async def _jobs(self, rest: list[str], team: str, user: str) -> str:
        page = int(rest[0]) if rest and rest[0].isdecimal() and len(rest[0]) < 7 else 1
        start = JOBS_LISTED * (max(1, page) - 1)
        found = await self._store.jobs.of_requester(team, user, limit=JOBS_LISTED + 1, offset=start)
        shown = [answers.Listed(job, await self._cards.view(job), await self._link(job)) for job in found[:JOBS_LISTED]]
        return answers.jobs_text(shown, page=max(1, page), more=len(found) > JOBS_LISTED)

    async def _link(self, job: Job) -> str | None:
        card = await self._store.cards.get(job.id)
        if card is None:
            return None
        return self._client.link(card.channel, card.ts, None if card.direct else job.place.thread)

    async def _cancel(self, rest: list[str], team: str, user: str) -> str:
        if not rest:
            return answers.WHICH_JOB
        job = await self._own(rest[0], team, user)
        if job is None:
            return answers.UNKNOWN_JOB
        return answers.cancelled_text(job if job.state in FINAL else await self._intake.cancel(job, by=user))

    async def _own(self, word: str, team: str, user: str) -> Job | None:
        """Return a person's own job; a stranger's is as unknown as one that never was."""
        job = await self._intake.find(word.strip("`"), team=team, user=user)
        return None if isinstance(job, Denied) else job
