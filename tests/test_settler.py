"""What can be told of a lost paid call, and what cannot, row by row."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest
from builders import IMAGE, NOW, SIZES, VIDEO, Clock, as_it_came, hosted, queued

from bot.attempt import Fate
from bot.errors import Refused, RemoteError, Unreachable
from bot.failure import Failure, FailureCode
from bot.hosting.local import LocalHost
from bot.job import Job, JobState, Result
from bot.order import Kind, Role
from bot.settling import Finding, Settler
from bot.store import Store
from bot.task import ListedTask, Task, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OURS, LATE = "key-ours", 120.0


@dataclass
class TaskList:
    """A service that shows what it is told to."""

    rows: list[ListedTask] = field(default_factory=list)
    error: RemoteError | None = None
    account: str = "account"
    clock_offset: float | None = 0.0
    asked: list[tuple[float, float]] = field(default_factory=list)

    async def list_tasks(self, kind: Kind, *, since: float, until: float) -> list[ListedTask]:
        self.asked.append((since, until))
        if self.error is not None:
            raise self.error
        return [row for row in self.rows if row.kind is kind and since <= row.created_at <= until]


@dataclass
class Desk:
    """A store, a list, and jobs whose paid calls were lost."""

    store: Store
    clock: Clock
    tasks: TaskList

    def settler(self, *, revocable: bool = True) -> Settler:
        host = LocalHost("https://bot.example", clock=self.clock)
        host.revocable = revocable
        return Settler(store=self.store, studio=self.tasks, host=host, clock=self.clock, late=LATE)

    async def lost(self, at: float = NOW, *, fetched: tuple[Role, ...] = tuple(Role), url: str = "") -> Job:
        """A job that made its paid call at this instant and heard nothing."""
        job = await self.store.jobs.add(replace(queued(created_at=at), due_at=at))
        job = await self.store.jobs.save(job, job.checked(as_it_came(IMAGE), as_it_came(VIDEO), now=at))
        addresses = hosted(job.id)
        if url:
            addresses = {role: replace(address, url=f"{url}/{role}") for role, address in addresses.items()}
        await self.store.addresses.add(job, addresses, SIZES)
        claimed = await self.store.jobs.claim(job, job.submitting(now=at), places=99, account="account", began_at=at)
        assert claimed is not None
        for role in fetched:
            assert await self.store.addresses.begin_fetch(addresses[role].token)
        return claimed

    async def given_up(self, job: Job, fate: Fate) -> None:
        """End the job's call with this fate."""
        asks = await self.store.jobs.save(job, job.unclear(due_at=NOW))
        ends = {
            Fate.OPEN: asks,
            Fate.VOID: asks.next_epoch(now=NOW),
            Fate.DOUBT: asks.again_at_risk(now=NOW),
            Fate.TAKEN: asks.rendering(f"known-{job.id}", due_at=NOW),
            Fate.REFUSED: asks.failed(Failure(FailureCode.KEY), now=NOW),
        }
        if fate is not Fate.OPEN:
            await self.store.jobs.save(asks, ends[fate])

    async def lost_and_asked(self, first: Job) -> Job:
        """The first one's requester is asked; a quarter of an hour later another call is lost."""
        await self.store.jobs.save(first, first.unclear(due_at=NOW))
        return await self.lost(NOW + 900)

    async def know_key(self) -> None:
        """Let an earlier job have taught what our key is called."""
        job = await self.lost(NOW - 5000)
        await self.given_up(job, Fate.TAKEN)
        await self.store.attempts.learn([row(f"known-{job.id}", NOW - 4999)])


def row(name: str, at: float, status: TaskStatus = TaskStatus.RUNNING, key: str | None = OURS) -> ListedTask:
    return ListedTask(id=name, status=status, kind=Kind.ANIMATE, api_key_id=key, request_id=None, created_at=at)


@pytest.fixture
def desk(database: Path) -> Iterator[Desk]:
    clock = Clock()
    with closing(Store(database, clock=clock)) as store:
        yield Desk(store, clock, TaskList())


