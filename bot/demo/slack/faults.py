"""Carrying out a fault: the same few ways to misbehave for every kind of request."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bot.demo.slack.trouble import Fault


class HangUp(Exception):
    """The connection was cut: there is nobody to answer."""


def hang_up(request: web.Request) -> None:
    """Cut the connection at once, without an answer."""
    if request.transport is not None:
        request.transport.abort()


async def answer_with(
    request: web.Request, fault: Fault | None, work: Callable[[], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Do the work as the fault lets it be done, and give the answer that the fault lets through."""
    if fault is None:
        return await work()
    await asyncio.sleep(fault.delay)
    answer = await work() if fault.effect else None
    if fault.hang_up:
        hang_up(request)
        raise HangUp
    if fault.error is not None:
        return web.json_response(fault.error)
    if fault.status is not None:
        return web.Response(
            status=fault.status, text=fault.body, content_type=fault.content_type, headers=fault.headers
        )
    return answer or await work()
