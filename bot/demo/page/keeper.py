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
        """Begin to notice the end of a bot that was just started."""
        if self._process is not None:
            self._watch = asyncio.create_task(self._until_it_ends(self._process))

    async def kill(self) -> None:
        """End the process with SIGKILL: no goodbye, nothing saved that was not saved before."""
        if self._process is None:
            return
        async with self._doing:
            self._say("killed")
            await self._process.kill()
            self.changed()

    async def start(self) -> None:
        """Start the process again and wait until it is ready; what goes wrong is in the note."""
        if self._process is None:
            return
        async with self._doing:
            if self.shown()["pid"] is not None:
                return
            self._say("starting")
            try:
                await self._process.start()
            except RuntimeError as error:
                self._say("starting" if self.shown()["pid"] else "ended", str(error))
            else:
                self._say("running")
            self.watch()

    async def close(self) -> None:
        """Stop watching."""
        if self._watch is not None:
            self._watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watch

    async def _until_it_ends(self, bot: BotProcess) -> None:
        if bot.process is None:
            return
        status = await bot.process.wait()
        if self._state != "killed":
            self._say("ended", f"It ended by itself, exit status {status}.")

    def _say(self, state: str, note: str = "") -> None:
        self._state, self._note = state, note
        self.changed()
