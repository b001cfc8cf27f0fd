from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import pytest
from aiohttp import MultipartReader, StreamReader, hdrs
from aiohttp.base_protocol import BaseProtocol
from raw_server import Request, serving

from bot.errors import Unreachable
from bot.transfer import Rejected, media_session, upload_file, upload_form

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    import aiohttp

MEDIA = os.urandom(3_000_017)  # several blocks and a rest
SECRET = "xoxb-do-not-show"


@pytest.fixture
async def media() -> AsyncIterator[aiohttp.ClientSession]:
    async with media_session(connect_seconds=5, silence_seconds=0.3) as session:
        yield session


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "out"
    path.write_bytes(MEDIA)
    return path


async def test_a_file_is_posted_raw_with_its_length_and_without_credentials(
    media: aiohttp.ClientSession, video: Path
) -> None:
    got: list[tuple[Mapping[str, str], bytes]] = []

    async def take(request: Request) -> None:
        got.append((request.headers, await request.body()))
        await request.answer(200, b"OK - 3")

    async with serving(take) as base:
        await upload_file(media, f"{base}/upload/v1/abc", video, content_type="video/mp4")
    [(headers, body)] = got
    assert body == MEDIA
    assert headers["content-type"] == "video/mp4"
    assert not {"authorization", "transfer-encoding", "cookie"} & set(headers)


async def test_an_empty_file_can_be_posted(media: aiohttp.ClientSession, tmp_path: Path) -> None:
    lengths = []

    async def take(request: Request) -> None:
        lengths.append(request.headers["content-length"])
        await request.answer(200)

    (tmp_path / "empty").touch()
    async with serving(take) as base:
        await upload_file(media, base, tmp_path / "empty", content_type="video/mp4")
    assert lengths == ["0"]


async def test_a_form_holds_its_fields_in_order_and_the_file_last(media: aiohttp.ClientSession, video: Path) -> None:
    got: list[tuple[str, bytes]] = []

    async def take(request: Request) -> None:
        body = await request.body()
        assert "transfer-encoding" not in request.headers
        stream = StreamReader(BaseProtocol(asyncio.get_running_loop()), 1 << 24)
        stream.feed_data(body)
        stream.feed_eof()
        parts = MultipartReader({hdrs.CONTENT_TYPE: request.headers["content-type"]}, stream)
        while (part := await parts.next()) is not None:
            assert not isinstance(part, MultipartReader)
            got.append((f"{part.name} {part.filename} {part.headers.get('Content-Type')}", await part.read()))
        await request.answer(204)

    fields = [("policy", "abc=="), ("key", "a/b.jpg"), ("x-oss-object-acl", "private")]
    async with serving(take) as base:
        await upload_form(media, base, fields, video, name="image.jpg", content_type="image/jpeg")
    assert got == [
        ("policy None None", b"abc=="),
        ("key None None", b"a/b.jpg"),
        ("x-oss-object-acl None None", b"private"),
        ("file image.jpg image/jpeg", MEDIA),
    ]


@pytest.mark.parametrize("name", ["", "a\r\nb", 'a"b', "ümlaut.jpg", "a b.jpg", "../x", ".jpg"])
async def test_a_name_that_could_break_out_of_a_form_is_a_bug(
    media: aiohttp.ClientSession, video: Path, name: str
) -> None:
    with pytest.raises(ValueError, match="plain ASCII"):
        await upload_form(media, "http://127.0.0.1:1/", [], video, name=name, content_type="image/jpeg")


@pytest.mark.parametrize("field", [("a\r\nb", "c"), ('a"', "b"), ("", "b"), ("a", "b\r\n--c"), ("a", "ü")])
async def test_a_field_that_could_break_out_of_a_form_is_a_bug(
    media: aiohttp.ClientSession, video: Path, field: tuple[str, str]
) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        await upload_form(media, "http://127.0.0.1:1/", [field], video, name="a.jpg", content_type="image/jpeg")


