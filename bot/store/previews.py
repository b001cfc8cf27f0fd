"""How far the reply that shows a job's files got. Kept apart from the job: showing changes nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlite_utils import Database

    from bot.store.writer import Writing


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """One job's preview. ``files`` are saved before the call that makes them visible."""

    files: tuple[str, ...] = ()
    completing_at: float | None = None  # when that call was last about to be sent
    tries: int = 0  # that came to nothing
    ended: bool = False  # shown, or given up


class Previews:
    """The preview table. A job without a row has not begun with it."""

    def __init__(self, writer: Writing, reader: Database) -> None:
        self._writer = writer
        self._reader = reader

    async def get(self, job_id: str) -> Preview:
        """Return how far this job's preview is."""
        row = self._reader.execute("SELECT * FROM preview WHERE job_id = :id", {"id": job_id}).fetchone()
        if row is None:
            return Preview()
        return Preview(
            files=tuple(json.loads(row["files"])),
            completing_at=row["completing_at"],
            tries=row["tries"],
            ended=bool(row["ended"]),
        )

    async def completing(self, job_id: str, files: Sequence[str], *, at: float) -> None:
        """Note, before it happens, that these uploads may become visible from now on."""
        sql = """INSERT INTO preview (job_id, files, completing_at) VALUES (:id, :files, :at)
                 ON CONFLICT (job_id) DO UPDATE SET files = :files, completing_at = :at"""
        await self._write(sql, {"id": job_id, "files": json.dumps(files), "at": at})

    async def failed(self, job_id: str, *, over: bool = False) -> None:
        """Count a try that came to nothing; ``over``: its uploads are gone, the next one begins anew."""
        sql = """INSERT INTO preview (job_id, tries) VALUES (:id, 1)
                 ON CONFLICT (job_id) DO UPDATE SET tries = tries + 1,
                     files = CASE WHEN :over THEN '[]' ELSE files END,
                     completing_at = CASE WHEN :over THEN NULL ELSE completing_at END"""
        await self._write(sql, {"id": job_id, "over": int(over)})

    async def end(self, job_id: str) -> None:
        """Note that nothing more is to be done."""
        sql = """INSERT INTO preview (job_id, ended) VALUES (:id, 1)
                 ON CONFLICT (job_id) DO UPDATE SET ended = 1"""
        await self._write(sql, {"id": job_id})

    async def open(self) -> list[str]:
        """Return the jobs whose files are still to be shown, or were perhaps."""
        sql = """SELECT job.id FROM job LEFT JOIN preview ON preview.job_id = job.id
                 WHERE (job.state IN ('ready', 'submitting', 'rendering') AND NOT coalesce(preview.ended, 0))
                    OR (preview.completing_at IS NOT NULL AND NOT preview.ended)
                 ORDER BY job.created_at"""
        return [row["id"] for row in self._reader.execute(sql)]

    async def _write(self, sql: str, facts: dict[str, Any]) -> None:
        await self._writer.run(lambda db: db.execute(sql, facts))
