"""Opening a film with PyAV and finding out what it is. Runs in the child process."""

from __future__ import annotations

import struct
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import av
import av.logging
from av.codec.context import Flags
from av.sidedata.sidedata import Type as SideData
from av.stream import Disposition

from bot.job import Media
from bot.media.limits import MENDABLE, Rule, Unfit, sides
from bot.media.notes import track_codes
from bot.media.survey import Survey, ends_early, survey
from bot.media.verdict import Found
from bot.order import Role

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

DECODE_PIXELS = MENDABLE[Role.VIDEO].pixels
OPEN_PIXELS = 8192 * 4608  # 8K: opening looks into a frame of the older codecs, and forgets the header if it may not
TAIL_PIXELS = 2 * 1920 * 1080  # the end is decoded as far as this goes, the rest is checked by its structure
THREADS = 2  # whatever the machine has: one for each core, the default, takes gigabytes on a server

_DEMUXERS: Mapping[str, str] = {
    "mp4": "mov",
    "mov": "mov",
    "avi": "avi",
    "webm": "matroska",
    "matroska": "matroska",
    "gif": "gif",
}
_OPTIONS: Mapping[str, str] = {
    "format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,avi,matroska,webm,gif",
    # The file is handed over already open, so nothing needs a protocol: a file that names other files or addresses
    # finds every one refused.
    "protocol_whitelist": "none",
    "max_pixels": str(OPEN_PIXELS),
}
# Before 19 a title that is not UTF-8 made a good video unreadable; from 19 on there is no such argument.
_LENIENT: Mapping[str, Any] = {"metadata_errors": "replace"} if int(av.__version__.partition(".")[0]) < 19 else {}
# The index of an MP4 tells nearly all, and the first frame the rest: so much, and not dozens of frames, is looked into.
_BRIEF: Mapping[str, str] = {"probesize": str(1 << 17)}
_READ_BYTES = 1 << 18  # at a time: each read is a call back into Python

av.logging.set_level(None)  # FFmpeg would fill the parent's pipe with what is wrong with the file

# By the signs of the four numbers of a display matrix, as EXIF counts.
_TURNS: Mapping[tuple[int, int, int, int], int] = {
    (1, 0, 0, 1): 1,
    (-1, 0, 0, 1): 2,
    (-1, 0, 0, -1): 3,
    (1, 0, 0, -1): 4,
    (0, 1, 1, 0): 5,
    (0, 1, -1, 0): 6,
    (0, -1, -1, 0): 7,
    (0, -1, 1, 0): 8,
}
_LIGHT: Mapping[int, str] = {16: "pq", 18: "hlg"}  # by the number of the transfer curve in ITU-T H.273
_BT2020 = 9  # of the primaries
_PLACES = ("location", "gps", "xyz")  # in the names of notes that tell where somebody was
# In which cameras (GoPro, Android's, DJI, Sony) write where they were, second by second.
_TRACKS = frozenset({"gpmd", "camm", "djmd", "dbgi", "rtmd"})


@dataclass(frozen=True, slots=True)
class _Look:
    """What one decoded frame tells that no header does."""

    width: int
    height: int
    turn: int = 1
    square: bool = True
    light: str = ""
    pixels: str = ""


@contextmanager
def opened(path: Path, kind: str, *, glance: bool = False) -> Iterator[InputContainer]:
    """Open a film as the kind that it was recognised as, and as no other. Raises whatever PyAV does.

    A ``glance`` is for telling what it is, not for decoding it.
    """
    options = {**_OPTIONS, **(_BRIEF if glance and _DEMUXERS[kind] == "mov" else {})}
    with (
        path.open("rb") as file,
        av.open(file, format=_DEMUXERS[kind], options=options, buffer_size=_READ_BYTES, **_LENIENT) as container,
    ):
        yield container


def inspect_video(path: Path, kind: str, *, thorough: bool) -> Found:
    """Return what the film is, having decoded its first frame; ``thorough`` also wants its end to be there and sound.

    Length and frame rate are those of the pictures, counted, not what a header says of them. Raises ``Unfit``, and
    whatever PyAV raises for a damaged file.
    """
    if thorough and ends_early(path, kind):
        raise Unfit(Rule.CORRUPT)
    with opened(path, kind, glance=True) as container:
        stream = picture_stream(container, glance=True)
        look = _look(container, stream)
        seen = survey(container, stream)
        if thorough:
            _check_end(container, stream, seen)
        return _found(container, stream, look, seen, kind=kind, path=path)


def _found(
    container: InputContainer, stream: VideoStream, look: _Look, seen: Survey, *, kind: str, path: Path
) -> Found:
    size = path.stat().st_size
    media = Media(
        format=kind,
        size=size,
        width=look.width,
        height=look.height,
        seconds=round(seen.seconds, 3),
        fps=round(seen.fps, 3),
        sound=bool(container.streams.audio),
        codec=stream.codec.canonical_name,
        hdr=look.light in {"pq", "hlg"},
        variable=seen.variable,
    )
    return Found(
        media=media,
        bare=size,
        notes=_tells_places(container, path if kind in {"mp4", "mov"} else None),
        turn=look.turn,
        colours=_colours(stream),
        pixels=look.pixels,
        light=look.light,
        square=look.square,
        origin=seen.origin,
        beat=seen.beat,
        voice=sound_stream(container) is not None,
        rest=_rest(container, stream) - seen.origin,
        hidden=seen.hidden,
    )


def _rest(container: InputContainer, stream: VideoStream) -> float:
    """Return the time stamp, in seconds, at which the last of the other streams ends, as the file's header has it."""
    ends = [
        float(((each.start_time or 0) + each.duration) * each.time_base)
        for each in container.streams
        if each.index != stream.index and each.duration and each.time_base
    ]
    return max(ends, default=0.0)


