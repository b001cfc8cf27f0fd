"""A card's buttons, pressed by the right and the wrong people, from Slack's payload to what comes of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from bot.demo.slack import slack_error
from bot.demo.slack.blocks import check_view
from bot.demo.studio_trouble import fails

if TYPE_CHECKING:
    from world import Opened, Workplace

    from bot.demo.slack import View
    from bot.demo.studio_state import Asked


async def delivered(workplace: Workplace, **options: Any) -> None:
    await workplace.order(**options)
    await workplace.until(lambda: "Done" in workplace.card())


def words(view: View) -> str:
    return "\n".join(str(block["text"]["text"]) for block in view.blocks if "text" in block)


def asked_for(workplace: Workplace) -> list[Asked]:
    """What each task asks for, in their order."""
    return [task.asked for task in workplace.studio.tasks.values() if task.asked is not None]


def whispers(workplace: Workplace, who: str) -> list[str]:
    user = workplace.slack.person(who).id
    return [whisper.text for whisper in workplace.slack.world.ephemerals if whisper.user == user]


async def test_a_video_in_pro_is_a_second_job_from_the_same_files_however_often_it_is_pressed(
    workplace: Workplace,
) -> None:
    await delivered(workplace)
    ada, card = workplace.slack.person("ada"), workplace.said("card")[0]
    await ada.press(card, "job_in_pro")
    await ada.press(card, "job_in_pro")
    await workplace.until(lambda: "pro · 2.0 s" in workplace.card(1))
    first, second = workplace.rows()
    assert (second["parent"], second["quality"]) == (first["id"], "pro")
    assert [asked.mode for asked in asked_for(workplace)] == ["wan-std", "wan-pro"]
    assert len(workplace.videos()) == 2
    assert "job_in_pro" not in str(workplace.said("card")[1].blocks)


async def test_a_retry_is_a_new_job_that_names_the_one_that_failed_and_survives_a_restart(workplaces: Opened) -> None:
    workplace = await workplaces()
    workplace.studio.trouble.next_tasks(fails("InternalError", "broken"))
    await workplace.order()
    await workplace.until(lambda: workplace.said("failed"))
    await workplace.bot.stop()
    await workplace.bot.start()
    ada, card = workplace.slack.person("ada"), workplace.said("card")[0]
    for _ in range(2):
        await ada.press(card, "job_retry")
    await workplace.until(lambda: "Done" in workplace.card(1))
    first, second = workplace.rows()
    assert second["parent"] == first["id"]
    assert len(workplace.videos()) == len(workplace.studio.billed) == 1


async def test_again_with_changes_opens_the_form_as_it_was_filled_in(workplace: Workplace) -> None:
    await delivered(workplace, command="/swap", quality="pro", options=["watermark"], start="0:00", length="2")
    ada = workplace.slack.person("ada")
    await ada.press(workplace.said("card")[0], "job_change")
    view = await ada.opened_view()
    assert check_view(view.data) == []
    assert view.data["title"]["text"] == "Swap a person"
    await ada.submit(view, {"quality": "standard"})
    await workplace.until(lambda: "Done" in workplace.card(1))
    assert [asked.mode for asked in asked_for(workplace)] == ["wan-pro", "wan-std"]
    assert [asked.watermark for asked in asked_for(workplace)] == [True, True]
    assert {task.model for task in workplace.studio.tasks.values()} == {"wan2.2-animate-mix"}


async def test_details_show_ids_settings_and_every_move_to_anybody_and_no_secret(workplace: Workplace) -> None:
    await delivered(workplace)
    ben = workplace.slack.person("ben")
    await ben.press(workplace.said("card")[0], "job_details")
    view = await ben.opened_view()
    assert check_view(view.data) == []
    job = workplace.rows()[0]
    said = words(view)
    for found in (job["id"], job["task_id"], "person check on", "hero.png", "It cost $0.24.", "fps"):
        assert found in said
    for move in ("stored", "files checked", "taken by Model Studio", "made", "delivered"):
        assert move in said
    assert "http" not in said


async def test_a_deleted_video_is_gone_for_everybody_and_the_job_remembers(workplace: Workplace) -> None:
    await delivered(workplace)
    ada, card = workplace.slack.person("ada"), workplace.said("card")[0]
    workplace.slack.trouble.next("files.delete", slack_error("internal_error"))
    await ada.press(card, "job_delete")
    await workplace.until(lambda: any("press Delete again" in text for text in whispers(workplace, "ada")))
    await ada.press(card, "job_delete")
    await workplace.until(lambda: "Its video was deleted" in workplace.card())
    (video,) = workplace.videos()
    assert workplace.slack.world.files[video.files[0]].deleted
    assert "job_delete" not in str(workplace.said("card")[0].blocks)


@pytest.mark.parametrize("action", ["job_change", "job_in_pro", "job_delete"])
async def test_what_is_the_requesters_alone_is_told_to_others_in_private(workplace: Workplace, action: str) -> None:
    await delivered(workplace)
    await workplace.slack.person("ben").press(workplace.said("card")[0], action)
    await workplace.until(lambda: any("Only the person who started" in text for text in whispers(workplace, "ben")))
    assert len(workplace.rows()) == 1
    assert workplace.slack.person("ben").top_view() is None
    assert not workplace.slack.world.files[workplace.videos()[0].files[0]].deleted


async def test_a_card_that_somebody_deletes_comes_back_once(workplaces: Opened) -> None:
    workplace = await workplaces(task_seconds=60.0)
    world = workplace.slack.world
    await workplace.order()
    await workplace.until(lambda: "Rendering" in workplace.card())
    world.deleted(workplace.said("card")[0])
    await workplace.slack.person("ada").command("/animate", f"cancel {workplace.rows()[0]['id']}")
    await workplace.until(lambda: "can't be stopped any more" in workplace.card())
    world.deleted(workplace.said("card")[0])
    workplace.studio.finish(next(iter(workplace.studio.tasks)))
    await workplace.until(workplace.videos)
    assert workplace.said("card") == []
    assert workplace.rows("SELECT again FROM card") == [{"again": 1}]


async def test_an_unknown_word_is_answered_in_private_and_opens_no_form(workplace: Workplace) -> None:
    ada = workplace.slack.person("ada")
    await ada.command("/animate", "hlep")
    assert "Did you mean `help`?" in whispers(workplace, "ada")[-1]
    assert ada.top_view() is None


async def test_status_tells_the_line_and_an_exact_place(workplaces: Opened) -> None:
    workplace = await workplaces(task_seconds=600.0)
    ada, world = workplace.slack.person("ada"), workplace.slack.world
    for _ in range(8):
        await workplace.order()
    states = "SELECT state FROM job ORDER BY state"
    while [row["state"] for row in workplace.rows(states)] != ["ready"] * 6 + ["rendering"] * 2:
        await asyncio.sleep(0.05)
    await ada.command("/animate", "status")
    assert "Animate: 2 at Model Studio, 6 waiting." in world.ephemerals[-1].text
    assert "Swap: 0 at Model Studio, 0 waiting. A new job would start at once." in world.ephemerals[-1].text
    waiting = [row["id"] for row in workplace.rows("SELECT id FROM job WHERE state = 'ready' ORDER BY created_at, id")]
    await ada.command("/animate", f"status {waiting[-1]}")
    assert "It is 6th in line." in world.ephemerals[-1].text
