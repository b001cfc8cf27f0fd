"""From the command to the finished video in the thread, and what people see on the way."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import av
import pytest

from bot.demo.slack import ChannelKind, dropped, slack_error
from bot.demo.studio_trouble import fails, refused

if TYPE_CHECKING:
    from world import Opened, Workplace

    from bot.demo.studio import StudioStandIn


async def test_animate_ends_with_the_video_in_the_cards_thread(workplace: Workplace) -> None:
    submission = await workplace.order("/animate")
    assert submission.closed
    await workplace.until(lambda: "Done" in workplace.card())

    card = workplace.said("card")[0]
    (video,) = workplace.videos()
    assert video.thread_ts == card.ts
    assert f"<@{workplace.slack.person('ada').id}>" in video.text
    assert "AI-generated" in video.text
    assert "standard · 2.0 s · $0.24" in workplace.card()
    (task,) = workplace.studio.tasks.values()
    assert task.model == "wan2.2-animate-move"
    with av.open(str(workplace.slack.world.files[video.files[0]].path)) as container:
        assert container.streams.video[0].frames > 0


async def test_swap_in_pro_is_the_other_model_and_mode_with_the_options_that_were_chosen(workplace: Workplace) -> None:
    await workplace.order("/swap", quality="pro", options=["watermark"])
    await workplace.until(lambda: "Done" in workplace.card())
    (task,) = workplace.studio.tasks.values()
    assert task.asked is not None
    assert (task.model, task.asked.mode, task.asked.watermark, task.asked.check_image) == (
        "wan2.2-animate-mix",
        "wan-pro",
        True,
        False,
    )
    assert "pro · 2.0 s · $0.52" in workplace.card()


@pytest.mark.parametrize(("socket_mode", "file_host"), [(True, "local"), (False, "modelstudio"), (True, "modelstudio")])
async def test_every_mode_and_file_host_delivers(workplaces: Opened, *, socket_mode: bool, file_host: str) -> None:
    workplace = await workplaces(socket_mode=socket_mode, settings={"FILE_HOST": file_host})
    if socket_mode:
        await workplace.until(lambda: workplace.slack.sockets.connected)
    await workplace.order("/swap")
    await workplace.until(lambda: "Done" in workplace.card())
    assert len(workplace.videos()) == 1
    assert len(workplace.studio.billed) == 1


async def test_a_renamed_command_still_means_what_it_ends_with(workplace: Workplace) -> None:
    await workplace.order("/studio-swap")
    await workplace.until(lambda: "Done" in workplace.card())
    (task,) = workplace.studio.tasks.values()
    assert task.model == "wan2.2-animate-mix"


async def test_answers_name_a_renamed_command_as_this_workspace_does(workplace: Workplace) -> None:
    ada, world = workplace.slack.person("ada"), workplace.slack.world
    for words, found in {
        "help": "*`/studio-swap animate`*: your picture moves",
        "jobs": "Start one with `/studio-swap animate` or `/studio-swap`.",
        "status": "`/studio-swap status ID` tells",
        "status J1": "`/studio-swap jobs` lists yours",
        "cancel": "as in `/studio-swap cancel J…`",
    }.items():
        await ada.command("/studio-swap", words)
        assert found in world.ephemerals[-1].text
        assert "`/animate" not in world.ephemerals[-1].text
    await ada.command("/swap", "jobs")
    assert "`/animate` or `/swap`" in world.ephemerals[-1].text


async def test_the_same_submission_sent_twice_makes_one_job(workplace: Workplace) -> None:
    submission = await workplace.order()
    again = await workplace.slack.dispatch.replay(submission.delivery)
    assert again.ok
    await workplace.until(lambda: "Done" in workplace.card())
    assert len(workplace.rows()) == 1
    assert len(workplace.videos()) == 1
    assert len(workplace.studio.creates) == 1


async def test_what_metadata_shows_is_said_under_its_field_and_nothing_is_stored(workplace: Workplace) -> None:
    submission = await workplace.order(
        image=workplace.media.video,
        video=workplace.media.image,
        names=("clip.png", "hero.mp4"),
        mimetypes=("video/mp4", "image/png"),
    )
    assert not submission.closed
    assert submission.errors["image"].startswith("The picture is the wrong kind of file (video); I need JPEG, PNG")
    assert submission.errors["video"] == (
        "The video is the wrong kind of file (picture); I need MP4, MOV, AVI, WebM, Matroska or GIF here."
    )
    assert workplace.rows() == []


async def test_every_problem_of_both_files_is_told_at_once_and_it_cost_nothing(workplace: Workplace) -> None:
    await workplace.order(
        image=b"\x89PNG\r\n\x1a\nbroken", video=b"#EXTM3U\nfile:///etc/passwd", names=("a.png", "b.mp4")
    )
    await workplace.until(lambda: "can't use these files" in workplace.card())
    card = workplace.card()
    assert "The picture is damaged" in card
    assert "The video is a list of other files" in card
    assert "It cost nothing." in card
    await workplace.until(lambda: workplace.said("failed"))
    (reply,) = workplace.said("failed")
    assert reply.text.startswith(f"<@{workplace.slack.person('ada').id}>")
    assert reply.thread_ts == workplace.said("card")[0].ts
    assert not workplace.studio.creates


async def test_a_bad_file_leaves_other_jobs_alone(workplace: Workplace) -> None:
    await workplace.order(video=b"nothing of the kind", names=("a.png", "b.mp4"))
    await workplace.order("/swap", who="ben")
    await workplace.until(lambda: any("Done" in workplace.card(index) for index in range(2)))
    await workplace.until(lambda: any("can't use these files" in workplace.card(index) for index in range(2)))


async def test_a_missing_scope_is_named_with_who_must_mend_it(workplace: Workplace) -> None:
    ada = workplace.slack.person("ada")
    await ada.command("/animate")
    view = await ada.opened_view()
    files = {"image": [await ada.upload(workplace.media.image)], "video": [await ada.upload(workplace.media.video)]}
    workplace.slack.backend.scopes.discard("files:read")
    await ada.submit(view, files)
    await workplace.until(lambda: "An admin of this workspace must" in workplace.card())
    await workplace.until(lambda: workplace.said("failed"))
    assert "files:read" in str(workplace.said("failed")[0].blocks)


async def test_a_form_that_a_missing_scope_keeps_shut_is_answered_with_the_scope(workplace: Workplace) -> None:
    await workplace.until(lambda: any(call.status for call in workplace.slack.calls.of("auth.test")))
    workplace.slack.backend.scopes.discard("files:read")
    await workplace.slack.person("ada").command("/animate")
    await workplace.until(lambda: workplace.slack.world.ephemerals)
    assert "the scope files:read" in workplace.slack.world.ephemerals[-1].text
    assert "An admin" in workplace.slack.world.ephemerals[-1].text


async def test_a_wrong_key_is_called_so(workplace: Workplace) -> None:
    workplace.studio.trouble.next("create", refused(401, "InvalidApiKey", "Invalid API-key provided."))
    await workplace.order()
    await workplace.until(lambda: "did not accept this bot's key" in workplace.card())
    assert "It cost nothing." in workplace.card()


async def test_a_refusal_of_the_service_is_told_in_plain_words(workplace: Workplace) -> None:
    workplace.studio.trouble.next_tasks(fails("InvalidVideo.FullFace", "whole face please"))
    await workplace.order()
    await workplace.until(lambda: "could not see the whole face in the video" in workplace.card())
    assert "It cost nothing." in workplace.card()
    assert "InvalidVideo" not in workplace.card()
    await workplace.until(lambda: workplace.said("failed"))
    assert "InvalidVideo.FullFace" in str(workplace.said("failed")[0].blocks)


async def test_where_the_bot_may_not_post_the_card_goes_to_direct_messages_and_a_private_answer_says_so(
    workplace: Workplace,
) -> None:
    world = workplace.slack.world
    ada = workplace.slack.person("ada")
    secret = world.add_channel("secret", kind=ChannelKind.PRIVATE, members=[ada.id], with_bot=False)
    await workplace.order(channel=secret.id)
    await workplace.until(lambda: "Done" in workplace.card())
    card = workplace.said("card")[0]
    assert world.channels[card.channel].direct
    (video,) = workplace.videos()
    assert (video.channel, video.thread_ts) == (card.channel, card.ts)
    assert any("invite me" in whisper.text for whisper in world.ephemerals if whisper.user == ada.id)


async def test_a_video_that_the_thread_refuses_goes_to_the_channel_then_to_direct_messages(
    workplace: Workplace,
) -> None:
    workplace.slack.trouble.next(
        "files.completeUploadExternal", slack_error("thread_not_found"), slack_error("posting_to_channel_denied")
    )
    await workplace.order()
    await workplace.until(lambda: "Done" in workplace.card())
    (video,) = workplace.videos()
    assert workplace.slack.world.channels[video.channel].direct


@pytest.mark.parametrize("code", ["access_denied", "slack_connect_file_upload_sharing_blocked", "of_next_year"])
async def test_a_no_that_slack_does_not_list_leaves_no_paid_video_unseen(workplaces: Opened, code: str) -> None:
    """Whatever the word, it is a no of this place: the next one is tried, and at last it is kept for its requester."""
    workplace = await workplaces()
    workplace.slack.trouble.always("files.completeUploadExternal", slack_error(code))
    await workplace.order()
    await workplace.until(lambda: "Deliver again" in workplace.card())
    workplace.slack.trouble.clear()
    await workplace.slack.person("ada").press(workplace.said("card")[0], "job_deliver_again")
    await workplace.until(lambda: "Done" in workplace.card())
    assert len(workplace.videos()) == 1


@pytest.mark.parametrize("uploads", ["none", "images"])
async def test_a_video_nobody_takes_is_kept_and_delivered_again_on_demand(workplace: Workplace, uploads: str) -> None:
    workplace.slack.conduct.uploads = uploads
    await workplace.order()
    await workplace.until(lambda: "Deliver again" in workplace.card())
    assert not workplace.videos()
    assert "ask an admin whether uploads are off" in workplace.card()
    (called,) = await workplace.until(lambda: workplace.said("question"))
    assert called.text.startswith(f"<@{workplace.slack.person('ada').id}>")
    workplace.slack.conduct.uploads = "all"
    await workplace.slack.person("ada").press(workplace.said("card")[0], "job_deliver_again")
    await workplace.until(lambda: "Done" in workplace.card())
    assert len(workplace.videos()) == 1
    assert len(workplace.studio.billed) == 1


async def test_a_share_that_never_appears_is_replaced_by_the_permanent_link(workplace: Workplace) -> None:
    workplace.slack.conduct.share_delay = None
    await workplace.order()
    await workplace.until(lambda: "Done" in workplace.card())
    assert not workplace.videos()
    assert any("Open the video" in message.text for message in workplace.said())


@pytest.mark.parametrize("effect", [True, False])
async def test_a_lost_answer_to_the_last_step_posts_one_video(workplace: Workplace, *, effect: bool) -> None:
    workplace.slack.trouble.next("files.completeUploadExternal", dropped(effect=effect))
    await workplace.order()
    await workplace.until(lambda: "Done" in workplace.card())
    assert len(workplace.videos()) == 1


async def test_cancelling_in_the_queue_costs_nothing_and_leaves_nothing(workplaces: Opened) -> None:
    workplace = await workplaces(task_seconds=60.0)
    for before in range(3):  # who is first in line is whose files are checked first
        await workplace.studio.wait_for(partial(exactly, workplace.studio, min(before, 2)))
        await workplace.order()
    await workplace.until(lambda: "Waiting, next in line" in workplace.card(2))
    await workplace.slack.person("ada").press(workplace.said("card")[2], "job_cancel")
    await workplace.until(lambda: "Cancelled by" in workplace.card(2))
    assert "It cost nothing." in workplace.card(2)
    job = workplace.rows()[2]
    assert job["state"] == "cancelled"
    assert not (workplace.folder / "data" / "spool" / job["id"]).exists()
    assert not workplace.rows(f"SELECT * FROM address WHERE job_id = '{job['id']}' AND revoked_at IS NULL")


async def test_cancelling_at_the_service_tells_the_truth(workplaces: Opened) -> None:
    workplace = await workplaces(task_seconds=60.0)
    await workplace.order()
    await workplace.until(lambda: "Rendering" in workplace.card(0))
    await workplace.order()
    await workplace.until(lambda: "Rendering" in workplace.card(0) and "waiting to be rendered" in workplace.card(1))
    ada = workplace.slack.person("ada")
    await ada.press(workplace.said("card")[1], "job_cancel")
    await workplace.until(lambda: "Cancelled by" in workplace.card(1))
    await ada.press(workplace.said("card")[0], "job_cancel")
    await workplace.until(lambda: "can't be stopped any more" in workplace.card(0))
    workplace.studio.finish(next(iter(workplace.studio.tasks)))
    await workplace.until(lambda: "Done" in workplace.card(0))
    assert len(workplace.studio.billed) == 1


def exactly(studio: StudioStandIn, tasks: int) -> bool:
    return len(studio.tasks) == tasks


def states(workplace: Workplace) -> list[str]:
    return [row["state"] for row in workplace.rows()]


def more_videos(workplace: Workplace, than: int) -> bool:
    return len(workplace.videos()) > than


async def test_model_studio_never_holds_more_than_its_places_and_turns_go_round_the_people(workplaces: Opened) -> None:
    workplace = await workplaces(task_seconds=600.0)
    studio = workplace.studio
    for who in ("ada", "ada", "ada", "ben"):
        await workplace.order(who=who)
    await workplace.until(lambda: len(studio.tasks) == 2 and states(workplace).count("ready") == 2)
    for posted in range(4):
        # No job is submitted before the one that is done has made room: two tasks at the most, here and there.
        await studio.wait_for(partial(exactly, studio, min(4, posted + 2)))
        assert sum(task.status in {"PENDING", "RUNNING"} for task in studio.tasks.values()) <= 2
        studio.finish(list(studio.tasks)[posted])
        await workplace.until(partial(more_videos, workplace, posted))
    order = [row["requester"] for row in workplace.rows("SELECT requester FROM job ORDER BY submitting_at")]
    assert order.index(workplace.slack.person("ben").id) == 2


async def test_first_words_answer_in_private(workplace: Workplace) -> None:
    ada = workplace.slack.person("ada")
    world = workplace.slack.world

    async def answer(text: str) -> str:
        await ada.command("/animate", text)
        return world.ephemerals[-1].text

    assert "/swap" in await answer("help")
    assert "no jobs yet" in await answer("jobs")
    assert "0 waiting" in await answer("status")
    await workplace.order()
    await workplace.until(lambda: "Done" in workplace.card())
    job = workplace.rows()[0]["id"]
    assert job in await answer("jobs")
    assert "Done" in await answer(f"status {job}")
    assert "done already" in await answer(f"cancel {job}")
    assert "no job of yours" in await answer("status Jnone")
    await workplace.slack.person("ben").command("/animate", f"status {job}")
    assert "no job of yours" in world.ephemerals[-1].text


async def test_nothing_is_left_behind(workplace: Workplace) -> None:
    await workplace.order()
    await workplace.until(lambda: "Done" in workplace.card())
    await workplace.bot.stop()
    assert list((workplace.folder / "data" / "spool").iterdir()) == []
    assert not workplace.rows("SELECT * FROM address WHERE revoked_at IS NULL")
    assert not workplace.slack.world.violations


async def test_health_and_readiness(workplaces: Opened) -> None:
    import aiohttp

    workplace = await workplaces()
    url = workplace.bot.settings["PUBLIC_URL"]

    async def get(path: str) -> tuple[int, str]:
        async with aiohttp.ClientSession() as session, session.get(url + path) as response:
            return response.status, await response.text()

    async def ready() -> Any:
        return (await get("/readyz"))[0] == 200

    assert (await get("/healthz"))[0] == 200
    while not await ready():
        pass
    assert await get("/readyz") == (200, "ready\n")
