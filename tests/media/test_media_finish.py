"""The service's film made ready to be posted, without the child process around it."""

from __future__ import annotations

import io
import struct
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import pytest
from media_making import film, saved, scene
from turned import LONG

from bot.media.finish import index_in_front
from bot.media.limits import Unfit
from bot.media.mend import finish, look, show
from bot.order import Role

if TYPE_CHECKING:
    from pathlib import Path

    from media_corpus import Corpus


def coded(path: Path, kind: str = "video") -> list[bytes]:
    with av.open(path) as source:
        return [bytes(packet) for packet in source.demux(**{kind: 0}) if packet.size]


def finished(folder: Path, result: bytes, reference: bytes | None = None) -> bool:
    (folder / "result").write_bytes(result)
    if reference is not None:
        (folder / "reference").write_bytes(reference)
    return finish(folder / "result", None if reference is None else folder / "reference", folder / "made")


def clicks(at: float, *, kind: str = "mp4", delay: float = 0.0) -> bytes:
    """4 s of picture; sound that is loud for 0.1 s from ``at`` on. ``delay``: when both begin in the container."""
    file = io.BytesIO()
    with av.open(file, "w", format=kind) as made:
        picture: Any = made.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        picture.width, picture.height, picture.pix_fmt = 320, 240, "yuv420p"
        sound: Any = made.add_stream("aac", rate=48000, layout="mono")
        for index in range(100):
            frame: Any = av.VideoFrame(320, 240, "yuv420p")
            for plane in frame.planes:
                plane.update(bytes([128]) * plane.buffer_size)
            frame.pts, frame.time_base = index + round(delay * 25), Fraction(1, 25)
            made.mux(picture.encode(frame))
        made.mux(picture.encode())
        for index in range(200):
            loud = at <= index * 0.02 < at + 0.1
            tone = struct.pack("960f", *(0.5 if loud and n % 48 < 24 else 0.0 for n in range(960)))
            beep: Any = av.AudioFrame(format="fltp", layout="mono", samples=960)
            beep.planes[0].update(tone)
            beep.sample_rate, beep.pts, beep.time_base = 48000, index * 960 + round(delay * 48000), Fraction(1, 48000)
            made.mux(sound.encode(beep))
        made.mux(sound.encode())
    return file.getvalue()


def heard_at(path: Path) -> float:
    with av.open(path) as source:
        for frame in source.decode(audio=0):
            data = memoryview(frame.planes[0]).cast("B").cast("f")
            for n in range(0, frame.samples, 48):
                if max(map(abs, data[n : n + 48])) > 0.25:
                    assert frame.time is not None
                    return frame.time + n / 48000
    raise AssertionError("not a sound")


def test_a_silent_result_is_given_the_sound_of_the_reference_in_step(tmp_path: Path) -> None:
    for kind, delay in (("mp4", 0.0), ("mp4", 1.0), ("matroska", 0.5)):
        reference = clicks(2.0, kind=kind, delay=delay)
        assert finished(tmp_path, film(rate=15, seconds=4.0, faststart=True), reference)
        found = look(tmp_path / "made", Role.VIDEO, thorough=True)
        assert (found.media.sound, found.media.seconds, found.media.fps) == (True, 4.0, 15.0)
        assert index_in_front(tmp_path / "made")
        assert coded(tmp_path / "made") == coded(tmp_path / "result")
        assert heard_at(tmp_path / "made") == pytest.approx(2.0, abs=0.03)


def test_the_sound_ends_with_the_result(tmp_path: Path) -> None:
    finished(tmp_path, film(seconds=2.5), clicks(1.0))
    with av.open(tmp_path / "made") as made:
        assert made.duration is not None
        assert made.duration / 1e6 == pytest.approx(2.5, abs=0.05)


def test_other_sound_becomes_aac(tmp_path: Path) -> None:
    reference = film("mov", codec="mpeg4", sound=2.5, speech="pcm_s16le")
    assert finished(tmp_path, film(seconds=2.5), reference)
    with av.open(tmp_path / "made") as made:
        assert made.streams.audio[0].codec.canonical_name == "aac"


def test_a_result_that_is_ready_is_not_written_again(tmp_path: Path) -> None:
    assert not finished(tmp_path, film(sound=2.5, faststart=True), film(sound=2.5))
    assert not finished(tmp_path, film(faststart=True), film())
    assert not finished(tmp_path, film(faststart=True))
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("kind", ["mp4", "mov", "matroska"])
def test_a_result_whose_index_comes_late_is_put_in_order_without_coding(kind: str, tmp_path: Path) -> None:
    assert finished(tmp_path, film(kind, sound=2.5))
    assert index_in_front(tmp_path / "made")
    assert coded(tmp_path / "made") == coded(tmp_path / "result")
    assert coded(tmp_path / "made", "audio") == coded(tmp_path / "result", "audio")


