from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.demo.slack import (
    ChannelKind,
    SlackStandIn,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable
    from pathlib import Path

TOKEN = "xoxb-test"


class Clock:
    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def slack(tmp_path: Path, clock: Clock) -> AsyncIterator[SlackStandIn]:
    async with SlackStandIn(
        bot_token=TOKEN, app_token="xapp-test", signing_secret="secret", folder=tmp_path / "slack", clock=clock
    ) as running:
        yield running


@pytest.fixture
async def client(slack: SlackStandIn) -> AsyncIterator[AsyncWebClient]:
    async with aiohttp.ClientSession() as session:
        yield AsyncWebClient(TOKEN, base_url=slack.api_url, session=session, retry_handlers=[])


async def refused(call: Awaitable[Any]) -> str:
    with pytest.raises(SlackApiError) as caught:
        await call
    return str(caught.value.response["error"])


MODAL = {
    "type": "modal",
    "callback_id": "form",
    "title": {"type": "plain_text", "text": "Form"},
    "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "hello"}}],
}


async def test_auth_test_tells_who_the_bot_is(slack: SlackStandIn, client: AsyncWebClient) -> None:
    who = await client.auth_test()
    assert (who["user_id"], who["bot_id"], who["team_id"]) == (
        slack.world.bot.id,
        slack.world.bot.bot_id,
        slack.world.team_id,
    )


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        ({}, "not_authed"),
        ({"Authorization": "Bearer xoxb-other"}, "invalid_auth"),
        ({"Authorization": f"Basic {TOKEN}"}, "invalid_auth"),
        ({"Authorization": "Bearer xapp-test"}, "not_allowed_token_type"),
    ],
)
async def test_a_wrong_token_is_refused(slack: SlackStandIn, headers: dict[str, str], error: str) -> None:
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{slack.api_url}auth.test", headers=headers) as response,
    ):
        assert (await response.json())["error"] == error


async def test_a_missing_scope_is_named(slack: SlackStandIn, client: AsyncWebClient) -> None:
    slack.backend.scopes.discard("chat:write")
    with pytest.raises(SlackApiError) as caught:
        await client.chat_postMessage(channel=slack.world.channel("general").id, text="x")
    assert caught.value.response["error"] == "missing_scope"
    assert caught.value.response["needed"] == "chat:write"
    assert "files:read" in caught.value.response["provided"]
    granted = (await client.auth_test()).headers["x-oauth-scopes"]
    assert granted == caught.value.response.headers["x-oauth-scopes"] == ",".join(sorted(slack.backend.scopes))


async def test_unknown_methods_and_misspelt_arguments_are_refused(slack: SlackStandIn, client: AsyncWebClient) -> None:
    general = slack.world.channel("general").id
    assert await refused(client.api_call("chat.postMassage")) == "unknown_method"
    typo = client.api_call("chat.postMessage", json={"channel": general, "text": "x", "tread_ts": "1.1"})
    assert await refused(typo) == "invalid_arguments"
    slack.conduct.strict = False
    assert await client.api_call("chat.postMessage", json={"channel": general, "text": "x", "tread_ts": "1.1"})


async def test_json_is_refused_where_slack_takes_only_forms(slack: SlackStandIn, client: AsyncWebClient) -> None:
    body = {"filename": "a.mp4", "length": 3}
    assert await refused(client.api_call("files.getUploadURLExternal", json=body)) == "invalid_arguments"
    assert (await client.api_call("files.getUploadURLExternal", data=body))["ok"]


async def test_a_message_is_posted_changed_and_deleted(slack: SlackStandIn, client: AsyncWebClient) -> None:
    general = slack.world.channel("general")
    section = {"type": "section", "text": {"type": "mrkdwn", "text": "*hi*"}}
    metadata = {"event_type": "job", "event_payload": {"job": "1"}}
    posted = await client.chat_postMessage(channel=general.id, text="hi", blocks=[section], metadata=metadata)
    message = slack.world.message(general.id, posted["ts"])
    assert message is not None
    assert message.blocks[0]["block_id"]
    await client.chat_update(channel=general.id, ts=message.ts, text="bye")
    assert (message.text, message.blocks, message.metadata) == ("bye", [], metadata)
    assert [version.text for version in message.versions] == ["hi", "bye"]
    await client.chat_delete(channel=general.id, ts=message.ts)
    assert slack.world.messages(general.id) == []
    assert await refused(client.chat_update(channel=general.id, ts=message.ts, text="x")) == "message_not_found"


