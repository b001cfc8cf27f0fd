"""Jobs and their events in SQL. Nothing beyond ``ON CONFLICT`` and ``RETURNING``: it must stay portable."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bot.errors import NoSuchJob, StaleJob
from bot.estimate import REMEMBERED, Sample
from bot.job import JobState
from bot.order import Kind, Quality
from bot.queue import Turn, may_submit
from bot.store import attempts
from bot.store.rows import COLUMNS, SELECT, from_row, to_row

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlite_utils import Database

    from bot.job import Job
    from bot.store.writer import Writing

UNFINISHED = "state NOT IN ('delivered', 'failed', 'cancelled')"


@dataclass(frozen=True, slots=True)
class Event:
    """One move of a job: into which state, when, who made it and what was learned."""

    at: float
    state: JobState
    who: str
    note: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Glance:
    """A job under way, from afar."""

    id: str
    kind: Kind
    state: JobState
    asks: bool


# By place and without RETURNING: an order takes half of the time so, and somebody waits for it.
_INSERT = f"""INSERT INTO job ({", ".join(COLUMNS)}) VALUES ({", ".join("?" * len(COLUMNS))})
              ON CONFLICT (key) DO NOTHING"""  # noqa: S608 -- our own column names
_UPDATE = f"""UPDATE job SET {", ".join(f"{name} = :{name}" for name in COLUMNS if name != "id")}
              WHERE id = :id AND revision = :read"""  # noqa: S608 -- our own column names


class Jobs:
    """The job table. Writing waits for the disk, reading does not wait at all."""

    def __init__(self, writer: Writing, reader: Database, clock: Callable[[], float]) -> None:
        self._writer = writer
        self._reader = reader
        self._clock = clock

    async def add(self, job: Job) -> Job:
        """Store a new job and return it; a request that was stored before returns the job it made then."""
        now, row = self._clock(), list(to_row(job).values())

        def insert(db: Database) -> Job:
            if db.execute(_INSERT, row).rowcount == 0:
                known = db.execute(f"{SELECT} WHERE key = :key", {"key": job.key}).fetchone()
                return from_row(known)
            _record(db, job, now, job.place.user, {"parent": job.parent} if job.parent else {})
            return job

        return await self._writer.run(insert)

    async def save(self, old: Job, new: Job, *, who: str = "", note: Mapping[str, Any] | None = None) -> Job:
        """Write ``new`` only if the row still is ``old``; raises StaleJob otherwise."""
        now = self._clock()
        return await self._writer.run(lambda db: _save(db, old, new, now, who=who, note=note))

    async def claim(
        self, old: Job, new: Job, *, places: int, account: str = "", began_at: float | None = None
    ) -> Job | None:
        """Save like ``save``, but only if it is this job's turn at this very moment; None if it is not.

        Notes the paid call that follows: by which key, and at which instant of the service's clock.
        """
        now = self._clock()

        def claim(db: Database) -> Job | None:
            if not may_submit(_turns(db, old.order.kind, now), old.id, places):
                return None
            saved = _save(db, old, new, now, who="", note=None)
            attempts.begin(db, saved, account=account, began_at=now if began_at is None else began_at)
            return saved

        return await self._writer.run(claim)

    async def get(self, job_id: str) -> Job:
        """Return the job as it is now, or raise NoSuchJob."""
        row = self._reader.execute(f"{SELECT} WHERE id = :id", {"id": job_id}).fetchone()
        if row is None:
            raise NoSuchJob(job_id)
        return from_row(row)

    async def of_key(self, key: str) -> Job | None:
        """Return the job that this request made, if it made one."""
        row = self._reader.execute(f"{SELECT} WHERE key = :key", {"key": key}).fetchone()
        return None if row is None else from_row(row)

    async def due(self, now: float, *, checks: int) -> list[str]:
        """Return the jobs that have something to do. Those that are ready are the line's to move, not the clock's.

        Of those whose files are to be looked at only the first ``checks``: that takes long, and others must not wait.
        """
        sql = f"""SELECT id, due_at FROM job
                  WHERE {UNFINISHED} AND state NOT IN ('ready', 'queued') AND due_at <= :now
                  UNION ALL SELECT id, due_at FROM job WHERE removing = 1 AND due_at <= :now
                  ORDER BY due_at"""  # noqa: S608 -- a constant
        first = "SELECT id FROM job WHERE state = 'queued' AND due_at <= :now ORDER BY due_at, id LIMIT :checks"
        rows = [*self._reader.execute(sql, {"now": now})]
        rows += self._reader.execute(first, {"now": now, "checks": checks})
        return [row["id"] for row in rows]

    async def next_due(self, now: float) -> float | None:
        """Return when the clock has the next thing to do, if ever."""
        sql = f"""SELECT min(at) AS at FROM (
                      SELECT min(due_at) AS at FROM job WHERE {UNFINISHED} AND state != 'ready' AND due_at > :now
                      UNION ALL SELECT min(due_at) FROM job WHERE removing = 1 AND due_at > :now)"""  # noqa: S608 -- a constant
        at: float | None = self._reader.execute(sql, {"now": now}).fetchone()["at"]
        return at

    async def turns(self, kind: Kind, now: float) -> list[Turn]:
        """Return what the line of one model has to know of its jobs."""
        return _turns(self._reader, kind, now)

    async def lines(self, now: float) -> list[list[Turn]]:
        """Return the same for every model that has any, in one look."""
        found: defaultdict[str, list[Turn]] = defaultdict(list)
        for row in self._reader.execute(_TURNS, {"now": now}):
            found[row["kind"]].append(_turn(row))
        return list(found.values())

    async def history(self, kind: Kind, quality: Quality) -> list[Sample]:
        """Return how long the latest tasks of this kind took that gave a video, newest first."""
        sql = """SELECT seconds, task_ended_at - task_started_at AS took FROM job
                 WHERE kind = :kind AND quality = :quality AND task_ended_at > task_started_at
                 ORDER BY task_ended_at DESC LIMIT :limit"""
        facts = {"kind": str(kind), "quality": str(quality), "limit": REMEMBERED}
        return [Sample(row["seconds"], row["took"]) for row in self._reader.execute(sql, facts)]

    async def submitted(self) -> int:
        """Return how many tasks the service has of ours."""
        sql = f"SELECT count(*) AS number FROM job WHERE {UNFINISHED} AND state = 'rendering'"  # noqa: S608 -- a constant
        number: int = self._reader.execute(sql).fetchone()["number"]
        return number

    async def never_any(self) -> bool:
        """Return whether no job was ever stored here."""
        return self._reader.execute("SELECT 1 FROM job LIMIT 1").fetchone() is None

    async def unfinished(self) -> list[Job]:
        """Return every job that is still under way, oldest first."""
        sql = f"{SELECT} WHERE {UNFINISHED} ORDER BY created_at, id"
        return [from_row(row) for row in self._reader.execute(sql)]

    async def removing(self) -> list[Job]:
        """Return the jobs whose posted video is still to be taken away."""
        return [from_row(row) for row in self._reader.execute(f"{SELECT} WHERE removing = 1")]

    async def glances(self) -> list[Glance]:
        """Return of every job that is under way only what a card's turn depends on."""
        sql = f"SELECT id, kind, state, ask FROM job WHERE {UNFINISHED}"  # noqa: S608 -- a constant
        rows = self._reader.execute(sql)
        return [Glance(row["id"], Kind(row["kind"]), JobState(row["state"]), row["ask"] is not None) for row in rows]

    async def of_requester(self, team: str, user: str, *, limit: int, skip: int = 0) -> list[Job]:
        """Return a person's jobs, newest first, without the first ``skip``."""
        sql = f"""{SELECT} WHERE team = :team AND requester = :user
                  ORDER BY created_at DESC, id DESC LIMIT :limit OFFSET :skip"""
        rows = self._reader.execute(sql, {"team": team, "user": user, "limit": limit, "skip": skip})
        return [from_row(row) for row in rows]

    async def count(self, team: str, user: str) -> int:
        """Return how many jobs a person ever had."""
        sql = "SELECT count(*) AS number FROM job WHERE team = :team AND requester = :user"
        number: int = self._reader.execute(sql, {"team": team, "user": user}).fetchone()["number"]
        return number

    async def events(self, job_id: str) -> list[Event]:
        """Return a job's moves, in order."""
        sql = "SELECT at, state, who, note FROM event WHERE job_id = :id ORDER BY id"
        rows = self._reader.execute(sql, {"id": job_id})
        return [Event(row["at"], JobState(row["state"]), row["who"], json.loads(row["note"])) for row in rows]


