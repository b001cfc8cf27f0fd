from __future__ import annotations

import struct
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import pytest
from media_corpus import make_corpus
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from media_corpus import Corpus


def _frame(width: int, height: int, pixels: str, index: int, rate: int) -> av.VideoFrame:
    frame = av.VideoFrame(width, height, pixels)
    for number, plane in enumerate(frame.planes):
        plane.update(bytes([(index * 7 + number * 50) % 256]) * plane.buffer_size)
    frame.pts = index
    frame.time_base = Fraction(1, rate)
    return frame


def _write_clip(
    path: Path, *, width: int, height: int, seconds: float, rate: int, codec: str, sound: bool, options: dict[str, str]
) -> None:
    pixels = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    with av.open(path, "w", options=options) as container:
        picture: Any = container.add_stream(codec, rate=rate)
        picture.width, picture.height, picture.pix_fmt = width, height, pixels
        audio: Any = container.add_stream("aac", rate=48000) if sound else None
        for index in range(round(seconds * rate)):
            container.mux(picture.encode(_frame(width, height, pixels, index, rate)))
        container.mux(picture.encode())
        if audio is not None:
            _write_sound(container, audio, seconds)


def _write_sound(container: Any, stream: Any, seconds: float) -> None:
    for index in range(int(seconds * 48000 / 1024)):
        frame = av.AudioFrame(format="fltp", layout="stereo", samples=1024)
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        frame.sample_rate = 48000
        frame.pts = index * 1024
        container.mux(stream.encode(frame))
    container.mux(stream.encode())


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Makes a video, once per set of arguments. Nobody changes the file: copy it."""
    folder = tmp_path_factory.mktemp("clips")
    made: dict[tuple[Any, ...], Path] = {}

    def make(
        kind: str = "mp4",
        *,
        width: int = 320,
        height: int = 240,
        seconds: float = 2.5,
        rate: int = 10,
        codec: str = "mpeg4",
        sound: bool = False,
        index_first: bool = False,
    ) -> Path:
        key = (kind, width, height, seconds, rate, codec, sound, index_first)
        if key not in made:
            path = folder / f"{len(made)}.{kind}"
            options = {"movflags": "faststart"} if index_first else {}
            _write_clip(
                path,
                width=width,
                height=height,
                seconds=seconds,
                rate=rate,
                codec=codec,
                sound=sound,
                options=options,
            )
            made[key] = path
        return made[key]

    return make


@pytest.fixture(scope="session")
def sound_only(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sound") / "sound.mp4"
    with av.open(path, "w") as container:
        _write_sound(container, container.add_stream("aac", rate=48000), 2.5)
    return path


@pytest.fixture(scope="session")
def rotated(clip: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """320 wide, 240 high, to be shown turned by a quarter, as a telephone writes it."""
    data = bytearray(clip("mov").read_bytes())
    matrix = data.index(b"tkhd") + 4 + 40
    data[matrix : matrix + 36] = struct.pack(">9i", 0, 0x10000, 0, -0x10000, 0, 0, 0, 0, 0x40000000)
    path = tmp_path_factory.mktemp("rotated") / "rotated.mov"
    path.write_bytes(data)
    return path


@pytest.fixture(scope="session")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Makes a picture, once per set of arguments. Nobody changes the file: copy it."""
    folder = tmp_path_factory.mktemp("pictures")
    made: dict[tuple[Any, ...], Path] = {}

    def make(kind: str = "png", *, width: int = 320, height: int = 240, orientation: int | None = None) -> Path:
        key = (kind, width, height, orientation)
        if key not in made:
            path = folder / f"{len(made)}.{kind}"
            exif = Image.Exif()
            if orientation is not None:
                exif[0x0112] = orientation
            with Image.new("RGB", (width, height), (200, 60, 20)) as image:
                image.save(path, exif=exif) if orientation is not None else image.save(path)
            made[key] = path
        return made[key]

    return make


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Corpus]:
    """Good, odd and hostile files. Nobody changes them."""
    made = make_corpus(tmp_path_factory.mktemp("corpus"))
    yield made
    made.server.close()
