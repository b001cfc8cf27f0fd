"""Opening a picture with Pillow. Runs in the child process."""

from __future__ import annotations

import struct
import warnings
from typing import TYPE_CHECKING

from PIL import Image

from bot.job import Media, Role
from bot.media.limits import LIMITS, Rule, Unfit
from bot.media.sniff import HEAD, webp_pixels

if TYPE_CHECKING:
    from pathlib import Path

# Everything that could fit is decoded. What lies between the two is measured by its header and refused by its sides;
# the service's own limit is 16.8 million, the biggest telephone cameras make 200 million.
DECODE_PIXELS = LIMITS[Role.IMAGE].side_max ** 2
OPEN_PIXELS = 200_000_000

_ORIENTATION = 0x0112  # an EXIF tag; 5 to 8 are quarter turns


def inspect_picture(path: Path, kind: str) -> Media:
    """Return what the picture is, having decoded all of it if its size could fit.

    Raises ``Unfit`` for a picture of too many pixels, and whatever Pillow raises for a damaged one.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # damaged notes and the like: nobody reads it
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        Image.MAX_IMAGE_PIXELS = OPEN_PIXELS
        try:
            return _inspect(path, kind)
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise Unfit(Rule.PIXELS, found=f"more than {OPEN_PIXELS // 10**6} megapixels") from error


def _inspect(path: Path, kind: str) -> Media:
    if (canvas := _webp_canvas(path, kind)) is not None and canvas[0] * canvas[1] > DECODE_PIXELS:
        return _media(path, kind, *canvas)
    with Image.open(path, formats=(kind,)) as image:
        width, height = image.size
        turned = _is_turned(image)
        if width * height <= DECODE_PIXELS:
            image.verify()  # checks more than decoding does (a PNG's sums) and leaves the image unusable
            with Image.open(path, formats=(kind,)) as again:
                again.load()
    return _media(path, kind, *((height, width) if turned else (width, height)))


def _webp_canvas(path: Path, kind: str) -> tuple[int, int] | None:
    if kind != "webp":
        return None
    with path.open("rb") as file:
        canvas = webp_pixels(file.read(HEAD))
    if canvas is None:
        raise Unfit(Rule.CORRUPT)
    return canvas


def _is_turned(image: Image.Image) -> bool:
    exif = Image.Exif()  # not image.getexif(): a PNG's decodes the whole picture
    try:
        exif.load(image.info.get("exif", b""))
        return exif.get(_ORIENTATION, 1) in {5, 6, 7, 8}
    except (OSError, SyntaxError, ValueError, TypeError, LookupError, struct.error):
        return False  # damaged notes do not make a bad picture


def _media(path: Path, kind: str, width: int, height: int) -> Media:
    return Media(format=kind, size=path.stat().st_size, width=width, height=height)
