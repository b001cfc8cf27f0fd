"""A long line, as its cards and the private answers tell it, at the stand-in Slack, with a clock turned by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import pytest
from builders import ADA, NOW, PRICES, TEAM, Clock, full_disk, in_state, place
from world import text_of, texts_of

from bot.demo.slack import SlackStandIn
from bot.intake import Intake
from bot.job import Job, JobState
from bot.moves import Moves
from bot.slack.card import REFRESH_SECONDS, Cards
from bot.slack.client import SlackClient
from bot.slack.first_words import FirstWords
from bot.slack.messages import card
from bot.slack.wording import Handle
from bot.store import Store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.demo.slack import Message

LONG_LINE = 12


@dataclass
class Desk:
    """A store, its cards and what answers the first words."""

    slack: SlackStandIn
    store: Store
    cards: Cards
    words: FirstWords
    clock: Clock

    @property
    def posted(self) -> dict[str, Message]:
        """The cards by job."""
        messages = self.slack.world.messages("general", by_bot=True)
        return {m.metadata["event_payload"]["job"]: m for m in messages if m.metadata}

    def says(self, job: str) -> str:
        return text_of(self.posted[job])

    def edited(self) -> set[str]:
        """The jobs whose cards were edited since this was last asked."""
        by_ts = {message.ts: job for job, message in self.posted.items()}
        found = {by_ts[str(call.arguments["ts"])] for call in self.slack.calls.of("chat.update")}
        self.slack.calls.clear()
        return found

    async def pass_time(self, seconds: float) -> None:
        """Let the cards' loop live through so much time, second by second."""
        for _ in range(round(seconds)):
            self.clock.now += 1.0
            self.cards._awake.set()
            await asyncio.sleep(0.002)
            await asyncio.gather(*self.cards._in_hand.values())

    async def line(self, people: Sequence[str]) -> list[Job]:
        """Store a waiting job of each, in this order."""
        jobs = []
        for number, user in enumerate(people):
            where = place(user=user, channel=self.slack.world.channel("general").id)
            job = replace(in_state(JobState.READY), id=f"W{number:03}", key=f"w{number}", place=where)
            jobs.append(await self.store.jobs.add(replace(job, created_at=NOW + number)))
        return jobs

    async def answer(self, text: str, user: str = ADA) -> str:
        answer = await self.words.answer(text.split(), team=TEAM, user=user, handle=Handle("/animate"))
        assert answer is not None
        return answer


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    clock = Clock()
    with closing(Store(tmp_path / "jobs.db", clock=clock)) as store:
        async with (
            SlackStandIn(bot_token="xoxb-1", signing_secret="s", folder=tmp_path / "slack", clock=clock) as slack,
            aiohttp.ClientSession() as session,
        ):
            client = SlackClient(token="xoxb-1", base_url=slack.api_url, session=session, clock=clock, rested=60.0)
            client.home = slack.url
            cards = Cards(client, store, prices=PRICES, tasks_at_once=1, clock=clock)

            async def tidy(_: str) -> None:
                pass

            moves = Moves(store.jobs, changed=cards.changed)
            intake = Intake(
                store=store, moves=moves, clock=clock, wake=lambda: None, tidy=tidy, check_room=lambda: None
            )
            words = FirstWords(intake=intake, store=store, cards=cards, clock=clock)
            yield Desk(slack, store, cards, words, clock)


async def test_while_nothing_can_be_stored_no_card_is_posted_again_and_again(desk: Desk, tmp_path: Path) -> None:
    await desk.line([ADA])
    shown = asyncio.create_task(desk.cards.run())
    with full_disk(tmp_path / "jobs.db"):
        await desk.cards.start()
        await desk.pass_time(900)
        assert len(desk.slack.calls.of("chat.postMessage")) == 1
    await desk.pass_time(900)
    assert len(desk.slack.calls.of("chat.postMessage")) == 2  # where the first one is was forgotten
    await desk.cards.stop(within=1.0)
    await shown


