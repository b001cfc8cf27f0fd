"""Finished videos, fetched from the service's own hosts and from nowhere else."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import BaseTestServer, TestServer
from yarl import URL

from bot.errors import Refused, Unreachable
from bot.failure import FailureCode
from bot.job import Result
from bot.results import StudioResults
from bot.transfer import media_session

FILM = b"a film" * 1000
Fetch = Callable[..., Awaitable[int]]


@pytest.fixture
async def server() -> AsyncIterator[BaseTestServer]:
    async def answer(request: web.Request) -> web.Response:
        status = int(request.query.get("status", "200"))
        assert "Authorization" not in request.headers
        return web.Response(body=FILM if status == 200 else b"<Error/>", status=status)

    application = web.Application()
    application.router.add_get("/film.mp4", answer)
    async with TestServer(application) as started:
        yield started


@pytest.fixture
async def fetch(server: BaseTestServer, tmp_path: Path) -> AsyncIterator[Fetch]:
    async with media_session() as media:
        results = StudioResults(media, base_url=str(server.make_url("/api/v1")))

        async def get(status: int = 200, *, at_most: int = 10**6) -> int:
            url = str(server.make_url(f"/film.mp4?status={status}"))
            return await results.fetch(Result(url=url, dies_at=0, seconds=1), tmp_path / "film", at_most=at_most)

        yield get


async def test_a_film_comes_whole(fetch: Fetch, tmp_path: Path) -> None:
    assert await fetch() == len(FILM)
    assert (tmp_path / "film").read_bytes() == FILM


@pytest.mark.parametrize("status", [403, 404, 410])
async def test_a_dead_address_is_final(fetch: Fetch, status: int) -> None:
    with pytest.raises(Refused) as refused:
        await fetch(status)
    assert refused.value.failure.code is FailureCode.RESULT_GONE


@pytest.mark.parametrize("status", [400, 429, 500, 503])
async def test_any_other_answer_is_tried_again(fetch: Fetch, status: int) -> None:
    with pytest.raises(Unreachable):
        await fetch(status)


async def test_a_film_beyond_all_measure_is_not_kept(fetch: Fetch, tmp_path: Path) -> None:
    with pytest.raises(Unreachable):
        await fetch(at_most=10)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("url", "trusted"),
    [
        ("http://dashscope-result-bj.oss-cn-beijing.aliyuncs.com/a.mp4?Expires=1", True),
        ("https://dashscope-result.oss-accelerate.aliyuncs.com/a.mp4", True),
        ("http://127.0.0.1/a.mp4", False),
        ("http://169.254.169.254/latest", False),
        ("https://aliyuncs.com.evil.example/a.mp4", False),
        ("https://evilaliyuncs.com/a.mp4", False),
    ],
)
async def test_only_the_vendors_hosts_are_asked(url: str, *, trusted: bool) -> None:
    async with media_session() as media:
        results = StudioResults(media, base_url="https://dashscope-intl.aliyuncs.com/api/v1")
        if trusted:
            assert results._authorize(URL(url)) == {}
        else:
            with pytest.raises(Unreachable):
                results._authorize(URL(url))
