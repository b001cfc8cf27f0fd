"""The stand-in as a whole: one aiohttp server on loopback."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

from aiohttp import web

from bot.demo.slack.api import WebApi
from bot.demo.slack.backend import DEFAULT_SCOPES, Backend, Conduct
from bot.demo.slack.calls import Calls
from bot.demo.slack.dispatch import Dispatcher
from bot.demo.slack.files import CHUNK, FileHost
from bot.demo.slack.payloads import Payloads
from bot.demo.slack.people import Person
from bot.demo.slack.responses import Responses
from bot.demo.slack.sockets import SocketMode
from bot.demo.slack.trouble import Trouble
from bot.demo.slack.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path
    from types import TracebackType

    from bot.demo.slack.model import Message


class SlackStandIn:
    """Slack, as far as a bot of this kind can tell. ``folder`` holds the bytes of its files.

    The workspace starts with two people, ``ada`` and ``ben``, and a public channel, ``general``, that holds
    them and the bot. Events and interactions go over Socket Mode while a bot is connected, else to ``request_url``.
    """

    def __init__(
        self,
        *,
        bot_token: str,
        signing_secret: str,
        folder: Path,
        app_token: str | None = None,
        scopes: Iterable[str] = DEFAULT_SCOPES,
        conduct: Conduct | None = None,
        clock: Callable[[], float] = time.time,
        port: int = 0,
    ) -> None:
        self.world = World(clock=clock)
        self.conduct = conduct or Conduct()
        self.trouble = Trouble()
        self.calls = Calls()
        self.backend = Backend(
            world=self.world,
            folder=folder,
            bot_token=bot_token,
            app_token=app_token,
            signing_secret=signing_secret,
            scopes=set(scopes),
            conduct=self.conduct,
        )
        self.sockets = SocketMode(self.backend)
        self.dispatch = Dispatcher(self.backend, self.sockets)
        self.api = WebApi(self.backend, self.trouble, self.calls, [self.sockets.method()])
        self._port = port
        self._runner: web.AppRunner | None = None
        for name in ("ada", "ben"):
            self.world.add_user(name)
        self.world.add_channel("general")
        self.world.listeners.append(self._echo)

    @property
    def url(self) -> str:
        """Where the stand-in answers, without a slash at the end; known after ``start``."""
        return self.backend.url

    @property
    def api_url(self) -> str:
        """The Web API's base, as slack_sdk's ``base_url`` wants it."""
        return f"{self.url}/api/"

    @property
    def request_url(self) -> str | None:
        """The bot's address for commands, interactions and events; set it for HTTP mode."""
        return self.dispatch.request_url

    @request_url.setter
    def request_url(self, address: str | None) -> None:
        self.dispatch.request_url = address

    def person(self, key: str = "ada") -> Person:
        """Somebody of the workspace, by id or name."""
        return Person(self.backend, self.dispatch, self.world.user(key))

    def _application(self) -> web.Application:
        files = FileHost(self.backend, self.trouble, self.calls)
        responses = Responses(self.backend, self.trouble, self.calls)
        app = web.Application(client_max_size=4 * CHUNK)
        app.router.add_route("*", "/api/{method}", self.api.handle)
        app.router.add_post("/response/{token}", responses.handle)
        app.router.add_get("/link/", self.sockets.handle)
        app.add_routes(files.routes())
        return app

    async def start(self) -> None:
        """Listen on loopback, on a free port unless one was asked for."""
        self.backend.folder.mkdir(parents=True, exist_ok=True)
        self._runner = web.AppRunner(self._application(), access_log=None, read_bufsize=CHUNK, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        port = self._runner.addresses[0][1]
        self.backend.url = f"http://127.0.0.1:{port}"

    async def stop(self) -> None:
        """End everything; the files stay in their folder."""
        await self.backend.close()
        await self.sockets.close()
        await self.dispatch.close()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def _echo(self, what: str, message: Message) -> None:
        """Tell the bot of its own direct messages, as ``message.im`` does."""
        own = message.user == self.world.bot.id and self.world.channels[message.channel].direct
        if not own or not self.conduct.echo or not (self.request_url or self.sockets.connected):
            return
        payloads = Payloads(self.backend)
        posted = what == "posted"
        event = payloads.direct_message(message) if posted else payloads.direct_message_change(what, message)
        self.backend.spawn(self.dispatch.event(event))
