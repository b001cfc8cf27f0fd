from __future__ import annotations

import asyncio
import os
import socket
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import TYPE_CHECKING

import pytest
from aiohttp import MultipartReader, StreamReader, hdrs
from aiohttp.base_protocol import BaseProtocol
from yarl import URL

from bot.errors import RemoteError, Unreachable
from bot.transfer import Rejected, TooLarge, download, media_session, retry_after, upload_file, upload_form

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from pathlib import Path

    import aiohttp

MEDIA = os.urandom(3_000_017)  # several blocks and a rest
SECRET = "xoxb-do-not-show"


@dataclass
class Request:
    """One request as it came over the wire, and the means to answer it byte by byte."""

    method: str
    path: str
    headers: Mapping[str, str]
    reader: asyncio.StreamReader = field(repr=False)
    writer: asyncio.StreamWriter = field(repr=False)

    async def body(self) -> bytes:
        return await self.reader.readexactly(int(self.headers["content-length"]))

    async def answer(self, status: int, body: bytes = b"", *, length: int | None = -1, **headers: str) -> None:
        lines = [f"HTTP/1.1 {status} Whatever", "Connection: close"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        if length is not None:
            lines.append(f"Content-Length: {len(body) if length < 0 else length}")
        self.writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        await self.writer.drain()


@asynccontextmanager
async def serving(handle: Callable[[Request], Awaitable[None]]) -> AsyncIterator[str]:
    """Serve on the loopback interface: one request a connection, which ends when the handler does."""

    under_way: set[asyncio.Task[None]] = set()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        under_way.add(asyncio.create_task(converse(reader, writer)))

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            method, path, _ = first.split(" ")
            await handle(Request(method, path, headers, reader, writer))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(begin, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        for task in under_way:
            task.cancel()
        ended = await asyncio.gather(*under_way, return_exceptions=True)
    assert not [error for error in ended if isinstance(error, Exception)]


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


async def test_a_length_that_is_not_the_expected_size_is_not_taken(media: aiohttp.ClientSession, to: Path) -> None:
    async with serving(lambda request: request.answer(200, b"12345")) as base:
        with pytest.raises(Unreachable):
            await download(media, base, to, at_most=10, size=6)
    assert left_over(to) == []


async def test_more_than_allowed_is_refused_before_a_byte_is_read(media: aiohttp.ClientSession, to: Path) -> None:
    announced = len(MEDIA) + 1
    assert isinstance(await fails(media, to, lambda request: request.answer(200, length=announced)), TooLarge)


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


async def test_a_full_disk_is_not_taken_for_the_other_sides_trouble(media: aiohttp.ClientSession, to: Path) -> None:
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
