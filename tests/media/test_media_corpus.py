"""What becomes of good, odd and hostile files, and that none of them does any harm."""

from __future__ import annotations

import asyncio
import json
import pickle
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from media_corpus import EITHER, FITS, MENDED, NAMES, all_names
from turned import LONG

from bot.errors import UserError
from bot.media.limits import problems
from bot.media.prepare import Prepared, Preparer
from bot.order import Role

if TYPE_CHECKING:
    from media_corpus import Corpus, Specimen


def names(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}


async def outcome(preparer: Preparer, path: Path, role: Role, to: Path) -> tuple[str, Prepared | None]:
    try:
        prepared = await preparer.prepare(path, role, to)
    except UserError as refused:
        return " ".join(problem.rule for problem in refused.problems), None
    return (FITS if prepared.kept else MENDED), prepared


def expected(specimen: Specimen, got: str) -> bool:
    return specimen.becomes in {got, EITHER} or got in specimen.becomes.split()


def word(status: int, said: dict[str, Any]) -> str:
    """What a worker answered, in one word or some: as ``outcome`` tells it."""
    if "media" in said:
        return MENDED if said["mends"] else FITS
    if "problems" in said:
        return " ".join(problem["rule"] for problem in said["problems"])
    return str(said["unfit"]["rule"]) if "unfit" in said else f"no answer: {status}"


@pytest.mark.timeout(300)
def test_every_file_of_the_corpus_is_judged_as_it_should_and_harms_nothing(corpus: Corpus, tmp_path: Path) -> None:
    assert len({each.name for each in corpus.specimens}) == len(corpus.specimens) >= 60
    files = [(each.name, file_name(each), str(each.role), each.data) for each in corpus.specimens]
    (tmp_path / "corpus").write_bytes(pickle.dumps(files))
    (tmp_path / "home").mkdir()
    script = Path(__file__).parents[1] / "media_forks.py"
    command = [sys.executable, str(script), str(tmp_path / "corpus"), str(tmp_path / "home")]
    became = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    wrong = []
    for each in corpus.specimens:
        status, said, left, untouched = became[each.name]
        got = word(status, said)
        if not expected(each, got):
            wrong.append((each, got))
        assert untouched
        assert left in ([], ["made"], ["colours.cube", "made"])  # the folder goes as a whole
        assert (got == MENDED) <= ("made" in left)
        assert got != FITS or left == []
    assert wrong == []
    assert corpus.untouched()
    assert names(tmp_path) == {"corpus", "home"}
    assert names(tmp_path / "home") == set()


def file_name(specimen: Specimen) -> str:
    """The name under which its file lies: its own, if it was chosen for its letters."""
    return specimen.name if specimen.name in all_names() else "in"


REPRESENTATIVE = (
    "plain.heif",
    "place.jpeg",
    "turned-90.mp4",
    "three-gigapixels.png",
    "bomb-in-notes.png",
    "strip.png",
    "playlist-video-ff",
    "playlist-video-#E",
    "sound-only.mp4",
    "noise.mkv",
    NAMES[6],
    NAMES[8],
    NAMES[9],
)


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "whole", [False, pytest.param(True, marks=pytest.mark.skipif(not LONG, reason="LONG_TESTS=1"))]
)
async def test_through_the_bots_own_child_files_become_the_same_and_leave_nothing(
    whole: bool, corpus: Corpus, tmp_path: Path
) -> None:
    preparer, wrong = Preparer(), []

    async def check(number: int, each: Specimen) -> None:
        folder = tmp_path / str(number)
        folder.mkdir()
        path = folder / file_name(each)
        path.write_bytes(each.data)
        got, prepared = await outcome(preparer, path, each.role, folder / "made")
        if not expected(each, got):
            wrong.append((each, got))
        assert path.read_bytes() == each.data
        left = {path.name, "made"} if prepared is not None and not prepared.kept else {path.name}
        assert names(folder) == left
        if prepared is not None:
            assert problems(each.role, prepared.media) == ()
            assert prepared.path == (path if prepared.kept else folder / "made")
            assert prepared.path.stat().st_size == prepared.media.size
        shutil.rmtree(folder)

    chosen = [each for each in corpus.specimens if whole or each.name in REPRESENTATIVE]
    assert len(chosen) >= len(REPRESENTATIVE)
    await asyncio.gather(*(check(number, each) for number, each in enumerate(chosen)))
    assert wrong == []
    assert corpus.untouched()
    assert names(tmp_path) == set()
