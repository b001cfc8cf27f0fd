"""The tables, each version a named step. A new database replays them all, so there is no second schema to drift."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlite_utils import Migrations

if TYPE_CHECKING:
    from sqlite_utils import Database

migrations = Migrations("understudy")


class NewerDatabase(Exception):
    """The database was written by a newer version of this program; nothing was touched."""


@migrations()
def m001_jobs(db: Database) -> None:
    """The row is the job; facts that go together are paired by CHECK constraints."""
    db.execute(
        """
        CREATE TABLE job (
            id TEXT PRIMARY KEY,
            key TEXT NOT NULL UNIQUE,
            state TEXT NOT NULL CHECK (state IN ('queued', 'ready', 'submitting', 'rendering', 'rendered',
                                                 'delivered', 'failed', 'cancelled')),
            revision INTEGER NOT NULL,
            failures INTEGER NOT NULL,
            created_at REAL NOT NULL,
            due_at REAL NOT NULL,
            ask TEXT,
            kind TEXT NOT NULL,
            team TEXT NOT NULL,
            requester TEXT NOT NULL,
            parent TEXT,
            cancel_by TEXT,
            too_late INTEGER NOT NULL,
            wanted TEXT NOT NULL,
            place TEXT NOT NULL,
            image TEXT,
            video TEXT,
            doubts INTEGER NOT NULL,
            epoch INTEGER NOT NULL,
            submitting_at REAL,
            task_id TEXT UNIQUE,
            task_started_at REAL,
            task_ended_at REAL,
            result TEXT,
            delivery TEXT NOT NULL,
            failure TEXT,
            cancelled_by TEXT,
            CHECK (state NOT IN ('ready', 'submitting', 'rendering', 'rendered', 'delivered')
                   OR (image IS NOT NULL AND video IS NOT NULL)),
            CHECK (state != 'submitting' OR submitting_at IS NOT NULL),
            CHECK (state NOT IN ('rendering', 'rendered', 'delivered') OR task_id IS NOT NULL),
            CHECK (state NOT IN ('rendered', 'delivered') OR result IS NOT NULL),
            CHECK ((state = 'failed') = (failure IS NOT NULL)),
            CHECK ((state = 'cancelled') = (cancelled_by IS NOT NULL)),
            CHECK (ask IS NULL OR state NOT IN ('delivered', 'failed', 'cancelled'))
        ) STRICT
        """
    )
    # Finished jobs are only ever read by id or by person, so they stay out of this index.
    db.execute("CREATE INDEX job_due ON job (due_at) WHERE state NOT IN ('delivered', 'failed', 'cancelled')")
    db.execute("CREATE INDEX job_requester ON job (team, requester, created_at)")


@migrations()
def m002_events(db: Database) -> None:
    """Every move of every job: what the card, the estimate and support read."""
    db.execute(
        """
        CREATE TABLE event (
            id INTEGER PRIMARY KEY,
            job_id TEXT NOT NULL REFERENCES job (id),
            at REAL NOT NULL,
            state TEXT NOT NULL,
            who TEXT NOT NULL,
            note TEXT NOT NULL
        ) STRICT
        """
    )
    db.execute("CREATE INDEX event_job ON event (job_id, id)")


@migrations()
def m003_addresses(db: Database) -> None:
    """Expiry, revocation and access log of an address given away are one row."""
    db.execute(
        """
        CREATE TABLE address (
            token TEXT PRIMARY KEY,
            job_id TEXT NOT NULL REFERENCES job (id),
            epoch INTEGER NOT NULL,
            role TEXT NOT NULL CHECK (role IN ('image', 'video')),
            url TEXT NOT NULL,
            expires_at REAL NOT NULL,
            revoked_at REAL,
            first_fetch_at REAL,
            fetches INTEGER NOT NULL DEFAULT 0,
            size INTEGER NOT NULL,
            served TEXT NOT NULL DEFAULT '[]',
            whole_at REAL,
            CHECK ((fetches = 0) = (first_fetch_at IS NULL))
        ) STRICT
        """
    )
    db.execute("CREATE UNIQUE INDEX address_job ON address (job_id, epoch, role) WHERE revoked_at IS NULL")


@migrations()
def m004_cards(db: Database) -> None:
    """The one message per job: where it is, which revision it shows, whether the requester was told of the end."""
    db.execute(
        """
        CREATE TABLE card (
            job_id TEXT PRIMARY KEY REFERENCES job (id),
            channel TEXT NOT NULL,
            ts TEXT NOT NULL,
            direct INTEGER NOT NULL DEFAULT 0,
            shown INTEGER NOT NULL DEFAULT -1,
            told INTEGER NOT NULL DEFAULT 0
        ) STRICT
        """
    )


@migrations()
def m005_meta(db: Database) -> None:
    """What is known beside the jobs, by name."""
    db.execute("CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT")


@migrations()
def m006_history(db: Database) -> None:
    """What the line and the estimate look at stands in columns of its own."""
    db.execute("ALTER TABLE job ADD COLUMN quality TEXT NOT NULL DEFAULT 'standard'")
    db.execute("ALTER TABLE job ADD COLUMN seconds REAL NOT NULL DEFAULT 0")
    db.execute(
        """
        UPDATE job SET quality = json_extract(wanted, '$.quality'),
                       seconds = coalesce(json_extract(video, '$.seconds'), 0.0)
        """
    )
    db.execute("CREATE INDEX job_history ON job (kind, quality, task_ended_at) WHERE task_ended_at IS NOT NULL")


@migrations()
def m007_attempts(db: Database) -> None:
    """Every paid call, so that a lost answer can be settled and no task is taken for another call's."""
    db.execute(
        """
        CREATE TABLE attempt (
            id INTEGER PRIMARY KEY,
            job_id TEXT NOT NULL REFERENCES job (id),
            epoch INTEGER NOT NULL,
            kind TEXT NOT NULL,
            account TEXT NOT NULL,
            began_at REAL NOT NULL,
            asked_at REAL,
            fate TEXT NOT NULL DEFAULT 'open' CHECK (fate IN ('open', 'taken', 'refused', 'void', 'doubt')),
            task_id TEXT UNIQUE,
            CHECK ((fate = 'taken') = (task_id IS NOT NULL))
        ) STRICT
        """
    )
    db.execute("CREATE UNIQUE INDEX attempt_open ON attempt (job_id) WHERE fate = 'open'")
    db.execute("CREATE INDEX attempt_job ON attempt (job_id)")
    db.execute("CREATE INDEX attempt_began ON attempt (kind, began_at)")
    # Of calls made before this table, only what the job's row says is known.
    db.execute(
        """
        INSERT INTO attempt (job_id, epoch, kind, account, began_at, asked_at, fate, task_id)
        SELECT id, epoch, kind, '', submitting_at, CASE WHEN ask = 'unclear' THEN submitting_at END,
               CASE WHEN task_id IS NOT NULL THEN 'taken' WHEN state = 'submitting' THEN 'open' ELSE 'doubt' END,
               task_id
        FROM job WHERE submitting_at IS NOT NULL
        """
    )


