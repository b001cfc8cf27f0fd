"""A paid call whose answer is lost: found, sent again where that is harmless, asked about where nobody can tell."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp
import pytest
from world import text_of

from bot.demo.studio_trouble import dropped, silent, slow
from bot.pace import Pace

if TYPE_CHECKING:
    from world import Opened, Workplace

QUICK = Pace(settle=1.0, look_again=0.2)
QUESTION = "can't tell whether it was started"
TEMPORARY = {"FILE_HOST": "modelstudio"}


def creates(workplace: Workplace) -> int:
    return sum(call.operation == "create" for call in workplace.studio.calls)


def fetched(workplace: Workplace) -> bool:
    return any(len(task.fetched) == 2 for task in workplace.studio.tasks.values())


async def done(workplace: Workplace, index: int = 0) -> None:
    await workplace.until(lambda: "Done" in workplace.card(index), within=30)


async def first_job(workplace: Workplace) -> None:
    """From a job that goes well the bot learns what the list calls its key."""
    await workplace.order()
    await done(workplace)
    assert workplace.rows("SELECT * FROM meta WHERE key LIKE 'api_key_id of %'")


async def fetch_both(workplace: Workplace) -> None:
    """Inspect the inputs, as the service does before it takes a task, or not."""
    await workplace.in_state("submitting")
    async with aiohttp.ClientSession() as session:
        for row in workplace.rows("SELECT url FROM address WHERE revoked_at IS NULL"):
            async with session.get(row["url"]) as response:
                assert await response.read()


@pytest.mark.parametrize("effect", [False, True])
async def test_what_was_not_fetched_is_sent_again_without_a_question(workplaces: Opened, *, effect: bool) -> None:
    workplace = await workplaces(pace=QUICK)
    workplace.studio.trouble.next("create", dropped(effect=effect))
    workplace.studio.trouble.next("fetch", *[slow(1.0)] * effect)
    await workplace.order()
    await done(workplace)
    assert creates(workplace) == 2
    assert len(workplace.studio.billed) == 1
    assert len(workplace.videos()) == 1
    assert not [event for event in workplace.rows("SELECT * FROM event") if "unclear" in event["note"]]


async def test_what_was_fetched_is_found_in_the_list_and_not_sent_again(workplaces: Opened) -> None:
    workplace = await workplaces(pace=QUICK)
    await first_job(workplace)
    workplace.studio.trouble.next("create", silent(1.0, effect=True))
    workplace.studio.add_task(model="wan2.2-animate-move")  # somebody else's, at the same time
    await workplace.order()
    await done(workplace, 1)
    assert creates(workplace) == 2
    assert len(workplace.studio.billed) == 2
    assert len(workplace.videos()) == 2


async def test_while_it_is_looked_for_the_card_says_so(workplaces: Opened) -> None:
    workplace = await workplaces(pace=Pace(settle=60.0))
    workplace.studio.trouble.next("create", silent(1.0, effect=False))
    await workplace.order()
    await fetch_both(workplace)
    await workplace.until(lambda: "Making sure of it with Model Studio" in workplace.card())
    assert creates(workplace) == 1


@pytest.mark.parametrize(
    ("settings", "press"),
    [
        pytest.param({}, "job_send_again", id="local-job_send_again"),
        pytest.param(TEMPORARY, "job_stop_here", id="modelstudio-job_stop_here"),
    ],
)
async def test_what_was_fetched_and_is_not_listed_is_asked_about(
    workplaces: Opened, press: str, settings: dict[str, str]
) -> None:
    workplace = await workplaces(pace=QUICK, settings=settings)
    workplace.studio.trouble.next("create", silent(1.0, effect=False))
    await workplace.order()
    if not settings:
        await fetch_both(workplace)
    await workplace.until(lambda: QUESTION in workplace.card())
    assert "It may have cost up to $0.24" in workplace.card()
    assert creates(workplace) == 1

    card = workplace.said("card")[0]
    await workplace.until(lambda: workplace.said("question"))  # an edited card tells nobody
    (question,) = workplace.said("question")
    assert (question.thread_ts, QUESTION in text_of(question)) == (card.ts, True)
    assert f"<@{workplace.slack.person('ada').id}>" in question.text
    await workplace.slack.person("ben").press(card, press)
    assert workplace.rows()[0]["ask"] == "unclear"
    ada = workplace.slack.person("ada")
    await asyncio.gather(ada.press(card, press), ada.press(card, press))  # twice, impatiently
    if press == "job_send_again":
        await done(workplace)
        assert "may have cost up to $0.24 more" in workplace.card()
        assert creates(workplace) == 2
        assert len(workplace.videos()) == 1
    else:
        await workplace.until(lambda: "Cancelled by" in workplace.card())
        assert "It may have cost up to $0.24" in workplace.card()
        assert creates(workplace) == 1
    whispers = [whisper.text for whisper in workplace.slack.world.ephemerals]
    assert any("Only the person who started this job" in text for text in whispers)


async def test_where_nothing_can_be_taken_back_the_list_names_the_task(workplaces: Opened) -> None:
    workplace = await workplaces(settings=TEMPORARY, pace=QUICK)
    await first_job(workplace)
    workplace.studio.trouble.next("create", dropped(effect=True))
    await workplace.order()
    await done(workplace, 1)
    assert creates(workplace) == 2
    assert len(workplace.videos()) == 2


async def test_before_our_key_is_known_nothing_is_adopted_and_once_it_is_the_question_is_withdrawn(
    workplaces: Opened,
) -> None:
    workplace = await workplaces(settings=TEMPORARY, pace=QUICK)
    workplace.studio.trouble.next("create", dropped(effect=True))
    await workplace.order()
    await workplace.until(lambda: QUESTION in workplace.card())
    assert len(workplace.studio.billed) == 1
    await asyncio.sleep(0.5)  # looked for again, and still nobody's
    assert not workplace.videos()
    workplace.studio.advance(60)  # the next call is a minute later by the service's clock
    await workplace.order()
    await done(workplace, 1)
    await done(workplace, 0)
    assert creates(workplace) == 2
    assert len(workplace.studio.billed) == 2
    assert len(workplace.videos()) == 2


async def test_an_unclear_job_gives_up_its_place(workplaces: Opened) -> None:
    workplace = await workplaces(settings=TEMPORARY, pace=QUICK)
    workplace.studio.trouble.next("create", dropped(effect=False))
    await workplace.order()
    await workplace.until(lambda: QUESTION in workplace.card())
    await workplace.order(who="ben")
    await done(workplace, 1)
    assert QUESTION in workplace.card(0)


async def test_nobody_answers_and_it_ends_saying_what_it_may_have_cost(workplaces: Opened) -> None:
    workplace = await workplaces(settings=TEMPORARY, pace=Pace(settle=0.5, look_again=0.2, answer_within=1.0))
    workplace.studio.trouble.next("create", dropped(effect=False))
    await workplace.order()
    await workplace.until(lambda: workplace.said("failed"))
    assert "It may have cost up to $0.24" in workplace.card()
    assert creates(workplace) == 1


async def test_whoever_wished_to_cancel_meanwhile_is_not_asked(workplaces: Opened) -> None:
    workplace = await workplaces(settings=TEMPORARY, pace=QUICK)
    workplace.studio.trouble.next("create", silent(1.0, effect=False))
    await workplace.order()
    await workplace.in_state("submitting")
    await workplace.until(lambda: workplace.said("card"))
    await workplace.slack.person("ada").press(workplace.said("card")[0], "job_cancel")
    await workplace.until(lambda: "Cancelled by" in workplace.card())
    assert "It may have cost up to $0.24" in workplace.card()
