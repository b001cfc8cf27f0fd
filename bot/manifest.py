"""The app manifest: what Slack has to know of the bot. ``manifest.yml`` is its Socket Mode form, kept by a test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

HEADER = (
    "# Paste this into https://api.slack.com/apps → Create New App → From a manifest. Made by: understudy manifest\n"
)

COMMANDS = (
    {
        "command": "/animate",
        "description": "Your picture moves like the person in a video",
        "usage_hint": "[pro] [5s] [file links], or help, jobs, status ID, cancel ID",
        "should_escape": False,
    },
    {
        "command": "/swap",
        "description": "Your character takes the place of the person in a video",
        "usage_hint": "[pro] [5s] [file links], or help, jobs, status ID, cancel ID",
        "should_escape": False,
    },
)
SHORTCUTS = (
    {
        "name": "Animate with this",
        "type": "message",
        "callback_id": "animate_message",
        "description": "Have a picture move like a video, with the files of this message",
    },
    {
        "name": "Swap with this",
        "type": "message",
        "callback_id": "swap_message",
        "description": "Put a character into a video, with the files of this message",
    },
    {
        "name": "Animate a character",
        "type": "global",
        "callback_id": "animate_anywhere",
        "description": "Have a picture move like the person in a video",
    },
    {
        "name": "Swap a person",
        "type": "global",
        "callback_id": "swap_anywhere",
        "description": "Put a character in the place of the person in a video",
    },
)
EVENTS = (
    "app_mention",
    "message.im",
)
# Each with what needs it.
SCOPES: Mapping[str, str] = {
    "app_mentions:read": "mentions",
    "chat:write": "the card, its thread, private answers",
    "commands": "the commands and shortcuts",
    "files:read": "the picture and the video that people give",
    "files:write": "the finished video",
    "im:history": "what people write to the bot directly",
    "im:write": "direct messages, where the bot may not post",
}
# Whoever installs the bot may refuse these: then a thread's files are not found by themselves, nothing else changes.
OPTIONAL_SCOPES = (
    "channels:history",
    "groups:history",
    "mpim:history",
)


def manifest(public_url: str | None = None) -> str:
    """Return the manifest as YAML: for Socket Mode, or for HTTP mode at this address."""
    request_url = None if public_url is None else f"{public_url.rstrip('/')}/slack/events"
    interactivity: dict[str, Any] = {"is_enabled": True}
    if request_url is not None:
        interactivity["request_url"] = request_url
    events: dict[str, Any] = {"bot_events": list(EVENTS)}
    if request_url is not None:
        events = {"request_url": request_url} | events
    commands = [command | ({"url": request_url} if request_url else {}) for command in COMMANDS]
    content = {
        "_metadata": {"major_version": 2, "minor_version": 1},
        "display_information": {
            "name": "Understudy",
            "description": "Has your character perform what the person in a video does",
            "background_color": "#2c2d30",
        },
        "features": {
            "app_home": {
                "home_tab_enabled": False,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": False,
            },
            "bot_user": {"display_name": "understudy", "always_online": True},
            "slash_commands": commands,
            "shortcuts": list(SHORTCUTS),
        },
        "oauth_config": {
            "scopes": {"bot": [*SCOPES, *OPTIONAL_SCOPES], "bot_optional": list(OPTIONAL_SCOPES)},
        },
        "settings": {
            "event_subscriptions": events,
            "interactivity": interactivity,
            "org_deploy_enabled": False,
            "socket_mode_enabled": request_url is None,
            "token_rotation_enabled": False,
        },
    }
    return HEADER + yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120)
