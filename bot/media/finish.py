"""Making the service's film ready to be posted: its sound laid back, playable at once. Runs in the child process."""

from __future__ import annotations

import heapq
import math
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from bot.media.film import Copier, PictureMaker, SoundMaker, writing
from bot.media.limits import PIXELS_TAKEN
from bot.media.shape import Geometry
from bot.media.verdict import Plan, even_rate
from bot.media.video import opened, picture_stream, sound_stream

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from av.container import InputContainer
    from av.packet import Packet

    from bot.media.verdict import Found

_INDEX_AT_MOST = 64  # boxes are looked at before the index of an MP4 is given up


def is_ready(path: Path, found: Found) -> bool:
    """Return whether Slack plays the film in its place as it is: H.264 and AAC in an MP4 with its index in front."""
    if found.media.format != "mp4" or not _copies(found) or not index_in_front(path):
        return False
    with opened(path, "mp4") as source:
        return all(_is_aac(stream) for stream in source.streams.audio)


def index_in_front(path: Path) -> bool:
    """Return whether a player of this MP4 can begin before it has all of it."""
    size, place = path.stat().st_size, 0
    with path.open("rb") as file:
        for _ in range(_INDEX_AT_MOST):
            file.seek(place)
            head = file.read(16)
            if len(head) < 8 or head[4:8] == b"mdat":
                return False
            if head[4:8] == b"moov":
                return True
            length = int.from_bytes(head[8:16]) if head[:4] == b"\0\0\0\1" else int.from_bytes(head[:4])
            place += max(length, 8)
            if place >= size:
                return False
    return False


def finish_film(result: tuple[Path, Found], reference: tuple[Path, Found] | None, to: Path) -> None:
    """Write ``result`` as an MP4 for Slack, with ``reference``'s sound, if given, in step from the first frame on.

    The pictures are taken over as they are coded if they are H.264.
    """
    path, found = result
    with ExitStack() as stack:
        source = stack.enter_context(opened(path, found.media.format))
        made = stack.enter_context(writing(to))
        stream = picture_stream(source)
        seconds = found.media.seconds
        makers: list[tuple[InputContainer, Any, Any]] = []
        if _copies(found):
            makers.append((source, stream, Copier(made, stream, start=found.origin)))
        else:
            makers.append((source, stream, PictureMaker(made, stream, found, _as_it_is(found), to.parent)))
        spoken, origin = source, found.origin
        if reference is not None:
            spoken, origin = stack.enter_context(opened(reference[0], reference[1].media.format)), reference[1].origin
        if (sound := sound_stream(spoken)) is not None:
            until = origin + seconds
            copies = _is_aac(sound)
            maker = Copier(made, sound, start=origin, until=until) if copies else None
            makers.append((spoken, sound, maker or SoundMaker(made, sound, start=origin, seconds=seconds)))
        _run(makers)


def _run(makers: list[tuple[InputContainer, Any, Any]]) -> None:
    if len(makers) == 2 and makers[0][0] is makers[1][0]:
        packets = makers[0][0].demux([makers[0][1], makers[1][1]])
        by_index = {stream.index: maker for _, stream, maker in makers}
        for packet in packets:
            by_index[packet.stream_index].take(packet)
    else:
        # Two files are read side by side, so that pictures and sound lie side by side in the third.
        streams = [_timed(source, stream, maker) for source, stream, maker in makers]
        for _, _, packet, maker in heapq.merge(*streams, key=lambda item: item[:2]):
            maker.take(packet)
    for _, _, maker in makers:
        maker.end()


def _timed(source: InputContainer, stream: Any, maker: Any) -> Iterator[tuple[float, int, Packet[Any], Any]]:
    latest = -math.inf
    for packet in source.demux(stream):
        if packet.dts is not None:
            latest = max(latest, float(packet.dts * stream.time_base))
        yield latest, stream.index, packet, maker
        if maker.finished:
            return


def _copies(found: Found) -> bool:
    return found.media.codec == "h264" and found.pixels in PIXELS_TAKEN and found.turn == 1


def _is_aac(stream: Any) -> bool:
    return stream.codec_context is not None and stream.codec.canonical_name == "aac"


def _as_it_is(found: Found) -> Plan:
    size = (found.media.width - found.media.width % 2, found.media.height - found.media.height % 2)
    return Plan(
        geometry=Geometry(size, size, size),
        recode=True,
        seconds=found.media.seconds,
        rate=even_rate(found.beat if found.media.variable else found.media.fps),
    )
