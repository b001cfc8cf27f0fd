"""How the workspace's things look on the wire: the JSON objects of Slack's answers and events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.demo.slack.model import Channel, ChannelKind, Message, SlackFile, User, View

if TYPE_CHECKING:
    from bot.demo.slack.backend import Backend
    from bot.demo.slack.model import Share
    from bot.demo.slack.world import World

Json = dict[str, Any]


def user_json(user: User, world: World) -> Json:
    """A user object."""
    return {
        "id": user.id,
        "team_id": world.team_id,
        "name": user.name,
        "real_name": user.real_name,
        "deleted": False,
        "is_bot": user.bot_id is not None,
        "is_restricted": user.guest,
        "tz": "Etc/UTC",
        "profile": {"real_name": user.real_name, "display_name": user.name},
    }


def channel_json(channel: Channel, world: World) -> Json:
    """A conversation object, as the bot sees it."""
    common: Json = {"id": channel.id, "created": 0, "is_archived": channel.archived, "context_team_id": world.team_id}
    if channel.direct:
        other = next((m for m in channel.members if m != world.bot.id), world.bot.id)
        return common | {"is_im": True, "user": other, "is_org_shared": False, "is_open": True}
    return common | {
        "name": channel.name,
        "name_normalized": channel.name,
        "is_channel": channel.kind is ChannelKind.PUBLIC,
        "is_group": channel.kind is ChannelKind.PRIVATE,
        "is_im": False,
        "is_mpim": channel.kind is ChannelKind.GROUP,
        "is_private": channel.kind is not ChannelKind.PUBLIC,
        "is_member": world.bot.id in channel.members,
    }


def message_json(message: Message, backend: Backend, *, with_metadata: bool = True) -> Json:
    """A message object. Without ``with_metadata`` the metadata's payload is left out, as in a plain history call."""
    world = backend.world
    found: Json = {"type": "message", "user": message.user, "ts": message.ts, "text": message.text}
    found["team"] = world.team_id
    if message.subtype:
        found["subtype"] = message.subtype
    if message.bot_id:
        found |= {"bot_id": message.bot_id, "app_id": world.app_id, "bot_profile": _profile(message.bot_id, world)}
    if message.blocks:
        found["blocks"] = message.blocks
    if message.files:
        found |= {"files": [file_json(world.files[f], backend) for f in message.files], "upload": False}
    if message.edited:
        found["edited"] = {"user": message.bot_id or message.user, "ts": message.edited}
    if message.metadata:
        found["metadata"] = message.metadata if with_metadata else {"event_type": message.metadata["event_type"]}
    if message.reactions:
        found["reactions"] = [{"name": n, "users": u, "count": len(u)} for n, u in message.reactions.items()]
    return found | _thread(message, world)


def _profile(bot_id: str, world: World) -> Json:
    return {"id": bot_id, "app_id": world.app_id, "name": world.bot.name, "deleted": False, "team_id": world.team_id}


def _thread(message: Message, world: World) -> Json:
    if message.thread_ts:
        parent = world.channels[message.channel].messages.get(message.thread_ts)
        return {"thread_ts": message.thread_ts} | ({"parent_user_id": parent.user} if parent else {})
    replies = [m for m in world.messages(message.channel, thread=message.ts) if m is not message]
    if not replies:
        return {}
    users = list(dict.fromkeys(reply.user for reply in replies))
    return {
        "thread_ts": message.ts,
        "reply_count": len(replies),
        "reply_users": users,
        "reply_users_count": len(users),
        "latest_reply": replies[-1].ts,
    }


def file_json(file: SlackFile, backend: Backend, *, pushed: bool = False) -> Json:
    """A file object; ``pushed`` in an event, where it may be a mere stub."""
    if pushed and file.stub:
        return {"id": file.id, "mode": "file_access", "file_access": "check_file_info", "created": 0, "user": ""}
    if file.deleted or file.mode in {"tombstone", "hidden_by_limit"}:
        return {"id": file.id, "mode": "tombstone" if file.deleted else file.mode}
    world = backend.world
    described = world.clock() >= file.described_at
    private = f"{backend.url}/files-pri/{world.team_id}-{file.id}"
    found: Json = {
        "id": file.id,
        "created": int(file.created),
        "timestamp": int(file.created),
        "name": file.name,
        "title": file.title or file.name,
        "mimetype": file.mimetype if described else "",
        "filetype": file.filetype if described else "",
        "pretty_type": file.filetype.upper() if described else "",
        "user": file.user,
        "user_team": world.team_id,
        "editable": False,
        "size": file.size,
        "mode": file.mode,
        "is_external": file.mode == "external",
        "external_type": "",
        "is_public": bool(shares_json(file, world).get("public")),
        "public_url_shared": False,
        "display_as_bot": False,
        "username": "",
        "url_private": f"{private}/{file.name}",
        "url_private_download": f"{private}/download/{file.name}",
        "permalink": f"{backend.url}/files/{file.user}/{file.id}/{file.name}",
        "file_access": "visible",
    }
    return found | ({"alt_txt": file.alt_text} if file.alt_text else {})


def full_file_json(file: SlackFile, backend: Backend) -> Json:
    """A file object with where it was shared, as ``files.info`` gives it."""
    world = backend.world
    where = [world.channels[share.channel] for share in file.shares]
    groups = {ChannelKind.PRIVATE, ChannelKind.GROUP}
    return file_json(file, backend) | {
        "shares": shares_json(file, world),
        "channels": _ids(c for c in where if c.kind is ChannelKind.PUBLIC),
        "groups": _ids(c for c in where if c.kind in groups),
        "ims": _ids(c for c in where if c.direct),
        "comments_count": 0,
        "has_more_shares": False,
    }


def _ids(channels: Any) -> list[str]:
    return list(dict.fromkeys(channel.id for channel in channels))


def shares_json(file: SlackFile, world: World) -> Json:
    """Where a file was shared: by openness, then by conversation."""
    found: Json = {}
    for share in file.shares:
        channel = world.channels[share.channel]
        openness = "public" if channel.kind is ChannelKind.PUBLIC else "private"
        found.setdefault(openness, {}).setdefault(channel.id, []).append(_share(share, channel, world))
    return found


def _share(share: Share, channel: Channel, world: World) -> Json:
    found: Json = {"reply_users": [], "reply_users_count": 0, "reply_count": 0, "ts": share.ts}
    found |= {"channel_name": channel.name, "team_id": world.team_id, "share_user_id": share.user}
    return found | ({"thread_ts": share.thread_ts} if share.thread_ts else {})


def view_json(view: View, world: World, *, state: Json | None = None) -> Json:
    """A view object, with the state of its inputs when a person acts in it."""
    modal = {"clear_on_close": False, "notify_on_close": False, "close": None, "submit": None}
    home = view.data["type"] == "home"
    blank = {"private_metadata": "", "callback_id": "", "external_id": "", "title": None}
    return {
        **blank,
        **({} if home else modal),
        **view.data,
        "id": view.id,
        "team_id": world.team_id,
        "state": {"values": state or {}},
        "hash": view.hash,
        "previous_view_id": view.previous_id,
        "root_view_id": view.root_id,
        "app_id": world.app_id,
        "app_installed_team_id": world.team_id,
        "bot_id": world.bot.bot_id,
    }