async def test_time_stamps_are_unique_and_increase(slack: SlackStandIn, client: AsyncWebClient) -> None:
    general = slack.world.channel("general").id
    stamps = [(await client.chat_postMessage(channel=general, text="x"))["ts"] for _ in range(3)]
    assert stamps == sorted(set(stamps))


async def test_only_own_messages_can_be_changed(slack: SlackStandIn, client: AsyncWebClient) -> None:
    message = slack.person("ada").say("mine")
    update = client.chat_update(channel=message.channel, ts=message.ts, text="x")
    assert await refused(update) == "cant_update_message"
    delete = client.chat_delete(channel=message.channel, ts=message.ts)
    assert await refused(delete) == "cant_delete_message"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"text": ""}, "no_text"),
        ({"text": "x" * 40_001}, "msg_too_long"),
        ({"text": "x", "blocks": [{"type": "marquee"}]}, "invalid_blocks"),
        ({"text": "x", "blocks": "["}, "invalid_blocks_format"),
        ({"text": "x", "metadata": {"event_type": "a"}}, "invalid_metadata_format"),
        ({"text": "x", "thread_ts": "1.000001"}, "thread_not_found"),
        (
            {"text": "x", "blocks": [{"type": "image", "alt_text": "a", "slack_file": {"id": "F404"}}]},
            "invalid_blocks",
        ),
    ],
)
async def test_a_bad_message_is_refused(
    slack: SlackStandIn, client: AsyncWebClient, arguments: dict[str, Any], error: str
) -> None:
    call = client.api_call("chat.postMessage", json={"channel": slack.world.channel("general").id, **arguments})
    assert await refused(call) == error
    assert slack.world.messages("general") == []


async def test_invalid_blocks_are_pointed_at(slack: SlackStandIn, client: AsyncWebClient) -> None:
    blocks: list[dict[str, Any]] = [
        {"type": "divider"},
        {"type": "header", "text": {"type": "plain_text", "text": "x" * 151}},
    ]
    with pytest.raises(SlackApiError) as caught:
        await client.chat_postMessage(channel=slack.world.channel("general").id, text="x", blocks=blocks)
    told = caught.value.response["response_metadata"]["messages"]
    assert told == ["[ERROR] no more than 150 characters allowed [json-pointer:/blocks/1/text/text]"]


async def test_a_changed_text_may_be_shorter_only(slack: SlackStandIn, client: AsyncWebClient) -> None:
    general = slack.world.channel("general").id
    posted = await client.chat_postMessage(channel=general, text="x")
    update = client.chat_update(channel=general, ts=posted["ts"], text="x" * 4_001)
    assert await refused(update) == "msg_too_long"


async def test_where_the_bot_may_not_post_it_is_told(slack: SlackStandIn, client: AsyncWebClient) -> None:
    world = slack.world
    closed = world.add_channel("closed", with_bot=False)
    secret = world.add_channel("secret", kind=ChannelKind.PRIVATE, with_bot=False)
    old = world.add_channel("old", archived=True)
    for channel, error in [
        (closed, "not_in_channel"),
        (secret, "channel_not_found"),
        (old, "is_archived"),
    ]:
        assert await refused(client.chat_postMessage(channel=channel.id, text="x")) == error
    assert await refused(client.chat_postMessage(channel="C404", text="x")) == "channel_not_found"
    slack.backend.scopes.add("chat:write.public")
    await client.chat_postMessage(channel=closed.id, text="x")


async def test_replies_need_a_parent_that_is_still_there(slack: SlackStandIn, client: AsyncWebClient) -> None:
    general = slack.world.channel("general").id
    root = (await client.chat_postMessage(channel=general, text="root"))["ts"]
    reply = await client.chat_postMessage(channel=general, text="reply", thread_ts=root)
    assert reply["message"]["parent_user_id"] == slack.world.bot.id
    nested = client.chat_postMessage(channel=general, text="x", thread_ts=reply["ts"])
    assert await refused(nested) == "thread_not_found"
    slack.backend.scopes.add("channels:history")
    found = await client.conversations_replies(channel=general, ts=root)
    assert [m["text"] for m in found["messages"]] == ["root", "reply"]
    assert found["messages"][0]["reply_count"] == 1
    slack.world.deleted(slack.world.channels[general].messages[root])
    gone = client.chat_postMessage(channel=general, text="x", thread_ts=root)
    assert await refused(gone) == "thread_not_found"


