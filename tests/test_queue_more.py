"""Everybody's place at once, and what the service still has to do before."""

from __future__ import annotations

import time
from typing import Any

import pytest
from builders import NOW

from bot.estimate import DOCUMENTED, Estimate
from bot.job import JobState
from bot.order import Quality
from bot.queue import Turn, in_order, render_seconds, standing, standings

PACE = {quality: Estimate(start=10.0, per_second=2.0, tasks=50) for quality in Quality}
USUAL = 20.0  # of every clip here


def turn(name: str, requester: str = "ada", **changes: Any) -> Turn:
    facts: dict[str, Any] = {"created_at": NOW, "state": JobState.READY, "due_at": NOW, "hosted": True, "seconds": 5.0}
    return Turn(id=name, requester=requester, **facts | changes)


def at_service(name: str, ago: float, **changes: Any) -> Turn:
    return turn(name, f"of-{name}", state=JobState.RENDERING, submitted_at=NOW - ago, **changes)


def test_all_places_at_once_are_the_places_one_by_one() -> None:
    turns = [at_service("r", 5.0), *(turn(f"j{n}", "abc"[n % 3], created_at=NOW + n) for n in range(9))]
    found = standings(turns, 1, NOW)
    assert list(found) == [t.id for t in in_order(turns)]
    assert found == {t.id: standing(turns, t.id, 1, NOW) for t in turns if t.waits}


def test_an_empty_line_has_no_places() -> None:
    assert standings([], 1, NOW) == {}


def test_waits_follow_what_was_learned_here() -> None:
    turns = [turn("a"), turn("b", "bob", created_at=NOW + 1)]
    assert [found.wait for found in standings(turns, 1, NOW, PACE).values()] == [USUAL, 2 * USUAL]
    assert render_seconds(5.0, Quality.PRO, PACE) == USUAL
    assert render_seconds(5.0, Quality.PRO) == DOCUMENTED[Quality.PRO].usual(5.0)


def test_a_task_that_waits_at_the_service_still_has_all_its_work_before_it() -> None:
    """However long ago it was given to it."""
    turns = [at_service("r", 300.0, started_at=NOW - 5.0), at_service("next", 290.0), turn("a")]
    assert standings(turns, 1, NOW, PACE)["a"].wait == pytest.approx((USUAL - 5.0) + USUAL + USUAL)


def test_what_runs_counts_from_when_it_began_if_that_is_known() -> None:
    assert standings([at_service("r", 18.0), turn("a")], 1, NOW, PACE)["a"].wait == pytest.approx(2.0 + USUAL)
    begun = at_service("r", 18.0, started_at=NOW - 4.0)
    assert standings([begun, turn("a")], 1, NOW, PACE)["a"].wait == pytest.approx(16.0 + USUAL)


def test_a_service_whose_clock_is_ahead_has_no_more_than_its_work_left() -> None:
    begun = at_service("r", 18.0, started_at=NOW + 100.0)
    assert standings([begun, turn("a")], 1, NOW, PACE)["a"].wait == pytest.approx(2 * USUAL)


def test_a_long_line_is_not_worked_out_in_the_square_of_its_length() -> None:
    turns = [turn(f"j{n}", f"p{n % 50}", created_at=NOW + n) for n in range(20_000)]
    began = time.process_time()
    assert len(standings(turns, 1, NOW)) == len(turns)
    assert time.process_time() - began < 5.0  # one by one it takes ten minutes
