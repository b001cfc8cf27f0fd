"""Making files fit, and results ready, at a safe distance: all of it happens in the child process."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.errors import UserError
from bot.failure import Problem
from bot.job import Media, Mend
from bot.media.child import ChildDied, ChildLimits, Children
from bot.media.limits import MB, Change, Rule, Unfit, Wish, problems
from bot.media.probe import child_path, media_of, unfit_of
from bot.order import Role

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    Progress = Callable[[int, int], None]

# Half a minute of 4K film with a wide range of light takes about two minutes of two cores.
MEND_LIMITS = ChildLimits(wall_seconds=900.0, cpu_seconds=1200, output_bytes=1 << 20, file_bytes=210 * MB)
FINISH_LIMITS = ChildLimits(wall_seconds=900.0, cpu_seconds=1200, output_bytes=1 << 20, file_bytes=1000 * MB)
SHOW_LIMITS = ChildLimits(cpu_seconds=60, file_bytes=20 * MB)

_TEXT = 80  # characters; what is told of a file is a few words
_SAID = 32  # problems or mends; there are fewer kinds of them


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """An input that fits. ``path`` is the file that was given, untouched, when nothing had to be mended."""

    path: Path
    media: Media
    original: Media
    mended: tuple[Mend, ...]

    @property
    def kept(self) -> bool:
        """True when the file fits as it came: nothing was written."""
        return not self.mended


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A result as it is posted. ``path`` is the file that was given, untouched, when it was ready as it came."""

    path: Path
    media: Media


class Preparer:
    """Prepares inputs, shows them, and finishes results. ``children`` are shared with whoever else opens files."""

    def __init__(self, *, children: Children | None = None, limits: ChildLimits | None = None) -> None:
        self._children = children or Children()
        self._limits = limits

    async def prepare(
        self, path: Path, role: Role, to: Path, *, wish: Wish | None = None, progress: Progress | None = None
    ) -> Prepared:
        """Return a file that keeps every limit: the one given if it does, else one made from it at ``to``.

        Raises ``UserError`` with every reason for which it can't be made to fit, and ``FileNotFoundError`` when there
        is no such file. ``to`` is written whole or not at all. Safe to repeat. ``progress`` counts a film's frames.
        """
        request = {"action": "prepare", "role": role, "wish": asdict(wish or Wish())}
        limits = self._limits or MEND_LIMITS
        async with self._answer(request, path, role, to, limits=limits, progress=progress) as (answer, made):
            original, media, mended = _prepared(answer, role)
            if not mended:
                return Prepared(path=path, media=media, original=original, mended=())
            await _keep(made, to)
            return Prepared(path=to, media=media, original=original, mended=mended)

    async def preview(self, path: Path, to: Path) -> None:
        """Write a small JPEG of a picture, upright, for a chat to show. Raises as ``prepare`` does."""
        await self._show(path, Role.IMAGE, to)

    async def sheet(self, path: Path, to: Path) -> None:
        """Write nine frames of a film with their times as one JPEG. Raises as ``prepare`` does."""
        await self._show(path, Role.VIDEO, to)

    async def finish(self, result: Path, reference: Path | None, to: Path) -> Finished:
        """Return the service's film as Slack plays it in its place, with the sound of ``reference`` if it has none.

        ``reference`` is the video as it was prepared. The pictures are taken over as they are coded, if they are
        H.264; nothing is written when the film is ready as it came. Raises ``UserError`` when it is no film.
        """
        lender = str(await child_path(reference)) if reference is not None else None
        request = {"action": "finish", "reference": lender}
        limits = self._limits or FINISH_LIMITS
        async with self._answer(request, result, Role.VIDEO, to, limits=limits) as (answer, made):
            media = media_of(answer)
            if answer.get("written") is not True:
                return Finished(path=result, media=media)
            await _keep(made, to)
            return Finished(path=to, media=media)

    async def _show(self, path: Path, role: Role, to: Path) -> None:
        request = {"action": "show", "role": role}
        async with self._answer(request, path, role, to, limits=self._limits or SHOW_LIMITS) as (answer, made):
            if answer.get("shown") is not True:
                raise ChildDied(Rule.CORRUPT, "a senseless answer")
            await _keep(made, to)

    @asynccontextmanager
    async def _answer(
        self,
        request: Mapping[str, Any],
        path: Path,
        role: Role,
        to: Path,
        *,
        limits: ChildLimits,
        progress: Progress | None = None,
    ) -> AsyncIterator[tuple[dict[str, Any], Path]]:
        """Give the child's answer and where it wrote. Nothing but ``to`` is left behind, nor from an earlier crash."""
        source, folder = str(await child_path(path)), await asyncio.to_thread(_fresh, to)
        made = folder / "made"
        whole = {**request, "path": source, "to": str(made.absolute())}
        try:
            answer = await self._children.run(whole, folder=folder, limits=limits, progress=progress)
            if "unfit" in answer:
                raise unfit_of(answer)
            yield answer, made
        except Unfit as unfit:
            raise UserError(unfit.problem(role)) from unfit
        except ChildDied as died:
            raise UserError(Unfit(died.rule).problem(role)) from died
        finally:
            await asyncio.shield(asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True))


def _fresh(to: Path) -> Path:
    """Return a folder that no other child ever had: one that outlived a killed bot may still be writing to its own."""
    prefix, suffix = f".{to.name}-", ".making"
    for left in to.parent.glob(f"{prefix}*{suffix}"):
        shutil.rmtree(left, ignore_errors=True)
    return Path(tempfile.mkdtemp(suffix, prefix, to.parent))


async def _keep(made: Path, to: Path) -> None:
    try:
        await asyncio.to_thread(os.replace, made, to)
    except FileNotFoundError as error:
        raise ChildDied(Rule.CORRUPT, "nothing was written") from error


def _prepared(answer: Mapping[str, Any], role: Role) -> tuple[Media, Media, tuple[Mend, ...]]:
    """Return what the answer tells, or raise its problems. A child that a file took over may answer anything."""
    try:
        if "problems" in answer:
            raise UserError(*(_problem(each, role) for each in answer["problems"][:_SAID]))
        mended = tuple(_mend(each) for each in answer["mends"][:_SAID])
        original, media = media_of(answer, "original"), media_of(answer)
    except (LookupError, TypeError, ValueError) as error:
        raise ChildDied(Rule.CORRUPT, "a senseless answer") from error
    if problems(role, media):
        raise ChildDied(Rule.CORRUPT, "a senseless answer")
    return original, media, mended


def _problem(told: Mapping[str, Any], role: Role) -> Problem:
    return Problem(role, Rule(told["rule"]), str(told["found"])[:_TEXT], str(told["limit"])[:_TEXT])


def _mend(told: Mapping[str, Any]) -> Mend:
    return Mend(Change(told["change"]), str(told["before"])[:_TEXT], str(told["after"])[:_TEXT])
