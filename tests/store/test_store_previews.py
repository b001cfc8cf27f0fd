from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from builders import ADA, NOW, Clock, as_it_came, in_state, order, queued, rows

from bot.job import Input, JobState, Media, Mend, Mending
from bot.order import Fit, Role
from bot.store import Preview, Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILM = Media(format="mov", size=900, width=640, height=360, seconds=45.0, fps=30.0, codec="hevc", hdr=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "jobs.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with closing(Store(path, clock=Clock())) as opened:
        yield opened


async def test_a_preview_is_kept_until_it_ended(store: Store) -> None:
    job = await store.jobs.add(in_state(JobState.READY))
    assert await store.previews.get(job.id) == Preview()
    await store.previews.completing(job.id, ["F1", "F2"], at=NOW)
    await store.previews.failed(job.id)
    assert await store.previews.get(job.id) == Preview(files=("F1", "F2"), completing_at=NOW, tries=1)
    await store.previews.completing(job.id, ["F1", "F2"], at=NOW + 30)
    await store.previews.end(job.id)
    assert await store.previews.get(job.id) == Preview(files=("F1", "F2"), completing_at=NOW + 30, tries=1, ended=True)


async def test_uploads_that_are_gone_are_forgotten(store: Store) -> None:
    job = await store.jobs.add(in_state(JobState.READY))
    await store.previews.completing(job.id, ["F1", "F2"], at=NOW)
    await store.previews.failed(job.id, over=True)
    assert await store.previews.get(job.id) == Preview(tries=1)


async def test_what_may_have_been_shown_is_open_even_after_the_jobs_end(store: Store) -> None:
    kept = [await store.jobs.add(in_state(state)) for state in JobState]
    assert await store.previews.open() == [
        job.id for job in kept if job.state in {JobState.READY, JobState.SUBMITTING, JobState.RENDERING}
    ]
    delivered = kept[list(JobState).index(JobState.DELIVERED)]
    await store.previews.completing(delivered.id, ["F1"], at=NOW)
    assert delivered.id in await store.previews.open()
    for job in kept:
        await store.previews.end(job.id)
    assert await store.previews.open() == []


async def test_an_order_with_a_part_and_a_mended_file_come_back_as_they_were(store: Store) -> None:
    job = await store.jobs.add(queued(order=order(start=5.5, length=10.0, fit=Fit.CROP)))
    assert await store.jobs.get(job.id) == job
    assert job.order != order()
    video = Input(media=FILM, mending=Mending(original=FILM, mends=(Mend("cut", "45 s", "0–30 s"), Mend("turned"))))
    job = await store.jobs.save(job, job.checked(as_it_came(FILM), video, now=NOW))
    assert await store.jobs.get(job.id) == job


async def test_a_row_from_before_there_was_mending_reads_as_left_as_it_is(store: Store, path: Path) -> None:
    job = await store.jobs.add(in_state(JobState.READY))
    old = "json_remove(wanted, '$.start', '$.length', '$.fit')"
    bare = "json_remove({0}, '$.codec', '$.hdr', '$.variable')"
    sql = f"UPDATE job SET image_mending = NULL, video_mending = NULL, wanted = {old}, video = {bare.format('video')}"
    await store._writer.run(lambda db: db.execute(sql))
    read = await store.jobs.get(job.id)
    assert "start" not in rows(path, "SELECT wanted FROM job")[0]["wanted"]
    assert (read.order, read.video) == (job.order, job.video)
    for role in ("image", "video"):
        assert getattr(read, f"{role}_mending") is None
    assert read.input(Role.VIDEO) == as_it_came(job.video or FILM)


async def test_only_the_first_few_files_are_looked_at_at_once(store: Store) -> None:
    waiting = [await store.jobs.add(queued(due_at=NOW + number / 10)) for number in range(4)]
    rendered = await store.jobs.add(in_state(JobState.RENDERED, due_at=NOW + 1))
    assert await store.jobs.due(NOW + 5, checks=2) == [rendered.id, waiting[0].id, waiting[1].id]
    await store.jobs.save(waiting[0], waiting[0].cancelled(ADA, now=NOW))
    assert await store.jobs.due(NOW + 5, checks=2) == [rendered.id, waiting[1].id, waiting[2].id]
