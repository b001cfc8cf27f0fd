"""What Model Studio takes, what is opened here to be mended, and the words in which both are told: all of it data.

Source of ``LIMITS``: the input table of ``wan2.2-animate-move`` and ``wan2.2-animate-mix`` in the Model Studio API
reference; both models have the same one. ``MENDABLE`` is this bot's own.
"""

from __future__ import annotations

import errno
import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from bot.failure import Problem
from bot.order import Fit, Role

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bot.job import Media

# What a system says when a disk takes nothing: no file has the fault of it.
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})

MB = 10**6  # the reference does not say whether 10^6 or 2^20 is meant: the smaller one fits both readings

# A cut at "30 s" ends on a whole frame (0.04 s at 24 a second) and its sound on a whole packet (0.02 to 0.05 s), so
# a clip made to fit is probed as 30.03 or 1.97 s. The service refuses free of charge, so the doubt is the clip's gain.
# What is cut or coded again here keeps the bounds to the letter.
SECONDS_TOLERANCE = 0.1

# The reference names containers, no codecs. These are what MP4, MOV and AVI usually hold and every reader of video
# knows; newer ones and more colours than 8 bits in 4:2:0 are made into plain H.264.
CODECS_TAKEN = ("h264", "mpeg4", "mjpeg")
PIXELS_TAKEN = ("yuv420p", "yuvj420p")

# No limit is stated, so 240 a second of a film that fits otherwise are sent as they are. What is coded again here gets
# no more than this: they would cost time and bytes that nobody sees.
FPS_MAX = 60


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
    PART = "part"
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
    Rule.PIXELS: "more pixels than are safe to open; found '169 megapixels', limit '72 megapixels'",
    Rule.PART: "the chosen part begins after the film's end; found its start '40 s', limit '0\N{EN DASH}33.2 s'",
    Rule.TIMEOUT: "took too long to open",
    Rule.MEMORY: "took too much memory to open",
    Rule.SIZE: "too many bytes; found '6.1 MB', limit '5 MB'",
    Rule.SIDE_MIN: "a side is too short; found width and height, limit '200 px'",
    Rule.SIDE_MAX: "a side is too long; found width and height, limit '4096 px'",
    Rule.SHAPE: "too narrow or too wide, which only cropping or padding mends; found width and height, limit both ends",
    Rule.TOO_SHORT: "a film, or its chosen part, too short; found '1.2 s', limit both bounds",
    Rule.TOO_LONG: "a film too long; found '41 s', limit both bounds",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the requester chose: a part of the film, in seconds, and what may be done about its shape."""

    start: float = 0.0
    length: float | None = None  # to the end, or to the longest that is taken
    fit: Fit = Fit.NONE

    def __post_init__(self) -> None:
        if not (math.isfinite(self.start) and self.start >= 0):
            raise ValueError("a film's part cannot start there")
        if self.length is not None and not (math.isfinite(self.length) and self.length > 0):
            raise ValueError("a film's part cannot be that long")


class Change(StrEnum):
    """What mending does to a file. The values are the keys of ``CHANGES``."""

    CONVERTED = "converted"
    RECODED = "recoded"
    CUT = "cut"
    TRIMMED = "trimmed"
    FIRST_FRAME = "first_frame"
    TURNED = "turned"
    CROPPED = "cropped"
    PADDED = "padded"
    SCALED = "scaled"
    FLATTENED = "flattened"
    COLOURS = "colours"
    TONE_MAPPED = "tone_mapped"
    STEADIED = "steadied"
    COMPRESSED = "compressed"
    SILENCED = "silenced"
    CLEANED = "cleaned"


# What each change means, and what ``before`` and ``after`` hold; empty where nothing is said.
CHANGES: Mapping[str, str] = {
    Change.CONVERTED: "another kind of file; before 'HEIC', after 'JPEG'",
    Change.RECODED: "the film coded anew; before 'HEVC', after 'H.264'",
    Change.CUT: "only a part of the film is used; before '45 s', after '0\N{EN DASH}30 s'",
    Change.TRIMMED: "the sound, or whatever else outlasted the pictures, ends with them",
    Change.FIRST_FRAME: "only the first of several pictures is used",
    Change.TURNED: "turned or mirrored, as its notes say it is to be shown",
    Change.CROPPED: "the middle was kept; before and after hold width and height",
    Change.PADDED: "plain bars were put beside it; before and after hold width and height",
    Change.SCALED: "made smaller or bigger; before and after hold width and height",
    Change.FLATTENED: "transparency was laid on a plain ground; after its colour",
    Change.COLOURS: "colours made plain; before '10-bit 4:2:0', 'CMYK', after '8-bit 4:2:0', 'RGB'",
    Change.TONE_MAPPED: "a wider range of light or colour was brought into the usual one; before 'HDR', after 'SDR'",
    Change.STEADIED: "another or an even number of frames a second; before 'variable', after '30 fps'",
    Change.COMPRESSED: "made smaller in bytes; before '6.1 MB', after '4.8 MB'",
    Change.SILENCED: "the sound can't be read and was left out",
    Change.CLEANED: "notes such as the place and the camera were taken out, the pictures left as they were",
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Mendable:
    """What one role's file may be to be opened at all, and made to fit."""

    formats: tuple[str, ...]
    formats_text: str
    size: int  # bytes
    pixels: int  # beyond them nothing is decoded


