"""The Web API's ``conversations.*``, ``users.*`` and ``auth.*`` methods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.demo.slack.access import existing_message, readable_channel, require_scope, visible_channel
from bot.demo.slack.arguments import Answer, Arguments, Method, Refusal
from bot.demo.slack.model import ChannelKind
from bot.demo.slack.wire import channel_json, message_json, user_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.demo.slack.backend import Backend
    from bot.demo.slack.model import Message


def _auth_test(backend: Backend, arguments: Arguments) -> Answer:
    world = backend.world
    return {
        "url": f"{backend.url}/",
        "team": world.team_name,
        "user": world.bot.name,
        "team_id": world.team_id,
        "user_id": world.bot.id,
        "bot_id": world.bot.bot_id,
        "is_enterprise_install": False,
    }


def _open(backend: Backend, arguments: Arguments) -> Answer:
    if "channel" in arguments:
        channel = visible_channel(backend, arguments.text("channel"))
        return {"channel": {"id": channel.id}, "no_op": True, "already_open": True}
    names = arguments.names("users")
    if not names:
        raise Refusal("users_list_not_supplied")
    if any(name not in backend.world.users for name in names):
        raise Refusal("user_not_found")
    if len(names) > 1:
        require_scope(backend, "mpim:write")
        group = backend.world.add_channel(f"mpdm-{'--'.join(names)}", members=names, kind=ChannelKind.GROUP)
        return {"channel": {"id": group.id}}
    require_scope(backend, "im:write")
    if backend.world.users[names[0]].bot_id is not None:
        raise Refusal("cannot_dm_bot")
    channel = backend.world.dm(names[0])
    whole = arguments.flag("return_im")
    return {"channel": channel_json(channel, backend.world) if whole else {"id": channel.id}}


def _info(backend: Backend, arguments: Arguments) -> Answer:
    channel = visible_channel(backend, arguments.text("channel"))
    require_scope(backend, f"{channel.kind}:read")
    found = channel_json(channel, backend.world)
    if arguments.flag("include_num_members"):
        found["num_members"] = len(channel.members)
    return {"channel": found}


def _members(backend: Backend, arguments: Arguments) -> Answer:
    channel = visible_channel(backend, arguments.text("channel"))
    require_scope(backend, f"{channel.kind}:read")
    page, cursor = _page(channel.members, arguments, default=100)
    return {"members": list(page), "response_metadata": {"next_cursor": cursor}}


def _replies(backend: Backend, arguments: Arguments) -> Answer:
    channel = readable_channel(backend, arguments.text("channel"))
    root = existing_message(channel, arguments.text("ts"), "thread_not_found")
    thread = backend.world.messages(channel.id, thread=root.thread_ts or root.ts)
    return _messages(backend, arguments, thread)


def _history(backend: Backend, arguments: Arguments) -> Answer:
    channel = readable_channel(backend, arguments.text("channel"))
    seen = [message for message in backend.world.messages(channel.id) if message.thread_ts is None]
    return _messages(backend, arguments, seen[::-1])


def _messages(backend: Backend, arguments: Arguments, found: list[Message]) -> Answer:
    oldest, latest = arguments.text("oldest", "0"), arguments.maybe("latest")
    inclusive = arguments.flag("inclusive")

    def within(message: Message) -> bool:
        ts = float(message.ts)
        if inclusive and message.ts in {oldest, latest}:
            return True
        return float(oldest) < ts and (latest is None or ts < float(latest))

    page, cursor = _page([m for m in found if within(m)], arguments, default=100)
    whole = arguments.flag("include_all_metadata")
    return {
        "messages": [message_json(message, backend, with_metadata=whole) for message in page],
        "has_more": bool(cursor),
        "response_metadata": {"next_cursor": cursor},
    }


def _page(found: Sequence[Any], arguments: Arguments, *, default: int) -> tuple[Sequence[Any], str]:
    limit = arguments.number("limit", default)
    if not 1 <= limit <= 1000:
        raise Refusal("invalid_limit")
    cursor = arguments.text("cursor", "at:0") or "at:0"
    start = cursor.removeprefix("at:")
    if not start.isdecimal():
        raise Refusal("invalid_cursor")
    end = int(start) + limit
    return found[int(start) : end], f"at:{end}" if end < len(found) else ""


def _user_info(backend: Backend, arguments: Arguments) -> Answer:
    user = backend.world.users.get(arguments.text("user"))
    if user is None:
        raise Refusal("user_not_found")
    return {"user": user_json(user, backend.world)}


_PAGING = {"cursor", "limit"}
_RANGE = _PAGING | {"inclusive", "include_all_metadata", "latest", "oldest"}
_CHANNEL = frozenset({"channel"})

METHODS = (
    Method(name="auth.test", handler=_auth_test, per_minute=600),
    Method(
        name="conversations.open",
        handler=_open,
        optional=frozenset({"channel", "users", "return_im", "prevent_creation"}),
    ),
    Method(
        name="conversations.info",
        handler=_info,
        required=_CHANNEL,
        optional=frozenset({"include_locale", "include_num_members"}),
        accepts_json=False,
    ),
    Method(
        name="conversations.members",
        handler=_members,
        required=_CHANNEL,
        optional=frozenset(_PAGING),
        accepts_json=False,
        per_minute=100,
    ),
    Method(
        name="conversations.replies",
        handler=_replies,
        required=frozenset({"channel", "ts"}),
        optional=frozenset(_RANGE),
        accepts_json=False,
    ),
    Method(
        name="conversations.history",
        handler=_history,
        required=_CHANNEL,
        optional=frozenset(_RANGE),
        accepts_json=False,
    ),
    Method(
        name="users.info",
        handler=_user_info,
        required=frozenset({"user"}),
        optional=frozenset({"include_locale"}),
        scope="users:read",
        accepts_json=False,
        per_minute=100,
    ),
)
