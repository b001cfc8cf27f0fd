from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from builders import ADA, NOW, Clock, full_disk, in_state, on_writer, queued, rows

from bot.errors import StoreUnavailable
from bot.job import Job, JobState
from bot.store import Store
from bot.store.connection import connect
from bot.store.writer import BATCH, Writer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from sqlite_utils import Database


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "jobs.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with closing(Store(path, clock=Clock())) as opened:
        yield opened


@asynccontextmanager
async def commits(store: Store) -> AsyncIterator[list[str]]:
    """The COMMITs that SQLite itself executes on the writing connection, from now on."""
    seen: list[str] = []

    def trace(statement: str) -> None:
        if statement.upper().startswith("COMMIT"):
            seen.append(statement)

    await store._writer.run(lambda db: db.conn.set_trace_callback(trace))
    await store.check()  # the commit of the line above may still be counted
    seen.clear()
    yield seen
    await store._writer.run(lambda db: db.conn.set_trace_callback(None))


async def test_what_arrives_while_a_commit_is_under_way_shares_the_next_one(store: Store) -> None:
    async with commits(store) as seen:
        await asyncio.gather(*(store.jobs.add(queued()) for _ in range(300)))
        assert 1 <= len(seen) <= 30
    assert len(await store.jobs.unfinished()) == 300


async def test_one_after_the_other_has_a_commit_each(store: Store) -> None:
    """The counter above counts: who waits for each answer gets no shared commit."""
    async with commits(store) as seen:
        for _ in range(5):
            await store.jobs.add(queued())
        assert len(seen) == 5


async def test_no_commit_is_made_to_wait_for_more_than_its_share_of_a_flood(store: Store) -> None:
    started = threading.Event()
    release = threading.Event()

    def block(_: Database) -> None:
        started.set()
        release.wait(10)

    async with commits(store) as seen:
        blocked = asyncio.create_task(store._writer.run(block))
        await asyncio.to_thread(started.wait, 10)
        waiting = [asyncio.create_task(store.check()) for _ in range(2 * BATCH)]
        await asyncio.sleep(0)
        seen.clear()
        release.set()
        await asyncio.gather(blocked, *waiting)
        assert len(seen) == 3  # the blocked one, and two full ones


async def test_an_answer_is_given_only_when_others_can_read_what_was_stored(store: Store, path: Path) -> None:
    for _ in range(5):
        job = await store.jobs.add(queued())
        assert rows(path, f"SELECT id FROM job WHERE id = '{job.id}'")


async def test_the_writing_connection_waits_for_the_disk(store: Store) -> None:
    """A power cut must not forget a commit: 2 is FULL."""
    assert [tuple(row) for row in await on_writer(store, "PRAGMA synchronous")] == [(2,)]
    assert [tuple(row) for row in await on_writer(store, "PRAGMA journal_mode")] == [("wal",)]
    assert [tuple(row) for row in await on_writer(store, "PRAGMA foreign_keys")] == [(1,)]


async def test_a_broken_operation_fails_alone_in_a_shared_commit(store: Store, path: Path) -> None:
    broken = replace(in_state(JobState.RENDERING), task_id=None)
    jobs = [queued() for _ in range(10)]
    async with commits(store) as seen:
        results = await asyncio.gather(
            *(store.jobs.add(job) for job in [*jobs[:5], broken, *jobs[5:]]), return_exceptions=True
        )
        assert len(seen) <= 2  # they did share
    assert isinstance(results.pop(5), sqlite3.IntegrityError)
    assert results == jobs
    assert {row["id"] for row in rows(path, "SELECT id FROM job")} == {job.id for job in jobs}


async def test_what_an_operation_did_before_it_broke_is_undone(store: Store, path: Path) -> None:
    job = await store.jobs.add(queued())

    def half(db: Database) -> None:
        db.execute("UPDATE job SET failures = 99 WHERE id = :id", {"id": job.id})
        raise LookupError("in the middle")

    mine, other = await asyncio.gather(store._writer.run(half), store.jobs.add(queued()), return_exceptions=True)
    assert isinstance(mine, LookupError)
    assert isinstance(other, Job)
    assert rows(path, f"SELECT failures FROM job WHERE id = '{job.id}'") == [{"failures": 0}]


