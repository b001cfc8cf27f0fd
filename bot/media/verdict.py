"""Whether a file fits as it is, can be mended, and how, or must be refused: pure, from what was found in it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING

from bot.job import Media, Mend
from bot.media.limits import (
    CODECS_TAKEN,
    FPS_MAX,
    LIMITS,
    PIXELS_TAKEN,
    SECONDS_TOLERANCE,
    Change,
    Rule,
    Unfit,
    format_name,
    length_broken,
    megabytes,
    shape_broken,
    sides,
)
from bot.media.shape import Geometry, geometry
from bot.order import Fit, Role

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bot.failure import Problem
    from bot.media.limits import Limits, Wish

_FPS_MIN = 10.0  # a slow GIF is given more frames of the same pictures: some readers stumble over one a second
_BEATS = (24, 25, 30, 48, 50, 60)
_HAIR = 1e-6  # of a frame: what floating point makes of a whole number


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """All that the verdict asks of a file that was opened. ``media`` has its sides as they are shown."""

    media: Media
    bare: int  # bytes without its notes
    notes: bool = False  # there are some that are nobody's business
    unread: bool = False  # nobody can say whether there are
    turn: int = 1  # how it is to be turned and mirrored: 1 to 8, as EXIF counts
    colours: str = ""  # how its colours are kept, if not in the plain way
    alpha: bool = False  # something in it is transparent
    moving: bool = False  # a picture of several
    pixels: str = PIXELS_TAKEN[0]  # a film's pixel format
    light: str = ""  # "hlg", "pq" or "wide": a film's range of light and colour, if not the usual one
    square: bool = True  # its pixels are
    origin: float = 0.0  # the time stamp of a film's first frame, in seconds
    beat: float = 0.0  # frames a second, by the interval that is kept most often
    voice: bool = True  # the sound, if there is any, can be decoded
    rest: float = 0.0  # how long a film's other streams go on, from its first frame on
    hidden: bool = False  # some of its frames are not to be shown, only others are built on them


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What mending has to do. ``recode`` is false where the pictures can be taken over as they are coded."""

    geometry: Geometry
    recode: bool
    trim: bool = False  # what goes on after the pictures is left out, though these may stay as they are coded
    start: float = 0.0
    seconds: float = 0.0
    rate: Fraction = Fraction(0)

    @property
    def frames(self) -> int:
        """How many the mended film has."""
        return max(1, round(self.seconds * self.rate))


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Refused if there are problems, fitting as it is if there is neither problem nor mend."""

    problems: tuple[Problem, ...]
    mends: tuple[Mend, ...]
    plan: Plan

    @property
    def fits(self) -> bool:
        """True when not one byte has to change."""
        return not self.problems and not self.mends


def judge(role: Role, found: Found, wish: Wish) -> Verdict:
    """Return the verdict on a whole file, with every problem and every mend."""
    return _judge_picture(found, wish) if role is Role.IMAGE else _judge_film(found, wish)


def achieved(mends: tuple[Mend, ...], before: Media, after: Media) -> tuple[Mend, ...]:
    """Return the mends with what only their outcome tells: which format, how many bytes."""
    known: dict[str, str] = {Change.CONVERTED: format_name(after.format), Change.COMPRESSED: megabytes(after.size)}
    done = tuple(replace(mend, after=known.get(mend.change, mend.after)) for mend in mends)
    if before.format == after.format or any(mend.change is Change.CONVERTED for mend in done):
        return done
    return (Mend(Change.CONVERTED, format_name(before.format), format_name(after.format)), *done)


def _judge_picture(found: Found, wish: Wish) -> Verdict:
    limits = LIMITS[Role.IMAGE]
    plan = geometry((found.media.width, found.media.height), limits, wish.fit)
    changes = (
        *_converted(limits, found),
        *_shown(found, plan),
        *([Mend(Change.FIRST_FRAME)] if found.moving else []),
        *([Mend(Change.FLATTENED, after="white")] if found.alpha else []),
        *([Mend(Change.COLOURS, found.colours, "8-bit RGB")] if found.colours else []),
        *_compressed(limits, found.bare),
        *([Mend(Change.CLEANED)] if found.unread else []),
    )
    notes = [Mend(Change.CLEANED)] if found.notes else []
    return Verdict(
        problems=_misshapen(Role.IMAGE, found.media, wish),
        mends=(*changes, *notes),
        plan=Plan(geometry=plan, recode=bool(changes)),
    )


def _judge_film(found: Found, wish: Wish) -> Verdict:
    limits, media = LIMITS[Role.VIDEO], found.media
    plan = geometry((media.width, media.height), limits, wish.fit, even=True)
    coded = (*_recoded(found),)
    looks = (*_shown(found, plan), *_coloured(found), *_compressed(limits, media.size))
    trails = limits.seconds is not None and found.rest > limits.seconds[1] + SECONDS_TOLERANCE
    anew = bool(coded or looks) or media.variable or media.codec == media.format or (trails and not _movable(found))
    start, seconds, problems = _part(limits, media, wish, anew=anew)
    cut = _cut(media, start, seconds, anew=anew)
    trimmed = [Mend(Change.TRIMMED)] if trails and not cut else []
    recode = anew or bool(cut)
    rate, steadied = _rate(found, recode=recode)
    mends = (*_converted(limits, found), *coded, *cut, *trimmed, *looks, *steadied)
    mute = [Mend(Change.SILENCED)] if media.sound and not found.voice and mends else []
    notes = [Mend(Change.CLEANED)] if found.notes else []
    kept = _whole_frames(limits, seconds, rate) if recode else seconds
    return Verdict(
        problems=(*problems, *_misshapen(Role.VIDEO, media, wish)),
        mends=(*mends, *mute, *notes),
        plan=Plan(geometry=plan, recode=recode, trim=bool(trimmed), start=start, seconds=kept, rate=rate),
    )


def _refused(role: Role, broken: Iterator[Unfit]) -> tuple[Problem, ...]:
    return tuple(unfit.problem(role) for unfit in broken)


def _misshapen(role: Role, media: Media, wish: Wish) -> tuple[Problem, ...]:
    if wish.fit is not Fit.NONE:
        return ()
    return _refused(role, shape_broken(LIMITS[role], media.width, media.height))


def _converted(limits: Limits, found: Found) -> Iterator[Mend]:
    if found.media.format not in limits.formats:
        yield Mend(Change.CONVERTED, format_name(found.media.format))


def _compressed(limits: Limits, size: int) -> Iterator[Mend]:
    if size > limits.size:
        yield Mend(Change.COMPRESSED, megabytes(size))


def _shown(found: Found, plan: Geometry) -> Iterator[Mend]:
    size = (found.media.width, found.media.height)
    if found.turn != 1:
        yield Mend(Change.TURNED)
    if plan.crop != size:
        yield Mend(Change.CROPPED, sides(*size), sides(*plan.crop))
    if not found.square:
        yield Mend(Change.SCALED, "oblong pixels", sides(*plan.scale))
    elif plan.scale != plan.crop:
        yield Mend(Change.SCALED, sides(*plan.crop), sides(*plan.scale))
    if plan.pad != plan.scale:
        yield Mend(Change.PADDED, sides(*plan.scale), sides(*plan.pad))


def _part(limits: Limits, media: Media, wish: Wish, *, anew: bool) -> tuple[float, float, tuple[Problem, ...]]:
    """Return where the wished part begins, how long it is, and what is wrong with it.

    ``anew``: the film is coded again in any case. What is written here keeps the bounds to the letter; the tolerance
    is for a film that somebody else cut and whose frames stay as they are coded.
    """
    shortest, longest = limits.seconds or (0.0, media.seconds)
    if wish.start > 0 and wish.start >= media.seconds:
        reach = f"0\N{EN DASH}{_seconds(media.seconds)}"
        return 0.0, 0.0, _refused(Role.VIDEO, iter([Unfit(Rule.PART, found=_seconds(wish.start), limit=reach)]))
    left = media.seconds - wish.start
    seconds = min(left, longest, wish.length or longest)
    near = left <= seconds + SECONDS_TOLERANCE and (left <= longest or wish.length is None)
    if wish.start == 0 and near and not anew:  # not worth touching the film
        return 0.0, left, _refused(Role.VIDEO, length_broken(limits, left))
    problems = _refused(Role.VIDEO, length_broken(limits, seconds))
    return wish.start, seconds if problems else max(seconds, min(left, shortest)), problems


def _cut(media: Media, start: float, seconds: float, *, anew: bool) -> list[Mend]:
    """Return the mend if less than the whole film is used; the last frame of one that is coded again is no news."""
    if media.seconds <= seconds + (SECONDS_TOLERANCE if anew and start == 0 else 0):
        return []
    return [Mend(Change.CUT, _seconds(media.seconds), _span(start, seconds))]


def _whole_frames(limits: Limits, seconds: float, rate: Fraction) -> float:
    """Return the nearest length of whole frames that keeps the bounds; the last frame may be held up to the lower one.

    A film of 1.95 s, which the tolerance lets in, is thereby sent as one of 2 s.
    """
    shortest, longest = limits.seconds or (0.0, seconds)
    frames = min(round(seconds * rate), math.floor(longest * rate + _HAIR))
    return float(max(frames, math.ceil(shortest * rate - _HAIR)) / rate)


def _movable(found: Found) -> bool:
    """Return whether the pictures can be taken over into an MP4: an AVI's have no times, and hidden ones would show."""
    return found.media.codec == "h264" and found.media.format != "avi" and not found.hidden