@pytest.mark.parametrize("fetched", [(), (Role.IMAGE,), (Role.VIDEO,)])
async def test_what_was_not_asked_for_in_full_is_disarmed(desk: Desk, fetched: tuple[Role, ...]) -> None:
    job = await desk.lost(fetched=fetched)
    assert (await desk.settler().look(job)).harmless
    assert all(address.revoked_at for address in await desk.store.addresses.of_epoch(job.id, 0))
    assert not await desk.store.addresses.begin_fetch(f"{job.id}-video-token-of-decent-length")
    assert desk.tasks.asked == []


@pytest.mark.parametrize("url", ["", "oss://folder"])
async def test_what_cannot_be_taken_back_is_never_called_harmless(desk: Desk, url: str) -> None:
    """Also after the file host was changed in between: what was given away decides, not what the settings say now."""
    job = await desk.lost(fetched=(), url=url)
    found = await desk.settler(revocable=bool(url)).look(job)
    assert (found.harmless, found.task_id) == (False, None)


async def test_a_task_of_our_key_in_our_window_is_ours(desk: Desk) -> None:
    await desk.know_key()
    job = await desk.lost()
    desk.tasks.rows = [row("task-1", NOW + 2)]
    assert (await desk.settler().look(job)).task_id == "task-1"


@pytest.mark.parametrize(
    "other",
    [row("x", NOW + 2, key="key-foreign"), row("x", NOW + 2, key=None), row("x", NOW - 60), row("x", NOW + 200)],
    ids=["another key", "no key", "too early", "too late"],
)
async def test_a_task_that_may_be_somebody_elses_is_not_ours(desk: Desk, other: ListedTask) -> None:
    await desk.know_key()
    job = await desk.lost()
    desk.tasks.rows = [other]
    assert (await desk.settler().look(job)).task_id is None


async def test_a_task_that_another_job_had_is_not_ours_even_if_that_job_forgot_it(desk: Desk) -> None:
    await desk.know_key()
    first = await desk.lost(NOW - 10)
    rendering = await desk.store.jobs.save(first, first.rendering("task-1", due_at=NOW))
    await desk.store.jobs.save(rendering, rendering.next_epoch(now=NOW))
    job = await desk.lost()
    desk.tasks.rows = [row("task-1", NOW - 9, TaskStatus.FAILED)]
    assert (await desk.settler().look(job)).task_id is None


async def test_before_our_key_is_known_nothing_is_certain(desk: Desk) -> None:
    job = await desk.lost()
    desk.tasks.rows = [row("task-1", NOW + 2)]
    assert (await desk.settler().look(job)).task_id is None


async def test_our_key_is_learned_from_a_later_task_in_the_same_list(desk: Desk) -> None:
    job = await desk.lost()
    later = await desk.lost_and_asked(job)
    await desk.given_up(later, Fate.TAKEN)
    desk.clock.now = NOW + 1000
    desk.tasks.rows = [row("task-1", NOW + 2), row(f"known-{later.id}", NOW + 902)]
    assert (await desk.settler().look(job)).task_id == "task-1"


@pytest.mark.parametrize("fate", [Fate.OPEN, Fate.DOUBT])
@pytest.mark.parametrize("before", [-50.0, 50.0])
async def test_the_window_of_another_call_that_may_be_billed_is_closed(desk: Desk, fate: Fate, before: float) -> None:
    await desk.know_key()
    other = await desk.lost(NOW - before)
    await desk.given_up(other, fate)
    job = await desk.lost()
    desk.tasks.rows = [row("task-1", NOW + 60)]
    found = await desk.settler().look(job)
    assert (found.task_id, found.harmless) == (None, False)


