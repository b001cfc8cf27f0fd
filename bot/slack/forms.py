"""Opening the form: at once, while the trigger lives; what takes longer to find is added while it is open."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from bot.errors import RemoteError
from bot.slack import answers, modal, scopes
from bot.slack.client import POST, SlackRefusal
from bot.slack.sources import thread_or_nothing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from bot.slack.client import SlackClient
    from bot.slack.offers import Prefill
    from bot.slack.sources import Sources

log = structlog.get_logger(__name__)

OPEN_SECONDS = 2.5  # a trigger dies after 3 s


class Forms:
    """The form on people's screens."""

    def __init__(self, client: SlackClient, sources: Sources) -> None:
        self._client = client
        self._sources = sources

    async def open(
        self,
        trigger_id: str,
        origin: modal.Origin,
        *,
        user: str,
        prefill: Prefill = modal.EMPTY,
        thread: str | None = None,
        named: tuple[str, ...] = (),
    ) -> None:
        """Open the form, then add a thread's files and the ``named`` ones, as far as this person may use them.

        If it does not open, one private sentence says so; if no job could work, that stands in its place.
        """
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                refusal = await scopes.refusal(self._client)
                form = modal.notice(origin.kind, refusal) if refusal else modal.form(origin, prefill=prefill)
                answer = await self._client.call("views.open", trigger_id=trigger_id, view=form)
        except (RemoteError, TimeoutError) as error:
            log.warning("the form did not open", reason=str(error))
            scope = error.needed if isinstance(error, SlackRefusal) else ""
            await self.tell(origin, user, scopes.nothing_started([scope]) if scope else answers.NOT_OPENED)
            return
        view = answer.get("view")
        if (thread or named) and isinstance(view, dict) and not refusal:
            more = await self._more(origin.channel, prefill, user, thread, named)
            if more != prefill:
                await self._update(view, modal.form(origin, prefill=more))

    async def _more(
        self, channel: str, prefill: Prefill, user: str, thread: str | None, named: tuple[str, ...]
    ) -> Prefill:
        found, (looked, missing) = await asyncio.gather(
            thread_or_nothing(self._sources, channel, thread),
            self._sources.named(named, user=user, channel=channel),
        )
        return prefill.with_offers(looked, note=answers.unusable(missing)).with_offers(found)

    async def _update(self, view: Mapping[str, Any], form: Mapping[str, Any]) -> None:
        """What was entered meanwhile stays: Slack keeps it by block and action."""
        try:
            await self._client.call("views.update", view_id=view.get("id"), hash=view.get("hash"), view=form)
        except SlackRefusal as error:  # closed, submitted or changed meanwhile
            log.info("the open form was not completed", reason=str(error))

    async def tell(self, origin: modal.Origin, user: str, text: str) -> None:
        """Say something in private: through the response address while it lives, else in direct messages."""
        if origin.response_url:
            try:
                await self._client.answer(origin.response_url, text)
            except SlackRefusal as error:
                log.info("a response address is dead", reason=str(error))
            else:
                return
        await self._client.call(POST, channel=user, text=text)
