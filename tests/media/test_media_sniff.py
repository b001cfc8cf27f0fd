from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PIL import Image

from bot.media.limits import Rule, Unfit
from bot.media.sniff import HEAD, admit, recognise, webp_pixels
from bot.order import Role

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.mark.parametrize("kind", ["jpeg", "png", "bmp", "webp", "gif", "tiff", "avif", "jp2", "ico", "ppm"])
def test_pictures_are_recognised(kind: str, picture: Callable[..., Path]) -> None:
    assert recognise(picture(kind).read_bytes()[:HEAD]) == kind


@pytest.mark.parametrize(("suffix", "kind"), [("mp4", "mp4"), ("mov", "mov"), ("avi", "avi"), ("mkv", "matroska")])
def test_videos_are_recognised(suffix: str, kind: str, clip: Callable[..., Path]) -> None:
    assert recognise(clip(suffix).read_bytes()[:HEAD]) == kind


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "heic"),
        (b"\0\0\x02\0moov\0\0\0\x6cmvhd", "mov"),
        (b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\1\x42\xf7\x81\1\x42\xf2\x81\4\x42\xf3\x81\x08\x42\x82\x84webm", "webm"),
        (b"#EXTM3U\n#EXT-X-VERSION:3\n", "playlist"),
        (b"\xef\xbb\xbf\r\n #extm3u\n", "playlist"),
        (b"ffconcat version 1.0\nfile 'a.mp4'\n", "playlist"),
        (b"<!DOCTYPE html><html>", "html"),
        (b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>", "svg"),
        (b"%PDF-1.7", "pdf"),
        (b"BM is how this text begins, and it is no picture", ""),
        (b"RIFF\0\0\0\0WAVEfmt ", ""),
        (b"\0" * 64, ""),
        (b"x", ""),
    ],
)
def test_other_beginnings_are_told_apart(head: bytes, kind: str) -> None:
    assert recognise(head) == kind


@pytest.mark.parametrize(
    ("role", "kind", "rule", "found"),
    [
        (Role.VIDEO, "jpeg", Rule.KIND, "JPEG picture"),
        (Role.IMAGE, "mov", Rule.KIND, "MOV video"),
        (Role.IMAGE, "pdf", Rule.FORMAT, "PDF"),
        (Role.VIDEO, "wmv", Rule.FORMAT, "WMV"),
        (Role.VIDEO, "heic", Rule.KIND, "HEIC picture"),
        (Role.IMAGE, "webm", Rule.KIND, "WebM video"),
        (Role.VIDEO, "", Rule.FORMAT, ""),
        (Role.IMAGE, "playlist", Rule.PLAYLIST, ""),
    ],
)
def test_a_format_that_is_not_taken_is_named(role: Role, kind: str, rule: Rule, found: str) -> None:
    with pytest.raises(Unfit) as caught:
        admit(role, kind)
    assert (caught.value.rule, caught.value.found) == (rule, found)


@pytest.mark.parametrize("options", [{"lossless": True}, {"lossless": False}, {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0"}])
def test_a_webp_tells_its_size_before_it_is_opened(options: dict[str, object], tmp_path: Path) -> None:
    with Image.new("RGB", (321, 243)) as image:
        image.save(tmp_path / "a.webp", **options)  # type: ignore[arg-type]
    assert webp_pixels((tmp_path / "a.webp").read_bytes()[:HEAD]) == (321, 243)


@pytest.mark.parametrize("head", [b"", b"RIFF\0\0\0\0WEBPVP8X", b"RIFF\0\0\0\0WEBPJUNK" + bytes(40)])
def test_a_damaged_webp_tells_no_size(head: bytes) -> None:
    assert webp_pixels(head) is None