@pytest.mark.parametrize("fate", [Fate.REFUSED, Fate.TAKEN])
async def test_a_call_that_is_settled_closes_nothing(desk: Desk, fate: Fate) -> None:
    await desk.know_key()
    other = await desk.lost(NOW - 50)
    await desk.given_up(other, fate)
    job = await desk.lost()
    desk.tasks.rows = [row("task-1", NOW + 2), row(f"known-{other.id}", NOW + 2)][: 1 + (fate is Fate.TAKEN)]
    assert (await desk.settler().look(job)).task_id == "task-1"


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ([TaskStatus.PENDING], None),
        ([TaskStatus.RUNNING], None),
        ([TaskStatus.SUCCEEDED], "task-0"),
        ([TaskStatus.FAILED, TaskStatus.RUNNING], None),
        ([TaskStatus.FAILED, TaskStatus.SUCCEEDED], "task-1"),
        ([TaskStatus.FAILED], None),
        ([TaskStatus.FAILED, TaskStatus.FAILED], "harmless"),
        ([TaskStatus.CANCELLED, TaskStatus.FAILED], "harmless"),
    ],
)
async def test_beside_a_disarmed_call_only_a_success_is_certain(
    desk: Desk, statuses: list[TaskStatus], expected: str | None
) -> None:
    """A task of a disarmed call never succeeds. When more are dead than were disarmed, ours is among them."""
    await desk.know_key()
    orphaned = await desk.lost(NOW - 10)
    await desk.given_up(orphaned, Fate.VOID)
    job = await desk.lost()
    desk.tasks.rows = [row(f"task-{number}", NOW + 2, status) for number, status in enumerate(statuses)]
    found = await desk.settler().look(job)
    assert ("harmless" if found.harmless else found.task_id) == expected


async def test_a_list_that_cannot_be_read_is_not_an_empty_list(desk: Desk) -> None:
    job = await desk.lost()
    desk.tasks.error = Unreachable("list: 503")
    assert not (await desk.settler().look(job)).heard
    desk.tasks.error = Refused("list: 403", failure=Failure(FailureCode.ACCESS))
    assert (await desk.settler().look(job)).heard


async def test_the_services_clock_counts_and_not_ours(desk: Desk) -> None:
    ahead = 7 * 3600.0
    desk.tasks.clock_offset = ahead
    settler = desk.settler()
    assert settler.service_time() == NOW + ahead
    await desk.know_key()
    job = await desk.lost(NOW + ahead)
    desk.tasks.rows = [row("task-1", NOW + ahead + 2)]
    desk.clock.now += 30
    assert await settler.look(job) == Finding(age=30.0, task_id="task-1")
    ended = Task(id="t", status=TaskStatus.SUCCEEDED, started_at=NOW + ahead, ended_at=NOW + ahead + 5)
    told = settler.by_our_clock(ended)
    assert (told.started_at, told.ended_at) == (NOW, NOW + 5)


async def test_the_services_clock_is_asked_for_once_and_the_key_once(desk: Desk) -> None:
    settler = desk.settler()
    await settler.set_clock(Kind.ANIMATE)
    assert desk.tasks.asked == []
    desk.tasks.clock_offset = None
    await settler.set_clock(Kind.ANIMATE)
    assert len(desk.tasks.asked) == 1

    desk.tasks.clock_offset = 0.0
    lost = await desk.lost()
    job = await desk.store.jobs.save(lost, lost.rendering("task-1", due_at=NOW))
    result = Result(url="https://r.example/1", dies_at=NOW + 86400, seconds=4.0)
    job = await desk.store.jobs.save(job, job.rendered(result, started_at=NOW, ended_at=NOW, now=NOW))
    assert job.state is JobState.RENDERED
    desk.tasks.rows = [row("task-1", NOW + 1)]
    await settler.learn_key(job)
    await settler.learn_key(job)
    assert len(desk.tasks.asked) == 2
    assert await desk.store.attempts.key_id("account") == OURS
    assert await desk.store.attempts.key_id("another key of ours") is None


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("hours", [-48, -1, 1, 48])
async def test_whatever_our_clock_was_set_to_the_list_is_asked_for_the_time_of_the_call(
    desk: Desk, hours: float, *, known: bool
) -> None:
    """The service's clock tells when that was. Until our key is known the window reaches on to the present."""
    if known:
        await desk.know_key()
    job = await desk.lost()
    desk.tasks.rows = [row("task-1", NOW + 2)]
    desk.clock.now += hours * 3600 + 30
    desk.tasks.clock_offset = -hours * 3600.0  # as the first answer after the restart says
    found = await desk.settler().look(job)
    assert found.age == pytest.approx(30.0)
    assert found.task_id == ("task-1" if known else None)
    since, until = desk.tasks.asked[-1]
    assert since < NOW < NOW + LATE < until <= since + 86400
