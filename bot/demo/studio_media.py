"""The stand-in's own look at what it fetched: whether it can be decoded and keeps to the documented limits.

Deliberately independent of ``bot.media``, so that a mistake there is not confirmed here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import av
from PIL import Image

from bot.demo.studio_state import TaskError
from bot.order import Role

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from av.container import InputContainer

MB = 10**6  # the reference does not say which megabyte it means: the stricter one here
MAX_BYTES: Mapping[Role, int] = {Role.IMAGE: 5 * MB, Role.VIDEO: 200 * MB}
SECONDS = (2.0, 30.0)
SLACK = 0.1  # seconds; a clip cut at 30 s ends on a whole frame and a whole sound packet
_UNDECODABLE = (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning)
_OPTIONS = {"format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,avi", "protocol_whitelist": "file"}


def check_input(role: Role, path: Path) -> None:
    """Decode one input and compare it with the limits. Raises ``TaskError`` with the vendor's code. Blocks."""
    if path.stat().st_size > MAX_BYTES[role]:
        raise TaskError("InvalidFile.Size", f"The {role} is larger than {MAX_BYTES[role] // MB} MB.")
    if role is Role.IMAGE:
        _check_image(path)
    else:
        _check_video(path)


def _check_image(path: Path) -> None:
    try:
        with Image.open(path, formats=("JPEG", "PNG", "BMP", "WEBP")) as image:
            width, height = image.size
            if _fits(width, height, most=4096):
                image.load()
    except _UNDECODABLE as error:
        raise TaskError("InvalidImage.FileFormat", "Failed to decode the image.") from error
    if not _fits(width, height, most=4096):
        raise TaskError("InvalidImage.ImageSize", f"The image is {width}x{height}.")


def _check_video(path: Path) -> None:
    try:
        with av.open(str(path), options=dict(_OPTIONS)) as container:
            width, height, seconds = _measure(container)
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise TaskError("InvalidVideo.FileFormat", "Invalid video type. Only mp4/mov/avi is supported.") from error
    if not (min(width, height) >= 200 and max(width, height) <= 2048):
        raise TaskError("InvalidFile.Resolution", f"The video is {width}x{height}.")
    if not _fits(width, height, most=2048):
        raise TaskError("InvalidFile.AspectRatio", f"The video is {width}x{height}.")
    if not SECONDS[0] - SLACK <= seconds <= SECONDS[1] + SLACK:
        raise TaskError("InvalidFile.Duration", f"The video is {seconds:.2f} s long.")


def _measure(container: InputContainer) -> tuple[int, int, float]:
    """Return width, height and length. ValueError for a file without pictures, or with its end missing."""
    if not container.streams.video:
        raise ValueError("no video stream")
    stream = container.streams.video[0]
    size: tuple[int, int] | None = None
    begin, end = float("inf"), 0.0
    for packet in container.demux(stream):
        if packet.is_corrupt:
            raise ValueError("cut off")
        if size is None:
            size = next(((frame.width, frame.height) for frame in packet.decode()), None)
        stamp = packet.dts if packet.pts is None else packet.pts
        if stamp is not None and packet.size and packet.time_base is not None:
            unit = packet.time_base.numerator / packet.time_base.denominator
            begin = min(begin, stamp * unit)
            end = max(end, (stamp + (packet.duration or 0)) * unit)
    if size is None:
        raise ValueError("no frame")
    return *size, end - begin


def _fits(width: int, height: int, *, most: int) -> bool:
    shorter, longer = sorted((width, height))
    return shorter >= 200 and longer <= most and longer <= 3 * shorter
