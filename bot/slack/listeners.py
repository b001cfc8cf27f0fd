"""What Slack sends, turned into rows. Acknowledged means stored; whatever can wait is not done here."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import structlog

from bot.errors import SpoolFull, StoreUnavailable
from bot.order import Kind
from bot.slack import answers, filled, first_words, invitations, modal, scopes, words
from bot.slack.afterwards import Afterwards
from bot.slack.buttons import Buttons
from bot.slack.forms import Forms
from bot.slack.mentions import Mentions
from bot.slack.shortcuts import Shortcuts
from bot.slack.sources import Sources
from bot.slack.wording import Handle

if TYPE_CHECKING:
    from collections.abc import Callable

    from slack_bolt.async_app import AsyncAck, AsyncApp

    from bot.intake import Intake
    from bot.slack.card import Cards
    from bot.slack.client import SlackClient
    from bot.store import Store

log = structlog.get_logger(__name__)

# Any command whose name ends so: a workspace may have renamed one that another app shadows.
COMMAND = re.compile(r"/\S*(animate|swap)$")


class Listeners:
    """Answers commands, the form and the buttons."""

    def __init__(
        self, *, client: SlackClient, intake: Intake, store: Store, cards: Cards, clock: Callable[[], float]
    ) -> None:
        self._client = client
        self._intake = intake
        self._afterwards = Afterwards()
        self._first_words = first_words.FirstWords(intake=intake, store=store, cards=cards, clock=clock)
        sources = Sources(client)
        self._forms = Forms(client, sources)
        self._buttons = Buttons(
            client=client, intake=intake, store=store, cards=cards, forms=self._forms, afterwards=self._afterwards
        )
        self._shortcuts = Shortcuts(self._forms, self._afterwards)
        self._mentions = Mentions(
            client=client,
            intake=intake,
            forms=self._forms,
            sources=sources,
            afterwards=self._afterwards,
            first_words=self._first_words,
        )

    def register(self, app: AsyncApp) -> None:
        """Attach every listener to the app."""
        app.command(COMMAND)(self.command)
        app.view(modal.CALLBACK_ID)(self.submitted)
        self._buttons.register(app)
        self._shortcuts.register(app)
        self._mentions.register(app)

    async def drain(self, *, within: float) -> None:
        """Let what was started after an acknowledgement finish."""
        await self._afterwards.drain(within=within)

    async def command(self, ack: AsyncAck, command: dict[str, Any]) -> None:
        """Answer a first word in private, or open the form."""
        named = Kind.SWAP if command["command"].endswith("swap") else Kind.ANIMATE
        text, user = command.get("text") or "", command["user_id"]
        asked = words.parse(text)
        handle = Handle(command["command"])
        answer = await self._first_words.answer(text.split(), team=command["team_id"], user=user, handle=handle)
        answer = answer or first_words.unknown(asked)
        if answer is not None:
            await ack(text=answer, response_type="ephemeral")
            return
        # Who writes the other command's word means that one: it was the last thing they wrote.
        kind = asked.kind or named
        note = answers.other_form(kind) if kind is not named else ""
        origin = modal.Origin(kind, command["channel_id"], response_url=command.get("response_url"))
        opening = self._forms.open(
            command["trigger_id"], origin, user=user, prefill=replace(asked.prefill, note=note), named=asked.files
        )
        self._afterwards.start(opening)
        await ack()

    async def submitted(self, ack: AsyncAck, body: dict[str, Any], view: dict[str, Any]) -> None:
        """Store the job, then close the form; or say under each field what can't be right."""
        addresses = body.get("response_urls") or ()
        form = filled.read(view, team=body["team"]["id"], user=body["user"]["id"], addresses=addresses)
        if form.errors:
            await ack(response_action="errors", errors=dict(form.errors))
            return
        stranger = invitations.STRANGER if invitations.is_stranger(body) else ""
        if refusal := stranger or await scopes.refusal(self._client):
            await ack(response_action="errors", errors={"video": refusal})
            return
        # Hundreds of objects that nobody needs any more go while the processor has them at hand. Freed only after the
        # wait for the disk, when others came between, they take as long as the job's row.
        view.clear()
        try:
            await self._intake.order(form.order, form.place, key=form.key, parent=form.parent)
        except (SpoolFull, StoreUnavailable):
            log.exception("a job could not be stored")
            await ack(response_action="errors", errors={"video": answers.NOT_STORED})
            return
        await ack()
