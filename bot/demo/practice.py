"""The practice world: both stand-ins on loopback, and the real bot beside them as a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import socket
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self

import aiohttp

import bot
from bot.demo.slack import SlackStandIn
from bot.demo.studio import StudioStandIn
from bot.manifest import OPTIONAL_SCOPES, SCOPES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from bot.demo.studio_work import TaskSeconds

START_SECONDS = 40.0
# What Python needs of the surroundings; everything else that the practice bot knows is given to it.
_KEPT = ("PATH", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT")
_PACKAGE_FOLDER = Path(bot.__file__).resolve().parent.parent


def free_port() -> int:
    """Return a loopback port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(kw_only=True)
class BotProcess:
    """The real bot as a child process with a complete environment of its own: no setting and no ``.env`` leaks in."""

    settings: Mapping[str, str]
    folder: Path
    log: Path
    program: Sequence[str] = ("-m", "bot", "serve")
    process: asyncio.subprocess.Process | None = field(default=None, init=False)

    @property
    def url(self) -> str:
        """Where its web server listens."""
        return f"http://127.0.0.1:{self.settings['PORT']}"

    async def start(self, *, ready: bool = True) -> None:
        """Start it and wait until it is ready, or (``ready=False``) only alive. RuntimeError if it ends instead."""
        environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
        environment |= {"HOME": str(self.folder), "PYTHONPATH": str(_PACKAGE_FOLDER), **self.settings}
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, *self.program, cwd=self.folder, env=environment, stdout=log, stderr=log
            )
        await self.answers("/readyz" if ready else "/healthz")

    async def answers(self, path: str) -> None:
        """Wait until it answers there with yes. RuntimeError if it ends, or takes too long, before."""
        deadline = time.monotonic() + START_SECONDS
        async with aiohttp.ClientSession() as session:
            while time.monotonic() < deadline:
                if self.process is None or self.process.returncode is not None:
                    raise RuntimeError("the bot ended while it was starting")
                with contextlib.suppress(aiohttp.ClientError):
                    async with session.get(self.url + path) as response:
                        if response.status == 200:
                            return
                await asyncio.sleep(0.02)
        raise RuntimeError("the bot did not become ready")

    async def kill(self) -> None:
        """End it as a power cut would."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> int:
        """Ask it to end, and return its exit status."""
        return await self._end(signal.SIGTERM)

    async def _end(self, number: signal.Signals) -> int:
        if self.process is None:
            return 0
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)
        return await self.process.wait()


class Runner(Protocol):
    """A bot that can be started and stopped; ``settings`` are set before it starts."""

    settings: Mapping[str, str]

    async def start(self, *, ready: bool = True) -> None:
        """Start it and wait until it serves."""
        ...

    async def stop(self) -> int:
        """Stop it in good order and return its exit status."""
        ...


class Practice:
    """Both stand-ins and a bot that is wired to them. Everything it leaves is below ``folder``."""

    def __init__(
        self,
        folder: Path,
        *,
        task_seconds: TaskSeconds = 3.0,
        fast: bool = False,
        renders: Path | None = None,
        socket_mode: bool = False,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        secret, key = secrets.token_hex(16), f"sk-{secrets.token_hex(16)}"
        bot_token, app_token = f"xoxb-{secrets.token_hex(16)}", f"xapp-{secrets.token_hex(16)}"
        self.folder = folder
        self.slack = SlackStandIn(
            bot_token=bot_token,
            app_token=app_token,
            signing_secret=secret,
            folder=folder / "slack",
            scopes=[*SCOPES, *OPTIONAL_SCOPES],
        )
        self.studio = StudioStandIn(
            api_key=key, folder=folder / "studio", task_seconds=task_seconds, fast=fast, renders=renders
        )
        self._settings = {
            "SLACK_BOT_TOKEN": bot_token,
            "SLACK_SIGNING_SECRET": secret,
            "DASHSCOPE_API_KEY": key,
            "POLL_SECONDS": "0.5",
            "HOST": "127.0.0.1",
            "DATA_DIR": str(folder / "data"),
            **({"SLACK_APP_TOKEN": app_token} if socket_mode else {}),
            **(settings or {}),
        }
        self.log = folder / "bot.log"
        self.bot: Runner = BotProcess(settings={}, folder=folder, log=self.log)

    async def start(self, *, ready: bool = True) -> None:
        """Start the stand-ins, then the bot."""
        self.folder.mkdir(parents=True, exist_ok=True)
        await self.slack.start()
        await self.studio.start()
        port = str(free_port())
        url = f"http://127.0.0.1:{port}"
        addresses = {
            "PORT": port,
            "SLACK_API_URL": self.slack.api_url,
            "DASHSCOPE_HTTP_BASE_URL": self.studio.base_url,
            **({} if self._settings.get("FILE_HOST") == "modelstudio" else {"PUBLIC_URL": url}),
        }
        self.bot.settings = self._settings | addresses
        self.slack.request_url = f"{url}/slack/events"
        await self.bot.start(ready=ready)

    async def stop(self) -> None:
        """Stop the bot, then the stand-ins."""
        try:
            await self.bot.stop()
        finally:
            await self.slack.stop()
            await self.studio.stop()

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
