from __future__ import annotations

import math
import random

import pytest
from builders import NOW, QUICK
from hypothesis import given
from hypothesis import strategies as st

from bot.estimate import (
    CLOSE_SECONDS,
    DOCUMENTED,
    LOOKS_PER_SECOND,
    REMEMBERED,
    TRUSTED,
    UNSURE_SECONDS,
    Estimate,
    Sample,
    learn,
    next_look,
)
from bot.order import Quality

STANDARD = Quality.STANDARD
POLL = 15.0


def tasks(number: int, *, start: float = 20.0, rate: float = 11.0, spread: float = 0.2, seed: int = 1) -> list[Sample]:
    """Tasks of a service that is not as fast as documented."""
    chance = random.Random(seed)
    lengths = [chance.uniform(2.0, 30.0) for _ in range(number)]
    return [Sample(s, (start + rate * s) * math.exp(chance.gauss(0.0, spread))) for s in lengths]


def look(estimate: Estimate, worked: float, *, seconds: float = 10.0, poll: float = POLL, submitted: int = 1) -> float:
    """How long after a look at a task that has worked so long the next one follows."""
    started_at = NOW - worked
    at = next_look(estimate, seconds, NOW, poll=poll, running=True, started_at=started_at, submitted=submitted)
    return at - NOW


KNOWN = learn(tasks(60), STANDARD)
SAMPLES = st.lists(st.builds(Sample, st.floats(0.5, 60), st.floats(0.1, 10_000)), max_size=30)


@pytest.mark.parametrize("quality", Quality)
def test_without_a_history_the_documented_rate_holds(quality: Quality) -> None:
    found = learn([], quality)
    assert found == DOCUMENTED[quality]
    assert not found.trusted


def test_the_vendors_sample_is_met() -> None:
    assert DOCUMENTED[STANDARD].usual(5.2) == pytest.approx(147 + 15, rel=0.05)


@pytest.mark.parametrize("seconds", [3.0, 10.0, 25.0])
def test_what_tasks_took_is_learned(seconds: float) -> None:
    found = learn(tasks(60), STANDARD)
    assert found.trusted
    assert found.usual(seconds) == pytest.approx(20 + 11 * seconds, rel=0.1)
    assert found.most(seconds) == pytest.approx((20 + 11 * seconds) * math.exp(1.28 * 0.2), rel=0.12)


def test_fixed_part_and_rate_are_told_apart() -> None:
    found = learn(tasks(60, start=60.0, rate=5.0, spread=0.02), STANDARD)
    assert found.start == pytest.approx(60, abs=5)
    assert found.per_second == pytest.approx(5, abs=0.4)


def test_where_all_videos_are_equally_long_the_fixed_part_stays_the_documented() -> None:
    found = learn([Sample(5.0, 100.0)] * 20, STANDARD)
    assert found.start == 15.0
    assert found.usual(5.0) == pytest.approx(100.0)


def test_one_task_does_not_outvote_the_documentation() -> None:
    assert learn([Sample(5.0, 4000.0)], STANDARD).per_second == DOCUMENTED[STANDARD].per_second


def test_a_few_tasks_that_agree_do() -> None:
    found = learn(tasks(3, spread=0.0), STANDARD)
    assert found.usual(10.0) == pytest.approx(130.0, rel=0.1)
    assert not found.trusted


def test_outliers_hardly_matter() -> None:
    stuck = [Sample(10.0, 9000.0)] * 6
    clean, spoiled = learn(tasks(54), STANDARD), learn([*stuck, *tasks(54)], STANDARD)
    assert spoiled.usual(10.0) == pytest.approx(clean.usual(10.0), rel=0.1)
    assert spoiled.spread == pytest.approx(clean.spread, rel=0.3)


def test_the_fewer_tasks_the_wider_the_guess() -> None:
    widths = [learn(tasks(number, spread=0.05), STANDARD).spread for number in (5, 20, 80)]
    assert widths == sorted(widths, reverse=True)


def test_only_the_latest_are_remembered() -> None:
    recent, old = tasks(REMEMBERED), tasks(REMEMBERED, rate=50.0)
    assert learn([*recent, *old], STANDARD) == learn(recent, STANDARD)


def test_what_cannot_be_a_task_teaches_nothing() -> None:
    assert learn([Sample(0.0, 10.0), Sample(5.0, 0.0), Sample(5.0, -3.0)], STANDARD) == DOCUMENTED[STANDARD]