@migrations()
def m008_mending(db: Database) -> None:
    """What each file was when it came, and what was done to it. Of files looked at before, nothing was done."""
    db.execute("ALTER TABLE job ADD COLUMN image_mending TEXT")
    db.execute("ALTER TABLE job ADD COLUMN video_mending TEXT")


@migrations()
def m009_previews(db: Database) -> None:
    """The one reply that shows what will be sent: how far it got, and whether there is no more to be done."""
    db.execute(
        """
        CREATE TABLE preview (
            job_id TEXT PRIMARY KEY REFERENCES job (id),
            files TEXT NOT NULL DEFAULT '[]',
            completing_at REAL,
            tries INTEGER NOT NULL DEFAULT 0,
            ended INTEGER NOT NULL DEFAULT 0,
            CHECK (completing_at IS NULL OR files != '[]')
        ) STRICT
        """
    )


@migrations()
def m010_afterlife(db: Database) -> None:
    """What goes on after a job's end: its video is taken away, its card comes back once, and says what it said."""
    db.execute("ALTER TABLE job ADD COLUMN removing INTEGER NOT NULL DEFAULT 0")
    db.execute("CREATE INDEX job_removing ON job (due_at) WHERE removing = 1")
    db.execute("ALTER TABLE card ADD COLUMN lost INTEGER NOT NULL DEFAULT 0")
    db.execute("ALTER TABLE card ADD COLUMN says TEXT NOT NULL DEFAULT ''")


@migrations()
def m011_called(db: Database) -> None:
    """Which question the requester was called for: editing a card tells nobody."""
    db.execute("ALTER TABLE card ADD COLUMN called TEXT NOT NULL DEFAULT ''")


STEPS = (
    m001_jobs,
    m002_events,
    m003_addresses,
    m004_cards,
    m005_meta,
    m006_history,
    m007_attempts,
    m008_mending,
    m009_previews,
    m010_afterlife,
    m011_called,
)


def migrate(db: Database) -> None:
    """Bring the tables up to date, or refuse, untouched, a database that a newer version wrote."""
    newer = {step.name for step in migrations.applied(db)} - {step.__name__ for step in STEPS}
    if newer:
        raise NewerDatabase(f"the database was written by a newer version (steps {', '.join(sorted(newer))})")
    migrations.apply(db)
