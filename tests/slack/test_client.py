from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.errors import RemoteError, Unclear, Unreachable
from bot.slack.client import CALL_SECONDS, SlackClient, SlackRefusal, slack_session

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

TOKEN = "xoxb-1-secret"


class Slack:
    """A server that answers every call with what a test put here, and counts the calls."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, dict[str, str], str]] = []
        self.answer: Callable[[web.Request], Awaitable[web.StreamResponse]] = self.ok

    async def ok(self, _: web.Request) -> web.StreamResponse:
        return web.json_response({"ok": True, "ts": "1.2"})

    def says(self, body: Any = None, *, status: int = 200, headers: dict[str, str] | None = None, **more: Any) -> None:
        async def answer(_: web.Request) -> web.StreamResponse:
            raw = body if isinstance(body, bytes) else json.dumps(body).encode()
            given = {"Content-Type": "application/json", **(headers or {})}
            return web.Response(status=status, body=raw, headers=given, **more)

        self.answer = answer

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.calls.append((request.method, request.path, dict(request.headers), await request.text()))
        return await self.answer(request)

    async def hang_up(self, request: web.Request) -> web.StreamResponse:
        """Hear the call, and drop the connection without an answer."""
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    async def half_an_answer(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100", "Content-Type": "application/json"})
        await response.prepare(request)
        await response.write(b'{"ok": tr')
        assert request.transport is not None
        request.transport.close()
        return response


@pytest.fixture
def slack() -> Slack:
    return Slack()


@pytest.fixture
async def server(slack: Slack) -> AsyncIterator[TestServer]:
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", slack.handle)
    running = TestServer(application)
    async with running:
        yield running


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with slack_session() as opened:
        yield opened


@pytest.fixture
def client(server: TestServer, session: aiohttp.ClientSession) -> SlackClient:
    return SlackClient(token=TOKEN, base_url=str(server.make_url("/api/")), session=session, rested=60.0)


async def failure(call: Awaitable[Any]) -> RemoteError:
    with pytest.raises(RemoteError) as error:
        await call
    return error.value


async def test_a_call_brings_its_answer_and_leaves_out_what_is_none(client: SlackClient, slack: Slack) -> None:
    assert (await client.call("chat.postMessage", channel="C1", text="é", thread_ts=None))["ts"] == "1.2"
    ((method, path, headers, body),) = slack.calls
    assert (method, path) == ("POST", "/api/chat.postMessage")
    assert headers["Authorization"] == f"Bearer {TOKEN}"
    assert json.loads(body) == {"channel": "C1", "text": "é"}


@pytest.mark.parametrize("method", ["auth.test", "files.info", "conversations.info", "files.getUploadURLExternal"])
async def test_methods_that_take_only_a_form_get_one(client: SlackClient, slack: Slack, method: str) -> None:
    await client.call(method, file="F1")
    (_, _, headers, body) = slack.calls[0]
    assert headers["Content-Type"].startswith("application/x-www-form-urlencoded")
    assert "file=F1" in body


def refusal(code: str) -> dict[str, Any]:
    return {"ok": False, "error": code}


UNREACHABLE: dict[str, dict[str, Any]] = {
    "429": {"body": refusal("ratelimited"), "status": 429, "headers": {"Retry-After": "7"}},
    "429 without JSON": {"body": b"slow down", "status": 429, "headers": {"Retry-After": "7"}},
    "429 as text": {"body": b"slow", "status": 429, "headers": {"Retry-After": "7", "Content-Type": "text/plain"}},
    "ratelimited": {"body": refusal("ratelimited"), "headers": {"Retry-After": "7"}},
    "service_unavailable": {"body": refusal("service_unavailable"), "status": 503},
}
UNCLEAR: dict[str, dict[str, Any]] = {
    "500": {"body": b"", "status": 500},
    "502 as HTML": {"body": b"<html>", "status": 502, "headers": {"Content-Type": "text/html"}},
    "503 as text": {"body": b"no", "status": 503, "headers": {"Content-Type": "text/plain"}},
    "500 with a code": {"body": refusal("something"), "status": 500},
    "fatal_error": {"body": refusal("fatal_error")},
    "internal_error": {"body": refusal("internal_error")},
    "request_timeout": {"body": refusal("request_timeout")},
    "no without a reason": {"body": {"ok": False}},
    "a list": {"body": [1]},
    "null": {"body": None},
    "a number": {"body": 7},
    "nothing": {"body": b""},
    "broken JSON": {"body": b'{"ok": tr'},
    "no Unicode": {"body": b'{"ok": true, "x": "\xff"}'},
    "no Unicode as text": {"body": b"\xff\xfe", "headers": {"Content-Type": "text/plain"}},
    "an unknown charset": {"body": b"<\xff>", "headers": {"Content-Type": "text/plain; charset=klingon"}},
    "a page": {"body": b"<html>sign in</html>", "headers": {"Content-Type": "text/html"}},
    "yes as text": {"body": b"ok", "headers": {"Content-Type": "text/plain"}},
    "a redirection to nowhere": {"body": b"", "status": 302, "headers": {"Location": "http://127.0.0.1:1/"}},
    "deeply nested": {"body": b"[" * 100_000},
}


@pytest.mark.parametrize("answer", UNREACHABLE.values(), ids=UNREACHABLE)
async def test_who_asks_us_to_come_back_did_nothing(client: SlackClient, slack: Slack, answer: dict[str, Any]) -> None:
    slack.says(**answer)
    error = await failure(client.call("chat.postMessage", text="x"))
    assert isinstance(error, Unreachable)
    assert error.retry_after == (7.0 if "headers" in answer else None)
    assert len(slack.calls) == 1


@pytest.mark.parametrize("answer", UNCLEAR.values(), ids=UNCLEAR)
async def test_an_answer_that_says_nothing_leaves_it_unclear(
    client: SlackClient, slack: Slack, answer: dict[str, Any]
) -> None:
    slack.says(**answer)
    assert isinstance(await failure(client.call("chat.postMessage", text="x")), Unclear)
    assert len(slack.calls) == 1


@pytest.mark.parametrize("wish", ["", "soon", "-1", "nan", "inf", "Wed, 21 Oct 2015 07:28:00 GMT"])
async def test_a_wish_that_makes_no_sense_is_none(client: SlackClient, slack: Slack, wish: str) -> None:
    slack.says(refusal("ratelimited"), status=429, headers={"Retry-After": wish})
    error = await failure(client.call("chat.postMessage"))
    assert isinstance(error, Unreachable)
    assert error.retry_after is None


@pytest.mark.parametrize(
    ("code", "operators"),
    [("channel_not_found", False), ("not_in_channel", False), ("invalid_auth", True), ("missing_scope", True)],
)
async def test_a_no_is_told_with_its_code(client: SlackClient, slack: Slack, code: str, *, operators: bool) -> None:
    slack.says(refusal(code) | {"needed": "chat:write"})
    error = await failure(client.call("chat.postMessage"))
    assert isinstance(error, SlackRefusal)
    assert (error.code, error.needed, error.operators) == (code, "chat:write", operators)
    assert str(error) == f"chat.postMessage: {code} (chat:write)"


async def test_what_slack_minds_about_blocks_is_told(client: SlackClient, slack: Slack) -> None:
    slack.says(refusal("invalid_blocks") | {"response_metadata": {"messages": ["no more than 24 characters"]}})
    assert "no more than 24 characters" in str(await failure(client.call("views.open")))


@pytest.mark.parametrize("metadata", [None, [], "x", {"messages": None}, {"messages": 5}])
async def test_odd_metadata_does_not_hide_the_code(client: SlackClient, slack: Slack, metadata: Any) -> None:
    slack.says(refusal("channel_not_found") | {"response_metadata": metadata})
    error = await failure(client.call("chat.postMessage"))
    assert isinstance(error, SlackRefusal)
    assert error.code == "channel_not_found"


async def test_where_nobody_listens_nothing_was_done(session: aiohttp.ClientSession, unused_tcp_port: int) -> None:
    client = SlackClient(token=TOKEN, base_url=f"http://127.0.0.1:{unused_tcp_port}/api/", session=session, rested=60.0)
    assert isinstance(await failure(client.call("chat.postMessage")), Unreachable)


@pytest.mark.parametrize("how", ["hang_up", "half_an_answer"])
async def test_a_call_whose_connection_broke_is_unclear_and_was_sent_once(
    client: SlackClient, slack: Slack, how: str
) -> None:
    await client.call("chat.postMessage")  # the connection is kept: a lost one may look like one that was idle too long
    slack.answer = getattr(slack, how)
    assert isinstance(await failure(client.call("chat.postMessage", text="once")), Unclear)
    await asyncio.sleep(0.02)
    assert len(slack.calls) == 2


async def test_no_call_is_waited_for_longer_than_the_calls_patience() -> None:
    """The SDK's own timeout does nothing where a session is handed in; the library's is five minutes."""
    async with slack_session() as session:
        assert session.timeout.total == CALL_SECONDS <= 30


@pytest.mark.parametrize("way", ["call", "answer"])
async def test_a_silent_slack_is_unclear_and_was_asked_once(server: TestServer, slack: Slack, way: str) -> None:
    over = asyncio.Event()

    async def silence(_: web.Request) -> web.StreamResponse:
        await over.wait()
        return web.Response()

    slack.answer = silence
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=0.1)) as session:
        client = SlackClient(token=TOKEN, base_url=str(server.make_url("/api/")), session=session, rested=60.0)
        client._http_timeout = session.timeout
        sent = client.call("chat.postMessage") if way == "call" else client.answer(str(server.make_url("/x")), "hello")
        assert isinstance(await failure(sent), Unclear)
    assert len(slack.calls) == 1
    over.set()


@pytest.mark.parametrize("how", ["hang_up", "half_an_answer"])
async def test_what_changes_nothing_may_be_asked_again(client: SlackClient, slack: Slack, how: str) -> None:
    slack.answer = getattr(slack, how)
    assert isinstance(await failure(client.read("files.info", file="F1")), Unreachable)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirected_call_is_not_repeated_elsewhere(client: SlackClient, slack: Slack, status: int) -> None:
    """Followed, it would be sent a second time, or as a GET with nothing in it."""
    slack.says(b"", status=status, headers={"Location": "/api/elsewhere"})
    await failure(client.call("chat.postMessage", text="once"))
    assert [path for _, path, _, _ in slack.calls] == ["/api/chat.postMessage"]


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"])
async def test_a_proxy_in_the_environment_is_not_used(
    server: TestServer, slack: Slack, monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int, name: str
) -> None:
    monkeypatch.setenv(name, f"http://127.0.0.1:{unused_tcp_port}")
    async with slack_session() as session:
        client = SlackClient(token=TOKEN, base_url=str(server.make_url("/api/")), session=session, rested=60.0)
        assert client.web.proxy is None
        await client.call("auth.test")
        await client.answer(str(server.make_url("/commands/x")), "hello")
    assert len(slack.calls) == 2


async def test_a_private_answer_is_posted_once_to_its_address(
    client: SlackClient, server: TestServer, slack: Slack
) -> None:
    await client.answer(str(server.make_url("/commands/secret")), "hello")
    ((method, path, headers, body),) = slack.calls
    assert (method, path) == ("POST", "/commands/secret")
    assert json.loads(body) == {"response_type": "ephemeral", "replace_original": False, "text": "hello"}
    assert "Authorization" not in headers


@pytest.mark.parametrize("status", [404, 410, 500])
async def test_a_response_address_that_is_over_is_a_refusal_without_the_address(
    client: SlackClient, server: TestServer, slack: Slack, status: int
) -> None:
    slack.says(b"used_url", status=status)
    error = await failure(client.answer(str(server.make_url("/commands/secret")), "hello"))
    assert isinstance(error, SlackRefusal)
    assert str(error) == f"response_url: {status}"


async def test_a_lost_private_answer_is_unclear_and_sent_once(
    client: SlackClient, server: TestServer, slack: Slack
) -> None:
    slack.answer = slack.hang_up
    error = await failure(client.answer(str(server.make_url("/commands/secret")), "hello"))
    assert isinstance(error, Unclear)
    assert len(slack.calls) == 1


@pytest.mark.parametrize("answer", [*UNREACHABLE.values(), *UNCLEAR.values(), {"body": refusal("invalid_auth")}])
async def test_no_error_tells_the_token_the_address_or_the_text(
    client: SlackClient, slack: Slack, answer: dict[str, Any]
) -> None:
    slack.says(**answer)
    error = await failure(client.call("chat.postMessage", text="private-words"))
    told = f"{error} {error!r}"
    assert not any(secret in told for secret in (TOKEN, "127.0.0.1", "private-words", "<html>"))
