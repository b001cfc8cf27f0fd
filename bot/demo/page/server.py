"""The page's own server: one aiohttp server on loopback, for the browser of this computer only."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from bot.demo.page.deeds import Deeds, Impossible
from bot.demo.page.guard import Guard, guarded, harden
from bot.demo.page.live import stream
from bot.demo.page.media import receive, serve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.demo.page.workspace import Workspace
    from bot.demo.slack import User

STATIC = Path(__file__).parent / "static"
_TOKEN_PLACE = "{{token}}"  # noqa: S105 -- where the token goes
_KINDS = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


class PageServer:
    """Serves the page of one workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self.guard = Guard()
        self._workspace = workspace
        self._slack = workspace.practice.slack
        self._deeds = Deeds(workspace)
        self._runner: web.AppRunner | None = None
        self.url = ""

    async def start(self, ports: Sequence[int]) -> None:
        """Listen on loopback at the first of these ports that is free; OSError if none is."""
        app = web.Application(middlewares=[guarded(self.guard)], client_max_size=1 << 20)
        app.on_response_prepare.append(harden)
        app.add_routes(
            [
                web.get("/", self._index),
                web.get("/static/{name:[\\w.-]+}", self._static),
                web.get("/events", self._events),
                web.get("/file/{file}/{name}", self._file),
                web.post("/upload", self._upload),
                web.post("/do/{deed}", self._do),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        port = await self._listen(self._runner, ports)
        self.guard.listen_at(port)
        self.url = f"http://127.0.0.1:{port}/"

    async def _listen(self, runner: web.AppRunner, ports: Sequence[int]) -> int:
        for port in ports:
            try:
                await web.TCPSite(runner, "127.0.0.1", port).start()
            except OSError:
                if port == ports[-1]:
                    raise
            else:
                break
        found: int = runner.addresses[0][1]
        return found

    async def stop(self) -> None:
        """Let the pages go and stop listening."""
        await self._workspace.close()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _index(self, _: web.Request) -> web.Response:
        text = (STATIC / "index.html").read_text(encoding="utf-8").replace(_TOKEN_PLACE, self.guard.token)
        return web.Response(text=text, content_type="text/html")

    async def _static(self, request: web.Request) -> web.StreamResponse:
        path = STATIC / request.match_info["name"]
        if path.suffix not in _KINDS or not path.is_file():
            raise web.HTTPNotFound
        return web.FileResponse(path, headers={"Content-Type": f"{_KINDS[path.suffix]}; charset=utf-8"})

    def _user(self, request: web.Request) -> User:
        user = self._slack.world.users.get(request.query.get("as", ""))
        if user is None:
            user = self._slack.world.people()[0]
        if user.bot_id is not None:
            raise web.HTTPNotFound
        return user

    async def _events(self, request: web.Request) -> web.StreamResponse:
        return await stream(request, self._workspace, self._user(request))

    async def _file(self, request: web.Request) -> web.StreamResponse:
        file = self._slack.world.files.get(request.match_info["file"])
        if file is None or file.deleted or not file.complete:
            raise web.HTTPNotFound
        return serve(file)

    async def _upload(self, request: web.Request) -> web.Response:
        name = Path(request.query.get("name", "")).name or "file"
        folder = self._workspace.practice.folder / "incoming"
        file = await receive(request, self._slack, self._user(request), name, folder)
        return web.json_response({"file": file})

    async def _do(self, request: web.Request) -> web.Response:
        """Do what the page asks for; what a person got wrong is said as a sentence, with 200."""
        deed = request.match_info["deed"]
        try:
            answer = await self._deeds.do(deed, self._user(request), dict(await request.json()))
        except Impossible as impossible:
            answer = {"refused": str(impossible)}
        except (KeyError, TypeError, ValueError) as error:
            raise web.HTTPBadRequest(text=f"{deed}: {type(error).__name__}: {error}") from error
        return web.json_response(answer)
