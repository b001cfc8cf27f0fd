"""Every way in that opens the form, from Slack's payload to the delivered video."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from bot.demo.slack import ChannelKind, slack_error
from bot.demo.slack.blocks import check_view

if TYPE_CHECKING:
    from world import Workplace

    from bot.demo.slack import Message, Person, View

HISTORY = ("channels:history", "groups:history", "mpim:history")


async def picture(workplace: Workplace, who: Person, name: str = "hero.png") -> str:
    return await who.upload(workplace.media.image, name=name)


async def clip(workplace: Workplace, who: Person, name: str = "dance.mp4") -> str:
    return await who.upload(workplace.media.video, name=name)


def choices(view: View, field: str) -> dict[str, str]:
    """What a select of the form offers: labels with their values."""
    for block in view.blocks:
        if block["block_id"] == field:
            return {option["text"]["text"]: option["value"] for option in block["element"]["options"]}
    return {}


def chosen(view: View, field: str) -> str:
    (block,) = [block for block in view.blocks if block["block_id"] == field]
    return str(block["element"]["initial_option"]["text"]["text"])


def labels(view: View, field: str) -> list[str]:
    """The files that a select offers, sizes left out."""
    return [label.partition(" · ")[0] for label in choices(view, field)][:-1]


async def completed(workplace: Workplace, who: Person, field: str) -> View:
    """Wait until the open form has got this select."""

    def there() -> View | None:
        view = who.top_view()
        return view if view is not None and choices(view, field) else None

    found: View = await workplace.until(there)
    assert check_view(found.data) == []
    return found


async def delivered(workplace: Workplace, root: Message) -> Message:
    """Wait for the video, and see that it and its card stand in the message's thread."""
    await workplace.until(lambda: "Done" in workplace.card())
    (video,) = workplace.videos()
    (card,) = workplace.said("card")
    assert (card.channel, card.thread_ts) == (video.channel, video.thread_ts) == (root.channel, root.ts)
    assert not workplace.slack.world.violations
    return video


async def test_a_message_shortcut_opens_the_form_with_the_messages_files_and_ends_in_its_thread(
    workplace: Workplace,
) -> None:
    ada, ben = workplace.slack.person("ada"), workplace.slack.person("ben")
    message = ben.say("look", files=[await clip(workplace, ben), await picture(workplace, ben)])
    await ada.message_shortcut(message, "swap_message")
    view = await ada.opened_view()
    assert (labels(view, "image_here"), labels(view, "video_here")) == (["hero.png"], ["dance.mp4"])
    submission = await ada.submit(view)
    assert submission.closed
    await delivered(workplace, message)
    (task,) = workplace.studio.tasks.values()
    assert task.model == "wan2.2-animate-mix"
    assert f"for <@{ada.id}>" in workplace.card()


async def test_in_a_thread_the_form_opens_at_once_and_gets_the_threads_files_while_it_is_open(
    workplace: Workplace,
) -> None:
    ada, ben = workplace.slack.person("ada"), workplace.slack.person("ben")
    root = ben.say("our hero", files=[await picture(workplace, ben, "old.png"), await picture(workplace, ben)])
    reply = ben.say("and how he moves", files=[await clip(workplace, ben)], thread_ts=root.ts)
    await ada.message_shortcut(reply, "animate_message")
    first = await ada.opened_view()
    assert labels(first, "video_here") == ["dance.mp4"]
    view = await completed(workplace, ada, "image_here")
    assert view.id == first.id
    assert labels(view, "image_here") == ["hero.png", "old.png"]  # the newest first
    assert labels(view, "video_here") == ["dance.mp4"]
    other = next(value for label, value in choices(view, "image_here").items() if label.startswith("old.png"))
    assert (await ada.submit(view, {"image_here": other})).closed
    await delivered(workplace, root)
    assert "old.png" in workplace.card()


async def test_without_the_optional_scopes_the_form_is_as_good_as_the_message(workplace: Workplace) -> None:
    workplace.slack.backend.scopes.difference_update(HISTORY)
    ada, ben = workplace.slack.person("ada"), workplace.slack.person("ben")
    root = ben.say("our hero", files=[await picture(workplace, ben)])
    reply = ben.say("and how he moves", files=[await clip(workplace, ben)], thread_ts=root.ts)
    await ada.message_shortcut(reply, "animate_message")
    view = await ada.opened_view()
    await workplace.slack.world.wait_for(lambda: workplace.slack.calls.count("conversations.replies"), 5.0)
    assert choices(view, "image_here") == {}
    assert (await ada.submit(view, {"image": [await picture(workplace, ada, "mine.png")]})).closed
    (job,) = workplace.rows()
    assert "mine.png" in job["wanted"]
    assert root.ts in job["place"]
    assert workplace.slack.world.whispers("ada") == []


