from __future__ import annotations

import time
from typing import TYPE_CHECKING

import av
import pytest
from PIL import Image, ImageChops, ImageStat

from bot.demo import samples
from bot.demo.render_film import picture
from bot.demo.samples_figure import SIZE, portrait
from bot.demo.studio_media import check_input
from bot.order import Role

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("name", ["c.png", "c.jpg", "c.bmp", "c.webp"])
def test_the_character_is_a_picture_of_its_names_format(tmp_path: Path, name: str) -> None:
    samples.character(tmp_path / name)
    with Image.open(tmp_path / name) as image:
        assert image.size == (768, 1024)
        assert image.format == {"jpg": "JPEG"}.get(name[2:], name[2:].upper())


def test_the_character_stands_in_the_middle_of_a_bright_place() -> None:
    image = portrait(SIZE)
    face = image.crop((330, 190, 440, 320))
    red, green, blue = ImageStat.Stat(face).median
    assert red > green > blue
    assert all(level > 120 for level in ImageStat.Stat(image).mean)


def test_the_dancer_is_a_video_with_sound_that_the_service_takes(tmp_path: Path) -> None:
    samples.dancer(tmp_path / "d.mp4", seconds=2.5)
    with av.open(str(tmp_path / "d.mp4")) as container:
        film, sound = container.streams.video[0], container.streams.audio[0]
        assert (film.codec_context.name, sound.codec_context.name) == ("h264", "aac")
        assert (film.width, film.height, film.frames) == (576, 1024, 60)
        assert container.duration == pytest.approx(2_500_000, abs=60_000)
        levels = [max(abs(level) for level in _levels(frame)) for frame in container.decode(sound)]
    assert max(levels) > 0.2
    check_input(Role.VIDEO, tmp_path / "d.mp4")


def _levels(frame: av.AudioFrame) -> memoryview[float]:
    return memoryview(bytes(frame.planes[0])).cast("f")


def test_the_dancer_dances_from_frame_to_frame(tmp_path: Path) -> None:
    samples.dancer(tmp_path / "d.mp4", seconds=2.0)
    with av.open(str(tmp_path / "d.mp4")) as container:
        frames = [picture(frame, (144, 256)) for frame in container.decode(video=0)]
    moved = [
        sum(ImageStat.Stat(ImageChops.difference(one, other)).mean)
        for one, other in zip(frames, frames[6:], strict=False)
    ]
    assert min(moved) > 3


def test_samples_are_the_same_every_time_and_made_once(tmp_path: Path) -> None:
    samples.dancer(tmp_path / "a.mp4", seconds=2.0)
    began = time.process_time()
    samples.dancer(tmp_path / "b.mp4", seconds=2.0)
    assert time.process_time() - began < 0.1
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_a_name_of_no_picture_format_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        samples.character(tmp_path / "c.gif")
