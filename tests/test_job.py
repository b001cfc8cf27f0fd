from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from typing import TYPE_CHECKING, Any

import pytest
from builders import ADA, EVERY_KIND_OF_JOB, IMAGE, NOW, VIDEO, any_job, as_it_came, in_state, queued, unclear

from bot.failure import Failure, FailureCode, Spent
from bot.job import FINAL, NEXT, Ask, Delivery, IllegalTransition, Job, JobState, Result

if TYPE_CHECKING:
    from collections.abc import Callable

RESULT = Result(url="https://r.example/v", dies_at=NOW, seconds=4.0)
FAILURE = Failure(FailureCode.SERVICE)

# Every method that changes the state, with the state it leads to.
MOVES: dict[str, tuple[JobState, Callable[[Job], Job]]] = {
    "checked": (JobState.READY, lambda job: job.checked(as_it_came(IMAGE), as_it_came(VIDEO), now=NOW)),
    "submitting": (JobState.SUBMITTING, lambda job: job.submitting(now=NOW)),
    "refused_for_now": (JobState.READY, lambda job: job.refused_for_now(due_at=NOW)),
    "next_epoch": (JobState.READY, lambda job: job.next_epoch(now=NOW)),
    "again_at_risk": (JobState.READY, lambda job: job.again_at_risk(now=NOW)),
    "rendering": (JobState.RENDERING, lambda job: job.rendering("task", due_at=NOW)),
    "rendered": (JobState.RENDERED, lambda job: job.rendered(RESULT, started_at=None, ended_at=None, now=NOW)),
    "delivered": (JobState.DELIVERED, lambda job: job.delivered(Delivery(), now=NOW)),
    "failed": (JobState.FAILED, lambda job: job.failed(FAILURE, now=NOW)),
    "cancelled": (JobState.CANCELLED, lambda job: job.cancelled(ADA, now=NOW)),
}


@pytest.mark.parametrize("state", JobState)
@pytest.mark.parametrize("name", MOVES)
def test_every_move_is_made_only_where_the_table_allows_it(state: JobState, name: str) -> None:
    target, move = MOVES[name]
    job = in_state(state)
    if target in NEXT[state]:
        assert move(job).state is target
    else:
        with pytest.raises(IllegalTransition, match=f"{job.id}: {state} to {target}"):
            move(job)


@pytest.mark.parametrize("source", JobState)
@pytest.mark.parametrize("target", JobState)
def test_every_pair_of_states_is_in_the_table_or_raises(source: JobState, target: JobState) -> None:
    job = in_state(source)
    if target in NEXT[source]:
        assert job._to(target).state is target
    else:
        with pytest.raises(IllegalTransition):
            job._to(target)


def test_the_table_is_the_one_of_the_design() -> None:
    q, r, s, g, d = (JobState(n) for n in ("queued", "ready", "submitting", "rendering", "rendered"))
    end = {JobState.FAILED, JobState.CANCELLED}
    assert {
        q: {r} | end,
        r: {s} | end,
        s: {g, r} | end,
        g: {d, r} | end,
        d: {JobState.DELIVERED, JobState.FAILED},
        JobState.DELIVERED: set(),
        JobState.FAILED: set(),
        JobState.CANCELLED: set(),
    } == NEXT


def test_every_state_is_reached_from_a_new_job() -> None:
    reached: set[JobState] = set()
    found = {queued().state}
    while found - reached:
        reached |= found
        found = {following for state in reached for following in NEXT[state]}
    assert reached == set(JobState)


def test_final_states_have_no_way_out_and_all_others_can_end() -> None:
    assert set(FINAL) == {JobState.DELIVERED, JobState.FAILED, JobState.CANCELLED}
    assert all(not NEXT[state] for state in FINAL)
    assert all(JobState.FAILED in NEXT[state] for state in JobState if state not in FINAL)


@pytest.mark.parametrize("state", JobState)
def test_a_job_is_final_exactly_when_its_state_is(state: JobState) -> None:
    assert in_state(state).final is (state in FINAL)


