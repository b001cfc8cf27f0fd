"""Mentions and direct messages: a clear wish starts at once, any other is answered with a button to the form.

An event brings no ``trigger_id``, so nothing but a pressed button can open a form.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import structlog

from bot.errors import RemoteError, SpoolFull, StoreUnavailable
from bot.order import Order, Place, Role
from bot.slack import answers, invitations, modal, scopes, words
from bot.slack.invitations import Wish
from bot.slack.offers import is_stub, offers
from bot.slack.sources import ThreadClosed
from bot.slack.whispers import whisper
from bot.slack.wording import Handle, Message

if TYPE_CHECKING:
    from collections.abc import Mapping

    from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltContext

    from bot.intake import Intake
    from bot.slack.afterwards import Afterwards
    from bot.slack.client import SlackClient
    from bot.slack.first_words import FirstWords
    from bot.slack.forms import Forms
    from bot.slack.offers import Offer, Prefill
    from bot.slack.sources import Sources
    from bot.slack.words import Asked

log = structlog.get_logger(__name__)

LOOK_SECONDS = 2.0  # Slack takes an event that is not acknowledged in 3 s for lost
# A message with files; one that is also shown in the channel. Every other subtype is an edit, a join, a bot, …
_WRITTEN = frozenset({None, "file_share", "thread_broadcast"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A message that a person wrote to the bot."""

    team: str
    user: str
    channel: str
    ts: str
    thread: str | None
    text: str
    direct: bool
    stranger: bool
    handle: Handle
    files: tuple[Mapping[str, Any], ...] = field(repr=False)

    @property
    def key(self) -> str:
        """The same whenever, and as whatever event, Slack sends this message."""
        return f"message:{self.channel}:{self.ts}"

    @property
    def root(self) -> str:
        """The thread that the job belongs to."""
        return self.thread or self.ts


def heard(body: Mapping[str, Any], bot_user: str) -> Heard | None:
    """Return what a person wrote; None for bots' messages, our own, edits, deletions and whatever else is none."""
    event = body["event"]
    user, channel, ts = (event.get(name) for name in ("user", "channel", "ts"))
    if event.get("bot_id") or event.get("subtype") not in _WRITTEN or event.get("edited") or event.get("hidden"):
        return None
    if not (user and channel and ts) or user in {bot_user, "USLACKBOT"}:
        return None
    files = event.get("files")
    theirs = event.get("user_team") or event.get("team") or body.get("team_id")
    direct = event.get("channel_type") == "im"
    return Heard(
        team=str(body.get("team_id")),
        user=str(user),
        channel=str(channel),
        ts=str(ts),
        thread=event.get("thread_ts"),
        text=words.without_mentions(str(event.get("text") or ""), bot_user),
        direct=direct,
        stranger=bool(body.get("is_ext_shared_channel")) and theirs != body.get("team_id"),
        handle=Handle("" if direct else f"<@{bot_user}>"),
        files=tuple(file for file in files if isinstance(file, dict)) if isinstance(files, list) else (),
    )


