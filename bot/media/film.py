"""Writing an MP4 that plays everywhere: H.264, AAC, its index in front. Runs in the child process."""

from __future__ import annotations

import errno
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import av

from bot.media.limits import LIMITS, Rule, Unfit
from bot.media.pipes import SAMPLE_RATE, pictures, sound
from bot.media.video import THREADS, picture_stream, place_tracks, sound_stream
from bot.order import Role

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer, OutputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

    from bot.media.pipes import Pipe
    from bot.media.verdict import Found, Plan

    Progress = Callable[[int, int], None]

_SOUND_BITS = 160_000  # a second
_BAD_SHARE = 0.5  # of the packets: a film of which less can be decoded is no film
_BT709, _TV = 1, 1  # FFmpeg's numbers
# What goes wrong on this machine's side, not the sound's. Anything else that a bit of it meets costs that bit alone.
_OWN = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG, errno.EIO, errno.ENOMEM})


def _bits() -> int:
    """Return the most bits a second with which the longest clip stays below the service's limit of bytes."""
    limits = LIMITS[Role.VIDEO]
    assert limits.seconds is not None  # noqa: S101 -- films have lengths
    return int(limits.size * 8 * 0.9 / limits.seconds[1]) - _SOUND_BITS


# What "veryfast" leaves out is not seen at this quality. It looks less far ahead than usual: what waits fills memory.
X264 = {
    "preset": "veryfast",
    "crf": "20",
    "maxrate": str(_bits()),
    "bufsize": str(_bits()),
    "x264-params": "rc-lookahead=2:bframes=2",
}


@contextmanager
def writing(to: Path) -> Iterator[OutputContainer]:
    """Open the MP4 for writing. It is whole, its index in front, when the block is left."""
    with av.open(str(to), "w", format="mp4", options={"movflags": "+faststart"}) as made:
        yield made


class PictureMaker:
    """Decodes, changes and encodes the pictures of a plan's part."""

    def __init__(self, made: OutputContainer, stream: VideoStream, found: Found, plan: Plan, folder: Path) -> None:
        self._made = made
        self.done = 0
        self._wanted = plan.frames
        self._first = found.origin + plan.start
        self._held: VideoFrame | None = None
        self._rate = plan.rate
        self._pipe = pictures(
            stream, found, plan.geometry, ending="yuv420p", rate=(plan.rate, self._first), folder=folder
        )
        self._stream: Any = made.add_stream("libx264", rate=plan.rate, options=X264)
        self._stream.width, self._stream.height = plan.geometry.pad
        self._stream.pix_fmt = "yuv420p"
        context = self._stream.codec_context
        context.thread_count = THREADS
        context.time_base = 1 / plan.rate
        context.color_primaries = context.color_trc = context.colorspace = _BT709
        context.color_range = _TV

    @property
    def finished(self) -> bool:
        """True when the part has all its frames."""
        return self.done >= self._wanted

    def take(self, packet: Packet[VideoStream]) -> None:
        """Decode one packet. Frames before the part go no further than they must."""
        for frame in packet.decode():
            self._take(frame)

    def _take(self, frame: VideoFrame) -> None:
        time = frame.time
        if time <= self._first:
            self._held = frame  # perhaps the one that is still seen when the part begins
            return
        if self._held is not None:
            held, self._held = self._held, None
            self._push(held)
            del held
        self._push(frame)

    def _push(self, frame: VideoFrame | None) -> None:
        for ready in self._pipe.pass_on(frame):
            if self.finished:
                return
            ready.pts, ready.time_base = self.done, 1 / self._rate
            ready.pict_type = 0  # where the source had its key frames is no reason to have them there
            self._made.mux(self._stream.encode(ready))
            self.done += 1

    def end(self) -> None:
        """Write what is still under way. Raises ``Unfit`` when there was no frame at all."""
        if self._held is not None and not self.finished:
            self._push(self._held)
        if not self.finished:
            self._push(None)
        if self.done == 0:
            raise Unfit(Rule.CORRUPT)
        self._made.mux(self._stream.encode())


