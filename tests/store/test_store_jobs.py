from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from builders import (
    ADA,
    BOB,
    EVERY_KIND_OF_JOB,
    NOW,
    QUICK,
    SIZES,
    TEAM,
    Clock,
    any_job,
    hosted,
    in_state,
    order,
    place,
    queued,
    rows,
    unclear,
)
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import NoSuchJob, StaleJob
from bot.failure import Failure, FailureCode, Problem, Spent
from bot.job import FINAL, Ask, Job, JobState, Media
from bot.order import Kind, Place, Quality, Role
from bot.store import Store
from bot.store.rows import from_row, to_row

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(database: Path, clock: Clock) -> Iterator[Store]:
    with closing(Store(database, clock=clock)) as opened:
        yield opened


@pytest.mark.parametrize("kind", EVERY_KIND_OF_JOB)
async def test_a_job_comes_back_as_it_was_stored(store: Store, kind: JobState | Ask) -> None:
    job = any_job(kind, cancel_by=BOB, too_late=True, parent="J0", doubts=2, epoch=3, failures=4)
    await store.jobs.add(job)
    assert await store.jobs.get(job.id) == job


WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
MEDIA = st.builds(
    Media,
    format=WORDS,
    size=st.integers(0, 2**40),
    width=st.integers(0, 9999),
    height=st.integers(0, 9999),
    seconds=st.floats(0, 1e6),
    fps=st.floats(0, 1e3),
    sound=st.booleans(),
)
FAILURES = st.builds(
    Failure,
    st.sampled_from(FailureCode),
    WORDS,
    st.lists(st.builds(Problem, st.sampled_from(Role), WORDS, WORDS, WORDS), max_size=3).map(tuple),
    st.sampled_from(Spent),
)


@QUICK
@given(MEDIA, FAILURES, st.builds(Place, team=WORDS, channel=WORDS, user=WORDS, response_url=st.none() | WORDS))
def test_every_row_reads_back_as_its_job(media: Media, failure: Failure, place: Place) -> None:
    job = in_state(JobState.FAILED, image=media, video=media, failure=failure, place=place)
    assert from_row(to_row(job).values()) == job


async def test_adding_twice_with_one_key_returns_the_first_job_and_stores_no_second(store: Store) -> None:
    first = await store.jobs.add(queued(key="view:1:U"))
    second = await store.jobs.add(queued(key="view:1:U", order=order(kind=Kind.SWAP)))
    assert second == first
    assert [job.id for job in await store.jobs.unfinished()] == [first.id]
    assert len(await store.jobs.events(first.id)) == 1


async def test_fifty_requests_with_one_key_at_once_make_one_job(store: Store) -> None:
    made = await asyncio.gather(*(store.jobs.add(queued(key="same")) for _ in range(50)))
    assert len({job.id for job in made}) == 1


async def test_a_request_repeated_later_returns_the_job_as_it_stands_now(store: Store) -> None:
    job = await store.jobs.add(queued(key="same"))
    moved = await store.jobs.save(job, job.cancelled(ADA, now=NOW))
    assert await store.jobs.add(queued(key="same")) == moved


async def test_an_unknown_job_is_told_apart(store: Store) -> None:
    with pytest.raises(NoSuchJob, match="J0"):
        await store.jobs.get("J0")


async def test_saving_counts_the_revision_up(store: Store) -> None:
    job = await store.jobs.add(queued())
    first = await store.jobs.save(job, job.stay(due_at=NOW + 1))
    second = await store.jobs.save(first, first.stay(due_at=NOW + 2))
    assert (job.revision, first.revision, second.revision) == (0, 1, 2)
    assert await store.jobs.get(job.id) == second


async def test_a_stale_save_changes_nothing(store: Store) -> None:
    job = await store.jobs.add(queued())
    current = await store.jobs.save(job, job.stay(due_at=NOW + 1))
    events = await store.jobs.events(job.id)
    with pytest.raises(StaleJob):
        await store.jobs.save(job, job.cancelled(ADA, now=NOW), who=ADA, note={"late": True})
    assert await store.jobs.get(job.id) == current
    assert await store.jobs.events(job.id) == events


async def test_of_many_who_save_the_same_revision_exactly_one_wins(store: Store) -> None:
    job = await store.jobs.add(queued())
    saves = (store.jobs.save(job, job.stay(due_at=NOW + n)) for n in range(50))
    results = await asyncio.gather(*saves, return_exceptions=True)
    assert sum(isinstance(result, Job) for result in results) == 1
    assert sum(isinstance(result, StaleJob) for result in results) == 49
    assert (await store.jobs.get(job.id)).revision == 1