async def test_exactly_one_of_the_two_ways_for_each_file_and_the_error_stands_under_its_field(
    workplace: Workplace,
) -> None:
    ada = workplace.slack.person("ada")
    big = await ada.upload(b"\x89PNG", name="big.png")
    workplace.slack.world.files[big].size = 2_000_000_000
    message = ada.say("", files=[await clip(workplace, ada), await picture(workplace, ada), big])
    await ada.message_shortcut(message, "animate_message")
    view = await ada.opened_view()
    upload = [await picture(workplace, ada, "mine.png")]
    errors = (await ada.submit(view, {"image": upload})).errors
    assert set(errors) == {"image"}
    assert "the file chosen above" in errors["image"]
    assert set((await ada.submit(view, {"image_here": "upload"})).errors) == {"image_here"}
    assert set((await ada.submit(view, {"image_here": None, "video_here": None})).errors) == {
        "image_here",
        "video_here",
    }
    too_big = next(value for label, value in choices(view, "image_here").items() if label.startswith("big.png"))
    assert "too big: 2000 MB" in (await ada.submit(view, {"image_here": too_big})).errors["image_here"]
    assert workplace.rows() == []
    assert (await ada.submit(view, {"image_here": "upload", "image": upload})).closed


async def test_a_message_without_files_opens_the_plain_form_for_its_thread(workplace: Workplace) -> None:
    ada = workplace.slack.person("ada")
    message = ada.say("somebody should dance here")
    await ada.message_shortcut(message, "swap_message")
    view = await ada.opened_view()
    assert choices(view, "image_here") == choices(view, "video_here") == {}
    files = {"image": [await picture(workplace, ada)], "video": [await clip(workplace, ada)]}
    await ada.submit(view, files)
    (job,) = workplace.rows()
    assert message.ts in job["place"]


async def test_a_file_of_another_workspace_is_asked_for_and_then_stands_in_the_form(workplace: Workplace) -> None:
    ada, ben = workplace.slack.person("ada"), workplace.slack.person("ben")
    video = await clip(workplace, ben)
    workplace.slack.world.files[video].stub = True
    message = ben.say("", files=[video, await picture(workplace, ben)])
    await ada.message_shortcut(message, "animate_message")
    view = await completed(workplace, ada, "video_here")
    assert (await ada.submit(view)).closed
    (job,) = workplace.rows()
    assert "dance.mp4" in job["wanted"]


def answered(workplace: Workplace, count: int) -> bool:
    return len(workplace.said("card")) == count == len(workplace.slack.world.whispers("ada"))


async def test_where_the_bot_is_no_member_and_in_archived_channels_it_answers_in_direct_messages_and_says_so(
    workplace: Workplace,
) -> None:
    world, ada = workplace.slack.world, workplace.slack.person("ada")
    secret = world.add_channel("secret", kind=ChannelKind.PRIVATE, members=[ada.id], with_bot=False)
    old = world.add_channel("old", archived=True)
    files = [await clip(workplace, ada), await picture(workplace, ada)]
    for count, room in enumerate((secret, old), start=1):
        await ada.message_shortcut(ada.say("", channel=room.id, files=files), "swap_message")
        await ada.submit(await ada.opened_view())
        await workplace.until(partial(answered, workplace, count))
        assert world.whispers("ada")[-1].channel == room.id
        assert "our direct messages" in world.whispers("ada")[-1].text
    assert {card.channel for card in workplace.said("card")} == {world.dm("ada").id}


async def test_a_global_shortcut_asks_for_the_conversation(workplace: Workplace) -> None:
    world, ada = workplace.slack.world, workplace.slack.person("ada")
    room = world.add_channel("stage")
    await ada.shortcut("swap_anywhere")
    view = await ada.opened_view()
    files = {"image": [await picture(workplace, ada)], "video": [await clip(workplace, ada)]}
    assert (await ada.submit(view, files | {"conversation": room.id})).closed
    await workplace.until(lambda: "Done" in workplace.card())
    (video,), (card,) = workplace.videos(), workplace.said("card")
    assert video.channel == card.channel == room.id
    assert video.thread_ts == card.ts
    assert world.ephemerals == []


async def test_a_conversation_that_is_closed_to_the_bot_is_answered_there_in_private(workplace: Workplace) -> None:
    world, ada = workplace.slack.world, workplace.slack.person("ada")
    room = world.add_channel("stage", with_bot=False)
    await ada.shortcut("swap_anywhere")
    files = {"image": [await picture(workplace, ada)], "video": [await clip(workplace, ada)]}
    await ada.submit(await ada.opened_view(), files | {"conversation": room.id})
    (whisper,) = await workplace.until(lambda: world.whispers("ada"))
    assert whisper.channel == room.id
    assert workplace.said("card")[0].channel == world.dm("ada").id


