"""Reading every packet of a film, undecoded: its length, its beat, and whether all of it is there."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, BinaryIO

from bot.media.limits import Rule, Unfit

if TYPE_CHECKING:
    from pathlib import Path

    from av.container import InputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

_UNEVEN_SHARE = 0.02  # of the intervals may be other than the usual one: a dropped frame is no beat of its own
_TORN_SHARE = 0.2  # of all packets; a spoiled second here and there is still a film
_LONG = b"\0\0\0\1"  # in the place of a box's length: it follows, in eight bytes
_BOXES = 10_000  # a film has a dozen, one in fragments two for each second
_CONTENTS = frozenset((b"moov", b"mdat", b"moof"))
_TRAIL = 4096  # bytes at either end
_TAIL = 30  # packets: half of the last ones torn means that the end never arrived


@dataclass(frozen=True, slots=True)
class Survey:
    """What the packets tell. Times in seconds, ``last_key`` as a time stamp."""

    seconds: float
    fps: float
    beat: float  # frames a second, by the usual interval
    variable: bool
    origin: float
    whole: bool
    last_key: int | None
    hidden: bool  # an edit list leaves some out


@dataclass(slots=True)
class _Stamps:
    shown: list[int] = field(default_factory=list)
    shown_ends: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    times: list[int] = field(default_factory=list)  # as the decoder will give them
    last_key: int | None = None
    whole: bool = True
    torn: list[bool] = field(default_factory=list)


def survey(container: InputContainer, stream: VideoStream) -> Survey:
    """Return what reading the whole file tells. Raises ``Unfit`` when there is not one frame to be shown."""
    container.seek(0)
    stamps = _Stamps()
    prefix = _prefix(stream)
    # An AVI counts its frames in the order in which they are coded, and tells no more. The times that FFmpeg makes of
    # that pile up at the end where the order is another one, and the film would seem to be a frame too short.
    counted = container.format.name == "avi"
    for packet in container.demux(stream):
        time = packet.dts if packet.pts is None else packet.pts
        stamp = time if packet.dts is None or not counted else packet.dts
        if time is None or stamp is None or packet.size == 0:  # the empty one says that there are no more
            continue
        stamps.whole = stamps.whole and not packet.is_corrupt
        stamps.last_key = stamp if packet.is_keyframe else stamps.last_key
        stamps.ends.append(stamp + (packet.duration or 0))
        stamps.torn.append(prefix is not None and _is_torn(packet, prefix))
        if not packet.is_discard:  # an edit list may leave out frames that others are built on
            stamps.shown.append(stamp)
            stamps.times.append(time)
            stamps.shown_ends.append(stamps.ends[-1])
    return _summary(stream, stamps)


def _summary(stream: VideoStream, stamps: _Stamps) -> Survey:
    if not stamps.shown or stream.time_base is None:
        raise Unfit(Rule.CORRUPT)
    shown = sorted(stamps.shown)
    intervals = sorted(later - earlier for earlier, later in pairwise(shown) if later > earlier)
    last = max(stamps.shown_ends) - shown[-1] or (intervals[0] if intervals else 0)
    base = float(stream.time_base)
    seconds = (shown[-1] + last - shown[0]) * base
    announced = (stream.duration or 0) * base
    # Cut off between two packets, an index in front still tells of the missing ones.
    complete = (max(stamps.ends) - min(shown[0], *stamps.ends)) * base >= 0.9 * announced - 0.1
    tail = stamps.torn[-_TAIL:]
    sound = sum(tail) <= len(tail) / 2 and sum(stamps.torn) <= len(stamps.torn) * _TORN_SHARE
    usual = intervals[len(intervals) // 2] * base if intervals else seconds
    return Survey(
        seconds=seconds,
        fps=len(shown) / seconds if seconds > 0 else 0.0,
        beat=1 / usual if usual > 0 else 0.0,
        variable=_is_variable(shown, intervals),
        origin=min(stamps.times) * base,
        whole=stamps.whole and complete and sound,
        last_key=stamps.last_key,
        hidden=len(stamps.shown) < len(stamps.ends),
    )


def _is_variable(shown: list[int], intervals: list[int]) -> bool:
    """Return whether the frames leave an even beat: by more than one frame somewhere, or too often by half a one.

    Stamps are rounded to the container's time base, some to a millisecond: that is no change of beat.
    """
    if len(intervals) < 2:
        return False
    usual = intervals[len(intervals) // 2]
    odd = sum(abs(interval - usual) > max(usual / 2, 1) for interval in intervals)
    if odd > _UNEVEN_SHARE * len(intervals) + 1:
        return True
    even = (shown[-1] - shown[0]) / (len(shown) - 1)
    return any(abs(stamp - shown[0] - number * even) > even + 1 for number, stamp in enumerate(shown))


def _prefix(stream: VideoStream) -> int | None:
    """Return how many bytes the lengths inside a packet of H.264 or HEVC have, None where there are none."""
    extra = stream.codec_context.extradata
    if not extra or extra[0] != 1:  # the other way of writing has start codes instead
        return None
    place = {"h264": 4, "hevc": 21}.get(stream.codec.canonical_name)
    return None if place is None or len(extra) <= place else (extra[place] & 3) + 1


def _is_torn(packet: Packet[VideoStream], prefix: int) -> bool:
    """Return whether the parts of a packet do not add up to its length: something else lies where it should be."""
    data, place = memoryview(packet), 0
    while place + prefix <= len(data):
        length = int.from_bytes(data[place : place + prefix])
        if length == 0:
            return True
        place += prefix + length
    return place != len(data)


def ends_early(path: Path, kind: str) -> bool:
    """Return whether a film is shorter than it says itself: most demuxers stop without complaint where it ends."""
    size = path.stat().st_size
    with path.open("rb") as file:
        if kind in {"mp4", "mov"}:
            return _box_cut_off(file, size)
        if kind == "avi":
            return int.from_bytes(file.read(8)[4:], "little") + 8 > size
        if kind == "gif":
            file.seek(max(0, size - _TRAIL))
            return not file.read().rstrip(b"\0").endswith(b";")
        if kind in {"webm", "matroska"}:
            return _segment_end(file.read(_TRAIL)) > size
    return False


def _box_cut_off(file: BinaryIO, size: int) -> bool:
    """Return whether the index or the pictures of an MP4 go on after its end."""
    place = 0
    for _ in range(_BOXES):
        if place + 8 > size:
            break
        file.seek(place)
        head = file.read(16)
        length = int.from_bytes(head[8:16]) if head[:4] == _LONG else int.from_bytes(head[:4])
        if length == 0:  # to the end
            return False
        if place + length > size and head[4:8] in _CONTENTS:
            return True
        place += max(length, 8)
    return False


def _segment_end(head: bytes) -> int:
    """Return where a Matroska's one segment says that it ends, 0 when it does not say so (as live recordings)."""
    try:
        header, place = _vint(head, 4)
        place += header
        if head[place : place + 4] != b"\x18\x53\x80\x67":
            return 0
        length, start = _vint(head, place + 4)
    except IndexError:
        return 0
    return start + length if length else 0


def _vint(data: bytes, place: int) -> tuple[int, int]:
    """Return an EBML number, 0 for "unknown", and where it ends."""
    width = 9 - data[place].bit_length()
    number = int.from_bytes(data[place : place + width]) & ((1 << 7 * width) - 1)
    return (0 if number == (1 << 7 * width) - 1 else number), place + width
