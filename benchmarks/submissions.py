"""Slack's side: forms submitted over kept-alive connections, each another one, freshly signed."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import itertools
import json
import random
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
VIEW_ID = "V0000000000"
CONNECTIONS = 32


def submission() -> str:
    """Return what Slack sends when somebody presses Start, for one view."""
    from bot.order import Kind  # noqa: PLC0415 -- as below
    from bot.slack.modal import Origin, form  # noqa: PLC0415

    origin = Origin(Kind.ANIMATE, "C0123456789", None, "https://hooks.slack.com/commands/T0/1/x")
    files = {
        "image": {"id": "F0123456789", "name": "hero.png", "mimetype": "image/png", "size": 400_000, "mode": "hosted"},
        "video": {
            "id": "F0123456780",
            "name": "dance.mp4",
            "mimetype": "video/mp4",
            "size": 9_000_000,
            "mode": "hosted",
        },
    }
    chosen = {"type": "radio_buttons", "selected_option": {"value": "standard"}}
    values: dict[str, Any] = {role: {"file": {"type": "file_input", "files": [file]}} for role, file in files.items()}
    values |= {"quality": {"quality": chosen}, "options": {"options": {"type": "checkboxes", "selected_options": []}}}
    view = form(origin) | {"id": VIEW_ID, "team_id": "T0123456789", "state": {"values": values}, "hash": "1.x"}
    person = {"id": "U0123456789", "username": "ada", "name": "ada", "team_id": "T0123456789"}
    team = {"id": "T0123456789", "domain": "benchmark"}
    body = {"type": "view_submission", "team": team, "user": person, "api_app_id": "A0", "token": "t", "view": view}
    return "payload=" + quote(json.dumps(body | {"trigger_id": "1.2.x", "response_urls": [], "enterprise": None}))


class Requests:
    """Endless different submissions, each signed when it is taken."""

    def __init__(self, body: str, start: int) -> None:
        self._before, _, self._after = body.encode().partition(VIEW_ID.encode())
        self._numbers = itertools.count(start)

    def take(self) -> bytes:
        """Return the whole request."""
        body = b"%bV%010d%b" % (self._before, next(self._numbers), self._after)
        stamp = b"%d" % time.time()
        signature = hmac.new(SECRET.encode(), b"v0:%b:%b" % (stamp, body), hashlib.sha256).hexdigest()
        return (
            b"POST /slack/events HTTP/1.1\r\nHost: bot.example\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            b"X-Slack-Request-Timestamp: %b\r\nX-Slack-Signature: v0=%b\r\nContent-Length: %d\r\n\r\n%b"
        ) % (stamp, signature.encode(), len(body), body)


class Line:
    """One kept-alive connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int) -> Line:
        """Connect."""
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def send(self, request: bytes) -> None:
        """Send one request and wait for its answer, which must be an empty yes."""
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200") or b"content-length: 0" not in head.lower():
            raise RuntimeError(head.decode())


async def closed_loop(port: int, requests: Requests, connections: int, seconds: float) -> list[float]:
    """Keep every connection busy; return how long each answer took."""
    took: list[float] = []
    lines = [await Line.open(port) for _ in range(connections)]
    until = time.perf_counter() + seconds

    async def work(line: Line) -> None:
        while (began := time.perf_counter()) < until:
            await line.send(requests.take())
            took.append(time.perf_counter() - began)

    await asyncio.gather(*map(work, lines))
    return took


async def open_loop(port: int, requests: Requests, rate: float, seconds: float) -> list[float]:
    """Send at random instants that were set before; return how long after its instant each was answered."""
    took: list[float] = []
    idle = [await Line.open(port) for _ in range(CONNECTIONS)]

    async def one(at: float) -> None:
        line = idle.pop() if idle else await Line.open(port)
        await line.send(requests.take())
        took.append(time.perf_counter() - at)
        idle.append(line)

    async with asyncio.TaskGroup() as group:
        for at in _instants(rate, seconds):
            await asyncio.sleep(at - time.perf_counter())
            group.create_task(one(at))
    return took


def _instants(rate: float, seconds: float) -> Iterator[float]:
    at = time.perf_counter()
    until = at + seconds
    while (at := at + random.expovariate(rate)) < until:
        yield at
