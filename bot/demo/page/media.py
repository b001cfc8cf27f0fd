"""Files in the browser: what is shown inline, what is dropped in, and the samples that need only a click."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, Any, BinaryIO

from aiohttp import hdrs, web

from bot.demo import samples, samples_phone
from bot.demo.slack.uploads import describe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from bot.demo.slack import SlackFile, SlackStandIn, User

CHUNK = 1 << 18
LARGEST = 1_000_000_000  # bytes; Slack's own limit
# Anything else is offered for download: a dropped-in page must not run as one of ours.
_INLINE = frozenset(
    {
        *("image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp"),
        *("video/mp4", "video/quicktime", "video/webm", "audio/mpeg", "audio/mp4"),
    }
)
# A telephone's .mov is an MP4 by another name, and browsers play it only under that one.
_PLAYED_AS = {"video/quicktime": "video/mp4"}

_SAMPLES: Mapping[str, tuple[str, Callable[[Path], None]]] = {
    "character.png": ("Drawn character", samples.character),
    "dancer.mp4": ("Drawn dancer, with sound", samples.dancer),
    "telephone.heic": ("HEIC from a telephone", samples_phone.telephone_picture),
    "sideways.mov": ("Sideways HEVC film, 45 s", samples_phone.telephone_film),
}


class Samples:
    """The sample media, made when they are first wanted."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._making = {name: asyncio.Lock() for name in _SAMPLES}

    def shown(self) -> list[dict[str, Any]]:
        """Return what may be asked for here."""
        return [{"name": name, "label": label, "mimetype": describe(name)[0]} for name, (label, _) in _SAMPLES.items()]

    async def path(self, name: str) -> Path:
        """Return a sample's file, made now if it was not before. KeyError for no sample of ours."""
        _, make = _SAMPLES[name]
        path = self._folder / name
        async with self._making[name]:
            if not path.exists():
                self._folder.mkdir(parents=True, exist_ok=True)
                partial = path.with_stem("partial")
                await asyncio.to_thread(make, partial)
                partial.replace(path)
        return path


def serve(file: SlackFile) -> web.StreamResponse:
    """Send a file's bytes, in ranges if asked so, in a sandbox of its own."""
    inline = file.mimetype in _INLINE
    kind = _PLAYED_AS.get(file.mimetype, file.mimetype) if inline else "application/octet-stream"
    headers = {
        hdrs.CONTENT_TYPE: kind,
        hdrs.CONTENT_DISPOSITION: "inline" if inline else "attachment",
        "Content-Security-Policy": "default-src 'none'; media-src 'self'; img-src 'self'; sandbox",
    }
    return web.FileResponse(file.path, headers=headers)


async def receive(request: web.Request, slack: SlackStandIn, user: User, name: str, folder: Path) -> str:
    """Take a dropped-in file as this person's own, shared nowhere yet. Returns its id."""
    partial = folder / f"{secrets.token_hex(8)}.part"
    size = 0
    try:
        with await asyncio.to_thread(_opened, partial) as out:
            async for chunk in request.content.iter_chunked(CHUNK):
                size += len(chunk)
                if size > LARGEST:
                    raise web.HTTPRequestEntityTooLarge(max_size=LARGEST, actual_size=size)
                await asyncio.to_thread(out.write, chunk)
        return await slack.person(user.id).upload(partial, name=name)
    finally:
        partial.unlink(missing_ok=True)


def _opened(path: Path) -> BinaryIO:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("wb")
