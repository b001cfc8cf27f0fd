"""What is said to the bot, in channels, threads and direct messages: from Slack's event to the delivered video."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from builders import full_disk
from PIL import Image
from structlog.testing import capture_logs

from bot.demo.slack import Kind, slack_error
from bot.demo.slack.payloads import Payloads
from bot.slack.mentions import heard

if TYPE_CHECKING:
    from pathlib import Path

    from world import Opened, Workplace

    from bot.demo.slack import Delivery, Ephemeral, Person

HISTORY = ("channels:history", "groups:history", "mpim:history")


async def both(workplace: Workplace, who: Person) -> list[str]:
    image = await who.upload(workplace.media.image, name="hero.png")
    return [image, await who.upload(workplace.media.video, name="dance.mp4")]


def root_of(delivery: Delivery | None) -> str:
    assert delivery is not None
    assert delivery.answer.ok
    event = delivery.payload["event"]
    return str(event.get("thread_ts") or event["ts"])


async def delivered(workplace: Workplace, channel: str, thread: str) -> None:
    await workplace.until(lambda: "Done" in workplace.card())
    (video,), (card,) = workplace.videos(), workplace.said("card")
    assert (card.channel, card.thread_ts) == (video.channel, video.thread_ts) == (channel, thread)
    assert len(workplace.studio.billed) == 1
    assert not workplace.slack.world.violations


async def whispered(workplace: Workplace, who: str) -> Ephemeral:
    """Wait for a private answer."""
    found = await workplace.until(lambda: workplace.slack.world.whispers(who))
    answer: Ephemeral = found[-1]
    return answer


DOUBTS = {
    "which": ("", "Shall the picture move", ["form_animate", "form_swap"]),
    "both": ("swap or animate", "not sure what you want", ["form_swap"]),
    "words": ("don't swap these yet", "not sure what you want", ["form_swap"]),
    "too long": ("swap 31s", "“31s” can't be: what I use of a video is 2 to 30 seconds long", ["form_swap"]),
    "contradiction": ("swap standard pro", "not sure what you want", ["form_swap"]),
}


def at_least(things: list[Any], count: int) -> bool:
    return len(things) >= count


def buttons(answer: Any) -> list[str]:
    return [element["action_id"] for block in answer.blocks for element in block.get("elements", [])]


async def test_a_mention_with_both_files_starts_at_once_and_ends_in_its_thread(workplace: Workplace) -> None:
    ada, world = workplace.slack.person("ada"), workplace.slack.world
    heard = await ada.mention("swap pro 2s", files=await both(workplace, ada))
    (job,) = workplace.rows()  # stored when it is acknowledged
    assert json.loads(job["wanted"])["length"] == 2.0
    await delivered(workplace, world.channel("general").id, root_of(heard))
    (task,) = workplace.studio.tasks.values()
    assert task.asked is not None
    assert (task.model, task.asked.mode) == ("wan2.2-animate-mix", "wan-pro")
    assert world.ephemerals == []


async def test_a_gif_beside_a_video_can_only_be_the_picture(workplace: Workplace, tmp_path: Path) -> None:
    ada, world = workplace.slack.person("ada"), workplace.slack.world
    Image.new("RGB", (400, 400)).save(tmp_path / "hero.gif")
    files = [await ada.upload(tmp_path / "hero.gif"), await ada.upload(workplace.media.video)]
    heard = await ada.mention("swap", files=files)
    assert json.loads(workplace.rows()[0]["wanted"])["image"]["name"] == "hero.gif"
    await delivered(workplace, world.channel("general").id, root_of(heard))


async def test_a_mention_in_a_thread_takes_the_threads_files(workplace: Workplace) -> None:
    ada, ben, world = workplace.slack.person("ada"), workplace.slack.person("ben"), workplace.slack.world
    image, video = await both(workplace, ben)
    root = ben.say("our hero", files=[image])
    heard = await ada.mention("please animate this", files=[video], thread_ts=root.ts)
    assert root_of(heard) == root.ts
    await delivered(workplace, world.channel("general").id, root.ts)
    assert f"for <@{ada.id}>" in workplace.card()
    # The video that the bot posted there is no second one to choose from.
    await ben.mention("swap", thread_ts=root.ts)
    assert len(workplace.rows()) == 2


async def test_a_direct_message_with_two_files_starts_at_once(workplaces: Opened) -> None:
    workplace = await workplaces(socket_mode=True)
    await workplace.until(lambda: workplace.slack.sockets.connected)
    ada, world = workplace.slack.person("ada"), workplace.slack.world
    heard = await ada.direct_message("animate", files=await both(workplace, ada))
    await delivered(workplace, world.dm("ada").id, root_of(heard))


async def test_the_same_event_sent_again_is_one_job(workplace: Workplace) -> None:
    ada = workplace.slack.person("ada")
    heard = await ada.mention("swap", files=await both(workplace, ada))
    assert heard is not None
    for number in (1, 2):
        assert (await workplace.slack.dispatch.replay(heard, retry=number)).ok
    again = heard.payload | {"event_id": "Ev0ANOTHER"}
    assert (await workplace.slack.dispatch.deliver(Kind.EVENT, again)).answer.ok
    assert len(workplace.rows()) == 1


MESSAGE = {"type": "app_mention", "user": "U1", "channel": "C1", "ts": "2.5", "text": "<@U0BOT> swap", "team": "T1"}


def envelope(**change: Any) -> dict[str, Any]:
    return {"team_id": "T1", "event": MESSAGE | change}


@pytest.mark.parametrize(
    "change",
    [
        {"bot_id": "B0OTHER"},
        {"subtype": "bot_message"},
        {"subtype": "message_changed"},
        {"subtype": "message_deleted"},
        {"subtype": "channel_join"},
        {"edited": {"user": "U1", "ts": "1.2"}},
        {"hidden": True},
        {"user": "USLACKBOT"},
        {"user": "U0BOT"},
        {"user": None},
        {"ts": None},
        {"channel": None},
    ],
)
def test_bots_edits_and_what_is_no_message_are_not_heard(change: dict[str, Any]) -> None:
    assert heard(envelope(), "U0BOT") is not None
    assert heard(envelope(**change), "U0BOT") is None


@pytest.mark.parametrize("subtype", [None, "file_share", "thread_broadcast"])
def test_what_a_person_writes_is_heard_as_it_was_written(subtype: str | None) -> None:
    message = heard(envelope(subtype=subtype, thread_ts="1.0", files=5, text="<@U0BOT|bot> swap <@U2>"), "U0BOT")
    assert message is not None
    assert (message.key, message.root, message.text.split()) == ("message:C1:2.5", "1.0", ["swap", "<@U2>"])
    assert (message.files, message.direct, message.stranger) == ((), False, False)


@pytest.mark.parametrize(
    ("shared", "team", "stranger"), [(True, "T2", True), (True, "T1", False), (False, "T2", False), (None, None, False)]
)
def test_a_stranger_is_who_belongs_to_another_workspace_in_a_shared_channel(
    shared: bool | None, team: str | None, *, stranger: bool
) -> None:
    message = heard(envelope(user_team=team) | {"is_ext_shared_channel": shared}, "U0BOT")
    assert message is not None
    assert message.stranger is stranger


async def test_a_bots_mention_and_the_bots_own_direct_messages_start_and_answer_nothing(workplace: Workplace) -> None:
    slack = workplace.slack
    ada = slack.person("ada")
    message = ada.say(f"<@{slack.world.bot.id}> swap", files=await both(workplace, ada))
    for change in ({"bot_id": "B0OTHER"}, {"user": slack.world.bot.id, "type": "message", "channel_type": "im"}):
        event = Payloads(slack.backend).mention(message)
        event["event"] |= change
        assert (await slack.dispatch.deliver(Kind.EVENT, event)).answer.ok
    assert workplace.rows() == []
    assert workplace.said() == []
    assert slack.world.ephemerals == []


async def test_what_is_said_in_a_channel_without_a_mention_is_none_of_the_bots_business(workplace: Workplace) -> None:
    slack = workplace.slack
    ada = slack.person("ada")
    message = ada.say("swap", files=await both(workplace, ada))
    event = Payloads(slack.backend).direct_message(message)
    event["event"]["channel_type"] = "channel"
    assert (await slack.dispatch.deliver(Kind.EVENT, event)).answer.ok
    assert workplace.rows() == []
    assert workplace.said() == []
    assert slack.world.ephemerals == []


async def test_a_wish_in_doubt_costs_nothing_but_a_question(workplace: Workplace) -> None:
    ada = workplace.slack.person("ada")
    files = await both(workplace, ada)
    for count, (text, says, offered) in enumerate(DOUBTS.values(), start=1):
        await ada.mention(text, files=files)
        await workplace.until(partial(at_least, workplace.slack.world.ephemerals, count))
        answer = await whispered(workplace, "ada")
        assert "1 picture and 1 video" in answer.text
        assert says in answer.text
        assert buttons(answer) == offered
    assert workplace.rows() == []


async def test_the_answers_button_opens_the_form_with_the_files_and_its_job_ends_in_the_thread(
    workplace: Workplace,
) -> None:
    ada, world = workplace.slack.person("ada"), workplace.slack.world
    files = await both(workplace, ada)
    files.append(await ada.upload(workplace.media.image, name="second.png"))
    heard = await ada.mention("swap pro", files=files)
    answer = await whispered(workplace, "ada")
    assert "2 pictures and 1 video" in answer.text
    await ada.press(answer, "form_swap")
    view = await ada.opened_view()
    values = {o["text"]["text"]: o["value"] for b in view.blocks for o in b.get("element", {}).get("options", [])}
    second = next(value for label, value in values.items() if label.startswith("second.png"))
    assert (await ada.submit(view, {"image_here": second})).closed
    await delivered(workplace, world.channel("general").id, root_of(heard))
    assert "second.png + dance.mp4" in workplace.card()
    assert "pro" in workplace.card()


@pytest.mark.parametrize(
    ("trouble", "says"), [(None, "I may not read this thread"), ("fatal_error", "couldn't look at this thread")]
)
async def test_a_thread_that_cant_be_read_is_said_with_another_way(
    workplace: Workplace, trouble: str | None, says: str
) -> None:
    ada = workplace.slack.person("ada")
    root = ada.say("", files=await both(workplace, ada))
    if trouble is None:
        workplace.slack.backend.scopes.difference_update(HISTORY)
    else:
        workplace.slack.trouble.next("conversations.replies", slack_error(trouble))
    await ada.mention("swap", thread_ts=root.ts)
    answer = await whispered(workplace, "ada")
    assert says in answer.text
    assert answer.thread_ts == root.ts
    assert buttons(answer) == ["form_swap"]
    assert workplace.rows() == []


async def test_first_words_are_answered_in_private_in_a_mention_and_in_a_direct_message(workplace: Workplace) -> None:
    ada, world = workplace.slack.person("ada"), workplace.slack.world
    await ada.mention("help")
    help_text = (await whispered(workplace, "ada")).text
    assert f"<@{world.bot.id}> status ID" in help_text
    assert "/animate" not in help_text  # this workspace may have given that name to somebody else
    await ada.direct_message("jobs")
    (answer,) = await workplace.until(lambda: world.messages(world.dm("ada").id, by_bot=True))
    assert answer.text == "You have no jobs yet. Start one with `animate` or `swap`."


async def test_small_talk_in_direct_messages_is_answered_with_how_to_begin(workplace: Workplace) -> None:
    ada, world = workplace.slack.person("ada"), workplace.slack.world
    await ada.direct_message("hi there")
    (answer,) = await workplace.until(lambda: world.messages(world.dm("ada").id, by_bot=True))
    assert buttons(answer) == ["form_animate", "form_swap"]
    await ada.press(answer, "form_animate")
    view = await ada.opened_view()
    assert view.data["title"]["text"] == "Animate a character"


async def test_people_of_another_workspace_are_told_so_and_start_nothing(workplace: Workplace) -> None:
    world = workplace.slack.world
    eve = workplace.slack.person(world.add_user("eve", team="T0OTHER").id)
    world.channel("general").members.append(eve.id)
    await eve.mention("swap", channel="general", files=await both(workplace, eve))
    assert "Only people of the workspace" in (await whispered(workplace, "eve")).text
    assert workplace.rows() == []


async def test_files_that_slack_connect_only_names_are_asked_for(workplace: Workplace) -> None:
    ada, world = workplace.slack.person("ada"), workplace.slack.world
    files = await both(workplace, ada)
    for file in files:
        world.files[file].stub = True
    await ada.mention("animate", files=files)
    (job,) = workplace.rows()
    assert "hero.png" in job["wanted"]
    assert "dance.mp4" in job["wanted"]


async def test_a_private_answer_that_the_channel_refuses_goes_to_direct_messages(workplace: Workplace) -> None:
    ada, world = workplace.slack.person("ada"), workplace.slack.world
    workplace.slack.trouble.next("chat.postEphemeral", slack_error("user_not_in_channel"))
    await ada.mention("swap")
    (answer,) = await workplace.until(lambda: world.messages(world.dm("ada").id, by_bot=True))
    assert "no picture and no video" in answer.text


async def test_when_nothing_can_be_stored_that_is_said(workplace: Workplace) -> None:
    ada = workplace.slack.person("ada")
    files = await both(workplace, ada)
    with capture_logs(), full_disk(workplace.database):  # the test's own log is a file, too
        await ada.mention("swap", files=files)
    assert "can't store anything" in (await whispered(workplace, "ada")).text
    assert workplace.rows() == []
