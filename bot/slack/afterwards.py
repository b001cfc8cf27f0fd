"""What an acknowledgement does not wait for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import structlog

from bot.errors import RemoteError

if TYPE_CHECKING:
    from collections.abc import Coroutine

log = structlog.get_logger(__name__)


class Afterwards:
    """Tasks that go on after a listener has returned: kept, or the loop might drop them; drained at the end."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Run this beside. What fails in it is logged and goes no further."""
        task = asyncio.create_task(_safely(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def drain(self, *, within: float) -> None:
        """Let what was started finish."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=within)


async def _safely(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except RemoteError as error:
        log.info("a private answer did not arrive", reason=str(error))
    except Exception:
        log.exception("bug in what follows an acknowledgement")
