"""Nothing lost, nothing paid twice, nothing posted twice, wherever the process dies and however late anything comes.

The long forms: ``python tests/simulation/run.py --schedules 100000`` and ``--every-point``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

import pytest
from every_point import pairs, singles, worlds
from run import RANDOM_SHORT
from scenario import Outcome, Theatre
from sim_plan import HOUR, Plan, random_plan
from turned import LONG

from bot.failure import FailureCode
from bot.job import JobState

# The everyday suite plays every so manyeth of the pairs, and so many random plans in each of four parts.
EVERY, PLANS = (1, 50) if LONG else (6, 12)
PARTS = 4 if LONG else 1


@pytest.fixture(scope="module")
def theatre() -> Iterator[Theatre]:
    with Theatre() as opened:
        yield opened


def name(world: Plan) -> str:
    return f"{'local' if world.revocable else 'modelstudio'}, {world.late} s late"


def failures(outcomes: Iterator[Outcome]) -> list[str]:
    return [f"{outcome.plan}: {bad}" for outcome in outcomes for bad in outcome.bad]


@pytest.mark.parametrize("world", worlds(many=False) if LONG else worlds(many=False)[::3], ids=name)
def test_a_process_may_die_once_anywhere(theatre: Theatre, world: Plan) -> None:
    assert failures(theatre.play(plan) for plan in singles(theatre, world)) == []


def test_a_process_may_die_once_around_a_failure_and_leaves_nothing_behind(theatre: Theatre) -> None:
    """A job that fails has addresses that are still good until it is tidied up."""
    assert failures(theatre.play(plan) for plan in singles(theatre, Plan(moderated=1.0))) == []


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("world", worlds(many=False)[::2], ids=name)
def test_a_process_may_die_twice_in_the_paid_call_and_the_delivery(theatre: Theatre, world: Plan, part: int) -> None:
    plans = islice(pairs(theatre, world, within=14), part, None, PARTS * EVERY)
    assert failures(theatre.play(plan) for plan in plans) == []


@pytest.mark.parametrize("part", range(4))
def test_random_crashes_lags_losses_and_people(theatre: Theatre, part: int) -> None:
    """Some of the plans that ``run.py`` plays by the hundred thousand."""
    seeds = range(RANDOM_SHORT + PLANS * part, RANDOM_SHORT + PLANS * (part + 1))
    assert failures(theatre.play(random_plan(seed)) for seed in seeds) == []


def test_buttons_of_ended_jobs_race_with_crashes(theatre: Theatre) -> None:
    """Retry, Render in pro and Delete, pressed twice, with a death at each point of what follows."""
    world = Plan(afterwards=1.0, late=1.0, trouble=0.1, moderated=0.3, restarts=(2.0,), seed=4)
    calm = theatre.play(world)
    assert calm.bad == []
    deaths = range(1, len(calm.lives[0]) + 1, 1 if LONG else 20)
    assert failures(theatre.play(replace(world, crashes=(at,))) for at in deaths) == []
    lapsed = replace(world, lost_creates=("fetched only",), answers="never")
    outcomes = [theatre.play(replace(plan, seed=seed)) for plan in (world, lapsed) for seed in range(40 if LONG else 6)]
    assert failures(iter(outcomes)) == []
    jobs = [job for outcome in outcomes for job in outcome.jobs]
    assert any(job.delivery.removed_at for job in jobs)
    assert {job.key.partition(":")[0] for job in jobs if job.parent} == {"retry", "pro"}


def test_a_video_that_slack_takes_nowhere_is_collected_wherever_the_process_dies(theatre: Theatre) -> None:
    """Uploads switched off, or every place closed, for a while; Deliver again, pressed twice, pressed too early."""
    for what in ("upload", "share"):
        world = Plan(refuses=(what, 0.0, 300.0), late=1.0, restarts=(2.0,), seed=3)
        calm = theatre.play(world)
        assert only(calm) is JobState.DELIVERED
        assert (calm.collected > 0, calm.billed, calm.videos) == (True, 1, 1)
        points = calm.lives[0]
        first = next(at for at, point in enumerate(points, 1) if point.startswith(f"{what}: before"))
        deaths = range(first, len(points) + 1, 1 if LONG else 4)
        assert failures(theatre.play(replace(world, crashes=(at,))) for at in deaths) == []
        troubled = replace(world, trouble=0.2, jobs=3, people=2)
        outcomes = [theatre.play(replace(troubled, seed=seed)) for seed in range(60 if LONG else 8)]
        assert failures(iter(outcomes)) == []
        ends = {job.failure.code for outcome in outcomes for job in outcome.jobs if job.failure}
        assert FailureCode.UNCOLLECTED in ends  # who never presses
        assert any(job.state is JobState.DELIVERED for outcome in outcomes for job in outcome.jobs)


def test_a_wish_to_cancel_that_is_lost_on_the_way_ends_the_job_once_and_honestly(theatre: Theatre) -> None:
    plans = [Plan(cancels=1.0, trouble=0.3, jobs=3, render=120.0, seed=seed) for seed in range(60 if LONG else 24)]
    outcomes = [theatre.play(plan) for plan in plans]
    assert failures(iter(outcomes)) == []
    fates = {what.rpartition(": ")[2] for outcome in outcomes for _, what in outcome.trace if what.startswith("cancel")}
    assert fates == {"fine", "lost", "silence", "unreachable"}


def test_the_same_plan_runs_the_same_way(theatre: Theatre) -> None:
    def history(seed: int) -> object:
        outcome = theatre.play(random_plan(seed))
        return outcome.lives, [at for at, _ in outcome.trace], [job.state for job in outcome.jobs]

    assert [history(seed) for seed in range(4)] == [history(seed) for seed in range(4)]


def done(outcome: Outcome) -> Counter[str]:
    """Return how often each thing was done that is no commit."""
    return Counter(point for life in outcome.lives for point in life if not point.startswith("commit"))


def only(outcome: Outcome) -> JobState:
    assert outcome.bad == []
    (job,) = outcome.jobs
    return job.state


def died_at(theatre: Theatre, world: Plan, name: str, *, nth: int = 0) -> tuple[int, ...]:
    points = theatre.play(world).lives[0]
    return ([at for at, point in enumerate(points, 1) if point == name][nth],)


def test_with_an_own_host_nobody_is_asked_while_the_inputs_were_not_fetched(theatre: Theatre) -> None:
    world = Plan(late=5.0)
    for point in ("create: before", "create: in flight"):
        outcome = theatre.play(replace(world, crashes=died_at(theatre, world, point)))
        assert only(outcome) is JobState.DELIVERED
        assert (outcome.asked, outcome.billed) == (0, 1)


def test_a_lost_answer_is_found_in_the_list_once_our_key_is_known(theatre: Theatre) -> None:
    for revocable in (True, False):
        world = Plan(revocable=revocable, fetch_at="create", restarts=(8.0,), render=40.0, key_known=True)
        outcome = theatre.play(replace(world, crashes=died_at(theatre, world, "create: answered")))
        assert only(outcome) is JobState.DELIVERED
        assert (outcome.asked, outcome.billed) == (0, 1)


def test_before_our_key_is_known_nothing_is_adopted(theatre: Theatre) -> None:
    world = Plan(revocable=False, key_known=False, answers="stop", restarts=(8.0,))
    outcome = theatre.play(replace(world, crashes=died_at(theatre, world, "create: answered")))
    assert only(outcome) is JobState.CANCELLED
    assert (outcome.asked, outcome.billed) == (1, 1)


def test_a_call_whose_inputs_were_fetched_and_which_is_never_listed_is_asked_about(theatre: Theatre) -> None:
    outcome = theatre.play(Plan(lost_creates=("fetched only",), answers="never"))
    assert only(outcome) is JobState.FAILED
    assert outcome.asked == 1
    assert outcome.jobs[0].failure is not None
    assert outcome.jobs[0].failure.code is FailureCode.UNANSWERED


def test_the_answer_to_the_paid_call_is_not_forgotten_while_the_disk_is_full(theatre: Theatre) -> None:
    """The counter-example to storing it once: the id went with the failed commit, and the call was settled as lost."""
    world = Plan(revocable=False, key_known=False)
    sent = next(at for at, what in theatre.play(world).trace if what.startswith("create"))
    outcome = theatre.play(replace(world, disk_full=(sent + 0.01, 500.0)))
    assert [at for at, what in outcome.trace if what.startswith("create")] == [sent]
    assert only(outcome) is JobState.DELIVERED
    assert (outcome.asked, outcome.billed) == (0, 1)


def test_a_bot_that_starts_on_a_full_disk_works_once_there_is_room(theatre: Theatre) -> None:
    world = Plan(disk_full=(30.0, 300.0), restarts=(2.0,))
    outcome = theatre.play(replace(world, crashes=died_at(theatre, Plan(), "query: before")))
    assert only(outcome) is JobState.DELIVERED


def test_what_a_failed_job_gave_away_is_taken_back_once_the_disk_takes_it(theatre: Theatre) -> None:
    """The counter-example to taking it back at the start only: seed 1000056444 started on a full disk."""
    world = Plan(moderated=1.0, restarts=(30.0,))
    for plan in singles(theatre, world):
        at = {what.partition(" ")[0]: at for at, what in theatre.play(plan).trace}
        if at.get("DEATH", 0.0) >= at["task-1"]:  # it failed already
            assert theatre.play(replace(plan, disk_full=(at["DEATH"] + 1.0, at["DEATH"] + 100.0))).bad == []


@pytest.mark.parametrize("revocable", [True, False], ids=["local", "modelstudio"])
def test_while_nothing_can_be_stored_nothing_is_done_again_and_again(theatre: Theatre, *, revocable: bool) -> None:
    """What cannot be noted has to be repeated: files of 200 MB would be brought and sent every five seconds."""
    world = Plan(revocable=revocable)
    usual = done(theatre.play(world))
    for start in (0.2, 0.4, 0.6, 1.0, 1.4, *range(2, 60, 12)):  # the first while its files are shown
        outcome = theatre.play(replace(world, disk_full=(start, start + 2000.0)))
        assert only(outcome) is JobState.DELIVERED
        more = done(outcome) - usual
        assert max(more.values(), default=0) <= 3, f"full from {start} s: {more}"


def test_a_share_that_takes_effect_twenty_seconds_late_is_not_sent_again_before(theatre: Theatre) -> None:
    """The counter-example to a patience of ten seconds: seed 1000000507 showed the video twice."""
    world = Plan(late=20.0, lag=20.0)
    outcome = theatre.play(replace(world, crashes=died_at(theatre, world, "share: in flight")))
    assert only(outcome) is JobState.DELIVERED
    assert outcome.videos == 1


def test_a_clock_that_was_set_on_by_an_hour_hurries_no_second_share(theatre: Theatre) -> None:
    world = Plan(late=20.0, jumps=(HOUR,))
    outcome = theatre.play(replace(world, crashes=died_at(theatre, world, "share: in flight")))
    assert only(outcome) is JobState.DELIVERED
    assert outcome.videos == 1


def test_a_late_orphan_of_a_disarmed_call_is_never_taken_for_the_next_one(theatre: Theatre) -> None:
    """The counter-example to adopting what is listed and falling back when it fails: see ``Settler``."""
    for late in (0.15, 1.0, 5.0, 20.0):
        for fetch_at in ("create", "start"):
            world = Plan(late=late, lag=late, fetch_at=fetch_at, lost_creates=("lost", "lost"), render=20.0)
            outcome = theatre.play(world)
            assert only(outcome) is JobState.DELIVERED
            assert outcome.billed == 1
