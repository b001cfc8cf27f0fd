"""What Slack sends, turned into rows. Acknowledged means stored; whatever can wait is not done here."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import structlog

from bot.errors import StoreUnavailable
from bot.intake import Denied
from bot.job import FINAL, Job, Kind
from bot.slack import filled, messages, modal, words
from bot.slack.afterwards import Afterwards
from bot.slack.forms import Forms
from bot.slack.mentions import Mentions
from bot.slack.shortcuts import Shortcuts
from bot.slack.sources import Sources

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from slack_bolt.async_app import AsyncAck, AsyncApp

    from bot.intake import Intake
    from bot.slack.card import Cards
    from bot.slack.client import SlackClient
    from bot.store import Store

log = structlog.get_logger(__name__)

# Any command whose name ends so: a workspace may have renamed one that another app shadows.
COMMAND = re.compile(r"/\S*(animate|swap)$")
JOBS_LISTED = 10


class Listeners:
    """Answers commands, the form and the buttons."""

    def __init__(self, *, client: SlackClient, intake: Intake, store: Store, cards: Cards) -> None:
        self._client = client
        self._intake = intake
        self._store = store
        self._cards = cards
        self._afterwards = Afterwards()
        sources = Sources(client)
        self._forms = Forms(client, sources)
        self._shortcuts = Shortcuts(self._forms, self._afterwards)
        self._mentions = Mentions(
            client=client,
            intake=intake,
            forms=self._forms,
            sources=sources,
            afterwards=self._afterwards,
            first_words=lambda words, team, user: self._words(words, team=team, user=user),
        )

    def register(self, app: AsyncApp) -> None:
        """Attach every listener to the app."""
        app.command(COMMAND)(self.command)
        app.view(modal.CALLBACK_ID)(self.submitted)
        app.view_closed(modal.CALLBACK_ID)(self.closed)
        for action in messages.ACTIONS:
            app.action(action)(self.pressed)
        self._shortcuts.register(app)
        self._mentions.register(app)

    async def drain(self, *, within: float) -> None:
        """Let what was started after an acknowledgement finish."""
        await self._afterwards.drain(within=within)

    async def command(self, ack: AsyncAck, command: dict[str, Any]) -> None:
        """Answer a first word in private, or open the form."""
        kind = Kind.SWAP if command["command"].endswith("swap") else Kind.ANIMATE
        text, user = command.get("text") or "", command["user_id"]
        answer = await self._words(text.split(), team=command["team_id"], user=user)
        if answer is not None:
            await ack(text=answer, response_type="ephemeral")
            return
        origin = modal.Origin(kind, command["channel_id"], response_url=command.get("response_url"))
        asked = words.parse(text)
        opening = self._forms.open(command["trigger_id"], origin, user=user, prefill=asked.prefill, named=asked.files)
        self._afterwards.start(opening)
        await ack()

    async def submitted(self, ack: AsyncAck, body: dict[str, Any], view: dict[str, Any]) -> None:
        """Store the job, then close the form; or say under each field what can't be right."""
        addresses = body.get("response_urls") or ()
        form = filled.read(view, team=body["team"]["id"], user=body["user"]["id"], addresses=addresses)
        if form.errors:
            await ack(response_action="errors", errors=dict(form.errors))
            return
        try:
            await self._intake.order(form.order, form.place, key=form.key)
        except StoreUnavailable:
            log.exception("a job could not be stored")
            await ack(response_action="errors", errors={"video": messages.NOT_STORED})
            return
        await ack()

    async def closed(self, ack: AsyncAck) -> None:
        """Nothing was stored for a form that was only opened."""
        await ack()

    async def pressed(self, ack: AsyncAck, body: dict[str, Any], action: dict[str, Any]) -> None:
        """Do what a card's button says, for the job it carries; answers go to the presser in private."""
        user, team = body["user"]["id"], body["team"]["id"]
        try:
            text = await self._press(action["action_id"], action["value"], team=team, user=user)
        except StoreUnavailable:
            log.exception("a button's wish could not be stored", job=action["value"])
            text = messages.NOT_STORED
        await ack()
        if text and body.get("response_url"):
            self._afterwards.start(self._client.answer(body["response_url"], text))

    async def _press(self, action: str, job_id: str, *, team: str, user: str) -> str | None:
        job = await self._intake.find(job_id, team=team, user=user)
        if isinstance(job, Denied):
            return messages.NOT_YOURS if job is Denied.NOT_YOURS else messages.UNKNOWN_JOB
        if action == messages.CANCEL:
            return messages.cancelled_text(await self._intake.cancel(job, by=user))
        wishes: Mapping[str, Callable[..., Awaitable[Job | Denied]]] = {
            messages.SEND_AGAIN: self._intake.send_again,
            messages.STOP_HERE: self._intake.stop_here,
            messages.DELIVER_AGAIN: self._intake.deliver_again,
        }
        done = await wishes[action](job, by=user)
        return messages.TOO_OLD if done is Denied.TOO_LATE else None

    async def _words(self, words: list[str], *, team: str, user: str) -> str | None:
        """Return the answer to a first word, or None if the words are not for us to answer but for the form."""
        first = words[0].lower() if words else ""
        if first == "help":
            return messages.help_text(self._cards.prices)
        if first == "jobs":
            jobs = await self._store.jobs.of_requester(team, user, limit=JOBS_LISTED)
            return messages.jobs_text([(job, await self._cards.view(job)) for job in jobs])
        if first == "status" and len(words) == 1:
            unfinished = await self._store.jobs.unfinished()
            under_way = sum(job.in_flight for job in unfinished)
            return messages.queue_text(len(unfinished) - under_way, under_way)
        if first in {"status", "cancel"}:
            return await self._about(first, words[1:], team=team, user=user)
        return None

    async def _about(self, wish: str, words: list[str], *, team: str, user: str) -> str:
        if not words:
            return messages.WHICH_JOB
        job = await self._intake.find(words[0].strip("`"), team=team, user=user)
        if isinstance(job, Denied):
            # A stranger's job is as unknown as one that never was.
            return messages.UNKNOWN_JOB
        if wish == "cancel":
            return messages.cancelled_text(job if job.state in FINAL else await self._intake.cancel(job, by=user))
        return messages.status_text(job, await self._cards.view(job))
