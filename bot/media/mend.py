"""Looking at a file, and making it fit. Runs in the child process."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from bot.media.limits import MENDABLE, Rule, Unfit, size_broken
from bot.media.notes import bare, blank, erase
from bot.media.sniff import HEAD, admit, recognise
from bot.media.verdict import judge
from bot.order import Role

# Pillow and PyAV are loaded where they are needed: each takes longer to load than a file that fits takes to check.
if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from PIL import Image

    from bot.media.limits import Wish
    from bot.media.verdict import Found, Plan, Verdict

    Progress = Callable[[int, int], None]


def look(path: Path, role: Role, *, thorough: bool) -> Found:
    """Open the file for real and return what it is.

    Raises ``Unfit`` for one that cannot be opened or is not to be, and whatever a decoder raises for a damaged one.
    """
    kind = kind_of(path, role)
    if role is Role.IMAGE:
        from bot.media.picture import inspect_picture  # noqa: PLC0415 -- loads Pillow

        return inspect_picture(path, kind)
    from bot.media.video import inspect_video  # noqa: PLC0415 -- loads PyAV

    return inspect_video(path, kind, thorough=thorough)


def kind_of(path: Path, role: Role) -> str:
    """Return what the file is by its first bytes, or raise ``Unfit`` if nothing of that kind is opened for the role."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    if not head:
        raise Unfit(Rule.EMPTY)
    kind = recognise(head)
    admit(role, kind)
    for unfit in size_broken(path.stat().st_size, MENDABLE[role].size):
        raise unfit
    return kind


def prepare(path: Path, role: Role, wish: Wish, to: Path, progress: Progress) -> tuple[Found, Verdict]:
    """Judge the file and, if it must and can be mended, write what fits to ``to``. Raises as ``look`` does."""
    if role is Role.IMAGE:
        return _prepare_picture(path, wish, to)
    found = look(path, role, thorough=True)
    verdict = judge(role, found, wish)
    if not verdict.problems and not verdict.fits:
        _mend_film(path, found, verdict.plan, to, progress)
    return found, verdict


def _prepare_picture(path: Path, wish: Wish, to: Path) -> tuple[Found, Verdict]:
    from bot.media.picture import opened  # noqa: PLC0415 -- loads Pillow

    kind = kind_of(path, Role.IMAGE)
    with opened(path, kind) as (image, found):
        verdict = judge(Role.IMAGE, found, wish)
        if not verdict.problems and not verdict.fits:
            _mend_picture(image, path, found, verdict.plan, to)
    return found, verdict


def _mend_picture(image: Image.Image, path: Path, found: Found, plan: Plan, to: Path) -> None:
    if not plan.recode:
        to.write_bytes(bare(path.read_bytes(), found.media.format)[0])
        return
    from bot.media.develop import developed, save  # noqa: PLC0415 -- not needed for a picture that fits

    save(developed(image, plan.geometry, found.turn), to, was=found.media.format)


def _mend_film(path: Path, found: Found, plan: Plan, to: Path, progress: Progress) -> None:
    from bot.media.film import mend_film, place_packets  # noqa: PLC0415 -- not needed for a film that fits
    from bot.media.video import opened  # noqa: PLC0415 -- loads PyAV

    if not plan.recode and not plan.trim and found.media.format in {"mp4", "mov"}:
        shutil.copyfile(path, to)
        with opened(path, found.media.format) as source, to.open("r+b") as film:
            erase(film, place_packets(source))
            blank(film)
        return
    with opened(path, found.media.format) as source:
        mend_film(source, found, plan, to, progress)


def show(path: Path, role: Role, to: Path) -> None:
    """Write a picture of the file that any chat shows: the picture small, or the film's contact sheet."""
    kind = kind_of(path, role)
    if role is Role.IMAGE:
        from bot.media import develop, picture  # noqa: PLC0415 -- loads Pillow

        with picture.opened(path, kind) as (image, found):
            develop.preview(image, found.turn, to)
        return
    from bot.media.sheet import contact_sheet  # noqa: PLC0415 -- loads both
    from bot.media.video import inspect_video, opened  # noqa: PLC0415 -- loads PyAV

    found = inspect_video(path, kind, thorough=False)
    with opened(path, kind) as source:
        contact_sheet(source, found, to)


def finish(path: Path, reference: Path | None, to: Path) -> bool:
    """Write the service's film as it is to be posted, and return True; or False if it is ready as it is.

    A reference that cannot be opened, or is silent, lends no sound.
    """
    from bot.media.finish import finish_film, is_ready  # noqa: PLC0415 -- loads PyAV

    found = look(path, Role.VIDEO, thorough=False)
    lender = None
    if reference is not None and not (found.media.sound and found.voice):
        lender = _lender(reference)
    if lender is None and is_ready(path, found):
        return False
    finish_film((path, found), lender, to)
    return True


def _lender(reference: Path) -> tuple[Path, Found] | None:
    try:
        found = look(reference, Role.VIDEO, thorough=False)
    except Exception:  # noqa: BLE001 -- on hostile bytes the decoders raise anything; the film is paid for, sound or not
        return None
    return (reference, found) if found.media.sound and found.voice else None