async def test_history_needs_the_scope_of_its_kind_and_comes_in_pages(
    slack: SlackStandIn, client: AsyncWebClient
) -> None:
    general = slack.world.channel("general").id
    for number in range(5):
        await client.chat_postMessage(
            channel=general, text=str(number), metadata={"event_type": "n", "event_payload": {"n": number}}
        )
    assert await refused(client.conversations_history(channel=general)) == "missing_scope"
    slack.backend.scopes.add("channels:history")
    first = await client.conversations_history(channel=general, limit=2)
    assert [m["text"] for m in first["messages"]] == ["4", "3"]
    assert "event_payload" not in first["messages"][0]["metadata"]
    cursor = first["response_metadata"]["next_cursor"]
    rest = await client.conversations_history(channel=general, cursor=cursor, include_all_metadata=True)
    assert [m["metadata"]["event_payload"]["n"] for m in rest["messages"]] == [2, 1, 0]
    assert not rest["has_more"]


async def test_direct_messages_are_opened_once(slack: SlackStandIn, client: AsyncWebClient) -> None:
    ada = slack.world.user("ada").id
    first = (await client.conversations_open(users=[ada]))["channel"]["id"]
    assert first == (await client.conversations_open(users=ada))["channel"]["id"]
    posted = await client.chat_postMessage(channel=ada, text="psst")
    assert posted["channel"] == first
    assert await refused(client.conversations_open(users="U404")) == "user_not_found"


async def test_people_and_channels_are_described(slack: SlackStandIn, client: AsyncWebClient) -> None:
    general, ada = slack.world.channel("general"), slack.world.user("ada")
    assert await refused(client.users_info(user=ada.id)) == "missing_scope"
    slack.backend.scopes |= {"users:read", "channels:read"}
    assert (await client.users_info(user=ada.id))["user"]["name"] == "ada"
    info = await client.conversations_info(channel=general.id, include_num_members=True)
    assert (info["channel"]["is_member"], info["channel"]["num_members"]) == (True, 3)
    assert (await client.conversations_members(channel=general.id))["members"] == general.members


async def test_an_ephemeral_message_is_seen_by_one_member(slack: SlackStandIn, client: AsyncWebClient) -> None:
    general, ada = slack.world.channel("general").id, slack.world.user("ada").id
    await client.chat_postEphemeral(channel=general, user=ada, text="only you")
    assert [w.text for w in slack.world.whispers("ada")] == ["only you"]
    assert slack.world.whispers("ben") == []
    stranger = slack.world.add_user("cleo").id
    outside = client.chat_postEphemeral(channel=general, user=stranger, text="x")
    assert await refused(outside) == "user_not_in_channel"


async def test_reactions_are_added_and_removed_once(slack: SlackStandIn, client: AsyncWebClient) -> None:
    message = slack.person("ada").say("hi")
    place = {"channel": message.channel, "timestamp": message.ts, "name": "eyes"}
    await client.reactions_add(**place)
    assert message.reactions == {"eyes": [slack.world.bot.id]}
    assert await refused(client.reactions_add(**place)) == "already_reacted"
    await client.reactions_remove(**place)
    assert message.reactions == {}
    assert await refused(client.reactions_remove(**place)) == "no_reaction"


async def test_a_permalink_leads_into_the_thread(slack: SlackStandIn, client: AsyncWebClient) -> None:
    root = slack.person("ada").say("root")
    reply = slack.person("ben").say("reply", thread_ts=root.ts)
    link = (await client.chat_getPermalink(channel=root.channel, message_ts=reply.ts))["permalink"]
    assert f"thread_ts={root.ts}" in link
    unknown = client.chat_getPermalink(channel=root.channel, message_ts="1.000001")
    assert await refused(unknown) == "message_not_found"


