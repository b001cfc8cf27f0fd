"""One thread owns the writing connection; what arrives while it commits shares the next commit."""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from bot.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlite_utils import Database

T = TypeVar("T")

# One commit never waits for more than this many operations, so a flood cannot starve the first of them.
BATCH = 512
# For so many turns of the event loop, at most, operations wait for others to share their commit.
TURNS = 3


class Writing(Protocol):
    """Who runs the operations that change something."""

    in_doubt: bool  # the last one could not be stored, so the next one hardly can

    async def run(self, work: Callable[[Database], T]) -> T:
        """Return what ``work`` returned, once it is stored for good; StoreUnavailable if nothing can be."""
        ...

    def close(self) -> None:
        """Finish what was asked for, then let the connection go."""
        ...


@dataclass(slots=True)
class Operation:
    """One piece of work, and what came of it."""

    work: Callable[[Database], Any]
    done: asyncio.Future[Any] | None = None  # who waits for it, if that is on another thread
    result: Any = None
    error: BaseException | None = None


class Writer:
    """Runs what is asked for at about the same time in one transaction, and what of it fails alone in its own.

    An answer is given only after the commit reached the disk. An operation may run twice, so it must do nothing
    but read and write the database; of one that raises nothing is stored.
    """

    def __init__(self, connect: Callable[[], Database]) -> None:
        self._connect = connect
        self._queue: queue.SimpleQueue[list[Operation] | None] = queue.SimpleQueue()
        self._asked: list[Operation] = []
        self._thread = threading.Thread(target=self._work, name="store-writer", daemon=True)
        self._closed = False
        self.in_doubt = False
        self._thread.start()

    async def run(self, work: Callable[[Database], T]) -> T:
        """Return what ``work`` returned, once it is on the disk."""
        if self._closed:
            raise RuntimeError("the store is closed")
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        self._asked.append(Operation(work, done))
        if len(self._asked) == 1:
            loop.call_soon(self._gather, loop, 0, TURNS)
        try:
            result = await done
        except StoreUnavailable:
            self.in_doubt = True
            raise
        self.in_doubt = False
        return result

    def _gather(self, loop: asyncio.AbstractEventLoop, known: int, turns: int) -> None:
        """Hand over what is asked for once a turn of the loop brings no more.

        Each single hand-over would wake the thread, and under load it would commit a few operations at a time.
        """
        if turns and len(self._asked) > known:
            loop.call_soon(self._gather, loop, len(self._asked), turns - 1)
        else:
            self._hand_over()

    def _hand_over(self) -> None:
        asked, self._asked = self._asked, []
        self._queue.put(asked)

    def close(self) -> None:
        """Finish what was asked for, then close the connection. Safe to repeat."""
        if not self._closed:
            self._closed = True
            self._hand_over()
            self._queue.put(None)
        self._thread.join()

    def _work(self) -> None:
        try:
            db = self._connect()
        except Exception as error:  # noqa: BLE001 -- whatever it is, everybody who asks must hear of it
            self._refuse(error)
            return
        with closing(db):
            while (batch := self._queue.get()) is not None:
                closed = self._add_waiting(batch)
                for start in range(0, len(batch), BATCH):
                    some = batch[start : start + BATCH]
                    transact(db, some)
                    _answer(some)
                if closed:
                    return

    def _refuse(self, error: Exception) -> None:
        """There is no connection: answer everything, until closed, with the reason."""
        while (asked := self._queue.get()) is not None:
            for operation in asked:
                operation.error = _translated(error)
            _answer(asked)

    def _add_waiting(self, batch: list[Operation]) -> bool:
        """Add what is already waiting; true when closing was among it."""
        while len(batch) < BATCH:
            try:
                asked = self._queue.get_nowait()
            except queue.Empty:
                return False
            if asked is None:
                return True
            batch += asked
        return False


def transact(db: Database, batch: list[Operation]) -> None:
    """Store all at once. What raises is left out, and the rest tried again without it."""
    rest = list(batch)
    while rest and (guilty := _first_to_fail(db, rest)) is not None:
        rest.remove(guilty)


def _first_to_fail(db: Database, batch: list[Operation]) -> Operation | None:
    running: Operation | None = None
    try:
        db.execute("BEGIN IMMEDIATE")
        for running in batch:
            running.result, running.error = running.work(db), None
        running = None
        db.execute("COMMIT")
    except Exception as error:  # noqa: BLE001 -- whatever it is, it is the answer to whoever asked
        with suppress(sqlite3.Error):
            db.rollback()
        # Without a culprit it is the disk, and the answer is everybody's.
        for operation in batch if running is None else [running]:
            operation.error = _translated(error)
    return running


def _translated(error: Exception) -> Exception:
    """A broken constraint is the operation's fault, every other complaint of SQLite the disk's."""
    if isinstance(error, sqlite3.Error) and not isinstance(error, sqlite3.IntegrityError):
        unavailable = StoreUnavailable(str(error))
        unavailable.__cause__ = error
        return unavailable
    return error


def _answer(batch: list[Operation]) -> None:
    loops = {operation.done.get_loop() for operation in batch if operation.done}
    for loop in loops:
        mine = [operation for operation in batch if operation.done and operation.done.get_loop() is loop]
        if not loop.is_closed():
            loop.call_soon_threadsafe(_settle, mine)


def _settle(batch: list[Operation]) -> None:
    for operation in batch:
        if operation.done is None or operation.done.done():
            continue  # whoever asked was cancelled; what it asked for is stored all the same
        if operation.error is not None:
            operation.done.set_exception(operation.error)
        else:
            operation.done.set_result(operation.result)
