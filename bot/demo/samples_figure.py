"""Drawing a person in flat shapes: the sample character, and a dancer in any pose."""

from __future__ import annotations

import math
from dataclasses import dataclass

from PIL import Image, ImageDraw

SIZE = (768, 1024)
_FINE = 2  # drawn this much larger, then reduced: smooth edges

Point = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A person's colours."""

    skin: str = "#e9b48f"
    shade: str = "#d39a74"
    hair: str = "#4a2c2a"
    top: str = "#ef6f53"
    trousers: str = "#2f4a6d"
    shoes: str = "#f5efe6"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pose:
    """Where a person is and how the limbs are held. Angles in degrees: 0 hangs down, positive outwards."""

    hip: Point
    scale: float  # pixels; a person is about 7.4 of these tall
    lean: float = 0.0
    head: float = 0.0
    arms: tuple[Point, Point] = ((18, 10), (18, 10))  # left and right: upper arm, and what the elbow adds
    legs: tuple[Point, Point] = ((6, 0), (6, 0))
    smile: float = 1.0


class Brush:
    """Draws round, thick shapes in one unit of length."""

    def __init__(self, image: Image.Image, unit: float) -> None:
        self._draw = ImageDraw.Draw(image)
        self._unit = unit

    def limb(self, points: list[Point], width: float, colour: str) -> None:
        """A thick line with round ends and joints."""
        thick = width * self._unit
        self._draw.line(points, fill=colour, width=round(thick), joint="curve")
        for point in points:
            self.disc(point, width / 2, colour)

    def disc(self, centre: Point, radius: float, colour: str, *, flat: float = 1.0) -> None:
        """A filled circle; ``flat`` is its height in parts of its width."""
        reach, high = radius * self._unit, radius * self._unit * flat
        box = (centre[0] - reach, centre[1] - high, centre[0] + reach, centre[1] + high)
        self._draw.ellipse(box, fill=colour)

    def shape(self, points: list[Point], colour: str) -> None:
        """A filled polygon."""
        self._draw.polygon(points, fill=colour)

    def arc(self, centre: Point, radius: float, angles: Point, width: float, colour: str) -> None:
        """A part of a circle's line, angles clockwise from the right."""
        reach = radius * self._unit
        box = (centre[0] - reach, centre[1] - reach, centre[0] + reach, centre[1] + reach)
        self._draw.arc(box, *angles, fill=colour, width=max(1, round(width * self._unit)))


def draw_person(image: Image.Image, pose: Pose, look: Look) -> None:
    """Draw a whole person, face to the viewer, over what is there."""
    brush = Brush(image, pose.scale)
    neck = _from(pose.hip, 180 + pose.lean, 2.15 * pose.scale)
    for side, (thigh, knee) in zip((-1, 1), pose.legs, strict=True):
        _leg(brush, pose, look, side, (thigh, knee))
    _trunk(brush, pose, look, neck)
    for side, arm in zip((-1, 1), pose.arms, strict=True):
        _arm(brush, pose, look, (side, neck), arm)
    _head(brush, pose, look, _from(neck, 180 + pose.lean + pose.head, 1.05 * pose.scale))


def _from(start: Point, angle: float, length: float) -> Point:
    """The point so far away: 0 degrees is down, 90 to the right."""
    turn = math.radians(angle)
    return start[0] + math.sin(turn) * length, start[1] + math.cos(turn) * length


def _leg(brush: Brush, pose: Pose, look: Look, side: int, angles: Point) -> None:
    unit = pose.scale
    top = (pose.hip[0] + side * 0.38 * unit, pose.hip[1] + 0.1 * unit)
    knee = _from(top, side * angles[0], 1.5 * unit)
    ankle = _from(knee, side * (angles[0] - angles[1]), 1.45 * unit)
    brush.limb([top, knee, ankle], 0.66, look.trousers)
    toe = (ankle[0] + side * 0.26 * unit, ankle[1] + 0.26 * unit)
    brush.limb([(ankle[0], ankle[1] + 0.26 * unit), toe], 0.4, look.shoes)


def _trunk(brush: Brush, pose: Pose, look: Look, neck: Point) -> None:
    unit = pose.scale
    brush.limb([neck, _from(neck, 180 + pose.lean, 0.5 * unit)], 0.5, look.shade)
    shoulders = [_from(_from(neck, pose.lean, 0.25 * unit), pose.lean + turn, 0.62 * unit) for turn in (-90, 90)]
    hips = [(pose.hip[0] + side * 0.42 * unit, pose.hip[1]) for side in (1, -1)]
    waist = [(pose.hip[0] + side * 0.74 * unit, pose.hip[1]) for side in (1, -1)]
    brush.limb([*shoulders], 0.62, look.top)
    sides = [_from(at, pose.lean + turn, 0.3 * unit) for at, turn in zip(shoulders, (-90, 90), strict=True)]
    brush.shape([*sides, *waist], look.top)
    brush.limb(hips, 0.66, look.top)
    brush.disc(_from(neck, pose.lean, 0.02 * unit), 0.34, look.shade, flat=0.7)


