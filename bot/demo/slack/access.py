"""Who may see and post what: the checks that the Web API's methods share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.demo.slack.arguments import Refusal
from bot.demo.slack.model import Channel, ChannelKind, Message, SlackFile

if TYPE_CHECKING:
    from bot.demo.slack.backend import Backend


def require_scope(backend: Backend, *any_of: str) -> None:
    """Refuse with ``missing_scope`` unless the bot was granted one of these."""
    if not backend.scopes.intersection(any_of):
        raise Refusal("missing_scope", needed=any_of[0], provided=",".join(sorted(backend.scopes)))


def visible_channel(backend: Backend, key: str) -> Channel:
    """A conversation that the bot may know of: public, or one it is a member of."""
    channel = backend.world.channels.get(key)
    if channel is None or (channel.kind is not ChannelKind.PUBLIC and backend.world.bot.id not in channel.members):
        raise Refusal("channel_not_found")
    return channel


def readable_channel(backend: Backend, key: str) -> Channel:
    """A conversation whose messages the bot may read."""
    channel = visible_channel(backend, key)
    require_scope(backend, f"{channel.kind}:history")
    if backend.world.bot.id not in channel.members:
        raise Refusal("not_in_channel")
    return channel


def postable_channel(backend: Backend, key: str, *, files: bool = False) -> Channel:
    """A conversation that the bot may post to. A user's id stands for their direct messages."""
    user = backend.world.users.get(key)
    if user is not None and user.bot_id is None:
        return backend.world.dm(key)
    channel = visible_channel(backend, key)
    open_to_all = "chat:write.public" in backend.scopes and not files
    if backend.world.bot.id not in channel.members and not open_to_all:
        raise Refusal("not_in_channel")
    if channel.archived:
        raise Refusal("is_archived")
    return channel


def thread_root(channel: Channel, ts: str | None) -> str | None:
    """The thread's parent. A reply's time stamp, or that of a deleted message, opens no thread here."""
    if ts is None:
        return None
    parent = channel.messages.get(ts)
    if parent is None or parent.deleted or parent.thread_ts is not None:
        raise Refusal("thread_not_found")
    return ts


def existing_message(channel: Channel, ts: str, error: str = "message_not_found") -> Message:
    """A message that is still there."""
    message = channel.messages.get(ts)
    if message is None or message.deleted:
        raise Refusal(error)
    return message


def existing_file(backend: Backend, key: str) -> SlackFile:
    """A file that the bot may ask about; not one whose external upload is unfinished."""
    file = backend.world.files.get(key)
    if file is None or not file.complete:
        raise Refusal("file_not_found")
    if file.deleted:
        raise Refusal("file_deleted")
    return file