MENDABLE: Mapping[Role, Mendable] = {
    Role.IMAGE: Mendable(
        formats=(*LIMITS[Role.IMAGE].formats, "heic", "avif", "tiff", "gif", "jp2", "psd", "ico", "ppm"),
        formats_text="JPEG, PNG, WebP, BMP, HEIC, AVIF, TIFF, GIF, JPEG 2000, Photoshop, ICO or PNM",
        size=100 * MB,
        pixels=72_000_000,  # telephones' 48 and 64 megapixels, in memory three times over
    ),
    Role.VIDEO: Mendable(
        formats=(*LIMITS[Role.VIDEO].formats, "webm", "matroska", "gif"),
        formats_text="MP4, MOV, AVI, WebM, Matroska or GIF",
        size=1000 * MB,  # what Slack takes at most
        pixels=4096 * 2304,  # a telephone's 4K
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

_NAMES: Mapping[str, str] = {
    "webp": "WebP",
    "webm": "WebM",
    "matroska": "Matroska",
    "jp2": "JPEG 2000",
    "psd": "Photoshop",
    "ppm": "PNM",
    "h264": "H.264",
    "mpeg4": "MPEG-4",
    "mjpeg": "Motion JPEG",
    "prores": "ProRes",
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
    """Return every limit of the service that a file, once opened, breaks. Empty: it keeps them all."""
    limits = LIMITS[role]
    broken = (
        *_format(limits, media),
        *size_broken(media.size, limits.size),
        *_sides(limits, media),
        *_length(limits, media),
    )
    return tuple(unfit.problem(role) for unfit in broken)


def metadata_problems(role: Role, *, name: str, mimetype: str, size: int | None) -> tuple[Problem, ...]:
    """Return what is certainly wrong by what a file is said to be. Empty promises nothing.

    ``size`` is None when it is not known (a file that Slack only names by its id): 0 means that there is no byte in it.
    ``name`` refuses nothing but the endings of playlists, since people and programs give videos any name.
    """
    limits = MENDABLE[role]
    broken: list[Unfit] = []
    mimetype = mimetype.strip().lower()
    found = None if mimetype == "image/gif" else _NEVER[role].get(mimetype.partition("/")[0])  # a GIF may be a film
    if found is not None:
        broken.append(Unfit(Rule.KIND, found=found, limit=limits.formats_text))
    elif name.lower().endswith((".m3u8", ".m3u", ".ffconcat")):
        broken.append(Unfit(Rule.PLAYLIST))
    if size == 0:
        broken.append(Unfit(Rule.EMPTY))
    broken.extend(size_broken(size or 0, limits.size))
    return tuple(unfit.problem(role) for unfit in broken)


def _format(limits: Limits, media: Media) -> Iterator[Unfit]:
    if media.format not in limits.formats:
        yield Unfit(Rule.FORMAT, found=format_name(media.format), limit=limits.formats_text)


def size_broken(size: int, limit: int) -> Iterator[Unfit]:
    """Yield the rule if so many bytes are too many."""
    if size > limit:
        yield Unfit(Rule.SIZE, found=megabytes(size), limit=f"{limit / MB:g} MB")


def _sides(limits: Limits, media: Media) -> Iterator[Unfit]:
    found = sides(media.width, media.height)
    shorter, longer = sorted((media.width, media.height))
    if shorter < limits.side_min:
        yield Unfit(Rule.SIDE_MIN, found=found, limit=f"{limits.side_min} px")
    if longer > limits.side_max:
        yield Unfit(Rule.SIDE_MAX, found=found, limit=f"{limits.side_max} px")
    yield from shape_broken(limits, media.width, media.height)


def shape_broken(limits: Limits, width: int, height: int) -> Iterator[Unfit]:
    """Yield the rule if this shape is too narrow or too wide."""
    if max(width, height) > limits.shape * min(width, height):
        yield Unfit(Rule.SHAPE, found=sides(width, height), limit=f"1:{limits.shape}\N{EN DASH}{limits.shape}:1")


def _length(limits: Limits, media: Media) -> Iterator[Unfit]:
    if limits.seconds is None:
        return
    shortest, longest = limits.seconds
    yield from length_broken(limits, media.seconds)
    if media.seconds > longest + SECONDS_TOLERANCE:
        found = f"{math.ceil(media.seconds * 10) / 10:g} s"
        yield Unfit(Rule.TOO_LONG, found=found, limit=f"{shortest:g}\N{EN DASH}{longest:g} s")


def length_broken(limits: Limits, seconds: float) -> Iterator[Unfit]:
    """Yield the rule if a film, or the part chosen of it, is too short."""
    if limits.seconds is not None and seconds < limits.seconds[0] - SECONDS_TOLERANCE:
        shortest, longest = limits.seconds
        found = f"{math.floor(seconds * 10) / 10:g} s"
        yield Unfit(Rule.TOO_SHORT, found=found, limit=f"{shortest:g}\N{EN DASH}{longest:g} s")


def sides(width: int, height: int) -> str:
    """Return a size as people read it."""
    return f"{width} \N{MULTIPLICATION SIGN} {height} px"


def megabytes(size: int) -> str:
    """Return bytes as people read them, rounded up: one byte too many does not read "5 MB, at most 5 MB"."""
    return f"{math.ceil(size * 10 / MB) / 10:g} MB"


def format_name(name: str) -> str:
    """Return a format's name as people write it."""
    return _NAMES.get(name, name.upper())
