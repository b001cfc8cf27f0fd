from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from builders import NOW, PRICES, QUICK
from hypothesis import given
from hypothesis import strategies as st

from bot.job import JobState
from bot.order import Kind, Quality
from bot.queue import (
    HOST_AHEAD,
    Prices,
    Turn,
    in_order,
    may_submit,
    movable,
    next_move_at,
    places_free,
    render_seconds,
    standing,
    submitting,
)

UNDER_WAY = [JobState.SUBMITTING, JobState.RENDERING]
WAITING = [JobState.QUEUED, JobState.READY]


def turn(name: str, requester: str = "ada", **changes: Any) -> Turn:
    facts: dict[str, Any] = {"created_at": NOW, "state": JobState.READY, "due_at": NOW, "hosted": True, "seconds": 5.0}
    return Turn(id=name, requester=requester, **facts | changes)


@st.composite
def lines(draw: st.DrawFn) -> list[Turn]:
    number = draw(st.integers(0, 14))
    made = []
    for index in range(number):
        state = draw(st.sampled_from([*WAITING, JobState.READY, *UNDER_WAY]))
        made.append(
            turn(
                f"j{index:02}",
                draw(st.sampled_from(["ada", "bob", "cyd"])),
                created_at=NOW - draw(st.integers(0, 20)),
                state=state,
                due_at=NOW + draw(st.sampled_from([-5, 0, 0, 0, 7])),
                hosted=draw(st.booleans()),
                asks=state in UNDER_WAY and draw(st.booleans()),
                submitted_at=NOW - 10 if state in UNDER_WAY else None,
            )
        )
    return draw(st.permutations(made))


PLACES = st.integers(1, 4)


@QUICK
@given(lines())
def test_everybody_who_waits_has_exactly_one_place_in_line(turns: list[Turn]) -> None:
    assert Counter(t.id for t in in_order(turns)) == Counter(t.id for t in turns if t.waits)


@QUICK
@given(lines())
def test_nobody_is_overtaken_by_a_later_turn_of_somebody_who_has_had_more(turns: list[Turn]) -> None:
    """Who stands further back has had, with those ahead, at least as many turns."""
    had = Counter(t.requester for t in turns if t.holds_place)
    ranks = []
    for t in in_order(turns):
        ranks.append((had[t.requester], t.created_at, t.id))
        had[t.requester] += 1
    assert ranks == sorted(ranks)


@QUICK
@given(lines())
def test_each_persons_jobs_keep_the_order_in_which_they_were_asked_for(turns: list[Turn]) -> None:
    for person in ("ada", "bob", "cyd"):
        own = [(t.created_at, t.id) for t in in_order(turns) if t.requester == person]
        assert own == sorted(own)


@QUICK
@given(lines(), st.randoms())
def test_the_line_does_not_depend_on_the_order_of_the_rows(turns: list[Turn], random: Any) -> None:
    shuffled = list(turns)
    random.shuffle(shuffled)
    assert in_order(shuffled) == in_order(turns)


@QUICK
@given(lines(), st.sampled_from(["ada", "bob", "cyd"]))
def test_a_new_job_overtakes_nobody_who_has_had_no_more_turns_and_takes_nobodys_order(
    turns: list[Turn], who: str
) -> None:
    before = in_order(turns)
    after = in_order([*turns, turn("new", who, created_at=NOW + 1)])
    assert [t for t in after if t.id != "new"] == before
    if not any(t.requester == who and (t.waits or t.holds_place) for t in turns):
        ahead = before[: [t.id for t in after].index("new")]
        assert all(turns_each == 1 for turns_each in Counter(t.requester for t in ahead).values())


def test_twenty_jobs_of_one_person_do_not_hold_up_another_persons_one() -> None:
    twenty = [turn(f"a{n:02}", "ada", created_at=NOW + n) for n in range(20)]
    line = in_order([*twenty, turn("b", "bob", created_at=NOW + 100)])
    assert [t.id for t in line[:3]] == ["a00", "b", "a01"]


