"""The file host: bytes out to those with a token, bytes in to those with an upload address. All of it streamed."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from aiohttp import BodyPartReader, hdrs, web

from bot.demo.slack.calls import Call, Calls
from bot.demo.slack.faults import HangUp, answer_with
from bot.demo.slack.trouble import DOWNLOAD, UPLOAD, Trouble

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from typing import BinaryIO

    from bot.demo.slack.backend import Backend
    from bot.demo.slack.model import SlackFile, UploadAddress
    from bot.demo.slack.trouble import Fault

CHUNK = 1 << 20
_LOGIN = "<!DOCTYPE html><html><head><title>Slack</title></head><body>Sign in to your workspace</body></html>"


class FileHost:
    """Serves ``url_private`` and takes the bytes of external uploads."""

    def __init__(self, backend: Backend, trouble: Trouble, calls: Calls) -> None:
        self._backend = backend
        self._trouble = trouble
        self._calls = calls

    def routes(self) -> list[web.RouteDef]:
        """Where the file host answers."""
        return [
            web.get("/files-pri/{key}/download/{name}", self.download),
            web.get("/files-pri/{key}/{name}", self.download),
            web.get("/files-moved/{key}/{name}", self.download),
            web.post("/upload/v1/{token}", self.upload),
            web.get("/", self.login_page),
        ]

    async def login_page(self, request: web.Request) -> web.StreamResponse:
        """What strangers end up at."""
        return web.Response(text=_LOGIN, content_type="text/html")

    async def download(self, request: web.Request) -> web.StreamResponse:
        """Send a file's bytes to the bot, or the login page (with 200, or by a redirect) to everybody else."""
        call = self._calls.add(
            Call(method=DOWNLOAD, at=self._backend.world.clock(), arguments=dict(request.match_info))
        )
        fault = self._trouble.draw(DOWNLOAD)

        async def work() -> web.StreamResponse:
            return await self._serve(request, fault, call)

        try:
            response = await answer_with(request, _addressed(fault, request), work)
        except HangUp:
            return web.Response()
        call.status = response.status
        self._backend.world.changed()
        return response

    async def _serve(self, request: web.Request, fault: Fault | None, call: Call) -> web.StreamResponse:
        token = request.headers.get(hdrs.AUTHORIZATION, "")
        if token != f"Bearer {self._backend.bot_token}" or "files:read" not in self._backend.scopes:
            call.error = "login"
            return self._refuse(request)
        file = self._backend.world.files.get(request.match_info["key"].rpartition("-")[2])
        if file is None or file.deleted or not file.complete:
            call.error = "not_found"
            return web.Response(status=404, text="<html>File not found</html>", content_type="text/html")
        if fault is not None and _differs(fault):
            await _send_badly(request, file, fault)
            raise HangUp
        return web.FileResponse(file.path, chunk_size=CHUNK, headers=_headers(file))

    def _refuse(self, request: web.Request) -> web.Response:
        if self._backend.conduct.login == "redirect":
            location = f"{self._backend.url}/?redir={request.path.replace('/', '%2F')}"
            return web.Response(status=302, headers={hdrs.LOCATION: location})
        return web.Response(text=_LOGIN, content_type="text/html")

    async def upload(self, request: web.Request) -> web.StreamResponse:
        """Take the bytes of one external upload: raw or as the only file of a form, of the announced length, once."""
        call = self._calls.add(Call(method=UPLOAD, at=self._backend.world.clock()))

        async def work() -> web.StreamResponse:
            return await self._take(request, call)

        try:
            response = await answer_with(request, self._trouble.draw(UPLOAD), work)
        except HangUp:
            return web.Response()
        call.status = response.status
        self._backend.world.changed()
        return response

    async def _take(self, request: web.Request, call: Call) -> web.Response:
        address = self._backend.world.uploads.get(request.match_info["token"])
        if address is None:
            call.error = "unknown_url"
            return web.Response(status=404, text="unknown_url")
        if problem := self._problem(request, address):
            call.error = problem
            return web.Response(status=400, text=problem)
        file = self._backend.world.files[address.file]
        address.used = True
        call.arguments = {"file": file.id}
        received = await _write(_incoming(request), file, most=address.length)
        if received != address.length:
            call.error = "wrong_length"
            return web.Response(status=400, text=f"expected {address.length} bytes")
        file.uploaded = True
        return web.Response(text=f"OK - {received}")

    def _problem(self, request: web.Request, address: UploadAddress) -> str | None:
        if hdrs.AUTHORIZATION in request.headers:
            self._backend.world.violation("a token was sent to an upload address, which needs none")
            return "token_not_wanted"
        if address.used:
            return "used_url"
        if self._backend.world.clock() > address.expires_at:
            return "expired_url"
        return None


