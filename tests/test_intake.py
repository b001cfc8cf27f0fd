from __future__ import annotations

import asyncio
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from builders import (
    ADA,
    BOB,
    EVERY_KIND_OF_JOB,
    NOW,
    SIZES,
    TEAM,
    Clock,
    any_job,
    hosted,
    in_state,
    order,
    place,
    queued,
    unclear,
)

from bot.errors import SpoolFull
from bot.intake import Denied, Intake
from bot.job import FINAL, Ask, Delivery, Job, JobState, Target
from bot.moves import Moves
from bot.order import Kind, Role
from bot.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEPT = Delivery(target=Target.KEPT, file=None)


class Seen:
    """What intake told the others."""

    def __init__(self) -> None:
        self.changed: list[str] = []
        self.woken = 0
        self.tidied: list[str] = []
        self.full = False

    def wake(self) -> None:
        self.woken += 1

    async def tidy(self, job_id: str) -> None:
        self.tidied.append(job_id)

    def check_room(self) -> None:
        if self.full:
            raise SpoolFull("only 3 MiB of the disk are free")


@pytest.fixture
def store(database: Path) -> Iterator[Store]:
    with closing(Store(database, clock=Clock())) as opened:
        yield opened


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def intake(store: Store, seen: Seen) -> Intake:
    moves = Moves(store.jobs, changed=seen.changed.append)
    return Intake(
        store=store, moves=moves, clock=Clock(NOW + 7), wake=seen.wake, tidy=seen.tidy, check_room=seen.check_room
    )


async def test_an_order_is_stored_shown_and_worked_on(intake: Intake, store: Store, seen: Seen) -> None:
    job = await intake.order(order(kind=Kind.SWAP), place(user=BOB), key="k")
    assert await store.jobs.get(job.id) == job
    assert (job.state, job.order.kind, job.place.user, job.key) == (JobState.QUEUED, Kind.SWAP, BOB, "k")
    assert (job.created_at, job.due_at) == (NOW + 7, NOW + 7)
    assert seen.changed == [job.id]
    assert seen.woken == 1


async def test_the_same_request_makes_one_job_however_often_it_comes(intake: Intake, store: Store) -> None:
    made = await asyncio.gather(*(intake.order(order(), place(), key="same") for _ in range(20)))
    assert len({job.id for job in made}) == 1
    assert len(await store.jobs.unfinished()) == 1
    assert (await intake.order(order(), place(), key="other")).id != made[0].id


async def test_ids_can_be_read_aloud_and_are_not_guessed(intake: Intake) -> None:
    ids = {(await intake.order(order(), place(), key=str(n))).id for n in range(50)}
    assert len(ids) == 50
    assert all(len(name) == 11 and name[0] == "J" and not set(name[1:]) & set("aeiou01lA") for name in ids)


async def test_people_find_their_own_jobs_only(intake: Intake, store: Store) -> None:
    job = await store.jobs.add(queued())
    assert await intake.find(job.id, team=TEAM, user=ADA) == job
    assert await intake.find(job.id, team=TEAM, user=BOB) is Denied.NOT_YOURS
    assert await intake.find(job.id, team="T0OTHER", user=ADA) is Denied.UNKNOWN
    assert await intake.find("J0", team=TEAM, user=ADA) is Denied.UNKNOWN


@pytest.mark.parametrize("job", [queued(), in_state(JobState.READY), unclear()], ids=["queued", "ready", "unclear"])
async def test_what_is_only_ours_is_cancelled_at_once(intake: Intake, store: Store, seen: Seen, job: Job) -> None:
    await store.jobs.add(job)
    cancelled = await intake.cancel(job, by=ADA)
    assert (cancelled.state, cancelled.cancelled_by, cancelled.ask) == (JobState.CANCELLED, ADA, None)
    assert await store.jobs.get(job.id) == cancelled
    assert seen.tidied == seen.changed == [job.id]
    assert seen.woken == 1


@pytest.mark.parametrize("state", [JobState.SUBMITTING, JobState.RENDERING])
async def test_what_is_at_the_service_is_only_asked_to_stop(
    intake: Intake, store: Store, seen: Seen, state: JobState
) -> None:
    job = await store.jobs.add(in_state(state, due_at=NOW + 500))
    asked = await intake.cancel(job, by=ADA)
    assert (asked.state, asked.cancel_by, asked.cancelled_by) == (state, ADA, None)
    assert asked.due_at == (NOW + 7 if state is JobState.RENDERING else NOW + 500)
    assert seen.tidied == []
    assert seen.woken == 1


@pytest.mark.parametrize("state", [JobState.RENDERED, *sorted(FINAL)])
async def test_what_is_over_is_not_cancelled(intake: Intake, store: Store, state: JobState) -> None:
    job = await store.jobs.add(in_state(state))
    assert await intake.cancel(job, by=ADA) == job
    assert await store.jobs.get(job.id) == job


@pytest.mark.parametrize("kind", EVERY_KIND_OF_JOB)
async def test_cancelling_twice_is_like_cancelling_once(intake: Intake, store: Store, kind: JobState | Ask) -> None:
    job = await store.jobs.add(any_job(kind))
    once = await intake.cancel(job, by=ADA)
    events = len(await store.jobs.events(job.id))
    assert await intake.cancel(once, by=BOB) == once
    assert await intake.cancel(job, by=ADA) == once  # a second press on the card as it looked before
    assert len(await store.jobs.events(job.id)) == events


async def test_ten_presses_at_once_make_one_wish(intake: Intake, store: Store) -> None:
    job = await store.jobs.add(in_state(JobState.RENDERING))
    results = await asyncio.gather(*(intake.cancel(job, by=ADA) for _ in range(10)))
    assert {result.cancel_by for result in results} == {ADA}
    assert (await store.jobs.get(job.id)).revision == 1


