"""Opening a video with PyAV. Runs in the child process."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import av
from av.stream import Disposition

from bot.job import Media
from bot.media.limits import Rule, Unfit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

DECODE_PIXELS = 4096 * 2304  # a telephone's 4K; bigger ones are measured by their header and refused by their sides
OPEN_PIXELS = 8192 * 4608  # 8K: opening looks into a frame of the older codecs, and forgets the header if it may not
TAIL_FRAMES = 120  # a film without key frames is not decoded as a whole just to see its end
THREADS = 2

_DEMUXERS: Mapping[str, str] = {"mp4": "mov", "mov": "mov", "avi": "avi"}
_OPTIONS: Mapping[str, str] = {
    "format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,avi",
    # The file is handed over already open, so nothing needs a protocol: a file that names other files or addresses
    # finds every one refused.
    "protocol_whitelist": "none",
    "max_pixels": str(OPEN_PIXELS),
}
# Before 19 a title that is not UTF-8 made a good video unreadable; from 19 on there is no such argument.
_LENIENT: Mapping[str, Any] = {"metadata_errors": "replace"} if int(av.__version__.partition(".")[0]) < 19 else {}


@dataclass(frozen=True, slots=True)
class _Survey:
    """What reading every packet, undecoded, tells."""

    seconds: float
    fps: float
    whole: bool
    last_key: int | None  # time stamp


def inspect_video(path: Path, kind: str, *, thorough: bool) -> Media:
    """Return what the video is, having decoded its first frame; ``thorough`` also wants its end to be there and sound.

    Length and frame rate are those of the picture, counted, not what a header says of them. Raises ``Unfit``, and
    whatever PyAV raises for a damaged file.
    """
    with (
        path.open("rb") as file,
        av.open(file, format=_DEMUXERS[kind], options=dict(_OPTIONS), **_LENIENT) as container,
    ):
        stream = _picture(container)
        width, height = _pixels(container, stream)
        survey = _survey(container, stream)
        if thorough:
            _check_end(container, stream, survey, decodes=width * height <= DECODE_PIXELS)
        return Media(
            format=kind,
            size=path.stat().st_size,
            width=width,
            height=height,
            seconds=round(survey.seconds, 3),
            fps=round(survey.fps, 3),
            sound=bool(container.streams.audio),
        )


def _picture(container: InputContainer) -> VideoStream:
    """Return the first real video stream; a record's cover is one of a single picture."""
    for stream in container.streams.video:
        if Disposition.attached_pic in Disposition(stream.disposition):
            continue
        if stream.codec_context is None:  # PyAV's own hint denies it, but no decoder means no context
            raise Unfit(Rule.CODEC)
        stream.codec_context.options = {"max_pixels": str(DECODE_PIXELS)}
        stream.codec_context.thread_count = THREADS
        return stream
    raise Unfit(Rule.NO_VIDEO_STREAM)


def _pixels(container: InputContainer, stream: VideoStream) -> tuple[int, int]:
    """Return width and height as they are shown. Only a decoded frame knows that it is to be turned."""
    width, height = stream.codec_context.width, stream.codec_context.height
    if width * height > DECODE_PIXELS:
        return width, height
    frame = next(_frames(container, stream), None)
    if frame is None:
        raise Unfit(Rule.CORRUPT)
    turned = frame.rotation % 180 != 0
    return (frame.height, frame.width) if turned else (frame.width, frame.height)


def _frames(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """Yield what can be decoded from here on. A recording may begin amid a group of frames: those are left out."""
    for packet in container.demux(stream):
        try:
            yield from packet.decode()
        except av.error.InvalidDataError:
            continue


def _survey(container: InputContainer, stream: VideoStream) -> _Survey:
    container.seek(0)
    shown: list[int] = []
    ends: list[int] = []
    last_key = None
    whole = True
    for packet in container.demux(stream):
        stamp = packet.dts if packet.pts is None else packet.pts
        if stamp is None or packet.size == 0:  # the empty one says that there are no more
            continue
        whole = whole and not packet.is_corrupt
        last_key = stamp if packet.is_keyframe else last_key
        ends.append(stamp + (packet.duration or 0))
        if not packet.is_discard:
            shown.append(stamp)
    return _summary(stream, shown, ends, whole=whole, last_key=last_key)


def _summary(stream: VideoStream, shown: list[int], ends: list[int], *, whole: bool, last_key: int | None) -> _Survey:
    if not shown or stream.time_base is None:
        raise Unfit(Rule.CORRUPT)
    shown.sort()
    last = max(ends) - shown[-1] or min((b - a for a, b in pairwise(shown) if b > a), default=0)
    base = float(stream.time_base)
    seconds = (shown[-1] + last - shown[0]) * base
    announced = (stream.duration or 0) * base
    # Cut off between two packets, an index in front still tells of the missing ones.
    whole = whole and (max(ends) - min(shown[0], *ends)) * base >= 0.9 * announced - 0.1
    return _Survey(seconds, len(shown) / seconds if seconds > 0 else 0.0, whole, last_key)


def _check_end(container: InputContainer, stream: VideoStream, survey: _Survey, *, decodes: bool) -> None:
    if not survey.whole:
        raise Unfit(Rule.CORRUPT)
    if survey.last_key is None or not decodes:
        return
    container.seek(survey.last_key, stream=stream)
    good = bad = 0
    for packet in container.demux(stream):
        try:
            good += len(packet.decode())
        except av.error.InvalidDataError:
            bad += 1
        if good + bad >= TAIL_FRAMES:
            break
    # Cameras now and then spoil their very last frame, and every player shrugs.
    if bad > good:
        raise Unfit(Rule.CORRUPT)