def _addressed(fault: Fault | None, request: web.Request) -> Fault | None:
    """Fill in the places of a redirect that name the file asked for."""
    if fault is None or hdrs.LOCATION not in fault.headers:
        return fault
    location = fault.headers[hdrs.LOCATION]
    location = location.replace("{file}", request.match_info["key"]).replace("{name}", request.match_info["name"])
    return replace(fault, headers=fault.headers | {hdrs.LOCATION: location})


def _headers(file: SlackFile) -> dict[str, str]:
    return {
        hdrs.CONTENT_TYPE: file.mimetype or "application/octet-stream",
        hdrs.CONTENT_DISPOSITION: "attachment",
        hdrs.CACHE_CONTROL: "private, no-store",
    }


async def _incoming(request: web.Request) -> AsyncIterator[bytes]:
    if request.content_type != "multipart/form-data":
        async for chunk in request.content.iter_chunked(CHUNK):
            yield chunk
        return
    async for part in await request.multipart():
        if isinstance(part, BodyPartReader):
            while chunk := await part.read_chunk(CHUNK):
                yield bytes(chunk)


async def _write(chunks: AsyncIterator[bytes], file: SlackFile, *, most: int) -> int:
    received = 0
    out: BinaryIO = await asyncio.to_thread(file.path.open, "wb")
    try:
        async for chunk in chunks:
            received += len(chunk)
            if received <= most:
                await asyncio.to_thread(out.write, chunk)
    finally:
        await asyncio.to_thread(out.close)
    return received


def _differs(fault: Fault) -> bool:
    return fault.unannounced or (fault.sent, fault.announced, fault.pace) != (None, None, None)


async def _send_badly(request: web.Request, file: SlackFile, fault: Fault) -> None:
    """Send a file by hand, so that the announced and the sent length may differ, and close the connection."""
    transport = request.transport
    if transport is None:
        return
    head = [b"HTTP/1.1 200 OK", f"Content-Type: {file.mimetype}".encode(), b"Connection: close"]
    if not fault.unannounced:
        length = file.size if fault.announced is None else fault.announced
        head.append(f"Content-Length: {length}".encode())
    transport.write(b"\r\n".join(head) + b"\r\n\r\n")
    slice_size = CHUNK if fault.pace is None else min(CHUNK, max(1, int(fault.pace / 20)))
    for chunk in _slices(file, fault, slice_size):
        if transport.is_closing():
            return
        transport.write(chunk)
        if fault.pace is not None:
            await asyncio.sleep(len(chunk) / fault.pace)
        # The transport is written to directly, so nothing but its buffer tells how far the other side has read.
        while transport.get_write_buffer_size() > CHUNK and not transport.is_closing():  # noqa: ASYNC110 -- see above
            await asyncio.sleep(0.005)
    transport.close()


def _slices(file: SlackFile, fault: Fault, size: int) -> Iterator[bytes]:
    left = file.size if fault.sent is None else fault.sent
    with file.path.open("rb") as source:
        while left > 0 and (chunk := source.read(min(size, left))):
            left -= len(chunk)
            yield chunk
    while fault.endless:
        yield bytes(size)
