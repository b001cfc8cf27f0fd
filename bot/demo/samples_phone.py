"""The sample media as a telephone would have taken them: a HEIC picture, and an HEVC clip that lies on its side."""

from __future__ import annotations

import functools
import importlib.util
import tempfile
from pathlib import Path

from bot.demo.samples_dance import PHONE, film
from bot.demo.samples_figure import SIZE, portrait

CLIP_SECONDS = 3.0


def can_write_heic() -> bool:
    """Say whether the encoder for HEIC is installed."""
    return importlib.util.find_spec("pillow_heif") is not None


def heic(to: Path) -> None:
    """Write the character's picture as HEIC. ImportError where ``can_write_heic`` says no."""
    import pillow_heif  # noqa: PLC0415 -- not there on every platform

    picture = portrait(SIZE)
    pillow_heif.from_pillow(picture).save(str(to), quality=70)


def sideways(to: Path, *, seconds: float = CLIP_SECONDS) -> None:
    """Write a QuickTime clip of the dancer in HEVC: 1024 by 576 pixels, to be shown turned by a quarter. Blocks."""
    to.write_bytes(_sideways(seconds))


@functools.cache
def _sideways(seconds: float) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sideways.mov"
        film(path, seconds, PHONE)
        return path.read_bytes()
