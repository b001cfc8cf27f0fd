"""When a task is asked about again, and what the cards make of what was learned."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest
from builders import ADA, NOW, PRICES, Clock, in_state, order, place, queued

from bot.errors import Refused, Unclear, Unreachable
from bot.estimate import UNSURE_SECONDS, learn
from bot.failure import Failure, FailureCode
from bot.job import Job, JobState
from bot.moves import Moves
from bot.order import Kind, Quality
from bot.pace import Pace
from bot.queue import standings
from bot.slack import messages
from bot.slack.card import Cards
from bot.slack.client import SlackClient
from bot.steps import Steps
from bot.store import Store
from bot.task import ListedTask, Task, TaskRequest, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOOK = [90.0, 95.0, 100.0, 105.0, 110.0] * 4


@dataclass
class Service:
    """A video service with one task."""

    task: Task
    asked: list[str] = field(default_factory=list)
    account: str = "account"
    clock_offset: float | None = None
    refusal: Exception = field(default_factory=NotImplementedError)

    async def create(self, request: TaskRequest) -> str:
        raise NotImplementedError

    async def look_up(self, task_id: str) -> Task:
        self.asked.append(task_id)
        return self.task

    async def cancel(self, task_id: str) -> bool:
        raise self.refusal

    async def list_tasks(self, kind: Kind, *, since: float, until: float) -> list[ListedTask]:
        raise NotImplementedError


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(database: Path, clock: Clock) -> Iterator[Store]:
    with closing(Store(database, clock=clock)) as opened:
        yield opened


async def remember(store: Store) -> None:
    """Let the service have worked on such videos before."""
    for took in TOOK:
        await store.jobs.add(in_state(JobState.DELIVERED, task_started_at=NOW - 1000 - took, task_ended_at=NOW - 1000))


async def looked(
    store: Store, clock: Clock, status: TaskStatus, *, began: float | None = None, offset: float | None = None
) -> Job:
    """Look at a task once; return the job as it stands then."""
    job = await store.jobs.add(in_state(JobState.RENDERING))
    task = Task(id=str(job.task_id), status=status, started_at=began)
    return await stepped(store, clock, job, Service(task, clock_offset=offset))


async def stepped(store: Store, clock: Clock, job: Job, service: Service) -> Job:
    """Do one step of the job; return it as it stands then."""
    unused: Any = None
    steps = Steps(
        store=store,
        studio=service,
        inputs=unused,
        deliverer=unused,
        host=unused,
        spool=unused,
        moves=Moves(store.jobs, changed=lambda _: None),
        clock=clock,
        pace=Pace(poll=15.0),
    )
    await steps.advance(job.id)
    return await store.jobs.get(job.id)


async def test_a_task_is_watched_around_the_end_that_history_tells(store: Store, clock: Clock) -> None:
    await remember(store)
    assert (await looked(store, clock, TaskStatus.RUNNING, began=NOW - 10)).due_at == NOW + 15
    assert (await looked(store, clock, TaskStatus.RUNNING, began=NOW - 95)).due_at < NOW + 1


@pytest.mark.parametrize(
    "refusal", [Refused("401", failure=Failure(FailureCode.KEY)), Unreachable("500"), Unclear("lost")], ids=str
)
async def test_a_wish_to_cancel_that_is_not_heard_keeps_nobody_from_looking(
    store: Store, clock: Clock, refusal: Exception
) -> None:
    """A paid video dies within a day: it must not wait behind a cancel that the service answers with no for ever."""
    job = await store.jobs.add(in_state(JobState.RENDERING))
    job = await store.jobs.save(job, job.stay(due_at=clock(), cancel_by=ADA), who=ADA)
    service = Service(Task(id=str(job.task_id), status=TaskStatus.RUNNING, started_at=NOW - 5), refusal=refusal)
    after = await stepped(store, clock, job, service)
    assert service.asked == [job.task_id]
    assert (after.task_started_at, after.failures, after.cancel_by) == (NOW - 5, 0, ADA)


async def test_without_a_history_a_running_task_is_asked_about_evenly(store: Store, clock: Clock) -> None:
    assert (await looked(store, clock, TaskStatus.RUNNING, began=NOW - 95)).due_at == NOW + UNSURE_SECONDS


async def test_how_long_it_runs_is_told_by_the_services_own_clock(store: Store, clock: Clock) -> None:
    await remember(store)
    ahead = 7 * 3600.0
    job = await looked(store, clock, TaskStatus.RUNNING, began=NOW + ahead - 95, offset=ahead)
    assert job.due_at < NOW + 1
    assert job.task_started_at == NOW - 95


async def test_a_task_that_has_not_begun_is_asked_about_seldom(store: Store, clock: Clock) -> None:
    await remember(store)
    assert (await looked(store, clock, TaskStatus.PENDING)).due_at == NOW + 15


def cards(store: Store, clock: Clock) -> Cards:
    session: Any = None  # nobody is asked anything
    client = SlackClient(token="xoxb-1", base_url="http://127.0.0.1:9/api/", session=session)
    return Cards(client, store, prices=PRICES, tasks_at_once=1, clock=clock)


async def line(store: Store, number: int) -> list[Job]:
    video = in_state(JobState.READY)
    return [
        await store.jobs.add(replace(video, id=f"W{n:03}", key=f"w{n}", created_at=NOW + n, place=place(user=f"U{n}")))
        for n in range(number)
    ]


async def test_a_line_is_worked_out_once_for_all_the_cards_that_show_it(store: Store, clock: Clock) -> None:
    jobs = await line(store, 20)
    shown = cards(store, clock)
    asked: list[str] = []
    store.jobs._reader.conn.set_trace_callback(asked.append)
    views = [await shown.view(job) for job in jobs]
    assert [view.standing.place for view in views if view.standing] == list(range(1, 21))
    assert len([sql for sql in asked if "FROM job" in sql and "requester" in sql]) == 1


async def test_a_line_that_moved_is_worked_out_anew(store: Store, clock: Clock) -> None:
    first, second = await line(store, 2)
    shown = cards(store, clock)
    assert (await shown.view(second)).standing == standings(await store.jobs.turns(Kind.ANIMATE, NOW), 1, NOW)["W001"]
    await store.jobs.save(first, first.cancelled(ADA, now=NOW))
    shown.changed(first.id)
    view = await shown.view(second)
    assert view.standing is not None
    assert view.standing.place == 1


async def test_a_line_is_not_shown_as_it_was_long_ago(store: Store, clock: Clock) -> None:
    running = in_state(JobState.RENDERING, submitting_at=NOW)
    await store.jobs.add(running)
    (job,) = await line(store, 1)
    shown = cards(store, clock)
    before = (await shown.view(job)).standing
    clock.now += 30
    after = (await shown.view(job)).standing
    assert before is not None
    assert after is not None
    assert after.wait == pytest.approx(before.wait - 30)


async def test_waits_and_the_usual_time_on_a_card_are_what_was_learned(store: Store, clock: Clock) -> None:
    await remember(store)
    estimate = learn(await store.jobs.history(Kind.ANIMATE, Quality.STANDARD), Quality.STANDARD)
    (job,) = await line(store, 1)
    view = await cards(store, clock).view(job)
    assert view.standing is not None
    assert view.standing.wait == pytest.approx(estimate.usual(4.0))
    running = in_state(JobState.RENDERING, task_started_at=NOW)
    assert (await cards(store, clock).view(running)).estimate == estimate


@pytest.mark.parametrize(
    ("took", "said"), [(100.0, "usually about 2 min"), (240.0, "usually 4–5 min"), (30.0, "usually 30 s to 35 s")]
)
async def test_a_card_says_between_what_a_task_usually_takes(store: Store, took: float, said: str) -> None:
    job = in_state(JobState.RENDERING, task_started_at=NOW)
    samples = await store.jobs.history(Kind.ANIMATE, Quality.STANDARD)
    assert samples == []
    for _ in range(30):
        await store.jobs.add(in_state(JobState.DELIVERED, task_started_at=NOW - took, task_ended_at=NOW))
    estimate = learn(await store.jobs.history(Kind.ANIMATE, Quality.STANDARD), Quality.STANDARD)
    view = messages.View(now=NOW + 10, prices=PRICES, estimate=estimate)
    assert said in messages.status_lines(job, view)[0]


async def test_what_is_neither_waiting_nor_rendered_needs_no_line(store: Store, clock: Clock) -> None:
    view = await cards(store, clock).view(queued(order=order()))
    assert (view.standing, view.estimate) == (None, None)
