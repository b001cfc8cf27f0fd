"""Good, odd and hostile files, made by code: what each of them is, and what must become of it."""

from __future__ import annotations

import contextlib
import os
import random
import socket
import struct
import sys
import unicodedata
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from media_making import (
    FAST_VP8,
    av1_film,
    chunk,
    deflated_zeros,
    edited,
    film,
    hlg,
    lying,
    matrix,
    oriented,
    png,
    saved,
    scene,
    sound_only,
)
from PIL import Image

from bot.order import Role

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

FITS = "fits"
MENDED = "mended"
EITHER = "either"  # nothing is promised but an answer

_IMAGE, _VIDEO = Role.IMAGE, Role.VIDEO
_LATIN_1_TITLE = "Caf\u00e9"


@dataclass(frozen=True)
class Specimen:
    """One file. ``becomes`` is FITS, MENDED, EITHER or the rules that refuse it, with a blank between them."""

    name: str
    role: Role
    data: bytes = field(repr=False)
    becomes: str


@dataclass(frozen=True)
class Corpus:
    """All specimens, and what none of them may touch."""

    specimens: list[Specimen]
    canary: Path
    server: socket.socket

    def untouched(self) -> bool:
        """Whether nobody read the canary or knocked at the port."""
        with contextlib.suppress(BlockingIOError):
            self.server.accept()[0].close()
            return False
        return self.canary.stat().st_atime == 0


def make_corpus(folder: Path) -> Corpus:
    """Return the corpus, its canary in this folder. Close its server."""
    canary = folder / "canary.mp4"
    canary.write_bytes(film())
    os.utime(canary, (0, canary.stat().st_mtime))
    server = socket.create_server(("127.0.0.1", 0))
    server.setblocking(False)
    return Corpus(specimens(port=server.getsockname()[1], canary=canary), canary, server)


def specimens(*, port: int, canary: Path) -> list[Specimen]:
    """Return all of them. The playlists name ``canary`` and an address at ``port``."""
    films = dict(_films())
    pictures = dict(_pictures())
    made = [Specimen(name, _IMAGE, data, becomes) for name, (data, becomes) in pictures.items()]
    made += [Specimen(name, _VIDEO, data, becomes) for name, (data, becomes) in films.items()]
    made += _cut_off(pictures, films)
    made += _hostile(port, canary)
    made += [
        Specimen("picture.mp4", _IMAGE, pictures["plain.jpeg"][0], FITS),
        Specimen("film.jpg", _VIDEO, films["plain.mp4"][0], FITS),
        Specimen("film-as-picture.jpg", _IMAGE, films["plain.mp4"][0], "kind"),
        Specimen("picture-as-film.mp4", _VIDEO, pictures["plain.jpeg"][0], "kind"),
    ]
    made += [Specimen(name, _VIDEO, films["plain.mp4"][0], FITS) for name in all_names()]
    return made


def _every_script() -> Iterator[str]:
    """Yield names in which each script that Unicode knows has a letter."""
    letters: dict[str, str] = {}
    for number in range(0x80, sys.maxunicode):
        if (letter := chr(number)).isalpha():
            letters.setdefault(unicodedata.name(letter, "").partition(" ")[0], letter)
    for each in batched("".join(letters.values()), 50):
        yield each + ".mp4"


def batched(text: str, length: int) -> Iterator[str]:
    """Yield the text in pieces."""
    yield from (text[place : place + length] for place in range(0, len(text), length))


NAMES = (
    "фильм.mp4",
    "影片 一.mp4",
    "فيلم.mp4",
    "סרט.mp4",
    "फ़िल्म.mp4",
    "\N{CLAPPER BOARD}\N{VARIATION SELECTOR-16}\N{ZERO WIDTH JOINER}.mp4",
    "\N{RIGHT-TO-LEFT OVERRIDE}4pm.exe",
    "e\N{COMBINING ACUTE ACCENT}\N{COMBINING RING ABOVE}.mp4",
    "".join(map(chr, (*range(1, 32), 127))),
    "".join(map(chr, range(128, 160))),
    "-rf *;$(id)`id`|&.mp4",
    "%s%n:'\"\\,[in]=x.mp4",
    "concat:a.mp4|b.mp4",
    " . ",
    "n" * 240,
)


@cache
def all_names() -> tuple[str, ...]:
    """Return names that people, and those who mean harm, give to files, among them letters of every script."""
    return (*NAMES, *_every_script())


