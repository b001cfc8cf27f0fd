"""What somebody asked for, and where."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """What is asked for."""

    ANIMATE = "animate"  # the picture's character and background, the video's movement
    SWAP = "swap"  # the video's scene, light and camera, the picture's character


class Quality(StrEnum):
    """How good, and how dear."""

    STANDARD = "standard"
    PRO = "pro"


class Role(StrEnum):
    """Which of a job's two inputs a file is."""

    IMAGE = "image"
    VIDEO = "video"


class Fit(StrEnum):
    """What may be done about a shape that is too narrow or too wide."""

    NONE = "none"  # refuse it
    CROP = "crop"  # keep the middle
    PAD = "pad"  # put plain bars beside it


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file as its owner's service names it. Only ``id`` is trusted; the rest is what it was said to be.

    ``uploaded``: the requester gave it in a form, so it must be theirs; else it must stand where the job was asked for.
    """

    id: str
    name: str = ""
    size: int = 0
    uploaded: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What the requester asked for. Written once."""

    kind: Kind
    quality: Quality = Quality.STANDARD
    watermark: bool = False
    check_person: bool = True
    start: float = 0.0  # of the part of the video that is used, in seconds
    length: float | None = None  # of that part; None: to the end, or to the longest that is taken
    fit: Fit = Fit.NONE
    image: SourceFile
    video: SourceFile

    def file(self, role: Role) -> SourceFile:
        """Return the input that plays this role."""
        return self.image if role is Role.IMAGE else self.video


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a job was asked for and is answered. Opaque to everything but ``bot.slack``."""

    team: str
    channel: str
    user: str
    thread: str | None = None
    response_url: str | None = field(default=None, repr=False)  # a secret: who has it can post
