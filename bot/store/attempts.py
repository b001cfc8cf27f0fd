"""Every paid call and what became of it, and which API key is ours: a lost answer is settled by these."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.attempt import Attempt, Fate
from bot.failure import Spent
from bot.job import JobState
from bot.order import Kind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from typing import Any

    from sqlite_utils import Database

    from bot.job import Job
    from bot.store.writer import Writing
    from bot.task import ListedTask


class Attempts:
    """The table of paid calls. Claiming a job begins one, and whatever job is saved later ends it."""

    def __init__(self, writer: Writing, reader: Database) -> None:
        self._writer = writer
        self._reader = reader

    async def open(self, job_id: str) -> Attempt:
        """Return the call whose answer a submitting job waits for."""
        sql = "SELECT * FROM attempt WHERE job_id = :job_id AND fate = 'open'"
        row = self._reader.execute(sql, {"job_id": job_id}).fetchone()
        if row is None:
            raise ValueError("a submitting job has an open attempt")
        return _attempt(row)

    async def beside(self, attempt: Attempt, seconds: float) -> list[Attempt]:
        """Return the other calls for the same model, begun so close to this one, whose task nobody knows."""
        sql = """SELECT * FROM attempt WHERE kind = :kind AND id != :id AND fate IN ('open', 'void', 'doubt')
                 AND began_at BETWEEN :since AND :until"""
        facts = {"since": attempt.began_at - seconds, "until": attempt.began_at + seconds}
        rows = self._reader.execute(sql, facts | {"kind": str(attempt.kind), "id": attempt.id})
        return [_attempt(row) for row in rows]

    async def known(self, task_ids: Iterable[str]) -> set[str]:
        """Return which of these tasks are, or were, known as some job's."""
        sql = "SELECT 1 FROM attempt WHERE task_id = :id"
        return {task_id for task_id in task_ids if self._reader.execute(sql, {"id": task_id}).fetchone()}

    async def taken(self, job_id: str) -> int:
        """Return how many tasks of this job are known, all its attempts together."""
        sql = "SELECT count(*) AS n FROM attempt WHERE job_id = :job_id AND fate = 'taken'"
        count: int = self._reader.execute(sql, {"job_id": job_id}).fetchone()["n"]
        return count

    async def key_id(self, account: str) -> str | None:
        """Return what the service's list calls the API key of this account, once a task of ours was seen there."""
        row = self._reader.execute("SELECT value FROM meta WHERE key = :key", {"key": _KEY + account}).fetchone()
        return None if row is None else str(row["value"])

    async def learn(self, rows: Collection[ListedTask]) -> None:
        """Note the API key's id from listed tasks that we know to be ours: a call that was answered named them."""
        sql = "SELECT account FROM attempt WHERE task_id = :id AND account != ''"
        for row in rows:
            known = self._reader.execute(sql, {"id": row.id}).fetchone()
            if known is not None and row.api_key_id and await self.key_id(known["account"]) != row.api_key_id:
                await self._note(_KEY + known["account"], row.api_key_id)

    async def _note(self, key: str, value: str) -> None:
        sql = "INSERT INTO meta (key, value) VALUES (:key, :value) ON CONFLICT (key) DO UPDATE SET value = :value"
        await self._writer.run(lambda db: db.execute(sql, {"key": key, "value": value}))


_KEY = "api_key_id of "


def begin(db: Database, job: Job, *, account: str, began_at: float) -> None:
    """Note the call that the job, just saved as submitting, is about to make."""
    sql = """INSERT INTO attempt (job_id, epoch, kind, account, began_at)
             VALUES (:job_id, :epoch, :kind, :account, :began_at)"""
    facts = {"job_id": job.id, "epoch": job.epoch, "kind": str(job.order.kind)}
    db.execute(sql, facts | {"account": account, "began_at": began_at})


def follow(db: Database, old: Job, new: Job, now: float) -> None:
    """Note what a saved change of a submitting job says about its call."""
    if old.state is not JobState.SUBMITTING:
        return
    fate = _fate(old, new)
    asked_at = now if new.ask is not None and old.ask is None else None
    if fate is not Fate.OPEN or asked_at is not None:
        sql = """UPDATE attempt SET fate = :fate, task_id = :task_id, asked_at = coalesce(:asked_at, asked_at)
                 WHERE job_id = :job_id AND fate = 'open'"""
        facts = {"job_id": new.id, "task_id": new.task_id if fate is Fate.TAKEN else None}
        db.execute(sql, facts | {"fate": str(fate), "asked_at": asked_at})


def _fate(old: Job, new: Job) -> Fate:
    if new.state is JobState.SUBMITTING:
        return Fate.OPEN
    if new.task_id is not None:
        return Fate.TAKEN
    if new.doubts > old.doubts or new.spent is Spent.MAYBE:
        return Fate.DOUBT
    return Fate.VOID if new.epoch > old.epoch else Fate.REFUSED


def _attempt(row: Mapping[str, Any]) -> Attempt:
    names = ("id", "job_id", "epoch", "account", "began_at", "asked_at")
    return Attempt(kind=Kind(row["kind"]), fate=Fate(row["fate"]), **{name: row[name] for name in names})
