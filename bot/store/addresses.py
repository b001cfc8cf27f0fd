"""Addresses given away for a job's inputs. Expiry, revocation and access log are one row, so each is one statement."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.order import Role

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from sqlite_utils import Database

    from bot.hosting import Hosted
    from bot.job import Job
    from bot.store.writer import Writing


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """One address given away, and what became of it. ``token`` and ``url`` are secrets."""

    token: str
    job_id: str
    epoch: int
    role: Role
    url: str
    size: int
    expires_at: float
    revoked_at: float | None
    first_fetch_at: float | None
    whole_at: float | None  # when the last missing byte had been served

    def __repr__(self) -> str:
        return f"Address({self.job_id}, epoch {self.epoch}, {self.role})"


class Addresses:
    """The address table."""

    def __init__(self, writer: Writing, reader: Database, clock: Callable[[], float]) -> None:
        self._writer = writer
        self._reader = reader
        self._clock = clock

    async def add(self, job: Job, hosted: Mapping[Role, Hosted], sizes: Mapping[Role, int]) -> None:
        """Note the addresses of the job's present epoch, before anybody is told of them."""
        rows = [
            {
                "token": address.token,
                "job_id": job.id,
                "epoch": job.epoch,
                "role": str(role),
                "url": address.url,
                "expires_at": address.expires_at,
                "size": sizes[role],
            }
            for role, address in hosted.items()
        ]
        sql = """INSERT INTO address (token, job_id, epoch, role, url, expires_at, size)
                 VALUES (:token, :job_id, :epoch, :role, :url, :expires_at, :size)"""

        def insert(db: Database) -> None:
            _revoke(db, job.id, self._clock())  # an expired pair may still stand there
            for row in rows:
                db.execute(sql, row)

        await self._writer.run(insert)

    async def current(self, job: Job) -> dict[Role, Address]:
        """Return the good addresses of the job's present epoch."""
        now = self._clock()
        found = await self.of_epoch(job.id, job.epoch)
        return {a.role: a for a in found if a.revoked_at is None and a.expires_at > now}

    async def of_epoch(self, job_id: str, epoch: int) -> list[Address]:
        """Return every address of one attempt, good or not."""
        sql = "SELECT * FROM address WHERE job_id = :job_id AND epoch = :epoch"
        return [_address(row) for row in self._reader.execute(sql, {"job_id": job_id, "epoch": epoch})]

    async def find(self, token: str) -> Address | None:
        """Return the address with this token, good or not."""
        row = self._reader.execute("SELECT * FROM address WHERE token = :token", {"token": token}).fetchone()
        return None if row is None else _address(row)

    async def begin_fetch(self, token: str) -> bool:
        """Log a fetch, or return False because the address is no longer good. Nothing may be served before this."""
        sql = f"""UPDATE address SET fetches = fetches + 1, first_fetch_at = coalesce(first_fetch_at, :now)
                  WHERE {_GOOD}"""  # noqa: S608 -- a constant
        facts = {"token": token, "now": self._clock()}
        return await self._writer.run(lambda db: db.execute(sql, facts).rowcount == 1)

    async def served(self, token: str, start: int, end: int) -> None:
        """Log that bytes ``start`` to ``end`` (exclusive) went out."""

        def log(db: Database) -> None:
            row = db.execute("SELECT served, size FROM address WHERE token = :token", {"token": token}).fetchone()
            ranges = merged([*json.loads(row["served"]), [start, end]])
            whole = ranges == [[0, row["size"]]]
            sql = """UPDATE address SET served = :served,
                     whole_at = CASE WHEN :whole THEN coalesce(whole_at, :now) END WHERE token = :token"""
            facts = {"served": json.dumps(ranges), "whole": whole, "now": self._clock(), "token": token}
            db.execute(sql, facts)

        await self._writer.run(log)

    async def good(self, token: str) -> bool:
        """Return whether a fetch of this address would be admitted now."""
        facts = {"token": token, "now": self._clock()}
        return self._reader.execute(f"SELECT 1 FROM address WHERE {_GOOD}", facts).fetchone() is not None  # noqa: S608 -- a constant

    async def revoke(self, job_id: str, *, epoch: int | None = None) -> None:
        """Take away all of the job's addresses, or one attempt's: then they serve nothing. Safe to repeat."""
        now = self._clock()
        await self._writer.run(lambda db: _revoke(db, job_id, now, epoch))

    async def revoke_ended(self) -> None:
        """Take away what a process that died left good although its job has ended."""
        sql = """UPDATE address SET revoked_at = :now WHERE revoked_at IS NULL
                 AND job_id IN (SELECT id FROM job WHERE state IN ('delivered', 'failed', 'cancelled'))"""
        facts = {"now": self._clock()}
        await self._writer.run(lambda db: db.execute(sql, facts))


_GOOD = """token = :token AND revoked_at IS NULL AND expires_at > :now
           AND job_id IN (SELECT id FROM job WHERE state NOT IN ('delivered', 'failed', 'cancelled'))"""


def _revoke(db: Database, job_id: str, now: float, epoch: int | None = None) -> None:
    sql = """UPDATE address SET revoked_at = :now
             WHERE job_id = :job_id AND revoked_at IS NULL AND epoch = coalesce(:epoch, epoch)"""
    db.execute(sql, {"now": now, "job_id": job_id, "epoch": epoch})


def _address(row: Mapping[str, Any]) -> Address:
    names = ("token", "job_id", "epoch", "url", "size", "expires_at", "revoked_at", "first_fetch_at", "whole_at")
    return Address(role=Role(row["role"]), **{name: row[name] for name in names})


def merged(ranges: Sequence[list[int]]) -> list[list[int]]:
    """Return the same bytes as the fewest ranges, in order. Ends are exclusive."""
    result: list[list[int]] = []
    for start, end in sorted(ranges):
        if result and start <= result[-1][1]:
            result[-1][1] = max(result[-1][1], end)
        else:
            result.append([start, end])
    return result
