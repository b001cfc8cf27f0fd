"""Model Studio's side of the wire: whatever a test lets it say, however odd."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from bot.errors import RemoteError
from bot.studio import Studio, studio_http

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

KEY = "sk-do-not-show"
NOW = 1_795_334_400.0  # 2026-11-22 08:00:00 UTC
CREATED = {"request_id": "r", "output": {"task_id": "t-1", "task_status": "PENDING"}}
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Vendor:
    """A server that answers as it was told, call by call, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        self.answers: list[Answer] = []
        self.base = ""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Vendor]:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self.handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.base = f"http://127.0.0.1:{runner.addresses[0][1]}/api/v1"
        yield self
        await runner.cleanup()

    @asynccontextmanager
    async def studio(self) -> AsyncIterator[Studio]:
        async with studio_http(KEY, self.base, connect_seconds=2, silence_seconds=0.2) as http:
            yield Studio(http, lambda: NOW)

    def says(self, body: object, status: int = 200, **headers: str) -> None:
        text = body if isinstance(body, str) else json.dumps(body)
        named = {name.replace("_", "-"): value for name, value in headers.items()}

        async def answer(_: web.Request) -> web.StreamResponse:
            return web.Response(status=status, text=text, headers=named)

        self.answers.append(answer)

    def does(self, answer: Answer) -> None:
        self.answers.append(answer)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.asked.append((request.method, request.raw_path, headers, await request.read()))
        return await self.answers.pop(0)(request)


async def fails(call: Awaitable[object]) -> RemoteError:
    with pytest.raises(RemoteError) as caught:
        await call
    assert KEY not in str(caught.value)
    assert "127.0.0.1" not in str(caught.value)
    assert "example.org" not in str(caught.value)
    return caught.value


def output(status: object, **more: object) -> dict[str, object]:
    return {"request_id": "r", "output": {"task_id": "t-1", "task_status": status, **more}}


async def drop(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def say_nothing(_: web.Request) -> web.StreamResponse:
    await asyncio.sleep(5)
    return web.Response()


async def cut(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b'{"output": ')
    return await drop(request)


async def go_on_for_ever(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b" " * 1_000_000)


LOST = [drop, say_nothing, cut, go_on_for_ever]