async def test_a_refused_upload_says_why_to_its_caller_and_to_no_log(media: aiohttp.ClientSession, video: Path) -> None:
    async def refuse(request: Request) -> None:
        await request.body()
        await request.answer(403, b"Policy expired. " + SECRET.encode() + b"x" * 5000)

    async with serving(refuse) as base:
        with pytest.raises(Rejected) as caught:
            await upload_file(media, base, video, content_type="video/mp4")
    assert caught.value.status == 403
    assert caught.value.answer.startswith("Policy expired")
    assert len(caught.value.answer) <= 2048
    assert SECRET not in str(caught.value) + repr(caught.value)


async def test_an_upload_follows_no_redirect(media: aiohttp.ClientSession, video: Path) -> None:
    async def onward(request: Request) -> None:
        await request.body()
        await request.answer(307, Location="/elsewhere")

    async with serving(onward) as base:
        with pytest.raises(Rejected, match="307"):
            await upload_file(media, base, video, content_type="video/mp4")


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_an_upload_into_trouble_may_be_repeated(media: aiohttp.ClientSession, video: Path, status: int) -> None:
    async def trouble(request: Request) -> None:
        await request.body()
        await request.answer(status, Retry_After="3")

    async with serving(trouble) as base:
        with pytest.raises(Unreachable) as caught:
            await upload_file(media, base, video, content_type="video/mp4")
    assert caught.value.retry_after == 3


async def test_a_page_on_the_way_that_takes_an_upload_is_no_success(media: aiohttp.ClientSession, video: Path) -> None:
    async def page(request: Request) -> None:
        await request.body()
        await request.answer(200, b"\n<!DOCTYPE html><html>Welcome to the hotel.</html>")

    async with serving(page) as base:
        with pytest.raises(Unreachable, match="a page"):
            await upload_file(media, base, video, content_type="video/mp4")


async def test_an_upload_that_is_not_taken_any_more_ends(media: aiohttp.ClientSession, tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(50_000_000)  # more than the sockets hold

    async def stall(request: Request) -> None:
        await asyncio.sleep(5)

    async with serving(stall) as base:
        with pytest.raises(Unreachable):
            await upload_file(media, base, path, content_type="video/mp4")


async def test_an_upload_whose_answer_never_comes_ends(media: aiohttp.ClientSession, video: Path) -> None:
    async def mute(request: Request) -> None:
        await request.body()
        await asyncio.sleep(5)

    async with serving(mute) as base:
        with pytest.raises(Unreachable):
            await upload_file(media, base, video, content_type="video/mp4")


async def test_an_upload_may_take_longer_than_the_silence_it_bears(
    media: aiohttp.ClientSession, tmp_path: Path
) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(40_000_000)

    async def slow(request: Request) -> None:
        for _ in range(8):
            await asyncio.sleep(0.08)
            await request.reader.readexactly(5_000_000)
        await request.answer(200)

    async with serving(slow) as base:
        await upload_file(media, base, path, content_type="video/mp4")


async def test_a_connection_lost_during_an_upload_may_be_repeated(media: aiohttp.ClientSession, video: Path) -> None:
    async def drop(request: Request) -> None:
        await request.reader.readexactly(1000)
        request.writer.transport.abort()

    async with serving(drop) as base:
        with pytest.raises(Unreachable) as caught:
            await upload_file(media, f"{base}/{SECRET}", video, content_type="video/mp4")
    assert SECRET not in str(caught.value)


async def test_a_cancelled_upload_ends_at_once(media: aiohttp.ClientSession, video: Path) -> None:
    began = asyncio.Event()

    async def stall(request: Request) -> None:
        began.set()
        await asyncio.sleep(5)

    async with serving(stall) as base:
        task = asyncio.create_task(upload_file(media, base, video, content_type="video/mp4"))
        await began.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
