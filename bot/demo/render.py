"""The practice render: a real video made from both inputs, marked as what it is.

It shows what went in and which of the two jobs it was; it does not try to look like the real service's work.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import av
from PIL import Image, ImageOps

from bot.demo.render_film import Frames, Sound, film_frame
from bot.demo.render_scene import Scene
from bot.order import Kind, Quality

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from av.container import InputContainer, OutputContainer
    from av.video.stream import VideoStream

FPS = {Quality.STANDARD: 15, Quality.PRO: 25}
PIXELS = 1280 * 720  # of the service's "720P class"; the shape follows an input
FAST_PIXELS = 128 * 128
_STEP = 16  # both sides are whole macroblocks, as the service's are
_UNDECODABLE = (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning)


class Unrenderable(Exception):
    """An input cannot be decoded, or the render was told to stop."""


def render(
    image: Path,
    video: Path,
    to: Path,
    *,
    kind: Kind,
    quality: Quality,
    watermark: bool,
    fast: bool = False,
    stop: Callable[[], bool] = lambda: False,
) -> float:
    """Write an MP4 made from both inputs and return its length in seconds: the video's, to a whole frame.

    ``fast`` makes it tiny and looks at key frames only. Once ``stop`` says so, it gives up. Raises ``Unrenderable``.
    Blocks; memory does not grow with the length.
    """
    try:
        picture = _picture(image)
        with av.open(str(video)) as source, av.open(str(video)) as again:
            frames = Frames(source, key_frames_only=fast)
            shape = picture.size if kind is Kind.ANIMATE else frames.size
            plan = _Plan(FPS[quality], _fitted(*shape, FAST_PIXELS if fast else PIXELS), fast=fast, stop=stop)
            scene = Scene(picture, plan.size, kind=kind, quality=quality, watermark=watermark)
            with av.open(str(to), "w", format="mp4", options={"movflags": "+faststart"}) as output:
                return _write(output, plan, frames, scene, again)
    except (av.error.FFmpegError, *_UNDECODABLE) as error:
        raise Unrenderable(f"{type(error).__name__} while rendering") from error


@dataclass(frozen=True, slots=True)
class _Plan:
    fps: int
    size: tuple[int, int]
    fast: bool
    stop: Callable[[], bool]

    def add_picture(self, output: OutputContainer) -> VideoStream:
        preset = {"preset": "ultrafast" if self.fast else "veryfast", "crf": "26"}
        stream = output.add_stream("libx264", rate=self.fps, options=preset)
        stream.width, stream.height = self.size
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = 1 if self.fast else 2
        return stream


def _write(output: OutputContainer, plan: _Plan, frames: Frames, scene: Scene, source: InputContainer) -> float:
    stream = plan.add_picture(output)
    sound = Sound(source, output)
    seconds = 0.0
    for index, frame in enumerate(frames.at_rate(plan.fps)):
        if plan.stop():
            raise Unrenderable("told to stop")
        made = film_frame(scene.draw(frame))
        made.pts, made.time_base = index, Fraction(1, plan.fps)
        seconds = (index + 1) / plan.fps
        for packet in (*stream.encode(made), *sound.until(seconds)):
            output.mux(packet)
    for packet in (*stream.encode(None), *sound.rest()):
        output.mux(packet)
    return seconds


def _picture(path: Path) -> Image.Image:
    with Image.open(path, formats=("JPEG", "PNG", "BMP", "WEBP")) as image:
        upright = ImageOps.exif_transpose(image)
        if upright.mode in {"RGBA", "LA", "PA", "P"}:
            upright = upright.convert("RGBA")
            ground = Image.new("RGBA", upright.size, "white")
            upright = Image.alpha_composite(ground, upright)
        return upright.convert("RGB")


def _fitted(width: int, height: int, pixels: int) -> tuple[int, int]:
    """The sides of the same shape with about so many pixels."""
    scale = math.sqrt(pixels / (width * height))
    return _stepped(width * scale), _stepped(height * scale)


def _stepped(side: float) -> int:
    return max(_STEP, round(side / _STEP) * _STEP)
