"""The practice world furnished for a page: channels, people, what was said before one came in."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import yaml

from bot.demo.page.keeper import Keeper
from bot.demo.page.media import Samples
from bot.demo.page.switches import Switches

if TYPE_CHECKING:
    from bot.demo.practice import Practice
    from bot.demo.watched import Watched

HOME_CHANNEL = "studio"
CLOSED_CHANNEL = "press"  # the bot is not invited here
COLLEAGUES = ("ben", "cleo")


class Workspace:
    """What the page shows and acts on. Make it inside the loop, after the practice world was started.

    Commands, shortcuts and events are those that ``app_manifest`` (YAML) asks Slack for.
    """

    def __init__(self, practice: Practice, app_manifest: str) -> None:
        self.practice = practice
        self.keeper = Keeper(practice.bot)
        self.switches = Switches(practice)
        self.samples = Samples(practice.folder / "samples")
        self.closing = asyncio.Event()
        self.app = app_of(practice, app_manifest)

    @property
    def watched(self) -> tuple[Watched, ...]:
        """Everything whose changes a page wants to see."""
        return (self.practice.slack.world, self.practice.studio.state, self.keeper, self.switches)

    async def greet(self) -> None:
        """Let a colleague have shown the sample media, so that there is something to answer to."""
        slack = self.practice.slack
        ben = slack.person("ben")
        files = [await ben.upload(await self.samples.path(name)) for name in ("character.png", "dancer.mp4")]
        ben.say(
            "Our mascot, and this morning's rehearsal. Could she dance like that?", channel=HOME_CHANNEL, files=files
        )

    async def close(self) -> None:
        """Let every page go."""
        self.closing.set()
        await self.keeper.close()


def furnish(practice: Practice) -> None:
    """Make the channels and the people of the page's workspace."""
    world = practice.slack.world
    for name in COLLEAGUES:
        if name not in {user.name for user in world.users.values()}:
            cleo = world.add_user(name)
            world.channel("general").members.append(cleo.id)
    world.channel("general").name = HOME_CHANNEL
    world.add_channel(CLOSED_CHANNEL, with_bot=False)
    for person in world.people():
        world.dm(person.id)
    world.changed()


def app_of(practice: Practice, app_manifest: str) -> dict[str, Any]:
    """Return what the manifest tells Slack of the bot: commands, shortcuts, events, its Home tab."""
    content = yaml.safe_load(app_manifest)
    features = content["features"]
    world = practice.slack.world
    return {
        "bot": world.bot.id,
        "bot_name": world.bot.name,
        "app_name": content["display_information"]["name"],
        "description": content["display_information"]["description"],
        "commands": [
            {"command": c["command"], "description": c["description"], "hint": c.get("usage_hint", "")}
            for c in features.get("slash_commands", [])
        ],
        "shortcuts": [
            {"type": s["type"], "name": s["name"], "id": s["callback_id"], "description": s.get("description", "")}
            for s in features.get("shortcuts", [])
        ],
        "events": content["settings"].get("event_subscriptions", {}).get("bot_events", []),
        "home": features.get("app_home", {}).get("home_tab_enabled", False),
        "slack": practice.slack.url,
        "channel": HOME_CHANNEL,
    }


def as_sent(workspace: Workspace, text: str) -> str:
    """Return what a person typed as Slack sends it: escaped, with people and channels as references."""
    world = workspace.practice.slack.world
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    users = {user.name: f"<@{user.id}>" for user in world.users.values()}
    channels = {channel.name: f"<#{channel.id}>" for channel in world.channels.values() if channel.name}
    return "".join(_referred(part, users, channels) for part in re.split(r"(https?://\S*[\w/])", text))


def _referred(part: str, users: dict[str, str], channels: dict[str, str]) -> str:
    if part.startswith(("https://", "http://")):
        return f"<{part}>"
    part = re.sub(r"(?<![\w.])@(\w+)", lambda found: users.get(found[1], found[0]), part)
    return re.sub(r"(?<![\w&])#([\w-]+)", lambda found: channels.get(found[1], found[0]), part)
