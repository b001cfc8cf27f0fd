"""Sample media that the project makes itself: a drawn character, and a drawn dancer with a tune.

Everything is drawn by formula, so there is no licence to mind and no file to keep. What was made once in a process is
only copied afterwards.
"""

from __future__ import annotations

import functools
import io
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from bot.demo import samples_dance
from bot.demo.samples_figure import SIZE, portrait

if TYPE_CHECKING:
    from PIL import Image

_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".bmp": "BMP", ".webp": "WEBP"}


def character(to: Path) -> None:
    """Write the picture of a character, 768 by 1024 pixels, in the format of the name's ending."""
    to.write_bytes(_character(_FORMATS[to.suffix.lower()]))


def dancer(to: Path, *, seconds: float = 4.0, size: tuple[int, int] = samples_dance.SIZE) -> None:
    """Write an MP4 of a dancer: upright, 24 frames a second, H.264, with a tune in AAC. Blocks."""
    to.write_bytes(_dancer(seconds, size))


@functools.cache
def _portrait() -> Image.Image:
    return portrait(SIZE)


@functools.cache
def _character(kind: str) -> bytes:
    content = io.BytesIO()
    options = {"quality": 92} if kind in {"JPEG", "WEBP"} else {}
    _portrait().save(content, kind, **options)
    return content.getvalue()


@functools.cache
def _dancer(seconds: float, size: tuple[int, int]) -> bytes:
    # A real file, because moving the index to the front means reading again what was written.
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "dancer.mp4"
        samples_dance.film(path, seconds, size)
        return path.read_bytes()
