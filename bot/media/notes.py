"""Taking notes (place, camera, comments) out of a file without touching its pictures: bytes in, bytes out."""

from __future__ import annotations

import re
import struct
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_EXIF_IN_WEBP, _XMP_IN_WEBP = 0x08, 0x04  # flags of the VP8X chunk
_MARKER = re.compile(rb"\xff+[^\x00\xd0-\xd7\xff]")  # in a JPEG's coded data; the others belong to it
_START_OF_SCAN, _END, _COMMENT = 0xDA, 0xD9, 0xFE
_KEPT_IN_PNG = frozenset(
    b"IHDR PLTE IDAT IEND tRNS gAMA cHRM sRGB iCCP cICP sBIT bKGD pHYs hIST sPLT mDCV cLLI acTL fcTL fdAT".split()
)
_TOLD_IN_PNG = frozenset((b"eXIf", b"tEXt", b"zTXt", b"iTXt"))
_KEPT_IN_WEBP = frozenset((b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ICCP", b"ANIM", b"ANMF"))
_TOLD_IN_WEBP = frozenset((b"EXIF", b"XMP "))
_BRANCHES = frozenset((b"moov", b"trak"))  # of an MP4: what holds others
_NOTES = frozenset((b"udta", b"meta", b"uuid"))
_TO_CODES = frozenset((b"moov", b"trak", b"mdia", b"minf", b"stbl"))


def bare(data: bytes, kind: str) -> tuple[bytes, bool]:
    """Return the picture without its notes, and whether one of them tells of a person, a place or a camera.

    A picture that has none, or is of a kind that is not known here, comes back as it was. What decides over the look
    (colour profile, Adobe's colour order, density) stays. Raises ``ValueError`` for one that is not built as its kind
    is: decoders make something of it, and nobody can say what it tells.
    """
    strip = {"jpeg": _bare_jpeg, "png": _bare_png, "webp": _bare_webp}.get(kind)
    if strip is None:
        return data, False
    try:
        stripped, told = strip(data)
    except (IndexError, struct.error) as error:
        raise ValueError("cut off") from error
    return (stripped, told) if told else (data, False)


def _bare_jpeg(data: bytes) -> tuple[bytes, bool]:
    kept, told, place = [data[:2]], False, 2
    while place < len(data):
        while data[place] == data[place + 1] == 0xFF:  # a marker may be preceded by any number of these
            place += 1
        marker = data[place + 1]
        if data[place] != 0xFF:
            raise ValueError("no marker where one must be")
        if marker == _END:
            kept.append(data[place : place + 2])
            # A second picture, a film: telephones add them, with notes of their own. Zeros tell nothing.
            return b"".join(kept), told or data[place + 2 :].strip(b"\0") != b""
        end = place + 2 + int.from_bytes(data[place + 2 : place + 4])
        keeps, tells = _jpeg_segment(marker, data[place + 4 : place + 16])
        told = told or tells
        if marker == _START_OF_SCAN:
            following = _MARKER.search(data, end)
            if following is None:
                break
            end = following.start()
        if keeps:
            kept.append(data[place:end])
        place = end
    raise ValueError("cut off")


def _jpeg_segment(marker: int, start: bytes) -> tuple[bool, bool]:
    """Return whether this segment is kept, and whether it tells something."""
    if marker == _COMMENT:
        return False, False  # most name a program; gone with the rest, no reason to begin
    if not 0xE1 <= marker <= 0xEF:
        return not (marker == 0xE0 and start.startswith(b"JFXX")), False
    keeps = (marker == 0xE2 and start.startswith(b"ICC_PROFILE")) or (marker == 0xEE and start.startswith(b"Adobe"))
    return keeps, not keeps


def _bare_png(data: bytes) -> tuple[bytes, bool]:
    kept, told, place = [data[:8]], False, 8
    while True:
        length, name = struct.unpack_from(">I4s", data, place)
        end = place + 12 + length
        if end > len(data):
            raise ValueError("cut off")
        told = told or name in _TOLD_IN_PNG
        if name in _KEPT_IN_PNG or not name[0] & 0x20:  # a capital letter: nothing can be read without it
            kept.append(data[place:end])
        place = end
        if name == b"IEND":
            return b"".join(kept), told or data[place:].strip(b"\0") != b""


def _bare_webp(data: bytes) -> tuple[bytes, bool]:
    kept, told, place = [], False, 12
    size = int.from_bytes(data[4:8], "little") + 8
    if size > len(data):
        raise ValueError("cut off")
    while place < size:
        name, length = struct.unpack_from("<4sI", data, place)
        end = place + 8 + length + length % 2
        chunk = bytearray(data[place:end])
        told = told or name in _TOLD_IN_WEBP
        if name == b"VP8X":
            chunk[8] &= ~(_EXIF_IN_WEBP | _XMP_IN_WEBP) & 0xFF
        if name in _KEPT_IN_WEBP:
            kept.append(bytes(chunk))
        place = end
    body = b"WEBP" + b"".join(kept)
    return b"RIFF" + struct.pack("<I", len(body)) + body, told


def blank(film: BinaryIO) -> None:
    """Make the notes of an MP4 or MOV into empty room of the same length: every frame stays where the index says.

    Raises ``ValueError`` for a file that is not built as it should be.
    """
    film.seek(0, 2)
    for start, inside, end in list(_notes(film, 0, film.tell(), top=True)):
        film.seek(start + 4)
        film.write(b"free")
        film.seek(inside)
        film.write(bytes(end - inside))


def track_codes(film: BinaryIO) -> dict[int, str]:
    """Return the four letters by which each track of an MP4 or MOV names what is in it, by the track's number.

    A file that is not built as it should be gives those that were found before.
    """
    codes: dict[int, str] = {}
    number = 0
    film.seek(0, 2)
    with suppress(ValueError):
        for name, inside in _boxes(film, 0, film.tell(), top=True):
            film.seek(inside)
            if name == b"tkhd":
                head = film.read(24)
                number = int.from_bytes(head[20:24] if head[:1] == b"\x01" else head[12:16])
            else:
                codes.setdefault(number, film.read(16)[12:].decode("latin-1").lower())
    return codes


def _boxes(film: BinaryIO, place: int, end: int, *, top: bool = False) -> Iterator[tuple[bytes, int]]:
    """Yield each track's header and description: name, and where its contents begin."""
    for name, _, inside, after in _level(film, place, end, top=top):
        if name in _TO_CODES:
            yield from _boxes(film, inside, after)
        elif name in {b"tkhd", b"stsd"}:
            yield name, inside


def _notes(film: BinaryIO, place: int, end: int, *, top: bool) -> Iterator[tuple[int, int, int]]:
    """Yield where each box of notes begins, where its contents begin, and where it ends."""
    for name, start, inside, after in _level(film, place, end, top=top):
        if name in _BRANCHES:
            yield from _notes(film, inside, after, top=False)
        elif name in _NOTES:
            yield start, inside, after


def _level(film: BinaryIO, place: int, end: int, *, top: bool) -> Iterator[tuple[bytes, int, int, int]]:
    """Yield the boxes beside each other: name, where it begins, where its contents begin, where it ends."""
    while place + 8 <= end:
        film.seek(place)
        head = film.read(16)
        size, name, header = int.from_bytes(head[:4]), head[4:8], 8
        if size == 1:
            size, header = int.from_bytes(head[8:16]), 16
        elif size == 0 and top:
            size = end - place
        if size < header or place + size > end:
            raise ValueError("a box longer than what holds it")
        yield name, place, place + header, place + size
        place += size


def erase(film: BinaryIO, ranges: Iterable[tuple[int, int]]) -> None:
    """Overwrite bytes, given by place and length, with zeros."""
    for place, length in ranges:
        film.seek(place)
        film.write(bytes(length))
