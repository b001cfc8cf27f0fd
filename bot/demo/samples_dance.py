"""The sample dance: a drawn dancer on a stage, and the tune that goes with it."""

from __future__ import annotations

import array
import math
from fractions import Fraction
from typing import TYPE_CHECKING

import av
from PIL import Image

from bot.demo.render_film import film_frame
from bot.demo.samples_figure import Brush, Look, Pose, draw_person

if TYPE_CHECKING:
    from pathlib import Path

    from av.audio.stream import AudioStream
    from av.container import OutputContainer
    from av.packet import Packet

SIZE = (576, 1024)
FPS = 24
SOUND_RATE = 24_000
BEAT = 0.5  # seconds: 120 a minute
_FINE = 2
_TUNE = (0, 4, 7, 12, 9, 7, 4, 2)  # semitones above the ground note, one each half beat
_GROUND = 261.63  # hertz: middle C
_LOOK = Look(skin="#c68a63", shade="#a8704c", hair="#26222e", top="#f2c14e", trousers="#5d4e8c", shoes="#ffffff")


def film(to: Path, seconds: float, size: tuple[int, int]) -> None:
    """Write the dance as an MP4 of this width and height."""
    with av.open(str(to), "w", format="mp4", options={"movflags": "+faststart"}) as output:
        stream = output.add_stream("libx264", rate=FPS, options={"preset": "veryfast", "crf": "23"})
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = 2
        packets = sound(output, seconds)
        ground = stage(size)
        for index in range(round(seconds * FPS)):
            image = moment(ground, index / FPS)
            frame = film_frame(image)
            frame.pts, frame.time_base = index, Fraction(1, FPS)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
        output.mux(packets)


def sound(output: OutputContainer, seconds: float) -> list[Packet[AudioStream]]:
    """Add the tune to a film, and return what is to be written after its pictures."""
    stream = output.add_stream("aac", rate=SOUND_RATE)
    stream.codec_context.layout = "mono"
    samples = _tune(seconds)
    frame = av.AudioFrame(format="s16", layout="mono", samples=len(samples))
    frame.planes[0].update(samples.tobytes())
    frame.sample_rate, frame.pts, frame.time_base = SOUND_RATE, 0, Fraction(1, SOUND_RATE)
    return [*stream.encode(frame), *stream.encode(None)]


def _tune(seconds: float) -> array.array[int]:
    """Plucked notes over a drum on each beat. Once through, then again from the beginning."""
    step = SOUND_RATE * BEAT / 2
    samples = array.array("h")
    length, once = round(seconds * SOUND_RATE), round(step * len(_TUNE))
    for index in range(min(length, once)):
        note, since = divmod(index, step)
        age = since / SOUND_RATE
        pitch = _GROUND * 2 ** (_TUNE[int(note) % len(_TUNE)] / 12)
        turn = math.tau * pitch * age
        note_sound = (math.sin(turn) + 0.4 * math.sin(2 * turn)) * math.exp(-7 * age) * min(1.0, age * 400)
        beat = (index / SOUND_RATE) % BEAT
        drum = math.sin(math.tau * 58 * beat) * math.exp(-18 * beat) if beat < BEAT / 2 else 0.0
        samples.append(round(9_000 * note_sound + 9_000 * drum))
    return (samples * -(-length // once))[:length]


def stage(size: tuple[int, int] = SIZE) -> Image.Image:
    """Return the empty stage, twice as fine as ``moment`` returns it."""
    width, height = size[0] * _FINE, size[1] * _FINE
    shade = Image.linear_gradient("L").resize((width, height))
    image = Image.composite(Image.new("RGB", shade.size, "#7a5c99"), Image.new("RGB", shade.size, "#2d2a4a"), shade)
    brush = Brush(image, height)
    brush.shape([(width * 0.44, 0), (width * 0.56, 0), (width * 1.0, height * 0.86), (0, height * 0.86)], "#574a7d")
    brush.shape([(0, height * 0.8), (width, height * 0.8), (width, height), (0, height)], "#3a2f55")
    brush.disc((width / 2, height * 0.87), 0.25, "#8a76ad", flat=0.22)
    for index, colour in enumerate(("#f2c14e", "#ef6f53", "#7fc8a9", "#f2c14e", "#ef6f53", "#7fc8a9")):
        brush.disc((width * (0.08 + index * 0.168), height * 0.045), 0.014, colour)
    return image


def moment(ground: Image.Image, at: float) -> Image.Image:
    """Return the dancer on the stage at this time, in seconds."""
    image = ground.copy()
    draw_person(image, _pose(at, ground.size), _LOOK)
    return image.reduce(_FINE)


def _pose(at: float, size: tuple[int, int]) -> Pose:
    """Step to and fro over four beats, bounce on each, and swing the arms."""
    slow, beat = math.sin(math.tau * at / (4 * BEAT)), math.sin(math.tau * at / (2 * BEAT))
    bounce = abs(math.sin(math.pi * at / BEAT))
    width, height = size
    unit = height / 10.4
    return Pose(
        hip=(width * (0.5 + 0.13 * slow), height * 0.575 - 0.28 * unit * bounce),
        scale=unit,
        lean=7 * beat,
        head=-10 * beat,
        arms=((75 + 55 * beat, 30 + 30 * bounce), (75 - 55 * beat, 30 + 30 * bounce)),
        legs=((10 + 14 * max(0.0, beat), 10 * bounce), (10 + 14 * max(0.0, -beat), 10 * bounce)),
        smile=0.85 + 0.25 * bounce,
    )
