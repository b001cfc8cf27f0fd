from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from builders import Clock, queued, rows

from bot.errors import StoreUnavailable
from bot.job import FINAL, JobState
from bot.store import NewerDatabase, Store
from bot.store.connection import connect
from bot.store.jobs import UNFINISHED
from bot.store.schema import STEPS, migrate, migrations

SCHEMA = "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY type, name"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "jobs.db"


def opened(path: Path) -> Store:
    return Store(path, clock=Clock())


def test_every_step_is_in_the_list_that_tells_newer_databases_apart() -> None:
    with closing(connect(Path(":memory:"))) as db:
        migrate(db)
        assert [step.name for step in migrations.applied(db)] == [step.__name__ for step in STEPS]


@pytest.mark.parametrize("stop", [step.__name__ for step in STEPS])
def test_a_database_of_any_earlier_version_becomes_the_same_as_a_new_one(path: Path, tmp_path: Path, stop: str) -> None:
    with closing(connect(path)) as db:
        migrations.apply(db, stop_before=stop)
    opened(path).close()
    opened(tmp_path / "new.db").close()
    assert rows(path, SCHEMA) == rows(tmp_path / "new.db", SCHEMA)


async def test_opening_again_keeps_everything(path: Path) -> None:
    with closing(opened(path)) as store:
        job = await store.jobs.add(queued())
    applied = rows(path, "SELECT * FROM _sqlite_migrations")
    with closing(opened(path)) as store:
        assert await store.jobs.get(job.id) == job
    assert rows(path, "SELECT * FROM _sqlite_migrations") == applied


def test_a_database_of_a_newer_version_is_refused_and_not_touched(path: Path) -> None:
    opened(path).close()
    with closing(sqlite3.connect(path)) as db:
        db.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('understudy', 'm099_x', '')"
        )
        db.execute("ALTER TABLE job ADD COLUMN later TEXT")
        db.commit()
    before = path.read_bytes()
    with pytest.raises(NewerDatabase, match="m099_x"):
        opened(path)
    assert path.read_bytes() == before
    assert rows(path, "SELECT later FROM job") == []


def test_what_is_no_database_is_not_overwritten(path: Path) -> None:
    path.write_bytes(b"somebody's notes, and no database at all" * 100)
    before = path.read_bytes()
    with pytest.raises(sqlite3.DatabaseError):
        opened(path)
    assert path.read_bytes() == before


def test_only_its_owner_reads_the_database(path: Path) -> None:
    """Response addresses and hosted addresses in it are secrets."""
    with closing(opened(path)):
        files = [path, *path.parent.glob("jobs.db-*")]
        assert len(files) >= 2
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_the_reader_cannot_write(path: Path) -> None:
    with closing(opened(path)) as store, pytest.raises(StoreUnavailable, match="readonly"):
        store._reader.execute("DELETE FROM job")


def test_unfinished_in_sql_is_what_is_not_final_in_the_table() -> None:
    with closing(sqlite3.connect(":memory:")) as db:
        states = [
            state
            for state in JobState
            if db.execute(f"SELECT {UNFINISHED} FROM (SELECT '{state}' AS state)").fetchone()[0]
        ]
    assert set(states) == set(JobState) - FINAL


def test_every_state_of_a_job_may_stand_in_the_table(path: Path) -> None:
    opened(path).close()
    (row,) = rows(path, "SELECT sql FROM sqlite_master WHERE name = 'job'")
    assert all(f"'{state}'" in row["sql"] for state in JobState)
