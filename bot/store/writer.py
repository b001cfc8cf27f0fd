"""One thread owns the writing connection; what arrives while it commits shares the next commit."""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from bot.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlite_utils import Database

T = TypeVar("T")

# One commit never waits for more than this many operations, so a flood cannot starve the first of them.
BATCH = 512


@dataclass(slots=True)
class _Operation:
    work: Callable[[Database], Any]
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[Any]
    result: Any = None
    error: BaseException | None = None


class Writer:
    """Runs each operation in a transaction of its own inside a shared commit.

    An answer is given only after the commit reached the disk. An operation that raises is rolled back alone;
    a commit that fails (disk full) fails every operation in it.
    """

    def __init__(self, connect: Callable[[], Database]) -> None:
        self._connect = connect
        self._queue: queue.SimpleQueue[_Operation | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="store-writer", daemon=True)
        self._closed = False
        self._thread.start()

    async def run(self, work: Callable[[Database], T]) -> T:
        """Return what ``work`` returned, once it is on the disk."""
        if self._closed:
            raise RuntimeError("the store is closed")
        loop = asyncio.get_running_loop()
        operation = _Operation(work, loop, loop.create_future())
        self._queue.put(operation)
        result: T = await operation.done
        return result

    def close(self) -> None:
        """Finish what was asked for, then close the connection. Safe to repeat."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
        self._thread.join()

    def _work(self) -> None:
        try:
            db = self._connect()
        except Exception as error:  # noqa: BLE001 -- whatever it is, everybody who asks must hear of it
            self._refuse(error)
            return
        with closing(db):
            while (first := self._queue.get()) is not None:
                batch = [first]
                closed = self._gather(batch)
                self._commit(db, batch)
                _answer(batch)
                if closed:
                    return

    def _refuse(self, error: Exception) -> None:
        """There is no connection: answer everything, until closed, with the reason."""
        while (operation := self._queue.get()) is not None:
            operation.error = _translated(error)
            _answer([operation])

    def _gather(self, batch: list[_Operation]) -> bool:
        """Add what is already waiting; true when closing was among it."""
        while len(batch) < BATCH:
            try:
                operation = self._queue.get_nowait()
            except queue.Empty:
                return False
            if operation is None:
                return True
            batch.append(operation)
        return False

    def _commit(self, db: Database, batch: list[_Operation]) -> None:
        try:
            db.execute("BEGIN IMMEDIATE")
            for operation in batch:
                _attempt(db, operation)
            db.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 -- whatever broke the commit is the answer of each operation in it
            with suppress(sqlite3.Error):
                db.rollback()
            for operation in batch:
                operation.error = operation.error or _translated(error)


def _attempt(db: Database, operation: _Operation) -> None:
    try:
        with db.atomic():
            operation.result = operation.work(db)
    except Exception as error:
        if not db.conn.in_transaction:
            raise  # the whole transaction went with it: nothing of this batch is stored
        operation.error = _translated(error)


def _translated(error: Exception) -> Exception:
    """A broken constraint is the operation's fault, every other complaint of SQLite the disk's."""
    if isinstance(error, sqlite3.Error) and not isinstance(error, sqlite3.IntegrityError):
        unavailable = StoreUnavailable(str(error))
        unavailable.__cause__ = error
        return unavailable
    return error


def _answer(batch: list[_Operation]) -> None:
    loops = {operation.loop for operation in batch}
    for loop in loops:
        mine = [operation for operation in batch if operation.loop is loop]
        if not loop.is_closed():
            loop.call_soon_threadsafe(_settle, mine)


def _settle(batch: list[_Operation]) -> None:
    for operation in batch:
        if operation.done.done():
            continue  # whoever asked was cancelled; what it asked for is stored all the same
        if operation.error is not None:
            operation.done.set_exception(operation.error)
        else:
            operation.done.set_result(operation.result)
