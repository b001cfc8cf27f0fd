"""Opening files that this test made itself, without the child process around it."""

from __future__ import annotations

import os
import shutil
import struct
import zlib
from typing import TYPE_CHECKING

import av
import pytest
from PIL import Image

from bot.job import Media
from bot.media.limits import Rule, Unfit, problems
from bot.media.video import inspect_video
from bot.media.worker import inspect
from bot.order import Role

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def copied(path: Path, to: Path) -> Path:
    shutil.copy(path, to)
    return to


def frame_places(path: Path) -> list[int]:
    """Where each frame begins in the file."""
    with av.open(path) as container:
        return sorted(packet.pos or 0 for packet in container.demux(video=0) if packet.size)


def verdict(path: Path, role: Role) -> list[str]:
    try:
        return [problem.rule for problem in problems(role, inspect(path, role, thorough=True))]
    except Unfit as unfit:
        return [unfit.rule]


def png(width: int, height: int, pixels: bytes) -> bytes:
    """A PNG with this header and these compressed pixels, which need not match."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", ["jpeg", "png", "bmp", "webp"])
def test_a_picture_that_fits_is_described(kind: str, picture: Callable[..., Path]) -> None:
    path = picture(kind)
    assert inspect(path, Role.IMAGE, thorough=True) == Media(
        format=kind, size=path.stat().st_size, width=320, height=240
    )


@pytest.mark.parametrize(
    ("kind", "codec"), [("mp4", "libx264"), ("mov", "libx264"), ("avi", "mpeg4"), ("avi", "mjpeg")]
)
@pytest.mark.parametrize("thorough", [True, False])
def test_a_video_that_fits_is_described(kind: str, codec: str, thorough: bool, clip: Callable[..., Path]) -> None:
    path = clip(kind, codec=codec)
    assert inspect(path, Role.VIDEO, thorough=thorough) == Media(
        format=kind,
        size=path.stat().st_size,
        width=320,
        height=240,
        seconds=2.5,
        fps=10.0,
        codec={"libx264": "h264"}.get(codec, codec),
    )


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [
        (200, 200, []),
        (199, 200, ["side_min"]),
        (4096, 1400, []),
        (4097, 1400, ["side_max"]),
        (200, 600, []),
        (200, 601, ["shape"]),
        (100, 4200, ["side_min", "side_max", "shape"]),
    ],
)
def test_each_pixel_limit_of_a_picture_holds(
    width: int, height: int, expected: list[str], picture: Callable[..., Path]
) -> None:
    assert verdict(picture("png", width=width, height=height), Role.IMAGE) == expected


@pytest.mark.parametrize(
    ("width", "height", "seconds", "expected"),
    [
        (200, 200, 2.5, []),
        (198, 200, 2.5, ["side_min"]),
        (2048, 2048, 2.5, []),
        (2050, 2048, 2.5, ["side_max"]),
        (600, 200, 2.5, []),
        (604, 200, 2.5, ["shape"]),
        (200, 200, 2.0, []),
        (200, 200, 1.5, ["too_short"]),
        (200, 200, 30.0, []),
        (200, 200, 30.5, ["too_long"]),
        (180, 640, 31.0, ["side_min", "shape", "too_long"]),
    ],
)
def test_each_limit_of_a_video_holds(
    width: int, height: int, seconds: float, expected: list[str], clip: Callable[..., Path]
) -> None:
    assert verdict(clip("mp4", width=width, height=height, seconds=seconds, rate=2), Role.VIDEO) == expected


@pytest.mark.parametrize(("extra", "expected"), [(0, []), (1, ["size"])])
def test_the_size_limit_of_a_picture_holds_to_the_byte(
    extra: int, expected: list[str], picture: Callable[..., Path], tmp_path: Path
) -> None:
    path = copied(picture("jpeg"), tmp_path / "a")
    os.truncate(path, 5_000_000 + extra)
    assert verdict(path, Role.IMAGE) == expected


@pytest.mark.parametrize(("extra", "expected"), [(0, []), (1, ["size"])])
def test_the_size_limit_of_a_video_holds_to_the_byte(
    extra: int, expected: list[str], clip: Callable[..., Path], tmp_path: Path
) -> None:
    path = copied(clip("mp4"), tmp_path / "a")
    with path.open("ab") as file:
        file.write(struct.pack(">I4s", 200_000_000 + extra - file.tell(), b"free"))
        file.truncate(200_000_000 + extra)
    assert verdict(path, Role.VIDEO) == expected


def test_a_turned_video_is_measured_as_it_is_shown(rotated: Path) -> None:
    media = inspect(rotated, Role.VIDEO, thorough=True)
    assert (media.format, media.width, media.height) == ("mov", 240, 320)


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp"])
@pytest.mark.parametrize(("orientation", "size"), [(3, (320, 240)), (6, (240, 320)), (0x5555, (320, 240))])
def test_a_turned_picture_is_measured_as_it_is_shown(
    kind: str, orientation: int, size: tuple[int, int], picture: Callable[..., Path]
) -> None:
    media = inspect(picture(kind, orientation=orientation), Role.IMAGE, thorough=True)
    assert (media.width, media.height) == size


def test_damaged_notes_do_not_make_a_bad_picture(tmp_path: Path) -> None:
    with Image.new("RGB", (300, 300)) as image:
        image.save(tmp_path / "a.jpg", exif=b"Exif\0\0II*\0\xff\xff\xff\xff\xff")
    assert verdict(tmp_path / "a.jpg", Role.IMAGE) == []


def test_a_telephone_picture_that_holds_two_is_a_jpeg(tmp_path: Path) -> None:
    with Image.new("RGB", (300, 300)) as image, Image.new("RGB", (300, 300), (9, 9, 9)) as second:
        image.save(tmp_path / "a.jpg", format="MPO", save_all=True, append_images=[second])
    assert inspect(tmp_path / "a.jpg", Role.IMAGE, thorough=True).format == "jpeg"


def test_sound_is_heard(clip: Callable[..., Path]) -> None:
    assert inspect(clip("mp4", sound=True), Role.VIDEO, thorough=True).sound


@pytest.mark.parametrize("thorough", [True, False])
def test_sound_alone_is_no_video(thorough: bool, sound_only: Path) -> None:
    with pytest.raises(Unfit) as caught:
        inspect(sound_only, Role.VIDEO, thorough=thorough)
    assert caught.value.rule == Rule.NO_VIDEO_STREAM


def test_the_cover_of_a_song_is_no_video(sound_only: Path, picture: Callable[..., Path], tmp_path: Path) -> None:
    image = picture("png").read_bytes()
    cover = struct.pack(">I4sI4sII", len(image) + 24, b"covr", len(image) + 16, b"data", 14, 0) + image
    data = bytearray(sound_only.read_bytes())
    for name in (b"moov", b"udta", b"meta", b"ilst"):  # each the last one in the one before, the first at the end
        place = data.rindex(name) - 4
        data[place : place + 4] = struct.pack(">I", struct.unpack_from(">I", data, place)[0] + len(cover))
    (tmp_path / "a.mp4").write_bytes(data + cover)
    with av.open(tmp_path / "a.mp4") as container:
        assert len(container.streams.video) == 1
    assert verdict(tmp_path / "a.mp4", Role.VIDEO) == ["no_video_stream"]


def test_a_wrong_sum_in_a_picture_is_noticed(tmp_path: Path) -> None:
    data = png(300, 300, zlib.compress(bytes(301 * 300)))
    (tmp_path / "good").write_bytes(data)
    (tmp_path / "bad").write_bytes(data[:-14] + b"oops" + data[-10:])
    assert verdict(tmp_path / "good", Role.IMAGE) == []
    assert verdict(tmp_path / "bad", Role.IMAGE) == ["corrupt"]


def test_a_title_in_an_old_alphabet_does_not_make_a_bad_video(clip: Callable[..., Path], tmp_path: Path) -> None:
    with av.open(tmp_path / "a.mp4", "w") as made, av.open(clip("mp4")) as source:
        made.metadata["title"] = "Caf\u00e9"
        stream = made.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                made.mux(packet)
    data = (tmp_path / "a.mp4").read_bytes()
    assert "Caf\u00e9".encode() in data
    (tmp_path / "a.mp4").write_bytes(data.replace("Caf\u00e9".encode(), b"Caf\xe9\xe9"))
    assert verdict(tmp_path / "a.mp4", Role.VIDEO) == []


@pytest.mark.parametrize("kind", ["jpeg", "png", "bmp", "webp"])
@pytest.mark.parametrize("part", [0.2, 0.6, 0.95])
def test_a_picture_cut_off_is_damaged(kind: str, part: float, tmp_path: Path) -> None:
    with Image.effect_noise((300, 300), 90) as image:
        image.convert("RGB").save(tmp_path / "a", format=kind)
    os.truncate(tmp_path / "a", int((tmp_path / "a").stat().st_size * part))
    assert verdict(tmp_path / "a", Role.IMAGE) == ["corrupt"]


@pytest.mark.parametrize(
    ("kind", "index_first"), [("mp4", False), ("mp4", True), ("mov", False), ("mov", True), ("avi", False)]
)
@pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
def test_a_video_cut_off_is_damaged(
    kind: str, index_first: bool, part: float, clip: Callable[..., Path], tmp_path: Path
) -> None:
    path = copied(clip(kind, index_first=index_first), tmp_path / "a")
    os.truncate(path, int(path.stat().st_size * part))
    assert verdict(path, Role.VIDEO) == ["corrupt"]


def test_a_video_cut_off_between_two_frames_is_damaged(clip: Callable[..., Path], tmp_path: Path) -> None:
    path = copied(clip("mp4", index_first=True), tmp_path / "a")
    places = frame_places(path)
    os.truncate(path, places[len(places) // 2])
    assert verdict(path, Role.VIDEO) == ["corrupt"]


def _blank(path: Path, start: int, end: int) -> None:
    with path.open("r+b") as file:
        file.seek(start)
        file.write(bytes(end - start))


def test_a_video_whose_end_never_arrived_is_damaged_as_an_input(clip: Callable[..., Path], tmp_path: Path) -> None:
    path = copied(clip("mp4", index_first=True, codec="mjpeg"), tmp_path / "a")
    _blank(path, frame_places(path)[-1], path.stat().st_size)
    assert verdict(path, Role.VIDEO) == ["corrupt"]
    assert inspect(path, Role.VIDEO, thorough=False).seconds == 2.5


@pytest.mark.parametrize("thorough", [True, False])
def test_a_video_without_one_good_frame_is_damaged(thorough: bool, clip: Callable[..., Path], tmp_path: Path) -> None:
    path = copied(clip("mp4", index_first=True, codec="mjpeg"), tmp_path / "a")
    _blank(path, frame_places(path)[0], path.stat().st_size)
    with pytest.raises(Unfit) as caught:
        inspect(path, Role.VIDEO, thorough=thorough)
    assert caught.value.rule == Rule.CORRUPT


@pytest.mark.parametrize("role", list(Role))
def test_nothing_and_noise_are_told_apart(role: Role, tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "noise").write_bytes(bytes((index * 89 + 41) % 251 for index in range(10_000)))
    assert verdict(tmp_path / "empty", role) == ["empty"]
    assert verdict(tmp_path / "noise", role) == ["format"]


def test_the_name_means_nothing(picture: Callable[..., Path], clip: Callable[..., Path], tmp_path: Path) -> None:
    image = copied(picture("jpeg"), tmp_path / "film.mp4")
    video = copied(clip("mov"), tmp_path / "picture.jpg")
    assert verdict(image, Role.IMAGE) == []
    assert verdict(video, Role.VIDEO) == []
    assert verdict(image, Role.VIDEO) == ["kind"]
    assert verdict(video, Role.IMAGE) == ["kind"]


def test_a_file_of_another_kind_is_named(clip: Callable[..., Path], tmp_path: Path) -> None:
    (problem,) = problems(Role.VIDEO, inspect(clip("mkv"), Role.VIDEO, thorough=True))
    assert (problem.rule, problem.found, problem.limit) == ("format", "Matroska", "MP4, MOV or AVI")
    (tmp_path / "a").write_bytes(b"%PDF-1.7")
    with pytest.raises(Unfit) as caught:
        inspect(tmp_path / "a", Role.IMAGE, thorough=True)
    assert (caught.value.rule, caught.value.found) == (Rule.FORMAT, "PDF")


def test_a_small_file_of_many_pixels_is_refused_by_its_header(tmp_path: Path) -> None:
    (tmp_path / "large.png").write_bytes(png(13_000, 13_000, b"cannot be decoded"))
    (tmp_path / "bomb.png").write_bytes(png(60_000, 60_000, b"cannot be decoded"))
    assert verdict(tmp_path / "large.png", Role.IMAGE) == ["pixels"]
    assert verdict(tmp_path / "bomb.png", Role.IMAGE) == ["pixels"]


def test_a_webp_of_many_pixels_is_measured_without_making_room_for_it(tmp_path: Path) -> None:
    canvas = (16_382).to_bytes(3, "little") * 2
    body = b"WEBPVP8X" + struct.pack("<I", 10) + bytes(4) + canvas
    (tmp_path / "a").write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    with pytest.raises(Unfit) as caught:
        inspect(tmp_path / "a", Role.IMAGE, thorough=True)
    assert (caught.value.rule, caught.value.found, caught.value.limit) == (
        Rule.PIXELS,
        "268 megapixels",
        "72 megapixels",
    )


def test_a_video_of_too_many_pixels_is_refused_without_being_decoded(clip: Callable[..., Path], tmp_path: Path) -> None:
    path = copied(clip("avi", width=4200, height=2400, codec="mjpeg", rate=2), tmp_path / "a")
    assert verdict(path, Role.VIDEO) == ["pixels"]


def test_frames_far_bigger_than_the_header_says_are_not_decoded(clip: Callable[..., Path], tmp_path: Path) -> None:
    clips = [clip("avi", codec="mjpeg", rate=2), clip("avi", width=4200, height=2400, codec="mjpeg", rate=2)]
    with av.open(tmp_path / "a.avi", "w") as made, av.open(clips[0]) as small, av.open(clips[1]) as large:
        stream = made.add_stream_from_template(small.streams.video[0])
        packets = [packet for part in (small, large) for packet in part.demux(video=0) if packet.size]
        for number, packet in enumerate(packets):
            packet.pts = packet.dts = number
            packet.stream = stream
            made.mux(packet)
    assert verdict(tmp_path / "a.avi", Role.VIDEO) == ["corrupt"]


@pytest.mark.parametrize(
    "text", ["ffconcat version 1.0\nfile '{path}'\n", "#EXTM3U\n#EXTINF:3,\nfile://{path}\n#EXT-X-ENDLIST\n"]
)
@pytest.mark.parametrize("kind", ["mp4", "avi"])
def test_a_playlist_that_got_past_the_first_look_still_opens_nothing(
    text: str, kind: str, clip: Callable[..., Path], tmp_path: Path
) -> None:
    canary = copied(clip("mp4"), tmp_path / "canary.mp4")
    (tmp_path / "list").write_text(text.format(path=canary))
    os.utime(canary, (0, canary.stat().st_mtime))
    with pytest.raises(av.error.InvalidDataError):
        inspect_video(tmp_path / "list", kind, thorough=False)
    assert canary.stat().st_atime == 0
