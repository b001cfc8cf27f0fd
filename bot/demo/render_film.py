"""Reading a video's frames at another rate, and carrying its sound over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import av
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer, OutputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

SOUND_RATE = 44_100
LONGEST = 60.0  # seconds; twice what the service takes


class Frames:
    """The frames of an opened video. Holds two at a time."""

    def __init__(self, source: InputContainer, *, key_frames_only: bool) -> None:
        if not source.streams.video:
            raise ValueError("no video stream")
        self._source = source
        self._stream = source.streams.video[0]
        self._stream.codec_context.thread_count = 1 if key_frames_only else 2
        if key_frames_only:
            self._stream.codec_context.skip_frame = "NONKEY"
        first = next(self._decoded(), None)
        if first is None:
            raise ValueError("no frame")
        self.size = (first.width, first.height) if first.rotation % 180 == 0 else (first.height, first.width)
        source.seek(0)

    def at_rate(self, fps: int) -> Iterator[VideoFrame]:
        """Yield the frame that is to be seen at each 1/fps of a second, for as long as the video is."""
        decoded = self._decoded()
        shown = next(decoded)
        following = next(decoded, None)
        begin = shown.time or 0.0
        for due in range(max(1, round(self._seconds() * fps))):
            while following is not None and (following.time or 0.0) - begin <= (due + 0.1) / fps:
                shown, following = following, next(decoded, None)
            yield shown

    def _decoded(self) -> Iterator[VideoFrame]:
        for packet in self._source.demux(self._stream):
            try:
                yield from packet.decode()
            except av.error.InvalidDataError:
                continue

    def _seconds(self) -> float:
        return min(_length(self._stream) or (self._source.duration or 0) / av.time_base, LONGEST)


class Sound:
    """The sound of an opened video, coded anew as it is asked for. Silent when there is none that can be decoded."""

    def __init__(self, source: InputContainer, output: OutputContainer) -> None:
        self._frames = _sound_frames(source)
        self._next = next(self._frames, None)
        self._stream: AudioStream | None = None
        if self._next is not None:
            self._stream = output.add_stream("aac", rate=SOUND_RATE)
            self._stream.codec_context.layout = self._next.layout.name if _few(self._next) else "stereo"

    def until(self, seconds: float) -> Iterator[Packet[AudioStream]]:
        """Yield what belongs before this time and was not yielded yet."""
        while self._stream is not None and self._next is not None and (self._next.time or 0.0) < seconds:
            yield from self._stream.encode(self._next)
            self._next = next(self._frames, None)

    def rest(self) -> Iterator[Packet[AudioStream]]:
        """Yield what the coder still held back."""
        if self._stream is not None:
            yield from self._stream.encode(None)


def picture(frame: VideoFrame, size: tuple[int, int]) -> Image.Image:
    """Return a frame upright, filling this size."""
    turned = frame.rotation % 180 != 0
    width, height = size[::-1] if turned else size
    image = _image(frame, width, height, "RGB", "rgb24")
    return image.rotate(frame.rotation, expand=True) if frame.rotation else image


def thumbnail(frame: VideoFrame, side: int) -> Image.Image:
    """Return a frame's light alone, upright and squeezed into a small square."""
    image = _image(frame, side, side, "L", "gray")
    return image.rotate(frame.rotation) if frame.rotation else image


def film_frame(image: Image.Image) -> VideoFrame:
    """Return a picture as a frame to be coded."""
    return av.VideoFrame.from_bytes(image.convert("RGBA").tobytes(), image.width, image.height, format="rgba")


def _image(frame: VideoFrame, width: int, height: int, mode: str, layout: str) -> Image.Image:
    plane = frame.reformat(width=width, height=height, format=layout, threads=1).planes[0]
    return Image.frombytes(mode, (width, height), bytes(plane), "raw", mode, plane.line_size)


def _length(stream: VideoStream) -> float:
    if not stream.duration or stream.time_base is None:
        return 0.0
    return stream.duration * stream.time_base.numerator / stream.time_base.denominator


def _sound_frames(source: InputContainer) -> Iterator[AudioFrame]:
    for stream in source.streams.audio[:1]:
        if stream.codec_context is None:  # PyAV's own hint denies it, but no decoder means no context
            return
        for packet in source.demux(stream):
            try:
                yield from packet.decode()
            except av.error.InvalidDataError:
                continue


def _few(frame: AudioFrame) -> bool:
    return frame.layout.nb_channels <= 2
