from __future__ import annotations

from typing import TYPE_CHECKING

import av
import pytest
from PIL import Image, ImageChops, ImageStat

from bot.demo import samples
from bot.demo.render import Unrenderable, render
from bot.demo.render_film import film_frame, picture
from bot.order import Kind, Quality

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("inputs")
    samples.character(folder / "c.png")
    samples.dancer(folder / "d.mp4", seconds=2.0)
    return folder / "c.png", folder / "d.mp4"


def _frames(path: Path) -> Iterator[Image.Image]:
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            yield picture(frame, (frame.width, frame.height))


def _silent(path: Path, size: tuple[int, int], count: int, *, fps: int = 12) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=fps)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        for index in range(count):
            shade = 40 + index * 3 % 200
            image = Image.new("RGB", size, (shade, 90, 200 - shade // 2))
            container.mux(stream.encode(film_frame(image)))
        container.mux(stream.encode(None))
    return path


def _apart(one: Image.Image, other: Image.Image) -> float:
    return sum(ImageStat.Stat(ImageChops.difference(one, other)).mean) / 3


def _part(image: Image.Image, box: tuple[float, float, float, float]) -> Image.Image:
    left, top, right, bottom = box
    width, height = image.size
    return image.crop((round(left * width), round(top * height), round(right * width), round(bottom * height)))


@pytest.mark.parametrize(("quality", "fps"), [(Quality.STANDARD, 15), (Quality.PRO, 25)])
@pytest.mark.parametrize("kind", Kind)
def test_a_render_is_a_playable_mp4_as_long_as_the_video(
    inputs: tuple[Path, Path], tmp_path: Path, kind: Kind, quality: Quality, fps: int
) -> None:
    seconds = render(*inputs, tmp_path / "r.mp4", kind=kind, quality=quality, watermark=True, fast=True)
    assert seconds == 2.0
    with av.open(str(tmp_path / "r.mp4")) as container:
        film, sound = container.streams
        assert (film.codec_context.name, sound.codec_context.name) == ("h264", "aac")
        assert container.streams.video[0].pix_fmt == "yuv420p"
        assert container.duration == pytest.approx(2_000_000, abs=60_000)
    assert len(list(_frames(tmp_path / "r.mp4"))) == 2 * fps
    assert (tmp_path / "r.mp4").read_bytes().index(b"moov") < (tmp_path / "r.mp4").read_bytes().index(b"mdat")


def test_a_whole_render_is_of_the_720p_class_in_the_shape_of_its_world(
    inputs: tuple[Path, Path], tmp_path: Path
) -> None:
    video = _silent(tmp_path / "wide.mp4", (640, 360), 8)
    sizes = {}
    for kind in Kind:
        render(inputs[0], video, tmp_path / "r.mp4", kind=kind, quality=Quality.STANDARD, watermark=False)
        sizes[kind] = next(_frames(tmp_path / "r.mp4")).size
    assert sizes[Kind.SWAP] == (1280, 720)
    assert sizes[Kind.ANIMATE] == (832, 1104)


def test_animate_shows_the_picture_and_swap_shows_the_video(inputs: tuple[Path, Path], tmp_path: Path) -> None:
    worlds = {}
    for kind in Kind:
        render(*inputs, tmp_path / "r.mp4", kind=kind, quality=Quality.STANDARD, watermark=False, fast=True)
        worlds[kind] = next(_frames(tmp_path / "r.mp4"))
    drawn = Image.open(inputs[0]).convert("RGB").resize(worlds[Kind.ANIMATE].size)
    dance = next(_frames(inputs[1])).resize(worlds[Kind.SWAP].size)
    trunk, edge = (0.3, 0.3, 0.7, 0.6), (0.0, 0.3, 0.06, 0.6)
    assert _apart(_part(worlds[Kind.ANIMATE], trunk), _part(drawn, trunk)) < 12
    assert _apart(_part(worlds[Kind.ANIMATE], edge), _part(drawn, edge)) < 12
    assert _apart(_part(worlds[Kind.SWAP], trunk), _part(dance, trunk)) > 30
    assert _apart(_part(worlds[Kind.SWAP], edge), _part(dance, edge)) < 12


def test_the_character_moves_with_the_video(inputs: tuple[Path, Path], tmp_path: Path) -> None:
    render(*inputs, tmp_path / "r.mp4", kind=Kind.ANIMATE, quality=Quality.STANDARD, watermark=False)
    frames = list(_frames(tmp_path / "r.mp4"))
    head = (0.3, 0.1, 0.7, 0.35)
    assert max(_apart(_part(frames[0], head), _part(frame, head)) for frame in frames) > 10


def test_the_mark_is_there_only_when_asked_for(inputs: tuple[Path, Path], tmp_path: Path) -> None:
    shown = []
    for watermark in (False, True):
        to = tmp_path / f"{watermark}.mp4"
        render(*inputs, to, kind=Kind.SWAP, quality=Quality.STANDARD, watermark=watermark, fast=True)
        frame = next(_frames(to))
        shown.append(frame.crop((frame.width // 2, frame.height * 9 // 10, frame.width, frame.height)))
    assert _apart(*shown) > 10


def test_a_video_without_sound_stays_silent(inputs: tuple[Path, Path], tmp_path: Path) -> None:
    video = _silent(tmp_path / "v.avi", (320, 240), 30)
    seconds = render(
        inputs[0], video, tmp_path / "r.mp4", kind=Kind.ANIMATE, quality=Quality.PRO, watermark=False, fast=True
    )
    assert seconds == pytest.approx(2.5, abs=0.05)
    with av.open(str(tmp_path / "r.mp4")) as container:
        assert [stream.type for stream in container.streams] == ["video"]


def test_an_input_that_cannot_be_decoded_is_told_from_a_bug(inputs: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"nothing")
    for image, video in ((tmp_path / "x", inputs[1]), (inputs[0], tmp_path / "x")):
        with pytest.raises(Unrenderable):
            render(image, video, tmp_path / "r.mp4", kind=Kind.SWAP, quality=Quality.PRO, watermark=False)


def test_a_render_gives_up_when_told(inputs: tuple[Path, Path], tmp_path: Path) -> None:
    looks = iter([False, False, True])
    with pytest.raises(Unrenderable):
        render(
            *inputs,
            tmp_path / "r.mp4",
            kind=Kind.SWAP,
            quality=Quality.PRO,
            watermark=False,
            fast=True,
            stop=lambda: next(looks),
        )
    assert next(looks, None) is None


def test_see_through_pictures_get_a_white_ground(inputs: tuple[Path, Path], tmp_path: Path) -> None:
    Image.new("RGBA", (400, 300), (255, 0, 0, 0)).save(tmp_path / "p.png")
    to = tmp_path / "r.mp4"
    render(tmp_path / "p.png", inputs[1], to, kind=Kind.ANIMATE, quality=Quality.STANDARD, watermark=False, fast=True)
    frame = next(_frames(to))
    assert min(frame.getpixel((frame.width - 4, frame.height // 2))) > 240  # type: ignore[arg-type]
