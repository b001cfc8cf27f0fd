"""A job's card, and the reply that tells of a failure, as calls to Slack. A deleted card comes back, once."""

from __future__ import annotations

import asyncio
import hashlib
import json
from typing import TYPE_CHECKING, Any

import structlog

from bot.errors import RemoteError, Unreachable
from bot.slack import answers, messages
from bot.slack.client import CARD_EDITS, EDIT, POST, SlackRefusal
from bot.slack.whispers import whisper
from bot.slack.wording import Message

if TYPE_CHECKING:
    from bot.job import Job
    from bot.queue import Prices
    from bot.slack.client import SlackClient
    from bot.slack.line import Lines
    from bot.slack.threads import Threads
    from bot.store import Card, Store

log = structlog.get_logger(__name__)

# Words that ask whoever runs the bot for something, and also tell of one place that is closed.
_THIS_PLACE = frozenset({"access_denied", "team_access_not_granted"})
_DELETED = "message_not_found"
# A deleted card comes back so often. Who deletes it again does not want it.
COMES_BACK = 1


def unwelcome(error: SlackRefusal) -> bool:
    """Return whether a no is about this place: then another is tried. Slack has more words for it than it lists.

    What only whoever runs the bot can mend would be refused elsewhere just so, and is waited for.
    """
    return error.code in _THIS_PLACE or not error.operators


