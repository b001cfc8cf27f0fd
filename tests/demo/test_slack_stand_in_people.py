"""A small Bolt app, over signed HTTP and over Socket Mode, and the people who use it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.demo.slack import ChannelKind, Conduct, SlackStandIn

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

TOKEN, APP_TOKEN, SECRET = "xoxb-test", "xapp-test", "secret"


def plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def option(value: str) -> dict[str, Any]:
    return {"text": plain(value), "value": value}


def asked(block_id: str, element: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "type": "input",
        "block_id": block_id,
        "label": plain(block_id),
        "element": element | {"action_id": "x"},
    } | more


QUALITY = {"type": "radio_buttons", "options": [option("std"), option("pro")], "initial_option": option("std")}
MODAL: dict[str, Any] = {
    "type": "modal",
    "callback_id": "form",
    "notify_on_close": True,
    "title": plain("Form"),
    "submit": plain("Start"),
    "blocks": [
        asked("image", {"type": "file_input", "filetypes": ["png", "jpg"], "max_files": 1}),
        asked("video", {"type": "file_input", "filetypes": ["mp4"]}, optional=True),
        asked("quality", QUALITY),
        asked("options", {"type": "checkboxes", "options": [option("mark"), option("check")]}, optional=True),
        asked("note", {"type": "plain_text_input", "max_length": 5}, optional=True),
        asked(
            "where",
            {"type": "conversations_select", "default_to_current_conversation": True, "response_url_enabled": True},
            optional=True,
        ),
    ],
}
STOP = {"type": "actions", "block_id": "b", "elements": [{"type": "button", "action_id": "stop", "value": "7"}]}
STOP["elements"][0]["text"] = plain("Stop")  # type: ignore[index]


class Bot:
    """A bot that records what it is told and answers as the test wants it to."""

    def __init__(self, slack: SlackStandIn) -> None:
        self.seen: list[tuple[str, dict[str, Any]]] = []
        self.response: dict[str, Any] = {}
        self.delay = 0.0
        client = AsyncWebClient(TOKEN, base_url=slack.api_url, retry_handlers=[])
        self.app = AsyncApp(client=client, signing_secret=SECRET, process_before_response=True)
        self.app.command("/form")(self.form)
        self.app.command("/hello")(self.hello)
        self.app.view("form")(self.submitted)
        self.app.view_closed("form")(self.closed)
        self.app.action("stop")(self.note)
        self.app.action("pick")(self.note)
        self.app.shortcut("use")(self.note)
        self.app.event("app_mention")(self.event)
        self.app.event("message")(self.event)
        self.app.event("app_home_opened")(self.event)

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [body for name, body in self.seen if name == kind]

    async def form(self, ack: Any, body: dict[str, Any], client: AsyncWebClient) -> None:
        self.seen.append(("command", body))
        await client.views_open(trigger_id=body["trigger_id"], view=MODAL)
        await ack()

    async def hello(self, ack: Any, body: dict[str, Any]) -> None:
        await asyncio.sleep(self.delay)
        self.seen.append(("command", body))
        await ack(f"hello {body['text']}")

    async def submitted(self, ack: Any, body: dict[str, Any]) -> None:
        self.seen.append((body["type"], body))
        await ack(**self.response)

    async def closed(self, ack: Any, body: dict[str, Any]) -> None:
        self.seen.append((body["type"], body))
        await ack()

    async def note(self, ack: Any, body: dict[str, Any]) -> None:
        self.seen.append((body["type"], body))
        await ack()

    async def event(self, body: dict[str, Any]) -> None:
        self.seen.append((body["event"]["type"], body))

    async def http(self, request: web.Request) -> web.StreamResponse:
        return await to_aiohttp_response(await self.app.async_dispatch(await to_bolt_request(request)))


@asynccontextmanager
async def over_http(bot: Bot, slack: SlackStandIn) -> AsyncIterator[None]:
    server = web.Application()
    server.router.add_post("/slack/events", bot.http)
    runner = web.AppRunner(server)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    slack.request_url = f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
    yield
    await runner.cleanup()


@asynccontextmanager
async def over_a_socket(bot: Bot, slack: SlackStandIn) -> AsyncIterator[None]:
    handler = AsyncSocketModeHandler(bot.app, APP_TOKEN, ping_interval=0.2)
    await handler.connect_async()  # type: ignore[no-untyped-call]
    await slack.world.wait_for(lambda: slack.sockets.connected)
    yield
    await handler.close_async()  # type: ignore[no-untyped-call]


@pytest.fixture
async def slack(tmp_path: Path) -> AsyncIterator[SlackStandIn]:
    async with SlackStandIn(
        bot_token=TOKEN, app_token=APP_TOKEN, signing_secret=SECRET, folder=tmp_path, conduct=Conduct(echo=False)
    ) as running:
        yield running
        assert running.world.violations == []


@pytest.fixture
async def http_bot(slack: SlackStandIn) -> AsyncIterator[Bot]:
    bot = Bot(slack)
    async with over_http(bot, slack):
        yield bot


@pytest.fixture(params=[over_http, over_a_socket])
async def bot(slack: SlackStandIn, request: pytest.FixtureRequest) -> AsyncIterator[Bot]:
    bot = Bot(slack)
    async with request.param(bot, slack):
        yield bot


async def test_a_command_is_answered_in_private(slack: SlackStandIn, bot: Bot) -> None:
    general = slack.world.channel("general")
    delivery = await slack.person("ada").command("/hello", "you", channel="general")
    assert delivery.answer.ok
    assert [w.text for w in slack.world.whispers("ada")] == ["hello you"]
    told = bot.of("command")[0]
    assert (told["command"], told["channel_id"], told["channel_name"]) == ("/hello", general.id, "general")
    assert told["user_id"] == slack.world.user("ada").id


async def test_a_form_is_opened_filled_in_and_submitted(slack: SlackStandIn, bot: Bot) -> None:
    ada = slack.person("ada")
    await ada.command("/form")
    view = await ada.opened_view()
    image = await ada.upload(b"\x89PNG", name="me.png")
    done = await ada.submit(view, {"image": [image], "options": ["check"], "note": "hi"})
    assert done.closed
    assert slack.world.stack("ada") == []
    told = bot.of("view_submission")[0]
    values = {block_id: values["x"] for block_id, values in told["view"]["state"]["values"].items()}
    assert values["image"]["files"][0] == values["image"]["files"][0] | {
        "id": image,
        "name": "me.png",
        "mimetype": "image/png",
        "filetype": "png",
        "size": 4,
        "mode": "hosted",
    }
    assert values["video"] == {"type": "file_input", "files": []}
    assert values["quality"]["selected_option"]["value"] == "std"
    assert [o["value"] for o in values["options"]["selected_options"]] == ["check"]
    assert values["note"] == {"type": "plain_text_input", "value": "hi"}
    assert values["where"]["selected_conversation"] == told["response_urls"][0]["channel_id"]
    assert slack.world.files[image].shares == []


async def test_slacks_client_refuses_an_incomplete_form_by_itself(slack: SlackStandIn, bot: Bot) -> None:
    ada = slack.person("ada")
    await ada.command("/form")
    view = await ada.opened_view()
    video = await ada.upload(b"x", name="v.mp4")
    assert (await ada.submit(view, {})).errors.keys() == {"image"}
    assert (await ada.submit(view, {"image": video, "note": "too long"})).errors.keys() == {"image", "note"}
    assert bot.of("view_submission") == []
    huge = await ada.upload(b"x", name="huge.png")
    slack.world.files[huge].size = 100_000_001
    assert "100 MB" in (await ada.submit(view, {"image": huge})).errors["image"]
    unchecked = await ada.submit(view, {"image": video}, check=False)
    assert unchecked.answer.ok
    with pytest.raises(ValueError, match="closed"):
        await ada.submit(view, {"image": video})


async def test_an_entry_that_fits_nothing_is_the_tests_own_mistake(slack: SlackStandIn, bot: Bot) -> None:
    ada = slack.person("ada")
    await ada.command("/form")
    view = await ada.opened_view()
    for entries in ({"imagine": "x"}, {"quality": "superb"}, {"image": ["F404"]}):
        with pytest.raises(ValueError, match="no such"):
            await ada.submit(view, entries)
    assert bot.of("view_submission") == []


async def test_the_bots_errors_keep_the_form_open(slack: SlackStandIn, bot: Bot) -> None:
    ada = slack.person("ada")
    bot.response = {"response_action": "errors", "errors": {"image": "Too small"}}
    await ada.command("/form")
    view = await ada.opened_view()
    image = await ada.upload(b"x", name="me.png")
    done = await ada.submit(view, {"image": image})
    assert (done.errors, done.closed, done.view) == ({"image": "Too small"}, False, view)
    bot.response = {"response_action": "clear"}
    assert (await ada.submit(view, {"image": image})).closed


async def test_an_answer_that_slack_would_refuse_is_noticed(slack: SlackStandIn, bot: Bot) -> None:
    ada = slack.person("ada")
    await ada.command("/form")
    view = await ada.opened_view()
    image = await ada.upload(b"x", name="me.png")
    bot.response = {"response_action": "errors", "errors": {"picture": "Too small"}}
    assert not (await ada.submit(view, {"image": image})).closed
    bot.response = {"response_action": "update", "view": MODAL | {"title": plain("x" * 25)}}
    await ada.submit(view, {"image": image})
    assert [m.error for m in slack.world.mishaps] == ["invalid_errors", "invalid_arguments"]
    assert len(slack.world.violations) == 2
    slack.world.violations.clear()


async def test_a_form_may_be_replaced_or_covered(slack: SlackStandIn, bot: Bot) -> None:
    ada = slack.person("ada")
    await ada.command("/form")
    view = await ada.opened_view()
    image = await ada.upload(b"x", name="me.png")
    small = MODAL | {"blocks": MODAL["blocks"][:1]}
    bot.response = {"response_action": "update", "view": small}
    await ada.submit(view, {"image": image})
    assert len(view.blocks) == 1
    bot.response = {"response_action": "push", "view": small}
    covered = await ada.submit(view, {"image": image})
    assert covered.view is not None
    assert covered.view.previous_id == view.id
    await ada.close(covered.view)
    assert ada.top_view() is view
    assert [body["is_cleared"] for body in bot.of("view_closed")] == [False]


async def test_a_button_tells_where_it_was_pressed(slack: SlackStandIn, bot: Bot) -> None:
    posted = await bot.app.client.chat_postMessage(channel=slack.world.channel("general").id, text="x", blocks=[STOP])
    message = slack.world.message("general", posted["ts"])
    assert message is not None
    await slack.person("ben").press(message, "stop")
    told = bot.of("block_actions")[0]
    assert (told["actions"][0]["value"], told["actions"][0]["block_id"]) == ("7", "b")
    assert told["container"]["message_ts"] == message.ts
    assert told["trigger_id"]
    async with aiohttp.ClientSession() as http:
        for _ in range(5):
            async with http.post(told["response_url"], json={"text": "gone", "replace_original": True}) as response:
                assert response.status == 200
        async with http.post(told["response_url"], json={"text": "once more"}) as response:
            assert response.status == 404
    assert (message.text, message.blocks) == ("gone", [])
    with pytest.raises(ValueError, match="nothing to press"):
        await slack.person("ben").press(message, "stop")


async def test_other_elements_are_chosen_from(slack: SlackStandIn, bot: Bot) -> None:
    select = {"type": "static_select", "action_id": "pick", "options": [option("a"), option("b")]}
    blocks = [{"type": "section", "text": plain("x"), "accessory": select}]
    posted = await bot.app.client.chat_postMessage(channel=slack.world.channel("general").id, text="x", blocks=blocks)
    message = slack.world.channel("general").messages[posted["ts"]]
    await slack.person().press(message, "pick", "b")
    assert bot.of("block_actions")[0]["actions"][0]["selected_option"]["value"] == "b"


async def test_a_button_works_in_a_private_answer_and_on_the_home_tab(slack: SlackStandIn, bot: Bot) -> None:
    ada = slack.person("ada")
    await bot.app.client.chat_postEphemeral(
        channel=slack.world.channel("general").id, user=ada.id, text="x", blocks=[STOP]
    )
    whisper = slack.world.whispers("ada")[0]
    await ada.press(whisper, "stop")
    told = bot.of("block_actions")[0]
    assert told["container"]["is_ephemeral"]
    assert "message" not in told
    async with aiohttp.ClientSession() as http:
        await http.post(told["response_url"], json={"delete_original": True})
    assert slack.world.whispers("ada") == []
    await ada.open_home()
    await bot.app.client.views_publish(user_id=ada.id, view={"type": "home", "blocks": [STOP]})
    await ada.press(slack.world.homes[ada.id], "stop")
    assert bot.of("block_actions")[1]["container"]["type"] == "view"
    assert len(bot.of("app_home_opened")) == 1


async def test_a_message_shortcut_carries_the_files_even_from_where_the_bot_is_not(
    slack: SlackStandIn, bot: Bot
) -> None:
    ada = slack.person("ada")
    secret = slack.world.add_channel("secret", kind=ChannelKind.PRIVATE, with_bot=False)
    file_id = await ada.upload(b"x", name="a.png")
    message = ada.say("look", channel=secret.id, files=[file_id])
    await ada.message_shortcut(message, "use")
    told = bot.of("message_action")[0]
    assert told["message"]["files"][0]["id"] == file_id
    assert told["channel"] == {"id": secret.id, "name": "privategroup"}
    async with aiohttp.ClientSession() as http:
        await http.post(told["response_url"], json={"text": "ok", "response_type": "in_channel"})
    assert [m.text for m in slack.world.messages(secret.id)] == ["look", "ok"]
    await ada.shortcut("use")
    assert "response_url" not in bot.of("shortcut")[0]


async def test_a_mention_is_heard_by_members_and_files_may_be_stubs(slack: SlackStandIn, bot: Bot) -> None:
    ada = slack.person("ada")
    file_id = await ada.upload(b"x", name="a.png")
    slack.world.files[file_id].stub = True
    root = ada.say("root")
    delivery = await ada.mention("animate", files=[file_id], thread_ts=root.ts)
    assert delivery is not None
    event = bot.of("app_mention")[0]["event"]
    assert event["files"] == [
        {"id": file_id, "mode": "file_access", "file_access": "check_file_info", "created": 0, "user": ""}
    ]
    assert (event["thread_ts"], event["user"]) == (root.ts, ada.id)
    away = slack.world.add_channel("away", with_bot=False)
    assert await ada.mention("hello?", channel=away.id) is None


async def test_a_direct_message_is_heard(slack: SlackStandIn, bot: Bot) -> None:
    ada = slack.person("ada")
    file_id = await ada.upload(b"x", name="a.png")
    await ada.direct_message("hi", files=[file_id])
    event = bot.of("message")[0]["event"]
    assert (event["channel_type"], event["subtype"], event["files"][0]["id"]) == ("im", "file_share", file_id)


async def test_the_bot_is_told_of_its_own_direct_messages_and_their_changes(slack: SlackStandIn, bot: Bot) -> None:
    slack.conduct.echo = True
    posted = await bot.app.client.chat_postMessage(channel=slack.world.user("ada").id, text="one")
    await bot.app.client.chat_update(channel=posted["channel"], ts=posted["ts"], text="two")
    await slack.world.wait_for(lambda: len([d for d in slack.dispatch.deliveries if d.answers]) == 2)
    new, changed = (d.payload["event"] for d in slack.dispatch.deliveries)
    assert (new["text"], new["bot_id"], new["channel_type"]) == ("one", slack.world.bot.bot_id, "im")
    assert (changed["subtype"], changed["message"]["text"]) == ("message_changed", "two")
    assert changed["previous_message"]["text"] == "one"
    assert all(d.answer.ok for d in slack.dispatch.deliveries)


async def test_a_late_answer_is_an_error_to_the_person(slack: SlackStandIn, bot: Bot) -> None:
    slack.conduct.answer_limit, bot.delay = 0.05, 0.1
    delivery = await slack.person("ada").command("/hello")
    assert delivery.answer.error == "operation_timeout"
    assert [(m.action, m.error) for m in slack.world.mishaps] == [("/hello", "operation_timeout")]
    assert slack.world.whispers("ada") == []
    await asyncio.sleep(0.1)


async def test_an_unknown_command_is_an_error_to_the_person(slack: SlackStandIn, http_bot: Bot) -> None:
    answer = (await slack.person("ada").command("/nonsense")).answer
    assert (answer.status, answer.error) == (404, "http_service_error")
    assert http_bot.seen == []


async def test_a_request_address_proves_itself(slack: SlackStandIn, http_bot: Bot) -> None:
    assert (await slack.dispatch.verify()).error is None
    assert http_bot.seen == []


async def test_a_refreshed_socket_is_replaced(slack: SlackStandIn) -> None:
    bot = Bot(slack)
    async with over_a_socket(bot, slack):
        await slack.sockets.disconnect()
        await slack.world.wait_for(lambda: slack.sockets.connected)
        assert (await slack.person("ada").command("/hello")).answer.ok
    await slack.world.wait_for(lambda: not slack.sockets.connected)
