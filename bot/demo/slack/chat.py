"""The Web API's ``chat.*`` and ``reactions.*`` methods."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bot.demo.slack.access import existing_file, existing_message, postable_channel, thread_root, visible_channel
from bot.demo.slack.arguments import Answer, Arguments, Method, Refusal
from bot.demo.slack.blocks import check_blocks, filled_in, slack_files
from bot.demo.slack.model import Channel, Ephemeral, Message
from bot.demo.slack.wire import message_json

if TYPE_CHECKING:
    from bot.demo.slack.backend import Backend

POST_LIMIT = 40_000  # characters of a new message's text
UPDATE_LIMIT = 4_000  # and of a changed one's


def content(backend: Backend, arguments: Arguments, limit: int) -> tuple[str, list[dict[str, Any]]]:
    """A message's text and blocks, if Slack would take them."""
    text = arguments.text("markdown_text") or arguments.text("text")
    if "markdown_text" in arguments and ("text" in arguments or "blocks" in arguments):
        raise Refusal("markdown_text_conflict")
    blocks = arguments.data("blocks", "invalid_blocks_format") or []
    if len(text) > limit:
        raise Refusal("msg_too_long")
    if blocks and (problems := check_blocks(blocks) or _bad_pictures(backend, blocks)):
        raise Refusal("invalid_blocks", *problems, errors=problems)
    if not text and not blocks and not arguments.data("attachments"):
        raise Refusal("no_text")
    return text, filled_in(blocks)


def _bad_pictures(backend: Backend, blocks: list[dict[str, Any]]) -> list[str]:
    problems = []
    for path, reference in slack_files(blocks):
        file = backend.world.files.get(reference.get("id", ""))
        if file is None and "url" in reference:
            file = next((f for f in backend.world.files.values() if f.id in reference["url"]), None)
        ready = file is not None and file.complete and backend.world.clock() >= file.described_at
        if file is None or not ready or file.filetype not in {"png", "jpg", "gif"}:
            problems.append(f"invalid slack file [json-pointer:{path}]")
    return problems


def _metadata(arguments: Arguments) -> dict[str, Any] | None:
    found = arguments.data("metadata", "invalid_metadata_format")
    if found is None or found == {}:
        return None
    valid = isinstance(found, dict) and found.keys() == {"event_type", "event_payload"}
    if not valid or not isinstance(found["event_type"], str) or not isinstance(found["event_payload"], dict):
        raise Refusal("invalid_metadata_format")
    if len(json.dumps(found)) > 8000:
        raise Refusal("metadata_too_large")
    return dict(found)


def _post_message(backend: Backend, arguments: Arguments) -> Answer:
    channel = postable_channel(backend, arguments.text("channel"))
    text, blocks = content(backend, arguments, POST_LIMIT)
    message = backend.world.post(
        Message(
            ts=backend.world.new_ts(),
            channel=channel.id,
            user=backend.world.bot.id,
            bot_id=backend.world.bot.bot_id,
            text=text,
            blocks=blocks,
            thread_ts=thread_root(channel, arguments.maybe("thread_ts")),
            metadata=_metadata(arguments),
        )
    )
    return {"channel": channel.id, "ts": message.ts, "message": message_json(message, backend)}


def _own_message(backend: Backend, arguments: Arguments, refusal: str) -> tuple[Channel, Message]:
    channel = visible_channel(backend, arguments.text("channel"))
    message = existing_message(channel, arguments.text("ts"))
    if message.user != backend.world.bot.id:
        raise Refusal(refusal)
    if channel.archived:
        raise Refusal("is_archived")
    return channel, message


def _update(backend: Backend, arguments: Arguments) -> Answer:
    channel, message = _own_message(backend, arguments, "cant_update_message")
    text, blocks = content(backend, arguments, UPDATE_LIMIT)
    files = [existing_file(backend, key).id for key in arguments.names("file_ids")]
    message.text = text if "text" in arguments or "markdown_text" in arguments else message.text
    message.blocks = blocks
    if "file_ids" in arguments:
        message.files = files
    if "metadata" in arguments:
        message.metadata = _metadata(arguments)
    message.edited = backend.world.new_ts()
    backend.world.edited(message)
    return {
        "channel": channel.id,
        "ts": message.ts,
        "text": message.text,
        "message": message_json(message, backend),
    }