def _pictures() -> Iterator[tuple[str, tuple[bytes, str]]]:
    plain = scene(320, 240)
    for kind in ("jpeg", "png", "bmp", "webp"):
        yield f"plain.{kind}", (saved(plain, kind), FITS)
    for kind in ("gif", "tiff", "avif", "heif", "jpeg2000", "ppm"):
        yield f"plain.{kind}", (saved(plain, kind), MENDED)
    yield "icon.ico", (saved(scene(256, 256), "ico", sizes=[(256, 256)]), MENDED)
    for orientation in range(2, 9):
        yield f"orientation-{orientation}.jpeg", (saved(plain, "jpeg", exif=oriented(orientation)), MENDED)
    yield "place.jpeg", (saved(plain, "jpeg", exif=oriented(1, place=True)), MENDED)
    yield "place.png", (saved(plain, "png", exif=oriented(1, place=True)), MENDED)
    yield "place.webp", (saved(plain, "webp", exif=oriented(1, place=True)), MENDED)
    yield "two-in-one.jpeg", (saved(plain, "mpo", save_all=True, append_images=[scene(320, 240)]), MENDED)
    yield "print.jpeg", (saved(scene(320, 240, "CMYK"), "jpeg"), MENDED)
    yield "grey.jpeg", (saved(scene(320, 240, "L"), "jpeg"), FITS)
    deep = Image.frombytes("I;16", (320, 240), b"".join(struct.pack("<H", n % 65536) for n in range(320 * 240)))
    yield "deep-grey.png", (saved(deep, "png"), MENDED)
    yield "deep-colour.png", (png(300, 300, bytes(1801) * 300, depth=16, colour=2), MENDED)
    yield "floating.tiff", (saved(scene(320, 240, "F"), "tiff"), MENDED)
    yield "bits.png", (saved(scene(320, 240, "1"), "png"), FITS)
    yield "palette.png", (saved(scene(320, 240, "P"), "png"), FITS)
    indexed = scene(320, 240, "P")
    yield "see-through-palette.png", (saved(indexed, "png", transparency=indexed.getpixel((0, 0))), MENDED)
    hazy = scene(320, 240, "RGBA")
    yield "opaque.png", (saved(hazy, "png"), FITS)
    hazy.putalpha(Image.linear_gradient("L").resize((320, 240)))
    yield "see-through.png", (saved(hazy, "png"), MENDED)
    yield "see-through.webp", (saved(hazy, "webp"), MENDED)
    others = [scene(320, 240).rotate(turn) for turn in (90, 180)]
    for kind in ("png", "webp", "gif", "tiff"):
        yield f"animated.{kind}", (saved(plain, kind, save_all=True, append_images=others), MENDED)
    yield "small.png", (saved(scene(50, 40), "png"), MENDED)
    yield "dot.png", (saved(scene(4, 4), "png"), MENDED)
    yield "large.png", (saved(scene(4300, 1500), "png"), MENDED)
    yield "strip.png", (png(1, 100_000, bytes(2) * 100_000), "shape")
    yield "wide.jpeg", (saved(scene(1000, 300), "jpeg"), "shape")


def _films() -> Iterator[tuple[str, tuple[bytes, str]]]:
    plain = film(sound=2.5)
    yield "plain.mp4", (plain, FITS)
    yield "index-in-front.mp4", (film(faststart=True), FITS)
    yield "plain.mov", (film("mov"), FITS)
    yield "plain.avi", (film("avi", codec="mpeg4"), FITS)
    yield "motion-jpeg.avi", (film("avi", codec="mjpeg", pixels="yuvj420p"), FITS)
    yield "plain.mkv", (film("matroska", sound=2.5), MENDED)
    yield "vp8.webm", (film("webm", codec="libvpx", sound=2.5, speech="libopus", options=FAST_VP8), MENDED)
    yield "vp9.webm", (film("webm", codec="libvpx-vp9", options={"cpu-used": "8", "deadline": "realtime"}), MENDED)
    yield "av1.mp4", (av1_film(), MENDED)
    yield "hevc.mp4", (film(codec="libx265"), MENDED)
    yield "ten-bit.mp4", (film(pixels="yuv420p10le"), MENDED)
    yield "full-chroma.mp4", (film(pixels="yuv444p"), MENDED)
    yield "wide-light.mp4", (film(codec="libx265", pixels="yuv420p10le", tune=hlg), MENDED)
    yield "moving.gif", (film("gif", codec="gif", pixels="rgb8"), MENDED)
    yield "odd.avi", (film("avi", codec="mpeg4", size=(321, 241)), MENDED)
    yield "small.mp4", (film(size=(100, 80)), MENDED)
    yield "large.mp4", (film(size=(2100, 1000), rate=2), MENDED)
    yield "long.mp4", (film(seconds=31.0, rate=2), MENDED)
    yield "short.mp4", (film(seconds=1.0), "too_short")
    yield "one-frame.mp4", (film(seconds=0.1), "too_short")
    yield "strip.mp4", (film(size=(1000, 200), rate=2), "shape")
    yield "short-strip.mp4", (film(size=(1000, 200), seconds=1.0), "too_short shape")
    for name, numbers in {
        "turned-90": (0, 1, -1, 0),
        "turned-180": (-1, 0, 0, -1),
        "turned-270": (0, -1, 1, 0),
        "mirrored": (-1, 0, 0, 1),
    }.items():
        yield f"{name}.mp4", (matrix(plain, numbers), MENDED)
    yield "turned-nowhere.mp4", (matrix(plain, (0, 0, 0, 0)), EITHER)
    dice = random.Random(3)
    beat = [sum(dice.choice((50, 100, 300)) for _ in range(n)) for n in range(1)]
    for _ in range(30):
        beat.append(beat[-1] + dice.choice((50, 100, 300)))
    yield "uneven.mp4", (film(stamps=beat), MENDED)
    yield "absurd-stamps.mkv", (film("matroska", stamps=[*range(0, 2500, 100), 10**9]), EITHER)
    yield "absurd-start.mkv", (film("matroska", stamps=[10**9 + n for n in range(0, 2500, 100)]), MENDED)
    yield "ten-streams.mp4", (film(sound=2.5, voices=9), FITS)
    yield "sound-longer.mp4", (film(sound=6.0), FITS)
    yield "sound-longer.mkv", (film("matroska", sound=6.0), MENDED)
    yield "sound-shorter.mkv", (film("matroska", sound=1.0), MENDED)
    yield "sound-as-numbers.mov", (film("mov", sound=2.5, speech="pcm_s16le"), FITS)
    yield "place.mov", (film("mov", tags={"location": "+52.5+013.4/CANARY"}), MENDED)
    yield "edited.mp4", (edited(film(sound=4.0, seconds=4.0), 1.0), EITHER)
    yield "lying.mp4", (lying(plain), FITS)
    yield "sound-only.mp4", (sound_only(), "no_video_stream")
    yield (
        "old-title.mp4",
        (
            film(tags={"title": _LATIN_1_TITLE}).replace(_LATIN_1_TITLE.encode(), b"Caf\xe9\xe9"),
            FITS,
        ),
    )