async def test_near_places_are_exact_far_ones_rounded_and_only_what_reads_differently_is_edited(desk: Desk) -> None:
    jobs = await desk.line([f"U{number}" for number in range(LONG_LINE)])
    for job in jobs:
        desk.clock.now += 2.0  # one message a second in each channel
        await desk.cards.ensure(job)
    shown = asyncio.create_task(desk.cards.run())
    await desk.cards.start()
    await desk.pass_time(5)
    assert desk.edited() == set()  # they say what is true already, also to a bot that was just started
    assert "Waiting, next in line, about" in desk.says("W000")
    assert "Waiting, 5th in line, about" in desk.says("W004")
    assert "Waiting, about" in desk.says("W005")

    moved = jobs[0].submitting(now=desk.clock.now)
    desk.cards.changed((await desk.store.jobs.save(jobs[0], moved)).id)
    await desk.pass_time(REFRESH_SECONDS)
    assert [desk.says(f"W{n:03}").split(",")[1].strip() for n in range(1, 6)] == [
        "next in line",
        "2nd in line",
        "3rd in line",
        "4th in line",
        "5th in line",
    ]
    edited = desk.edited()
    assert {f"W{n:03}" for n in range(6)} <= edited
    assert len(edited) < LONG_LINE  # of the others only those whose rounded time is another
    await desk.cards.stop(within=1.0)
    await shown


async def test_a_card_is_edited_every_three_seconds_at_most_and_shows_the_newest_state(desk: Desk) -> None:
    (job,) = await desk.line(["U1"])
    await desk.cards.ensure(job)
    shown = asyncio.create_task(desk.cards.run())
    edits = list[float]()
    for failures in range(1, 13):  # each reads differently from the one before
        changed = job.stay(due_at=NOW + 1000, failures=failures % 2, doubts=failures // 2)
        job = await desk.store.jobs.save(job, changed)
        desk.cards.changed(job.id)
        await desk.pass_time(1)
        edits += [desk.clock.now] * len(desk.slack.calls.of("chat.update"))
        desk.slack.calls.clear()
    await desk.pass_time(10)
    shown.cancel()
    assert len(edits) >= 3
    assert min(later - earlier for earlier, later in pairwise(edits)) >= 3
    assert text_of(desk.posted[job.id]) == "\n".join(texts_of(card(job, await desk.cards.view(job)).blocks))


async def test_who_was_put_off_stands_in_line_again_once_that_is_over(desk: Desk) -> None:
    jobs = await desk.line(["U1", "U2"])
    await desk.store.jobs.save(jobs[1], jobs[1].put_off(due_at=desk.clock.now + 10))
    shown = asyncio.create_task(desk.cards.run())
    await desk.cards.start()
    await desk.pass_time(5)
    assert "something I need is busy" in desk.says("W001")
    assert "something I need is busy" in await desk.answer("status W001", "U2")
    await desk.pass_time(6)
    assert "2nd in line" in await desk.answer("status W001", "U2")
    await desk.pass_time(REFRESH_SECONDS)
    assert "2nd in line" in desk.says("W001")
    await desk.cards.stop(within=1.0)
    await shown


async def test_one_persons_many_jobs_hold_up_nobody_and_status_is_exact(desk: Desk) -> None:
    jobs = await desk.line([ADA] * 20 + ["U0BEN"])
    assert "2nd in line" in await desk.answer(f"status {jobs[-1].id}", "U0BEN")
    assert "21st in line" in await desk.answer(f"status {jobs[-2].id}")
    assert "Animate: 21 waiting, 0 at Model Studio, your next job is next." in await desk.answer("status")
    assert "your next job is 2nd" in await desk.answer("status", "U0BEN")
    assert "your next job" not in await desk.answer("status", "U0NEW")


async def test_jobs_come_newest_first_by_the_page_with_links_to_their_cards(desk: Desk) -> None:
    jobs = await desk.line([ADA] * 12)
    card = await desk.cards.ensure(jobs[-1])
    first, second = await desk.answer("jobs"), await desk.answer("`jobs` 2")
    assert [line.split()[0].strip("`") for line in second.splitlines()[:2]] == ["W001", "W000"]
    link = f"{desk.slack.url}/archives/{card.channel}/p{card.ts.replace('.', '')}"
    assert first.startswith(f"<{link}|W011> Animate · standard: Waiting, 12th in line")
    assert first.endswith("Page 1 of 2; older ones: `/animate jobs 2`")
    assert "only 2 pages" in await desk.answer("jobs 7")
    assert "no jobs yet" in await desk.answer("jobs", "U0NEW")


async def test_cancel_says_what_is_true_and_what_it_cost(desk: Desk) -> None:
    (job,) = await desk.line([ADA])
    assert await desk.answer("cancel") == await desk.answer("Cancel")
    assert await desk.answer(f"cancel {job.id}", "U0BEN") == await desk.answer("cancel J1")
    assert await desk.answer(f"cancel `{job.id}`.") == f"Job `{job.id}` is cancelled. It cost nothing."
    assert "It cost nothing" in await desk.answer(f"cancel {job.id}")
