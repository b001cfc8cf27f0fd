"""Simulated people: they order, are asked, decide, press twice, press late, change their minds."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

from sim_world import Died

from bot.errors import StoreUnavailable
from bot.intake import Denied, may_retry
from bot.job import Ask, Job, JobState, Target
from bot.order import Kind, Order, Place, SourceFile

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
        self.jobs: list[str] = []  # this one, and those before it that it follows
        self.sent_again: Counter[str] = Counter()  # presses that may have counted
        self.asked = False
        self.collected = 0  # times that the video was kept for them
        self.gave_up = False
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
        await self._watch()
        for _ in range(3):
            job = await self._job()
            if job is not None and self.dice.random() < self.plan.afterwards:
                await self._go_on(job)
                await self._watch()
        self.done.set()

    async def _watch(self) -> None:
        """Look at the job until there is nothing more to come, and answer its question."""
        while self.job_id is not None:
            job = await self._job()
            if job is not None and job.final and not job.removing:
                return
            if job is not None and job.ask is Ask.UNCLEAR:
                self.asked = True
                await self._decide(job)
            if job is not None and _kept(job) and not self.gave_up:
                await self._collect(job)
                continue  # it may be refused again: look at what the card says now
            self._look.clear()
            await self._look.wait()

    async def _collect(self, job: Job) -> None:
        """Slack took the video nowhere: press Deliver again, after a while, perhaps twice; or never."""
        self.collected += 1
        if self.dice.random() < 0.15:
            self.gave_up = True
            return
        await asyncio.sleep(self.dice.choice((1.0, 30.0, 400.0, 3600.0)))
        await asyncio.gather(*(self._heard("deliver again", job) for _ in range(self.dice.choice((1, 1, 2)))))

    async def _go_on(self, job: Job) -> None:
        """Press a button of the ended job, twice at once now and then, until it was heard."""
        choices = ["retry"] if may_retry(job) else []
        if job.state is JobState.DELIVERED and job.delivery.removed_by is None:
            choices += ["pro", "remove"]
        if not choices:
            return
        choice = self.dice.choice(choices)
        await asyncio.sleep(self.dice.choice((0.0, 0.5, 30.0)))
        presses = [self._heard(choice, job) for _ in range(self.dice.choice((1, 1, 2)))]
        found = await asyncio.gather(*presses)
        following = {answer.id for answer in found if isinstance(answer, Job)} - {job.id}
        if len(following) > 1:
            raise AssertionError(f"one button of {job.id} made {following}")
        for self.job_id in following:
            self.jobs.append(self.job_id)

    async def _heard(self, choice: str, job: Job) -> Job | Denied:
        """Press until Slack says that it was heard."""
        wishes: dict[str, Callable[[Life, Job], Coroutine[None, None, Job | Denied]]] = {
            "retry": lambda life, job: life.intake.retry(job, job.place),
            "pro": lambda life, job: life.intake.in_pro(job, job.place),
            "deliver again": lambda life, job: life.intake.deliver_again(job, by=self.user),
            "remove": lambda life, job: life.intake.remove(job, by=self.user),
        }
        while True:
            try:
                answer = await self.world.ask(lambda life: wishes[choice](life, job))
            except Died:
                await self.world.born.wait()
                await asyncio.sleep(1.0 + self.number / 100)
            except StoreUnavailable:
                await asyncio.sleep(10.0)
            else:
                self.world.note(f"{job.id} {choice} pressed: {answer if isinstance(answer, Denied) else answer.id}")
                return answer

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
                self.jobs.append(job.id)
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
        self.sent_again[job.id] += counts and choice == "again"

    async def _cancel(self, after: float) -> None:
        await asyncio.sleep(after)
        job = await self._job()
        if job is not None and not job.final:
            await self._press("cancel", job)


def _kept(job: Job) -> bool:
    return job.state is JobState.RENDERED and job.delivery.target is Target.KEPT
