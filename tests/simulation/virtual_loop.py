"""An event loop whose time goes on only when everybody waits, and then at once."""

from __future__ import annotations

import asyncio
import selectors


class NothingWillHappen(Exception):
    """Everybody waits for somebody else."""


class NoRest(Exception):
    """Something goes on and on. No honest run takes a third of so many turns."""


TURNS_MOST = 100_000


class _NoWaiting(selectors.SelectSelector):
    """Instead of waiting it moves the clock on."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.turns = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.turns += 1
        if self.turns > TURNS_MOST:
            raise NoRest
        if timeout is None:
            raise NothingWillHappen
        self.now += timeout
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """Runs coroutines in virtual seconds. The order of what happens depends on nothing but what is run."""

    def __init__(self) -> None:
        self._virtual = _NoWaiting()
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.now

    def clear(self) -> None:
        """End whatever still goes on."""
        while tasks := asyncio.all_tasks(self):
            self._virtual.turns = 0
            for task in tasks:
                task.cancel()
            self.run_until_complete(asyncio.wait(tasks, timeout=1.0))
