"""What a file is by its first bytes. Names and mimetypes are never asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.media.limits import MENDABLE, Rule, Unfit
from bot.order import Role

if TYPE_CHECKING:
    from collections.abc import Mapping

HEAD = 4096  # bytes; every signature is in the first few dozen

_PLAYLISTS = (b"#extm3u", b"ffconcat", b"[playlist]")
_MAGIC = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"II+\0", "tiff"),
    (b"MM\0+", "tiff"),
    (b"8BPS", "psd"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "jp2"),
    (b"\xff\x4f\xff\x51", "jp2"),
    (b"\0\0\1\0", "ico"),
    *((b"P" + digit + space, "ppm") for digit in (b"4", b"5", b"6") for space in (b"\n", b" ", b"\r", b"\t")),
    (b"%PDF", "pdf"),
    (b"OggS", "ogg"),
    (b"FLV\1", "flv"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "wmv"),
    (b"\0\0\1\xba", "mpeg"),
    (b"\0\0\1\xb3", "mpeg"),
    (b"ID3", "mp3"),
)
_BRANDS: Mapping[bytes, str] = {
    b"qt  ": "mov",
    b"avif": "avif",
    b"avis": "avif",
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), "heic"),
}
_ATOMS = frozenset({b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})  # how a QuickTime file without "ftyp" begins
_BMP_HEADERS = frozenset({12, 40, 52, 56, 64, 108, 124})  # lengths; "BM" alone also begins texts

# Name for people, and what it is: neither picture nor video means that it is wrong in both places.
_KNOWN: Mapping[str, tuple[str, Role | None]] = {
    "jpeg": ("JPEG", Role.IMAGE),
    "png": ("PNG", Role.IMAGE),
    "bmp": ("BMP", Role.IMAGE),
    "webp": ("WebP", Role.IMAGE),
    "heic": ("HEIC", Role.IMAGE),
    "avif": ("AVIF", Role.IMAGE),
    "tiff": ("TIFF", Role.IMAGE),
    "psd": ("Photoshop", Role.IMAGE),
    "jp2": ("JPEG 2000", Role.IMAGE),
    "ico": ("ICO", Role.IMAGE),
    "ppm": ("PNM", Role.IMAGE),
    "mp4": ("MP4", Role.VIDEO),
    "mov": ("MOV", Role.VIDEO),
    "avi": ("AVI", Role.VIDEO),
    "webm": ("WebM", Role.VIDEO),
    "matroska": ("Matroska", Role.VIDEO),
    "flv": ("Flash", Role.VIDEO),
    "wmv": ("WMV", Role.VIDEO),
    "mpeg": ("MPEG", Role.VIDEO),
    "gif": ("GIF", None),  # a picture to some, a film to others
    "ogg": ("Ogg", None),
    "mp3": ("MP3", None),
    "pdf": ("PDF", None),
    "html": ("web page", None),
    "svg": ("SVG", None),
}
_WORDS: Mapping[Role, str] = {Role.IMAGE: "picture", Role.VIDEO: "video"}


def recognise(head: bytes) -> str:
    """Return the format that the first ``HEAD`` bytes announce: ``playlist``, or an empty string for an unknown one."""
    for magic, name in _MAGIC:
        if head.startswith(magic):
            return name
    return _container(head) or _text(head)


def _container(head: bytes) -> str:
    if head[:4] == b"RIFF":
        return {b"WEBP": "webp", b"AVI ": "avi"}.get(head[8:12], "")
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], "mp4")
    if head[4:8] in _ATOMS:
        return "mov"
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return "webm" if b"webm" in head[:64] else "matroska"
    is_bmp = head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADERS
    return "bmp" if is_bmp else ""


def _text(head: bytes) -> str:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if start.startswith(_PLAYLISTS):
        return "playlist"
    if start.startswith((b"<!doctype html", b"<html")):
        return "html"
    return "svg" if start.startswith((b"<svg", b"<?xml")) and b"<svg" in start else ""


def admit(role: Role, found: str) -> None:
    """Return if a file of this format may be opened for this role; raises ``Unfit`` if there is no use in it."""
    limits = MENDABLE[role]
    if found in limits.formats:
        return
    if found == "playlist":
        raise Unfit(Rule.PLAYLIST)
    label, kind = _KNOWN.get(found, ("", None))
    if kind is None or kind is role:
        raise Unfit(Rule.FORMAT, found=label, limit=limits.formats_text)
    raise Unfit(Rule.KIND, found=f"{label} {_WORDS[kind]}", limit=limits.formats_text)


def webp_pixels(head: bytes) -> tuple[int, int] | None:
    """Return a WebP's width and height, None if the header is damaged.

    Pillow's WebP reader makes room for the whole canvas on opening, so its size must be known before.
    """
    chunk, body = head[12:16], head[20:30]
    if len(body) < 10:
        return None
    if chunk == b"VP8X":
        return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
    if chunk == b"VP8 ":
        return int.from_bytes(body[6:8], "little") & 0x3FFF, int.from_bytes(body[8:10], "little") & 0x3FFF
    if chunk == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return None
