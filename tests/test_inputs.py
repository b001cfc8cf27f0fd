"""A job's files on their way in: brought, made to fit, thrown out, brought again."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from builders import Clock, order, queued, rows
from world import Files

from bot.errors import SpoolFull
from bot.failure import FailureCode
from bot.hosting.local import LocalHost
from bot.inputs import BESIDE_BYTES, Inputs, largest
from bot.job import Job, JobState
from bot.media.limits import LIMITS, MENDABLE
from bot.media.prepare import Preparer
from bot.moves import Moves
from bot.order import Role
from bot.progress import Progress
from bot.spool import Spool
from bot.store import Store


@dataclass
class Shelf:
    """Where these files come from."""

    files: Files
    fetched: int = 0

    async def fetch(self, job: Job, role: Role, to: Path, *, at_most: int) -> None:
        del job
        path = self.files.image if role is Role.IMAGE else self.files.video
        assert path.stat().st_size <= at_most
        shutil.copyfile(path, to)
        self.fetched += 1


@pytest.fixture
def store(database: Path) -> Iterator[Store]:
    with closing(Store(database, clock=Clock())) as opened:
        yield opened


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool", limit=10**9)


@pytest.fixture
def shelf(phone: Files) -> Shelf:
    return Shelf(phone)


@pytest.fixture
def progress() -> Progress:
    return Progress()


@pytest.fixture
def inputs(store: Store, spool: Spool, shelf: Shelf, progress: Progress) -> Inputs:
    return Inputs(
        source=shelf,
        preparer=Preparer(),
        host=LocalHost("https://bot.example", clock=Clock()),
        spool=spool,
        store=store,
        moves=Moves(store.jobs, changed=lambda _: None),
        progress=progress,
        clock=Clock(),
    )


async def test_what_fell_out_of_the_spool_is_brought_and_mended_again_to_the_same_files(
    inputs: Inputs, store: Store, spool: Spool, shelf: Shelf, tmp_path: Path
) -> None:
    job = await inputs.check(await store.jobs.add(queued(order=order(start=5.0, length=2.0))))
    assert job.state is JobState.READY
    before = {path.name: path.read_bytes() for path in (tmp_path / "spool" / job.id).iterdir()}
    assert set(before) == set(Role)
    spool.clear(job.id)
    await inputs.host(job)
    assert {path.name: path.read_bytes() for path in (tmp_path / "spool" / job.id).iterdir()} == before
    sizes = {row["role"]: row["size"] for row in rows(tmp_path / "jobs.db", "SELECT * FROM address")}
    assert sizes == {name: len(content) for name, content in before.items()}
    assert shelf.fetched == 4


async def test_what_is_still_there_is_not_brought_again(
    inputs: Inputs, store: Store, shelf: Shelf, media: Files
) -> None:
    shelf.files = media
    job = await inputs.check(await store.jobs.add(queued()))
    await inputs.host(job)
    assert shelf.fetched == 2


async def test_files_that_fit_reach_the_spool_byte_for_byte(
    inputs: Inputs, store: Store, spool: Spool, shelf: Shelf, media: Files
) -> None:
    shelf.files = media
    job = await inputs.check(await store.jobs.add(queued()))
    assert job.video_mending is not None
    assert (job.video_mending.original, job.video_mending.mends) == (job.video, ())
    assert spool.find(job.id, Role.VIDEO).read_bytes() == media.video.read_bytes()


async def test_a_job_that_is_worked_on_is_not_thrown_out_for_another(
    inputs: Inputs, store: Store, spool: Spool, progress: Progress
) -> None:
    job = await store.jobs.add(queued(order=order(length=4.0)))
    working = asyncio.create_task(inputs.check(job))
    async with asyncio.timeout(20):
        while progress.of(job.id) is None:  # noqa: ASYNC110 -- nobody tells
            await asyncio.sleep(0.01)
    with pytest.raises(SpoolFull):
        spool.make_room(spool.path("J9", "image"), 10**9, evictable=[job.id])
    assert (await working).state is JobState.READY
    assert progress.of(job.id) is None


@pytest.mark.parametrize("role", Role)
def test_what_leaves_no_room_for_its_mending_is_too_large(role: Role) -> None:
    assert largest(role, spool=5 * 10**9) == MENDABLE[role].size
    assert largest(role, spool=BESIDE_BYTES + 1000) == 1000
    assert MENDABLE[Role.IMAGE].size + LIMITS[Role.IMAGE].size + LIMITS[Role.VIDEO].size == BESIDE_BYTES


async def test_every_reason_of_both_files_is_in_the_failure(
    inputs: Inputs, store: Store, shelf: Shelf, tmp_path: Path
) -> None:
    for name in ("image", "video"):
        (tmp_path / name).write_bytes(b"nothing of the kind")
    shelf.files = Files(image=tmp_path / "image", video=tmp_path / "video")
    job = await inputs.check(await store.jobs.add(queued()))
    assert job.failure is not None
    assert job.failure.code is FailureCode.BAD_FILES
    assert [problem.role for problem in job.failure.problems] == [Role.IMAGE, Role.VIDEO]
