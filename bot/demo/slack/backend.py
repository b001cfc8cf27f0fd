"""What every part of the stand-in shares: the world, how strict and how quick it is, and its own address."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path
    from typing import Any

    from bot.demo.slack.world import World

# What a bot of this kind is granted, unless the stand-in is told otherwise.
DEFAULT_SCOPES = (
    "app_mentions:read",
    "chat:write",
    "commands",
    "files:read",
    "files:write",
    "im:history",
    "im:write",
    "reactions:write",
)


@dataclass(slots=True, kw_only=True)
class Conduct:
    """How the stand-in behaves; may be changed at any time. All times are seconds."""

    strict: bool = True  # unknown arguments are refused
    rate_limits: bool = False  # exceeding a tier is answered with 429; it is counted in any case
    trigger_lifetime: float = 3.0
    answer_limit: float = 3.0  # how long the bot may take to acknowledge
    retry_delays: tuple[float, ...] = (0.0, 0.0, 0.0)  # Slack: at once, 1 min, 5 min
    share_delay: float | None = 0.05  # between completing an upload and its message; None: it never appears
    describe_delay: float = 0.0  # how long a new file's mimetype is empty
    upload_lifetime: float = 600.0
    max_file_size: int = 1_000_000_000
    uploads: str = "all"  # "all", "images" or "none": the workspace's own switch
    login: str = "page"  # what the file host sends strangers: "page" (200) or "redirect" (302)
    echo: bool = True  # the bot hears of its own direct messages too, as on Slack


@dataclass(slots=True, kw_only=True)
class Backend:
    """Handed to every part. ``url`` is known once the server listens."""

    world: World
    folder: Path
    bot_token: str = field(repr=False)
    app_token: str | None = field(repr=False)
    signing_secret: str = field(repr=False)
    scopes: set[str]
    conduct: Conduct
    url: str = ""
    tasks: set[asyncio.Task[Any]] = field(default_factory=set, repr=False)

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        """Do something beside; whatever is unfinished ends with the stand-in."""
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def later(self, delay: float, work: Callable[[], None]) -> None:
        """Call ``work`` after so many seconds."""

        async def wait() -> None:
            await asyncio.sleep(delay)
            work()

        self.spawn(wait())

    async def close(self) -> None:
        """Stop everything that ``spawn`` began."""
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