def test_who_has_one_under_way_lets_the_others_go_first() -> None:
    turns = [
        turn("a0", state=JobState.RENDERING),
        turn("a1", created_at=NOW + 1),
        turn("b", "bob", created_at=NOW + 2),
    ]
    assert [t.id for t in in_order(turns)] == ["b", "a1"]


def test_a_job_that_asks_its_requester_takes_no_place_and_no_turn() -> None:
    asks = turn("a0", state=JobState.SUBMITTING, asks=True)
    assert not submitting([asks])
    assert places_free([asks], 2) == 2
    assert [t.id for t in in_order([asks, turn("a1"), turn("b", "bob", created_at=NOW + 1)])] == ["a1", "b"]


@QUICK
@given(lines(), PLACES)
def test_a_hosted_job_moves_only_when_it_may_be_submitted(turns: list[Turn], places: int) -> None:
    """Else the engine would give it a step that can do nothing, again and again."""
    hosted = {t.id for t in turns if t.hosted}
    for job_id in movable(turns, places, NOW):
        assert job_id not in hosted or may_submit(turns, job_id, places)


@QUICK
@given(lines(), PLACES)
def test_nothing_hosted_moves_while_nothing_is_free_or_one_is_being_submitted(turns: list[Turn], places: int) -> None:
    if submitting(turns) or not places_free(turns, places):
        hosted = {t.id for t in turns if t.hosted}
        assert not hosted & set(movable(turns, places, NOW))
        assert not any(may_submit(turns, t.id, places) for t in turns)


@QUICK
@given(lines(), PLACES)
def test_only_jobs_near_their_turn_move_and_none_before_its_time(turns: list[Turn], places: int) -> None:
    moves = movable(turns, places, NOW)
    by_id = {t.id: t for t in turns}
    troubled = {t.id for t in turns if not t.hosted and t.due_at > NOW}
    ready = [t.id for t in in_order(turns) if t.state is JobState.READY and t.id not in troubled]
    assert all(by_id[name].due_at <= NOW for name in moves)
    assert set(moves) <= set(ready[: places_free(turns, places) + HOST_AHEAD])


@QUICK
@given(lines(), PLACES)
def test_the_first_in_line_moves_moves_later_or_waits_for_somebody_elses_end(turns: list[Turn], places: int) -> None:
    """No job is forgotten: if nothing can move now, a time or another job's end will move it."""
    ready = [t for t in in_order(turns) if t.state is JobState.READY]
    if not ready:
        assert movable(turns, places, NOW) == []
        assert next_move_at(turns, places, NOW) is None
        return
    waits_for_others = submitting(turns) or not places_free(turns, places)
    moves_now = ready[0].id in movable(turns, places, NOW)
    at = next_move_at(turns, places, NOW)
    assert moves_now or at == ready[0].due_at > NOW or (waits_for_others and ready[0].hosted)


@QUICK
@given(lines(), PLACES)
def test_no_more_tasks_are_submitted_than_there_are_places(turns: list[Turn], places: int) -> None:
    """Whoever may submit is submitted, one after the other, until nobody may."""
    turns = [replace(t, state=JobState.RENDERING) if t.state is JobState.SUBMITTING else t for t in turns]
    held = sum(t.holds_place for t in turns)
    while allowed := [t for t in turns if may_submit(turns, t.id, places)]:
        first = min(allowed, key=in_order(turns).index)
        turns = [replace(t, state=JobState.RENDERING) if t is first else t for t in turns]
    assert sum(t.holds_place for t in turns) <= max(places, held)
    if any(t.state is JobState.READY and t.hosted for t in turns):
        assert places_free(turns, places) == 0