def _arm(brush: Brush, pose: Pose, look: Look, at: tuple[int, Point], angles: Point) -> None:
    unit, (side, neck) = pose.scale, at
    shoulder = _from(_from(neck, pose.lean, 0.28 * unit), pose.lean + side * 90, 0.72 * unit)
    elbow = _from(shoulder, pose.lean + side * angles[0], 1.05 * unit)
    hand = _from(elbow, pose.lean + side * (angles[0] + angles[1]), 1.0 * unit)
    brush.limb([elbow, hand], 0.36, look.skin)
    brush.disc(_from(hand, pose.lean + side * (angles[0] + angles[1]), 0.08 * unit), 0.26, look.skin)
    brush.limb([shoulder, elbow], 0.5, look.top)


def _head(brush: Brush, pose: Pose, look: Look, centre: Point) -> None:
    unit, tilt = pose.scale, pose.lean + pose.head

    def on_face(right: float, down: float) -> Point:
        return _from(_from(centre, tilt + 90, right * unit), tilt, down * unit)

    brush.disc(on_face(0, -0.16), 0.92, look.hair)
    for side in (-1, 1):
        brush.disc(on_face(side * 0.8, 0.28), 0.3, look.hair, flat=1.5)
        brush.disc(on_face(side * 0.76, 0.12), 0.17, look.shade)
    brush.disc(on_face(0, 0.08), 0.76, look.skin, flat=1.06)
    brush.shape(
        [on_face(*at) for at in ((-0.78, -0.1), (-0.5, -0.72), (0.4, -0.8), (0.78, -0.12), (0.2, -0.42))], look.hair
    )
    for side in (-1, 1):
        brush.disc(on_face(side * 0.3, 0.08), 0.105, "#2b2230", flat=1.25)
        brush.disc(on_face(side * 0.3 + 0.035, 0.04), 0.035, "#ffffff")
        brush.disc(on_face(side * 0.48, 0.36), 0.13, "#f0957e", flat=0.65)
        brush.limb([on_face(side * 0.21, -0.21), on_face(side * 0.41, -0.2)], 0.06, look.hair)
    brush.limb([on_face(0, 0.2), on_face(0.03, 0.29)], 0.05, look.shade)
    brush.arc(on_face(0, 0.3), 0.24 * pose.smile, (25 - tilt, 155 - tilt), 0.07, "#8c3b3b")


def portrait(size: tuple[int, int]) -> Image.Image:
    """Draw the character: standing, facing the viewer, hands visible, in a sunny place."""
    width, height = size[0] * _FINE, size[1] * _FINE
    image = Image.new("RGB", (width, height))
    _meadow(image)
    pose = Pose(hip=(width * 0.5, height * 0.575), scale=height / 9.2, arms=((24, 12), (128, 26)), head=-3)
    draw_person(image, pose, Look())
    return image.reduce(_FINE)


def _meadow(image: Image.Image) -> None:
    width, height = image.size
    sky = Image.linear_gradient("L").resize(image.size)
    image.paste(Image.composite(Image.new("RGB", image.size, "#fdf0d5"), Image.new("RGB", image.size, "#8fd0ea"), sky))
    brush = Brush(image, height)
    brush.disc((width * 0.17, height * 0.17), 0.075, "#ffd166")
    for x, y, radius in ((0.7, 0.1, 0.033), (0.78, 0.085, 0.048), (0.87, 0.1, 0.035)):
        brush.disc((width * x, height * y), radius, "#ffffff", flat=0.8)
    brush.disc((width * 0.12, height * 1.06), 0.46, "#9ccf8a")
    brush.disc((width * 0.95, height * 1.12), 0.52, "#86c17c")
    brush.disc((width * 0.5, height * 1.3), 0.5, "#6fb06a", flat=0.92)
    brush.disc((width * 0.52, height * 0.935), 0.2, "#5b9a58", flat=0.13)
    for x, y, colour in (
        (0.1, 0.86, "#ffd166"),
        (0.2, 0.93, "#ffffff"),
        (0.86, 0.9, "#f7a1a1"),
        (0.78, 0.96, "#ffd166"),
    ):
        brush.disc((width * x, height * y), 0.012, colour)
        brush.disc((width * x, height * y), 0.005, "#c77d3a")
