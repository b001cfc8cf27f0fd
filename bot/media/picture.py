"""Opening a picture with Pillow. Runs in the child process."""

from __future__ import annotations

import importlib
import struct
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

from PIL import Image

from bot.job import Media
from bot.media.limits import LIMITS, MENDABLE, Rule, Unfit
from bot.media.notes import bare
from bot.media.sniff import HEAD, webp_pixels
from bot.media.verdict import Found
from bot.order import Role

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

DECODE_PIXELS = MENDABLE[Role.IMAGE].pixels
OPEN_PIXELS = 200_000_000  # the biggest telephone cameras; beyond it Pillow does not even read the header to its end
THREADS = 2

_ORIENTATION = 0x0112  # an EXIF tag
_READERS: Mapping[str, tuple[str, str]] = {  # Pillow's name, and the module that brings it
    "jpeg": ("JPEG", "PIL.JpegImagePlugin"),
    "png": ("PNG", "PIL.PngImagePlugin"),
    "bmp": ("BMP", "PIL.BmpImagePlugin"),
    "webp": ("WEBP", "PIL.WebPImagePlugin"),
    "avif": ("AVIF", "PIL.AvifImagePlugin"),
    "tiff": ("TIFF", "PIL.TiffImagePlugin"),
    "gif": ("GIF", "PIL.GifImagePlugin"),
    "jp2": ("JPEG2000", "PIL.Jpeg2KImagePlugin"),
    "psd": ("PSD", "PIL.PsdImagePlugin"),
    "ico": ("ICO", "PIL.IcoImagePlugin"),
    "ppm": ("PPM", "PIL.PpmImagePlugin"),
    "heic": ("HEIF", "pillow_heif"),
}
_MOVING = frozenset({"gif", "png", "webp", "avif", "tiff"})
_PLAIN_MODES = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA"})
_DEEP_PNG = 16  # bits for each colour


def inspect_picture(path: Path, kind: str) -> Found:
    """Return what the picture is, having decoded all of it. Raises as ``opened`` does."""
    with opened(path, kind) as (_, found):
        return found


@contextmanager
def opened(path: Path, kind: str) -> Iterator[tuple[Image.Image, Found]]:
    """Give the picture, wholly decoded, and what it is.

    Raises ``Unfit`` for a picture of too many pixels, before it is decoded, and whatever Pillow raises for a damaged
    one.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # damaged notes and the like: nobody reads it
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        Image.MAX_IMAGE_PIXELS = OPEN_PIXELS
        _check_canvas(path, kind)
        reader = _reader(kind)
        if kind == "png":
            with _admitted(path, reader) as image:
                image.verify()  # checks more than decoding does (the sums) and leaves the image unusable
        with _admitted(path, reader) as image:
            image.load()
            yield image, _found(path, kind, image)


def _reader(kind: str) -> str:
    name, module = _READERS[kind]
    plugin = importlib.import_module(module)
    if kind == "heic":
        plugin.register_heif_opener(decode_threads=THREADS, thumbnails=False, depth_images=False, aux_images=False)
    if kind == "avif":
        plugin.DEFAULT_MAX_THREADS = THREADS  # type: ignore[attr-defined]  # else as many as there are cores
    return name


@contextmanager
def _admitted(path: Path, reader: str) -> Iterator[Image.Image]:
    try:
        with Image.open(path, formats=(reader,)) as image:
            _check_pixels(*image.size)
            yield image
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_many(f"more than {OPEN_PIXELS // 10**6} megapixels") from error


def _check_pixels(width: int, height: int) -> None:
    if width * height > DECODE_PIXELS:
        raise _too_many(f"{width * height // 10**6} megapixels")


def _too_many(found: str) -> Unfit:
    return Unfit(Rule.PIXELS, found=found, limit=f"{DECODE_PIXELS // 10**6} megapixels")


def _check_canvas(path: Path, kind: str) -> None:
    if kind != "webp":
        return
    with path.open("rb") as file:
        canvas = webp_pixels(file.read(HEAD))
    if canvas is None:
        raise Unfit(Rule.CORRUPT)
    _check_pixels(*canvas)


def _found(path: Path, kind: str, image: Image.Image) -> Found:
    turn = _turn(image)
    width, height = image.size if turn < 5 else image.size[::-1]
    size = path.stat().st_size
    stripped, notes, unread = 0, False, False
    if size <= 2 * LIMITS[Role.IMAGE].size:  # a bigger one is made anew in any case
        try:
            data, notes = bare(path.read_bytes(), kind)
            stripped = len(data)
        except ValueError:
            unread = True
    return Found(
        media=Media(format=kind, size=size, width=width, height=height),
        bare=stripped or size,
        notes=notes,
        unread=unread,
        turn=turn,
        colours=_colours(path, kind, image),
        alpha=is_transparent(image),
        moving=kind in _MOVING and getattr(image, "is_animated", False),
    )


def _turn(image: Image.Image) -> int:
    exif = Image.Exif()  # not image.getexif(): it looks in more places than a reader of pictures does
    try:
        exif.load(image.info.get("exif", b""))
        turn = exif.get(_ORIENTATION, 1)
    except (OSError, SyntaxError, ValueError, TypeError, LookupError, struct.error):
        return 1  # damaged notes do not make a bad picture
    return turn if isinstance(turn, int) and 1 <= turn <= 8 else 1


def _colours(path: Path, kind: str, image: Image.Image) -> str:
    if kind == "png":
        with path.open("rb") as file:
            return "16-bit" if file.read(HEAD)[24:25] == bytes([_DEEP_PNG]) else ""
    if image.mode in _PLAIN_MODES:
        return ""
    return {"I": "32-bit", "F": "32-bit"}.get(image.mode, "16-bit" if image.mode.startswith("I;") else image.mode)


def is_transparent(image: Image.Image) -> bool:
    """Return whether something lies behind the picture: a channel for it that hides nothing does not count."""
    if not image.has_transparency_data:
        return False
    alpha = image if image.mode in {"RGBA", "LA"} else image.convert("RGBA")
    darkest, _ = alpha.getchannel("A").getextrema()
    return isinstance(darkest, int) and darkest < 255
