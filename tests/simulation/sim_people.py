"""Simulated people: they order, are asked, decide, press twice, press late, change their minds."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sim_world import Died

from bot.errors import StoreUnavailable
from bot.intake import Denied
from bot.job import Ask, Job, Kind, Order, Place, SourceFile

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from sim_bot import Life
    from sim_world import World


class Person:
    """Who ordered one job, and what they do about it."""

    def __init__(self, world: World, number: int) -> None:
        self.world = world
        self.plan = world.plan
        self.dice = world.dice(f"person {number}")
        self.number = number
        self.user = f"U{number % self.plan.people}"
        self.job_id: str | None = None  # known once Slack was told that it is stored
        self.sent_again = 0  # presses that may have counted
        self.asked = False
        self.done = asyncio.Event()
        self._look = asyncio.Event()

    def card_changed(self, job_id: str) -> None:
        if job_id == self.job_id:
            self._look.set()

    async def live(self) -> None:
        await asyncio.sleep(self.dice.uniform(0, 20) if self.number else 0.0)
        await self._order()
        if self.dice.random() < self.plan.cancels:
            self.world.start(self._cancel(self.dice.uniform(0, 200)))
        while self.job_id is not None:
            job = await self._job()
            if job is not None and job.final:
                break
            if job is not None and job.ask is Ask.UNCLEAR:
                self.asked = True
                await self._decide(job)
            self._look.clear()
            await self._look.wait()
        self.done.set()

    async def _order(self) -> None:
        """Press Start until Slack says that it was heard: it sends the same request again."""
        kind = list(Kind)[self.number % self.plan.kinds]
        order = Order(kind=kind, image=SourceFile("F1", "a.png", 30), video=SourceFile("F2", "b.mp4", 90))
        place = Place(team="T", channel="C", user=self.user)
        while True:
            try:
                job = await self.world.ask(lambda life: life.intake.order(order, place, key=f"press-{self.number}"))
            except Died:
                await self.world.born.wait()
                await asyncio.sleep(
                    1.0 + self.number / 100
                )  # no two at the same instant: their ids are drawn anew each time
            except StoreUnavailable:
                await asyncio.sleep(10.0)
            else:
                self.job_id = job.id
                self.world.note(f"{job.id} acknowledged")
                return

    async def _job(self) -> Job | None:
        """What the card says, if anybody is there to say it."""
        life = self.world.life
        # Reading waits for nothing, so nobody can die over it.
        return None if life is None else await life.store.jobs.get(self.job_id or "")

    async def _decide(self, job: Job) -> None:
        choice = self.plan.answers
        if choice == "any":
            choice = self.dice.choice(("again", "again", "stop", "never", "cancel"))
        if choice == "never":
            return
        await asyncio.sleep(self.dice.choice((0.5, 30.0, 400.0, 3600.0)))
        if self.dice.random() < 0.3:  # a second, impatient press
            self.world.start(self._press(choice, job))
        await self._press(choice, job)

    async def _press(self, choice: str, job: Job) -> None:
        """Press with what the card said then, or with what it says now."""
        wishes: dict[str, Callable[[Life, Job], Coroutine[None, None, Job | Denied]]] = {
            "again": lambda life, job: life.intake.send_again(job, by=self.user),
            "stop": lambda life, job: life.intake.stop_here(job, by=self.user),
            "cancel": lambda life, job: life.intake.cancel(job, by=self.user),
        }
        try:
            if self.dice.random() < 0.5:
                job = await self._job() or job
            answer = await self.world.ask(lambda life: wishes[choice](life, job))
            self.world.note(f"{job.id} {choice} pressed: {answer if isinstance(answer, Denied) else answer.state}")
            counts = not isinstance(answer, Denied)
        except Died:
            counts = True  # nobody knows
        except StoreUnavailable:
            counts = False
        self.sent_again += counts and choice == "again"

    async def _cancel(self, after: float) -> None:
        await asyncio.sleep(after)
        job = await self._job()
        if job is not None and not job.final:
            await self._press("cancel", job)
