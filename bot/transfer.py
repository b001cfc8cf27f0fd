"""Bytes in and out of the spool: streamed, counted, capped. Every transfer here may be repeated without harm."""

from __future__ import annotations

import asyncio
import math
import re
import secrets
from contextlib import asynccontextmanager, contextmanager
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import aiohttp
from yarl import URL

from bot.disk import PartFile, reading
from bot.errors import RemoteError, Unreachable

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping, Sequence
    from pathlib import Path

HOPS = 3
# The default of 64 KiB pauses the connection so often that a transfer takes more than twice as long.
READ_BUFFER = 1 << 20
RETRY_AFTER_MOST = 3600.0
_ANSWER_MOST = 2048
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_COME_BACK = frozenset({408, 429})
_PRINTABLE = re.compile(r"[!-~]+")
_FIELD_NAME = re.compile(r"[A-Za-z0-9_-]+")
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class Rejected(RemoteError):
    """The other side answered with a status that repeating does not change. ``answer`` is how its answer begins."""

    def __init__(self, message: str, *, status: int, answer: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.answer = answer


class TooLarge(RemoteError):
    """There is more than may be taken. Nothing of it is kept."""


def media_session(*, connect_seconds: float = 10.0, silence_seconds: float = 60.0) -> aiohttp.ClientSession:
    """Return a session for media, to be made inside a running loop and closed by its owner.

    It has no proxy, cookies or credentials of its own. A transfer may last; only silence ends it.
    """
    return aiohttp.ClientSession(
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"Accept-Encoding": "identity"},
        read_bufsize=READ_BUFFER,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=connect_seconds, sock_read=silence_seconds),
        trust_env=False,
    )


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the wish of a ``Retry-After`` header in seconds, an hour at most; None without a usable one.

    A point in time is read by the clock of the one who set it, that is by the ``Date`` of the same answer.
    """
    value = headers.get("Retry-After", "").strip()
    try:
        seconds = float(value)
    except ValueError:
        try:
            at, now = parsedate_to_datetime(value), parsedate_to_datetime(headers.get("Date", ""))
            seconds = (at - now).total_seconds()
        except (ValueError, TypeError):
            return None
    return min(seconds, RETRY_AFTER_MOST) if math.isfinite(seconds) and seconds >= 0 else None


def no_headers(_: URL) -> Mapping[str, str]:
    """Let a download go anywhere, without credentials."""
    return {}


async def download(
    session: aiohttp.ClientSession,
    url: URL | str,
    to: Path,
    *,
    at_most: int,
    size: int | None = None,
    authorize: Callable[[URL], Mapping[str, str]] = no_headers,
    check: Callable[[aiohttp.ClientResponse], None] | None = None,
) -> int:
    """Bring a whole file into ``to`` and return its length; ``to`` is untouched unless all of it came.

    ``authorize`` is asked before each of at most three redirects, too: it returns the headers for that address, or
    raises to forbid it. ``check`` may raise on an answer that is not the file. One download at a time into one ``to``.
    Raises Unreachable (connection, silence, 5xx, 429, a cut or unmeasured body: asking for a file changes nothing, so
    it may be repeated), Rejected (any other status) or TooLarge.
    """
    with _translated("download"):
        async with _answer(session, _address(url), authorize) as response:
            if response.status != 200:
                raise _refusal("download", response)
            if check is not None:
                check(response)
            expected = _length(response, size, at_most)
            async with PartFile(to) as part:
                async for block in response.content.iter_any():
                    if part.received + len(block) > expected:
                        raise _surplus(part.received + len(block), at_most)
                    await part.write(block)
                if part.received < expected:
                    raise Unreachable("download: cut off")
                await part.keep()
            return expected


async def upload_file(session: aiohttp.ClientSession, url: URL | str, path: Path, *, content_type: str) -> None:
    """POST a file's bytes to an address that is its own permission (Slack's ``upload_url``): no token is sent.

    Nobody sees such an upload before another call completes it, so repeating it is harmless, and all that may have
    been lost on the way is Unreachable; any other refusal is Rejected.
    """
    await _post(session, url, path, content_type=content_type)


async def upload_form(
    session: aiohttp.ClientSession,
    url: URL | str,
    fields: Sequence[tuple[str, str]],
    path: Path,
    *,
    name: str,
    content_type: str,
) -> None:
    """POST a file as the last part of a form (object storage ignores what comes after it), its length said beforehand.

    Object storage refuses a second file under the same key, and nobody has the address yet, so repeating is harmless;
    errors are those of ``upload_file``. Raises ValueError for names and values that could break out of their part.
    """
    boundary = secrets.token_hex(16)
    head, tail = _envelope(boundary, fields, name=name, content_type=content_type)
    await _post(session, url, path, content_type=f"multipart/form-data; boundary={boundary}", head=head, tail=tail)


@asynccontextmanager
async def _answer(
    session: aiohttp.ClientSession, url: URL, authorize: Callable[[URL], Mapping[str, str]]
) -> AsyncIterator[aiohttp.ClientResponse]:
    """Follow redirects by hand: the library would take a token along to any host of the same name, or drop it."""
    for _ in range(HOPS + 1):
        async with session.get(url, headers=authorize(url), allow_redirects=False) as response:
            if response.status not in _REDIRECTS or "Location" not in response.headers:
                yield response
                return
            url = url.join(_address(response.headers["Location"]))
    raise Rejected("download: too many redirects", status=response.status)


def _address(url: URL | str) -> URL:
    """Return an address as it was given: quoting a signed one anew could break its signature."""
    if isinstance(url, URL):
        return url
    try:
        return URL(url, encoded=_PRINTABLE.fullmatch(url) is not None)
    except ValueError as error:
        raise Unreachable("not a usable address") from error


def _length(response: aiohttp.ClientResponse, size: int | None, at_most: int) -> int:
    """Return how many bytes must come. Without a length, a body that was cut off would look complete."""
    declared = response.content_length
    expected = declared if size is None else size
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Unreachable("download: the body is encoded")
    if expected is None:
        raise Unreachable("download: no length")
    if expected > at_most:
        raise TooLarge(f"download: more than {at_most} bytes")
    # Where the owner's service told the size, another length is a fault on the way, and no verdict on the file.
    if declared not in {None, expected}:
        raise Unreachable("download: not the length that was announced")
    return expected


def _surplus(received: int, at_most: int) -> RemoteError:
    if received > at_most:
        return TooLarge(f"download: more than {at_most} bytes")
    return Unreachable("download: more than was announced")


async def _post(
    session: aiohttp.ClientSession,
    url: URL | str,
    path: Path,
    *,
    content_type: str,
    head: bytes = b"",
    tail: bytes = b"",
) -> None:
    silence = session.timeout.sock_read
    with _translated("upload"):
        async with reading(path) as (size, blocks), asyncio.timeout(silence) as limit:

            async def body() -> AsyncGenerator[bytes]:
                """Whoever takes a block took the one before: as long as that goes on, it is not silent."""
                yield head
                async for block in blocks:
                    _put_off(limit, silence)
                    yield block
                _put_off(limit, silence)
                yield tail

            headers = {"Content-Type": content_type, "Content-Length": str(len(head) + size + len(tail))}
            async with session.post(_address(url), data=body(), headers=headers, allow_redirects=False) as response:
                answer = await response.content.read(_ANSWER_MOST)
                if response.status not in {200, 201, 204}:
                    raise _refusal("upload", response, answer.decode("utf-8", "replace"))
                # Something on the way answered instead: Slack says "OK", object storage says nothing.
                if answer.lstrip()[:9].lower().startswith((b"<!doctype", b"<html")):
                    raise Unreachable("upload: a page instead of an answer")


def _put_off(limit: asyncio.Timeout, silence: float | None) -> None:
    if silence is not None and not limit.expired():
        limit.reschedule(asyncio.get_running_loop().time() + silence)


def _envelope(boundary: str, fields: Sequence[tuple[str, str]], *, name: str, content_type: str) -> tuple[bytes, bytes]:
    """Return what stands before and after the file's bytes in a form."""
    if not _FILE_NAME.fullmatch(name) or not _PRINTABLE.fullmatch(content_type):
        raise ValueError("a file's name in a form is plain ASCII")
    parts = []
    for field, value in fields:
        if not _FIELD_NAME.fullmatch(field) or not (value.isascii() and value.isprintable()):
            raise ValueError(f"field {field!r} does not fit into a form")
        parts.append(f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n')
    parts.append(f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n')
    parts.append(f"Content-Type: {content_type}\r\n\r\n")
    return "".join(parts).encode("ascii"), f"\r\n--{boundary}--\r\n".encode("ascii")


def _refusal(call: str, response: aiohttp.ClientResponse, answer: str = "") -> RemoteError:
    if response.status >= 500 or response.status in _COME_BACK:
        return Unreachable(f"{call}: {response.status}", retry_after=retry_after(response.headers))
    return Rejected(f"{call}: {response.status}", status=response.status, answer=answer)


@contextmanager
def _translated(call: str) -> Iterator[None]:
    """Name the kind of error and nothing of what it holds: the library's errors hold addresses and headers."""
    try:
        yield
    except (aiohttp.ClientError, TimeoutError) as error:
        raise Unreachable(f"{call}: {type(error).__name__}") from error