class SoundMaker:
    """Decodes, cuts and encodes a film's sound."""

    def __init__(self, made: OutputContainer, stream: AudioStream, *, start: float, seconds: float) -> None:
        self._made = made
        self._part = (start, start + seconds)
        self._layout = "mono" if stream.codec_context.layout.nb_channels == 1 else "stereo"
        self._pipe: Pipe | None = None
        self._form: tuple[str, str, int] | None = None
        self._samples = 0
        self._stream: Any = made.add_stream("aac", rate=SAMPLE_RATE, layout=self._layout)
        self._stream.bit_rate = _SOUND_BITS
        self._stream.codec_context.thread_count = THREADS
        self.finished = False

    def take(self, packet: Packet[AudioStream]) -> None:
        """Decode one packet."""
        for frame in packet.decode():
            if frame.time is not None and frame.time >= self._part[1]:
                self.finished = True
            else:
                self._follow(frame)
                self._push(frame)

    def _follow(self, frame: AudioFrame) -> None:
        """Begin a new pipe where the sound changes its form, as a broadcast does between a film and its adverts."""
        form = (frame.format.name, frame.layout.name, frame.sample_rate)
        if form != self._form:
            self._push(None)
            self._pipe = sound(frame, layout=self._layout, part=self._part, done=self._samples)
            self._form = form

    def _push(self, frame: AudioFrame | None) -> None:
        for ready in self._pipe.pass_on(frame) if self._pipe else ():
            self._samples += ready.samples
            self._made.mux(self._stream.encode(ready))

    def end(self) -> None:
        """Write what is still under way."""
        self._push(None)
        self._made.mux(self._stream.encode())


class Copier:
    """Takes packets over as they are, moved so that the time stamp ``start`` becomes zero, up to ``until``."""

    def __init__(self, made: OutputContainer, stream: Any, *, start: float, until: float | None = None) -> None:
        self._made = made
        self._base = stream.time_base
        self._shift = round(start / self._base)
        self._until = None if until is None else round(until / self._base)
        self._stream: Any = made.add_stream_from_template(stream)
        self._stream.metadata.clear()
        self.done = 0
        self.finished = False

    def take(self, packet: Packet[Any]) -> None:
        """Write one packet."""
        if packet.dts is None or packet.pts is None or packet.size == 0:
            return
        if self._until is not None and packet.pts >= self._until:
            self.finished = True
            return
        packet.pts -= self._shift
        packet.dts -= self._shift
        packet.stream = self._stream
        self._made.mux_one(packet)
        self.done += 1

    def end(self) -> None:
        """Nothing is under way."""


def mend_film(source: InputContainer, found: Found, plan: Plan, to: Path, progress: Progress) -> None:
    """Write the planned part of ``source``. Raises ``Unfit``, and whatever PyAV raises for a damaged file."""
    stream = picture_stream(source)
    heard = sound_stream(source) if found.media.sound else None
    start = found.origin + plan.start
    with writing(to) as made:
        maker: Any
        if plan.recode:
            maker = PictureMaker(made, stream, found, plan, to.parent)
        else:
            maker = Copier(made, stream, start=found.origin)
        makers = {stream.index: maker}
        if heard is not None and not plan.recode and heard.codec.canonical_name == "aac":
            makers[heard.index] = Copier(made, heard, start=start, until=start + plan.seconds)
        elif heard is not None:
            makers[heard.index] = SoundMaker(made, heard, start=start, seconds=plan.seconds)
        _sought(source, stream, start if plan.start else None)
        _run(source, makers, maker, plan.frames, progress)


def _sought(source: InputContainer, stream: VideoStream, start: float | None) -> None:
    assert stream.time_base is not None  # noqa: S101 -- a stream that was surveyed has one
    if start is None:
        source.seek(0)
    else:
        source.seek(int(start / stream.time_base), stream=stream)


def _run(source: InputContainer, makers: dict[int, Any], pictures: Any, frames: int, progress: Progress) -> None:
    good = bad = 0
    for packet in source.demux([source.streams[index] for index in makers]):
        maker = makers[packet.stream.index]  # not stream_index: what marks the end has it zero
        if maker.finished:
            if all(each.finished for each in makers.values()):
                break
            continue
        try:
            maker.take(packet)
            good += 1
        except av.error.FFmpegError as error:
            if not isinstance(error, av.error.InvalidDataError) and (maker is pictures or error.errno in _OWN):
                raise
            bad += 1
        del packet  # and with it what it was decoded from, before the next one is read
        progress(min(pictures.done, frames), frames)
    if bad > _BAD_SHARE * (good + bad):
        raise Unfit(Rule.CORRUPT)
    for maker in makers.values():
        maker.end()
    progress(frames, frames)


def place_packets(source: InputContainer, path: Path) -> list[tuple[int, int]]:
    """Return where in the file, and how long, the packets are in which a camera wrote where it was."""
    tracks = place_tracks(source, path)
    if not tracks:
        return []
    return [(packet.pos, packet.size) for packet in source.demux(tracks) if packet.pos is not None and packet.size]