class Poster:
    """Everything of a job that is said in its place, but its video."""

    def __init__(self, client: SlackClient, store: Store, lines: Lines, threads: Threads, *, prices: Prices) -> None:
        self._client = client
        self._store = store
        self._lines = lines
        self._threads = threads
        self._prices = prices
        self._posting = asyncio.Lock()
        self._nowhere: set[str] = set()  # jobs whose requester this process told that they have no card

    async def ensure(self, job: Job) -> Card:
        """Return the job's card, posting it first if it has none: it is where the thread begins."""
        if (card := await self._store.cards.get(job.id)) is not None:
            return card
        async with self._posting:
            known = await self._store.cards.get(job.id)
            return known or await self._post(job)

    async def bring_up_to_date(self, job: Job, card: Card) -> bool:
        """Let the card say what is true now; returns whether that took an edit."""
        message = messages.card(job, await self._lines.view(job))
        says = digest(message)
        edited = card.says != says
        if edited and not await self._edit(job, card, message):
            return True
        if edited or card.shown < job.revision:
            await self._store.cards.shown(job.id, job.revision, says=says)
        return edited

    async def _edit(self, job: Job, card: Card, message: Message) -> bool:
        """Edit the card; false if it was posted anew instead, and says all that already."""
        self.in_turn(CARD_EDITS, EDIT)
        await self._client.budgets.turn(CARD_EDITS)
        try:
            await self._client.call(EDIT, channel=card.channel, ts=card.ts, text=message.text, blocks=message.blocks)
        except SlackRefusal as error:
            if error.operators:
                raise Unreachable(str(error), retry_after=60.0) from error
            if error.code == _DELETED and card.lost < COMES_BACK:
                await self._again(job)
                return False
            log.warning("the card can't be edited", reason=str(error))
        return True

    async def _again(self, job: Job) -> None:
        """Somebody deleted the card: post it once more."""
        log.info("the card was deleted, and comes back")
        self.in_turn(POST, f"{POST} {job.place.channel}")
        async with self._posting:
            await self._post(job)

    async def tell(self, job: Job, card: Card) -> None:
        """Reply that the job failed, mentioning its requester."""
        await self._reply(job, card, messages.told(job, self._prices), "failed")
        await self._store.cards.told(job.id)

    async def tell_refusals(self, job: Job, card: Card) -> None:
        """Tell in private, once each time, that a posted video could not be deleted: its card just looks as before."""
        refusals = sum(event.note.get("removed") is False for event in await self._store.jobs.events(job.id))
        if not refusals or card.called == (told := f"stays {refusals}"):
            return
        thread = self._thread(job, card)
        await whisper(
            self._client,
            Message(answers.NOT_REMOVED),
            user=job.place.user,
            channel=card.channel,
            thread=thread,
            direct=card.direct,
        )
        await self._store.cards.called(job.id, told)

    async def call(self, job: Job, card: Card, question: str) -> None:
        """Reply what the requester has to decide, mentioning them: an edited card tells nobody."""
        await self._reply(job, card, messages.called(job, self._prices), "question")
        await self._store.cards.called(job.id, question)

    async def _reply(self, job: Job, card: Card, message: Message, what: str) -> None:
        async with self._threads.turn(job.id):
            try:
                await self._say(card.channel, self._thread(job, card), message, job, what)
            except SlackRefusal as error:
                if not unwelcome(error):
                    raise
                await self._say(await self.direct_channel(job), None, message, job, what)

    def _thread(self, job: Job, card: Card) -> str:
        return job.place.thread if job.place.thread and not card.direct else card.ts

    async def _post(self, job: Job) -> Card:
        message = messages.card(job, await self._lines.view(job))
        try:
            # A person's id stands for their direct messages; the answer names the channel that these are.
            channel, ts = await self._say(job.place.channel, job.place.thread, message, job, "card")
            direct = False
        except SlackRefusal as error:
            if not unwelcome(error):
                raise
            log.info("the card goes to direct messages", reason=str(error))
            channel, ts = await self._post_directly(job, message)
            direct = True
            await self._explain(job, answers.MOVED_TO_DIRECT)
        says = digest(message)
        await self._store.cards.posted(job.id, channel=channel, ts=ts, direct=direct, shown=job.revision, says=says)
        card = await self._store.cards.get(job.id)
        if card is None:
            raise RuntimeError("a card that was just stored is there")
        return card

    async def direct_channel(self, job: Job) -> str:
        """Return the requester's direct messages with the bot."""
        answer = await self._client.call("conversations.open", users=job.place.user)
        channel = answer["channel"]
        if not isinstance(channel, dict) or not channel.get("id"):
            raise Unreachable("conversations.open: no channel in the answer")
        return str(channel["id"])

    async def _post_directly(self, job: Job, message: Message) -> tuple[str, str]:
        try:
            return await self._say(await self.direct_channel(job), None, message, job, "card")
        except SlackRefusal as error:
            if unwelcome(error) and job.id not in self._nowhere:
                self._nowhere.add(job.id)
                await self._explain(job, answers.nowhere(job.id))
            raise

    async def _explain(self, job: Job, text: str) -> None:
        """Say in private why the card is elsewhere. The address may be dead by now; the card itself is not."""
        if job.place.response_url is None:
            return
        try:
            await self._client.answer(job.place.response_url, text)
        except RemoteError as error:
            log.info("the private answer did not arrive", reason=str(error))

    def in_turn(self, *names: str) -> None:
        """Raise Unreachable, to come back, where a call would have to wait: a card in hand holds up others."""
        if wait := self._client.budgets.wait(*names):
            raise Unreachable(f"{names[0]}: not yet, the budget is spent", retry_after=wait)

    async def _say(self, channel: str, thread: str | None, message: Message, job: Job, what: str) -> tuple[str, str]:
        payload: dict[str, Any] = {"job": job.id, "kind": what}
        answer = await self._client.call(
            POST,
            channel=channel,
            thread_ts=thread,
            text=message.text,
            blocks=message.blocks or None,
            unfurl_links=False,
            unfurl_media=False,
            metadata={"event_type": "understudy_job", "event_payload": payload},
        )
        return str(answer.get("channel") or channel), str(answer["ts"])


def digest(message: Message) -> str:
    """Return what tells whether two messages read the same."""
    return hashlib.sha256(json.dumps([message.text, message.blocks]).encode()).hexdigest()[:16]