def _delete(backend: Backend, arguments: Arguments) -> Answer:
    channel, message = _own_message(backend, arguments, "cant_delete_message")
    backend.world.deleted(message)
    return {"channel": channel.id, "ts": message.ts}


def _post_ephemeral(backend: Backend, arguments: Arguments) -> Answer:
    channel = postable_channel(backend, arguments.text("channel"))
    text, blocks = content(backend, arguments, POST_LIMIT)
    user = arguments.text("user")
    if user not in backend.world.users:
        raise Refusal("user_not_found")
    if user not in channel.members:
        raise Refusal("user_not_in_channel")
    whisper = Ephemeral(
        ts=backend.world.new_ts(),
        channel=channel.id,
        user=user,
        via="chat.postEphemeral",
        text=text,
        blocks=blocks,
        thread_ts=thread_root(channel, arguments.maybe("thread_ts")),
    )
    backend.world.ephemerals.append(whisper)
    return {"message_ts": whisper.ts}


def _permalink(backend: Backend, arguments: Arguments) -> Answer:
    channel = visible_channel(backend, arguments.text("channel"))
    message = existing_message(channel, arguments.text("message_ts"))
    link = f"{backend.url}/archives/{channel.id}/p{message.ts.replace('.', '')}"
    thread = f"?thread_ts={message.thread_ts}&cid={channel.id}" if message.thread_ts else ""
    return {"channel": channel.id, "permalink": link + thread}


def _reacted_message(backend: Backend, arguments: Arguments) -> tuple[Message, list[str]]:
    channel = visible_channel(backend, arguments.text("channel"))
    if backend.world.bot.id not in channel.members:
        raise Refusal("not_in_channel")
    message = existing_message(channel, arguments.text("timestamp"))
    name = arguments.text("name").strip(":")
    if not name or not all(c.isalnum() or c in "_-+" for c in name):
        raise Refusal("invalid_name")
    return message, message.reactions.get(name, [])


def _add_reaction(backend: Backend, arguments: Arguments) -> Answer:
    message, users = _reacted_message(backend, arguments)
    if backend.world.bot.id in users:
        raise Refusal("already_reacted")
    message.reactions[arguments.text("name").strip(":")] = [*users, backend.world.bot.id]
    return {}


def _remove_reaction(backend: Backend, arguments: Arguments) -> Answer:
    message, users = _reacted_message(backend, arguments)
    if backend.world.bot.id not in users:
        raise Refusal("no_reaction")
    name, rest = arguments.text("name").strip(":"), [u for u in users if u != backend.world.bot.id]
    message.reactions[name] = rest
    if not rest:
        del message.reactions[name]
    return {}


_CONTENT = {"text", "blocks", "attachments", "markdown_text", "link_names", "parse", "as_user"}
_LOOK = {"icon_emoji", "icon_url", "username"}
_NEW = _CONTENT | _LOOK | {"thread_ts", "mrkdwn"}

METHODS = (
    Method(
        name="chat.postMessage",
        handler=_post_message,
        required=frozenset({"channel"}),
        optional=frozenset(_NEW | {"metadata", "reply_broadcast", "unfurl_links", "unfurl_media"}),
        scope="chat:write",
        per_minute=60,
    ),
    Method(
        name="chat.update",
        handler=_update,
        required=frozenset({"channel", "ts"}),
        optional=frozenset(_CONTENT | {"metadata", "reply_broadcast", "file_ids"}),
        scope="chat:write",
    ),
    Method(
        name="chat.delete",
        handler=_delete,
        required=frozenset({"channel", "ts"}),
        optional=frozenset({"as_user"}),
        scope="chat:write",
    ),
    Method(
        name="chat.postEphemeral",
        handler=_post_ephemeral,
        required=frozenset({"channel", "user"}),
        optional=frozenset(_NEW),
        scope="chat:write",
        per_minute=100,
    ),
    Method(
        name="chat.getPermalink",
        handler=_permalink,
        required=frozenset({"channel", "message_ts"}),
        accepts_json=False,
        per_minute=600,
    ),
    Method(
        name="reactions.add",
        handler=_add_reaction,
        required=frozenset({"channel", "name", "timestamp"}),
        scope="reactions:write",
    ),
    Method(
        name="reactions.remove",
        handler=_remove_reaction,
        required=frozenset({"channel", "name", "timestamp"}),
        scope="reactions:write",
        per_minute=20,
    ),
)
