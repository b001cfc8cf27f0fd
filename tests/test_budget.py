"""Budgets are kept at any pace of asking, learn from refusals, and make nobody else wait."""

from __future__ import annotations

import asyncio
import random

import pytest

from bot.budget import Budget, Budgets, Rate
from bot.errors import Unreachable
from bot.slack.client import CARD_EDITS, EDIT, POST, RATES, rate_of


class Hand:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


RATES_OF_INTEREST = [Rate(1, 1.0), Rate(5, 1.0), Rate(20, 1.0), Rate(30, 60.0), Rate(50, 60.0), Rate(100, 60.0)]


@pytest.mark.parametrize("rate", RATES_OF_INTEREST)
@pytest.mark.parametrize("seed", range(3))
def test_whoever_asks_as_fast_as_they_may_never_gets_more_than_the_rate(rate: Rate, seed: int) -> None:
    clock, dice = Hand(), random.Random(seed)
    budget, made = Budget(rate, clock), list[float]()
    for _ in range(5 * rate.calls + 20):
        clock.now += budget.wait()
        clock.now += dice.choice([0.0, 0.0, 0.0, dice.random() * rate.seconds])
        if budget.wait() <= 1e-6:
            budget.spend()
            made.append(clock.now)
    for index, at in enumerate(made):
        assert sum(at <= other < at + rate.seconds * 0.999 for other in made[index:]) <= rate.calls
    assert len(made) >= 5 * rate.calls


@pytest.mark.parametrize("rate", RATES_OF_INTEREST)
def test_after_a_rest_a_third_may_be_had_at_once_and_in_the_long_run_most_of_it(rate: Rate) -> None:
    clock = Hand()
    budget = Budget(rate, clock)
    for _ in range(rate.burst):
        assert budget.wait() == 0
        budget.spend()
    assert budget.wait() > 0
    began, more = clock.now, 20 * rate.calls
    for _ in range(more):
        clock.now += budget.wait() + 1e-9
        budget.spend()
    assert more / (clock.now - began) >= 0.6 * rate.calls / rate.seconds


def test_a_wish_to_be_left_alone_is_obeyed_to_the_second() -> None:
    clock = Hand()
    budget = Budget(Rate(50, 60.0), clock)
    budget.refused(3600.0)
    assert budget.wait() == 3600
    clock.now += 3599
    assert budget.wait() == 1
    clock.now += 1
    assert budget.wait() == 0


@pytest.mark.parametrize("wish", [None, 0.0, 0.2])
def test_a_refusal_without_a_usable_wish_is_given_a_second(wish: float | None) -> None:
    budget = Budget(Rate(50, 60.0), Hand())
    budget.refused(wish)
    assert budget.wait() == 1


def test_a_shorter_wish_does_not_cut_a_longer_one_short() -> None:
    budget = Budget(Rate(50, 60.0), Hand())
    budget.refused(100.0)
    budget.refused(1.0)
    assert budget.wait() == 100


def test_every_refusal_halves_the_rate_down_to_a_tenth_and_quiet_brings_it_back() -> None:
    clock = Hand()
    budget = Budget(Rate(20, 1.0), clock)
    budget.refused()
    assert budget.share == 0.5
    for _ in range(10):
        budget.refused()
    assert budget.share == 0.1
    clock.now += 61
    assert budget.share == pytest.approx(0.35)
    clock.now += 600
    assert budget.share == 1


@pytest.mark.parametrize("name", ["files.info", EDIT, POST, CARD_EDITS, "reactions.remove", f"{POST} C1"])
async def test_a_bot_that_is_started_again_every_ten_seconds_keeps_every_rate(name: str) -> None:
    clock, made, rate = Hand(), list[float](), rate_of(name)
    for _ in range(30):
        budgets, end = Budgets(rate_of, clock=clock), clock.now + 10
        while clock.now + budgets.wait(name) < end:
            clock.now += budgets.wait(name)
            await budgets.turn(name)
            made.append(clock.now)
        clock.now = end
    for index, at in enumerate(made):
        assert sum(other < at + rate.seconds * 0.999 for other in made[index:]) <= rate.calls