@QUICK
@given(SAMPLES, st.just(0.0) | st.floats(0.001, 60.0))
def test_whatever_was_seen_an_estimate_is_in_order(samples: list[Sample], seconds: float) -> None:
    found = learn(samples, STANDARD)
    assert 0 < found.earliest(seconds) < found.latest(seconds) < math.inf or found.usual(seconds) == 0
    assert found.earliest(seconds) <= found.usual(seconds) <= found.most(seconds) <= found.latest(seconds)


@QUICK
@given(SAMPLES, st.none() | st.floats(-100, 10_000), st.floats(0.05, 60), st.integers(0, 10), st.booleans())
def test_the_next_look_is_ahead_and_never_later_than_wished(
    samples: list[Sample], worked: float | None, poll: float, submitted: int, running: bool
) -> None:
    at = next_look(
        learn(samples, STANDARD),
        5.0,
        NOW,
        poll=poll,
        running=running,
        started_at=None if worked is None else NOW - worked,
        submitted=submitted,
    )
    assert NOW < at <= NOW + max(poll, submitted / LOOKS_PER_SECOND) + 1e-6


def test_a_task_that_cannot_have_ended_yet_is_asked_about_seldom() -> None:
    assert look(KNOWN, 0.0) == POLL
    assert look(KNOWN, KNOWN.earliest(10.0) - 20.0) == POLL


def test_the_last_look_before_the_watch_falls_on_its_beginning() -> None:
    assert look(KNOWN, KNOWN.earliest(10.0) - 7.0) == pytest.approx(7.0)


@pytest.mark.parametrize("share", [0.7, 1.0, 1.5])
def test_around_its_end_a_task_is_watched_closely(share: float) -> None:
    assert look(KNOWN, share * KNOWN.usual(10.0)) == pytest.approx(CLOSE_SECONDS)


def test_what_is_overdue_is_asked_about_less_and_less() -> None:
    waits = [look(KNOWN, KNOWN.latest(10.0) + late) for late in (0.0, 30.0, 100.0, 1000.0)]
    assert waits == pytest.approx([CLOSE_SECONDS, 3.0, 10.0, POLL])


def test_without_a_history_what_runs_is_asked_about_evenly() -> None:
    few = learn(tasks(TRUSTED - 1), STANDARD)
    assert [look(few, worked) for worked in (0.0, 100.0, 1000.0)] == [UNSURE_SECONDS] * 3


def test_a_task_of_which_nobody_says_when_it_began_is_asked_about_evenly() -> None:
    at = next_look(KNOWN, 10.0, NOW, poll=POLL, running=True, started_at=None, submitted=1)
    assert at - NOW == UNSURE_SECONDS


def test_a_task_that_waits_is_asked_about_seldom_but_before_it_can_have_ended() -> None:
    def wait(estimate: Estimate, seconds: float) -> float:
        return next_look(estimate, seconds, NOW, poll=POLL, running=False, started_at=None, submitted=2) - NOW

    assert wait(KNOWN, 10.0) == POLL
    quick = learn([Sample(2.0, 10.0)] * 20, STANDARD)
    assert 1.0 < wait(quick, 2.0) < 10.0
    assert wait(quick, 2.0) == pytest.approx(quick.earliest(2.0))


def test_a_service_that_became_faster_is_watched_from_earlier_at_once() -> None:
    usual = KNOWN.usual(10.0)
    after = learn([Sample(10.0, usual / 2), *tasks(60)], STANDARD)
    assert after.earliest(10.0) < usual / 2 < KNOWN.earliest(10.0)


def test_a_clock_of_the_service_ahead_of_ours_puts_nothing_beyond_the_longest_time() -> None:
    assert look(KNOWN, -3600.0) == POLL


@pytest.mark.parametrize("submitted", [30, 2000])
def test_however_many_tasks_there_are_the_account_is_not_asked_more_often_than_it_may(submitted: int) -> None:
    waits = [look(KNOWN, share * KNOWN.usual(10.0), submitted=submitted) for share in (0.1, 1.0)]
    assert submitted / min(waits) <= LOOKS_PER_SECOND + 1e-6


@pytest.mark.parametrize("length", [3.0, 10.0, 28.0])
def test_nearly_every_end_falls_into_the_watch(length: float) -> None:
    chance = random.Random(3)
    ends = [(20 + 11 * length) * math.exp(chance.gauss(0.0, 0.2)) for _ in range(2000)]
    watched = [KNOWN.earliest(length) <= end <= KNOWN.latest(length) for end in ends]
    assert sum(watched) / len(watched) > 0.98
