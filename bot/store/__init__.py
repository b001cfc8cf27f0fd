"""The tables, their migrations and the writer thread: the only room that speaks SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from bot.store.addresses import Address, Addresses
from bot.store.attempts import Attempts
from bot.store.cards import Card, Cards
from bot.store.connection import connect
from bot.store.jobs import Event, Glance, Jobs
from bot.store.previews import Preview, Previews
from bot.store.schema import NewerDatabase, migrate
from bot.store.writer import Writer, Writing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlite_utils import Database

__all__ = [
    "Address",
    "Addresses",
    "Attempts",
    "Card",
    "Cards",
    "Event",
    "Glance",
    "Jobs",
    "NewerDatabase",
    "Preview",
    "Previews",
    "Store",
]


class Store:
    """One SQLite file: jobs with their events and paid calls, addresses given away, cards, previews."""

    def __init__(self, path: Path, *, clock: Callable[[], float]) -> None:
        """Open the file, creating or migrating it; raises NewerDatabase, with nothing touched, for a newer one."""
        db = connect(path)
        try:
            migrate(db)
        finally:
            db.close()
        path.chmod(0o600)
        self._arrange(Writer(lambda: connect(path)), connect(path, read_only=True), clock)

    @classmethod
    def around(cls, writer: Writing, reader: Database, *, clock: Callable[[], float]) -> Self:
        """Return the tables of a database that is open and migrated already."""
        store = cls.__new__(cls)
        store._arrange(writer, reader, clock)  # noqa: SLF001 -- its own
        return store

    def _arrange(self, writer: Writing, reader: Database, clock: Callable[[], float]) -> None:
        self._writer = writer
        self._reader = reader
        self.jobs = Jobs(writer, reader, clock)
        self.addresses = Addresses(writer, reader, clock)
        self.attempts = Attempts(writer, reader)
        self.cards = Cards(writer, reader)
        self.previews = Previews(writer, reader)

    async def check(self) -> None:
        """Raise unless a row can be written right now."""
        # Each time another value: SQLite writes nothing at all for a row that stays as it is.
        sql = """INSERT INTO meta (key, value) VALUES ('checks', '0')
                 ON CONFLICT (key) DO UPDATE SET value = CAST(value AS INTEGER) + 1"""
        await self._writer.run(lambda db: db.execute(sql))

    async def sure(self) -> None:
        """Raise StoreUnavailable if the last change could not be stored and still nothing can.

        To be asked before anything is done that will have to be noted. What can't be noted is done again: large files
        brought and sent, a person told, every few seconds for as long as the disk is full.
        """
        if self._writer.in_doubt:
            await self.check()

    def close(self) -> None:
        """Finish what was asked for, then let the file go."""
        self._writer.close()
        self._reader.close()