async def test_who_is_cancelled_while_waiting_has_its_work_stored_all_the_same(store: Store) -> None:
    started, release = threading.Event(), threading.Event()

    def block(_: Database) -> None:
        started.set()
        release.wait(10)

    blocked = asyncio.create_task(store._writer.run(block))
    await asyncio.to_thread(started.wait, 10)
    job = queued()
    waiting = asyncio.create_task(store.jobs.add(job))
    await asyncio.sleep(0)
    others = [asyncio.create_task(store.jobs.add(queued())) for _ in range(3)]
    await asyncio.sleep(0)
    waiting.cancel()
    release.set()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    async with asyncio.timeout(5):  # who shares the commit gets its answer
        await asyncio.gather(blocked, *others)
    assert await store.jobs.get(job.id) == job


async def test_closing_finishes_what_was_asked_for(path: Path) -> None:
    store = Store(path, clock=Clock())
    jobs = [queued() for _ in range(20)]
    waiting = [asyncio.create_task(store.jobs.add(job)) for job in jobs]
    await asyncio.sleep(0)
    await asyncio.to_thread(store.close)
    assert await asyncio.gather(*waiting) == jobs
    assert len(rows(path, "SELECT id FROM job")) == 20


async def test_a_closed_store_takes_nothing_and_closing_again_is_harmless(path: Path) -> None:
    store = Store(path, clock=Clock())
    store.close()
    store.close()
    with pytest.raises(RuntimeError, match="closed"):
        await store.jobs.add(queued())


async def test_the_loop_goes_on_while_the_disk_is_slow(store: Store) -> None:
    slow = asyncio.create_task(store._writer.run(lambda _: time.sleep(0.2)))
    turns = 0
    while not slow.done():
        await asyncio.sleep(0.01)
        turns += 1
    await slow
    assert turns >= 5


async def test_a_full_database_says_so_and_works_again_when_there_is_room(store: Store, path: Path) -> None:
    kept = await store.jobs.add(queued())
    (row,) = await on_writer(store, "PRAGMA page_count")
    await on_writer(store, f"PRAGMA max_page_count = {row[0]}")
    results = await asyncio.gather(*(store.jobs.add(_heavy()) for _ in range(5)), return_exceptions=True)
    assert all(isinstance(result, StoreUnavailable) for result in results)
    assert [job.id for job in await store.jobs.unfinished()] == [kept.id]  # reading works meanwhile
    await on_writer(store, "PRAGMA max_page_count = 1000000")
    again = await store.jobs.add(_heavy())
    assert {row["id"] for row in rows(path, "SELECT id FROM job")} == {kept.id, again.id}


def _heavy() -> Job:
    job = queued()
    return replace(job, place=replace(job.place, thread="x" * 20_000))


async def test_a_disk_that_takes_nothing_more_fails_every_write_and_spoils_none(store: Store, path: Path) -> None:
    job = await store.jobs.add(queued())
    with full_disk(path):
        with pytest.raises(StoreUnavailable):
            await store.jobs.save(job, job.cancelled(ADA, now=NOW))
        results = await asyncio.gather(*(store.jobs.add(queued()) for _ in range(20)), return_exceptions=True)
        assert all(isinstance(result, StoreUnavailable) for result in results)
        assert await store.jobs.get(job.id) == job
    assert (await store.jobs.save(job, job.cancelled(ADA, now=NOW))).state is JobState.CANCELLED
    assert len(rows(path, "SELECT id FROM job")) == 1


async def test_the_check_fails_while_no_row_can_be_written(store: Store, path: Path) -> None:
    await store.jobs.add(queued())
    await store.check()
    with full_disk(path), pytest.raises(StoreUnavailable):
        await store.check()
    await store.check()


async def test_whether_anything_can_be_stored_is_asked_only_after_something_was_not(store: Store, path: Path) -> None:
    job = await store.jobs.add(queued())
    with full_disk(path):
        await store.sure()
        with pytest.raises(StoreUnavailable):
            await store.jobs.save(job, job.cancelled(ADA, now=NOW))
        for _ in range(2):
            with pytest.raises(StoreUnavailable):
                await store.sure()
    await store.sure()
    with full_disk(path):
        await store.sure()


async def test_a_locked_database_is_unavailable_and_comes_back(path: Path) -> None:
    Store(path, clock=Clock()).close()

    def impatient() -> Any:
        db = connect(path)
        db.execute("PRAGMA busy_timeout = 50")
        return db

    writer = Writer(impatient)
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match="locked"):
            await writer.run(lambda db: db.execute("DELETE FROM card"))
        other.rollback()
    await writer.run(lambda db: db.execute("DELETE FROM card"))
    writer.close()
