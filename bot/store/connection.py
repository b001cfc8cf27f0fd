"""Connections to the one database file."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

from sqlite_utils import Database

from bot.errors import StoreUnavailable

if TYPE_CHECKING:
    from pathlib import Path

BUSY_SECONDS = 10.0


class Reader(Database):
    """A connection that never writes; whatever SQLite complains of is StoreUnavailable."""

    def execute(self, sql: str, parameters: Any = None) -> sqlite3.Cursor:
        """Run a query."""
        try:
            return super().execute(sql, parameters)
        except sqlite3.Error as error:
            raise StoreUnavailable(str(error)) from error


def connect(path: Path, *, read_only: bool = False) -> Database:
    """Open the database for use by one thread at a time, whichever that is."""
    connection = sqlite3.connect(path, check_same_thread=False, timeout=BUSY_SECONDS)
    connection.row_factory = sqlite3.Row
    db = Reader(connection) if read_only else Database(connection)
    db.execute("PRAGMA journal_mode = WAL")
    # FULL, not the NORMAL usual with WAL: after a power cut NORMAL may forget the last commits,
    # and a forgotten "submitting" would pay for the same video twice.
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA foreign_keys = ON")
    if read_only:
        db.execute("PRAGMA query_only = ON")
    return db
