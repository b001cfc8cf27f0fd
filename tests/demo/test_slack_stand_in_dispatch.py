"""What reaches the bot, over HTTP and over a socket, seen from as near the wire as can be."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import aiohttp
import pytest
from aiohttp import web

from bot.demo.slack import SlackStandIn, sign

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

APP_TOKEN, SECRET = "xapp-test", "secret"


class Receiver:
    """Takes whatever comes and answers with these, in order, then with plain 200."""

    def __init__(self) -> None:
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[web.Response] = []
        self.delay = 0.0

    def header(self, name: str) -> list[str | None]:
        return [headers.get(name) for headers, _ in self.requests]

    async def handle(self, request: web.Request) -> web.Response:
        self.requests.append((dict(request.headers), await request.read()))
        await asyncio.sleep(self.delay)
        return self.answers.pop(0) if self.answers else web.Response()


@pytest.fixture
async def slack(tmp_path: Path) -> AsyncIterator[SlackStandIn]:
    async with SlackStandIn(
        bot_token="xoxb-test", app_token=APP_TOKEN, signing_secret=SECRET, folder=tmp_path
    ) as running:
        yield running


@pytest.fixture
async def receiver(slack: SlackStandIn) -> AsyncIterator[Receiver]:
    found, app = Receiver(), web.Application()
    app.router.add_post("/slack/events", found.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    slack.request_url = f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
    yield found
    await runner.cleanup()


async def ticket(slack: SlackStandIn, http: aiohttp.ClientSession) -> str:
    headers = {"Authorization": f"Bearer {APP_TOKEN}"}
    async with http.post(f"{slack.api_url}apps.connections.open", headers=headers) as response:
        return str((await response.json())["url"])


def test_requests_are_signed_as_slack_documents_it() -> None:
    # The example of Slack's own page on verifying requests.
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
        b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
        b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
        b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    signed = sign("8f742231b10e8888abcd99yyyzzz85a5", "1531420618", body)
    assert signed == "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"


async def test_every_request_carries_its_signature(slack: SlackStandIn, receiver: Receiver) -> None:
    await slack.person("ada").command("/hello", "you & me")
    headers, body = receiver.requests[0]
    assert headers["X-Slack-Signature"] == sign(SECRET, headers["X-Slack-Request-Timestamp"], body)
    assert parse_qs(body.decode())["text"] == ["you & me"]
    await slack.person("ada").shortcut("use")
    payload = json.loads(parse_qs(receiver.requests[1][1].decode())["payload"][0])
    assert (payload["type"], payload["callback_id"]) == ("shortcut", "use")


async def test_events_are_tried_again_three_times(slack: SlackStandIn, receiver: Receiver) -> None:
    receiver.answers = [web.Response(status=500) for _ in range(9)]
    delivery = await slack.person("ada").direct_message("hi")
    assert [answer.status for answer in delivery.answers] == [500] * 4
    assert receiver.header("X-Slack-Retry-Num") == [None, "1", "2", "3"]
    assert receiver.header("X-Slack-Retry-Reason") == [None, *["http_error"] * 3]
    assert len({json.loads(body)["event_id"] for _, body in receiver.requests}) == 1


async def test_events_are_tried_again_until_taken_or_declined(slack: SlackStandIn, receiver: Receiver) -> None:
    receiver.answers = [web.Response(status=500), web.Response()]
    delivery = await slack.person("ada").direct_message("hi")
    assert [answer.status for answer in delivery.answers] == [500, 200]
    receiver.answers = [web.Response(status=500, headers={"X-Slack-No-Retry": "1"})]
    assert len((await slack.person("ada").direct_message("hi")).answers) == 1


async def test_interactions_are_never_tried_again(slack: SlackStandIn, receiver: Receiver) -> None:
    receiver.answers = [web.Response(status=500)]
    delivery = await slack.person("ada").shortcut("use")
    assert [answer.error for answer in delivery.answers] == ["http_service_error"]
    assert len(receiver.requests) == 1
    assert [mishap.error for mishap in slack.world.mishaps] == ["http_service_error"]


async def test_a_late_event_is_tried_again_as_timed_out(slack: SlackStandIn, receiver: Receiver) -> None:
    slack.conduct.answer_limit, slack.conduct.retry_delays, receiver.delay = 0.05, (0.0,), 0.1
    delivery = await slack.person("ada").direct_message("hi")
    assert [answer.error for answer in delivery.answers] == ["operation_timeout"] * 2
    assert receiver.header("X-Slack-Retry-Reason") == [None, "http_timeout"]


async def test_a_request_is_replayed_byte_for_byte(slack: SlackStandIn, receiver: Receiver) -> None:
    delivery = await slack.person("ada").command("/hello", "you")
    assert (await slack.dispatch.replay(delivery)).ok
    first, second = receiver.requests
    assert first == second
    event = await slack.person("ada").direct_message("hi")
    await slack.dispatch.replay(event, retry=2)
    await slack.dispatch.replay(event)
    assert receiver.header("X-Slack-Retry-Num") == [None, None, None, "2", None]
    assert len({body for _, body in receiver.requests[2:]}) == 1


async def test_a_request_address_that_does_not_echo_is_not_verified(slack: SlackStandIn, receiver: Receiver) -> None:
    assert (await slack.dispatch.verify()).error == "challenge_failed"
    assert len(receiver.requests) == 1


async def test_without_a_bot_the_person_sees_an_error(slack: SlackStandIn) -> None:
    assert (await slack.person("ada").command("/hello")).answer.error == "dispatch_failed"
    slack.request_url = "http://127.0.0.1:9/slack/events"
    assert (await slack.person("ada").command("/hello")).answer.error == "dispatch_failed"
    assert len(slack.world.mishaps) == 2


async def test_a_socket_needs_a_fresh_ticket_and_acknowledges_what_it_got(slack: SlackStandIn) -> None:
    async with aiohttp.ClientSession() as http:
        url = await ticket(slack, http)
        async with http.ws_connect(url) as socket:
            assert (await socket.receive_json())["type"] == "hello"
            with pytest.raises(aiohttp.WSServerHandshakeError):
                await http.ws_connect(url)
            await socket.send_json({"envelope_id": "guess"})
            await socket.send_str("nonsense")
            await slack.world.wait_for(lambda: len(slack.world.violations) == 2)


async def test_an_unacknowledged_envelope_is_sent_again(slack: SlackStandIn) -> None:
    slack.conduct.answer_limit = 0.05
    async with aiohttp.ClientSession() as http, http.ws_connect(await ticket(slack, http)) as socket:
        assert (await socket.receive_json())["type"] == "hello"
        sending = asyncio.create_task(slack.person("ada").direct_message("hi"))
        first, second = await socket.receive_json(), await socket.receive_json()
        await socket.send_json({"envelope_id": second["envelope_id"]})
        delivery = await sending
    assert [answer.error for answer in delivery.answers] == ["operation_timeout", None]
    assert [(e["type"], e["retry_attempt"]) for e in (first, second)] == [("events_api", 0), ("events_api", 1)]
    assert first["payload"]["event_id"] == second["payload"]["event_id"]


async def test_connections_take_turns_and_an_acknowledgement_may_carry_words(slack: SlackStandIn) -> None:
    async with aiohttp.ClientSession() as http:
        sockets = [await http.ws_connect(await ticket(slack, http)) for _ in range(2)]
        for socket in sockets:
            assert (await socket.receive_json())["type"] == "hello"
        sending = [asyncio.create_task(slack.person("ada").command("/hello")) for _ in sockets]
        for socket in sockets:
            envelope = await socket.receive_json(timeout=1)
            await socket.send_json({"envelope_id": envelope["envelope_id"], "payload": {"text": "hello"}})
        assert all([(await command).answer.ok for command in sending])
    assert [whisper.text for whisper in slack.world.whispers("ada")] == ["hello"] * 2