def picture_stream(container: InputContainer, *, glance: bool = False) -> VideoStream:
    """Return the first stream that moves, ready to decode; a record's cover is one, too, but of a single picture.

    A ``glance`` is for a few frames of which nobody sees the pixels: they come at once, and less smooth.
    """
    stream = _moving(container)
    if stream.codec_context is None:  # PyAV's own hint denies it, but no decoder means no context
        raise Unfit(Rule.CODEC)
    options = {"max_pixels": str(DECODE_PIXELS)}
    if glance:
        options["skip_loop_filter"] = "all"
        stream.codec_context.flags |= Flags.low_delay
    stream.codec_context.options = options
    stream.codec_context.thread_count = 1 if glance else THREADS  # two would decode frames that nobody asked for
    return stream


def _moving(container: InputContainer) -> VideoStream:
    covers = Disposition.attached_pic
    streams = [stream for stream in container.streams.video if covers not in Disposition(stream.disposition)]
    if not streams:
        raise Unfit(Rule.NO_VIDEO_STREAM)
    return next((stream for stream in streams if stream.frames != 1), streams[0])


def sound_stream(container: InputContainer) -> AudioStream | None:
    """Return the first sound that can be decoded."""
    for stream in container.streams.audio:
        context: Any = stream.codec_context  # None without a decoder, whatever PyAV's own hint says
        if context is None or not context.sample_rate:
            continue
        context.thread_count = THREADS
        # Damaged settings of the codec are found only here. Taken over, they make a file that nothing opens.
        try:
            context.open(strict=False)
        except MemoryError:
            raise
        except av.error.FFmpegError:
            continue
        return stream
    return None


def frames(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """Yield what can be decoded from here on. A recording may begin amid a group of frames: those are left out."""
    for packet in container.demux(stream):
        try:
            yield from packet.decode()
        except av.error.InvalidDataError:
            continue


def _look(container: InputContainer, stream: VideoStream) -> _Look:
    context = stream.codec_context
    if context.width * context.height > DECODE_PIXELS:
        raise Unfit(Rule.PIXELS, found=sides(context.width, context.height), limit=sides(4096, 2304))
    frame = next(frames(container, stream), None)
    if frame is None:
        raise Unfit(Rule.CORRUPT)
    light = _LIGHT.get(frame.color_trc, "wide" if frame.color_primaries == _BT2020 else "")
    look = _Look(frame.width, frame.height, turn_of(frame), light=light, pixels=frame.format.name)
    aspect = float(context.sample_aspect_ratio or 1)
    if 0.1 < aspect < 10 and not 0.98 < aspect < 1.02:
        look = replace(look, width=max(1, round(frame.width * aspect)), square=False)
    return look if look.turn < 5 else replace(look, width=look.height, height=look.width)


def turn_of(frame: VideoFrame) -> int:
    """Return how a frame is to be turned and mirrored to be shown, as EXIF counts. Only a decoded frame knows."""
    notes: Mapping[Any, Any] = frame.side_data
    matrix = notes.get(SideData.DISPLAYMATRIX)
    if matrix is None or len(data := bytes(matrix)) < 36:
        return 1
    a, b, _, c, d = struct.unpack_from("=5i", data)
    largest = max(abs(a), abs(b), abs(c), abs(d), 1)
    a, b, c, d = (0 if abs(number) < largest / 2 else (1 if number > 0 else -1) for number in (a, b, c, d))
    return _TURNS.get((a, b, c, d), 1)


def _colours(stream: VideoStream) -> str:
    pixels = stream.codec_context.format
    if pixels is None:
        return "unknown"
    if pixels.is_rgb or not pixels.components:
        return "RGB"
    subsampled = {(2, 2): "4:2:0", (2, 1): "4:2:2", (1, 1): "4:4:4"}
    chroma = pixels.components[1] if len(pixels.components) > 2 else None
    if chroma is None:
        return f"{pixels.components[0].bits}-bit grey"
    share = (round(pixels.width / (chroma.width or 1)), round(pixels.height / (chroma.height or 1)))
    return f"{pixels.components[0].bits}-bit {subsampled.get(share, '')}".strip()


def _tells_places(container: InputContainer, path: Path | None) -> bool:
    notes = {**container.metadata}
    for stream in container.streams:
        notes |= stream.metadata
    return any(place in name.lower() for name in notes for place in _PLACES) or bool(
        path and place_tracks(container, path)
    )


def place_tracks(container: InputContainer, path: Path) -> list[Any]:
    """Return the streams of an MP4 or MOV in which a camera wrote where it was. PyAV does not tell their names."""
    if all(stream.type in {"video", "audio"} for stream in container.streams):
        return []
    with path.open("rb") as film:
        codes = track_codes(film)
    return [stream for stream in container.streams if codes.get(stream.id) in _TRACKS]


def _check_end(container: InputContainer, stream: VideoStream, seen: Survey) -> None:
    if not seen.whole:
        raise Unfit(Rule.CORRUPT)
    if seen.last_key is None:
        return
    container.seek(seen.last_key, stream=stream)
    most = max(1, TAIL_PIXELS // max(1, stream.codec_context.width * stream.codec_context.height))
    good = bad = 0
    for packet in container.demux(stream):
        try:
            good += len(packet.decode())
        except av.error.InvalidDataError:
            bad += 1
        if good + bad >= most:
            break
    # Cameras now and then spoil their very last frame, and every player shrugs.
    if bad > good:
        raise Unfit(Rule.CORRUPT)
