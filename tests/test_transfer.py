from __future__ import annotations

import asyncio
import os
import resource
import socket
from email.utils import formatdate
from typing import TYPE_CHECKING

import pytest
from raw_server import Request, serving
from yarl import URL

from bot.errors import RemoteError, Unreachable
from bot.transfer import Rejected, TooLarge, download, media_session, retry_after

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from pathlib import Path

    import aiohttp

MEDIA = os.urandom(3_000_017)  # several blocks and a rest
SECRET = "xoxb-do-not-show"


@pytest.fixture
async def media() -> AsyncIterator[aiohttp.ClientSession]:
    async with media_session(connect_seconds=5, silence_seconds=0.3) as session:
        yield session


@pytest.fixture
def to(tmp_path: Path) -> Path:
    return tmp_path / "video"


@pytest.fixture
def older(to: Path) -> Path:
    to.write_bytes(b"old")
    to.with_name("video.part").write_bytes(b"half")
    return to


async def whole(request: Request) -> None:
    await request.answer(200, MEDIA)


def content(path: Path) -> bytes:
    return path.read_bytes()


def left_over(to: Path) -> list[str]:
    return [path.name for path in to.parent.iterdir()]


async def fails(media: aiohttp.ClientSession, to: Path, handle: Callable[[Request], Awaitable[None]]) -> RemoteError:
    """Return how the download fails; nothing of it may stay."""
    async with serving(handle) as base:
        with pytest.raises(RemoteError) as caught:
            await download(media, f"{base}/file?token={SECRET}", to, at_most=len(MEDIA))
    assert left_over(to) == []
    assert SECRET not in str(caught.value)
    assert "127.0.0.1" not in str(caught.value)
    return caught.value


async def test_a_download_is_the_whole_file_and_nothing_else(media: aiohttp.ClientSession, to: Path) -> None:
    async with serving(whole) as base:
        assert await download(media, f"{base}/file", to, at_most=len(MEDIA)) == len(MEDIA)
    assert content(to) == MEDIA
    assert left_over(to) == ["video"]


async def test_an_empty_file_can_be_downloaded(media: aiohttp.ClientSession, to: Path) -> None:
    async with serving(lambda request: request.answer(200)) as base:
        assert await download(media, base, to, at_most=10) == 0
    assert content(to) == b""


async def test_a_download_replaces_an_older_file_and_what_a_dead_process_left(
    media: aiohttp.ClientSession, older: Path
) -> None:
    to = older
    async with serving(whole) as base:
        await download(media, f"{base}/file", to, at_most=len(MEDIA))
    assert content(to) == MEDIA
    assert left_over(to) == ["video"]


async def test_nobody_is_asked_to_compress_and_an_encoded_body_is_not_taken(
    media: aiohttp.ClientSession, to: Path
) -> None:
    asked = []

    async def encoded(request: Request) -> None:
        asked.append(request.headers["accept-encoding"])
        await request.answer(200, b"xyz", Content_Encoding="gzip")

    assert isinstance(await fails(media, to, encoded), Unreachable)
    assert asked == ["identity"]


async def test_a_signed_address_is_asked_for_letter_by_letter(media: aiohttp.ClientSession, to: Path) -> None:
    target, asked = "/a%2Fb%7Ec?Signature=ab%2Bc%3D%3D&Expires=1", []

    async def note(request: Request) -> None:
        asked.append(request.path)
        await request.answer(200, b"x")

    async with serving(note) as base:
        await download(media, base + target, to, at_most=10)
    assert asked == [target]


async def test_a_body_that_is_cut_off_is_no_file(media: aiohttp.ClientSession, to: Path) -> None:
    async def cut(request: Request) -> None:
        await request.answer(200, MEDIA[:1_500_000], length=len(MEDIA))

    assert isinstance(await fails(media, to, cut), Unreachable)


async def test_without_any_length_nothing_is_taken(media: aiohttp.ClientSession, to: Path) -> None:
    assert isinstance(await fails(media, to, lambda request: request.answer(200, b"x", length=None)), Unreachable)


