"""Where finished videos lie for 24 hours, behind signed addresses."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from aiohttp import web

from bot.demo.studio_state import DAY, Rejection, StudioTask

if TYPE_CHECKING:
    from pathlib import Path

    from bot.demo.studio_state import StudioState
    from bot.demo.studio_trouble import Fault

_MEDIA_TYPE = "video/mp4"


class Results:
    """Signs addresses and serves what is behind them: plain GET, one lifetime, no key."""

    def __init__(self, state: StudioState) -> None:
        self._state = state
        self._secret = secrets.token_bytes(16)

    def url(self, task: StudioTask, host: str) -> str:
        """The address of a finished task's video; always the same for the same task."""
        path = f"/results/{task.id}.mp4"
        expires = str(int((task.ended_at or 0.0) + DAY))
        signed = {"Expires": expires, "OSSAccessKeyId": "LTAI-practice", "Signature": self._signature(path, expires)}
        return f"{host}{path}?{urlencode(signed)}"

    def _signature(self, path: str, expires: str) -> str:
        digest = hmac.new(self._secret, f"{path}\n{expires}".encode(), hashlib.sha1).digest()
        return base64.b64encode(digest).decode()

    async def serve(self, request: web.Request, fault: Fault | None) -> web.StreamResponse:
        """Send the video. A fault that reshapes it decides what is announced and what is sent."""
        path = self._find(request)
        if fault is not None and fault.reshapes_file:
            return await _reshaped(request, path, fault)
        return web.FileResponse(path, headers={"Content-Type": _MEDIA_TYPE})

    def _find(self, request: web.Request) -> Path:
        expires = request.query.get("Expires", "")
        signature = request.query.get("Signature", "")
        if not hmac.compare_digest(signature.encode(), self._signature(request.path, expires).encode()):
            raise Rejection(403, "SignatureDoesNotMatch", "The request signature we calculated does not match.")
        if self._state.now() > int(expires):
            raise Rejection(403, "AccessDenied", "Request has expired.")
        task = self._state.tasks.get(request.match_info["task_id"])
        if task is None or task.result is None:
            raise Rejection(404, "NoSuchKey", "The specified key does not exist.")
        return task.result


async def _reshaped(request: web.Request, path: Path, fault: Fault) -> web.StreamResponse:
    """Write the answer by hand: a server that is in order refuses to send what we want here."""
    content = await asyncio.to_thread(path.read_bytes)
    announced = fault.announced if fault.announced is not None else len(content)
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {_MEDIA_TYPE}\r\nConnection: close\r\n"
    head += "" if fault.unannounced else f"Content-Length: {announced}\r\n"
    sent = content if fault.sent is None else content[: fault.sent]
    if (transport := request.transport) is not None:
        transport.write(f"{head}\r\n".encode() + sent)
        transport.close()
    return web.Response()  # goes nowhere: the connection is closed
