"""Nothing fails that a wait can save: services away for minutes or a day, ten minutes of refusals, an idle bot."""

from __future__ import annotations

import asyncio
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

import pytest
from turned import LONG

from bot.demo import slack as at_slack
from bot.demo import studio_trouble as at_studio
from bot.demo.proxy import LOST_ANSWER, MUTE, cut, delayed, drip

if TYPE_CHECKING:
    from turned import Turned, TurnedWorkplace
    from world import Opened

    from bot.demo.studio_state import StudioTask

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
PEOPLE = ("ada", "ben")
LINE = 12 if LONG else 6
JOBS = 3 if LONG else 1


async def orders(place: TurnedWorkplace, number: int) -> None:
    for index in range(number):
        await place.order("/swap" if index % 3 == 2 else "/animate", who=PEOPLE[index % len(PEOPLE)])
        place.turn(2.0)  # people are not so quick that Slack would count their forms


@pytest.mark.parametrize("away", [10 * MINUTE, DAY] if LONG else [10 * MINUTE])
async def test_slack_may_be_away_and_the_video_is_posted_when_it_is_back(turned: Turned, away: float) -> None:
    place = await turned(through=True, task_seconds=HOUR)
    await orders(place, JOBS)
    await place.go_on(lambda: {state for state, _ in place.states()} == {"rendering"}, within=HOUR)
    await place.slack_proxy.refuse()
    for task in [*place.studio.tasks.values()]:
        place.studio.finish(task.id)
        await place.studio.wait_for(partial(ended, task))
    await place.pass_time(away)
    # The service forgets its videos after a day; they were fetched when they were done.
    assert all(state == "rendered" for state, _ in place.states())
    place.studio.advance(2 * DAY)
    await place.slack_proxy.accept()
    await place.go_on(place.shown, within=HOUR)
    assert place.judge(jobs=JOBS) == {"delivered": JOBS}


@pytest.mark.parametrize("state", ["queued", "ready", "rendering"] if LONG else ["rendering"])
async def test_model_studio_may_be_away_for_hours_in_any_state(turned: Turned, state: str) -> None:
    place = await turned(through=True)
    if state != "rendering":
        await place.studio_proxy.refuse()
    await orders(place, JOBS)
    if state != "queued":
        await place.go_on(lambda: any(found == state for found, _ in place.states()), within=HOUR)
    await place.studio_proxy.refuse()
    # What is rendering there is forgotten by the service after a day: so long nobody can save it.
    await place.pass_time(5 * HOUR if state == "rendering" else 25 * HOUR)
    await place.studio_proxy.accept()
    await place.go_on(place.shown, within=3 * HOUR)
    assert place.judge(jobs=JOBS) == {"delivered": JOBS}


@pytest.mark.skipif(not LONG, reason="each of them is away in a test of its own: LONG_TESTS=1")
async def test_both_may_be_away_and_the_bot_may_be_restarted_meanwhile(turned: Turned) -> None:
    place = await turned(through=True)
    await orders(place, 1)
    await place.go_on(lambda: "rendering" in str(place.states()), within=HOUR)
    await place.slack_proxy.refuse()
    await place.studio_proxy.refuse()
    for _ in range(3):
        await place.pass_time(HOUR)
        await place.bot.crash()
        await place.bot.start()
    await place.studio_proxy.accept()
    await place.slack_proxy.accept()
    await place.go_on(place.shown, within=3 * HOUR)
    assert place.judge(jobs=1) == {"delivered": 1}


@pytest.mark.parametrize("kind", ["429", "5xx"] if LONG else ["429"])
async def test_ten_minutes_in_which_nine_of_ten_answers_are_refusals_fail_no_job(turned: Turned, kind: str) -> None:
    place = await turned()
    slack = at_slack.rate_limited(3) if kind == "429" else at_slack.http_status(503)
    studio = at_studio.rate_limited() if kind == "429" else at_studio.http_status(500)
    await orders(place, 2)
    for seed, where in enumerate((at_slack.ANY, at_slack.DOWNLOAD, at_slack.UPLOAD)):
        place.slack.trouble.sometimes(where, slack, 0.9, seed=seed)
    # A 500 after the paid call leaves it open whether it was taken, and is then its requester's to decide.
    calls = ("query", "result", "list", *(("create",) if kind == "429" else ()))
    for seed, operation in enumerate(calls):
        place.studio.trouble.sometimes(operation, studio, 0.9, seed=seed)
    began = Counter(place.slack.calls.counts()), Counter(place.studio.requests)
    await place.pass_time(10 * MINUTE)
    asked = place.slack.calls.counts() - began[0], Counter(place.studio.requests) - began[1]
    # Refused is not asked again at once: a handful for each job, not a hail.
    assert max(asked[0].values(), default=0) <= 60, asked
    assert max(asked[1].values(), default=0) <= 60, asked
    place.slack.trouble.clear()
    place.studio.trouble.clear()
    await place.go_on(place.shown, within=2 * HOUR)
    assert place.judge(jobs=2) == {"delivered": 2}


async def test_an_idle_bot_asks_nobody_anything(workplaces: Opened) -> None:
    place = await workplaces()
    await place.order()
    await place.until(lambda: "Done" in place.card())
    await asyncio.sleep(0.5)
    slack, studio = len(place.slack.calls), len(place.studio.calls)
    await asyncio.sleep(3.0 if LONG else 1.5)
    assert (len(place.slack.calls), len(place.studio.calls)) == (slack, studio)


def ended(task: StudioTask) -> bool:
    return task.ended_at is not None


def told(place: TurnedWorkplace, done: int) -> bool:
    return sum("Done" in place.card(index) for index in range(LINE)) >= done


@pytest.mark.skipif(not LONG, reason="the long form: LONG_TESTS=1")
async def test_minutes_of_a_long_line_cost_at_most_thirty_edits_each_and_ends_are_shown_first(
    turned: Turned,
) -> None:
    place = await turned(task_seconds=3600.0)
    await orders(place, LINE)
    await place.settle()
    edits = list[int]()
    for done in range(1, 4 if LONG else 2):
        before = place.slack.calls.count("chat.update")
        await place.pass_time(MINUTE, fine=True)
        edits.append(place.slack.calls.count("chat.update") - before)
        running = next(task for task in place.studio.tasks.values() if task.status == "RUNNING")
        place.studio.finish(running.id)
        await place.studio.wait_for(partial(ended, running))
        await place.go_on(partial(told, place, done), within=30, fine=True)
    assert max(edits) <= 30, edits
    assert not place.slack.api.limits.exceeded


WIRE = (MUTE, LOST_ANSWER, cut(1), cut(300), cut(5000), delayed(0.1), drip(50_000.0))


@pytest.mark.parametrize("seed", range(1, 9) if LONG else [1])
async def test_connections_may_break_anywhere_on_the_wire(turned: Turned, seed: int) -> None:
    place = await turned(through=True, settings={"FILE_HOST": "local" if seed % 2 else "modelstudio"})
    for number, proxy in enumerate((place.slack_proxy, place.studio_proxy)):
        proxy.sometimes(*WIRE, probability=0.6, seed=10 * seed + number)
    await orders(place, JOBS)
    # A create whose answer is lost may end in a question: nobody answers it here.
    await place.go_on(place.ended, within=DAY)
    place.slack_proxy.clear()
    place.studio_proxy.clear()
    await place.go_on(place.shown, within=HOUR)
    assert set(place.judge(jobs=JOBS)) <= {"delivered", "unclear"}
    assert min(place.slack_proxy.troubled, place.studio_proxy.troubled) > 0