async def test_a_global_shortcut_without_a_conversation_answers_in_direct_messages(workplace: Workplace) -> None:
    ada = workplace.slack.person("ada")
    await ada.shortcut("animate_anywhere")
    files = {"image": [await picture(workplace, ada)], "video": [await clip(workplace, ada)]}
    await ada.submit(await ada.opened_view(), files)
    (card,) = await workplace.until(lambda: workplace.said("card"))
    assert card.channel == workplace.slack.world.dm("ada").id
    # A message takes a person's id for their direct messages; an edit, and the video, need the channel itself.
    (row,) = await workplace.until(lambda: workplace.rows("SELECT * FROM card"))
    assert row["channel"] == card.channel


def link(workplace: Workplace, file: str) -> str:
    found = workplace.slack.world.files[file]
    return f"https://practice.slack.com/files/{found.user}/{found.id}/{found.name}"


async def test_the_commands_words_and_links_fill_in_the_form(workplace: Workplace) -> None:
    ada, ben = workplace.slack.person("ada"), workplace.slack.person("ben")
    image, video = await picture(workplace, ben), await clip(workplace, ben)
    ben.say("", files=[image, video])
    await ada.command("/animate", f"pro 5s {link(workplace, image)} <{link(workplace, video)}|dance>")
    view = await completed(workplace, ada, "video_here")
    assert chosen(view, "quality").startswith("Pro")
    (length,) = [block for block in view.blocks if block["block_id"] == "length"]
    assert length["element"]["initial_value"] == "5"
    assert labels(view, "image_here") == ["hero.png"]
    await ada.submit(view)
    await workplace.until(lambda: "Done" in workplace.card())
    assert len(workplace.videos()) == 1
    (task,) = workplace.studio.tasks.values()
    assert task.asked is not None
    assert task.asked.mode == "wan-pro"


async def test_the_other_commands_word_opens_the_other_commands_form_and_says_so(workplace: Workplace) -> None:
    ada = workplace.slack.person("ada")
    await ada.command("/animate", "swap pro")
    view = await ada.opened_view()
    assert view.data["title"]["text"] == "Swap a person"
    assert "You wrote “swap”, so this is the form of Swap." in str(view.blocks)
    assert chosen(view, "quality").startswith("Pro")
    await ada.close(view)
    await ada.command("/animate", "animate")
    view = await ada.opened_view()
    assert view.data["title"]["text"] == "Animate a character"
    assert "You wrote" not in str(view.blocks)


async def test_a_link_to_a_file_that_stands_elsewhere_is_refused_in_the_form_without_its_name(
    workplace: Workplace,
) -> None:
    world, ada, ben = workplace.slack.world, workplace.slack.person("ada"), workplace.slack.person("ben")
    secret = world.add_channel("secret", kind=ChannelKind.PRIVATE, members=[ben.id])
    hidden = await picture(workplace, ben, "hidden.png")
    ben.say("", channel=secret.id, files=[hidden])
    await ada.command("/animate", link(workplace, hidden))

    def noted() -> View | None:
        view = ada.top_view()
        return view if view is not None and "can't be used here" in str(view.blocks) else None

    view = await workplace.until(noted)
    assert choices(view, "image_here") == {}
    assert "hidden.png" not in str(view.blocks)


async def test_a_file_that_was_taken_away_before_the_job_had_it_is_told_and_costs_nothing(workplace: Workplace) -> None:
    ada, ben = workplace.slack.person("ada"), workplace.slack.person("ben")
    image = await picture(workplace, ben)
    message = ben.say("", files=[image, await clip(workplace, ben)])
    await ada.message_shortcut(message, "animate_message")
    view = await ada.opened_view()
    workplace.slack.world.files[image].shares.clear()  # the message is gone, and with it the right to its picture
    await ada.submit(view)
    await workplace.until(lambda: "stand where you asked" in workplace.card())
    assert "It cost nothing." in workplace.card()
    assert not workplace.studio.creates


async def test_a_form_that_does_not_open_is_answered_wherever_it_was_asked_for(workplace: Workplace) -> None:
    world, ada = workplace.slack.world, workplace.slack.person("ada")
    workplace.slack.trouble.next("views.open", slack_error("expired_trigger_id"), times=2)
    await ada.message_shortcut(ada.say("hm"), "animate_message")
    await workplace.until(lambda: world.whispers("ada"))
    assert "couldn't open the form" in world.whispers("ada")[0].text
    await ada.shortcut("animate_anywhere")
    (answer,) = await workplace.until(lambda: world.messages(world.dm("ada").id, by_bot=True))
    assert "couldn't open the form" in answer.text


async def test_a_form_that_was_closed_before_it_was_completed_is_left_alone(workplace: Workplace) -> None:
    ada: Any = workplace.slack.person("ada")
    root = ada.say("", files=[await picture(workplace, ada)])
    reply = ada.say("", files=[await clip(workplace, ada)], thread_ts=root.ts)
    workplace.slack.trouble.next("views.update", slack_error("not_found"))
    await ada.message_shortcut(reply, "animate_message")
    await ada.opened_view()
    await workplace.until(lambda: workplace.slack.calls.count("views.update"))
    assert workplace.slack.world.ephemerals == []
