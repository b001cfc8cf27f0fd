"""Pictures and films made by code: as a person's telephone or chat would make them, and worse."""

from __future__ import annotations

import io
import struct
import tempfile
import zlib
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import pillow_heif
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

FAST_VP8 = {"cpu-used": "8", "deadline": "realtime", "lag-in-frames": "0"}


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


def png(
    width: int,
    height: int,
    pixels: bytes,
    *,
    depth: int = 8,
    colour: int = 0,
    extra: bytes = b"",
    packed: bool = False,
) -> bytes:
    """Return a grey PNG, or another kind, of these rows; ``packed``: they are compressed already."""
    data = pixels if packed else zlib.compress(pixels, 9)
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = chunk(b"IHDR", header) + extra + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def deflated_zeros(length: int) -> bytes:
    """Return so many zeros, a multiple of 2**20, compressed: one stretch of them, again and again."""
    packer, stretch = zlib.compressobj(9), bytes(1 << 20)
    first = packer.compress(stretch) + packer.flush(zlib.Z_FULL_FLUSH)
    again = packer.compress(stretch) + packer.flush(zlib.Z_FULL_FLUSH)
    total = 1
    for _ in range(length >> 20):
        total = zlib.adler32(stretch, total)
    return first + again * ((length >> 20) - 1) + b"\x03\0" + struct.pack(">I", total)


def chunk(name: bytes, body: bytes) -> bytes:
    """Return one chunk of a PNG."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


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
                "libx265": {"preset": "ultrafast", "x265-params": "log-level=0:pools=1:frame-threads=1"},
            }
            picture: Any = made.add_stream(codec, rate=rate, options={**quick.get(codec, {}), **(options or {})})
            picture.width, picture.height = size
            picture.pix_fmt = pixels
            picture.codec_context.time_base = Fraction(1, rate * 100)
            picture.codec_context.thread_count = 1  # threads that wait for each other cost more than they save
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
    return moving[:8] + b"isom" + moving[12:]  # by its first brand a film; its first picture is a stream of its own


def hlg(context: Any) -> None:
    """Tag a film as HDR."""
    context.color_primaries, context.color_trc, context.colorspace, context.color_range = 9, 18, 9, 1


def matrix(data: bytes, numbers: tuple[int, int, int, int]) -> bytes:
    """Return an MP4 whose first track is to be shown by this matrix."""
    a, b, c, d = (number * 0x10000 for number in numbers)
    place = data.index(b"tkhd") + 4 + 40
    return data[:place] + struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 0x40000000) + data[place + 36 :]


def sound_only() -> bytes:
    """Return an MP4 without pictures."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as made:
        _speak(made, made.add_stream("aac", rate=48000, layout="stereo"), 2.5)
    return file.getvalue()


def edited(data: bytes, skipped: float) -> bytes:
    """Make the first track's edit list begin this many seconds into its pictures."""
    place = data.index(b"elst") + 4
    base = struct.unpack_from(">I", data, data.index(b"mdhd") + 4 + 12)[0]
    movie = struct.unpack_from(">I", data, data.index(b"mvhd") + 4 + 12)[0]
    entry = struct.pack(">Ii", 2 * movie, int(skipped * base))
    return data[: place + 8] + entry + data[place + 16 :]


def lying(data: bytes) -> bytes:
    """Make every header claim a length of many days."""
    changed = bytearray(data)
    for name, offset in ((b"mvhd", 16), (b"tkhd", 20), (b"mdhd", 16)):
        struct.pack_into(">I", changed, data.index(name) + 4 + offset, 0x7FFFFFF0)
    return bytes(changed)


def with_track(data: bytes, code: bytes) -> bytes:
    """Return an MP4 whose last track of sound says that it is a camera's notes of this kind."""
    made = bytearray(data)
    handler = data.rindex(b"soun")
    made[handler : handler + 4] = b"meta"
    for name, other in ((b"mp4a", code), (b"smhd", b"nmhd")):
        place = data.rindex(name)
        made[place : place + 4] = other
    return bytes(made)
