"""What one person's page shows: every thing of the workspace that they may see, each under a key of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.demo.page.studio_side import studio_things

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bot.demo.page.workspace import Workspace
    from bot.demo.slack import Channel, Ephemeral, Message, SlackFile, User, View, World

Json = dict[str, Any]
Thing = tuple[str, Any]
_REFUSALS_SHOWN = 30


def snapshot(workspace: Workspace, user: User) -> dict[str, Any]:
    """Return all that this person's page consists of. Other people's private answers and modals are not in it."""
    found: dict[str, Any] = {"app": {**workspace.app, "me": user.id}, "bot": workspace.keeper.shown()}
    world = workspace.practice.slack.world
    found.update(_workspace_things(world, user))
    found.update(_own_things(world, user))
    found.update((f"switch/{switch['name']}", switch) for switch in workspace.switches.shown())
    found.update((f"sample/{sample['name']}", sample) for sample in workspace.samples.shown())
    found.update(_refused_things(workspace))
    found.update(studio_things(workspace.practice.studio))
    return found


def _workspace_things(world: World, user: User) -> Iterator[Thing]:
    for other in world.users.values():
        is_bot = other.bot_id is not None
        yield f"user/{other.id}", {"id": other.id, "name": other.name, "real": other.real_name, "bot": is_bot}
    for channel in world.channels.values():
        if user.id in channel.members:
            yield f"channel/{channel.id}", _channel(channel, world)
            for message in channel.messages.values():
                if not message.deleted:
                    yield f"message/{channel.id}/{message.ts}", _message(message)
    for file in world.files.values():
        seen = any(user.id in world.channels[share.channel].members for share in file.shares)
        if file.complete and (seen or file.user == user.id):
            yield f"file/{file.id}", _file(file)


def _own_things(world: World, user: User) -> Iterator[Thing]:
    for whisper in world.whispers(user.id):
        yield f"whisper/{whisper.ts}", _whisper(whisper)
    for height, view in enumerate(world.stack(user.id)):
        yield f"view/{view.id}", _view(view) | {"height": height}
    if user.id in world.homes:
        yield "home", _view(world.homes[user.id])
    for number, mishap in enumerate(world.mishaps):
        if mishap.user == user.id:
            yield f"mishap/{number}", {"number": number, "action": mishap.action, "error": mishap.error}


def _refused_things(workspace: Workspace) -> Iterator[Thing]:
    slack = workspace.practice.slack
    refused = [(number, call) for number, call in enumerate(slack.calls) if call.error or (call.status or 200) >= 400]
    for number, call in refused[-_REFUSALS_SHOWN:]:
        error = call.error or f"HTTP {call.status}"
        yield f"refusal/{number}", {"number": number, "method": call.method, "at": call.at, "error": error}
    for number, violation in enumerate(slack.world.violations):
        yield f"violation/{number}", {"number": number, "text": violation}


def _channel(channel: Channel, world: World) -> Json:
    return {
        "id": channel.id,
        "name": channel.name,
        "kind": channel.kind,
        "members": channel.members,
        "with_bot": world.bot.id in channel.members,
    }


def _message(message: Message) -> Json:
    return _said(message, f"message/{message.channel}/{message.ts}") | {
        "user": message.user,
        "files": message.files,
        "edited": message.edited is not None,
        "reactions": message.reactions,
    }


def _whisper(whisper: Ephemeral) -> Json:
    return _said(whisper, f"whisper/{whisper.ts}") | {"private": True}


def _said(words: Message | Ephemeral, key: str) -> Json:
    return {
        "key": key,
        "ts": words.ts,
        "channel": words.channel,
        "text": words.text,
        "blocks": words.blocks,
        "thread": words.thread_ts,
    }


def _view(view: View) -> Json:
    return {"id": view.id, "hash": view.hash, "data": view.data, "channel": view.channel}


def _file(file: SlackFile) -> Json:
    return {
        "id": file.id,
        "name": file.name,
        "title": file.title or file.name,
        "mimetype": file.mimetype,
        "size": file.size,
        "user": file.user,
        "alt": file.alt_text,
        "deleted": file.deleted,
    }