async def test_a_wish_is_done_to_the_job_as_it_stands_and_not_as_it_looked(intake: Intake, store: Store) -> None:
    """Between the look and the press the job moved on: now only the service can stop it."""
    seen = await store.jobs.add(in_state(JobState.READY))
    current = await store.jobs.save(seen, seen.submitting(now=NOW))
    result = await intake.cancel(seen, by=ADA)
    assert (result.state, result.cancel_by) == (JobState.SUBMITTING, ADA)
    assert result.submitting_at == current.submitting_at


async def test_who_wished_it_is_in_the_events(intake: Intake, store: Store) -> None:
    job = await store.jobs.add(queued())
    await intake.cancel(job, by=BOB)
    assert [(e.state, e.who) for e in await store.jobs.events(job.id)] == [
        (JobState.QUEUED, ADA),
        (JobState.CANCELLED, BOB),
    ]


async def test_sending_again_makes_a_new_attempt_whose_old_addresses_are_gone(intake: Intake, store: Store) -> None:
    job = await store.jobs.add(unclear())
    old = hosted("old")
    await store.addresses.add(job, old, SIZES)
    again = await intake.send_again(job, by=ADA)
    assert isinstance(again, Job)
    assert (again.state, again.ask, again.epoch, again.doubts) == (JobState.READY, None, 1, 1)
    assert not await store.addresses.begin_fetch(old[Role.VIDEO].token)
    assert again.due_at == NOW + 7


async def test_sending_again_after_a_wish_to_stop_is_not_stopped(intake: Intake, store: Store) -> None:
    """The press of Cancel came before the question; the answer to the question is the newer wish."""
    job = await store.jobs.add(unclear(cancel_by=ADA))
    again = await intake.send_again(job, by=ADA)
    assert isinstance(again, Job)
    assert again.cancel_by is None


async def test_sending_again_pressed_twice_makes_one_attempt(intake: Intake, store: Store) -> None:
    job = await store.jobs.add(unclear())
    results = await asyncio.gather(*(intake.send_again(job, by=ADA) for _ in range(5)))
    assert sum(isinstance(result, Job) for result in results) == 1
    assert sum(result is Denied.TOO_LATE for result in results) == 4
    assert ((await store.jobs.get(job.id)).epoch, (await store.jobs.get(job.id)).doubts) == (1, 1)


async def test_a_late_second_press_takes_nothing_of_the_new_attempt_away(intake: Intake, store: Store) -> None:
    job = await store.jobs.add(unclear())
    again = await intake.send_again(job, by=ADA)
    assert isinstance(again, Job)
    new = hosted("new")
    await store.addresses.add(again, new, SIZES)
    assert await intake.send_again(again, by=ADA) is Denied.TOO_LATE
    assert await intake.send_again(job, by=ADA) is Denied.TOO_LATE  # the card as it looked before
    assert await store.addresses.begin_fetch(new[Role.VIDEO].token)


async def test_stopping_here_ends_it_and_says_that_money_may_be_spent(intake: Intake, store: Store, seen: Seen) -> None:
    job = await store.jobs.add(unclear())
    stopped = await intake.stop_here(job, by=ADA)
    assert isinstance(stopped, Job)
    assert (stopped.state, stopped.cancelled_by, stopped.spent) == (JobState.CANCELLED, ADA, "maybe")
    assert seen.tidied == [job.id]
    assert await intake.stop_here(job, by=ADA) is Denied.TOO_LATE


async def test_of_two_different_answers_to_one_question_one_counts(intake: Intake, store: Store) -> None:
    job = await store.jobs.add(unclear())
    results = await asyncio.gather(intake.send_again(job, by=ADA), intake.stop_here(job, by=ADA))
    assert sum(isinstance(result, Job) for result in results) == 1
    (winner,) = (result for result in results if isinstance(result, Job))
    assert await store.jobs.get(job.id) == winner


async def test_delivering_again_starts_with_the_first_place(intake: Intake, store: Store) -> None:
    job = await store.jobs.add(in_state(JobState.RENDERED, delivery=KEPT, due_at=NOW + 9999))
    again = await intake.deliver_again(job, by=ADA)
    assert isinstance(again, Job)
    assert (again.state, again.delivery, again.due_at) == (JobState.RENDERED, Delivery(), NOW + 7)
    assert await intake.deliver_again(again, by=ADA) is Denied.TOO_LATE


@pytest.mark.parametrize(
    ("wish", "kind"),
    [
        (wish, kind)
        for wish in ("send_again", "stop_here", "deliver_again")
        for kind in EVERY_KIND_OF_JOB
        if kind is not Ask.UNCLEAR or wish == "deliver_again"
    ],
)
async def test_an_answer_where_nothing_was_asked_comes_too_late(
    intake: Intake, store: Store, seen: Seen, wish: str, kind: JobState | Ask
) -> None:
    job = await store.jobs.add(any_job(kind))
    assert await getattr(intake, wish)(job, by=ADA) is Denied.TOO_LATE
    assert await store.jobs.get(job.id) == job
    assert seen.woken == 0


async def test_on_a_full_disk_new_work_is_refused_and_a_repeated_press_finds_its_job(
    intake: Intake, store: Store, seen: Seen
) -> None:
    job = await intake.order(order(), place(), key="k")
    seen.full = True
    with pytest.raises(SpoolFull):
        await intake.order(order(), place(), key="another")
    assert await intake.order(order(), place(), key="k") == job
    assert [known.id for known in await store.jobs.unfinished()] == [job.id]
    seen.full = False
    assert (await intake.order(order(), place(), key="another")).id != job.id
