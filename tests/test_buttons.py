"""The card's buttons, pressed by the right and the wrong people: from Slack's payload to what everybody sees."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from test_ways_in import chosen, labels
from world import text_of

from bot.demo import studio_trouble as at_studio
from bot.demo.slack import slack_error
from bot.demo.slack.blocks import check_view
from bot.slack import answers, controls

if TYPE_CHECKING:
    from world import Workplace

    from bot.demo.slack import Message


def whispers(workplace: Workplace, who: str) -> list[str]:
    return [whisper.text for whisper in workplace.slack.world.whispers(who)]


def cards(workplace: Workplace) -> dict[str, Message]:
    return {m.metadata["event_payload"]["job"]: m for m in workplace.said("card") if m.metadata}


def ended(workplace: Workplace, count: int) -> bool:
    rows = workplace.rows()
    return len(rows) == count and all(row["state"] in {"delivered", "failed", "cancelled"} for row in rows)


def told(workplace: Workplace, count: int) -> bool:
    return whispers(workplace, "ada").count(answers.NOT_REMOVED) == count


async def pressed(workplace: Workplace, who: str, card: Message, action: str) -> str:
    """Press, and return what is then whispered to whoever pressed."""
    before = len(whispers(workplace, who))
    await workplace.slack.person(who).press(card, action)
    await workplace.until(lambda: len(whispers(workplace, who)) > before)
    return whispers(workplace, who)[-1]


async def test_a_finished_cards_buttons_live_after_a_restart_and_obey_only_its_requester(workplace: Workplace) -> None:
    world, ada, ben = workplace.slack.world, workplace.slack.person("ada"), workplace.slack.person("ben")
    await workplace.order()
    await workplace.until(lambda: "Done" in workplace.card())
    await workplace.bot.stop()
    await workplace.bot.start()
    (card,) = workplace.said("card")
    (job,) = workplace.rows()
    for action in (controls.PRO, controls.DELETE):
        assert await pressed(workplace, "ben", card, action) == answers.NOT_YOURS

    await ben.press(card, controls.DETAILS)  # for everybody
    view = await ben.opened_view()
    said = str(view.blocks)
    assert check_view(view.data) == []
    assert all(text in said for text in (job["id"], job["task_id"], "rendering", "delivered", "<!date^", "hero.png"))

    await ben.close(view)
    await ben.press(card, controls.AGAIN)  # for everybody, but the files were ada's
    form = await ben.opened_view()
    assert answers.OTHERS_FILES in str(form.blocks)
    assert "hero.png" not in str(form.blocks)

    await ada.press(card, controls.AGAIN)
    form = await ada.opened_view()
    assert (labels(form, "image_here"), labels(form, "video_here")) == (["hero.png"], ["dance.mp4"])
    assert chosen(form, "quality").startswith("Standard")
    assert (await ada.submit(form, {"options": []})).closed

    # Twice, one job.
    answered = {await pressed(workplace, "ada", card, controls.PRO) for _ in range(2)}
    assert len(answered) == 1
    await workplace.until(partial(ended, workplace, 3))
    again, pro = workplace.rows()[1:]
    assert again["parent"] == pro["parent"] == job["id"]
    assert (again["quality"], pro["quality"]) == ("standard", "pro")
    assert '"check_person":false' in again["wanted"]
    await workplace.until(lambda: f"follows job {job['id']}" in text_of(cards(workplace)[pro["id"]]))
    assert {cards(workplace)[row["id"]].thread_ts for row in (again, pro)} == {card.ts}

    assert await pressed(workplace, "ada", card, controls.DELETE) == answers.REMOVING
    await workplace.until(lambda: f"The video was deleted by <@{ada.id}>" in text_of(card))
    assert len(workplace.videos()) == 2
    assert sum(file.deleted for file in world.files.values()) == 1
    assert controls.DELETE not in str(card.blocks)
    assert workplace.rows()[0]["state"] == "delivered"
    assert not world.violations


async def test_a_delete_that_slack_refuses_is_told_to_whoever_pressed_each_time_and_changes_nothing(
    workplace: Workplace,
) -> None:
    world = workplace.slack.world
    await workplace.order()
    await workplace.until(lambda: "Done" in workplace.card())
    (card,) = workplace.said("card")
    workplace.slack.trouble.always("files.delete", slack_error("cant_delete_file"))
    for count in (1, 2):
        await workplace.slack.person("ada").press(card, controls.DELETE)
        await workplace.until(partial(told, workplace, count))
        await workplace.until(lambda: controls.DELETE in str(card.blocks))
    await workplace.bot.stop()
    await workplace.bot.start()
    await workplace.until(lambda: workplace.slack.calls.count("auth.test") == 2)
    await workplace.bot.stop()  # which shows what is left to show
    assert told(workplace, 2)
    assert whispers(workplace, "ben") == []
    assert len(workplace.videos()) == 1
    assert {whisper.thread_ts for whisper in world.whispers("ada") if "does not let me" in whisper.text} == {card.ts}


async def test_a_retry_is_one_new_job_that_names_the_old_one(workplace: Workplace) -> None:
    workplace.studio.trouble.next_tasks(at_studio.fails("InternalError"))
    await workplace.order()
    await workplace.until(lambda: "Model Studio broke" in workplace.card())
    (card,) = workplace.said("card")
    assert await pressed(workplace, "ben", card, controls.RETRY) == answers.NOT_YOURS
    first = await pressed(workplace, "ada", card, controls.RETRY)
    assert await pressed(workplace, "ada", card, controls.RETRY) == first
    await workplace.until(partial(ended, workplace, 2))
    old, new = workplace.rows()
    assert new["id"] in first
    assert (new["parent"], new["key"], new["state"]) == (old["id"], f"retry:{old['id']}", "delivered")
    assert new["wanted"] == old["wanted"]
    assert len(workplace.videos()) == 1


async def test_a_deleted_card_comes_back_once_and_only_once(workplace: Workplace) -> None:
    world = workplace.slack.world
    await workplace.order()
    (card,) = await workplace.until(lambda: workplace.said("card"))
    world.deleted(card)
    (second,) = await workplace.until(lambda: workplace.said("card"))
    assert second.ts != card.ts
    world.deleted(second)
    await workplace.in_state("delivered")
    await workplace.bot.stop()  # which shows what is left to show
    assert len(workplace.videos()) == 1
    assert workplace.said("card") == []
    assert workplace.rows("SELECT lost FROM card") == [{"lost": 1}]


async def test_words_that_mean_nothing_are_answered_with_the_nearest_that_do(workplace: Workplace) -> None:
    ada = workplace.slack.person("ada")

    async def answer(text: str) -> str:
        await ada.command("/animate", text)
        return whispers(workplace, "ada")[-1]

    assert "Did you mean `help`?" in await answer("hlep")
    assert "Did you mean `status`?" in await answer("statsu J123")
    assert "Did you mean `pro`?" in await answer("prro 5s")
    long = "“45s” can't be: what I use of a video is 2 to 30 seconds long."
    assert await answer("45s") == f"{long} Nothing was started."
    assert (await answer("prro 0:05-0:50")).startswith("“0:05-0:50” can't be")
    assert "Did you mean `pro`?" in whispers(workplace, "ada")[-1]
    assert "Did you mean" not in await answer("<!channel> *quick*brown*")
    assert "<!channel>" not in whispers(workplace, "ada")[-1]
    await ada.direct_message("jbos")
    (said,) = await workplace.until(
        lambda: workplace.slack.world.messages(workplace.slack.world.dm("ada").id, by_bot=True)
    )
    assert "Did you mean `jobs`?" in said.text
    assert ada.top_view() is None
