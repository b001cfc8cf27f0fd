"""Files that are in Slack already, looked up for the form: those of a thread, and those that somebody only names."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import structlog

from bot.errors import RemoteError
from bot.slack.client import SlackRefusal
from bot.slack.files import admitted
from bot.slack.offers import Offer, offers

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bot.slack.client import SlackClient

log = structlog.get_logger(__name__)

_PAGE = 200
_PAGES_MOST = 5
_NAMED_MOST = 10
# No permission, or not in that conversation: what an installation without the optional scopes is like.
_CLOSED = frozenset({"missing_scope", "not_in_channel", "channel_not_found", "no_permission", "access_denied"})


class ThreadClosed(Exception):
    """The bot may not read this thread; that is how it was installed, and nothing went wrong."""


class Sources:
    """What Slack knows of files."""

    def __init__(self, client: SlackClient) -> None:
        self._client = client

    async def of_thread(self, channel: str, thread: str) -> tuple[Offer, ...]:
        """Return the files people gave in a thread, newest first. Raises ThreadClosed, or RemoteError."""
        try:
            messages = await self._replies(channel, thread)
        except SlackRefusal as error:
            if error.code in _CLOSED:
                raise ThreadClosed(str(error)) from error
            raise
        files = [file for message in messages if not message.get("bot_id") for file in message.get("files") or []]
        return offers(reversed([file for file in files if isinstance(file, dict)]))

    async def _replies(self, channel: str, thread: str) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = []
        cursor: str | None = None
        for _ in range(_PAGES_MOST):
            answer = await self._client.read(
                "conversations.replies", channel=channel, ts=thread, limit=_PAGE, cursor=cursor
            )
            page = answer.get("messages")
            found += [message for message in page if isinstance(message, dict)] if isinstance(page, list) else []
            metadata = answer.get("response_metadata")
            cursor = str(metadata.get("next_cursor") or "") if isinstance(metadata, dict) else ""
            if not cursor:
                break
        return found

    async def named(self, ids: Iterable[str], *, user: str, channel: str) -> tuple[tuple[Offer, ...], int]:
        """Return which of these files this person may use here, and how many not (or not now)."""
        wanted = list(dict.fromkeys(ids))
        looks = await asyncio.gather(*(self._look(file, user, channel) for file in wanted[:_NAMED_MOST]))
        found = tuple(offer for look in looks for offer in look)
        return found, len(wanted) - len(found)

    async def _look(self, file_id: str, user: str, channel: str) -> tuple[Offer, ...]:
        try:
            file = (await self._client.read("files.info", file=file_id)).get("file")
            if isinstance(file, dict) and admitted(file, uploaded=False, user=user, channel=channel):
                return offers([file])
        except RemoteError as error:
            log.info("a file could not be looked at", reason=str(error))
        return ()


async def thread_or_nothing(sources: Sources, channel: str, thread: str | None) -> tuple[Offer, ...]:
    """Return a thread's files, or none where it can't be read: the form does without."""
    if thread is None:
        return ()
    try:
        return await sources.of_thread(channel, thread)
    except (ThreadClosed, RemoteError) as error:
        log.info("the thread was not read", reason=str(error))
        return ()
