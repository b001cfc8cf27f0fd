from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from builders import ADA, NOW, Clock, in_state, queued

from bot.job import JobState
from bot.store import Card, Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def store(database: Path) -> Iterator[Store]:
    with closing(Store(database, clock=Clock())) as opened:
        yield opened


async def test_a_posted_card_is_found_again(store: Store) -> None:
    job = await store.jobs.add(queued())
    assert await store.cards.get(job.id) is None
    await store.cards.posted(job.id, channel="D1", ts="1.5", direct=True, shown=0)
    assert await store.cards.get(job.id) == Card(channel="D1", ts="1.5", direct=True, shown=0, told=False)


async def test_what_a_card_shows_never_goes_backwards(store: Store) -> None:
    job = await store.jobs.add(queued())
    await store.cards.posted(job.id, channel="C1", ts="1.5", direct=False, shown=1)
    for revision, shown in ((3, 3), (2, 3), (3, 3), (0, 3), (4, 4)):
        await store.cards.shown(job.id, revision)
        card = await store.cards.get(job.id)
        assert card is not None
        assert card.shown == shown


async def test_a_card_in_the_place_of_a_lost_one_tells_nobody_twice(store: Store) -> None:
    job = await store.jobs.add(queued())
    await store.cards.posted(job.id, channel="C1", ts="1.5", direct=False, shown=5)
    await store.cards.told(job.id)
    await store.cards.posted(job.id, channel="D1", ts="2.5", direct=True, shown=0)
    assert await store.cards.get(job.id) == Card(channel="D1", ts="2.5", direct=True, shown=0, told=True, lost=1)


async def test_a_job_is_unsettled_until_its_card_shows_its_last_revision(store: Store) -> None:
    job = await store.jobs.add(queued())
    assert await store.cards.unsettled() == [job.id]
    await store.cards.posted(job.id, channel="C1", ts="1.5", direct=False, shown=0)
    assert await store.cards.unsettled() == []
    job = await store.jobs.save(job, job.cancelled(ADA, now=NOW))
    assert await store.cards.unsettled() == [job.id]
    await store.cards.shown(job.id, job.revision)
    assert await store.cards.unsettled() == []


async def test_a_failure_is_unsettled_until_its_requester_was_told(store: Store) -> None:
    job = await store.jobs.add(in_state(JobState.FAILED))
    await store.cards.posted(job.id, channel="C1", ts="1.5", direct=False, shown=0)
    assert await store.cards.unsettled() == [job.id]
    await store.cards.told(job.id)
    assert await store.cards.unsettled() == []


async def test_showing_changes_nothing_about_the_job(store: Store) -> None:
    job = await store.jobs.add(queued())
    await store.cards.posted(job.id, channel="C1", ts="1.5", direct=False, shown=0)
    await store.cards.told(job.id)
    assert await store.jobs.get(job.id) == job


async def test_unsettled_jobs_come_oldest_first(store: Store) -> None:
    jobs = [await store.jobs.add(queued(created_at=NOW - age)) for age in range(3)]
    assert await store.cards.unsettled() == [job.id for job in jobs[::-1]]
