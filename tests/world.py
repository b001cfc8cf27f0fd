"""The practice world around a real bot: in this process for speed, or as a process of its own that can be killed."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bot.app import run
from bot.config import Settings
from bot.delivery import Patience
from bot.demo.practice import Practice
from bot.demo.slack import Message, Person, View
from bot.pace import Pace

# How long a test waits for what is under way before it fails: only a machine that is busy elsewhere needs so much.
PATIENCE = 60.0
# What coverage needs to follow the bot into its own process.
COVERAGE = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}


@dataclass(kw_only=True)
class BotHere:
    """The real bot in the test's own process and loop, with Slack's slowness cut to what the stand-in needs."""

    settings: Mapping[str, str] = field(default_factory=dict)
    pace: Pace = field(default_factory=Pace)
    _until: asyncio.Event = field(default_factory=asyncio.Event)
    _task: asyncio.Task[None] | None = None

    async def start(self, *, ready: bool = True) -> None:
        del ready
        values: dict[str, Any] = {name.lower(): value for name, value in self.settings.items()}
        settings = Settings(_env_file=None, **values)
        settings.data_dir.mkdir(exist_ok=True)
        self._until = asyncio.Event()
        serving = asyncio.Event()
        patience, pace = Patience(settle=0.3, share=1.0), replace(self.pace, edit=0.1, rested=60.0)
        running = run(settings, until=self._until, serving=serving, patience=patience, pace=pace)
        self._task = asyncio.create_task(running)
        waiting = asyncio.create_task(serving.wait())
        await asyncio.wait({self._task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if self._task.done():
            self._task.result()

    async def stop(self) -> int:
        if self._task is not None:
            self._until.set()
            await self._task
        return 0


@dataclass(kw_only=True)
class Files:
    """A picture and a video."""

    image: Path
    video: Path


class Workplace(Practice):
    """The practice world with what tests ask of it."""

    media: Files

    @property
    def database(self) -> Path:
        return self.folder / "data" / "understudy.db"

    def rows(self, sql: str = "SELECT * FROM job ORDER BY created_at") -> list[dict[str, Any]]:
        """Look into the bot's database from outside."""
        with closing(sqlite3.connect(self.database)) as db:
            db.row_factory = sqlite3.Row
            return [dict(row) for row in db.execute(sql)]

    async def in_state(self, state: str, within: float = PATIENCE) -> dict[str, Any]:
        """Wait until the only job is in this state."""
        async with asyncio.timeout(within):
            while True:
                rows = self.rows()
                if rows and rows[0]["state"] == state:
                    return rows[0]
                await asyncio.sleep(0.01)

    async def form(self, person: Person, command: str, *, channel: str | None = None) -> View:
        """Let somebody open the form; on a machine that is busy elsewhere again, as they would: a trigger dies soon."""
        for _ in range(2):
            await person.command(command, channel=channel)
            with suppress(TimeoutError):
                return await person.opened_view()
        await person.command(command, channel=channel)
        return await person.opened_view()

    async def order(
        self,
        command: str = "/animate",
        *,
        who: str = "ada",
        channel: str | None = None,
        image: Path | bytes | None = None,
        video: Path | bytes | None = None,
        names: tuple[str, str] = ("hero.png", "dance.mp4"),
        mimetypes: tuple[str | None, str | None] = (None, None),
        **entries: Any,
    ) -> Any:
        """Let somebody run the command, fill in the form and press Start. Returns what came of the submission."""
        person = self.slack.person(who)
        view = await self.form(person, command, channel=channel)
        files = {
            "image": [await person.upload(image or self.media.image, name=names[0], mimetype=mimetypes[0])],
            "video": [await person.upload(video or self.media.video, name=names[1], mimetype=mimetypes[1])],
        }
        return await person.submit(view, files | entries)

    def said(self, kind: str | None = None) -> list[Message]:
        """Return what the bot posted, oldest first; ``kind`` is "card" or "failed"."""
        world = self.slack.world
        messages = [
            m for channel in world.channels.values() for m in channel.messages.values() if m.user == world.bot.id
        ]
        messages = [message for message in messages if not message.deleted]
        if kind is not None:
            messages = [m for m in messages if (m.metadata or {}).get("event_payload", {}).get("kind") == kind]
        return sorted(messages, key=lambda message: message.ts)

    def card(self, index: int = 0) -> str:
        """Return everything a card says now, as plain text. After a crash a job may have two: the later one counts."""
        cards = list({m.metadata["event_payload"]["job"]: m for m in self.said("card") if m.metadata}.values())
        return "" if len(cards) <= index else text_of(cards[index])

    def videos(self) -> list[Message]:
        """Return the messages that show a video of the bot's."""
        return self._showing("video/")

    def previews(self) -> list[Message]:
        """Return the messages that show pictures of the bot's."""
        return self._showing("image/")

    def _showing(self, kind: str) -> list[Message]:
        files = self.slack.world.files
        return [m for m in self.said() if any(files[file].mimetype.startswith(kind) for file in m.files)]

    async def until(self, predicate: Callable[[], Any], within: float = PATIENCE) -> Any:
        """Wait for Slack to look like this."""
        return await self.slack.world.wait_for(predicate, within)


def text_of(message: Message) -> str:
    """Return the words of a message's blocks, buttons included."""
    return "\n".join(texts_of(message.blocks)) or message.text


def texts_of(value: Any) -> list[str]:
    """Return every text within blocks, in their order."""
    if isinstance(value, dict):
        if isinstance(value.get("text"), str):
            return [value["text"]]
        return [text for inner in value.values() for text in texts_of(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in texts_of(inner)]
    return []


Opened = Callable[..., Awaitable[Workplace]]
