"""Files that already are in Slack, as choices of the form: which may be the picture, which the video. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from bot.media.limits import MB
from bot.order import Fit, Quality, Role, SourceFile
from bot.slack.files import NO_BYTES, name_of, size_of
from bot.slack.wording import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bot.order import Order

# How Slack's clients name what it does not describe yet.
_ENDINGS: Mapping[Role, frozenset[str]] = {
    Role.IMAGE: frozenset({"jpg", "jpeg", "png", "bmp", "webp", "gif", "heic", "heif", "tif", "tiff"}),
    Role.VIDEO: frozenset({"mp4", "mov", "avi", "webm", "mkv", "m4v", "mpg", "mpeg"}),
}
_KINDS: Mapping[str, Role] = {"image": Role.IMAGE, "video": Role.VIDEO}
_VAGUE = frozenset({"", "application/octet-stream", "binary/octet-stream"})
_BOTH = frozenset(Role)
_NEITHER: frozenset[Role] = frozenset()
_NAME_MOST = 90  # what an option's value has room for


@dataclass(frozen=True, slots=True)
class Offer:
    """A file that may be chosen. ``own``: it was uploaded in a form by the person who is asked."""

    id: str
    name: str
    size: int
    roles: frozenset[Role]
    own: bool = False

    @property
    def source(self) -> SourceFile:
        """The file as an order names it."""
        return SourceFile(self.id, self.name, self.size, uploaded=self.own)

    @property
    def value(self) -> str:
        """The file as an option's value, which ``from_value`` reads."""
        return f"{self.id} {'own' if self.own else 'here'} {self.size} {self.name[:_NAME_MOST]}"

    @property
    def label(self) -> str:
        """The file as an option's text, within the 75 characters that Slack gives it."""
        size = f" · {self.size / MB:.1f} MB" if self.size else ""
        return (clean(self.name, 75 - len(size)) or "file") + size


def from_value(value: str) -> SourceFile:
    """Return the file that an option's value names. Whether it may be used is decided when it is fetched."""
    file, own, size, name = (*value.split(" ", 3), "", "", "")[:4]
    return SourceFile(file, name, int(size) if size.isdecimal() else 0, uploaded=own == "own")


def offer(file: Mapping[str, Any]) -> Offer | None:
    """Return a file object of Slack's as a choice, or None if it can be neither picture nor video."""
    roles = _roles(file)
    if not roles or not file.get("id"):
        return None
    return Offer(str(file["id"]), " ".join(name_of(file).split()), size_of(file) or 0, roles)


def offers(files: Iterable[Mapping[str, Any]]) -> tuple[Offer, ...]:
    """Return the choices among these files, each once."""
    found = {choice.id: choice for file in files if (choice := offer(file)) is not None}
    return tuple(found.values())


def is_stub(file: Mapping[str, Any]) -> bool:
    """Return whether Slack says nothing of a file but its id (Slack Connect): it must be asked for."""
    return file.get("file_access") == "check_file_info"


def _roles(file: Mapping[str, Any]) -> frozenset[Role]:
    if is_stub(file) or file.get("mode") in NO_BYTES or file.get("is_external"):
        return _NEITHER
    mimetype = str(file.get("mimetype") or "").lower()
    if mimetype == "image/gif":  # a picture, or a film
        return _BOTH
    if (role := _KINDS.get(mimetype.partition("/")[0])) is not None:
        return frozenset({role})
    if mimetype not in _VAGUE:
        return _NEITHER
    ending = PurePosixPath(str(file.get("name") or "")).suffix.lower()[1:]
    return frozenset({role for role in Role if ending in _ENDINGS[role]}) or _BOTH


@dataclass(frozen=True, slots=True, kw_only=True)
class Prefill:
    """What stands in the form when it opens. ``start`` and ``length`` are seconds of the video."""

    quality: Quality = Quality.STANDARD
    watermark: bool = False
    check_person: bool = True
    start: float | None = None
    length: float | None = None
    fit: Fit = Fit.NONE
    offers: tuple[Offer, ...] = ()
    chosen: Mapping[Role, str] | None = None  # file ids; without them the first that fits
    note: str = ""  # one plain sentence above the fields

    @classmethod
    def of(cls, order: Order) -> Prefill:
        """Return an order as the form of the next one: the same files, chosen, and the same settings."""
        files = {role: order.file(role) for role in Role}
        return cls(
            quality=order.quality,
            watermark=order.watermark,
            check_person=order.check_person,
            start=order.start or None,
            length=order.length,
            fit=order.fit,
            offers=tuple(_again(file, role) for role, file in files.items()),
            chosen={role: file.id for role, file in files.items()},
        )

    def with_offers(self, more: Iterable[Offer], *, note: str = "") -> Prefill:
        """Return the same with more files to choose from, each file once; what is known already comes first."""
        known = {choice.id for choice in self.offers}
        new = tuple(choice for choice in more if choice.id not in known)
        return replace(self, offers=self.offers + new, note=note or self.note)

    def candidates(self, role: Role) -> tuple[Offer, ...]:
        """Return the files that may play this role, in order; those that may play no other come first."""
        return tuple(sorted((choice for choice in self.offers if role in choice.roles), key=lambda o: len(o.roles)))

    def first(self, role: Role) -> Offer | None:
        """Return the file that is chosen for a role until the person chooses another."""
        candidates = self.candidates(role)
        if self.chosen and (wished := next((c for c in candidates if c.id == self.chosen.get(role)), None)):
            return wished
        if role is Role.VIDEO and (picture := self.first(Role.IMAGE)) is not None:
            candidates = tuple(choice for choice in candidates if choice.id != picture.id)
        return next(iter(candidates), None)


def _again(file: SourceFile, role: Role) -> Offer:
    return Offer(file.id, file.name, file.size, frozenset({role}), own=file.uploaded)