def _cut_off(pictures: Mapping[str, tuple[bytes, str]], films: Mapping[str, tuple[bytes, str]]) -> Iterable[Specimen]:
    for name in ("plain.jpeg", "plain.png", "plain.webp", "plain.bmp", "plain.heif", "plain.avif", "plain.tiff"):
        data = pictures[name][0]
        for place in (3, 24, len(data) // 3, len(data) - 40):
            yield Specimen(f"cut-at-{place}-{name}", _IMAGE, data[:place], EITHER if place == 3 else "corrupt format")
    for name in ("plain.mp4", "index-in-front.mp4", "plain.avi", "plain.mkv", "vp8.webm", "moving.gif", "hevc.mp4"):
        data = films[name][0]
        for place in (3, 40, len(data) // 3, len(data) - 100):
            yield Specimen(f"cut-at-{place}-{name}", _VIDEO, data[:place], EITHER if place == 3 else "corrupt format")
    data = films["index-in-front.mp4"][0]
    half = len(data) // 2
    yield Specimen("end-is-zeros.mp4", _VIDEO, data[:half] + bytes(len(data) - half), "corrupt")
    yield Specimen(
        "index-is-noise.mp4",
        _VIDEO,
        data[:60] + random.Random(5).randbytes(400) + data[460:],
        "corrupt no_video_stream",
    )


def _hostile(port: int, canary: Path) -> Iterable[Specimen]:
    dice = random.Random(9)
    for role in Role:
        yield Specimen(f"nothing-{role}", role, b"", "empty")
        yield Specimen(f"noise-{role}", role, dice.randbytes(50_000), "format")
        for text in (
            f"ffconcat version 1.0\nfile '{canary}'\nfile 'http://127.0.0.1:{port}/a.mp4'\n",
            f"#EXTM3U\n#EXTINF:3,\nhttp://127.0.0.1:{port}/a.ts\n#EXTINF:3,\nfile://{canary}\n#EXT-X-ENDLIST\n",
        ):
            yield Specimen(f"playlist-{role}-{text[:2]}", role, text.encode(), "playlist")
    yield Specimen("svg.png", _IMAGE, f"<svg><image href='http://127.0.0.1:{port}/'/></svg>".encode(), "format")
    yield Specimen("script.jpg", _IMAGE, b"%!PS-Adobe-3.0 EPSF-3.0\n(/etc/passwd) run\n", "format")
    for magic, name in (
        (b"\xff\xd8\xff\xe0", "jpeg"),
        (b"\x89PNG\r\n\x1a\n", "png"),
        (b"II*\0", "tiff"),
        (b"8BPS", "psd"),
    ):
        yield Specimen(f"noise.{name}", _IMAGE, magic + dice.randbytes(20_000), "corrupt")
    for magic, name in ((b"\0\0\0\x18ftypisom", "mp4"), (b"\x1a\x45\xdf\xa3", "mkv"), (b"GIF89a", "gif")):
        yield Specimen(f"noise.{name}", _VIDEO, magic + dice.randbytes(20_000), "corrupt pixels no_video_stream")
    yield Specimen("three-gigapixels.png", _IMAGE, png(60_000, 50_000, b""), "pixels")
    yield Specimen("gigapixels.gif", _IMAGE, b"GIF89a\xff\xff\xff\xff\x80\0\0" + bytes(6) + b",", "pixels corrupt")
    yield Specimen("bomb.png", _IMAGE, png(30_000, 3_000, deflated_zeros(86 << 20), packed=True), "pixels")
    noted = chunk(b"zTXt", b"bomb\0\0" + deflated_zeros(200 << 20))
    yield Specimen("bomb-in-notes.png", _IMAGE, png(300, 300, bytes(301) * 300, extra=noted), f"{EITHER}")