@pytest.mark.parametrize("sent", [0, 2_000_000, len(MEDIA) - 1, len(MEDIA) + 1])
async def test_an_expected_size_stands_in_for_a_length_and_is_held_to(
    media: aiohttp.ClientSession, to: Path, sent: int
) -> None:
    body = (MEDIA + b"more")[:sent]
    async with serving(lambda request: request.answer(200, body, length=None)) as base:
        with pytest.raises(Unreachable):
            await download(media, base, to, at_most=len(MEDIA) + 10, size=len(MEDIA))
        assert left_over(to) == []
    async with serving(lambda request: request.answer(200, MEDIA, length=None)) as base:
        assert await download(media, base, to, at_most=len(MEDIA), size=len(MEDIA)) == len(MEDIA)


async def test_a_length_that_is_not_the_expected_size_is_not_even_begun(media: aiohttp.ClientSession, to: Path) -> None:
    async with serving(lambda request: request.answer(200, b"12345")) as base:
        with pytest.raises(Unreachable, match="not the length that was announced"):
            await download(media, base, to, at_most=10, size=6)
    assert left_over(to) == []


async def test_more_than_allowed_is_refused_before_a_byte_is_read(media: aiohttp.ClientSession, to: Path) -> None:
    announced = len(MEDIA) + 1
    assert isinstance(await fails(media, to, lambda request: request.answer(200, length=announced)), TooLarge)


async def test_a_length_that_contradicts_the_known_size_is_no_verdict_on_the_file(
    media: aiohttp.ClientSession, to: Path
) -> None:
    async def wrong(request: Request) -> None:
        await request.answer(200, length=10_000_000)

    async with serving(wrong) as base:
        with pytest.raises(Unreachable):
            await download(media, base, to, at_most=2_000_000, size=1_000_000)
    assert left_over(to) == []


async def test_more_than_allowed_is_refused_while_it_comes(media: aiohttp.ClientSession, to: Path) -> None:
    async def endless(request: Request) -> None:
        await request.answer(200, length=None)
        while True:
            request.writer.write(MEDIA)
            await request.writer.drain()

    async with serving(endless) as base:
        with pytest.raises(TooLarge):
            await download(media, base, to, at_most=2_000_000, size=2_000_000)
    assert left_over(to) == []


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 206, 204, 304])
async def test_a_status_that_repeating_does_not_change_is_named(
    media: aiohttp.ClientSession, to: Path, status: int
) -> None:
    error = await fails(media, to, lambda request: request.answer(status))
    assert isinstance(error, Rejected)
    assert error.status == status


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
async def test_trouble_at_the_other_side_passes_and_its_wish_is_kept(
    media: aiohttp.ClientSession, to: Path, status: int
) -> None:
    error = await fails(media, to, lambda request: request.answer(status, Retry_After="7"))
    assert isinstance(error, Unreachable)
    assert error.retry_after == 7


async def test_nobody_listening_is_trouble_that_passes(media: aiohttp.ClientSession, to: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(Unreachable):
            await download(media, f"http://127.0.0.1:{unused.getsockname()[1]}/", to, at_most=1)


@pytest.mark.parametrize("url", ["", "ftp://127.0.0.1/x", "http://", "http://[", "file:///etc/passwd"])
async def test_what_is_no_address_is_no_bug_of_ours(media: aiohttp.ClientSession, to: Path, url: str) -> None:
    with pytest.raises(Unreachable):
        await download(media, url, to, at_most=1)


@pytest.mark.parametrize("sent", [b"", b"some"])
async def test_silence_ends_a_download(media: aiohttp.ClientSession, to: Path, sent: bytes) -> None:
    async def silent(request: Request) -> None:
        if sent:
            await request.answer(200, sent, length=1000)
        await asyncio.sleep(5)

    assert isinstance(await fails(media, to, silent), Unreachable)


async def test_a_download_may_take_longer_than_the_silence_it_bears(media: aiohttp.ClientSession, to: Path) -> None:
    async def slow(request: Request) -> None:
        await request.answer(200, length=6)
        for _ in range(6):
            await asyncio.sleep(0.1)
            request.writer.write(b"x")

    async with serving(slow) as base:
        assert await download(media, base, to, at_most=6) == 6


@pytest.mark.parametrize("room", [0, 1_000_000, 2_999_999])
async def test_a_disk_that_takes_no_more_is_our_own_trouble_and_leaves_nothing(
    media: aiohttp.ClientSession, to: Path, room: int
) -> None:
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    async with serving(whole) as base:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, usual[1]))
        try:
            with pytest.raises(OSError, match="large"):
                await download(media, base, to, at_most=len(MEDIA))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    assert left_over(to) == []


