"""The practice world with a clock that is turned by hand, and a judge who looks at the world and not at the bot."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from world import PATIENCE, Workplace

from bot.app import Bot, built, serve_with
from bot.config import Settings
from bot.demo.proxy import Proxy
from bot.pace import Pace

# A day of waiting takes seconds here; what really takes time, a service's silence, is cut short.
SILENCE = 1.5
LONG = bool(os.environ.get("LONG_TESTS"))
FINAL = {"delivered", "failed", "cancelled"}


class HandClock:
    """Seconds since the epoch that pass only when they are turned."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now

    def turn(self, seconds: float) -> None:
        self.now += seconds


@dataclass(kw_only=True)
class BotTurned:
    """The real bot in this process, living by the clock that is turned by hand."""

    clock: HandClock
    settings: Mapping[str, str] = field(default_factory=dict)
    bot: Bot | None = None
    _until: asyncio.Event = field(default_factory=asyncio.Event)
    _task: asyncio.Task[None] | None = None

    async def start(self, *, ready: bool = True) -> None:
        del ready
        values: dict[str, Any] = {name.lower(): value for name, value in self.settings.items()}
        settings = Settings(_env_file=None, **values)
        settings.data_dir.mkdir(exist_ok=True)
        self._until, serving = asyncio.Event(), asyncio.Event()
        self._task = asyncio.create_task(self._run(settings, serving))
        waiting = asyncio.create_task(serving.wait())
        await asyncio.wait({self._task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if self._task.done():
            self._task.result()

    async def _run(self, settings: Settings, serving: asyncio.Event) -> None:
        async with built(settings, pace=Pace(turn=0.0), clock=self.clock, silence=SILENCE) as self.bot:
            await serve_with(self.bot, settings, until=self._until, serving=serving)

    async def stop(self) -> int:
        if self._task is not None:
            self._until.set()
            await self._task
            self._task = self.bot = None
        return 0

    async def crash(self) -> None:
        """End with every step and every card where it stands."""
        assert self.bot is not None
        self.bot.engine._stopping = self.bot.cards._stopping = self.bot.previews._stopping = True
        for task in (*self.bot.engine._in_hand.values(), *self.bot.cards._in_hand.values()):
            task.cancel()
        await self.stop()

    @property
    def in_hand(self) -> list[asyncio.Task[None]]:
        """What the bot is doing at this moment."""
        if (bot := self.bot) is None:
            return []
        return [*bot.engine._in_hand.values(), *bot.cards._in_hand.values(), *bot.listeners._afterwards._tasks]

    @property
    def busy(self) -> bool:
        return bool(self.in_hand) or (self.bot is not None and self.bot.previews.busy)

    async def next_at(self, *, fine: bool = True) -> float | None:
        """When the bot has something to do again; at once if it has not begun yet with what is due.

        Not ``fine``, cards are only looked at when the steps have something to do, or every ten minutes.
        """
        assert self.bot is not None
        resting = self.bot.engine._breather_until
        now = self.clock()
        due, steps = await self.bot.steps.due(now)
        if due:
            steps = max(resting, self.clock())
        shows = self.bot.previews.next_due()
        steps = shows if steps is None else min(steps, shows or steps)
        cards = self.bot.cards.next_due()
        if cards is None or steps is None:
            return steps or cards
        return min(steps, cards if fine else max(cards, self.clock() + 600))

    def wake(self) -> None:
        assert self.bot is not None
        self.bot.engine.wake()
        self.bot.cards._awake.set()
        self.bot.previews.wake()


class TurnedWorkplace(Workplace):
    """The practice world behind two proxies. Time passes only in ``go_on`` and ``pass_time``."""

    bot: BotTurned

    def __init__(self, folder: Path, *, through: bool = False, **options: Any) -> None:
        super().__init__(folder, **options)
        self.clock = HandClock()
        self.slack_proxy, self.studio_proxy = Proxy(), Proxy()
        self._through = through
        self.studio.state._clock = self.clock
        self.slack.api.limits._clock = self.clock
        self.slack.conduct.share_delay = 0.0
        self.bot = BotTurned(clock=self.clock)

    async def start(self, *, ready: bool = True) -> None:
        await super().start(ready=ready)
        if self._through:
            await self.bot.stop()
            await self.slack_proxy.start(int(self.slack.url.rpartition(":")[2]))
            await self.studio_proxy.start(int(self.studio.base_url.split(":")[2].split("/")[0]))
            self.slack.backend.url = self.slack_proxy.url
            self.bot.settings = {
                **self.bot.settings,
                "SLACK_API_URL": self.slack.api_url,
                "DASHSCOPE_HTTP_BASE_URL": f"{self.studio_proxy.url}/api/v1",
            }
            await self.bot.start()

    async def stop(self) -> None:
        await super().stop()
        await self.slack_proxy.stop()
        await self.studio_proxy.stop()

    async def settle(self) -> None:
        """Let everybody finish what needs no time to pass."""
        quiet = 0
        async with asyncio.timeout(PATIENCE):
            while quiet < 3:
                if tasks := self.bot.in_hand:
                    quiet = 0
                    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                    await asyncio.sleep(0)
                    continue
                at = await self.bot.next_at() if self.bot.bot is not None else None
                quiet = 0 if self.bot.busy or (at is not None and at <= self.clock()) else quiet + 1
                await asyncio.sleep(0.001)

    def turn(self, seconds: float) -> None:
        """Let so much time be over at once, as if the machine had slept."""
        self.clock.turn(seconds)
        self.bot.wake()

    async def pass_time(self, seconds: float, *, fine: bool = False) -> None:
        """Let so much time pass, with everything that falls into it."""
        end = self.clock() + seconds
        while self.clock() < end:
            await self.settle()
            at = await self.bot.next_at(fine=fine)
            self.turn(min(max((at or end) - self.clock(), 0.01), end - self.clock()))
        await self.settle()

    async def go_on(
        self, until: Callable[[], Any], *, within: float, patience: float = 100.0, fine: bool = False
    ) -> Any:
        """Let time pass until the world looks like this: ``within`` seconds of the clock, ``patience`` real ones."""
        end = self.clock() + within
        async with asyncio.timeout(patience):
            while True:
                await self.settle()
                if found := until():
                    return found
                at = await self.bot.next_at(fine=fine)
                assert at is not None, f"nothing will ever happen again: {self.states()}"
                assert self.clock() < end, f"not within {within} s: {self.states()} {self.card()}"
                self.turn(max(at - self.clock(), 0.01))

    def states(self) -> list[tuple[str, str | None]]:
        return [(row["state"], row["ask"]) for row in self.rows()]

    def ended(self) -> bool:
        """True when every job ended, or waits for its requester's word."""
        rows = self.rows()
        return bool(rows) and all(row["state"] in FINAL or row["ask"] for row in rows)

    def shown(self) -> bool:
        """True when every card tells of its job's last word."""
        assert self.bot.bot is not None
        reader = self.bot.bot.store.cards._reader
        sql = """SELECT count(*) FROM job LEFT JOIN card ON card.job_id = job.id
                 WHERE card.job_id IS NULL OR card.shown < job.revision OR (job.state = 'failed' AND NOT card.told)"""
        return self.ended() and reader.execute(sql).fetchone()[0] == 0

    def judge(self, *, jobs: int) -> Counter[str]:
        return judge(self, jobs=jobs)


async def cleared(place: Workplace) -> None:
    """Wait until what ended jobs leave is cleared away: an end is saved before that."""
    async with asyncio.timeout(PATIENCE):
        while True:
            ended = [row["id"] for row in place.rows() if row["state"] in FINAL]
            live = {row["job_id"] for row in place.rows("SELECT job_id FROM address WHERE revoked_at IS NULL")}
            if not any(job in live or (place.folder / "data" / "spool" / job).exists() for job in ended):
                return
            await asyncio.sleep(0.02)


def judge(place: Workplace, *, jobs: int) -> Counter[str]:
    """Hold the world against the promises; returns how many jobs ended how."""
    rows = place.rows()
    assert len(rows) == jobs, "every acknowledged job is a row, and no other is"
    owners = {row["url"]: row["job_id"] for row in place.rows("SELECT url, job_id FROM address")}
    billed = Counter(
        owners[task.asked.image_url]
        for bill in place.studio.billed
        if (task := place.studio.tasks[bill.task_id]).asked is not None
    )
    cards = {message.metadata["event_payload"]["job"]: message for message in place.said("card") if message.metadata}
    videos: dict[str, list[Any]] = {}
    for message in place.videos():
        name = place.slack.world.files[message.files[0]].name
        videos.setdefault(name.partition("-")[2].removesuffix(".mp4"), []).append(message)
    for row in rows:
        own = videos.get(row["id"], [])
        assert billed[row["id"]] <= 1, f"{row['id']} was paid {billed[row['id']]} times"
        assert len(own) <= 1, f"{row['id']} was posted {len(own)} times"
        assert all(message.thread_ts == cards[row["id"]].ts for message in own), "a video in a foreign thread"
        if row["state"] == "delivered":
            pointed = [m for m in place.said() if m.thread_ts == cards[row["id"]].ts and "Open the video" in m.text]
            assert len(own) + bool(pointed) >= 1, f"{row['id']} says delivered"
            assert billed[row["id"]] == 1
            task = place.studio.tasks[row["task_id"]]
            assert task.asked is not None
            assert owners[task.asked.image_url] == row["id"], "somebody else's task"
        if row["state"] in FINAL:
            assert not (place.folder / "data" / "spool" / row["id"]).exists(), "media left behind"
    live = place.rows("SELECT job_id FROM address WHERE revoked_at IS NULL")
    ended = {row["id"] for row in rows if row["state"] in FINAL}
    assert not ended & {row["job_id"] for row in live}, "an address left open"
    assert not place.slack.world.violations
    return Counter(row["ask"] or row["state"] for row in rows)


Turned = Callable[..., Awaitable[TurnedWorkplace]]
