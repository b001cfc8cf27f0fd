from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import aiohttp
import pytest
from builders import ADA, NOW, PRICES, TEAM, Clock, in_state, place

from bot.intake import Intake
from bot.job import Job, JobState
from bot.moves import Moves
from bot.slack.card import Cards
from bot.slack.client import SlackClient
from bot.slack.first_words import FirstWords
from bot.store import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

HOME = "https://practice.slack.example/"


@pytest.fixture
async def first_words(tmp_path: Path) -> AsyncIterator[tuple[FirstWords, Store]]:
    async def tidy(_: str) -> None:
        """Nothing ends here."""

    clock = Clock()
    with closing(Store(tmp_path / "jobs.db", clock=clock)) as store:
        async with aiohttp.ClientSession() as session:
            client = SlackClient(token="xoxb-1", base_url="http://127.0.0.1:9/", session=session)
            client.home = HOME
            cards = Cards(client, store, prices=PRICES, tasks_at_once=1, clock=clock)
            moves = Moves(store.jobs, changed=cards.changed)
            intake = Intake(
                store=store, moves=moves, clock=clock, wake=lambda: None, tidy=tidy, check_room=lambda: None
            )
            yield FirstWords(client=client, intake=intake, store=store, cards=cards), store


async def twelve_jobs(store: Store) -> list[Job]:
    """A person's jobs, newest first."""
    jobs = [in_state(JobState.CANCELLED, created_at=NOW + number) for number in range(12)]
    for job in jobs:
        await store.jobs.add(job)
        await store.cards.posted(job.id, channel="C1", ts=f"{int(job.created_at)}.000100", direct=False, shown=0)
    return jobs[::-1]


async def test_jobs_are_listed_in_pages_newest_first_with_links_to_their_cards(
    first_words: tuple[FirstWords, Store],
) -> None:
    words, store = first_words
    jobs = await twelve_jobs(store)
    pages = [str(await words.answer(text.split(), TEAM, ADA)) for text in ("jobs", "jobs 2", "jobs 3", "jobs 0")]
    assert [line.split("|")[1].split(">")[0] for line in pages[0].splitlines()[:-1]] == [job.id for job in jobs[:10]]
    assert "`/animate jobs 2`" in pages[0]
    assert [job.id in pages[1] for job in jobs] == [False] * 10 + [True] * 2
    assert "/animate jobs" not in pages[1]
    assert "no older jobs" in pages[2]
    assert pages[3] == pages[0]
    assert f"<{HOME}archives/C1/p{int(jobs[0].created_at)}000100|{jobs[0].id}>" in pages[0]


async def test_a_card_in_a_thread_is_linked_as_the_reply_that_it_is(first_words: tuple[FirstWords, Store]) -> None:
    words, store = first_words
    job = in_state(JobState.CANCELLED, place=place(thread="7.5"))
    await store.jobs.add(job)
    await store.cards.posted(job.id, channel="C1", ts="9.5", direct=False, shown=0)
    assert f"<{HOME}archives/C1/p95?thread_ts=7.5&cid=C1|{job.id}>" in str(await words.answer(["jobs"], TEAM, ADA))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("hlep", "`help`"),
        ("job", "`jobs`"),
        ("staus Jx", "`status`"),
        ("rpo", "`pro`"),
        ("xylophone", "I know `help`"),
        ("<!channel>", "&lt;!channel&gt;"),
    ],
)
async def test_an_unknown_word_is_answered_with_the_nearest_known_one(
    first_words: tuple[FirstWords, Store], text: str, said: str
) -> None:
    words, _ = first_words
    assert await words.answer(text.split(), TEAM, ADA) is None
    assert said in str(words.unknown(text))


@pytest.mark.parametrize("text", ["", "pro", "pro 5s", "swap pro please"])
async def test_what_the_form_understands_is_left_to_it(first_words: tuple[FirstWords, Store], text: str) -> None:
    words, _ = first_words
    assert await words.answer(text.split(), TEAM, ADA) is None
    assert words.unknown(text) is None
