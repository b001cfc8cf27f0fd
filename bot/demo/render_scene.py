"""What one frame of a practice render looks like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont, ImageOps

from bot.demo.render_film import picture, thumbnail
from bot.order import Kind

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

    from bot.order import Quality

_SIDE = 48  # of the thumbnails in which movement is looked for
_EASE = 0.3  # how quickly the character follows
_NOISE = 6  # differences of light below this are no movement


@dataclass(slots=True)
class Motion:
    """Where in the video something moves, smoothed: 0 to 1 from left and top. ``light`` is its mean light, 0 to 1."""

    x: float = 0.5
    y: float = 0.5
    light: float = 0.5
    _last: Image.Image | None = None

    def follow(self, frame: VideoFrame) -> None:
        """Look at one more frame."""
        now = thumbnail(frame, _SIDE)
        self.light += _EASE * (_mean(now) / 255 - self.light)
        if self._last is not None:
            moved = ImageChops.difference(now, self._last).point([max(0, light - _NOISE) for light in range(256)])
            self.x += _EASE * (_balance(moved.resize((_SIDE, 1), Image.Resampling.BOX), self.x) - self.x)
            self.y += _EASE * (_balance(moved.resize((1, _SIDE), Image.Resampling.BOX), self.y) - self.y)
        self._last = now


def _balance(line: Image.Image, default: float) -> float:
    weights = line.tobytes()
    total = sum(weights)
    return sum(place * weight for place, weight in enumerate(weights)) / total / (_SIDE - 1) if total else default


def _mean(image: Image.Image) -> float:
    return image.resize((1, 1), Image.Resampling.BOX).tobytes()[0]


class Scene:
    """Draws frame after frame. Animate: the picture's world, the video small in a corner. Swap: the other way round."""

    def __init__(
        self, image: Image.Image, size: tuple[int, int], *, kind: Kind, quality: Quality, watermark: bool
    ) -> None:
        self._size = size
        self._kind = kind
        self._motion = Motion()
        self._seen: VideoFrame | None = None
        self._drawn: Image.Image | None = None
        self._marks = [_mark(size, f"practice render: {kind}, {quality}", top=True)]
        self._marks += [_mark(size, "AI generated", top=False)] if watermark else []
        if kind is Kind.ANIMATE:
            self._ground = ImageOps.fit(image, size)
            self._cutout = self._ground.copy()
            self._cutout.putalpha(_oval(size, (0.04, -0.08, 0.96, 1.12)))
        else:
            self._cutout = _middle(image, size)
            self._mask = _oval(self._cutout.size, (0.08, 0.03, 0.92, 0.97))

    def draw(self, frame: VideoFrame) -> Image.Image:
        """Return the picture for the next frame; the same one for the same frame."""
        if self._drawn is None or frame is not self._seen:
            self._motion.follow(frame)
            self._drawn = self._animate(frame) if self._kind is Kind.ANIMATE else self._swap(frame)
            for mark, at in self._marks:
                self._drawn.paste(mark, at, mark)
            self._seen = frame
        return self._drawn

    def _animate(self, frame: VideoFrame) -> Image.Image:
        """The character leans and bobs with the movement; what is around it stands still."""
        width, height = self._size
        lean = 0.8 * (self._motion.x - 0.5) * width / height
        bob = 0.12 * (self._motion.y - 0.5) * height
        matrix = (1.0, lean, -lean * height, 0.0, 1.0, -bob)
        moved = self._cutout.transform(self._size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
        scene = self._ground.copy()
        scene.paste(moved, (0, 0), moved)
        self._inset(scene, frame)
        return scene

    def _inset(self, scene: Image.Image, frame: VideoFrame) -> None:
        upright = frame.rotation % 180 == 0
        shape = frame.width / frame.height if upright else frame.height / frame.width
        longer = 0.36 * min(self._size)
        width, height = (max(8, round(longer * part)) for part in (min(1.0, shape), min(1.0, 1 / shape)))
        border = max(1, width // 40)
        framed = ImageOps.expand(picture(frame, (width, height)), border, "white")
        gap = min(self._size) // 36
        scene.paste(framed, (gap, self._size[1] - framed.height - gap))

    def _swap(self, frame: VideoFrame) -> Image.Image:
        """The character stands where the movement is, as bright as the video is."""
        scene = picture(frame, self._size)
        light = min(1.25, 0.55 + self._motion.light)
        lit = self._cutout.point([min(255, round(level * light)) for level in range(256)] * 3)
        left = self._motion.x * self._size[0] - lit.width / 2
        top = (0.53 + 0.3 * (self._motion.y - 0.5)) * self._size[1] - lit.height / 2
        scene.paste(lit, (round(left), round(top)), self._mask)
        return scene


def _middle(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The picture's middle, as tall as a person in the video."""
    width, height = image.size
    middle = image.crop((round(width * 0.1), 0, round(width * 0.9), height))
    return ImageOps.contain(middle, (round(size[0] * 0.96), round(size[1] * 0.94)))


def _oval(size: tuple[int, int], box: tuple[float, float, float, float]) -> Image.Image:
    """A mask with a soft edge; the box in parts of the size. Drawn small: nobody sees that under the softness."""
    small = (64, 64)
    mask = Image.new("L", small, 0)
    left, top, right, bottom = (part * 64 for part in box)
    ImageDraw.Draw(mask).ellipse((left, top, right, bottom), fill=255)
    return mask.filter(ImageFilter.GaussianBlur(2.5)).resize(size, Image.Resampling.BICUBIC)


def _mark(size: tuple[int, int], text: str, *, top: bool) -> tuple[Image.Image, tuple[int, int]]:
    """Words on a dark label, and where they go: top left, or lower right as the service's own mark."""
    font = ImageFont.load_default(size=max(6, min(size) // 26))
    gap = min(size) // 36
    left, upper, right, lower = (round(edge) for edge in font.getbbox(text))
    width, height = right - left + 2 * gap, lower - upper + gap
    mark = Image.new("RGBA", (width, height), (0, 0, 0, 0))
    draw = ImageDraw.Draw(mark)
    draw.rounded_rectangle((0, 0, width - 1, height - 1), gap // 2, fill=(20, 20, 30, 165))
    draw.text((gap - left, gap // 2 - upper), text, font=font, fill=(255, 255, 255, 235))
    return mark, (gap, gap) if top else (size[0] - width - gap, size[1] - height - gap)
