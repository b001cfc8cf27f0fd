"""Who asks, and where: guests, people of other workspaces, rooms that are closed, shut or archived. Never silence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from world import text_of

from bot.demo.slack import ChannelKind, Kind, slack_error
from bot.demo.slack.payloads import Payloads
from bot.demo.studio_trouble import fails
from bot.slack import answers, invitations

if TYPE_CHECKING:
    from world import Opened, Workplace

    from bot.demo.slack import Channel, User


def guest_in(workplace: Workplace, *, with_bot: bool) -> tuple[User, Channel]:
    """A guest and the one channel they see, a private one."""
    guest = workplace.slack.world.add_user("gwen", guest=True)
    room = workplace.slack.world.add_channel(
        "agency", kind=ChannelKind.PRIVATE, members=[guest, "U0000000002"], with_bot=with_bot
    )
    return guest, room


async def test_a_guest_gets_card_and_video_in_the_one_channel_they_see(workplace: Workplace) -> None:
    guest, room = guest_in(workplace, with_bot=True)
    await workplace.order(who=guest.id, channel=room.id)
    await workplace.until(lambda: "Done" in workplace.card())
    (card,), (video,) = workplace.said("card"), workplace.videos()
    assert (card.channel, video.channel, video.thread_ts) == (room.id, room.id, card.ts)
    assert f"<@{guest.id}>" in video.text
    assert workplace.slack.world.whispers(guest.id) == []


async def test_a_guest_whom_the_bot_may_not_even_write_to_is_told_at_once_and_loses_nothing(
    workplace: Workplace,
) -> None:
    guest, room = guest_in(workplace, with_bot=False)
    workplace.slack.trouble.always("conversations.open", slack_error("user_not_visible"))
    await workplace.order(who=guest.id, channel=room.id)
    (told,) = await workplace.until(lambda: workplace.slack.world.whispers(guest.id))
    (job,) = workplace.rows()
    assert (told.channel, told.text) == (room.id, answers.nowhere(job["id"]))
    person = workplace.slack.person(guest.id)
    while "let me post it nowhere" not in workplace.slack.world.whispers(guest.id)[-1].text:
        await person.command("/animate", f"status {job['id']}", channel=room.id)
    assert len(workplace.slack.world.whispers(guest.id)) >= 2
    assert workplace.said("card") == workplace.videos() == []

    room.members.append(workplace.slack.world.bot.id)  # somebody invites it
    await workplace.bot.stop()
    await workplace.bot.start()
    (card,) = await workplace.until(lambda: workplace.said("card"))
    await workplace.until(lambda: "Deliver again" in text_of(card))
    await person.press(card, "job_deliver_again")
    await workplace.until(workplace.videos)
    assert (card.channel, workplace.videos()[0].channel) == (room.id, room.id)
    assert len(workplace.studio.billed) == 1


async def test_people_of_another_workspace_start_nothing_however_they_ask_and_are_told_why(
    workplace: Workplace,
) -> None:
    slack, world = workplace.slack, workplace.slack.world
    eve, ada = world.add_user("eve", team="T0OTHER"), slack.person("ada")
    world.channel("general").members.append(eve.id)
    payloads = Payloads(slack.backend)
    trigger = world.new_trigger(eve.id, 3.0, channel=None)
    asked = [payloads.message_shortcut(eve, ada.say("hm"), "swap_message", trigger)]
    asked.append(payloads.global_shortcut(eve, "swap_anywhere", trigger))
    for payload in asked:
        assert (await slack.dispatch.deliver(Kind.INTERACTION, payload)).answer.ok
    (whisper,) = await workplace.until(lambda: world.whispers(eve.id))
    (message,) = await workplace.until(lambda: world.messages(world.dm(eve.id).id, by_bot=True))
    assert whisper.text == message.text == invitations.STRANGER
    view = await workplace.form(ada, "/swap")
    files = {"image": [await ada.upload(workplace.media.image)], "video": [await ada.upload(workplace.media.video)]}
    ada.user.team = "T0OTHER"
    assert (await ada.submit(view, files)).errors == {"video": invitations.STRANGER}
    assert workplace.rows() == []
    assert slack.calls.count("views.open") == 1


async def test_in_a_channel_archived_meanwhile_the_end_is_told_in_direct_messages_video_or_failure(
    workplaces: Opened,
) -> None:
    workplace = await workplaces(task_seconds=600.0)
    workplace.studio.trouble.next_tasks(None, fails("InternalError"))
    for _ in range(2):
        await workplace.order()
    await workplace.until(lambda: len(workplace.studio.tasks) == len(workplace.said("card")) == 2)
    workplace.slack.world.channel("general").archived = True
    for task in workplace.studio.tasks:
        workplace.studio.finish(task)
    (told,) = await workplace.until(lambda: workplace.said("failed"))
    (video,) = await workplace.until(workplace.videos)
    assert told.channel == video.channel == workplace.slack.world.dm("ada").id
    assert "your video is ready" in video.text
