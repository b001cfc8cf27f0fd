"""How big a picture becomes, and what is cut off or added beside it: pure arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.order import Fit

if TYPE_CHECKING:
    from bot.media.limits import Limits

Size = tuple[int, int]  # width and height


@dataclass(frozen=True, slots=True)
class Geometry:
    """Three steps, each centred: keep ``crop`` of the picture, scale it to ``scale``, lay it on a ground of ``pad``."""

    crop: Size
    scale: Size
    pad: Size


def geometry(size: Size, limits: Limits, fit: Fit, *, even: bool = False) -> Geometry:
    """Return how a picture comes to keep the limits of its sides and, unless ``fit`` is NONE, of its shape.

    ``even``: the sides come out even, as video in 4:2:0 needs them. A side that is odd, and nothing else, loses one
    row; nothing is scaled for that.
    """
    step = 2 if even else 1
    crop = _narrowed(size, limits.shape) if fit is Fit.CROP else size
    factor = _factor(_ground(crop, limits, fit), limits)
    if factor == 1.0 and even:
        crop = _evened(crop, limits)
    ground = _ground(crop, limits, fit)
    pad = _kept((ground[0] * factor, ground[1] * factor), limits, step)
    if ground == crop:
        return Geometry(crop, pad, pad)
    scale = tuple(min(_stepped(side * factor, step), most) for side, most in zip(crop, pad, strict=True))
    return Geometry(crop, (scale[0], scale[1]), pad)


def _narrowed(size: Size, shape: int) -> Size:
    width, height = size
    return min(width, shape * height), min(height, shape * width)


def _ground(size: Size, limits: Limits, fit: Fit) -> Size:
    if fit is not Fit.PAD:
        return size
    width, height = size
    return max(width, -(-height // limits.shape)), max(height, -(-width // limits.shape))


def _factor(size: Size, limits: Limits) -> float:
    shorter, longer = sorted(size)
    if longer > limits.side_max:
        return limits.side_max / longer
    return max(1.0, limits.side_min / shorter)


def _evened(size: Size, limits: Limits) -> Size:
    width, height = (max(1, side - side % 2) for side in size)
    if max(size) > limits.shape * min(size):  # a shape that is not to be mended by cropping
        return width, height
    return _narrowed((width, height), limits.shape)


def _kept(size: tuple[float, float], limits: Limits, step: int) -> Size:
    width, height = (min(max(_stepped(side, step), limits.side_min), limits.side_max) for side in size)
    return _narrowed((width, height), limits.shape)


def _stepped(side: float, step: int) -> int:
    return max(step, round(side / step) * step)
