"""Where each job's card is, and which revision it shows. Kept apart from the job: showing changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlite_utils import Database

    from bot.store.writer import Writing


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A posted card: its message, and whether it went to the requester's direct messages for want of a better place."""

    channel: str
    ts: str
    direct: bool
    shown: int  # revision
    told: bool  # the requester was told of the end
    lost: int = 0  # how often somebody deleted it
    called: str = ""  # the question that the requester was last called for
    says: str = ""  # what it reads like, as a digest: an edit that changes nothing is left out


class Cards:
    """The card table."""

    def __init__(self, writer: Writing, reader: Database) -> None:
        self._writer = writer
        self._reader = reader

    async def get(self, job_id: str) -> Card | None:
        """Return the job's card, or None while it has none."""
        row = self._reader.execute("SELECT * FROM card WHERE job_id = :id", {"id": job_id}).fetchone()
        if row is None:
            return None
        return Card(
            channel=row["channel"],
            ts=row["ts"],
            direct=bool(row["direct"]),
            shown=row["shown"],
            told=bool(row["told"]),
            lost=row["lost"],
            called=row["called"],
            says=row["says"],
        )

    async def posted(self, job_id: str, *, channel: str, ts: str, direct: bool, shown: int, says: str = "") -> None:
        """Note a new card. Where there was one before, that one was lost."""
        sql = """INSERT INTO card (job_id, channel, ts, direct, shown, says)
                 VALUES (:id, :channel, :ts, :direct, :shown, :says)
                 ON CONFLICT (job_id) DO UPDATE SET channel = :channel, ts = :ts, direct = :direct, shown = :shown,
                     says = :says, lost = card.lost + 1"""
        facts = {"id": job_id, "channel": channel, "ts": ts, "direct": int(direct), "shown": shown, "says": says}
        await self._writer.run(lambda db: db.execute(sql, facts))

    async def shown(self, job_id: str, revision: int, *, says: str | None = None) -> None:
        """Note that the card shows this revision, and what it says. An older one never overwrites a newer one."""
        sql = """UPDATE card SET shown = :revision, says = coalesce(:says, says)
                 WHERE job_id = :id AND shown <= :revision"""
        facts = {"id": job_id, "revision": revision, "says": says}
        await self._writer.run(lambda db: db.execute(sql, facts))

    async def told(self, job_id: str) -> None:
        """Note that the requester was told of the end."""
        await self._writer.run(lambda db: db.execute("UPDATE card SET told = 1 WHERE job_id = :id", {"id": job_id}))

    async def called(self, job_id: str, question: str) -> None:
        """Note that the requester was called for this question."""
        sql = "UPDATE card SET called = :question WHERE job_id = :id"
        await self._writer.run(lambda db: db.execute(sql, {"id": job_id, "question": question}))

    async def unsettled(self) -> list[str]:
        """Return the jobs whose card does not show their last revision, or whose failure was not told."""
        sql = """SELECT job.id FROM job LEFT JOIN card ON card.job_id = job.id
                 WHERE card.job_id IS NULL OR card.shown < job.revision OR (job.state = 'failed' AND NOT card.told)
                 ORDER BY job.created_at"""
        return [row["id"] for row in self._reader.execute(sql)]
