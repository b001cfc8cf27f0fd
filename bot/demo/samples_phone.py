"""What a telephone brings: the sample character as HEIC, the sample dance as a sideways HEVC film."""

from __future__ import annotations

import struct
from fractions import Fraction
from typing import TYPE_CHECKING

import av
import pillow_heif

from bot.demo.render_film import film_frame
from bot.demo.samples_dance import BEAT, moment, sound, stage
from bot.demo.samples_figure import SIZE, portrait

if TYPE_CHECKING:
    from pathlib import Path

    from PIL import Image

FPS = 4
FILM_SIZE = (288, 512)  # as it is seen
_CYCLE = 4 * BEAT  # seconds after which the dance begins anew


def telephone_picture(to: Path) -> None:
    """Write the character as HEIC, 768 by 1024 pixels. Blocks."""
    pillow_heif.register_heif_opener()
    portrait(SIZE).save(to, "HEIF", quality=80)


def telephone_film(to: Path, *, seconds: float = 45.0) -> None:
    """Write a QuickTime film with a tune, HEVC, that lies on its side and says how it is to be turned. Blocks."""
    with av.open(str(to), "w", format="mov") as output:
        options = {"preset": "ultrafast", "crf": "30", "x265-params": "log-level=0:pools=2:frame-threads=1"}
        stream = output.add_stream("libx265", rate=FPS, options=options)
        stream.width, stream.height = FILM_SIZE[::-1]
        stream.pix_fmt = "yuv420p"
        stream.codec_tag = "hvc1"
        packets = sound(output, seconds)
        cycle = _cycle()
        for index in range(round(seconds * FPS)):
            frame = film_frame(cycle[index % len(cycle)])
            frame.pts, frame.time_base = index, Fraction(1, FPS)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
        output.mux(packets)
    to.write_bytes(_lain_down(to.read_bytes()))


def _cycle() -> list[Image.Image]:
    """Return the frames of the dance until it begins anew, lying on their side."""
    ground = stage()
    times = [index / FPS for index in range(round(_CYCLE * FPS))]
    return [moment(ground, at).resize(FILM_SIZE).rotate(90, expand=True) for at in times]


def _lain_down(data: bytes) -> bytes:
    """Say in the first track's header that it is to be shown a quarter turn clockwise, as telephones do."""
    place = data.index(b"tkhd") + 4 + 40
    turn = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30)
    return data[:place] + turn + data[place + len(turn) :]
