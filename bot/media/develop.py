"""Making a picture anew so that it fits. Runs in the child process."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING

from PIL import Image, ImageCms

from bot.media.limits import LIMITS
from bot.order import Role

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from typing_extensions import Buffer

    from bot.media.shape import Geometry, Size

GROUND = (255, 255, 255)  # white, as a page is
PREVIEW_SIDE = 1024

_BEST, _WORST = 95, 40  # JPEG qualities: beyond the first only the size grows, below the second faces suffer
_SHRINK = 0.85
_LOSSLESS = frozenset({"png", "gif", "bmp", "tiff", "psd", "ico", "ppm"})
_TURNS: Mapping[int, Image.Transpose] = {  # by EXIF's count
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def developed(image: Image.Image, geometry: Geometry, turn: int) -> Image.Image:
    """Return the picture upright, in plain colours, of the size that was planned, and without any notes."""
    profile = image.info.get("icc_profile")
    crop, scale = (_lying(size, turn) for size in (geometry.crop, geometry.scale))
    image = _scaled(_plain(image), crop, scale)
    if turn in _TURNS:
        image = image.transpose(_TURNS[turn])
    image = _usual_colours(_flattened(image), profile)
    return _padded(image, geometry.pad)


def _lying(size: Size, turn: int) -> Size:
    """Return a size as it is before the turn."""
    return size if turn < 5 else (size[1], size[0])


def _plain(image: Image.Image) -> Image.Image:
    """Return the same in RGB, RGBA, grey, or in CMYK, which only its profile can translate."""
    if image.mode in {"RGB", "L"} and not image.has_transparency_data:
        return image
    if image.mode in {"I", "F"} or image.mode.startswith("I;"):
        return _eight_bits(image)
    if image.mode in {"CMYK", "RGBA"}:
        return image
    return image.convert("RGBA" if image.has_transparency_data else "L" if image.mode == "1" else "RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    wide = image.convert("F")
    _, highest = wide.getextrema()
    assert isinstance(highest, float)  # noqa: S101 -- one channel, so one pair of numbers
    top = 65535.0 if image.mode != "F" and highest > 255 else max(highest, 1.0) if image.mode == "F" else 255.0
    return wide.point(lambda value: value * (255.0 / top) + 0.0).convert("L")


def _scaled(image: Image.Image, crop: Size, scale: Size) -> Image.Image:
    if image.size == crop == scale:
        return image
    left, top = (image.width - crop[0]) / 2, (image.height - crop[1]) / 2
    if crop == scale:
        return image.crop((int(left), int(top), int(left) + crop[0], int(top) + crop[1]))
    box = (left, top, left + crop[0], top + crop[1])
    return image.resize(scale, Image.Resampling.LANCZOS, box=box, reducing_gap=3.0)


def _flattened(image: Image.Image) -> Image.Image:
    if image.mode != "RGBA":
        return image
    ground = Image.new("RGB", image.size, GROUND)
    ground.paste(image, mask=image.getchannel("A"))
    return ground


def _usual_colours(image: Image.Image, profile: object) -> Image.Image:
    """Return the picture in sRGB, which is what a picture without a profile is taken to be in."""
    if isinstance(profile, bytes) and image.mode in {"RGB", "CMYK"}:
        try:
            source, target = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
        except (ImageCms.PyCMSError, OSError, ValueError):
            converted = None  # a damaged profile, or one for other colours
        if converted is not None:
            return converted
    return image if image.mode in {"RGB", "L"} else image.convert("RGB")


def _padded(image: Image.Image, pad: Size) -> Image.Image:
    if image.size == pad:
        return image
    ground = Image.new("RGB", pad, GROUND)
    ground.paste(image, ((pad[0] - image.width) // 2, (pad[1] - image.height) // 2))
    return ground


class _Full(Exception):
    """What is written is longer than it may be."""


class _Bounded(io.BytesIO):
    def __init__(self, limit: int) -> None:
        super().__init__()
        self._limit = limit

    def write(self, data: Buffer, /) -> int:
        if self.tell() + memoryview(data).nbytes > self._limit:
            raise _Full
        return super().write(data)


def save(image: Image.Image, to: Path, *, was: str) -> str:
    """Write the picture as well as the service's limit of bytes allows, and return its format.

    What came without loss leaves as PNG if that fits; anything else as JPEG of the highest quality that does.
    """
    image.info.clear()  # some writers would take notes from there
    limit = LIMITS[Role.IMAGE].size
    if was in _LOSSLESS and (data := _written(image, limit, format="PNG")) is not None:
        to.write_bytes(data)
        return "png"
    to.write_bytes(_best_jpeg(image, limit))
    return "jpeg"


def _written(image: Image.Image, limit: int, **how: object) -> bytes | None:
    file = _Bounded(limit)
    try:
        image.save(file, **how)  # type: ignore[arg-type]
    except _Full:
        return None
    return file.getvalue()


def _best_jpeg(image: Image.Image, limit: int) -> bytes:
    if (data := _written(image, limit, format="JPEG", quality=_BEST, subsampling=0)) is not None:
        return data
    if (best := _written(image, limit, format="JPEG", quality=_WORST)) is not None:
        low, high = _WORST + 1, _BEST
        while low <= high:
            quality = (low + high) // 2
            data = _written(image, limit, format="JPEG", quality=quality)
            best = data or best
            low, high = (quality + 1, high) if data is not None else (low, quality - 1)
        return best
    # The longer side rounded down, the shorter one up: the shape must not leave its limits by a pixel.
    longer = max(image.size)
    width, height = (int(side * _SHRINK) if side == longer else math.ceil(side * _SHRINK) for side in image.size)
    return _best_jpeg(image.resize((width, height), Image.Resampling.LANCZOS), limit)


def preview(image: Image.Image, turn: int, to: Path) -> None:
    """Write a small JPEG of the picture, as it is to be shown."""
    small = _plain(image)
    small = small.resize(_within(small.size), Image.Resampling.LANCZOS, reducing_gap=2.0)
    small = small.transpose(_TURNS[turn]) if turn in _TURNS else small
    small = _usual_colours(_flattened(small), image.info.get("icc_profile"))
    small.info.clear()
    small.save(to, format="JPEG", quality=85)


def _within(size: Size) -> Size:
    factor = min(1.0, PREVIEW_SIDE / max(size))
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))
