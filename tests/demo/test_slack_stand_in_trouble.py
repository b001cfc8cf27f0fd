from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.demo.slack import (
    ANY,
    SlackStandIn,
    dropped,
    html,
    http_status,
    malformed,
    rate_limited,
    slack_error,
    slow,
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


async def test_faults_befall_the_next_calls_in_order(slack: SlackStandIn, client: AsyncWebClient) -> None:
    general = slack.world.channel("general").id

    async def post() -> Any:
        return await client.chat_postMessage(channel=general, text="x")

    slack.trouble.next("chat.postMessage", slack_error("fatal_error"), rate_limited(7), None, http_status(503))
    assert await refused(post()) == "fatal_error"
    with pytest.raises(SlackApiError) as caught:
        await post()
    assert caught.value.response.status_code == 429
    assert caught.value.response.headers["Retry-After"] == "7"
    await post()
    with pytest.raises(SlackApiError) as caught:
        await post()
    assert caught.value.response.status_code == 503
    assert len(slack.world.messages(general)) == 1
    assert slack.calls.count("chat.postMessage") == 4
    assert slack.trouble.pending("chat.postMessage") == 0


@pytest.mark.parametrize(("effect", "posted"), [(False, 0), (True, 1)])
async def test_a_connection_is_dropped_before_or_after_the_effect(
    slack: SlackStandIn, client: AsyncWebClient, effect: bool, posted: int
) -> None:
    slack.trouble.next("chat.postMessage", dropped(effect=effect))
    with pytest.raises(aiohttp.ClientError):
        await client.chat_postMessage(channel=slack.world.channel("general").id, text="x")
    assert len(slack.world.messages("general")) == posted


@pytest.mark.parametrize("fault", [malformed(), html()])
async def test_an_answer_may_be_no_json_though_the_work_is_done(
    slack: SlackStandIn, client: AsyncWebClient, fault: Any
) -> None:
    slack.trouble.next(ANY, fault)
    with pytest.raises((SlackApiError, AttributeError)):
        await client.chat_postMessage(channel=slack.world.channel("general").id, text="x")
    assert len(slack.world.messages("general")) == 1


async def test_random_faults_repeat_with_their_seed(slack: SlackStandIn, client: AsyncWebClient) -> None:
    async def run() -> list[bool]:
        slack.trouble.sometimes("auth.test", slack_error("fatal_error"), 0.5, seed=3)
        outcome = []
        for _ in range(8):
            try:
                outcome.append(bool(await client.auth_test()))
            except SlackApiError:
                outcome.append(False)
        slack.trouble.clear()
        return outcome

    first = await run()
    assert first == await run()
    assert set(first) == {True, False}


async def test_a_slow_answer_still_does_its_work(slack: SlackStandIn, client: AsyncWebClient) -> None:
    slack.trouble.next("auth.test", slow(0.05))
    started = asyncio.get_running_loop().time()
    assert (await client.auth_test())["ok"]
    assert asyncio.get_running_loop().time() - started >= 0.04


async def test_rate_limits_are_always_counted_and_answered_when_switched_on(
    slack: SlackStandIn, client: AsyncWebClient, clock: Clock
) -> None:
    general = slack.world.channel("general").id
    for _ in range(3):
        await client.chat_postMessage(channel=general, text="x")
    assert slack.api.limits.exceeded == {"chat.postMessage": 2}
    slack.conduct.rate_limits = True
    with pytest.raises(SlackApiError) as caught:
        await client.chat_postMessage(channel=general, text="x")
    assert (caught.value.response.status_code, caught.value.response.headers["Retry-After"]) == (429, "1")
    clock.now += 1.0
    await client.chat_postMessage(channel=general, text="x")
