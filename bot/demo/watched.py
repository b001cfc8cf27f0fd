"""State that can be waited for: whoever changes it says so, whoever waits looks again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Watched:
    """Something to be read freely; whoever changes it calls ``changed`` afterwards."""

    def __init__(self) -> None:
        self.changes = 0
        self._waiting: set[asyncio.Event] = set()

    def changed(self) -> None:
        """Tell everybody who waits to look again."""
        self.changes += 1
        for event in self._waiting:
            event.set()

    async def wait_for(self, predicate: Callable[[], T | None], within: float = 20.0) -> T:
        """Return the predicate's first true value, looked at again after each change; else TimeoutError."""
        event = asyncio.Event()
        self._waiting.add(event)
        try:
            async with asyncio.timeout(within):
                while not (value := predicate()):
                    await event.wait()
                    event.clear()
                return value
        finally:
            self._waiting.discard(event)