@pytest.mark.parametrize("codec", ["mpeg4", "libx265"])
def test_a_result_that_slack_does_not_play_is_coded_again(codec: str, tmp_path: Path) -> None:
    assert finished(tmp_path, film(codec=codec, size=(322, 242)), clicks(1.0))
    found = look(tmp_path / "made", Role.VIDEO, thorough=True)
    assert (found.media.codec, found.pixels, found.media.sound) == ("h264", "yuv420p", True)
    assert (found.media.width, found.media.height, found.media.seconds) == (322, 242, 2.5)
    assert heard_at(tmp_path / "made") == pytest.approx(1.0, abs=0.03)


def test_a_reference_that_is_damaged_or_no_film_costs_only_the_sound(tmp_path: Path) -> None:
    for reference in (b"", b"noise" * 100, saved(scene(300, 300), "png"), film(sound=2.5)[:5000]):
        assert not finished(tmp_path, film(faststart=True), reference)


def test_any_shape_and_length_is_posted(tmp_path: Path) -> None:
    assert finished(tmp_path, film(size=(1000, 100), seconds=33.0, rate=2), clicks(1.0))
    media = look(tmp_path / "made", Role.VIDEO, thorough=True).media
    assert (media.width, media.height, media.seconds) == (1000, 100, 33.0)


def test_a_result_that_is_no_film_is_none(tmp_path: Path) -> None:
    with pytest.raises(Unfit):
        finished(tmp_path, b"<html>AccessDenied</html>", clicks(1.0))


@pytest.mark.parametrize("rate", [1, 10])
@pytest.mark.parametrize("group", ["3", "25", "250"])
@pytest.mark.parametrize("kind", ["mp4", "matroska"])
def test_a_contact_sheet_shows_nine_frames_in_order(tmp_path: Path, kind: str, group: str, rate: int) -> None:
    from PIL import Image

    def draw(index: int) -> Image.Image:
        red = index * 20 // rate
        return Image.new("RGB", (320, 240), (red, 255 - red, 60))

    (tmp_path / "in").write_bytes(film(kind, draw=draw, rate=rate, seconds=9.0, options={"g": group, "bf": "2"}))
    show(tmp_path / "in", Role.VIDEO, tmp_path / "made")
    with Image.open(tmp_path / "made") as sheet:
        assert sheet.format == "JPEG"
        reds = []
        for number in range(9):
            place = ((number % 3 * 2 + 1) * sheet.width // 6, (number // 3 * 2 + 1) * sheet.height // 6)
            value = sheet.getpixel(place)
            assert isinstance(value, tuple)
            reds.append(value[0])
            corner = sheet.crop((place[0] - 170, place[1] - 125, place[0] - 100, place[1] - 85)).convert("L")
            assert corner.getextrema()[1] == pytest.approx(255, abs=25)  # the time, in white
    first = 10 if rate > 1 else 0  # the frame in the middle of each ninth of the film
    assert reds == [pytest.approx(red, abs=8) for red in range(first, 180, 20)]


@pytest.mark.skipif(not LONG, reason="LONG_TESTS=1")
def test_every_film_of_the_corpus_that_can_be_opened_has_a_sheet(corpus: Corpus, tmp_path: Path) -> None:
    shown = 0
    for each in corpus.specimens:
        (tmp_path / "in").write_bytes(each.data)
        if each.role is Role.VIDEO and each.becomes in {"fits", "mended"} and each.name != "plain.mp4":
            show(tmp_path / "in", Role.VIDEO, tmp_path / "made")
            shown += 1
    assert shown > 30


def test_a_preview_is_small_upright_and_without_notes(tmp_path: Path) -> None:
    from media_making import oriented
    from PIL import Image

    (tmp_path / "in").write_bytes(saved(scene(3000, 1500), "jpeg", exif=oriented(6, place=True)))
    show(tmp_path / "in", Role.IMAGE, tmp_path / "made")
    with Image.open(tmp_path / "made") as image:
        assert (image.format, image.size) == ("JPEG", (512, 1024))
    assert b"CANARY" not in (tmp_path / "made").read_bytes()


@pytest.mark.skipif(not LONG, reason="LONG_TESTS=1")
def test_every_picture_of_the_corpus_that_can_be_opened_has_a_preview(corpus: Corpus, tmp_path: Path) -> None:
    for each in corpus.specimens:
        if each.role is Role.IMAGE and each.becomes in {"fits", "mended", "shape"}:
            (tmp_path / "in").write_bytes(each.data)
            show(tmp_path / "in", Role.IMAGE, tmp_path / "made")
