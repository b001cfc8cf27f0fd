"""Requesters' files from Slack, with every trap that Slack's file host is known for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from builders import order, place, queued

from bot.demo.slack import DOWNLOAD, SlackStandIn, cut, endless, http_status, redirected, slack_error, wrong_length
from bot.errors import Refused, Unreachable, UserError
from bot.failure import FailureCode
from bot.job import Job
from bot.order import Role, SourceFile
from bot.slack.client import SlackClient, slack_session
from bot.slack.files import SlackFiles
from bot.transfer import media_session

TOKEN = "xoxb-files"
BYTES = b"\x89PNG not really, but bytes all the same" * 50


@dataclass
class Desk:
    """A stand-in Slack with one file in it, and the bot's way to it."""

    slack: SlackStandIn
    files: SlackFiles
    job: Job
    to: Path

    async def fetch(self, *, at_most: int = 10**6) -> bytes:
        await self.files.fetch(self.job, Role.IMAGE, self.to, at_most=at_most)
        return self.to.read_bytes()


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with (
        SlackStandIn(bot_token=TOKEN, signing_secret="s", folder=tmp_path / "slack") as slack,
        slack_session() as session,
        media_session() as media,
    ):
        client = SlackClient(token=TOKEN, base_url=slack.api_url, session=session, rested=60.0)
        file = await slack.person("ada").upload(BYTES, name="hero.png")
        owner = place(user=slack.person("ada").id)
        job = queued(order=order(image=SourceFile(file, "hero.png", len(BYTES))), place=owner)
        files = SlackFiles(client, media, token=TOKEN, api_url=slack.api_url)
        yield Desk(slack, files, job, tmp_path / "image")


async def test_a_file_comes_whole(desk: Desk) -> None:
    assert await desk.fetch() == BYTES


@pytest.mark.parametrize("login", ["page", "redirect"])
async def test_a_login_page_instead_of_the_bytes_is_a_missing_permission(desk: Desk, login: str) -> None:
    desk.slack.conduct.login = login
    desk.files._token = "xoxb-another"
    with pytest.raises(Refused) as refused:
        await desk.fetch()
    assert refused.value.failure.code is FailureCode.FILE_FORBIDDEN
    assert not desk.to.exists()


async def test_a_missing_scope_is_named(desk: Desk) -> None:
    desk.slack.backend.scopes.discard("files:read")
    with pytest.raises(Refused) as refused:
        await desk.fetch()
    assert refused.value.failure.code is FailureCode.FILE_FORBIDDEN
    assert refused.value.failure.detail == "files:read"


async def test_a_redirect_within_slack_is_followed_with_the_token(desk: Desk) -> None:
    desk.slack.trouble.next(DOWNLOAD, redirected("/files-moved/{file}/{name}"))
    assert await desk.fetch() == BYTES


async def test_a_redirect_out_of_slack_is_refused_before_anything_is_asked_there(desk: Desk) -> None:
    asked: list[web.Request] = []

    async def elsewhere(request: web.Request) -> web.Response:
        asked.append(request)
        return web.Response(body=BYTES)

    application = web.Application()
    application.router.add_get("/{path:.*}", elsewhere)
    async with TestServer(application) as server:
        desk.slack.trouble.next(DOWNLOAD, redirected(str(server.make_url("/stolen"))))
        with pytest.raises(Refused):
            await desk.fetch()
    assert asked == []


@pytest.mark.parametrize(
    ("url", "trusted"),
    [
        ("https://files.slack.com/files-pri/T1-F1/a.png", True),
        ("https://slack.com/x", True),
        ("https://a.slack-edge.com/x", True),
        ("https://x.slack-files.com/x", True),
        ("http://files.slack.com/x", False),
        ("https://files.slack.com.evil.example/x", False),
        ("https://evilslack.com/x", False),
        ("https://evil.example/slack.com", False),
        ("https://127.0.0.1/x", False),
        ("ftp://files.slack.com/x", False),
    ],
)
async def test_the_token_goes_to_slacks_own_hosts_only(desk: Desk, url: str, *, trusted: bool) -> None:
    from yarl import URL

    if trusted:
        assert desk.files._authorize(URL(url)) == {"Authorization": f"Bearer {TOKEN}"}
    else:
        with pytest.raises(Refused):
            desk.files._authorize(URL(url))


