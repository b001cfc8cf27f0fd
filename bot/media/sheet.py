"""A contact sheet: nine frames of a film with their times, on one picture. Runs in the child process."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont

from bot.media.pipes import pictures
from bot.media.shape import Geometry
from bot.media.video import frames, picture_stream

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

    from bot.media.shape import Size
    from bot.media.verdict import Found

ROWS = COLUMNS = 3
CELL_SIDE = 360  # the longer one, in pixels
GAP = 6
# How far it is decoded at most from a key frame on towards the wanted time: 240 frames of 1080p. What is reached is
# what is shown, with its own time.
_DECODE_PIXELS = 500_000_000
_PAPER, _INK, _LABEL = (24, 24, 24), (255, 255, 255), (0, 0, 0)


def contact_sheet(source: InputContainer, found: Found, to: Path) -> None:
    """Write the sheet as a JPEG. A film of fewer frames fills fewer of its places."""
    stream = picture_stream(source)
    cell = _cell((found.media.width, found.media.height))
    whole = (found.media.width, found.media.height)
    board = Image.new("RGB", _board(cell), _PAPER)
    font = ImageFont.load_default(18)
    pipe = pictures(stream, found, Geometry(whole, cell, cell), ending="rgb24", rate=None, folder=to.parent)
    reel = _Reel(source, stream)
    for number in range(ROWS * COLUMNS):
        wanted = found.origin + found.media.seconds * (number + 0.5) / (ROWS * COLUMNS)
        frame = reel.at(wanted)
        if frame is None:
            continue
        image = next(pipe.pass_on(frame)).to_image()
        place = (GAP + number % COLUMNS * (cell[0] + GAP), GAP + number // COLUMNS * (cell[1] + GAP))
        board.paste(image, place)
        _write(ImageDraw.Draw(board), place, clock(frame.time - found.origin), font)
    board.save(to, format="JPEG", quality=85)


def clock(seconds: float) -> str:
    """Return a time in a film as people read it: ``0:07.5``."""
    tenths = max(0, round(seconds * 10))
    return f"{tenths // 600}:{tenths % 600 // 10:02d}.{tenths % 10}"


def _cell(size: Size) -> Size:
    factor = CELL_SIDE / max(size)
    return max(2, round(size[0] * factor / 2) * 2), max(2, round(size[1] * factor / 2) * 2)


def _board(cell: Size) -> Size:
    return COLUMNS * (cell[0] + GAP) + GAP, ROWS * (cell[1] + GAP) + GAP


class _Reel:
    """Finds the frames at times that only grow. It seeks only where a key frame is nearer than what it has decoded."""

    def __init__(self, source: InputContainer, stream: VideoStream) -> None:
        self._source = source
        self._stream = stream
        self._most = _DECODE_PIXELS // (stream.codec_context.width * stream.codec_context.height or 1)
        self._coming: Iterator[VideoFrame] = iter(())
        self._seen: VideoFrame | None = None

    def at(self, wanted: float) -> VideoFrame | None:
        """Return the frame that is seen at this time, or one shortly before it where key frames are rare."""
        assert self._stream.time_base is not None  # noqa: S101 -- a stream that was surveyed has one
        instant = max(0, int(wanted / self._stream.time_base))
        if not self._goes_on_to(instant):
            self._source.seek(instant, stream=self._stream)
            self._coming, self._seen = frames(self._source, self._stream), None
        for number, frame in enumerate(self._coming):
            if frame.pts is None:
                continue
            if self._seen is not None and (frame.time > wanted or number >= self._most):
                self._coming = chain([frame], self._coming)
                break
            self._seen = frame
        return self._seen

    def _goes_on_to(self, instant: int) -> bool:
        """Whether seeking would only lead back to where it was before. Not every file has an index that tells."""
        index = self._stream.index_entries
        nearest = index.search_timestamp(instant)
        return nearest >= 0 and self._seen is not None and index[nearest].timestamp <= (self._seen.pts or 0)


def _write(
    draw: ImageDraw.ImageDraw, place: Size, text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont
) -> None:
    left, top, right, bottom = draw.textbbox((place[0] + 8, place[1] + 6), text, font=font)
    draw.rectangle((left - 4, top - 3, right + 4, bottom + 3), fill=_LABEL)
    draw.text((place[0] + 8, place[1] + 6), text, fill=_INK, font=font)