async def test_a_trigger_opens_one_view_and_soon_expires(
    slack: SlackStandIn, client: AsyncWebClient, clock: Clock
) -> None:
    ada = slack.world.user("ada").id
    assert await refused(client.views_open(trigger_id="nonsense", view=MODAL)) == "invalid_trigger_id"
    trigger = slack.world.new_trigger(ada, 3.0, channel=None)
    await client.views_open(trigger_id=trigger.id, view=MODAL)
    assert [v.user for v in slack.world.stack("ada")] == [ada]
    assert await refused(client.views_open(trigger_id=trigger.id, view=MODAL)) == "exchanged_trigger_id"
    late = slack.world.new_trigger(ada, 3.0, channel=None)
    clock.now += 3.1
    assert await refused(client.views_open(trigger_id=late.id, view=MODAL)) == "expired_trigger_id"


async def test_views_are_updated_if_the_hash_fits(slack: SlackStandIn, client: AsyncWebClient) -> None:
    ada = slack.world.user("ada").id
    trigger = slack.world.new_trigger(ada, 3.0, channel=None)
    view = (await client.views_open(trigger_id=trigger.id, view=MODAL))["view"]
    changed = MODAL | {"callback_id": "second"}
    await client.views_update(view_id=view["id"], hash=view["hash"], view=changed)
    assert slack.world.views[view["id"]].data["callback_id"] == "second"
    stale = client.views_update(view_id=view["id"], hash=view["hash"], view=changed)
    assert await refused(stale) == "hash_conflict"
    assert await refused(client.views_update(view_id="V404", view=MODAL)) == "not_found"
    home = {"type": "home", "blocks": MODAL["blocks"]}
    assert await refused(client.views_update(view_id=view["id"], view=home)) == "invalid_arguments"


async def test_at_most_three_modals_lie_on_each_other(slack: SlackStandIn, client: AsyncWebClient) -> None:
    ada = slack.world.user("ada").id
    trigger = slack.world.new_trigger(ada, 3.0, channel=None)
    top = (await client.views_open(trigger_id=trigger.id, view=MODAL))["view"]["id"]
    for _ in range(2):
        trigger = slack.world.new_trigger(ada, 3.0, channel=None, view_id=top)
        top = (await client.views_push(trigger_id=trigger.id, view=MODAL))["view"]["id"]
    trigger = slack.world.new_trigger(ada, 3.0, channel=None, view_id=top)
    assert await refused(client.views_push(trigger_id=trigger.id, view=MODAL)) == "push_limit_reached"


async def test_a_view_that_breaks_a_rule_or_is_too_large_is_refused(
    slack: SlackStandIn, client: AsyncWebClient
) -> None:
    ada = slack.world.user("ada").id

    async def opened(view: dict[str, Any]) -> str:
        return await refused(
            client.views_open(trigger_id=slack.world.new_trigger(ada, 3.0, channel=None).id, view=view)
        )

    assert await opened(MODAL | {"title": {"type": "plain_text", "text": "x" * 25}}) == "invalid_arguments"
    huge = [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3000}}] * 90
    assert await opened(MODAL | {"blocks": huge}) == "view_too_large"
    picker = {"type": "input", "label": {"type": "plain_text", "text": "F"}, "element": {"type": "file_input"}}
    slack.backend.scopes.discard("files:read")
    with_file = MODAL | {"submit": {"type": "plain_text", "text": "Go"}, "blocks": [picker]}
    assert await opened(with_file) == "missing_scope"


async def test_a_home_tab_is_published_for_one_person(slack: SlackStandIn, client: AsyncWebClient) -> None:
    ada = slack.world.user("ada").id
    await client.views_publish(user_id=ada, view={"type": "home", "blocks": MODAL["blocks"]})
    assert slack.world.homes[ada].data["type"] == "home"
    assert await refused(client.views_publish(user_id=ada, view=MODAL)) == "invalid_arguments"


async def test_waiting_for_the_world_ends_with_the_change_or_in_time(
    slack: SlackStandIn, client: AsyncWebClient
) -> None:
    general = slack.world.channel("general").id
    waiting = asyncio.create_task(slack.world.wait_for(lambda: slack.world.messages(general)))
    await asyncio.sleep(0)
    await client.chat_postMessage(channel=general, text="x")
    assert [m.text for m in await waiting] == ["x"]
    with pytest.raises(TimeoutError):
        await slack.world.wait_for(lambda: False, 0.01)
