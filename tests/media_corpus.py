"""Good, odd and hostile files, made by code: what each of them is, and what must become of it."""

from __future__ import annotations

import contextlib
import io
import os
import random
import socket
import struct
import tempfile
import zlib
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import pillow_heif
from PIL import Image

from bot.job import Role

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

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
    made += [Specimen(name, _VIDEO, films["plain.mp4"][0], FITS) for name in NAMES]
    return made


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


# --- pictures ---------------------------------------------------------------------------------------------------------


def scene(width: int, height: int, mode: str = "RGB") -> Image.Image:
    """Return a picture in which left, right, top and bottom differ."""
    image = Image.linear_gradient("L").resize((width, height))
    other = Image.linear_gradient("L").rotate(90).resize((width, height))
    whole = Image.merge("RGB", (image, other, Image.new("L", (width, height), 90)))
    whole.paste((250, 10, 10), (0, 0, width // 4, height // 4))
    return whole if mode == "RGB" else whole.convert(mode)


def saved(image: Image.Image, kind: str, **how: Any) -> bytes:
    """Return the picture as a file of this kind."""
    if kind == "heif":
        pillow_heif.register_heif_opener()
    file = io.BytesIO()
    image.save(file, format=kind, **how)
    return file.getvalue()


def oriented(orientation: int, *, place: bool = False) -> Image.Exif:
    """Return notes that turn a picture and, with ``place``, tell where it was taken."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    if place:
        exif[0x010F] = "CANARY camera"
        exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 31.0, 12.0)})
    return exif


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
    yield "deep-colour.png", (_png(300, 300, bytes(1801) * 300, depth=16, colour=2), MENDED)
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
    yield "strip.png", (_png(1, 100_000, bytes(2) * 100_000), "shape")
    yield "wide.jpeg", (saved(scene(1000, 300), "jpeg"), "shape")


def _png(width: int, height: int, pixels: bytes, *, depth: int = 8, colour: int = 0, extra: bytes = b"") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = _chunk(b"IHDR", header) + extra + _chunk(b"IDAT", zlib.compress(pixels, 9)) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


# --- films ------------------------------------------------------------------------------------------------------------


def frame(width: int, height: int, index: int, pixels: str = "yuv420p") -> av.VideoFrame:
    """Return one frame of a film: stripes that move, so that frames differ."""
    made = av.VideoFrame(width, height, "yuv420p")
    for number, plane in enumerate(made.planes):
        row = bytes((index * 7 + number * 50 + column // 4 * 9) % 220 + 16 for column in range(plane.line_size))
        plane.update(row * plane.height)
    return made if pixels == "yuv420p" else made.reformat(format=pixels)


def film(
    kind: str = "mp4",
    *,
    codec: str = "libx264",
    size: tuple[int, int] = (320, 240),
    stamps: Sequence[int] | None = None,
    seconds: float = 2.5,
    rate: int = 10,
    pixels: str = "yuv420p",
    sound: float | None = None,
    voices: int = 1,
    speech: str = "aac",
    faststart: bool = False,
    tags: Mapping[str, str] | None = None,
    tune: Callable[[Any], None] | None = None,
    options: Mapping[str, str] | None = None,
    draw: Callable[[int], Image.Image] | None = None,
    matrix_name: str | int | None = None,
) -> bytes:
    """Return a film. ``stamps``: the time of each frame, in hundredths of ``1 / rate``."""
    flags = {"movflags": "+use_metadata_tags" + ("+faststart" if faststart else "")} if kind in {"mp4", "mov"} else {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film"
        with av.open(path, "w", format=kind, options=flags) as made:
            made.metadata.update(tags or {})
            quick = {
                "libx264": {"preset": "ultrafast"},
                "libx265": {"preset": "ultrafast", "x265-params": "log-level=0"},
            }
            picture: Any = made.add_stream(codec, rate=rate, options={**quick.get(codec, {}), **(options or {})})
            picture.width, picture.height = size
            picture.pix_fmt = pixels
            picture.codec_context.time_base = Fraction(1, rate * 100)
            if tune is not None:
                tune(picture.codec_context)
            heard = [
                made.add_stream(speech, rate=48000, layout="stereo") for _ in range(voices if sound is not None else 0)
            ]
            for index, stamp in enumerate(stamps or range(0, round(seconds * rate) * 100, 100)):
                still = frame(*size, index, pixels) if draw is None else _drawn(draw(index), pixels, matrix_name)
                still.pts, still.time_base = stamp, Fraction(1, rate * 100)
                made.mux(picture.encode(still))
            made.mux(picture.encode())
            for stream in heard:
                _speak(made, stream, sound or 0.0)
        return path.read_bytes()


def _drawn(image: Image.Image, pixels: str, matrix_name: str | int | None) -> av.VideoFrame:
    drawn: Any = av.VideoFrame
    still: av.VideoFrame = drawn.from_image(image).reformat(format=pixels, dst_colorspace=matrix_name)
    return still


def _speak(made: Any, stream: Any, seconds: float) -> None:
    for index in range(int(seconds * 48000 / 960)):
        beep = av.AudioFrame(format=stream.codec_context.format.name, layout="stereo", samples=960)
        for plane in beep.planes:
            plane.update(bytes(plane.buffer_size))
        beep.sample_rate, beep.pts, beep.time_base = 48000, index * 960, Fraction(1, 48000)
        made.mux(stream.encode(beep))
    made.mux(stream.encode())


def av1_film() -> bytes:
    """Return a film in AV1, out of a moving picture by Pillow: FFmpeg's encoder asks for real-time priority."""
    stills = [scene(320, 240).rotate(index, fillcolor=(9, 9, 9)) for index in range(25)]
    moving = saved(stills[0], "avif", save_all=True, append_images=stills[1:], duration=100, speed=10, max_threads=2)
    place = moving.index(b"meta")  # the still picture that lies beside the film, and would be taken for it
    return moving[:8] + b"isom" + moving[12:place] + b"free" + moving[place + 4 :]  # by its first brand a film


def _hlg(context: Any) -> None:
    context.color_primaries, context.color_trc, context.colorspace, context.color_range = 9, 18, 9, 1


def matrix(data: bytes, numbers: tuple[int, int, int, int]) -> bytes:
    """Return an MP4 whose first track is to be shown by this matrix."""
    a, b, c, d = (number * 0x10000 for number in numbers)
    place = data.index(b"tkhd") + 4 + 40
    return data[:place] + struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 0x40000000) + data[place + 36 :]


def _films() -> Iterator[tuple[str, tuple[bytes, str]]]:
    plain = film(sound=2.5)
    yield "plain.mp4", (plain, FITS)
    yield "index-in-front.mp4", (film(faststart=True), FITS)
    yield "plain.mov", (film("mov"), FITS)
    yield "plain.avi", (film("avi", codec="mpeg4"), FITS)
    yield "motion-jpeg.avi", (film("avi", codec="mjpeg", pixels="yuvj420p"), FITS)
    yield "plain.mkv", (film("matroska", sound=2.5), MENDED)
    yield "vp8.webm", (film("webm", codec="libvpx", sound=2.5, speech="libopus", options={"cpu-used": "8"}), MENDED)
    yield "vp9.webm", (film("webm", codec="libvpx-vp9", options={"cpu-used": "8", "deadline": "realtime"}), MENDED)
    yield "av1.mp4", (av1_film(), MENDED)
    yield "hevc.mp4", (film(codec="libx265"), MENDED)
    yield "ten-bit.mp4", (film(pixels="yuv420p10le"), MENDED)
    yield "full-chroma.mp4", (film(pixels="yuv444p"), MENDED)
    yield "wide-light.mp4", (film(codec="libx265", pixels="yuv420p10le", tune=_hlg), MENDED)
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
    yield "edited.mp4", (_edited(film(sound=4.0, seconds=4.0), 1.0), EITHER)
    yield "lying.mp4", (_lying(plain), FITS)
    yield "sound-only.mp4", (_sound_only(), "no_video_stream")
    yield (
        "old-title.mp4",
        (
            film(tags={"title": _LATIN_1_TITLE}).replace(_LATIN_1_TITLE.encode(), b"Caf\xe9\xe9"),
            FITS,
        ),
    )


def _sound_only() -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as made:
        _speak(made, made.add_stream("aac", rate=48000, layout="stereo"), 2.5)
    return file.getvalue()


def _edited(data: bytes, skipped: float) -> bytes:
    """Make the first track's edit list begin this many seconds into its pictures."""
    place = data.index(b"elst") + 4
    base = struct.unpack_from(">I", data, data.index(b"mdhd") + 4 + 12)[0]
    entry = struct.pack(">Ii", 2000, int(skipped * base))
    return data[: place + 8] + entry + data[place + 16 :]


def _lying(data: bytes) -> bytes:
    """Make every header claim a length of many days."""
    changed = bytearray(data)
    for name, offset in ((b"mvhd", 16), (b"tkhd", 20), (b"mdhd", 16)):
        struct.pack_into(">I", changed, data.index(name) + 4 + offset, 0x7FFFFFF0)
    return bytes(changed)


# --- cut off, and hostile ---------------------------------------------------------------------------------------------


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
    yield Specimen("three-gigapixels.png", _IMAGE, _png(60_000, 50_000, b""), "pixels")
    yield Specimen("gigapixels.gif", _IMAGE, b"GIF89a\xff\xff\xff\xff\x80\0\0" + bytes(6) + b",", "pixels corrupt")
    yield Specimen("bomb.png", _IMAGE, _png(30_000, 3_000, bytes(30_001) * 3_000), "pixels")
    noted = _chunk(b"zTXt", b"bomb\0\0" + zlib.compress(bytes(200_000_000), 9))
    yield Specimen("bomb-in-notes.png", _IMAGE, _png(300, 300, bytes(301) * 300, extra=noted), f"{EITHER}")
