"""What is said of files: which part was asked for, what was done to them, what came out. Pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from bot.media.limits import Change, format_name, megabytes, sides
from bot.order import Fit, Role
from bot.slack.failures import FILE, harmless

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.job import Job, Media, Mend
    from bot.order import Order

SHOWN = {Role.IMAGE: "picture", Role.VIDEO: "video-frames"}  # how a preview's files are called

_BY_FIT: Mapping[Fit, str] = {Fit.CROP: "cropped if its shape does not fit", Fit.PAD: "bars if its shape does not fit"}

_BY_CHANGE: Mapping[str, str] = {
    Change.CONVERTED: "{before} → {after}",
    Change.RECODED: "{before} → {after}",
    Change.CUT: "cut to {after} of its {before}",
    Change.TRIMMED: "sound cut where its pictures end",
    Change.FIRST_FRAME: "only the first of its pictures is used",
    Change.TURNED: "turned upright",
    Change.CROPPED: "cropped from {before} to {after}",
    Change.PADDED: "bars added, from {before} to {after}",
    Change.SCALED: "scaled from {before} to {after}",
    Change.FLATTENED: "its transparency laid on {after}",
    Change.COLOURS: "colours {before} → {after}",
    Change.TONE_MAPPED: "light {before} → {after}",
    Change.STEADIED: "frame rate {before} → {after}",
    Change.COMPRESSED: "made smaller, {before} → {after}",
    Change.SILENCED: "without its sound, which can't be read",
    Change.CLEANED: "notes such as place and camera taken out",
}


def mend(done: Mend) -> str:
    """Return one thing that was done to a file, in a few words."""
    return _BY_CHANGE[done.change].format(before=harmless(done.before), after=harmless(done.after))


def mending_line(job: Job) -> str:
    """Return what was done to both files, in one line; empty when they fitted as they came."""
    parts = []
    for role in Role:
        found = job.input(role)
        if found is not None and found.mending.mends:
            done = ", ".join(dict.fromkeys(mend(each) for each in found.mending.mends))
            parts.append(f"{FILE[role].capitalize()}: {done}.")
    return " ".join(parts)


def asked(order: Order) -> str:
    """Return what was chosen in the form beside the files and the quality; empty when all was left as it is."""
    parts = []
    if order.start or order.length is not None:
        length = "" if order.length is None else f", {order.length:g} s"
        parts.append(f"from {clock(order.start)}{length}")
    if order.fit in _BY_FIT:
        parts.append(_BY_FIT[order.fit])
    return " · ".join(parts)


def shown_text(job: Job) -> str:
    """Return the words beside a preview."""
    done = mending_line(job) or "Both files fit as they came."
    return (
        f"This is what will be sent to Model Studio: the picture, and the video in nine frames with their times. {done}"
    )


def alt_text(job: Job, role: Role) -> str:
    """Return a description of one of the preview's pictures for those who can't see it."""
    found = job.input(role)
    if found is None:
        raise ValueError("what was not looked at can't be shown")
    size = sides(found.media.width, found.media.height)
    if role is Role.IMAGE:
        return f"The picture as it will be sent: {format_name(found.media.format)}, {size}"
    return f"Nine frames of the video as it will be sent: {found.media.seconds:.1f} s, {size}"


def details(media: Media) -> str:
    """Return what the finished video really is."""
    sound = "with sound" if media.sound else "no sound"
    return (
        f"{media.seconds:.1f} s · {sides(media.width, media.height)} · {round(media.fps, 2):g} fps · "
        f"{megabytes(media.size)} · {sound}"
    )


def clock(seconds: float) -> str:
    """Return a place in a video as players show it: 0:05, 1:02.5."""
    minutes, rest = divmod(seconds, 60)
    whole = math.floor(rest)
    part = f"{rest - whole:.2f}"[1:].rstrip("0").rstrip(".") if round(rest - whole, 2) else ""
    return f"{minutes:.0f}:{whole:02}{part}"