class Mentions:
    """Answers what is said to the bot."""

    def __init__(
        self,
        *,
        client: SlackClient,
        intake: Intake,
        forms: Forms,
        sources: Sources,
        afterwards: Afterwards,
        first_words: FirstWords,
    ) -> None:
        self._client = client
        self._intake = intake
        self._forms = forms
        self._sources = sources
        self._afterwards = afterwards
        self._first_words = first_words

    def register(self, app: AsyncApp) -> None:
        """Attach the listeners to the app."""
        app.event("app_mention")(self.mentioned)
        app.event("message")(self.written)
        for action in invitations.OPEN:
            app.action(action)(self.pressed)

    async def mentioned(self, ack: AsyncAck, body: dict[str, Any], context: AsyncBoltContext) -> None:
        """Somebody named the bot in a channel."""
        if (message := heard(body, str(context.bot_user_id))) is not None:
            await self._answer(message)
        await ack()

    async def written(self, ack: AsyncAck, body: dict[str, Any], context: AsyncBoltContext) -> None:
        """Somebody wrote where the bot reads: only its direct messages are meant for it."""
        message = heard(body, str(context.bot_user_id))
        if message is not None and message.direct:
            await self._answer(message)
        await ack()

    async def pressed(self, ack: AsyncAck, body: dict[str, Any], action: dict[str, Any]) -> None:
        """Open the form as the answer's button wants it."""
        try:
            wish = invitations.from_button(action["value"])
        except (ValueError, LookupError, TypeError):
            log.warning("a button's value is not one of ours")
            await ack()
            return
        origin = modal.Origin(
            invitations.OPEN[action["action_id"]],
            body["channel"]["id"],
            thread=wish.thread,
            response_url=body.get("response_url"),
        )
        opening = self._forms.open(
            body["trigger_id"],
            origin,
            user=body["user"]["id"],
            prefill=wish.prefill,
            thread=wish.thread if wish.in_thread else None,
        )
        self._afterwards.start(opening)
        await ack()

    async def _answer(self, message: Heard) -> None:
        """Store the job if it is clear which; whatever else there is to say is said afterwards."""
        answer = await self._begin(message)
        if answer is not None:
            self._afterwards.start(self._say(message, answer))

    async def _begin(self, message: Heard) -> Message | None:
        if message.stranger:
            return Message(invitations.STRANGER)
        answer = await self._first_words.answer(
            message.text.split(), team=message.team, user=message.user, handle=message.handle
        )
        if answer is not None:
            return Message(answer)
        asked = words.parse(message.text)
        prefill, note = await self._found(message, asked)
        note = " ".join(filter(None, [note, answers.wrong_length(asked.beyond)]))
        order = None if note else _clear(asked, prefill)
        if order is None:
            wish = Wish(prefill=prefill, thread=message.root, in_thread=message.thread is not None)
            return invitations.invitation(wish, asked.kind, note)
        if refusal := await scopes.refusal(self._client):
            return Message(refusal)
        place = Place(team=message.team, user=message.user, channel=message.channel, thread=message.root)
        try:
            await self._intake.order(order, place, key=message.key)
        except (SpoolFull, StoreUnavailable):
            log.exception("a job could not be stored")
            return Message(answers.NOT_STORED)
        return None

    async def _found(self, message: Heard, asked: Asked) -> tuple[Prefill, str]:
        """Return the files of the message, and of its thread where the message leaves a role open; and what to note."""
        prefill = asked.prefill.with_offers(offers(message.files))
        named = [str(file["id"]) for file in message.files if is_stub(file) and file.get("id")] + [*asked.files]
        note = ""
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                found, missing = await self._sources.named(named, user=message.user, channel=message.channel)
                prefill, note = prefill.with_offers(found), answers.unusable(missing)
                if message.thread and not all(prefill.candidates(role) for role in Role):
                    prefill = _filled_up(prefill, await self._sources.of_thread(message.channel, message.thread))
        except ThreadClosed:
            note = invitations.THREAD_CLOSED
        except (RemoteError, TimeoutError) as error:
            log.info("a thread was not read", reason=str(error))
            note = invitations.THREAD_UNREAD
        return prefill, note

    async def _say(self, message: Heard, answer: Message) -> None:
        """Answer in private, where it was asked."""
        await whisper(
            self._client,
            answer,
            user=message.user,
            channel=message.channel,
            thread=message.thread,
            direct=message.direct,
        )


def _filled_up(prefill: Prefill, thread: tuple[Offer, ...]) -> Prefill:
    """Take from the thread only what may play a role that the message itself leaves open."""
    open_roles = {role for role in Role if not prefill.candidates(role)}
    return prefill.with_offers(choice for choice in thread if choice.roles & open_roles)


def _clear(asked: Asked, prefill: Prefill) -> Order | None:
    """Return the order if there is no doubt: a known command, nothing not understood, one picture and one video."""
    found = invitations.pair(prefill)
    if asked.kind is None or asked.unknown or found is None:
        return None
    image, video = found
    return Order(
        kind=asked.kind,
        quality=prefill.quality,
        start=prefill.start or 0.0,
        length=prefill.length,
        image=image.source,
        video=video.source,
    )
