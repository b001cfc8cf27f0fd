"""What only one person reads, said where they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog

from bot.slack.client import POST, SlackRefusal

if TYPE_CHECKING:
    from bot.slack.client import SlackClient
    from bot.slack.wording import Message

log = structlog.get_logger(__name__)


async def whisper(
    client: SlackClient, message: Message, *, user: str, channel: str, thread: str | None, direct: bool
) -> None:
    """Say something in private: in the conversation, unless that refuses it or is ``direct`` (private anyway)."""
    content: dict[str, Any] = {"text": message.text, "blocks": message.blocks or None}
    if direct:
        await client.call(POST, channel=channel, thread_ts=thread, **content)
        return
    try:
        await client.call("chat.postEphemeral", channel=channel, user=user, thread_ts=thread, **content)
    except SlackRefusal as error:
        log.info("a private answer goes to direct messages", reason=str(error))
        await client.call(POST, channel=user, **content)
