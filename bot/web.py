"""The routes: Slack's requests, hosted media with its access log, health."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol

import structlog
from aiohttp import web

from bot.media.limits import FORMATS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from aiohttp.abc import AbstractStreamWriter

    from bot.spool import Spool
    from bot.store import Address, Addresses

log = structlog.get_logger(__name__)

# Slack's largest request is a form of 250 kB, url-encoded.
SLACK_BYTES = 1024 * 1024
_CONTENT_TYPES = {suffix: content_type for content_type, suffix in FORMATS.values()}


class Answer(Protocol):
    """What goes back to Slack."""

    @property
    def status(self) -> int:
        """HTTP status."""
        ...

    @property
    def body(self) -> str:
        """Text, possibly empty."""
        ...

    @property
    def content_type(self) -> str:
        """Without parameters."""
        ...


class HostedFile(web.FileResponse):
    """A file of which it is noted how much went out, once it did."""

    served: Callable[[int, int], Awaitable[None]]

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Send the file or the range that was asked for. A connection that breaks raises, and notes nothing."""
        writer = await super().prepare(request)
        if request.method == "GET" and self.status in {200, 206}:
            await self.served(*_sent(self))
        return writer


def _sent(response: web.FileResponse) -> tuple[int, int]:
    matched = re.match(r"bytes (\d+)-(\d+)/", response.headers.get("Content-Range", ""))
    if matched:
        return int(matched[1]), int(matched[2]) + 1
    return 0, response.content_length or 0


class Media:
    """``/media/{token}/{name}``: what Model Studio fetches when this bot hosts the files itself."""

    def __init__(self, addresses: Addresses, spool: Spool) -> None:
        self._addresses = addresses
        self._spool = spool

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """404 for what never was, 410 for what is over. A fetch is logged before its first byte, or gets 410."""
        token, name = request.match_info["token"], request.match_info["name"]
        address = await self._addresses.find(token)
        if address is None or not address.url.endswith(f"/{token}/{name}"):
            raise web.HTTPNotFound
        with structlog.contextvars.bound_contextvars(job=address.job_id):
            if not await self._admitted(request, address):
                log.info("an address that is over was asked for", role=str(address.role), epoch=address.epoch)
                raise web.HTTPGone
            return self._file(address, name)

    async def _admitted(self, request: web.Request, address: Address) -> bool:
        if request.method == "HEAD":  # brings no byte of the file: no fetch
            return await self._addresses.good(address.token)
        admitted = await self._addresses.begin_fetch(address.token)
        if admitted:
            log.info("an input is being fetched", role=str(address.role), epoch=address.epoch)
        return admitted

    def _file(self, address: Address, name: str) -> web.StreamResponse:
        response = HostedFile(
            self._spool.find(address.job_id, address.role),
            chunk_size=1024 * 1024,
            headers={
                "Content-Type": _CONTENT_TYPES["." + name.rpartition(".")[2]],
                "Cache-Control": "private, no-store",
                "Content-Disposition": "attachment",
                "X-Content-Type-Options": "nosniff",
            },
        )
        response.served = lambda start, end: self._addresses.served(address.token, start, end)
        return response


class Health:
    """``/healthz`` while the process lives; ``/readyz`` once it can do its work, with the reasons while it can't."""

    def __init__(self, reasons: Callable[[], Awaitable[list[str]]], notes: Callable[[], list[str]] = list) -> None:
        self._reasons = reasons
        self._notes = notes

    async def live(self, _: web.Request) -> web.Response:
        """Answer that the process lives."""
        return web.Response(text="alive\n")

    async def ready(self, _: web.Request) -> web.Response:
        """Answer whether it can work, with a line for each reason why it can't, and for what is to be mended anyway."""
        reasons = await self._reasons()
        lines = [*(reasons or ["ready"]), *self._notes()]
        return web.Response(text="\n".join(lines) + "\n", status=503 if reasons else 200)


def routes(
    *, media: Media, health: Health, receive: Callable[[bytes, Mapping[str, str]], Awaitable[Answer]] | None
) -> web.Application:
    """Return the web application. Without ``receive`` (Socket Mode) it has health and media only."""
    application = web.Application(client_max_size=SLACK_BYTES)
    application.router.add_get("/healthz", health.live)
    application.router.add_get("/readyz", health.ready)
    application.router.add_get("/media/{token}/{name}", media.serve)  # and HEAD
    if receive is not None:
        answer = receive

        async def slack(request: web.Request) -> web.Response:
            # Reading raises 413 above the limit, before anything else is done with the body.
            found = await answer(await request.read(), request.headers)
            return web.Response(status=found.status, text=found.body, content_type=found.content_type)

        application.router.add_post("/slack/events", slack)
    return application
