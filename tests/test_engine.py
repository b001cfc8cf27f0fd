from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from builders import Clock

from bot.engine import AT_ONCE, BREATHER_SECONDS, Engine
from bot.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


@dataclass
class Chores:
    """Work that takes as long as it is told to: each id is due until it was advanced so many times."""

    left: dict[str, int] = field(default_factory=dict)
    at: float | None = None
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    breaks: Callable[[str], Exception | None] = lambda _: None
    unreadable: int = 0
    looked: int = 0
    running: Counter[str] = field(default_factory=Counter)
    most: int = 0
    twice: bool = False
    done: list[str] = field(default_factory=list)
    begun: list[str] = field(default_factory=list)

    async def due(self, now: float) -> tuple[list[str], float | None]:
        self.looked += 1
        if self.unreadable:
            self.unreadable -= 1
            raise StoreUnavailable("no disk")
        return [name for name, times in self.left.items() if times], self.at

    async def advance(self, job_id: str) -> None:
        self.running[job_id] += 1
        self.begun.append(job_id)
        self.twice |= self.running[job_id] > 1
        self.most = max(self.most, self.running.total())
        try:
            await self.gate.wait()
            if (error := self.breaks(job_id)) is not None:
                raise error
            self.left[job_id] -= 1
            self.done.append(job_id)
        finally:
            self.running[job_id] -= 1


def opened(**facts: object) -> Chores:
    chores = Chores(**facts)  # type: ignore[arg-type]
    chores.gate.set()
    return chores


@asynccontextmanager
async def running(engine: Engine) -> AsyncIterator[None]:
    task = asyncio.create_task(engine.run())
    try:
        yield
    finally:
        await engine.stop(within=1)
        await task


async def until(condition: Callable[[], object], within: float = 5.0) -> None:
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110 -- the real thing is watched, not instrumented
            await asyncio.sleep(0.001)


async def some_turns() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


async def test_a_job_gets_its_steps_one_after_the_other_never_two_at_once() -> None:
    chores = opened(left={"a": 5, "b": 3})
    engine = Engine(chores, clock=Clock())
    async with running(engine):
        for _ in range(20):  # as if every button were pressed
            engine.wake()
            await some_turns()
        await until(lambda: len(chores.done) == 8)
    assert Counter(chores.done) == {"a": 5, "b": 3}
    assert not chores.twice


async def test_waking_during_a_step_starts_no_second_one_of_the_same_job() -> None:
    chores = Chores(left={"a": 1})
    engine = Engine(chores, clock=Clock())
    async with running(engine):
        await until(lambda: chores.begun)
        for _ in range(5):
            engine.wake()
            await some_turns()
        assert chores.begun == ["a"]
        chores.gate.set()
        await until(lambda: chores.done)


async def test_no_more_steps_than_the_limit_run_at_once_and_all_get_their_turn() -> None:
    chores = Chores(left={f"j{n}": 1 for n in range(AT_ONCE * 3)})
    engine = Engine(chores, clock=Clock())
    async with running(engine):
        await until(lambda: chores.running.total() == AT_ONCE)
        await some_turns()
        assert chores.most == AT_ONCE
        chores.gate.set()
        await until(lambda: len(chores.done) == AT_ONCE * 3)
    assert chores.most == AT_ONCE


async def test_it_sleeps_until_the_next_time_and_no_longer() -> None:
    clock = Clock()
    chores = opened(at=clock() + 0.15)
    engine = Engine(chores, clock=clock)
    async with running(engine):
        await until(lambda: chores.looked == 1)
        before = time.monotonic()
        chores.left["a"] = 1
        chores.at = None
        await until(lambda: chores.done)
        assert time.monotonic() - before >= 0.1


async def test_with_nothing_to_do_it_does_nothing() -> None:
    chores = opened()
    async with running(Engine(chores, clock=Clock())):
        await asyncio.sleep(0.05)
        assert chores.looked == 1


async def test_waking_makes_it_look_again_at_once() -> None:
    chores = opened(at=Clock()() + 3600)
    engine = Engine(chores, clock=Clock())
    async with running(engine):
        await until(lambda: chores.looked == 1)
        chores.left["a"] = 1
        engine.wake()
        await until(lambda: chores.done, within=1)


async def test_stopping_lets_steps_finish() -> None:
    chores = Chores(left={"a": 1})
    engine = Engine(chores, clock=Clock())
    task = asyncio.create_task(engine.run())
    await until(lambda: chores.begun)
    asyncio.get_running_loop().call_later(0.05, chores.gate.set)
    await engine.stop(within=5)
    await task
    assert chores.done == ["a"]
    assert not engine.alive


async def test_stopping_leaves_late_steps_within_its_bound_and_starts_nothing_more() -> None:
    chores = Chores(left={"a": 1, "b": 1})
    engine = Engine(chores, clock=Clock())
    task = asyncio.create_task(engine.run())
    await until(lambda: len(chores.begun) == 2)
    chores.left["c"] = 1
    before = time.monotonic()
    await engine.stop(within=0.1)
    assert time.monotonic() - before >= 0.1
    await task
    assert chores.running.total() == 0
    assert chores.done == []
    assert "c" not in chores.begun


async def test_it_says_whether_the_loop_lives() -> None:
    engine = Engine(opened(), clock=Clock())
    assert not engine.alive
    async with running(engine):
        await some_turns()
        assert engine.alive
    assert not engine.alive


async def test_a_step_that_could_not_be_stored_gives_everybody_a_breather(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    clock = Clock()
    chores = opened(left={"a": 1, "b": 0}, breaks=lambda _: StoreUnavailable("no disk"))
    engine = Engine(chores, clock=clock)
    await engine.turn()
    assert chores.begun == ["a"]
    chores.left["b"] = 1
    clock.now += BREATHER_SECONDS - 0.1
    await engine.turn()
    assert chores.begun == ["a"]
    clock.now += 0.1
    chores.breaks = lambda _: None
    await engine.turn()
    assert sorted(chores.begun) == ["a", "a", "b"]
    assert sorted(chores.done) == ["a", "b"]


async def test_the_loop_does_not_spin_during_a_breather_and_outlives_it(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    chores = opened(left={"a": 1}, breaks=lambda _: StoreUnavailable("no disk"))
    engine = Engine(chores, clock=Clock())
    async with running(engine):
        await until(lambda: chores.begun)
        await asyncio.sleep(0.1)
        assert len(chores.begun) == 1
        assert engine.alive


async def test_a_store_that_cannot_be_read_ends_neither_the_loop_nor_its_patience(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.CRITICAL)
    chores = opened(left={"a": 1}, unreadable=1)
    engine = Engine(chores, clock=Clock())
    async with running(engine):
        await asyncio.sleep(0.05)
        assert chores.looked == 1  # it waits, and does not try again and again
        assert engine.alive
        engine.wake()
        await until(lambda: chores.done)


async def test_one_jobs_trouble_does_not_hold_back_the_others() -> None:
    chores = Chores(left={"slow": 1})
    engine = Engine(chores, clock=Clock())
    async with running(engine):
        await until(lambda: chores.begun == ["slow"])
        chores.left["late"] = 1
        engine.wake()
        await until(lambda: "late" in chores.begun)
        chores.gate.set()
        await until(lambda: len(chores.done) == 2)