async def test_what_a_process_asks_for_the_first_time_late_has_rested_since_it_began() -> None:
    clock = Hand()
    budgets = Budgets(rate_of, clock=clock)
    clock.now += 60
    for _ in range(rate_of("views.open").burst):
        assert budgets.wait("views.open") == 0
        await budgets.turn("views.open")
    assert budgets.wait("views.open") > 0


def test_less_awaited_calls_leave_some_for_better_ones() -> None:
    budget = Budget(Rate(30, 60.0), Hand())
    for _ in range(5):
        assert budget.wait(spare=0.5) == 0
        budget.spend()
    assert budget.wait(spare=0.5) > 0
    assert budget.wait() == 0


async def test_a_short_wait_is_waited_in_the_order_of_asking() -> None:
    loop, done = asyncio.get_running_loop(), list[int]()
    budgets = Budgets(lambda _: Rate(1, 0.05), clock=loop.time)

    async def call(number: int) -> None:
        await budgets.turn("a method")
        done.append(number)

    began = loop.time()
    await asyncio.gather(*map(call, range(5)))
    assert done == [0, 1, 2, 3, 4]
    assert loop.time() - began >= 0.19


async def test_where_one_call_at_a_time_is_taken_a_new_process_waits_out_the_last_ones() -> None:
    clock = Hand()
    channel = f"{POST} C1"
    for _ in range(3):
        budgets = Budgets(rate_of, clock=clock)
        assert budgets.wait(channel) == 1
        clock.now += 1
        assert budgets.wait(channel) == 0
        await budgets.turn(channel)


async def test_a_long_wait_is_its_owners_and_nothing_is_spent() -> None:
    clock = Hand()
    budgets = Budgets(lambda _: Rate(1, 60.0), clock=clock, rested=60.0)
    await budgets.turn("a method")
    for _ in range(3):
        with pytest.raises(Unreachable) as refused:
            await budgets.turn("a method")
        assert refused.value.retry_after == 60
    clock.now += 60
    await budgets.turn("a method")


async def test_a_refused_method_holds_up_no_other() -> None:
    budgets = Budgets(rate_of, clock=Hand(), rested=60.0)
    budgets.refused(EDIT, 3600.0)
    assert budgets.wait(EDIT) == 3600
    await asyncio.wait_for(budgets.turn(POST, f"{POST} C1"), 0.1)
    await asyncio.wait_for(budgets.turn("files.info"), 0.1)
    await asyncio.wait_for(budgets.turn(POST, f"{POST} C2"), 0.1)
    assert budgets.wait(POST, f"{POST} C1") == 1


async def test_who_waits_while_the_service_refuses_another_does_not_go_on_asking() -> None:
    loop = asyncio.get_running_loop()
    budgets = Budgets(lambda _: Rate(1, 0.1), clock=loop.time)
    await budgets.turn("a method")
    waiting = asyncio.create_task(budgets.turn("a method"))
    await asyncio.sleep(0.01)
    budgets.refused("a method", 30.0)
    with pytest.raises(Unreachable):
        await waiting


async def test_a_name_without_a_rate_never_waits_and_idle_budgets_are_forgotten() -> None:
    clock = Hand()
    budgets = Budgets(lambda name: None if name == "free" else Rate(1, 1.0), clock=clock)
    for number in range(3000):
        await budgets.turn("free", f"channel {number}")
        clock.now += 1
    assert len(budgets._budgets) <= 1001


def test_slacks_tiers_are_what_slack_documents() -> None:
    assert rate_of(EDIT) == Rate(50, 60.0)
    assert rate_of("files.info") == rate_of("views.open") == Rate(100, 60.0)
    assert rate_of("conversations.open") == Rate(50, 60.0)
    assert rate_of(f"{POST} C1") == Rate(1, 1.0)
    assert RATES[CARD_EDITS] == Rate(30, 60.0)
