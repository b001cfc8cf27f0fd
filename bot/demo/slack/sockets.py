"""Socket Mode: the bot connects, payloads come in envelopes, and each envelope wants its acknowledgement."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
import uuid
from typing import TYPE_CHECKING, Any

from aiohttp import WSMsgType, web

from bot.demo.slack.arguments import Answer as ApiAnswer
from bot.demo.slack.arguments import Arguments, Method
from bot.demo.slack.dispatch import Answer, Delivery, Kind

if TYPE_CHECKING:
    from bot.demo.slack.backend import Backend

MAX_CONNECTIONS = 10


class SocketMode:
    """The other end of the bot's WebSockets."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._tickets: set[str] = set()
        self._open: list[web.WebSocketResponse] = []
        self._waiting: dict[str, asyncio.Future[Any]] = {}
        self._turn = 0

    @property
    def connected(self) -> int:
        """How many connections are open."""
        return len(self._open)

    def method(self) -> Method:
        """The Web API's method that hands out an address to connect to, good for one connection."""
        return Method(name="apps.connections.open", handler=self._ticket, app_token=True)

    def _ticket(self, backend: Backend, arguments: Arguments) -> ApiAnswer:
        ticket = secrets.token_urlsafe(12)
        self._tickets.add(ticket)
        address = backend.url.replace("http", "ws", 1)
        return {"url": f"{address}/link/?ticket={ticket}&app_id={backend.world.app_id}"}

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Keep one connection until either side ends it."""
        if request.query.get("ticket", "") not in self._tickets:
            return web.Response(status=403, text="invalid ticket")
        self._tickets.discard(request.query["ticket"])
        socket = web.WebSocketResponse(heartbeat=30.0)
        await socket.prepare(request)
        if len(self._open) >= MAX_CONNECTIONS:
            await socket.send_json({"type": "disconnect", "reason": "too_many_websockets"})
            await socket.close()
            return socket
        await self._greet(socket)
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self._acknowledged(message.data)
        finally:
            self._forget(socket)
        return socket

    async def _greet(self, socket: web.WebSocketResponse) -> None:
        self._open.append(socket)
        await socket.send_json(
            {
                "type": "hello",
                "num_connections": len(self._open),
                "debug_info": {"host": "stand-in", "build_number": 1, "approximate_connection_time": 18060},
                "connection_info": {"app_id": self._backend.world.app_id},
            }
        )
        self._backend.world.changed()

    def _forget(self, socket: web.WebSocketResponse) -> None:
        if socket in self._open:
            self._open.remove(socket)
        self._backend.world.changed()

    def _acknowledged(self, text: str) -> None:
        try:
            message = json.loads(text)
            waiting = self._waiting.get(message["envelope_id"])
        except (ValueError, KeyError, TypeError):
            self._backend.world.violation("a message over the socket that acknowledges nothing")
            return
        if waiting is None:
            self._backend.world.violation("an acknowledgement of an unknown envelope")
        elif not waiting.done():
            waiting.set_result(message.get("payload"))

    async def send(self, delivery: Delivery, headers: dict[str, str]) -> Answer:
        """Send an envelope over the next connection in turn and wait for its acknowledgement."""
        envelope = _envelope(delivery, headers)
        self._turn += 1
        socket = self._open[self._turn % len(self._open)]
        self._waiting[envelope["envelope_id"]] = acknowledged = asyncio.get_running_loop().create_future()
        started = time.monotonic()
        try:
            async with asyncio.timeout(self._backend.conduct.answer_limit):
                await socket.send_json(envelope)
                body = await acknowledged
        except TimeoutError:
            return Answer(None, seconds=time.monotonic() - started, error="operation_timeout")
        except ConnectionError:
            return Answer(None, seconds=time.monotonic() - started, error="dispatch_failed")
        return Answer(200, "" if body is None else body, time.monotonic() - started)

    async def disconnect(self, reason: str = "refresh_requested") -> None:
        """Ask the bot to connect anew, and end the present connections unless this is only a ``warning``."""
        leaving = list(self._open)
        for socket in leaving:
            await socket.send_json({"type": "disconnect", "reason": reason, "debug_info": {"host": "stand-in"}})
            if reason != "warning":
                self._forget(socket)
                await socket.close()

    async def close(self) -> None:
        """End all connections."""
        for socket in list(self._open):
            self._forget(socket)
            await socket.close()


def _envelope(delivery: Delivery, headers: dict[str, str]) -> dict[str, Any]:
    envelope: dict[str, Any] = {
        "envelope_id": str(uuid.uuid4()),
        "type": delivery.kind.value,
        "payload": delivery.payload,
        "accepts_response_payload": delivery.kind is not Kind.EVENT,
    }
    if delivery.kind is Kind.EVENT:
        envelope["retry_attempt"] = int(headers.get("X-Slack-Retry-Num", "0"))
        envelope["retry_reason"] = headers.get("X-Slack-Retry-Reason", "")
    return envelope