def _save(db: Database, old: Job, new: Job, now: float, *, who: str, note: Mapping[str, Any] | None) -> Job:
    saved = replace(new, revision=old.revision + 1)
    if db.execute(_UPDATE, to_row(saved) | {"read": old.revision}).rowcount != 1:
        raise StaleJob(old.id)
    attempts.follow(db, old, saved, now)
    if new.state is not old.state or new.ask is not old.ask or who or note:
        _record(db, saved, now, who, note or {})
    return saved


def _record(db: Database, job: Job, now: float, who: str, note: Mapping[str, Any]) -> None:
    sql = "INSERT INTO event (job_id, at, state, who, note) VALUES (?, ?, ?, ?, ?)"
    db.execute(sql, (job.id, now, str(job.state), who, json.dumps(note)))


_TURNS = f"""
    SELECT id, requester, created_at, state, due_at, ask, kind, quality, seconds, submitting_at, task_started_at,
           (SELECT count(*) FROM address WHERE address.job_id = job.id AND address.epoch = job.epoch
               AND revoked_at IS NULL AND expires_at > :now) AS hosted
    FROM job WHERE {UNFINISHED} AND state != 'rendered'
"""  # noqa: S608 -- a constant


def _turns(db: Database, kind: Kind, now: float) -> list[Turn]:
    return [_turn(row) for row in db.execute(f"{_TURNS} AND kind = :kind", {"kind": str(kind), "now": now})]


def _turn(row: Mapping[str, Any]) -> Turn:
    return Turn(
        id=row["id"],
        requester=row["requester"],
        created_at=row["created_at"],
        state=JobState(row["state"]),
        due_at=row["due_at"],
        hosted=row["hosted"] == 2,
        asks=row["ask"] is not None,
        seconds=row["seconds"],
        quality=Quality(row["quality"]),
        submitted_at=row["submitting_at"],
        started_at=row["task_started_at"],
    )