async def test_a_folder_that_is_gone_is_our_own_trouble(media: aiohttp.ClientSession, to: Path) -> None:
    async with serving(whole) as base:
        with pytest.raises(FileNotFoundError):
            await download(media, base, to / "nowhere", at_most=len(MEDIA))


@pytest.mark.parametrize("after", [0.0, 0.02, 0.05])
async def test_a_cancelled_download_leaves_nothing(media: aiohttp.ClientSession, to: Path, after: float) -> None:
    began = asyncio.Event()

    async def half(request: Request) -> None:
        began.set()
        await request.answer(200, MEDIA[:2_500_000], length=len(MEDIA))
        await asyncio.sleep(5)

    async with serving(half) as base:
        task = asyncio.create_task(download(media, base, to, at_most=len(MEDIA)))
        await began.wait()
        await asyncio.sleep(after)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert left_over(to) == []


async def test_every_hop_is_authorized_by_itself(media: aiohttp.ClientSession, to: Path) -> None:
    seen = []

    async def hop(request: Request) -> None:
        seen.append((request.path, request.headers.get("authorization")))
        onward = {"/a": "/b", "/b": "c?x=%2F"}.get(request.path)
        await (request.answer(302, Location=onward) if onward else request.answer(200, b"ok"))

    async with serving(hop) as base:
        authorize = {"/a": {"Authorization": "Bearer 1"}, "/b": {}, "/c": {"Authorization": "Bearer 3"}}
        await download(media, f"{base}/a", to, at_most=2, authorize=lambda url: authorize[url.path])
    assert seen == [("/a", "Bearer 1"), ("/b", None), ("/c?x=%2F", "Bearer 3")]
    assert content(to) == b"ok"


async def test_a_forbidden_host_is_never_asked(media: aiohttp.ClientSession, to: Path) -> None:
    class Forbidden(Exception):
        pass

    asked = []

    async def elsewhere(request: Request) -> None:
        asked.append(request.headers["host"])
        await request.answer(302, Location=f"http://localhost:{request.headers['host'].rpartition(':')[2]}/")

    def authorize(url: URL) -> Mapping[str, str]:
        if url.host != "127.0.0.1":
            raise Forbidden
        return {}

    async with serving(elsewhere) as base:
        with pytest.raises(Forbidden):
            await download(media, base, to, at_most=2, authorize=authorize)
    assert len(asked) == 1
    assert left_over(to) == []


async def test_redirects_end_after_three_hops(media: aiohttp.ClientSession, to: Path) -> None:
    asked = []

    async def circle(request: Request) -> None:
        asked.append(request.path)
        await request.answer(302, Location="/again")

    assert isinstance(await fails(media, to, circle), Rejected)
    assert len(asked) == 4


async def test_a_look_at_the_answer_may_refuse_it(media: aiohttp.ClientSession, to: Path) -> None:
    def check(response: aiohttp.ClientResponse) -> None:
        if response.content_type == "text/html":
            raise LookupError

    async with serving(lambda request: request.answer(200, b"<html>", Content_Type="text/html")) as base:
        with pytest.raises(LookupError):
            await download(media, base, to, at_most=100, check=check)
    assert left_over(to) == []


async def test_the_environment_has_no_say(
    media: aiohttp.ClientSession, to: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    async with serving(whole) as base:
        assert await download(media, base, to, at_most=len(MEDIA)) == len(MEDIA)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("30", 30.0),
        ("0", 0.0),
        (" 1.5 ", 1.5),
        ("999999", 3600.0),
        ("-3", None),
        ("nan", None),
        ("inf", None),
        ("soon", None),
        ("", None),
        (formatdate(1_000_090, usegmt=True), 90.0),
        (formatdate(999_000, usegmt=True), None),
        ("Sun, 99 Nov 2026 00:00:00 GMT", None),
    ],
)
def test_a_wish_to_come_back_later_is_read_in_seconds(value: str, seconds: float | None) -> None:
    headers = {"Retry-After": value, "Date": formatdate(1_000_000, usegmt=True)}
    assert retry_after(headers) == seconds


def test_a_point_in_time_without_a_date_to_measure_from_is_no_wish() -> None:
    assert retry_after({"Retry-After": formatdate(1_000_090, usegmt=True)}) is None
    assert retry_after({}) is None