async def test_an_empty_mimetype_rules_nothing_out(desk: Desk) -> None:
    desk.slack.world.files[desk.job.order.image.id].described_at = 2e10
    assert await desk.fetch() == BYTES


async def test_a_file_that_events_only_name_is_asked_for(desk: Desk) -> None:
    desk.slack.world.files[desk.job.order.image.id].stub = True
    assert await desk.fetch() == BYTES


@pytest.mark.parametrize("mode", ["tombstone", "hidden_by_limit", "external"])
async def test_a_file_without_bytes_here_is_gone(desk: Desk, mode: str) -> None:
    desk.slack.world.files[desk.job.order.image.id].mode = mode
    with pytest.raises(Refused) as refused:
        await desk.fetch()
    assert refused.value.failure.code is FailureCode.FILE_GONE


async def test_a_deleted_file_is_gone(desk: Desk) -> None:
    desk.slack.person("ada").delete_file(desk.job.order.image.id)
    with pytest.raises(Refused) as refused:
        await desk.fetch()
    assert refused.value.failure.code is FailureCode.FILE_GONE


async def test_a_file_that_metadata_rules_out_is_not_even_fetched(desk: Desk) -> None:
    file = await desk.slack.person("ada").upload(BYTES, name="a.png", mimetype="video/mp4")
    desk.job = queued(order=order(image=SourceFile(file)), place=desk.job.place)
    with pytest.raises(UserError):
        await desk.fetch()
    assert desk.slack.calls.count(DOWNLOAD) == 0


@pytest.mark.parametrize("fault", [cut(100), wrong_length(10), http_status(500), http_status(503)], ids=repr)
async def test_what_did_not_come_whole_is_tried_again_and_leaves_nothing(desk: Desk, fault: object) -> None:
    desk.slack.trouble.next(DOWNLOAD, fault, fault)  # type: ignore[arg-type]
    with pytest.raises(Unreachable):
        await desk.fetch()
    assert list(desk.to.parent.glob("image*")) == []
    desk.slack.trouble.clear()
    assert await desk.fetch() == BYTES


async def test_more_than_is_taken_is_never_kept(desk: Desk) -> None:
    with pytest.raises(UserError) as refused:
        await desk.fetch(at_most=100)
    assert not desk.to.exists()
    assert refused.value.problems
    desk.slack.trouble.next(DOWNLOAD, endless(), endless())
    with pytest.raises((Unreachable, UserError)):
        await desk.fetch()
    assert list(desk.to.parent.glob("image*")) == []


@pytest.mark.parametrize("code", ["invalid_auth", "ekm_access_denied", "fatal_error"])
async def test_what_others_must_mend_is_waited_for(desk: Desk, code: str) -> None:
    desk.slack.trouble.next("files.info", slack_error(code))
    with pytest.raises(Unreachable):
        await desk.fetch()


async def test_a_file_that_vanishes_between_two_calls_is_gone(desk: Desk) -> None:
    desk.slack.trouble.next(DOWNLOAD, http_status(404))
    with pytest.raises(Refused) as refused:
        await desk.fetch()
    assert refused.value.failure.code is FailureCode.FILE_GONE
    desk.slack.trouble.next(DOWNLOAD, http_status(403))
    with pytest.raises(Unreachable):
        await desk.fetch()


async def test_the_session_for_media_carries_no_token_of_its_own() -> None:
    async with media_session() as media:
        assert isinstance(media, aiohttp.ClientSession)
        assert "Authorization" not in media.headers
