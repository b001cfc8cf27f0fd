"""What happens to a film's frames and sound between decoder and encoder: FFmpeg's filter graphs."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import av
from av.audio.frame import AudioFrame
from av.filter import Graph

from bot.media.tone import cube
from bot.media.video import THREADS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from fractions import Fraction
    from pathlib import Path

    from av.filter.context import FilterContext
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

    from bot.media.shape import Geometry, Size
    from bot.media.verdict import Found

SAMPLE_RATE = 48000

Part = tuple[str, str]  # a filter and its arguments

_TURNS: Mapping[int, tuple[Part, ...]] = {  # by EXIF's count
    1: (),
    2: (("hflip", ""),),
    3: (("hflip", ""), ("vflip", "")),
    4: (("vflip", ""),),
    5: (("transpose", "cclock_flip"),),
    6: (("transpose", "clock"),),
    7: (("transpose", "clock_flip"),),
    8: (("transpose", "cclock"),),
}
# By FFmpeg's number; the others are guessed by the height, as players do.
_MATRICES: Mapping[int, str] = {1: "bt709", 4: "fcc", 5: "smpte170m", 6: "smpte170m", 7: "smpte240m", 9: "bt2020"}
_HIGH = 720


class Pipe:
    """A graph with one way in and one way out."""

    def __init__(self, entry: VideoStream | AudioFrame, parts: list[Part]) -> None:
        self._graph = Graph()
        self._graph.threads = THREADS
        self._ended = False
        first = _entrance(self._graph, entry)
        nodes = [first, *(self._graph.add(name, arguments or None) for name, arguments in parts)]
        nodes.append(self._graph.add("abuffersink" if isinstance(entry, AudioFrame) else "buffersink"))
        self._graph.link_nodes(*nodes).configure()

    def pass_on(self, frame: VideoFrame | AudioFrame | None) -> Iterator[Any]:
        """Put a frame in, None at the end, and yield every frame that comes out because of it.

        Wholly used after each frame: what is not taken out is kept in the graph, raw.
        """
        if self._ended:
            return
        self._graph.push(frame)
        while not self._ended:
            try:
                yield self._graph.pull()
            except (av.error.BlockingIOError, av.error.EOFError) as error:
                self._ended = isinstance(error, av.error.EOFError)
                return


def _entrance(graph: Graph, like: VideoStream | AudioFrame) -> FilterContext:
    if not isinstance(like, AudioFrame):
        return graph.add_buffer(template=like)
    layout, rate = like.layout.name, like.sample_rate
    return graph.add_abuffer(sample_rate=rate, format=like.format.name, layout=layout, time_base=like.time_base)


def pictures(
    stream: VideoStream,
    found: Found,
    geometry: Geometry,
    *,
    ending: str,
    rate: tuple[Fraction, float] | None,
    folder: Path,
) -> Pipe:
    """Return the way of a film's frames: upright, in square pixels, of the planned size, in BT.709's colours.

    ``rate``: how many a second, and the time stamp of the first one; the last frame is then repeated for ever.
    ``ending`` is the pixel format that comes out.
    """
    crop, scale = (_lying(size, found.turn) for size in (geometry.crop, geometry.scale))
    parts = [*_cropped(stream, crop, square=found.square), ("scale", _scaling(stream, scale, found, ending))]
    if found.light:
        table = folder / "colours.cube"
        table.write_text(cube(found.light))
        parts += [("format", "gbrp10"), ("lut3d", f"file={_escaped(table)}:interp=tetrahedral")]
        parts += [("scale", "out_color_matrix=bt709:out_range=tv")]
    parts += [("format", ending), *_TURNS[found.turn], ("setsar", "1")]
    if rate is not None:
        # As late as can be: these two keep frames, which are smallest here.
        fps, start = rate
        parts += [("fps", f"fps={fps}:start_time={start}"), ("tpad", "stop=-1:stop_mode=clone")]
    if geometry.pad != geometry.scale:
        width, height = geometry.pad
        parts.append(("pad", f"{width}:{height}:(ow-iw)/2:(oh-ih)/2:black"))
    return Pipe(stream, parts)


def _escaped(path: Path) -> str:
    return re.sub(r"([\\':])", r"\\\1", str(path))


def _lying(size: Size, turn: int) -> Size:
    return size if turn < 5 else (size[1], size[0])


def _cropped(stream: VideoStream, crop: Size, *, square: bool) -> list[Part]:
    context = stream.codec_context
    whole = (context.width, context.height)
    if not square:  # the plan is in pixels as they are shown, the frame still in those that are coded
        across = math.ceil(crop[0] / float(context.sample_aspect_ratio or 1))
        crop = (min(across, context.width), crop[1])
    return [] if crop == whole else [("crop", f"{crop[0]}:{crop[1]}")]


def _scaling(stream: VideoStream, size: Size, found: Found, ending: str) -> str:
    width, height = size
    known = f"{width}:{height}:flags=bicubic"
    if ending.startswith("rgb") and not found.light:
        return f"{known}:in_color_matrix={_matrix(stream)}" if not _is_rgb(stream) else known
    if found.light:
        return f"{known}:in_color_matrix=bt2020" if not _is_rgb(stream) else known
    entry = "" if _is_rgb(stream) else f":in_color_matrix={_matrix(stream)}"
    return f"{known}{entry}:out_color_matrix=bt709:out_range=tv"


def _is_rgb(stream: VideoStream) -> bool:
    pixels = stream.codec_context.format
    return pixels is not None and (pixels.is_rgb or pixels.name in {"pal8", "gray"})


def _matrix(stream: VideoStream) -> str:
    known = _MATRICES.get(stream.codec_context.colorspace)
    return known or ("bt709" if stream.codec_context.height >= _HIGH else "smpte170m")


def sound(like: AudioFrame, *, layout: str, part: tuple[float, float], done: int = 0) -> Pipe:
    """Return the way of a film's sound as long as its frames are like this one.

    ``part``: the time stamps of its beginning and its end; ``done``: how many of its samples are made already. Sound
    that begins later is preceded by silence, a gap in it filled.
    """
    start, end = part
    return Pipe(
        like,
        [
            ("atrim", f"start={start:.6f}:end={end:.6f}"),
            ("asetpts", f"PTS-({start:.6f})/TB"),
            ("aresample", f"{SAMPLE_RATE}:async=1:first_pts={done}"),
            ("aformat", f"sample_fmts=fltp:channel_layouts={layout}"),
            ("asetnsamples", "1024:p=0"),
        ],
    )