def _recoded(found: Found) -> Iterator[Mend]:
    codec = found.media.codec
    if codec == found.media.format:  # a GIF: that it is converted says it all
        return
    # Into MP4 only H.264 is taken over; the older ones stay where they are in a container that is taken.
    if codec not in CODECS_TAKEN or (codec != "h264" and found.media.format not in LIMITS[Role.VIDEO].formats):
        yield Mend(Change.RECODED, format_name(codec), format_name("h264"))


def _coloured(found: Found) -> Iterator[Mend]:
    if found.light:
        yield Mend(Change.TONE_MAPPED, "HDR" if found.media.hdr else "BT.2020", "SDR" if found.media.hdr else "BT.709")
    elif found.pixels not in PIXELS_TAKEN and found.media.codec != found.media.format:
        yield Mend(Change.COLOURS, found.colours, "8-bit 4:2:0")


def _rate(found: Found, *, recode: bool) -> tuple[Fraction, list[Mend]]:
    """Return the frames a second of the mended film, and the mend if that is another number than the film's own."""
    media = found.media
    wanted = found.beat if media.variable else media.fps
    if media.variable or (recode and not _FPS_MIN * 0.99 <= wanted <= FPS_MAX * 1.01):
        rate = even_rate(min(max(wanted, _FPS_MIN), FPS_MAX))
        before = "variable" if media.variable else f"{round(media.fps, 2):g} fps"
        return rate, [Mend(Change.STEADIED, before, f"{round(float(rate), 2):g} fps")]
    return even_rate(wanted), []


def even_rate(fps: float) -> Fraction:
    """Return the number of frames a second that was meant: 29.97 is 30000/1001."""
    for beat in _BEATS:
        for rate in (Fraction(beat), Fraction(beat * 1000, 1001)):
            if abs(fps / float(rate) - 1) < 0.0004:
                return rate
    return max(Fraction(fps).limit_denominator(1001), Fraction(1, 1001))


def _seconds(value: float) -> str:
    return f"{round(value, 1):g} s"


def _span(start: float, seconds: float) -> str:
    return f"{round(start, 1):g}\N{EN DASH}{_seconds(start + seconds)}"
