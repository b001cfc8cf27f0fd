"""Changes as they happen: server-sent events that carry only what is new to this page."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from aiohttp import web

from bot.demo.page.snapshot import snapshot

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bot.demo.page.workspace import Workspace
    from bot.demo.slack import User
    from bot.demo.watched import Watched

# What changes within so many seconds is sent together: a page that redraws more often is no smoother.
TOGETHER_SECONDS = 0.06
ALIVE_SECONDS = 15.0


class Difference:
    """What a page has been sent, so that nothing is sent twice."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def to(self, things: dict[str, Any]) -> bytes | None:
        """Return the event that brings the page up to date, None if it is."""
        wanted = {key: json.dumps(value, ensure_ascii=False) for key, value in things.items()}
        fresh = [f"{json.dumps(key)}:{text}" for key, text in wanted.items() if self._known.get(key) != text]
        gone = [key for key in self._known if key not in wanted]
        self._known = wanted
        if not fresh and not gone:
            return None
        return f'data: {{"set":{{{",".join(fresh)}}},"gone":{json.dumps(gone)}}}\n\n'.encode()


async def stream(request: web.Request, workspace: Workspace, user: User) -> web.StreamResponse:
    """Send everything once, then every change, until the page goes away or the workspace closes."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    difference = Difference()
    try:
        while not workspace.closing.is_set():
            counts = [watched.changes for watched in workspace.watched]
            event = difference.to(snapshot(workspace, user))
            await response.write(event or b": nothing new\n\n")
            await _changed(workspace, counts)
            await asyncio.sleep(TOGETHER_SECONDS)
    except ConnectionError:
        pass  # the page was closed
    return response


async def _changed(workspace: Workspace, counts: Iterable[int]) -> None:
    """Return when anything changed since the counts were taken, or after a while all the same."""
    waits = [
        asyncio.create_task(_moved(watched, count)) for watched, count in zip(workspace.watched, counts, strict=True)
    ]
    waits.append(asyncio.create_task(_closed(workspace)))
    try:
        await asyncio.wait(waits, timeout=ALIVE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)


async def _moved(watched: Watched, count: int) -> None:
    await watched.wait_for(lambda: watched.changes != count, within=2 * ALIVE_SECONDS)


async def _closed(workspace: Workspace) -> None:
    await workspace.closing.wait()