def test_files_are_put_out_for_two_turns_ahead_and_no_more() -> None:
    full = [turn("r1", "x", state=JobState.RENDERING), turn("r2", "y", state=JobState.RENDERING)]
    line = [turn(f"a{n}", f"p{n}", created_at=NOW + n, hosted=False) for n in range(5)]
    assert movable([*full, *line], 2, NOW) == ["a0", "a1"]
    assert movable(line, 2, NOW) == ["a0", "a1", "a2", "a3"]


def test_nobody_is_asked_for_again_while_the_service_wished_us_to_wait() -> None:
    waits = turn("a0", due_at=NOW + 30)
    turns = [waits, turn("b0", "bob", created_at=NOW + 1)]
    assert movable(turns, 2, NOW) == []
    assert next_move_at(turns, 2, NOW) == NOW + 30
    assert movable(turns, 2, NOW + 30) == ["a0", "b0"]


def test_a_job_whose_own_files_cannot_be_had_at_the_moment_holds_up_nobody() -> None:
    """It is put off because of its own file (nothing of it is hosted), not because the service wished us to wait."""
    own_trouble = turn("a0", due_at=NOW + 300, hosted=False)
    turns = [own_trouble, turn("b0", "bob", created_at=NOW + 1)]
    assert movable(turns, 1, NOW) == ["b0"]
    assert may_submit(turns, "b0", 1)


@pytest.mark.parametrize(("places", "allowed"), [(1, []), (2, ["a"]), (3, ["a", "b"])])
def test_as_many_as_there_are_places_may_be_submitted(places: int, allowed: list[str]) -> None:
    turns = [turn("r", "x", state=JobState.RENDERING), turn("a", "ada"), turn("b", "bob", created_at=NOW + 1)]
    assert [t.id for t in turns if may_submit(turns, t.id, places)] == allowed


def test_a_waiting_job_knows_its_place_and_how_long_everything_before_it_takes() -> None:
    running = turn("r", "x", state=JobState.RENDERING, submitted_at=NOW - 100)
    turns = [running, turn("a"), turn("b", "bob", created_at=NOW + 1, quality=Quality.PRO)]
    standard, pro = render_seconds(5.0, Quality.STANDARD), render_seconds(5.0, Quality.PRO)
    first, second = standing(turns, "a", 1, NOW), standing(turns, "b", 1, NOW)
    assert first is not None
    assert second is not None
    assert (first.place, second.place) == (1, 2)
    assert first.wait == pytest.approx(standard - 100 + standard)
    assert second.wait == pytest.approx(standard - 100 + standard + pro)
    both = standing(turns, "b", 2, NOW)
    assert both is not None
    assert both.wait == pytest.approx((standard - 100 + standard) / 2 + pro)


def test_a_task_that_takes_longer_than_usual_shortens_nobodys_wait() -> None:
    turns = [turn("r", "x", state=JobState.RENDERING, submitted_at=NOW - 10_000), turn("a")]
    found = standing(turns, "a", 1, NOW)
    assert found is not None
    assert found.wait == render_seconds(5.0, Quality.STANDARD)


def test_who_does_not_wait_has_no_place_in_line() -> None:
    assert standing([turn("r", state=JobState.RENDERING)], "r", 1, NOW) is None
    assert standing([], "never", 1, NOW) is None


@QUICK
@given(lines(), PLACES)
def test_nobody_further_back_is_promised_an_earlier_start(turns: list[Turn], at_once: int) -> None:
    found = [standing(turns, t.id, at_once, NOW) for t in in_order(turns)]
    assert [s.place for s in found if s] == list(range(1, len(found) + 1))
    waits = [s.wait for s in found if s]  # all clips are equally long here
    assert waits == sorted(waits)


def test_the_price_is_that_of_the_kind_and_quality_times_the_seconds() -> None:
    prices = Prices("USD", {**PRICES.per_second, (Kind.SWAP, Quality.PRO): 0.26})
    assert prices.of(Kind.SWAP, Quality.PRO, 5.0) == pytest.approx(1.3)
    assert prices.of(Kind.ANIMATE, Quality.STANDARD, 5.0) == pytest.approx(0.5)
