"""The bot's process as the page shows it: running, killed, started again."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from bot.demo.practice import BotProcess
from bot.demo.watched import Watched

if TYPE_CHECKING:
    from bot.demo.practice import Runner


class Keeper(Watched):
    """Kills and starts the bot, and notices when it ends by itself. A bot in this process can be neither."""

    def __init__(self, bot: Runner) -> None:
        super().__init__()
        self._process = bot if isinstance(bot, BotProcess) else None
        self._state = "ended" if self._process is not None and self._process.process is None else "running"
        self._note = ""
        self._doing = asyncio.Lock()
        self._watch: asyncio.Task[None] | None = None

    def shown(self) -> dict[str, Any]:
        """Return what the page says of the process."""
        running = self._process.process if self._process else None
        pid = running.pid if running is not None and running.returncode is None else None
        return {"state": self._state, "pid": pid, "note": self._note, "killable": self._process is not None}

    def watch(self) -> None:
        """Begin to notice that a bot that was just started gets ready, and that it ends."""
        if self._process is not None:
            self._watch = asyncio.create_task(self._follow(self._process))

    async def kill(self) -> None:
        """End the process with SIGKILL: no goodbye, nothing saved that was not saved before."""
        if self._process is None or self.shown()["pid"] is None:
            return
        self._say("killed")  # also one that is just starting
        await self._process.kill()
        self.changed()

    async def start(self) -> None:
        """Start the process again; whether it gets ready, and what goes wrong, is seen as it comes."""
        if self._process is None:
            return
        async with self._doing:
            if self.shown()["pid"] is not None:
                return
            self._say("starting")
            with contextlib.suppress(RuntimeError):  # whoever watches says that it ended
                await self._process.start(ready=False)
            self.watch()

    async def close(self) -> None:
        """Stop watching."""
        if self._watch is not None:
            self._watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watch

    async def _follow(self, bot: BotProcess) -> None:
        if bot.process is None:
            return
        getting_ready = asyncio.create_task(self._until_ready(bot))
        try:
            status = await bot.process.wait()
        finally:
            getting_ready.cancel()
        if self._state != "killed":
            self._say("ended", f"It ended by itself, exit status {status}.")

    async def _until_ready(self, bot: BotProcess) -> None:
        """A bot that Slack keeps waiting is not ready for as long as that takes."""
        while self._state == "starting":
            try:
                await bot.answers("/readyz")
            except RuntimeError as error:
                self._say(self._state, str(error))
            else:
                self._say("running")

    def _say(self, state: str, note: str = "") -> None:
        self._state, self._note = state, note
        self.changed()
