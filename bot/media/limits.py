"""What Model Studio takes, as data, and the comparison of a file with it.

Source: the input table of ``wan2.2-animate-move`` and ``wan2.2-animate-mix`` in the Model Studio API reference;
both models have the same one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from bot.job import Media, Problem, Role

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MB = 10**6  # the reference does not say whether 10^6 or 2^20 is meant: the smaller one fits both readings

# A cut at "30 s" ends on a whole frame (0.04 s at 24 a second) and its sound on a whole packet (0.02 to 0.05 s), so
# a clip made to fit is probed as 30.03 or 1.97 s. The service refuses free of charge, so the doubt is the clip's gain.
SECONDS_TOLERANCE = 0.1


class Rule(StrEnum):
    """The rules a file may break. The values are the keys of ``RULES``."""

    EMPTY = "empty"
    KIND = "kind"
    FORMAT = "format"
    PLAYLIST = "playlist"
    CORRUPT = "corrupt"
    NO_VIDEO_STREAM = "no_video_stream"
    CODEC = "codec"
    PIXELS = "pixels"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    SIZE = "size"
    SIDE_MIN = "side_min"
    SIDE_MAX = "side_max"
    SHAPE = "shape"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"


# What each rule means, and what ``found`` and ``limit`` hold; empty where nothing is said.
RULES: Mapping[str, str] = {
    Rule.EMPTY: "not a single byte",
    Rule.KIND: "a picture where a video is needed, or the other way round; found 'MP4 video', limit the formats",
    Rule.FORMAT: "a kind of file that is not taken; found its name, empty when unknown; limit the formats",
    Rule.PLAYLIST: "a list of addresses or file names instead of a video",
    Rule.CORRUPT: "damaged or cut off: it cannot be opened to its end",
    Rule.NO_VIDEO_STREAM: "a video file without pictures in it, such as sound alone",
    Rule.CODEC: "a video file whose pictures are coded in a way unknown here",
    Rule.PIXELS: "far more pixels than is safe to open",
    Rule.TIMEOUT: "took too long to open",
    Rule.MEMORY: "took too much memory to open",
    Rule.SIZE: "too many bytes; found '6.1 MB', limit '5 MB'",
    Rule.SIDE_MIN: "a side is too short; found width and height, limit '200 px'",
    Rule.SIDE_MAX: "a side is too long; found width and height, limit '4096 px'",
    Rule.SHAPE: "too narrow or too wide; found width and height, limit the two extremes",
    Rule.TOO_SHORT: "a film too short; found '1.2 s', limit both bounds",
    Rule.TOO_LONG: "a film too long; found '41 s', limit both bounds",
}


class Unfit(Exception):
    """A file that cannot be opened, or need not be: the one rule that ended the look at it."""

    def __init__(self, rule: Rule, *, found: str = "", limit: str = "") -> None:
        super().__init__(rule)
        self.rule = rule
        self.found = found
        self.limit = limit

    def problem(self, role: Role) -> Problem:
        """Return the same as one file's problem."""
        return Problem(role, self.rule, self.found, self.limit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one role's file must keep to. Bounds are inclusive."""

    formats: tuple[str, ...]
    formats_text: str
    size: int  # bytes
    side_min: int  # pixels, each side
    side_max: int
    shape: int = 3  # the longer side in units of the shorter one
    seconds: tuple[float, float] | None = None


LIMITS: Mapping[Role, Limits] = {
    Role.IMAGE: Limits(
        formats=("jpeg", "png", "bmp", "webp"),
        formats_text="JPEG, PNG, BMP or WebP",
        size=5 * MB,
        side_min=200,
        side_max=4096,
    ),
    Role.VIDEO: Limits(
        formats=("mp4", "mov", "avi"),
        formats_text="MP4, MOV or AVI",
        size=200 * MB,
        side_min=200,
        side_max=2048,
        seconds=(2.0, 30.0),
    ),
}

FORMATS: Mapping[str, tuple[str, str]] = {  # content type, suffix
    "jpeg": ("image/jpeg", ".jpg"),
    "png": ("image/png", ".png"),
    "bmp": ("image/bmp", ".bmp"),
    "webp": ("image/webp", ".webp"),
    "mp4": ("video/mp4", ".mp4"),
    "mov": ("video/quicktime", ".mov"),
    "avi": ("video/x-msvideo", ".avi"),
}

# Mimetypes that rule a role out. Slack guesses some from the name, so anything vaguer waits for the file itself.
_NEVER: Mapping[Role, Mapping[str, str]] = {
    Role.IMAGE: {"video": "video", "audio": "sound", "text": "text"},
    Role.VIDEO: {"image": "picture", "text": "text"},
}


def content_type(media: Media) -> str:
    """Return the content type that matches what was found in the file."""
    return FORMATS[media.format][0]


def suffix(media: Media) -> str:
    """Return the file name's ending, dot included, that matches what was found in the file."""
    return FORMATS[media.format][1]


def problems(role: Role, media: Media) -> tuple[Problem, ...]:
    """Return every limit that a file, once opened, breaks. Empty: it fits."""
    limits = LIMITS[role]
    broken = (*_format(limits, media), *_size(limits, media.size), *_sides(limits, media), *_length(limits, media))
    return tuple(unfit.problem(role) for unfit in broken)


def metadata_problems(role: Role, *, name: str, mimetype: str, size: int | None) -> tuple[Problem, ...]:
    """Return what is certainly wrong by what a file is said to be. Empty promises nothing.

    ``size`` is None when it is not known (a file that Slack only names by its id): 0 means that there is no byte in it.
    ``name`` refuses nothing but the endings of playlists, since people and programs give videos any name.
    """
    limits = LIMITS[role]
    broken: list[Unfit] = []
    if (found := _NEVER[role].get(mimetype.partition("/")[0].strip().lower())) is not None:
        broken.append(Unfit(Rule.KIND, found=found, limit=limits.formats_text))
    elif name.lower().endswith((".m3u8", ".m3u", ".ffconcat")):
        broken.append(Unfit(Rule.PLAYLIST))
    if size == 0:
        broken.append(Unfit(Rule.EMPTY))
    broken.extend(_size(limits, size or 0))
    return tuple(unfit.problem(role) for unfit in broken)


def _format(limits: Limits, media: Media) -> Iterator[Unfit]:
    if media.format not in limits.formats:
        yield Unfit(Rule.FORMAT, found=media.format.upper(), limit=limits.formats_text)


def _size(limits: Limits, size: int) -> Iterator[Unfit]:
    if size > limits.size:
        # Rounded up, so that one byte too many does not read "5 MB, at most 5 MB".
        yield Unfit(Rule.SIZE, found=f"{math.ceil(size * 10 / MB) / 10:g} MB", limit=f"{limits.size / MB:g} MB")


def _sides(limits: Limits, media: Media) -> Iterator[Unfit]:
    found = f"{media.width} \N{MULTIPLICATION SIGN} {media.height} px"
    shorter, longer = sorted((media.width, media.height))
    if shorter < limits.side_min:
        yield Unfit(Rule.SIDE_MIN, found=found, limit=f"{limits.side_min} px")
    if longer > limits.side_max:
        yield Unfit(Rule.SIDE_MAX, found=found, limit=f"{limits.side_max} px")
    if longer > limits.shape * shorter:
        yield Unfit(Rule.SHAPE, found=found, limit=f"1:{limits.shape}\N{EN DASH}{limits.shape}:1")


def _length(limits: Limits, media: Media) -> Iterator[Unfit]:
    if limits.seconds is None:
        return
    shortest, longest = limits.seconds
    allowed = f"{shortest:g}\N{EN DASH}{longest:g} s"
    if media.seconds < shortest - SECONDS_TOLERANCE:
        yield Unfit(Rule.TOO_SHORT, found=f"{math.floor(media.seconds * 10) / 10:g} s", limit=allowed)
    if media.seconds > longest + SECONDS_TOLERANCE:
        yield Unfit(Rule.TOO_LONG, found=f"{math.ceil(media.seconds * 10) / 10:g} s", limit=allowed)
