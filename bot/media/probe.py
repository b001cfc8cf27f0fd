"""Looking at a file before it is used, without opening it in this process."""

from __future__ import annotations

import asyncio
import math
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.errors import UserError
from bot.job import Media
from bot.media.child import ChildDied, ChildLimits, Children
from bot.media.limits import MENDABLE, Rule, Unfit, problems
from bot.order import Role

if TYPE_CHECKING:
    from collections.abc import Mapping

PROBE_LIMITS = ChildLimits()

_OPENED = frozenset(name for mendable in MENDABLE.values() for name in mendable.formats)


class Prober:
    """Says what a file is and whether it will do as it is. ``children`` are shared with whoever else opens files."""

    def __init__(self, *, children: Children | None = None, limits: ChildLimits = PROBE_LIMITS) -> None:
        self._children = children or Children()
        self._limits = limits

    async def probe(self, path: Path, role: Role) -> Media:
        """Return what an input is, opened from its beginning to its end and found to keep every limit.

        Raises ``UserError`` with every limit that it breaks, or the one reason for which it can't be opened, and
        ``FileNotFoundError`` when there is no such file. The file's name means nothing.
        """
        media = await self._open(path, role, thorough=True)
        if broken := problems(role, media):
            raise UserError(*broken)
        return media

    async def probe_result(self, path: Path) -> Media:
        """Return what a finished video is, however big or long; it must be a video whose first frame can be seen.

        Raises as ``probe`` does. Blemishes further on are let pass: the video is paid for.
        """
        return await self._open(path, Role.VIDEO, thorough=False)

    async def _open(self, path: Path, role: Role, *, thorough: bool) -> Media:
        request = {"action": "probe", "path": str(await child_path(path)), "role": role, "thorough": thorough}
        try:
            with tempfile.TemporaryDirectory(prefix="understudy-") as folder:
                answer = await self._children.run(request, folder=Path(folder), limits=self._limits)
            if "unfit" in answer:
                raise unfit_of(answer)
            return media_of(answer)
        except Unfit as unfit:
            raise UserError(unfit.problem(role)) from unfit
        except ChildDied as died:
            raise UserError(Unfit(died.rule).problem(role)) from died


async def child_path(path: Path) -> Path:
    """Return the path as a child needs it, which works elsewhere. Raises ``FileNotFoundError``."""
    return await asyncio.to_thread(path.resolve, strict=True)


def unfit_of(answer: Mapping[str, Any]) -> Unfit:
    """Return the one rule that ended a child's look. A child that a file took over may answer anything."""
    try:
        unfit = answer["unfit"]
        return Unfit(Rule(unfit["rule"]), found=str(unfit["found"])[:80], limit=str(unfit["limit"])[:80])
    except (LookupError, TypeError, ValueError) as error:
        raise ChildDied(Rule.CORRUPT, "a senseless answer") from error


def media_of(answer: Mapping[str, Any], name: str = "media") -> Media:
    """Return what a child found. A child that a file took over may answer anything."""
    try:
        found = answer[name]
        media = Media(
            format=str(found["format"]),
            size=int(found["size"]),
            width=int(found["width"]),
            height=int(found["height"]),
            seconds=float(found["seconds"]),
            fps=float(found["fps"]),
            sound=bool(found["sound"]),
            codec=str(found["codec"])[:32],
            hdr=bool(found["hdr"]),
            variable=bool(found["variable"]),
        )
    except (LookupError, TypeError, ValueError, OverflowError) as error:
        raise ChildDied(Rule.CORRUPT, "a senseless answer") from error
    if media.format not in _OPENED or not (math.isfinite(media.seconds) and math.isfinite(media.fps)):
        raise ChildDied(Rule.CORRUPT, "a senseless answer")
    return media