async def test_every_move_is_an_event_and_a_mere_wait_is_none(store: Store, clock: Clock) -> None:
    job = await store.jobs.add(queued())
    clock.now = NOW + 10
    job = await store.jobs.save(job, in_state(JobState.READY, id=job.id, key=job.key))
    clock.now = NOW + 20
    job = await store.jobs.save(job, job.stay(due_at=NOW + 99))
    job = await store.jobs.save(job, job.stay(due_at=NOW + 99, cancel_by=BOB), who=BOB)
    job = await store.jobs.save(job, job.stay(due_at=NOW + 99), note={"learned": [1, "é"]})
    events = await store.jobs.events(job.id)
    assert [(e.at - NOW, e.state, e.who, e.note) for e in events] == [
        (0, JobState.QUEUED, ADA, {}),
        (10, JobState.READY, "", {}),
        (20, JobState.READY, BOB, {}),
        (20, JobState.READY, "", {"learned": [1, "é"]}),
    ]


async def test_a_question_that_opens_or_closes_is_an_event(store: Store) -> None:
    job = await store.jobs.add(in_state(JobState.SUBMITTING))
    job = await store.jobs.save(job, job.unclear(due_at=NOW + 5))
    await store.jobs.save(job, job.again_at_risk(now=NOW))
    assert [e.state for e in await store.jobs.events(job.id)] == [
        JobState.SUBMITTING,
        JobState.SUBMITTING,
        JobState.READY,
    ]


async def test_what_is_not_ready_is_due_by_the_clock_and_what_ended_never(store: Store) -> None:
    jobs = {kind: await store.jobs.add(any_job(kind, due_at=NOW - 1)) for kind in EVERY_KIND_OF_JOB}
    later = await store.jobs.add(queued(due_at=NOW + 50))
    due = await store.jobs.due(NOW, checks=9)
    expected = {
        job.id for kind, job in jobs.items() if kind not in FINAL and job.state is not JobState.READY and job.due_at
    }
    assert set(due) == expected
    assert later.id not in due
    assert later.id in await store.jobs.due(NOW + 50, checks=9)


async def test_due_jobs_come_longest_waiting_first(store: Store) -> None:
    later = await store.jobs.add(queued(due_at=NOW - 1))
    earlier = await store.jobs.add(queued(due_at=NOW - 2))
    assert await store.jobs.due(NOW, checks=9) == [earlier.id, later.id]


async def test_the_next_time_is_the_nearest_one_to_come_and_none_if_there_is_none(store: Store) -> None:
    assert await store.jobs.next_due(NOW) is None
    for due_at in (NOW - 5, NOW + 30, NOW + 20):
        await store.jobs.add(queued(due_at=due_at))
    await store.jobs.add(in_state(JobState.READY, due_at=NOW + 1))  # the line's to move
    await store.jobs.add(in_state(JobState.FAILED, due_at=NOW + 2))
    assert await store.jobs.next_due(NOW) == NOW + 20


async def test_people_see_their_own_jobs_newest_first(store: Store) -> None:
    own = [await store.jobs.add(queued(created_at=NOW + n)) for n in range(4)]
    await store.jobs.add(queued(place=place(user=BOB)))
    await store.jobs.add(queued(place=place(team="T0OTHER")))
    found = await store.jobs.of_requester(TEAM, ADA, limit=3)
    assert [job.id for job in found] == [job.id for job in own[:0:-1]]


async def test_unfinished_jobs_are_all_but_the_ended_ones_oldest_first(store: Store) -> None:
    for age, kind in enumerate(EVERY_KIND_OF_JOB):
        await store.jobs.add(any_job(kind, created_at=NOW - age))
    found = await store.jobs.unfinished()
    assert len(found) == len(EVERY_KIND_OF_JOB) - len(FINAL)
    assert not any(job.final for job in found)
    assert [job.created_at for job in found] == sorted(job.created_at for job in found)


async def _ready(store: Store, **changes: Any) -> Job:
    job = await store.jobs.add(in_state(JobState.READY, **changes))
    await store.addresses.add(job, hosted(job.id), SIZES)
    return job


async def test_only_one_job_of_fifty_gets_to_make_the_paid_call(store: Store) -> None:
    jobs = [await _ready(store, created_at=NOW + n, place=place(user=f"U{n % 7}")) for n in range(50)]
    claims = await asyncio.gather(*(store.jobs.claim(job, job.submitting(now=NOW), places=50) for job in jobs))
    assert sum(claim is not None for claim in claims) == 1
    assert len(rows(store_path(store), "SELECT id FROM job WHERE state = 'submitting'")) == 1


async def test_fifty_claims_of_one_job_let_it_be_submitted_once(store: Store) -> None:
    job = await _ready(store)
    claims = (store.jobs.claim(job, job.submitting(now=NOW), places=3) for _ in range(50))
    results = await asyncio.gather(*claims, return_exceptions=True)
    assert sum(isinstance(result, Job) for result in results) == 1
    assert all(result is None or isinstance(result, Job | StaleJob) for result in results)
    assert (await store.jobs.get(job.id)).revision == 1


