"""Pictures made to fit, without the child process around it."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING, Any

import pytest
from media_making import oriented, saved, scene
from PIL import Image, ImageCms, ImageOps
from turned import LONG

from bot.media.limits import Change, Wish
from bot.media.mend import prepare
from bot.media.notes import bare
from bot.media.worker import inspect
from bot.order import Fit, Role

if TYPE_CHECKING:
    from pathlib import Path

    from bot.media.verdict import Found, Verdict


def mended(data: bytes, folder: Path, **wish: Any) -> tuple[Image.Image, Found, Verdict]:
    """The picture made from this file, wholly read."""
    (folder / "in").write_bytes(data)
    found, verdict = prepare(folder / "in", Role.IMAGE, Wish(**wish), folder / "made", lambda done, of: None)
    assert verdict.problems == ()
    with Image.open(folder / "made") as image:
        image.load()
        return image, found, verdict


def done(verdict: Verdict) -> list[str]:
    return [mend.change for mend in verdict.mends]


def colour(image: Image.Image, across: float, down: float) -> tuple[int, ...]:
    """The colour at this share of width and height."""
    place = (int(image.width * across), int(image.height * down))
    value = image.convert("RGB").getpixel(place)
    assert isinstance(value, tuple)
    return tuple(int(part) for part in value)


def alike(one: tuple[int, ...], other: tuple[int, ...], within: int = 12) -> bool:
    return all(abs(a - b) <= within for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize(
    ("kind", "becomes"),
    [
        ("heif", "JPEG"),
        ("avif", "JPEG"),
        ("jpeg2000", "JPEG"),
        ("tiff", "PNG"),
        ("gif", "PNG"),
        ("ppm", "PNG"),
    ],
)
def test_other_kinds_become_jpeg_or_png_and_look_the_same(kind: str, becomes: str, tmp_path: Path) -> None:
    image, _, verdict = mended(saved(scene(320, 240), kind), tmp_path)
    assert (image.format, image.size) == (becomes, (320, 240))
    assert done(verdict) == ["converted"]
    for place in ((0.1, 0.1), (0.9, 0.9), (0.4, 0.8)):
        assert alike(colour(image, *place), colour(scene(320, 240), *place), within=24)


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "avif", "heif", "tiff"])
@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_turned_or_mirrored_picture_is_set_upright(kind: str, orientation: int, tmp_path: Path) -> None:
    data = saved(scene(400, 240), kind, exif=oriented(orientation))
    with Image.open(io.BytesIO(data)) as source:
        expected = ImageOps.exif_transpose(source).convert("RGB")
    image, _, verdict = mended(data, tmp_path)
    assert image.size == expected.size
    assert kind in {"tiff", "heif"} or "turned" in done(verdict)  # those are turned by being decoded
    for place in ((0.1, 0.1), (0.9, 0.1), (0.1, 0.9), (0.9, 0.9)):
        assert alike(colour(image, *place), colour(expected, *place), within=24)
    assert not image.getexif()


@pytest.mark.parametrize(
    ("kind", "turn"), [("jpeg", 1), ("png", 1), ("webp", 1), ("jpeg", 6), ("tiff", 1), ("heif", 1)]
)
def test_no_place_and_no_camera_leaves_the_house(kind: str, turn: int, tmp_path: Path) -> None:
    data = saved(scene(320, 240), kind, exif=oriented(turn, place=True))
    assert b"CANARY" in data
    image, _, _ = mended(data, tmp_path)
    assert b"CANARY" not in (tmp_path / "made").read_bytes()
    assert not image.getexif()
    assert "exif" not in image.info


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp"])
def test_notes_are_taken_out_of_a_fitting_picture_without_touching_a_pixel(kind: str, tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = saved(scene(320, 240), kind, exif=oriented(1, place=True), icc_profile=profile)
    image, _, verdict = mended(data, tmp_path)
    assert done(verdict) == ["cleaned"]
    with Image.open(io.BytesIO(data)) as source:
        assert image.tobytes() == source.tobytes()
    assert image.info["icc_profile"] == profile


def test_what_hides_behind_a_jpeg_goes_too(tmp_path: Path) -> None:
    exif = oriented(1, place=True)
    data = saved(scene(320, 240), "mpo", save_all=True, append_images=[scene(64, 64)], exif=exif)
    mended(data + b"CANARY film", tmp_path)
    made = (tmp_path / "made").read_bytes()
    assert b"CANARY" not in made
    assert b"MPF" not in made
    assert made.endswith(b"\xff\xd9")


@pytest.mark.parametrize("how", [{"progressive": True}, {"restart_marker_rows": 1}, {"quality": 100, "subsampling": 0}])
def test_every_way_of_coding_a_jpeg_survives_the_taking_out(how: dict[str, Any]) -> None:
    noise = Image.effect_noise((300, 200), 80).convert("RGB")
    clean, told = bare(saved(noise, "jpeg", exif=oriented(1, place=True), **how), "jpeg")
    assert told
    assert clean == bare(saved(noise, "jpeg", **how), "jpeg")[0]


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "bmp"])
def test_a_picture_without_notes_is_left_alone(kind: str) -> None:
    data = saved(scene(320, 240), kind)
    assert bare(data, kind) == (data, False)
    assert bare(data + bytes(500), kind) == (data + bytes(500), False)


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp"])
def test_a_damaged_picture_is_not_said_to_be_bare(kind: str) -> None:
    data = saved(scene(320, 240), kind, exif=oriented(1, place=True))
    for place in range(0, len(data), 97):
        with pytest.raises(ValueError, match=r"cut off|no marker"):
            bare(data[:place], kind)


def odd_jpegs() -> dict[str, bytes]:
    """Pictures that decoders open without complaint, and that are not built as the standard says."""
    data = saved(scene(320, 240), "jpeg", exif=oriented(1, place=True))
    second, tables = 4 + int.from_bytes(data[4:6]), data.index(b"\xff\xdb")
    return {
        "a byte between": data[:second] + b"\0" + data[second:],
        "no marker": data[:second] + b"\xff\x00" + data[second:],
        "before the tables": data[:tables] + b"\0\0" + data[tables:],
    }


@pytest.mark.parametrize("name", odd_jpegs())
def test_a_place_leaves_no_house_in_a_picture_that_only_decoders_understand(name: str, tmp_path: Path) -> None:
    data = odd_jpegs()[name]
    assert b"CANARY" in data
    _, _, verdict = mended(data, tmp_path)
    assert [mend.change for mend in verdict.mends] == [Change.CLEANED]
    assert verdict.plan.recode
    assert b"CANARY" not in (tmp_path / "made").read_bytes()


def test_transparency_is_laid_on_white(tmp_path: Path) -> None:
    image = Image.new("RGBA", (300, 300), (0, 0, 0, 0))
    image.paste((200, 0, 0, 255), (0, 0, 300, 100))
    image.paste((0, 0, 0, 128), (0, 200, 300, 300))
    flat, _, verdict = mended(saved(image, "png"), tmp_path)
    assert [(mend.change, mend.after) for mend in verdict.mends] == [(Change.FLATTENED, "white")]
    assert flat.mode == "RGB"
    assert colour(flat, 0.5, 0.1) == (200, 0, 0)
    assert colour(flat, 0.5, 0.5) == (255, 255, 255)
    assert alike(colour(flat, 0.5, 0.9), (127, 127, 127), within=2)


def test_print_colours_become_screen_colours(tmp_path: Path) -> None:
    image, _, verdict = mended(saved(scene(320, 240).convert("CMYK"), "jpeg", quality=95), tmp_path)
    assert (image.mode, done(verdict)) == ("RGB", ["colours"])
    assert alike(colour(image, 0.1, 0.1), (250, 10, 10), within=20)


def test_sixteen_bits_become_eight_and_keep_their_tones(tmp_path: Path) -> None:
    levels = [n * 65535 // 299 for n in range(300)]
    deep = Image.frombytes("I;16", (300, 300), struct.pack("<300H", *levels) * 300)
    image, _, verdict = mended(saved(deep, "png"), tmp_path)
    assert (image.mode, done(verdict)) == ("L", ["colours"])
    assert [image.getpixel((x, 9)) for x in (0, 150, 299)] == [0, pytest.approx(128, abs=2), 255]


def test_a_colour_profile_is_translated_not_dropped(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = profile.replace(b"rXYZ", b"????").replace(b"bXYZ", b"rXYZ").replace(b"????", b"bXYZ")
    for odd, wanted in ((swapped, (10, 10, 250)), (b"damaged" * 30, (250, 10, 10))):
        image, _, _ = mended(saved(scene(320, 240), "tiff", icc_profile=odd), tmp_path)
        assert "icc_profile" not in image.info
        assert alike(colour(image, 0.1, 0.1), wanted, within=16)


def test_a_profile_for_other_colours_is_dropped(tmp_path: Path) -> None:
    odd = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    image, _, _ = mended(saved(scene(320, 240), "tiff", icc_profile=odd), tmp_path)
    assert alike(colour(image, 0.1, 0.1), (250, 10, 10), within=12)


@pytest.mark.parametrize("kind", ["png", "webp", "gif"])
def test_of_several_pictures_the_first_is_used(kind: str, tmp_path: Path) -> None:
    rest = [Image.new("RGB", (320, 240), (0, 0, 255))] * 2
    image, _, verdict = mended(saved(scene(320, 240), kind, save_all=True, append_images=rest), tmp_path)
    assert "first_frame" in done(verdict)
    assert alike(colour(image, 0.1, 0.1), (250, 10, 10), within=12)


@pytest.mark.parametrize(
    ("size", "becomes"),
    [((5712, 2000), (4096, 1434)), ((50, 40), (250, 200)), ((4100, 2000), (4096, 1998)), ((150, 450), (200, 600))],
)
def test_sides_come_into_the_limits(size: tuple[int, int], becomes: tuple[int, int], tmp_path: Path) -> None:
    image, _, _ = mended(saved(scene(*size), "jpeg"), tmp_path)
    assert image.size == becomes
    assert alike(colour(image, 0.1, 0.1), (250, 10, 10), within=24)


@pytest.mark.parametrize("fit", [Fit.CROP, Fit.PAD])
def test_a_shape_is_mended_on_wish(fit: Fit, tmp_path: Path) -> None:
    image, _, _ = mended(saved(scene(1200, 300), "png"), tmp_path, fit=fit)
    assert image.size == ((900, 300) if fit is Fit.CROP else (1200, 400))
    if fit is Fit.PAD:
        assert colour(image, 0.5, 0.01) == (255, 255, 255)
        assert alike(colour(image, 0.1, 0.2), (250, 10, 10))
    else:
        assert alike(colour(image, 0.01, 0.1), (250, 10, 10))


def test_too_many_bytes_become_the_best_quality_that_fits(tmp_path: Path) -> None:
    noise = Image.merge("RGB", [Image.effect_noise((2000, 2000), 250) for _ in range(3)])
    data = saved(noise, "jpeg", quality=100)
    assert len(data) > 5_000_000
    _, _, verdict = mended(data, tmp_path)
    assert done(verdict) == ["compressed"]
    size = (tmp_path / "made").stat().st_size
    assert 4_300_000 < size <= 5_000_000


@pytest.mark.skipif(not LONG, reason="sixteen megapixels, coded many times: LONG_TESTS=1")
def test_what_even_the_lowest_quality_leaves_too_big_is_made_smaller(tmp_path: Path) -> None:
    noise = Image.merge("RGB", [Image.effect_noise((4096, 4096), 255) for _ in range(3)])
    image, _, _ = mended(saved(noise, "png", compress_level=0), tmp_path)
    assert (tmp_path / "made").stat().st_size <= 5_000_000
    assert inspect(tmp_path / "made", Role.IMAGE, thorough=True).width == image.width < 4096
