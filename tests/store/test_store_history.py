from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from builders import NOW, VIDEO, Clock, in_state, order, queued, rows

from bot.estimate import REMEMBERED, Sample
from bot.job import Job, JobState
from bot.order import Kind, Quality
from bot.store import Store
from bot.store.connection import connect
from bot.store.rows import to_row
from bot.store.schema import migrations

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "jobs.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with closing(Store(path, clock=Clock())) as opened:
        yield opened


def finished(took: float, *, ended: float = NOW, state: JobState = JobState.DELIVERED, **asked: Any) -> Job:
    return in_state(state, order=order(**asked), task_started_at=ended - took, task_ended_at=ended)


async def test_what_tasks_took_is_told_newest_first(store: Store) -> None:
    for took, ended in [(100.0, NOW), (120.0, NOW + 20), (90.0, NOW + 10)]:
        await store.jobs.add(finished(took, ended=ended))
    found = await store.jobs.history(Kind.ANIMATE, Quality.STANDARD)
    assert found == [Sample(VIDEO.seconds, took) for took in (120.0, 90.0, 100.0)]


async def test_each_kind_and_quality_has_a_history_of_its_own(store: Store) -> None:
    for number, (kind, quality) in enumerate((kind, quality) for kind in Kind for quality in Quality):
        await store.jobs.add(finished(100.0 + number, kind=kind, quality=quality))
    found = [await store.jobs.history(kind, quality) for kind in Kind for quality in Quality]
    assert [[sample.took for sample in samples] for samples in found] == [[100.0], [101.0], [102.0], [103.0]]


async def test_a_video_that_is_still_being_posted_counts_and_what_gave_no_video_does_not(store: Store) -> None:
    await store.jobs.add(finished(100.0, state=JobState.RENDERED))
    await store.jobs.add(in_state(JobState.FAILED, task_started_at=NOW - 5))
    await store.jobs.add(in_state(JobState.RENDERING, task_started_at=NOW - 5))
    assert [sample.took for sample in await store.jobs.history(Kind.ANIMATE, Quality.STANDARD)] == [100.0]


async def test_a_task_without_a_beginning_teaches_nothing(store: Store) -> None:
    await store.jobs.add(in_state(JobState.DELIVERED, task_started_at=None, task_ended_at=NOW))
    await store.jobs.add(in_state(JobState.DELIVERED, task_started_at=NOW + 1, task_ended_at=NOW))
    assert await store.jobs.history(Kind.ANIMATE, Quality.STANDARD) == []


async def test_a_long_history_is_read_through_its_index(store: Store, path: Path) -> None:
    for number in range(REMEMBERED + 5):
        await store.jobs.add(finished(100.0, ended=NOW + number))
    assert len(await store.jobs.history(Kind.ANIMATE, Quality.STANDARD)) == REMEMBERED
    plan = rows(
        path,
        """EXPLAIN QUERY PLAN SELECT seconds FROM job WHERE kind = 'animate' AND quality = 'standard'
           AND task_ended_at > task_started_at ORDER BY task_ended_at DESC LIMIT 5""",
    )
    assert [step["detail"] for step in plan] == ["SEARCH job USING INDEX job_history (kind=? AND quality=?)"]


async def test_only_what_the_service_has_counts_as_submitted(store: Store) -> None:
    for state in JobState:
        await store.jobs.add(in_state(state))
    await store.jobs.add(in_state(JobState.RENDERING, order=order(kind=Kind.SWAP)))
    assert await store.jobs.submitted() == 2


async def test_the_line_knows_length_quality_and_beginning(store: Store) -> None:
    job = in_state(JobState.RENDERING, order=order(quality=Quality.PRO), task_started_at=NOW + 7)
    await store.jobs.add(replace(job, video=replace(VIDEO, seconds=12.5)))
    turn = (await store.jobs.turns(Kind.ANIMATE, NOW))[0]
    assert (turn.seconds, turn.quality, turn.started_at) == (12.5, Quality.PRO, NOW + 7)


async def test_a_database_from_before_there_was_a_history_has_one_afterwards(path: Path) -> None:
    jobs = [finished(100.0, quality=Quality.PRO), queued(order=order(quality=Quality.PRO))]
    with closing(connect(path)) as db:
        migrations.apply(db, stop_before="m006_history")
    with closing(sqlite3.connect(path)) as old, old:
        for job in jobs:
            later = {"quality", "seconds", "image_mending", "video_mending", "removing"}
            row = {name: value for name, value in to_row(job).items() if name not in later}
            names, marks = ", ".join(row), ", ".join(f":{name}" for name in row)
            old.execute(f"INSERT INTO job ({names}) VALUES ({marks})", row)
    with closing(Store(path, clock=Clock())) as store:
        assert await store.jobs.history(Kind.ANIMATE, Quality.PRO) == [Sample(VIDEO.seconds, 100.0)]
        assert [turn.quality for turn in await store.jobs.turns(Kind.ANIMATE, NOW)] == [Quality.PRO]


async def test_a_new_store_never_had_a_job_and_one_whose_jobs_have_ended_had(store: Store) -> None:
    assert await store.jobs.never_any()
    await store.jobs.add(in_state(JobState.CANCELLED))
    assert not await store.jobs.never_any()