async def test_places_are_never_overfilled_however_often_is_asked(store: Store) -> None:
    jobs = [await _ready(store, created_at=NOW + n, place=place(user=f"U{n}")) for n in range(6)]
    taken = []
    for job in jobs:
        claimed = await store.jobs.claim(job, job.submitting(now=NOW), places=2)
        if claimed is not None:
            taken.append(await store.jobs.save(claimed, claimed.rendering(f"task-{job.id}", due_at=NOW)))
    assert [job.id for job in taken] == [job.id for job in jobs[:2]]
    done = in_state(JobState.RENDERED, id=taken[0].id, key=taken[0].key, task_id=taken[0].task_id)
    await store.jobs.save(taken[0], done)
    assert await store.jobs.claim(jobs[2], jobs[2].submitting(now=NOW), places=2) is not None


async def test_the_claim_goes_by_the_line_and_not_by_who_asks_first(store: Store) -> None:
    first, second = await _ready(store, created_at=NOW), await _ready(store, created_at=NOW + 1)
    assert await store.jobs.claim(second, second.submitting(now=NOW), places=1) is None
    assert await store.jobs.get(second.id) == second
    assert await store.jobs.claim(first, first.submitting(now=NOW), places=1) is not None


async def test_each_model_has_its_own_line(store: Store) -> None:
    animate = await _ready(store)
    swap = await _ready(store, order=order(kind=Kind.SWAP))
    for job in (animate, swap):
        assert await store.jobs.claim(job, job.submitting(now=NOW), places=1) is not None


async def test_a_job_that_asks_its_requester_blocks_no_claim(store: Store) -> None:
    await store.jobs.add(unclear())
    job = await _ready(store)
    assert await store.jobs.claim(job, job.submitting(now=NOW), places=1) is not None


async def test_a_stale_claim_is_refused(store: Store) -> None:
    job = await _ready(store)
    await store.jobs.save(job, job.stay(due_at=NOW, cancel_by=ADA))
    with pytest.raises(StaleJob):
        await store.jobs.claim(job, job.submitting(now=NOW), places=2)


async def test_the_line_sees_what_it_needs_of_a_job(store: Store) -> None:
    pro = order(quality=Quality.PRO)
    job = await _ready(store, order=pro, due_at=NOW + 3)
    await store.jobs.add(in_state(JobState.RENDERED))
    await store.jobs.add(in_state(JobState.DELIVERED))
    (turn,) = await store.jobs.turns(Kind.ANIMATE, NOW)
    assert (turn.id, turn.requester, turn.state) == (job.id, ADA, JobState.READY)
    assert (turn.hosted, turn.seconds, turn.quality, turn.due_at) == (True, 4.0, Quality.PRO, NOW + 3)
    (turn,) = await store.jobs.turns(Kind.ANIMATE, NOW + 3600)  # its addresses are over
    assert not turn.hosted
    await store.addresses.revoke(job.id)
    (turn,) = await store.jobs.turns(Kind.ANIMATE, NOW)
    assert not turn.hosted
    assert await store.jobs.turns(Kind.SWAP, NOW) == []


BROKEN_ROWS: dict[str, Job] = {
    "ready without inputs": replace(in_state(JobState.READY), image=None),
    "submitting without an instant": replace(in_state(JobState.SUBMITTING), submitting_at=None),
    "rendering without a task": replace(in_state(JobState.RENDERING), task_id=None),
    "rendered without a result": replace(in_state(JobState.RENDERED), result=None),
    "delivered without a task": replace(in_state(JobState.DELIVERED), task_id=None),
    "failed without a reason": replace(in_state(JobState.FAILED), failure=None),
    "a reason without failing": replace(queued(), failure=Failure(FailureCode.INTERNAL)),
    "cancelled by nobody": replace(in_state(JobState.CANCELLED), cancelled_by=None),
    "cancelled by somebody, and going on": replace(queued(), cancelled_by=ADA),
    "an end that still asks": replace(in_state(JobState.FAILED), ask=Ask.UNCLEAR),
}


@pytest.mark.parametrize("broken", BROKEN_ROWS.values(), ids=BROKEN_ROWS)
async def test_facts_that_do_not_go_together_are_refused_by_the_database(store: Store, broken: Job) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        await store.jobs.add(broken)
    good = await store.jobs.add(queued())
    with pytest.raises(sqlite3.IntegrityError):
        await store.jobs.save(good, replace(broken, id=good.id, key=good.key))
    assert await store.jobs.get(good.id) == good
    assert [job.id for job in await store.jobs.unfinished()] == [good.id]


async def test_two_jobs_never_hold_the_same_task(store: Store) -> None:
    await store.jobs.add(in_state(JobState.RENDERING, task_id="task"))
    with pytest.raises(sqlite3.IntegrityError):
        await store.jobs.add(in_state(JobState.RENDERING, task_id="task"))


def store_path(store: Store) -> Path:
    from pathlib import Path

    (row,) = store._reader.execute("PRAGMA database_list").fetchall()
    return Path(row["file"])