@pytest.mark.parametrize(
    ("job", "spent"),
    [
        (queued(), Spent.NOTHING),
        (in_state(JobState.READY), Spent.NOTHING),
        (in_state(JobState.SUBMITTING), Spent.MAYBE),
        (unclear(), Spent.MAYBE),
        (in_state(JobState.RENDERING), Spent.NOTHING),  # billed only when it succeeds
        (in_state(JobState.RENDERED), Spent.YES),
        (in_state(JobState.DELIVERED), Spent.YES),
        (in_state(JobState.READY).cancelled(ADA, now=NOW), Spent.NOTHING),
        (in_state(JobState.SUBMITTING).cancelled(ADA, now=NOW), Spent.MAYBE),
        (unclear().cancelled(ADA, now=NOW), Spent.MAYBE),
        (in_state(JobState.RENDERING).cancelled(ADA, now=NOW), Spent.NOTHING),
        *((in_state(JobState.RENDERED).failed(Failure(FailureCode.SERVICE, spent=s), now=NOW), s) for s in Spent),
        *((in_state(JobState.SUBMITTING).failed(Failure(FailureCode.SERVICE, spent=s), now=NOW), s) for s in Spent),
    ],
)
def test_what_is_known_about_money(job: Job, spent: Spent) -> None:
    assert job.spent is spent


def test_a_job_sent_back_after_a_certain_refusal_has_spent_nothing_and_keeps_its_addresses() -> None:
    back = in_state(JobState.SUBMITTING, failures=2).refused_for_now(due_at=NOW + 8)
    assert (back.state, back.spent, back.epoch, back.failures, back.due_at) == (
        JobState.READY,
        Spent.NOTHING,
        0,
        3,
        NOW + 8,
    )


@pytest.mark.parametrize("state", [JobState.SUBMITTING, JobState.RENDERING])
def test_the_next_attempt_knows_nothing_of_the_last_one(state: JobState) -> None:
    again = in_state(state, task_started_at=NOW).next_epoch(now=NOW + 5)
    assert again.epoch == 1
    assert (again.task_id, again.submitting_at, again.task_started_at, again.ask) == (None, None, None, None)
    assert again.spent is Spent.NOTHING


def test_sending_again_at_risk_remembers_that_the_last_attempt_may_have_been_paid() -> None:
    again = unclear().again_at_risk(now=NOW)
    assert (again.doubts, again.epoch, again.ask) == (1, 1, None)
    assert replace(again, state=JobState.SUBMITTING).again_at_risk(now=NOW).doubts == 2


def test_sending_again_takes_back_an_earlier_wish_to_stop() -> None:
    """Whoever asked for an end and then decides to send again wants a video: the new attempt must not be stopped."""
    assert unclear(cancel_by=ADA).again_at_risk(now=NOW).cancel_by is None


@pytest.mark.parametrize("leave", ["again_at_risk", "rendering", "failed", "cancelled"])
def test_a_question_ends_with_every_way_out_of_it(leave: str) -> None:
    assert MOVES[leave][1](unclear()).ask is None


def test_a_move_forgets_the_failures_in_a_row_and_putting_off_counts_them() -> None:
    job = in_state(JobState.READY).put_off(due_at=NOW + 1).put_off(due_at=NOW + 2)
    assert (job.failures, job.due_at, job.state) == (2, NOW + 2, JobState.READY)
    # Being refused again and again is one row of failures, although each refusal is preceded by a claim.
    claimed = job.submitting(now=NOW)
    assert claimed.refused_for_now(due_at=NOW).failures == 3
    assert claimed.rendering("t-1", due_at=NOW).failures == 0


@pytest.mark.parametrize("kind", EVERY_KIND_OF_JOB)
def test_a_change_makes_a_new_job_and_leaves_the_old_one(kind: JobState | Ask) -> None:
    job = any_job(kind)
    attribute: Any = "due_at"
    with pytest.raises(FrozenInstanceError):
        setattr(job, attribute, 0.0)
    assert job.stay(due_at=NOW + 1) is not job
    assert job.due_at != NOW + 1


def test_no_secret_is_in_what_a_job_prints() -> None:
    job = in_state(JobState.RENDERED)
    job = replace(job, place=replace(job.place, response_url="https://hooks.example/secret"))
    assert "secret" not in repr(job)
    assert "https://r.example" not in repr(job)
